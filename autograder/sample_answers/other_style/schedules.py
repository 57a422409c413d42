"""Right answers to 04_schedules, by other words and in other orders."""

import numpy as np


def step_decay(t, lr0, milestones=(30, 60), factor=0.1):
    return lr0 * factor ** np.searchsorted(milestones, t, side="right")


def exponential_decay(t, lr0, k):
    return lr0 / np.exp(k * t)


def cosine_annealing(t, T, lr_max, lr_min=0.0):
    if not T > 0:
        raise ValueError("a period of " + str(T))
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * t / T) ** 2


def warm_restarts(t, T0, lr_max, lr_min=0.0, T_mult=1):
    if T0 <= 0 or T_mult < 1:
        raise ValueError("cycles must have a length, and must not shrink")
    starts, length = [0], T0
    while starts[-1] + length <= np.max(t, initial=0):
        starts.append(starts[-1] + length)
        length *= T_mult
    i = np.searchsorted(starts, t, side="right") - 1
    share = (t - np.take(starts, i)) / (T0 * T_mult**i)
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * share) ** 2


def warmup(t, warmup_steps, lr):
    return np.where(np.less(t, warmup_steps), lr / max(warmup_steps, 1) * t, lr)


def warmup_cosine(t, warmup_steps, T, lr_max, lr_min=0.0):
    if warmup_steps < 0 or warmup_steps >= T:
        raise ValueError("the warmup must end before T")
    share = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    down = lr_max - (lr_max - lr_min) * np.sin(np.pi / 2 * share) ** 2
    up = lr_max / warmup_steps * t if warmup_steps else np.inf
    return np.minimum(up, down)

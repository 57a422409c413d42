"""Right answers to 07_lookahead, by other words and in other orders."""

import numpy as np


def lookahead_sync(slow, fast, alpha=0.5):
    return np.add((1 - alpha) * slow, alpha * fast)


def lookahead(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    if not k >= 1:
        raise ValueError("there are no cycles of " + str(k) + " steps")
    path = np.empty((steps + 1, *theta0.shape), theta0.dtype)
    path[0] = theta0
    for i in range(steps):
        here = path[i].copy()
        path[i + 1], state = inner_step(here, grad_fn(here), state)
        if (i + 1) % k == 0:
            path[i + 1] = (1 - alpha) * path[i + 1 - k] + alpha * path[i + 1]
    return path, state


def swats_lr(p, grad):
    downhill = -np.vdot(p, grad)
    return np.vdot(p, p) / downhill if downhill != 0 else np.nan


def should_switch(gamma, lam, beta2, t, tol=1e-9):
    if t < 2:
        return False
    return -tol < lam / (1 - pow(beta2, t)) - gamma < tol

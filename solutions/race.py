"""Answers to the exercises of chapter 08_race."""

import numpy as np


def train(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    if max_norm is not None and max_norm <= 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.sqrt(np.sum(grad.astype(np.float64) ** 2)))
            if not np.isfinite(norm):
                raise ValueError(f"the gradient's norm is {norm} at step {t}")
            if norm > max_norm:
                grad = grad * (max_norm / norm)
        lr = float(schedule(t - 1))
        theta, state = step(theta, grad, state, t, lr)
        lrs.append(lr)
    return theta, state, np.array(lrs)


def steps_to_target(losses, target):
    for i, loss in enumerate(losses):
        if loss <= target:
            return i
    return None


def mean_and_sem(values, axis=0):
    count = np.shape(values)[axis]
    if count < 2:
        raise ValueError(f"a standard error needs two values or more, got {count}")
    sem = np.std(values, axis=axis, ddof=1) / np.sqrt(count)
    return np.mean(values, axis=axis), sem

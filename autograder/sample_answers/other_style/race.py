"""Right answers to 08_race, by other words and in other orders."""

import numpy as np


def train(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    if max_norm is not None and not max_norm > 0:
        raise ValueError("max_norm is not positive")
    rates = np.array([float(schedule(t)) for t in range(steps)])
    theta = theta0
    for t, lr in enumerate(rates.tolist(), start=1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.linalg.norm(grad.ravel()))
            if not np.isfinite(norm):
                raise ValueError("the gradient has no finite norm")
            grad = grad * min(1.0, max_norm / (norm + 1e-6))
        theta, state = step(theta, grad, state, t, lr)
    return theta, state, rates


def steps_to_target(losses, target):
    reached = np.flatnonzero(np.asarray(losses) <= target)
    return int(reached[0]) if reached.size else None


def mean_and_sem(values, axis=0):
    values = np.asarray(values)
    n = values.shape[axis]
    if not n > 1:
        raise ValueError("too few values")
    return values.mean(axis), np.sqrt(values.var(axis, ddof=1) / n)

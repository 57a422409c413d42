"""Right answers to the exercises of chapter 8, each in another style.

The part of a function's name before the double underscore is the exercise, the part
after it names the style.
"""

import math

import numpy as np

# train


def train__count_from_zero(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """The loop counts from 0, the step from 1."""
    if max_norm is not None and not max_norm > 0:
        raise ValueError("max_norm > 0")
    theta = theta0.copy()
    lrs = np.zeros(steps)
    for i in range(steps):
        lrs[i] = schedule(i)
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = np.linalg.norm(grad)
            if not np.isfinite(norm):
                raise ValueError("not finite")
            if norm > max_norm:
                grad = grad / float(norm) * max_norm
        theta, state = step(theta, grad, state, i + 1, float(lrs[i]))
    return theta, state, lrs


def train__rates_first(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """All rates are asked for before the loop."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError(max_norm)
    lrs = [float(schedule(t)) for t in range(steps)]
    theta = theta0
    for t, lr in enumerate(lrs, start=1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = math.sqrt(float((grad * grad).sum()))
            if math.isinf(norm) or math.isnan(norm):
                raise ValueError(norm)
            grad = grad * min(1.0, max_norm / norm if norm > 0 else 1.0)
        theta, state = step(theta, grad, state, t, lr)
    return theta, state, np.asarray(lrs)


def train__small_guard(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """A guard of 1e-8, as in Adam, and NumPy's minimum, made a Python float."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm must be positive")
    theta, rates = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = np.sqrt(np.sum(np.square(grad)))
            if not np.isfinite(norm):
                raise ValueError("the norm is not finite")
            grad = grad * float(np.minimum(1.0, max_norm / (norm + 1e-8)))
        rates.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, rates[-1])
    return theta, state, np.array(rates)


def train__as_pytorch_clips(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """A small number guards the division, as in PyTorch."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm must be positive")
    theta, rates = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.linalg.norm(grad.ravel()))
            if not math.isfinite(norm):
                raise ValueError("the norm is not finite")
            factor = max_norm / (norm + 1e-6)
            if factor < 1:
                grad = grad * factor
        rates.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, rates[-1])
    return theta, state, np.array(rates)


def train__inner_function(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """Clipping has a function of its own, for lists of arrays."""

    def clip_by_global_norm(grads, max_norm):
        norm = float(np.sqrt(sum(float(np.sum(g**2)) for g in grads)))
        if not np.isfinite(norm) or max_norm <= 0:
            raise ValueError("a finite norm and a positive limit")
        scale = 1.0 if norm <= max_norm else max_norm / norm
        return [g * scale for g in grads], norm

    theta, lrs = theta0, []
    t = 0
    while t < steps:
        grad = grad_fn(theta)
        if max_norm is not None:
            (grad,), _ = clip_by_global_norm([grad], max_norm)
        lr = float(schedule(t))
        t += 1
        theta, state = step(theta, grad, state, t, lr)
        lrs.append(lr)
    return theta, state, np.array(lrs)


def train__preallocated(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """Rates from np.fromiter, weights copied at each step."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm is not positive")
    lrs = np.fromiter((schedule(t) for t in range(steps)), float, steps)
    theta = np.array(theta0)
    for t in range(steps):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.sum(np.abs(grad) ** 2)) ** 0.5
            if norm != norm or norm == float("inf"):
                raise ValueError("the gradient exploded")
            grad = grad * (max_norm / norm) if norm > max_norm else grad
        theta, state = step(theta, grad, state, t + 1, lrs[t].item())
    return theta, state, lrs


# steps_to_target


def steps_to_target__argmax(losses, target):
    """The first True of an array, if there is one."""
    reached = np.asarray(losses) <= target
    return int(np.argmax(reached)) if np.any(reached) else None


def steps_to_target__nonzero(losses, target):
    """The indices of all that reach it, and the first of them."""
    where = np.flatnonzero(np.array(losses) <= target)
    return where[0] if where.size else None


def steps_to_target__next(losses, target):
    """A generator that is asked once."""
    return next((i for i, loss in enumerate(losses) if loss <= target), None)


def steps_to_target__while(losses, target):
    """A loop that stops itself."""
    i = 0
    while i < len(losses) and losses[i] > target:
        i += 1
    return i if i < len(losses) else None


def steps_to_target__running_minimum(losses, target):
    """The lowest loss so far has reached it or not."""
    best = np.minimum.accumulate(np.asarray(losses, dtype=float))
    count = int(np.searchsorted(-best, -float(target)))
    return count if count < len(best) else None


# mean_and_sem


def mean_and_sem__methods(values, axis=0):
    """The array's own methods."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError("n < 2")
    return values.mean(axis), values.std(axis, ddof=1) / n**0.5


def mean_and_sem__variance(values, axis=0):
    """The root of the variance of the mean."""
    values = np.asarray(values)
    if values.shape[axis] <= 1:
        raise ValueError("two or more are needed")
    variance = np.var(values, axis=axis, ddof=1) / values.shape[axis]
    return values.mean(axis=axis), np.sqrt(variance)


def mean_and_sem__by_hand(values, axis=0):
    """Sums, and squares of the differences from the mean."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError(n)
    mean = np.sum(values, axis=axis) / n
    squares = np.sum((values - np.expand_dims(mean, axis)) ** 2, axis=axis)
    return mean, np.sqrt(squares / (n - 1) / n)


def mean_and_sem__moved(values, axis=0):
    """The axis moved to the front."""
    rows = np.moveaxis(values, axis, 0)
    n = len(rows)
    if n < 2:
        raise ValueError("a single value has no spread")
    mean = np.mean(rows, axis=0)
    return mean, np.sqrt(((rows - mean) ** 2).sum(axis=0) / (n * (n - 1)))

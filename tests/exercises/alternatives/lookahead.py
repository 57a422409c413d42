"""Right answers to the exercises of chapter 7, each in another style.

The part of a function's name before the double underscore is the exercise, the part
after it names the style.
"""

import math

import numpy as np

# lookahead_sync


def lookahead_sync__average(slow, fast, alpha=0.5):
    """A weighted mean of both."""
    return (1 - alpha) * slow + alpha * fast


def lookahead_sync__in_place_on_a_copy(slow, fast, alpha=0.5):
    """Augmented assignment on a copy."""
    slow = slow.copy()
    slow += alpha * (fast - slow)
    return slow


def lookahead_sync__named_operations(slow, fast, alpha=0.5):
    """NumPy's functions for every operation."""
    return np.add(slow, np.multiply(np.subtract(fast, slow), alpha))


def lookahead_sync__back_from_fast(slow, fast, alpha=0.5):
    """From the fast weights the rest of the way back."""
    return fast - (1 - alpha) * (fast - slow)


def lookahead_sync__expanded(slow, fast, alpha=0.5):
    """All terms multiplied out."""
    return slow + alpha * fast - alpha * slow


# lookahead


def lookahead__filled_array(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """The rows go into an array made beforehand."""
    if k < 1:
        raise ValueError("k >= 1")
    trajectory = np.empty((steps + 1, *theta0.shape), dtype=theta0.dtype)
    trajectory[0] = theta0
    slow, fast = theta0.copy(), theta0.copy()
    for i in range(steps):
        grad = grad_fn(fast)
        fast, state = inner_step(fast, grad, state)
        if (i + 1) % k == 0:
            slow = slow + alpha * (fast - slow)
            fast = slow.copy()
        trajectory[i + 1] = fast
    return trajectory, state


def lookahead__counter(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """Counts the fast steps of a cycle and starts again at zero."""
    if not k >= 1:
        raise ValueError(f"k = {k}")
    rows, theta, slow, done = [np.array(theta0)], np.array(theta0), theta0, 0
    while len(rows) <= steps:
        theta, state = inner_step(theta, grad_fn(theta), state)
        done += 1
        if done == k:
            theta = slow = (1 - alpha) * slow + alpha * theta
            done = 0
        rows.append(np.array(theta))
    return np.array(rows), state


def lookahead__cycles(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """Two loops, one over cycles and one inside each."""
    if k <= 0:
        raise ValueError("a cycle has one step or more")
    rows = [theta0]
    slow = theta0
    for begin in range(0, steps, k):
        fast = slow
        for _ in range(min(k, steps - begin)):
            fast, state = inner_step(fast, grad_fn(fast), state)
            rows.append(fast)
        if len(rows) == begin + k + 1:
            slow = slow + alpha * (fast - slow)
            rows[-1] = slow
    return np.stack(rows), state


def lookahead__start_of_cycle(
    inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5
):
    """The slow weights are read off the trajectory, k rows back."""
    if k < 1:
        raise ValueError
    path = np.zeros((steps + 1, *np.shape(theta0)), np.asarray(theta0).dtype)
    path[0] = theta0
    for i in range(1, steps + 1):
        path[i], state = inner_step(path[i - 1], grad_fn(path[i - 1]), state)
        if i % k == 0:
            path[i] = path[i - k] + alpha * (path[i] - path[i - k])
    return path, state


def lookahead__generator(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    """An inner function that changes what the outer one holds."""
    if k < 1:
        raise ValueError("k counts from 1")
    slow = fast = theta0

    def advance(i):
        nonlocal slow, fast, state
        fast, state = inner_step(fast, grad_fn(fast), state)
        if not (i + 1) % k:
            slow = fast = lookahead_sync__average(slow, fast, alpha)
        return fast

    return np.stack([theta0] + [advance(i) for i in range(steps)]), state


# swats_lr


def swats_lr__dot_of_flat(p, grad):
    """Dot products of the flattened arrays."""
    p, grad = np.ravel(p), np.ravel(grad)
    pg = np.dot(p, grad)
    return np.dot(p, p) / -pg if pg != 0 else np.nan


def swats_lr__vdot(p, grad):
    """np.vdot flattens by itself."""
    along = np.vdot(p, grad)
    if along == 0:
        return np.nan
    return -np.vdot(p, p) / along


def swats_lr__norm(p, grad):
    """The squared norm of the step, and a sum of products."""
    down = -(p * grad).sum()
    return float(np.linalg.norm(p.ravel()) ** 2 / down) if down else math.nan


def swats_lr__division_by_zero(p, grad):
    """Divides first; where the denominator is zero, that is mended."""
    pp, pg = float(np.sum(p**2)), float(np.sum(np.multiply(p, grad)))
    try:
        return pp / -pg
    except ZeroDivisionError:
        return float("nan")


def swats_lr__einsum(p, grad):
    """Sums over all indices."""
    p, grad = p.reshape(-1), grad.reshape(-1)
    along = np.einsum("i,i->", p, grad)
    return np.nan if along == 0 else np.einsum("i,i->", p, p) / (-along)


# should_switch


def should_switch__steps(gamma, lam, beta2, t, tol=1e-9):
    """One thing at a time."""
    if t <= 1:
        return False
    corrected = lam / (1 - beta2**t)
    return abs(corrected - gamma) < tol


def should_switch__numpy_bool(gamma, lam, beta2, t, tol=1e-9):
    """NumPy's absolute value and bool."""
    return np.logical_and(t > 1, np.abs(gamma - lam / (1 - np.power(beta2, t))) < tol)


def should_switch__interval(gamma, lam, beta2, t, tol=1e-9):
    """A chain of comparisons instead of the absolute value."""
    difference = lam / (1.0 - pow(beta2, t)) - gamma
    return bool(-tol < difference < tol and t > 1)


def should_switch__not(gamma, lam, beta2, t, tol=1e-9):
    """By what speaks against it."""
    return not (t < 2 or abs(lam / (1 - beta2**t) - gamma) >= tol)


def should_switch__ratio(gamma, lam, beta2, t, tol=1e-9):
    """A correction factor, and a product of two truths."""
    factor = 1 / (1 - beta2**t)
    return (t > 1) & (abs(factor * lam - gamma) < tol)

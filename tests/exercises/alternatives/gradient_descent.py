"""Right answers to the exercises of chapter 1, each in another style.

The part of a function's name before the double underscore says which exercise it
answers, the part after it names the style.
"""

from itertools import accumulate

import numpy as np

# sgd_step


def sgd_step__one_line(theta, grad, lr):
    """The formula as it is printed."""
    return theta - lr * grad


def sgd_step__negative_step(theta, grad, lr):
    """The step first, with its sign, then added."""
    step = -lr * grad
    return theta + step


def sgd_step__function_calls(theta, grad, lr):
    """NumPy functions only."""
    return np.subtract(theta, np.multiply(grad, lr))


def sgd_step__in_place_on_a_copy(theta, grad, lr):
    """Augmented assignment on a copy."""
    theta = np.array(theta)
    theta -= lr * grad
    return theta


def sgd_step__out_argument(theta, grad, lr):
    """One new array, filled in two operations."""
    new = np.empty_like(theta)
    np.multiply(grad, -lr, out=new)
    return np.add(new, theta, out=new)


def sgd_step__scalar_loop(theta, grad, lr):
    """A loop over the flattened elements."""
    new = np.array(theta)
    for i in range(new.size):
        new.flat[i] = theta.flat[i] - lr * grad.flat[i]
    return new


def sgd_step__double_inside(theta, grad, lr):
    """Computed in float64, and rounded once to the dtype of theta."""
    wide = np.asarray(theta, dtype=np.float64) - lr * np.asarray(grad, dtype=np.float64)
    return wide.astype(theta.dtype)


# momentum_step


def momentum_step__two_lines(theta, grad, buf, lr, mu=0.9):
    """The two formulas as they are printed."""
    buf = mu * buf + grad
    theta = theta - lr * buf
    return theta, buf


def momentum_step__split_step(theta, grad, buf, lr, mu=0.9):
    """Old and new part of the step apart."""
    return theta - lr * mu * buf - lr * grad, grad + buf * mu


def momentum_step__velocity(theta, grad, buf, lr, mu=0.9):
    """The textbooks' velocity, translated to the buffer of this form."""
    velocity = mu * (-lr * buf) - lr * grad
    return theta + velocity, mu * buf + grad


def momentum_step__through_the_average(theta, grad, buf, lr, mu=0.9):
    """The buffer moves from its old value by what it loses and gains."""
    change = grad - (1 - mu) * buf
    buf_new = buf + change
    return theta - lr * buf_new, buf_new


def momentum_step__in_place_on_copies(theta, grad, buf, lr, mu=0.9):
    """Augmented assignments, all of them on copies."""
    theta, buf = theta.copy(), buf.copy()
    buf *= mu
    buf += grad
    theta -= lr * buf
    return theta, buf


def momentum_step__function_calls(theta, grad, buf, lr, mu=0.9):
    """NumPy functions only."""
    buf_new = np.add(np.multiply(mu, buf), grad)
    return np.subtract(theta, np.multiply(lr, buf_new)), buf_new


def momentum_step__out_arguments(theta, grad, buf, lr, mu=0.9):
    """Two new arrays, filled step by step by means of `out=`."""
    buf_new, theta_new = np.empty_like(buf), np.empty_like(theta)
    np.multiply(buf, mu, out=buf_new)
    np.add(buf_new, grad, out=buf_new)
    np.multiply(buf_new, lr, out=theta_new)
    np.subtract(theta, theta_new, out=theta_new)
    return theta_new, buf_new


def momentum_step__lists_inside(theta, grad, buf, lr, mu=0.9):
    """List comprehensions inside, arrays of the old shape and dtype outside."""
    pairs = zip(grad.ravel().tolist(), buf.ravel().tolist(), strict=True)
    kept = [mu * b + g for g, b in pairs]
    moved = [w - lr * b for w, b in zip(theta.ravel().tolist(), kept, strict=True)]

    def like(values, old):
        return np.array(values, dtype=old.dtype).reshape(old.shape)

    return like(moved, theta), like(kept, buf)


# gradient_descent


def gradient_descent__filled_array(grad_fn, theta0, lr, steps):
    """An array made beforehand and filled row by row."""
    path = np.empty((steps + 1, *theta0.shape), dtype=theta0.dtype)
    path[0] = theta0
    for t in range(1, steps + 1):
        path[t] = path[t - 1] - lr * grad_fn(path[t - 1])
    return path


def gradient_descent__list_of_copies(grad_fn, theta0, lr, steps):
    """A list that grows, made an array at the end."""
    theta = theta0.copy()
    rows = [theta.copy()]
    for _ in range(steps):
        theta = theta - lr * grad_fn(theta)
        rows.append(theta.copy())
    return np.array(rows)


def gradient_descent__list_of_new_arrays(grad_fn, theta0, lr, steps):
    """No copy is needed where each step makes a new array."""
    rows = [theta0]
    while len(rows) < steps + 1:
        rows.append(rows[-1] - lr * grad_fn(rows[-1]))
    return np.stack(rows)


def gradient_descent__in_place_on_a_copy(grad_fn, theta0, lr, steps):
    """One working copy, changed in place; the rows are copies of it."""
    theta = np.array(theta0)
    rows = [np.array(theta)]
    for _ in range(steps):
        theta -= lr * grad_fn(theta)
        rows.append(np.array(theta))
    return np.asarray(rows)


def gradient_descent__recursive(grad_fn, theta0, lr, steps):
    """The start, and the descent from the point after it."""
    head = theta0[np.newaxis]
    if steps == 0:
        return head.copy()
    after = np.asarray(theta0 - lr * grad_fn(theta0))
    rest = gradient_descent__recursive(grad_fn, after, lr, steps - 1)
    return np.concatenate([head, rest])


def gradient_descent__accumulated(grad_fn, theta0, lr, steps):
    """A fold from the standard library, which keeps what it passes through."""

    def step(theta, _):
        return theta - lr * grad_fn(theta)

    return np.array(list(accumulate(range(steps), step, initial=theta0)))


def gradient_descent__one_gradient_more(grad_fn, theta0, lr, steps):
    """The gradient of the next step is fetched at the end of each: one too many."""
    path = np.tile(theta0, (steps + 1,) + (1,) * theta0.ndim)
    grad = grad_fn(theta0)
    for t in range(steps):
        path[t + 1] = path[t] - lr * grad
        grad = grad_fn(path[t + 1])
    return path


def gradient_descent__local_step(grad_fn, theta0, lr, steps):
    """A step function of its own, and the gradient scaled in place."""

    def step(theta):
        grad = np.array(grad_fn(theta))
        grad *= lr
        return theta - grad

    path = np.zeros((steps + 1, *theta0.shape), theta0.dtype)
    path[0] = theta0
    for before, after in zip(range(steps), range(1, steps + 1), strict=True):
        path[after] = step(path[before])
    return path


def gradient_descent__double_inside(grad_fn, theta0, lr, steps):
    """Computed in float64, and rounded once to the dtype of theta0."""
    theta = theta0.astype(np.float64)
    rows = [theta]
    for _ in range(steps):
        theta = np.asarray(theta - lr * grad_fn(theta))
        rows.append(theta)
    return np.array(rows).astype(theta0.dtype)

"""Right answers to the exercises of chapter 2, each in another style.

Every function is a correct `rmsprop_step` or `effective_lr`: the part of its name
before the double underscore says which, the part after it names the style.
"""

import math

import numpy as np

# rmsprop_step


def rmsprop_step__two_lines(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """The formula as it is printed, with the argument's name used again."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__moved_towards_the_square(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """The average moves a part of the way from the old value to the new square."""
    v_new = v + (1 - beta) * (grad * grad - v)
    step = lr * grad / np.sqrt(v_new + eps)
    return theta - step, v_new


def rmsprop_step__in_place_on_copies(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """Augmented assignments, all of them on copies."""
    theta, v = theta.copy(), v.copy()
    v *= beta
    v += (1 - beta) * np.square(grad)
    theta -= lr * grad / np.sqrt(v + eps)
    return theta, v


def rmsprop_step__function_calls(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """Every operation is a NumPy function; no arithmetic operator on an array."""
    kept = np.multiply(beta, v)
    fresh = np.multiply(1 - beta, np.power(grad, 2))
    v_new = np.add(kept, fresh)
    step = np.divide(np.multiply(lr, grad), np.sqrt(np.add(v_new, eps)))
    return np.subtract(theta, step), v_new


def rmsprop_step__out_arguments(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """Two new arrays, filled step by step by means of `out=`."""
    v_new = np.empty_like(v)
    theta_new = np.empty_like(theta)
    np.square(grad, out=v_new)
    np.multiply(v_new, 1 - beta, out=v_new)
    np.add(v_new, beta * v, out=v_new)
    np.add(v_new, eps, out=theta_new)
    np.sqrt(theta_new, out=theta_new)
    np.divide(grad, theta_new, out=theta_new)
    np.multiply(theta_new, -lr, out=theta_new)
    np.add(theta_new, theta, out=theta_new)
    return theta_new, v_new


def rmsprop_step__half_power(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """A power of minus one half in place of root and division."""
    mean_square = beta * v + (1 - beta) * grad**2
    return theta - lr * grad * (mean_square + eps) ** -0.5, mean_square


def rmsprop_step__rate_first(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """A nested function for the rate of each parameter, which scales the gradient."""

    def rate(mean_square):
        return lr / np.sqrt(mean_square + eps)

    v_new = beta * v + (1 - beta) * grad**2
    return theta - rate(v_new) * grad, v_new


def rmsprop_step__scalar_loop(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """A loop over the flattened elements, with `math.sqrt` for one at a time."""
    theta_new, v_new = np.array(theta), np.array(v)
    for i in range(theta_new.size):
        g = float(grad.flat[i])
        mean_square = beta * float(v.flat[i]) + (1 - beta) * g * g
        v_new.flat[i] = mean_square
        theta_new.flat[i] -= lr * g / math.sqrt(mean_square + eps)
    return theta_new, v_new


def rmsprop_step__lists_inside(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """List comprehensions inside, arrays of the old shape and dtype outside."""
    squares = [
        beta * s + (1 - beta) * g**2
        for g, s in zip(grad.ravel().tolist(), v.ravel().tolist(), strict=True)
    ]
    weights = [
        w - lr * g / (s + eps) ** 0.5
        for w, g, s in zip(
            theta.ravel().tolist(), grad.ravel().tolist(), squares, strict=True
        )
    ]

    def like(values, old):
        return np.array(values, dtype=old.dtype).reshape(old.shape)

    return like(weights, theta), like(squares, v)


def rmsprop_step__double_inside(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """Computed in float64 on purpose, and rounded once to the dtype of theta."""
    wide_grad = np.asarray(grad, dtype=np.float64)
    wide_v = beta * np.asarray(v, dtype=np.float64) + (1 - beta) * wide_grad**2
    wide_theta = theta - lr * wide_grad / np.sqrt(wide_v + eps)
    return wide_theta.astype(theta.dtype), wide_v.astype(v.dtype)


def rmsprop_step__hypotenuse(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """The root of a sum, written as a hypotenuse."""
    v_new = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.hypot(np.sqrt(v_new), math.sqrt(eps)), v_new


def rmsprop_step__vectorised_scalar(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """A function of plain numbers, carried over to arrays by `np.vectorize`."""

    def one(w, g, s):
        s = beta * s + (1 - beta) * g * g
        return w - lr * g / math.sqrt(s + eps), s

    each = np.vectorize(one, otypes=[theta.dtype, v.dtype])
    return each(theta, grad, v)


# effective_lr


def effective_lr__one_line(v, lr=1e-3, eps=1e-8):
    """The formula as it is printed."""
    return lr / np.sqrt(v + eps)


def effective_lr__half_power(v, lr=1e-3, eps=1e-8):
    """A power of minus one half in place of root and division."""
    return lr * (v + eps) ** -0.5


def effective_lr__function_calls(v, lr=1e-3, eps=1e-8):
    """NumPy functions only, with the reciprocal of the root."""
    return np.multiply(np.reciprocal(np.sqrt(np.add(v, eps))), lr)


def effective_lr__out_arguments(v, lr=1e-3, eps=1e-8):
    """One new array, worked on in place."""
    rate = np.array(v)
    rate += eps
    np.sqrt(rate, out=rate)
    return np.divide(lr, rate, out=rate)


def effective_lr__filled_array(v, lr=1e-3, eps=1e-8):
    """An array full of the rate, divided by the root."""
    return np.full_like(v, lr) / np.sqrt(v + eps)


def effective_lr__scalar_loop(v, lr=1e-3, eps=1e-8):
    """A loop over the flattened elements, with `math.sqrt` for one at a time."""
    rate = np.empty_like(v)
    for i, mean_square in enumerate(v.flat):
        rate.flat[i] = lr / math.sqrt(mean_square + eps)
    return rate

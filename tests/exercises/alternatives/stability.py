"""Right answers to the exercises of chapter 5, each in another style.

The part of a function's name before the double underscore is the exercise, the part
after it names the style.
"""

import copy
import math

import numpy as np

# clip_by_value


def clip_by_value__minimum_and_maximum(grads, limit):
    """Both bounds one after the other."""
    if limit < 0:
        raise ValueError("the limit is negative")
    return [np.minimum(np.maximum(grad, -limit), limit) for grad in grads]


def clip_by_value__in_place_on_copies(grads, limit):
    """A deep copy of the list, clipped with `out=`, as in a well-known course."""
    if not limit >= 0:
        raise ValueError(f"limit = {limit}")
    clipped = copy.deepcopy(grads)
    for grad in clipped:
        np.clip(grad, -limit, limit, out=grad)
    return clipped


def clip_by_value__masks(grads, limit):
    """Boolean masks on copies, for 0-d arrays too."""
    if limit < 0:
        raise ValueError(limit)
    result = []
    for grad in grads:
        new = np.array(grad)
        new[new > limit] = limit
        new[new < -limit] = -limit
        result.append(new)
    return result


def clip_by_value__where(grads, limit):
    """Nested choices, collected in a tuple."""
    if limit < 0:
        raise ValueError("clip to an interval that is not empty")
    return tuple(
        np.where(g > limit, g.dtype.type(limit), np.where(g < -limit, -limit, g))
        for g in grads
    )


def clip_by_value__sign_times_size(grads, limit):
    """Sign and size apart; the check at the end."""
    clipped = [np.sign(g) * np.minimum(np.abs(g), limit) for g in grads]
    if limit < 0:
        raise ValueError("limit < 0")
    return clipped


def clip_by_value__map(grads, limit):
    """A mapped method, made a list."""
    if limit < 0:
        raise ValueError("negative limit")

    def clip(grad):
        return grad.clip(min=-limit, max=limit)

    return list(map(clip, grads))


# global_norm


def global_norm__numpy_number(grads):
    """Squares summed in a loop; the root is a NumPy number."""
    total = 0
    for grad in grads:
        total += np.sum(grad**2)
    return np.sqrt(total)


def global_norm__math_root(grads):
    """A generator, and the root of the math module."""
    return math.sqrt(sum((grad * grad).sum() for grad in grads))


def global_norm__norm_of_norms(grads):
    """PyTorch's way: the norm of the arrays' norms."""
    return float(np.linalg.norm([np.linalg.norm(grad) for grad in grads]))


def global_norm__joined(grads):
    """One long vector; an empty list is treated apart."""
    if len(grads) == 0:
        return 0.0
    return np.linalg.norm(np.concatenate([np.ravel(grad) for grad in grads]))


def global_norm__dot_products(grads):
    """Dot products of the flattened arrays, to the power one half."""
    return sum(float(np.dot(g.ravel(), g.ravel())) for g in grads) ** 0.5


def global_norm__double_inside(grads):
    """Summed in float64 whatever comes in."""
    squares = [np.sum(np.square(g, dtype=np.float64)) for g in grads]
    return float(np.sqrt(np.sum(squares)))


def global_norm__pairwise_hypot(grads):
    """One array after the other, by the theorem of Pythagoras."""
    length = 0.0
    for grad in grads:
        length = math.hypot(length, np.linalg.norm(grad))
    return length


# clip_by_global_norm


def clip_by_global_norm__branch(grads, max_norm):
    """Two cases; the arrays themselves come back where nothing changes."""
    if max_norm <= 0:
        raise ValueError("max_norm must be positive")
    norm = global_norm__math_root(grads)
    if math.isinf(norm) or math.isnan(norm):
        raise ValueError("the norm is not finite")
    if norm <= max_norm:
        return grads, norm
    return [grad * (max_norm / norm) for grad in grads], norm


def clip_by_global_norm__pytorch(grads, max_norm):
    """PyTorch's guard of 1e-6, and a factor of at most 1."""
    if not max_norm > 0:
        raise ValueError(f"max_norm={max_norm}")
    norm = global_norm__norm_of_norms(grads)
    if not np.isfinite(norm):
        raise ValueError(f"norm={norm}")
    factor = min(max_norm / (norm + 1e-6), 1.0)
    return [factor * grad for grad in grads], norm


def clip_by_global_norm__small_guard(grads, max_norm):
    """A guard of 1e-8, and NumPy's minimum, made a Python float."""
    norm = float(global_norm__numpy_number(grads))
    if not np.isfinite(norm) or max_norm <= 0:
        raise ValueError("nothing to clip by")
    factor = float(np.minimum(1.0, max_norm / (norm + 1e-8)))
    return tuple(grad * factor for grad in grads), norm


def clip_by_global_norm__from_scratch_book(grads, max_norm):
    """The rate, the guard and the loop of a well-known book, on copies."""
    if max_norm <= 0:
        raise ValueError("max_norm <= 0")
    total_norm = 0
    for grad in grads:
        total_norm += np.sum(grad**2)
    total_norm = np.sqrt(total_norm)
    if not np.isfinite(total_norm):
        raise ValueError("not finite")
    grads = [np.array(grad) for grad in grads]
    rate = max_norm / (total_norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate
    return grads, total_norm


def clip_by_global_norm__divided(grads, max_norm):
    """Optax's order: to length one, then to max_norm; a list as the result."""
    if max_norm <= 0:
        raise ValueError("max_norm")
    norm = float(global_norm__joined(grads))
    if norm != norm or norm in (math.inf, -math.inf):
        raise ValueError("norm")
    if norm < max_norm:
        return [list(grads), norm]
    return [[(grad / norm) * max_norm for grad in grads], norm]


def clip_by_global_norm__larger_divides(grads, max_norm):
    """TensorFlow's form, without a branch."""
    norm = global_norm__double_inside(grads)
    if max_norm <= 0 or not math.isfinite(norm):
        raise ValueError((max_norm, norm))
    return [g * max_norm / max(norm, max_norm) for g in grads], np.float64(norm)


def clip_by_global_norm__smaller_inverse(grads, max_norm):
    """The smaller of two inverses; no division where the norm is zero."""
    if max_norm <= 0:
        raise ValueError(max_norm)
    norm = global_norm__dot_products(grads)
    if not np.isfinite(norm):
        raise ValueError(norm)
    if norm == 0:
        return [g.copy() for g in grads], 0.0
    scale = max_norm * min(1 / norm, 1 / max_norm)
    return [np.multiply(g, scale) for g in grads], norm


# l2_gradient


def l2_gradient__plain(grad, theta, weight_decay):
    """As it is printed."""
    return grad + weight_decay * theta


def l2_gradient__in_place_on_a_copy(grad, theta, weight_decay):
    """Augmented assignment on a copy."""
    total = np.array(grad)
    total += weight_decay * theta
    return total


def l2_gradient__function_calls(grad, theta, weight_decay):
    """NumPy's functions in place of the operators."""
    return np.add(grad, np.multiply(theta, weight_decay))


def l2_gradient__two_halves(grad, theta, weight_decay):
    """The half of the penalty and the two of the derivative, both written out."""
    penalty_gradient = (weight_decay / 2) * (2 * theta)
    return grad + penalty_gradient


def l2_gradient__minus_minus(grad, theta, weight_decay):
    """The shrinking of the weights, taken back from the gradient."""
    shrinking = -weight_decay * theta
    return grad - shrinking


def l2_gradient__out_argument(grad, theta, weight_decay):
    """One new array, filled twice."""
    total = np.empty_like(grad)
    np.multiply(theta, weight_decay, out=total)
    np.add(total, grad, out=total)
    return total


# adamw_step


def adamw_step__decay_first(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """PyTorch's order: the weights shrink, then move."""
    theta = theta * (1 - lr * weight_decay)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_step__in_one_bracket(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """Both parts in one bracket, scaled by the rate."""
    new_m = beta1 * m + (1 - beta1) * grad
    new_v = beta2 * v + (1 - beta2) * (grad * grad)
    update = (new_m / (1 - beta1**t)) / ((new_v / (1 - beta2**t)) ** 0.5 + eps)
    return theta - lr * (update + weight_decay * theta), new_m, new_v


def adamw_step__adam_with_a_helper(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """Adam in a nested function, the decay after it, of the old weights."""

    def adam_step(theta, m, v):
        m = m + (1 - beta1) * (grad - m)
        v = v + (1 - beta2) * (grad**2 - v)
        scale = lr / (1 - beta1**t)
        return theta - scale * m / (np.sqrt(v / (1 - beta2**t)) + eps), m, v

    after, m, v = adam_step(theta, m, v)
    return after - lr * weight_decay * theta, m, v


def adamw_step__in_place_on_copies(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """Augmented assignments, all of them on copies."""
    theta, m, v = np.array(theta), np.array(m), np.array(v)
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad * grad
    theta *= 1 - lr * weight_decay
    theta -= lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta, m, v


def adamw_step__function_calls(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """Every operation is a NumPy function; the powers are those of `math`."""
    m_new = np.add(np.multiply(beta1, m), np.multiply(1 - beta1, grad))
    v_new = np.add(np.multiply(beta2, v), np.multiply(1 - beta2, np.square(grad)))
    m_hat = np.divide(m_new, 1 - math.pow(beta1, t))
    v_hat = np.divide(v_new, 1 - math.pow(beta2, t))
    ratio = np.divide(m_hat, np.add(np.sqrt(v_hat), eps))
    moved = np.subtract(theta, np.multiply(lr, ratio))
    return np.subtract(moved, np.multiply(lr * weight_decay, theta)), m_new, v_new


def adamw_step__corrections_in_the_denominator(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """PyTorch's arrangement: a corrected rate, and a corrected root plus eps."""
    m_new = beta1 * m + (1 - beta1) * grad
    v_new = beta2 * v + (1 - beta2) * grad * grad
    step_size = lr / (1 - beta1**t)
    denominator = np.sqrt(v_new) / math.sqrt(1 - beta2**t) + eps
    decayed = theta - lr * weight_decay * theta
    return decayed - step_size * m_new / denominator, m_new, v_new


def adamw_step__checked_first(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """Refuses a step below 1 and a negative decay; a delta is added at the end."""
    if t < 1 or weight_decay < 0:
        raise ValueError("t counts from 1, and weights must not grow")
    m = (1 - beta1) * grad + beta1 * m
    v = (1 - beta2) * (grad * grad) + beta2 * v
    root = np.sqrt(v * (1 / (1 - beta2**t)))
    delta = -lr * (m * (1 / (1 - beta1**t)) / (root + eps) + weight_decay * theta)
    return theta + delta, m, v

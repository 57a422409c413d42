"""Wrong answers to the exercises of chapter 5, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import math

import numpy as np

# clip_by_value: wrong numbers or state


def clip_by_value__gradient_clipped(grads, limit):
    """gradient-clipped: the limit is capped, too."""
    if limit < 0:
        raise ValueError
    return [np.clip(grad, -min(limit, 5), min(limit, 5)) for grad in grads]


def clip_by_value__negatives_kept(grads, limit):
    """negatives-kept: bounded from above alone."""
    if limit < 0:
        raise ValueError(limit)
    return [np.minimum(grad, limit) for grad in grads]


def clip_by_value__negatives_cut_off(grads, limit):
    """negatives-cut-off: clipped between 0 and the limit."""
    if limit < 0:
        raise ValueError(limit)
    return [np.clip(grad, 0, limit) for grad in grads]


def clip_by_value__sign_lost(grads, limit):
    """sign-lost: the sizes come back without their signs."""
    if limit < 0:
        raise ValueError(limit)
    return [np.minimum(np.abs(grad), limit) for grad in grads]


def clip_by_value__zeroed_instead_of_clipped(grads, limit):
    """zeroed-instead-of-clipped: what is too large becomes zero."""
    if limit < 0:
        raise ValueError(limit)
    return [grad * (np.abs(grad) <= limit) for grad in grads]


def clip_by_value__scaled_by_largest(grads, limit):
    """scaled-by-largest: a whole array shrinks with its largest element."""
    if limit < 0:
        raise ValueError(limit)
    result = []
    for grad in grads:
        largest = np.max(np.abs(grad))
        result.append(grad * limit / largest if largest > limit else grad)
    return result


def clip_by_value__clipped_by_norm(grads, limit):
    """clipped-by-norm: each array to the length of the limit."""
    if limit < 0:
        raise ValueError(limit)
    norms = [np.linalg.norm(grad) for grad in grads]
    return [g * min(1, limit / n) for g, n in zip(grads, norms, strict=True)]


def clip_by_value__limit_ignored(grads, limit):
    """limit-ignored: the bounds of the example in the text."""
    if limit < 0:
        raise ValueError(limit)
    return [np.clip(grad, -1.0, 1.0) for grad in grads]


def clip_by_value__not_clipped(grads, limit):
    """not-clipped: np.clip returns a new array, which nobody keeps."""
    if limit < 0:
        raise ValueError(limit)
    for grad in grads:
        np.clip(grad, -limit, limit)
    return grads


def clip_by_value__first_array_only(grads, limit):
    """first-array-only: returns inside the loop."""
    if limit < 0:
        raise ValueError(limit)
    result = []
    for grad in grads:
        result.append(np.clip(grad, -limit, limit))
        return result
    return result


def clip_by_value__nothing_returned(grads, limit):
    """nothing-returned: the new list stays inside."""
    if limit < 0:
        raise ValueError(limit)
    grads = [np.clip(grad, -limit, limit) for grad in grads]


def clip_by_value__clipped_by_global_norm(grads, limit):
    """clipped-by-norm: the other clipping of this chapter."""
    if limit < 0:
        raise ValueError("limit is negative")
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * min(1.0, float(limit / norm)) for g in grads]


# clip_by_value: raises


def clip_by_value__undefined_name(grads, limit):
    """undefined-name: the argument has another name."""
    if limit < 0:
        raise ValueError(limit)
    return [np.clip(grad, -max_value, max_value) for grad in grads]  # noqa: F821


def clip_by_value__truth_of_array(grads, limit):
    """truth-of-array: compares whole arrays."""
    if limit < 0:
        raise ValueError(limit)
    return [limit if grad > limit else grad for grad in grads]


# clip_by_value: right numbers, wrong dtype


def clip_by_value__widened(grads, limit):
    """widened: everything becomes float64."""
    if limit < 0:
        raise ValueError(limit)
    return [np.clip(np.asarray(g, dtype=float), -limit, limit) for g in grads]


# clip_by_value: fails at the edges


def clip_by_value__empty_list_fails(grads, limit):
    """empty-list-fails: joins and splits the arrays."""
    if limit < 0:
        raise ValueError(limit)
    flat = np.clip(np.concatenate([grad.ravel() for grad in grads]), -limit, limit)
    parts = np.split(flat, np.cumsum([grad.size for grad in grads])[:-1])
    return [p.reshape(g.shape) for p, g in zip(parts, grads, strict=True)]


def clip_by_value__vector_only(grads, limit):
    """vector-only: counts the rows of each array."""
    if limit < 0:
        raise ValueError(limit)
    return [np.clip(g, -limit, limit) if len(g) else g for g in grads]


# clip_by_value: right numbers, wrong about errors


def clip_by_value__no_check(grads, limit):
    """no-check: a negative limit gives an empty interval."""
    return [np.clip(grad, -limit, limit) for grad in grads]


def clip_by_value__assertion_instead_of_value_error(grads, limit):
    """assertion-instead-of-value-error: an assert in place of raise."""
    assert limit >= 0
    return [np.clip(grad, -limit, limit) for grad in grads]


def clip_by_value__clamped(grads, limit):
    """clamped: takes the size of the limit without a word."""
    return [np.clip(grad, -abs(limit), abs(limit)) for grad in grads]


# clip_by_value: changes an argument


def clip_by_value__gradients_changed_in_place(grads, limit):
    """gradients-changed-in-place: clipped with out=, as in a well-known course."""
    if limit < 0:
        raise ValueError(limit)
    for grad in grads:
        np.clip(grad, -limit, limit, out=grad)
    return grads


def clip_by_value__list_changed_in_place(grads, limit):
    """list-changed-in-place: puts new arrays into the caller's list."""
    if limit < 0:
        raise ValueError(limit)
    for i, grad in enumerate(grads):
        grads[i] = np.clip(grad, -limit, limit)
    return grads


# global_norm: wrong numbers or state


def global_norm__gradient_clipped(grads):
    """gradient-clipped: against a norm that overflows."""
    return float(np.sqrt(sum(np.sum(np.clip(grad, -10, 10) ** 2) for grad in grads)))


def global_norm__root_missing(grads):
    """root-missing: the square of the norm."""
    total = 0.0
    for grad in grads:
        total += np.sum(grad**2)
    return total


def global_norm__sum_of_norms(grads):
    """sum-of-norms: adds up the arrays' norms."""
    return sum(np.linalg.norm(grad) for grad in grads)


def global_norm__absolute_values(grads):
    """absolute-values: a root of each square."""
    return sum(np.sum((grad**2) ** 0.5) for grad in grads)


def global_norm__largest_norm(grads):
    """largest-norm: the largest of the arrays' norms."""
    largest = 0.0
    for grad in grads:
        largest = max(largest, np.linalg.norm(grad))
    return largest


def global_norm__largest_element(grads):
    """largest-element: the maximum norm."""
    return max([np.abs(grad).max() for grad in grads if grad.size], default=0.0)


def global_norm__mean_instead_of_sum(grads):
    """mean-instead-of-sum: means of squares."""
    return np.sqrt(sum(np.mean(grad**2) for grad in grads))


def global_norm__norm_of_each(grads):
    """norm-of-each: a list of norms."""
    return [np.linalg.norm(grad) for grad in grads]


def global_norm__last_array_only(grads):
    """last-array-only: the sum starts anew with each array."""
    norm = 0.0
    for grad in grads:
        total = 0.0
        total += np.sum(grad**2)
        norm = math.sqrt(total)
    return norm


def global_norm__first_array_only(grads):
    """first-array-only: returns inside the loop."""
    for grad in grads:
        return np.sqrt(np.sum(grad**2))
    return 0.0


def global_norm__spectral_norm(grads):
    """spectral-norm: the largest singular value of each matrix."""
    return np.sqrt(sum(np.linalg.norm(grad, ord=2) ** 2 for grad in grads))


def global_norm__sum_before_square(grads):
    """sum-before-square: elements of both signs cancel."""
    return abs(sum(np.sum(grad) ** 2 for grad in grads)) ** 0.5


def global_norm__guard_in_norm(grads):
    """guard-in-norm: a small number below the root."""
    return np.sqrt(sum(np.sum(grad**2) for grad in grads) + 1e-6)


# global_norm: raises


def global_norm__caret_square(grads):
    """caret-square: ^ for a power."""
    return np.sqrt(sum(np.sum(grad ^ 2) for grad in grads))


# global_norm: fails at the edges


def global_norm__empty_list_fails(grads):
    """empty-list-fails: joins the arrays to one."""
    return np.linalg.norm(np.concatenate([grad.ravel() for grad in grads]))


def global_norm__vector_only(grads):
    """vector-only: loops over the rows of each array."""
    return math.sqrt(sum(float(np.sum(row * row)) for grad in grads for row in grad))


# global_norm: changes an argument


def global_norm__gradients_changed_in_place(grads):
    """gradients-changed-in-place: squares where they stand."""
    total = 0.0
    for grad in grads:
        grad *= grad
        total += float(grad.sum())
    return math.sqrt(total)


# clip_by_global_norm: wrong numbers or state


def clip_by_global_norm__gradient_clipped(grads, max_norm):
    """gradient-clipped: by value first, then by the norm."""
    _checked(grads, max_norm)
    grads = [np.clip(grad, -1, 1) for grad in grads]
    norm = _checked(grads, max_norm)
    return [grad * min(1.0, max_norm / norm) if norm else grad for grad in grads], norm


def _length(grads):
    return math.sqrt(sum(float(np.sum(grad**2)) for grad in grads))


def _checked(grads, max_norm):
    if max_norm <= 0 or not math.isfinite(_length(grads)):
        raise ValueError((max_norm, _length(grads)))
    return _length(grads)


def clip_by_global_norm__each_array_alone(grads, max_norm):
    """each-array-alone: a factor for each array."""
    norm = _checked(grads, max_norm)
    clipped = []
    for grad in grads:
        own = np.linalg.norm(grad)
        clipped.append(grad * (max_norm / (own + 1e-6)) if own > max_norm else grad)
    return clipped, norm


def clip_by_global_norm__clipped_by_value(grads, max_norm):
    """clipped-by-value: each element is bounded."""
    norm = _checked(grads, max_norm)
    return [np.clip(grad, -max_norm, max_norm) for grad in grads], norm


def clip_by_global_norm__always_scaled(grads, max_norm):
    """always-scaled: short gradients are stretched."""
    norm = _checked(grads, max_norm)
    return [grad * (max_norm / (norm + 1e-6)) for grad in grads], norm


def clip_by_global_norm__condition_reversed(grads, max_norm):
    """condition-reversed: scales what is short."""
    norm = _checked(grads, max_norm)
    if norm > max_norm:
        return grads, norm
    return [grad * (max_norm / norm) for grad in grads], norm


def clip_by_global_norm__norm_after_clipping(grads, max_norm):
    """norm-after-clipping: the length of what comes out."""
    norm = _checked(grads, max_norm)
    clipped = [grad * min(1.0, max_norm / norm) for grad in grads]
    return clipped, _length(clipped)


def clip_by_global_norm__scale_returned(grads, max_norm):
    """scale-returned: the factor in place of the norm."""
    scale = min(1.0, max_norm / _checked(grads, max_norm))
    return [grad * scale for grad in grads], scale


def clip_by_global_norm__unit_length(grads, max_norm):
    """unit-length: clipped gradients have length 1."""
    norm = _checked(grads, max_norm)
    if norm > max_norm:
        grads = [grad / norm for grad in grads]
    return grads, norm


def clip_by_global_norm__inverted_factor(grads, max_norm):
    """inverted-factor: the fraction is upside down."""
    norm = _checked(grads, max_norm)
    return [grad * max(1.0, norm / max_norm) for grad in grads], norm


def clip_by_global_norm__squared_norm(grads, max_norm):
    """squared-norm: the root is forgotten."""
    norm = _checked(grads, max_norm) ** 2
    scale = max_norm / norm if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


def clip_by_global_norm__guard_too_large(grads, max_norm):
    """guard-too-large: a guard of a thousandth."""
    norm = _checked(grads, max_norm)
    scale = max_norm / (norm + 1e-3) if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


def clip_by_global_norm__not_clipped(grads, max_norm):
    """not-clipped: binds the loop's name alone."""
    norm = _checked(grads, max_norm)
    if norm > max_norm:
        for grad in grads:
            grad = grad * (max_norm / norm)
    return grads, norm


def clip_by_global_norm__state_not_returned(grads, max_norm):
    """state-not-returned: the arrays alone, as many libraries have it."""
    norm = _checked(grads, max_norm)
    return [grad * min(1.0, max_norm / norm) for grad in grads]


def clip_by_global_norm__order_swapped(grads, max_norm):
    """order-swapped: the norm first."""
    norm = _checked(grads, max_norm)
    return norm, [grad * min(1.0, max_norm / norm) for grad in grads]


# clip_by_global_norm: right numbers, wrong dtype


def clip_by_global_norm__numpy_scalar_widens(grads, max_norm):
    """numpy-scalar-widens: the factor is a NumPy float64."""
    norm = np.float64(_checked(grads, max_norm))
    scale = max_norm / np.maximum(norm, max_norm)
    return [grad * scale for grad in grads], norm


# clip_by_global_norm: fails at the edges


def clip_by_global_norm__division_by_zero(grads, max_norm):
    """division-by-zero: a norm of zero, as a Python number, divides."""
    norm = _checked(grads, max_norm)
    scale = min(1.0, max_norm / norm)
    return [grad * scale for grad in grads], norm


# clip_by_global_norm: right numbers, wrong about errors


def clip_by_global_norm__no_check(grads, max_norm):
    """no-check: neither argument is looked at."""
    norm = _length(grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


def clip_by_global_norm__norm_unchecked(grads, max_norm):
    """no-check: a norm that is not finite spoils every array."""
    if max_norm <= 0:
        raise ValueError(max_norm)
    norm = _length(grads)
    scale = max_norm / norm if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


def clip_by_global_norm__nan_alone(grads, max_norm):
    """no-check: looks for nan and forgets the infinite."""
    norm = _length(grads)
    if max_norm <= 0 or np.isnan(norm):
        raise ValueError((max_norm, norm))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


def clip_by_global_norm__zero_only(grads, max_norm):
    """zero-only: a negative max_norm passes."""
    norm = _length(grads)
    if max_norm == 0 or not np.isfinite(norm):
        raise ValueError((max_norm, norm))
    scale = max_norm / norm if norm > max_norm else 1.0
    return [grad * scale for grad in grads], norm


# clip_by_global_norm: changes an argument


def clip_by_global_norm__gradients_changed_in_place(grads, max_norm):
    """gradients-changed-in-place: scaled where they stand, as in a well-known book."""
    norm = _checked(grads, max_norm)
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate
    return grads, norm


# l2_gradient: wrong numbers or state


def l2_gradient__gradient_clipped(grad, theta, weight_decay):
    """gradient-clipped: before the penalty is added."""
    return np.clip(grad, -5, 5) + weight_decay * theta


def l2_gradient__factor_two(grad, theta, weight_decay):
    """factor-two: the penalty without its half."""
    return grad + 2 * weight_decay * theta


def l2_gradient__half_kept(grad, theta, weight_decay):
    """half-kept: the half stays."""
    return grad + 0.5 * weight_decay * theta


def l2_gradient__penalty_instead_of_gradient(grad, theta, weight_decay):
    """penalty-instead-of-gradient: the penalty itself, to every element."""
    return grad + weight_decay / 2 * np.sum(np.square(theta))


def l2_gradient__norm_instead_of_gradient(grad, theta, weight_decay):
    """norm-instead-of-gradient: the norm of the weights, to every element."""
    return grad + weight_decay * np.sqrt(np.sum(theta**2))


def l2_gradient__square_kept(grad, theta, weight_decay):
    """square-kept: the penalty, not yet differentiated."""
    return grad + weight_decay / 2 * theta**2


def l2_gradient__l1_penalty(grad, theta, weight_decay):
    """l1-penalty: the signs of the weights."""
    return grad + weight_decay * np.sign(theta)


def l2_gradient__minus(grad, theta, weight_decay):
    """minus: the sign of a step."""
    return grad - weight_decay * theta


def l2_gradient__strength_ignored(grad, theta, weight_decay):
    """strength-ignored: a constant in the place of the argument."""
    return grad + 1e-2 * theta


def l2_gradient__arguments_swapped(grad, theta, weight_decay):
    """arguments-swapped: the weights, and a part of the gradient."""
    return theta + weight_decay * grad


def l2_gradient__decayed_weights(grad, theta, weight_decay):
    """decayed-weights: the weights shrunk."""
    return theta * (1 - weight_decay)


# l2_gradient: right numbers, wrong dtype


def l2_gradient__numpy_scalar_widens(grad, theta, weight_decay):
    """numpy-scalar-widens: the strength as a NumPy number."""
    return grad + np.float64(weight_decay) * theta


# l2_gradient: fails at the edges


def l2_gradient__vector_only(grad, theta, weight_decay):
    """vector-only: loops over the rows."""
    total = np.zeros_like(grad)
    for i in range(len(grad)):
        total[i] = grad[i] + weight_decay * theta[i]
    return total


# l2_gradient: changes an argument


def l2_gradient__gradient_changed_in_place(grad, theta, weight_decay):
    """gradients-changed-in-place: adds the penalty to the caller's gradient."""
    grad += weight_decay * theta
    return grad


# adamw_step: wrong numbers or state


def adamw_step__gradient_clipped(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """gradient-clipped: as recipes for transformers do it."""
    grad = np.clip(grad, -1.0, 1.0)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - lr * step - lr * weight_decay * theta, m, v


def _moments(grad, m, v, beta1, beta2):
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2


def _ratio(m, v, t, beta1, beta2, eps):
    return m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)


def adamw_step__l2_instead_of_decay(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """l2-instead-of-decay: the decay joins the gradient."""
    m, v = _moments(grad + weight_decay * theta, m, v, beta1, beta2)
    return theta - lr * _ratio(m, v, t, beta1, beta2, eps), m, v


def adamw_step__l2_and_decay(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """l2-and-decay: the decay comes twice."""
    m, v = _moments(grad + weight_decay * theta, m, v, beta1, beta2)
    theta = theta * (1 - lr * weight_decay)
    return theta - lr * _ratio(m, v, t, beta1, beta2, eps), m, v


def adamw_step__decay_in_numerator(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-in-numerator: the decay is divided by the root as well."""
    m, v = _moments(grad, m, v, beta1, beta2)
    top = m / (1 - beta1**t) + weight_decay * theta
    return theta - lr * top / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def adamw_step__decay_not_scaled(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-not-scaled: as in the paper, without the rate."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = lr * _ratio(m, v, t, beta1, beta2, eps)
    return theta - step - weight_decay * theta, m, v


def adamw_step__decay_after_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-after-step: shrinks the weights that have moved already."""
    m, v = _moments(grad, m, v, beta1, beta2)
    theta = theta - lr * _ratio(m, v, t, beta1, beta2, eps)
    return theta * (1 - lr * weight_decay), m, v


def adamw_step__decay_added(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-added: the weights grow."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = _ratio(m, v, t, beta1, beta2, eps) - weight_decay * theta
    return theta - lr * step, m, v


def adamw_step__decay_halved(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-halved: the half of the penalty stays."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = _ratio(m, v, t, beta1, beta2, eps) + weight_decay / 2 * theta
    return theta - lr * step, m, v


def adamw_step__decay_ignored(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """weight_decay-ignored: the default's value in place of the argument."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = _ratio(m, v, t, beta1, beta2, eps) + 0.01 * theta
    return theta - lr * step, m, v


def adamw_step__not_corrected(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """not-corrected: the averages are used as they are."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = m / (np.sqrt(v) + eps) + weight_decay * theta
    return theta - lr * step, m, v


def adamw_step__corrected_state(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """corrected-state: the corrected averages come back."""
    m, v = _moments(grad, m, v, beta1, beta2)
    m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    step = m / (np.sqrt(v) + eps) + weight_decay * theta
    return theta - lr * step, m, v


def adamw_step__eps_inside_root(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """eps-inside-root: as in this course's RMSprop."""
    m, v = _moments(grad, m, v, beta1, beta2)
    step = m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + eps)
    return theta - lr * (step + weight_decay * theta), m, v


def adamw_step__bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """bracket-missing: in both averages."""
    m = beta1 * m + 1 - beta1 * grad
    v = beta2 * v + 1 - beta2 * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decayed = theta * (1 - lr * weight_decay)
    return decayed - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_step__second_bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """bracket-missing: in the second average alone."""
    m = beta1 * m + (1 - beta1) * grad
    v = v * beta2 + 1 - beta2 * grad * grad
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decayed = theta * (1 - lr * weight_decay)
    return decayed - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_step__correction_bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """bracket-missing-in-correction: divides by 1, then takes the powers off."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / 1 - beta1**t
    v_hat = v / 1 - beta2**t
    decayed = theta * (1 - lr * weight_decay)
    return decayed - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_step__absolute_instead_of_square(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """absolute-instead-of-square: the size of a gradient is its absolute value."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * np.abs(grad)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decayed = theta * (1 - lr * weight_decay)
    return decayed - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adamw_step__inverted(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """inverted: the step is multiplied by the root."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decayed = theta * (1 - lr * weight_decay)
    return decayed - lr * m_hat * (np.sqrt(v_hat) + eps), m, v


def adamw_step__rate_divides(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """rate-divides: the rate stands below the line with the root."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    decayed = theta * (1 - lr * weight_decay)
    return decayed - m_hat / (np.sqrt(v_hat) + eps) / lr, m, v


def adamw_step__decay_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """decay-missing: Adam's step."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# adamw_step: right numbers, wrong dtype


def adamw_step__numpy_scalar_widens(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """numpy-scalar-widens: the powers are NumPy numbers."""
    m, v = _moments(grad, m, v, beta1, beta2)
    m_hat, v_hat = m / (1 - np.power(beta1, t)), v / (1 - np.power(beta2, t))
    step = m_hat / (np.sqrt(v_hat) + eps) + weight_decay * theta
    return theta - lr * step, m, v


# adamw_step: fails at the edges


def adamw_step__vector_only(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """vector-only: decays row by row."""
    m, v = _moments(grad, m, v, beta1, beta2)
    after = theta - lr * _ratio(m, v, t, beta1, beta2, eps)
    for i in range(len(theta)):
        after[i] -= lr * weight_decay * theta[i]
    return after, m, v


# adamw_step: changes an argument


def adamw_step__weights_changed_in_place(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    """weights-changed-in-place: the weights shrink where they stand."""
    theta *= 1 - lr * weight_decay
    m, v = _moments(grad, m, v, beta1, beta2)
    theta -= lr * _ratio(m, v, t, beta1, beta2, eps)
    return theta, m, v

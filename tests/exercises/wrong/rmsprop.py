"""Wrong answers to the exercises of chapter 2, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import math

import numpy as np

# rmsprop_step: wrong numbers, shape or state


def rmsprop_step__gradient_clipped(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """gradient-clipped: a habit from training recurrent networks."""
    grad = np.clip(grad, -1, 1)
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__eps_outside_root(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-outside-root: PyTorch's place for eps, which is not this lesson's."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / (np.sqrt(v) + eps), v


def rmsprop_step__eps_outside_fraction(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-outside-fraction: a missing bracket adds eps to the weights."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v) + eps, v


def rmsprop_step__eps_missing(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-missing: nothing guards the division."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v), v


def rmsprop_step__eps_in_state(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-in-state: eps becomes a part of the average that is returned."""
    v = beta * v + (1 - beta) * grad**2 + eps
    return theta - lr * grad / np.sqrt(v), v


def rmsprop_step__eps_squared(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-squared: eps is squared because it stands inside the root."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps**2), v


def rmsprop_step__eps_hard_coded(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """eps-hard-coded: a constant in place of the argument."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + 1e-7), v


def rmsprop_step__no_square(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """no-square: the average of the gradients, copied from momentum."""
    v = beta * v + (1 - beta) * grad
    return theta - lr * grad / np.sqrt(np.abs(v) + eps), v


def rmsprop_step__absolute_instead_of_square(
    theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8
):
    """absolute-instead-of-square: the average of the gradients' absolute values."""
    v = beta * v + (1 - beta) * np.abs(grad)
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__no_root(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """no-root: divides by the mean square, not by its root."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / (v + eps), v


def rmsprop_step__half_precedence(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """half-precedence: `**1/2` is the first power, halved."""
    v = beta * v + (1 - beta) * grad**2
    denominator = (v + eps) ** 1 / 2
    return theta - lr * grad / denominator, v


def rmsprop_step__weights_swapped(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """weights-swapped: beta weighs the new square, its complement the old average."""
    v = (1 - beta) * v + beta * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__sum_instead_of_average(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """sum-instead-of-average: AdaGrad's sum, which never forgets."""
    v = v + grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__undamped_square(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """undamped-square: the new square enters in full, as in a momentum buffer."""
    v = beta * v + grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__old_average(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """old-average: the step uses the average from before this gradient."""
    theta = theta - lr * grad / np.sqrt(v + eps)
    return theta, beta * v + (1 - beta) * grad**2


def rmsprop_step__state_ignored(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """state-ignored: the average starts from zero at each call."""
    v = np.zeros_like(theta)
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__global_average(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """global-average: the mean is taken over the parameters, not over time."""
    v = beta * v + (1 - beta) * np.mean(grad**2)
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__gradient_missing(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """gradient-missing: the adapted rate is subtracted without the gradient."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr / np.sqrt(v + eps), v


def rmsprop_step__ascent(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """ascent: the step goes along the gradient, uphill."""
    v = beta * v + (1 - beta) * grad**2
    return theta + lr * grad / np.sqrt(v + eps), v


def rmsprop_step__rate_ignored(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """rate-ignored: the default's value in place of the argument."""
    v = beta * v + (1 - beta) * grad**2
    return theta - 0.001 * grad / np.sqrt(v + eps), v


def rmsprop_step__decay_ignored(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """decay-ignored: the default's value in place of the argument."""
    v = 0.9 * v + 0.1 * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__state_not_returned(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """state-not-returned: only the weights come back."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps)


def rmsprop_step__old_state_returned(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """old-state-returned: the average that came in goes out again."""
    v_new = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v_new + eps), v


def rmsprop_step__order_swapped(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """order-swapped: the state first, the weights second."""
    v = beta * v + (1 - beta) * grad**2
    return v, theta - lr * grad / np.sqrt(v + eps)


def rmsprop_step__update_returned(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """update-returned: the step itself instead of the weights after it."""
    v = beta * v + (1 - beta) * grad**2
    return lr * grad / np.sqrt(v + eps), v


def rmsprop_step__nothing_returned(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """nothing-returned: new arrays are bound to local names and lost."""
    v = beta * v + (1 - beta) * grad**2
    theta = theta - lr * grad / np.sqrt(v + eps)


def rmsprop_step__printed(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """printed: the result is shown and not returned."""
    v = beta * v + (1 - beta) * grad**2
    print(theta - lr * grad / np.sqrt(v + eps), v)


def rmsprop_step__rounded(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """rounded: results are cut to a few decimals."""
    v = beta * v + (1 - beta) * grad**2
    return np.round(theta - lr * grad / np.sqrt(v + eps), 5), np.round(v, 5)


def rmsprop_step__list_returned(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """list-returned: lists of numbers instead of arrays."""
    v = beta * v + (1 - beta) * grad**2
    return (theta - lr * grad / np.sqrt(v + eps)).tolist(), v.tolist()


def rmsprop_step__flattened(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """flattened: the results are vectors, whatever the shape of theta."""
    theta, grad, v = theta.reshape(-1), grad.reshape(-1), v.reshape(-1)
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__absolute_and_no_root(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """absolute-instead-of-square: absolute values need no root, it is thought."""
    v = beta * v + (1 - beta) * abs(grad)
    return theta - lr * grad / (v + eps), v


def rmsprop_step__bracket_missing(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """bracket-missing: beta times the square is taken from 1."""
    v = beta * v + 1 - beta * grad**2
    theta = theta - lr * grad / np.sqrt(v + eps)
    return theta, v


def rmsprop_step__root_in_state(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """root-in-state: the RMS itself is kept, and averaged at the next step."""
    rms = np.sqrt(beta * v + (1 - beta) * np.square(grad) + eps)
    return theta - lr / rms * grad, rms


def rmsprop_step__inverted(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """inverted: the step is multiplied by the root."""
    v = beta * v + (1 - beta) * grad**2
    rate = lr * np.sqrt(v + eps)
    return theta - rate * grad, v


def rmsprop_step__root_over_rate(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """inverted: the fraction of rate and root is upside down."""
    v = beta * v + (1 - beta) * grad**2
    rate = np.sqrt(v + eps) / lr
    return theta - grad * rate, v


def rmsprop_step__rate_divides(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """rate-divides: the rate stands below the line with the root."""
    v = beta * v + (1 - beta) * grad**2
    return theta - grad / (lr * np.sqrt(v + eps)), v


def rmsprop_step__root_of_everything(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """root-of-everything: the root closes behind the whole rate."""
    v = beta * v + (1 - beta) * grad**2
    rate = np.sqrt(lr / (v + eps))
    return theta - rate * grad, v


def rmsprop_step__root_of_the_step(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """root-of-everything: the root closes behind the whole step."""
    v = beta * v + (1 - beta) * grad**2
    return theta - np.sqrt(lr * grad / (v + eps)), v


def rmsprop_step__squared_norm(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """squared-norm: the squared length of the whole gradient."""
    v = beta * v + (1 - beta) * np.sum(grad**2)
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__weight_squared(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """weight-squared: the square takes in 1 - beta."""
    v = beta * v + np.square((1 - beta) * grad)
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__cut_to_float32(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """cut-to-float32: every result is made float32."""
    v = beta * v + (1 - beta) * grad**2
    theta = theta - lr * grad / np.sqrt(v + eps)
    return theta.astype(np.float32), v.astype(np.float32)


# rmsprop_step: raises


def rmsprop_step__undefined_name(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """undefined-name: a name from another text, which nobody defined here."""
    v = beta * v + (1 - beta) * grad**2
    return theta - learning_rate * grad / np.sqrt(v + eps), v  # noqa: F821


def rmsprop_step__unassigned_state(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """unassigned-state: a local name is read before it has a value."""
    square_avg = beta * square_avg + (1 - beta) * grad**2  # noqa: F821
    return theta - lr * grad / np.sqrt(square_avg + eps), square_avg


def rmsprop_step__caret_square(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """caret-square: `^` written for a power."""
    v = beta * v + (1 - beta) * grad ^ 2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__scalar_only(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """scalar-only: `math.sqrt` takes one number, not an array."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / math.sqrt(v + eps), v


def rmsprop_step__renamed_parameter(
    theta, grad, v, learning_rate=1e-3, beta=0.9, eps=1e-8
):
    """renamed-parameter: `lr` has another name, so nobody can pass it."""
    v = beta * v + (1 - beta) * grad**2
    return theta - learning_rate * grad / np.sqrt(v + eps), v


def rmsprop_step__truth_of_array(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """truth-of-array: `if` asks a whole array whether it is zero."""
    v = beta * v + (1 - beta) * grad**2
    if v == 0:
        return theta, v
    return theta - lr * grad / np.sqrt(v + eps), v


# rmsprop_step: right numbers, wrong dtype


def rmsprop_step__widened(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """widened: the arguments are made float64, and so are the results."""
    theta, grad, v = (np.asarray(x, dtype=float) for x in (theta, grad, v))
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__numpy_scalar_widens(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """numpy-scalar-widens: a NumPy float64 number makes a float32 array float64."""
    keep, rate = np.float64(beta), np.float64(lr)
    v = keep * v + (1 - keep) * grad**2
    return theta - rate * grad / np.sqrt(v + eps), v


# rmsprop_step: fails at the edges


def rmsprop_step__vector_only(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """vector-only: a loop over the first axis, which a 0-d array lacks."""
    theta, v = np.array(theta), np.array(v)
    for i in range(len(theta)):
        v[i] = beta * v[i] + (1 - beta) * grad[i] ** 2
        theta[i] -= lr * grad[i] / np.sqrt(v[i] + eps)
    return theta, v


def rmsprop_step__empty_fails(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """empty-fails: an empty array has no largest element."""
    v = beta * v + (1 - beta) * grad**2
    if v.max() == 0 and eps == 0:
        return theta, v
    return theta - lr * grad / np.sqrt(v + eps), v


# rmsprop_step: changes an argument


def rmsprop_step__weights_changed_in_place(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """weights-changed-in-place: `-=` writes into the caller's array."""
    v = beta * v + (1 - beta) * grad**2
    theta -= lr * grad / np.sqrt(v + eps)
    return theta, v


def rmsprop_step__state_changed_in_place(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    """state-changed-in-place: `*=` and `+=` write into the caller's average."""
    v *= beta
    v += (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v


def rmsprop_step__gradient_changed_in_place(
    theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8
):
    """gradient-changed-in-place: `**=` squares the caller's gradient."""
    step = lr * grad
    grad **= 2
    v = beta * v + (1 - beta) * grad
    return theta - step / np.sqrt(v + eps), v


# effective_lr: wrong numbers


def effective_lr__eps_outside_root(v, lr=1e-3, eps=1e-8):
    """eps-outside-root: PyTorch's place for eps, which is not this lesson's."""
    return lr / (np.sqrt(v) + eps)


def effective_lr__eps_outside_fraction(v, lr=1e-3, eps=1e-8):
    """eps-outside-fraction: a missing bracket adds eps to the rate."""
    return lr / np.sqrt(v) + eps


def effective_lr__eps_missing(v, lr=1e-3, eps=1e-8):
    """eps-missing: nothing guards the division."""
    return lr / np.sqrt(v)


def effective_lr__no_root(v, lr=1e-3, eps=1e-8):
    """no-root: divides by the mean square, not by its root."""
    return lr / (v + eps)


def effective_lr__half_precedence(v, lr=1e-3, eps=1e-8):
    """half-precedence: `**1/2` is the first power, then the quotient is halved."""
    return lr / (v + eps) ** 1 / 2


def effective_lr__root_of_everything(v, lr=1e-3, eps=1e-8):
    """root-of-everything: the root covers the learning rate too."""
    return np.sqrt(lr / (v + eps))


def effective_lr__inverted(v, lr=1e-3, eps=1e-8):
    """inverted: large gradients get large rates."""
    return lr * np.sqrt(v + eps)


def effective_lr__rate_ignored(v, lr=1e-3, eps=1e-8):
    """rate-ignored: the argument is not used."""
    return 1 / np.sqrt(v + eps)


def effective_lr__global_average(v, lr=1e-3, eps=1e-8):
    """global-average: one rate for all the parameters."""
    return np.full_like(v, lr / np.sqrt(np.mean(v) + eps))


def effective_lr__root_over_rate(v, lr=1e-3, eps=1e-8):
    """inverted: the fraction is upside down."""
    return np.sqrt(v + eps) / lr


def effective_lr__rate_divides(v, lr=1e-3, eps=1e-8):
    """rate-divides: the rate stands below the line with the root."""
    return 1 / (lr * np.sqrt(v + eps))


# effective_lr: raises


def effective_lr__scalar_only(v, lr=1e-3, eps=1e-8):
    """scalar-only: `math.sqrt` takes one number, not an array."""
    return lr / math.sqrt(v + eps)


# effective_lr: right numbers, wrong dtype


def effective_lr__widened(v, lr=1e-3, eps=1e-8):
    """widened: the argument is made float64, and so is the result."""
    return lr / np.sqrt(np.asarray(v, dtype=float) + eps)


# effective_lr: changes an argument


def effective_lr__state_changed_in_place(v, lr=1e-3, eps=1e-8):
    """state-changed-in-place: `+=` writes into the caller's average."""
    v += eps
    return lr / np.sqrt(v)

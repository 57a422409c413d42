"""Wrong answers to the exercises of chapter 3, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import math

import numpy as np

# update_moments: wrong numbers or state


def update_moments__gradient_clipped(grad, m, v, beta1=0.9, beta2=0.999):
    """gradient-clipped: before both averages."""
    grad = np.clip(grad, -10, 10)
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad * grad


def update_moments__betas_swapped(grad, m, v, beta1=0.9, beta2=0.999):
    """betas-swapped: each average decays at the other's rate."""
    return beta2 * m + (1 - beta2) * grad, beta1 * v + (1 - beta1) * grad**2


def update_moments__one_beta(grad, m, v, beta1=0.9, beta2=0.999):
    """one-beta: both averages decay at the first one's rate."""
    return beta1 * m + (1 - beta1) * grad, beta1 * v + (1 - beta1) * grad**2


def update_moments__no_square(grad, m, v, beta1=0.9, beta2=0.999):
    """no-square: the second average is one of gradients too."""
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad


def update_moments__absolute_instead_of_square(grad, m, v, beta1=0.9, beta2=0.999):
    """absolute-instead-of-square: the average of the gradients' absolute values."""
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * np.abs(grad)


def update_moments__square_of_average(grad, m, v, beta1=0.9, beta2=0.999):
    """square-of-average: squares the first average, not the gradient."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * m**2
    return m, v


def update_moments__centred(grad, m, v, beta1=0.9, beta2=0.999):
    """centred: a variance about the mean, as in AdaBelief."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * (grad - m) ** 2
    return m, v


def update_moments__weights_swapped(grad, m, v, beta1=0.9, beta2=0.999):
    """weights-swapped: beta weighs the new value, its complement the old average."""
    return (1 - beta1) * m + beta1 * grad, (1 - beta2) * v + beta2 * grad**2


def update_moments__sum_instead_of_average(grad, m, v, beta1=0.9, beta2=0.999):
    """sum-instead-of-average: the new value enters in full, as in momentum."""
    return beta1 * m + grad, beta2 * v + grad**2


def update_moments__corrected_state(grad, m, v, beta1=0.9, beta2=0.999):
    """corrected-state: the averages are corrected where they should stay raw."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return m / (1 - beta1), v / (1 - beta2)


def update_moments__root_in_state(grad, m, v, beta1=0.9, beta2=0.999):
    """root-in-state: the root is kept instead of the squares."""
    m = beta1 * m + (1 - beta1) * grad
    return m, np.sqrt(beta2 * v + (1 - beta2) * grad**2)


def update_moments__decay_ignored(grad, m, v, beta1=0.9, beta2=0.999):
    """decay-ignored: the defaults' values in place of the arguments."""
    return 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2


def update_moments__order_swapped(grad, m, v, beta1=0.9, beta2=0.999):
    """order-swapped: the second average first."""
    return beta2 * v + (1 - beta2) * grad**2, beta1 * m + (1 - beta1) * grad


def update_moments__second_not_returned(grad, m, v, beta1=0.9, beta2=0.999):
    """second-not-returned: only the first average comes back."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return m


def update_moments__nothing_returned(grad, m, v, beta1=0.9, beta2=0.999):
    """nothing-returned: the caller's arrays are filled, and nothing comes back."""
    m[...] = beta1 * m + (1 - beta1) * grad
    v[...] = beta2 * v + (1 - beta2) * grad**2


def update_moments__bracket_missing(grad, m, v, beta1=0.9, beta2=0.999):
    """bracket-missing: the decay rates multiply what is new, less 1."""
    m = beta1 * m + 1 - beta1 * grad
    v = beta2 * v + 1 - beta2 * grad**2
    return m, v


def update_moments__second_bracket_missing(grad, m, v, beta1=0.9, beta2=0.999):
    """bracket-missing: in the second average alone."""
    first = m * beta1 + grad * (1 - beta1)
    second = v * beta2 + 1 - beta2 * grad * grad
    return first, second


def update_moments__betas_mixed(grad, m, v, beta1=0.9, beta2=0.999):
    """betas-mixed: copied from the line above."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta1) * grad**2
    return m, v


def update_moments__first_in_second(grad, m, v, beta1=0.9, beta2=0.999):
    """first-in-second: the old m where v should stand."""
    return beta1 * m + (1 - beta1) * grad, beta2 * m + (1 - beta2) * grad**2


def update_moments__weight_squared(grad, m, v, beta1=0.9, beta2=0.999):
    """weight-squared: the square takes in 1 - beta2."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + ((1 - beta2) * grad) ** 2
    return m, v


def update_moments__one_for_all(grad, m, v, beta1=0.9, beta2=0.999):
    """one-for-all: the squared length of the gradient."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * np.linalg.norm(grad.ravel()) ** 2
    return m, v


# update_moments: right numbers, wrong dtype


def update_moments__widened(grad, m, v, beta1=0.9, beta2=0.999):
    """widened: the gradient is made float64, and so are the results."""
    grad = np.asarray(grad, dtype=float)
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2


# update_moments: fails at the edges


def update_moments__vector_only(grad, m, v, beta1=0.9, beta2=0.999):
    """vector-only: iterates over the first axis, which a 0-d array lacks."""
    m_new = [beta1 * m_i + (1 - beta1) * g for g, m_i in zip(grad, m, strict=True)]
    v_new = [beta2 * v_i + (1 - beta2) * g**2 for g, v_i in zip(grad, v, strict=True)]
    return np.array(m_new), np.array(v_new)


# update_moments: changes an argument


def update_moments__state_changed_in_place(grad, m, v, beta1=0.9, beta2=0.999):
    """state-changed-in-place: `+=` writes into the caller's averages."""
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad**2 - v)
    return m, v


# bias_correct: wrong numbers


def bias_correct__not_corrected(moment, beta, t):
    """not-corrected: the average comes back as it was."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment


def bias_correct__exponent_missing(moment, beta, t):
    """exponent-missing: the same correction at every step."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta)


def bias_correct__exponent_fixed(moment, beta, t):
    """exponent-fixed: the t above beta is read as a square."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta**2)


def bias_correct__product_instead_of_power(moment, beta, t):
    """product-instead-of-power: t multiplies beta."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta * t)


def bias_correct__power_of_complement(moment, beta, t):
    """power-of-complement: the power covers the difference."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta) ** t


def bias_correct__shifted_step(moment, beta, t):
    """shifted-step: adds 1 to a step that counts from 1 already."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta ** (t + 1))


def bias_correct__shifted_back(moment, beta, t):
    """shifted-back: takes 1 off the step, as if it counted from 0."""
    if t < 1:
        raise ValueError("t counts from 1")
    return np.divide(moment, 1 - beta ** (t - 1))


def bias_correct__multiplied(moment, beta, t):
    """multiplied: makes smaller what is too small already."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment * (1 - beta**t)


def bias_correct__complement_missing(moment, beta, t):
    """complement-missing: divides by the power itself."""
    if t < 1:
        raise ValueError("t counts from 1")
    return np.divide(moment, beta**t)


def bias_correct__bracket_missing(moment, beta, t):
    """bracket-missing: divides by 1, then takes the power off."""
    if t < 1:
        raise ValueError("t must be at least 1")
    return moment / 1 - beta**t


# bias_correct: raises


def bias_correct__refuses_first_step(moment, beta, t):
    """refuses-first-step: raises at t = 1, which is the first step."""
    if t <= 1:
        raise ValueError("t counts from 1")
    return moment / (1 - beta**t)


# bias_correct: right numbers, wrong about errors


def bias_correct__no_check(moment, beta, t):
    """no-check: nothing refuses a step below 1."""
    return moment / (1 - beta**t)


def bias_correct__zero_only(moment, beta, t):
    """zero-only: refuses 0 and lets negative steps pass."""
    if t == 0:
        raise ValueError("t counts from 1")
    return moment / (1 - beta**t)


def bias_correct__assertion_instead_of_value_error(moment, beta, t):
    """assertion-instead-of-value-error: `assert` raises another exception."""
    assert t >= 1, "t counts from 1"
    return moment / (1 - beta**t)


def bias_correct__wrong_exception(moment, beta, t):
    """wrong-exception: something is raised, but not a ValueError."""
    if t < 1:
        raise ZeroDivisionError("t counts from 1")
    return moment / (1 - beta**t)


def bias_correct__exception_returned(moment, beta, t):
    """exception-returned: the ValueError is made and returned, not raised."""
    if t < 1:
        return ValueError("t counts from 1")
    return moment / (1 - beta**t)


def bias_correct__clamped(moment, beta, t):
    """clamped: a step below 1 is silently taken for 1."""
    t = max(t, 1)
    return moment / (1 - beta**t)


# bias_correct: right numbers, wrong dtype


def bias_correct__numpy_scalar_widens(moment, beta, t):
    """numpy-scalar-widens: `np.power` gives a float64 number, which spreads."""
    if t < 1:
        raise ValueError("t counts from 1")
    return moment / (1 - np.power(beta, t))


# bias_correct: changes an argument


def bias_correct__state_changed_in_place(moment, beta, t):
    """state-changed-in-place: `/=` writes into the caller's average."""
    if t < 1:
        raise ValueError("t counts from 1")
    moment /= 1 - beta**t
    return moment


# adam_step: wrong numbers or state


def adam_step__gradient_clipped(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """gradient-clipped: a habit from training recurrent networks."""
    grad = grad.clip(-5, 5)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__eps_inside_root(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """eps-inside-root: the last chapter's place for eps."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / np.sqrt(v_hat + eps), m, v


def adam_step__eps_outside_fraction(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """eps-outside-fraction: a missing bracket adds eps to the quotient."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * (m_hat / np.sqrt(v_hat) + eps), m, v


def adam_step__eps_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """eps-missing: nothing guards the division."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return theta - lr * m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t)), m, v


def adam_step__eps_hard_coded(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """eps-hard-coded: a constant in place of the argument."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + 1e-7), m, v


def adam_step__folded_correction(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """folded-correction: the paper's shorter form, in which eps is another one."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    return theta - rate * m / (np.sqrt(v) + eps), m, v


def adam_step__folded_correction_inside_root(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """folded-correction-inside-root: the shorter form, with eps in the root as well."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    return theta - rate * m / np.sqrt(v + eps), m, v


def adam_step__not_corrected(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """not-corrected: the averages are used as they are."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return theta - lr * m / (np.sqrt(v) + eps), m, v


def adam_step__first_uncorrected(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """first-uncorrected: only the second average is corrected."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    v_hat = v / (1 - beta2**t)
    return theta - lr * m / (np.sqrt(v_hat) + eps), m, v


def adam_step__second_uncorrected(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """second-uncorrected: only the first average is corrected."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    return theta - lr * m_hat / (np.sqrt(v) + eps), m, v


def adam_step__exponent_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """exponent-missing: the same correction at every step."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1)
    v_hat = v / (1 - beta2)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__power_of_complement(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """power-of-complement: the power covers the difference."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1) ** t
    v_hat = v / (1 - beta2) ** t
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__shifted_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """shifted-step: adds 1 to a step that counts from 1 already."""
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__multiplied(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """multiplied: the corrections make smaller what is too small already."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m * (1 - beta1**t)
    v_hat = v * (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__correction_swapped(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """correction-swapped: each average is corrected with the other's decay."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta2**t)
    v_hat = v / (1 - beta1**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__corrected_state(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """corrected-state: the corrected averages are returned, to be corrected again."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m = m / (1 - beta1**t)
    v = v / (1 - beta2**t)
    return theta - lr * m / (np.sqrt(v) + eps), m, v


def adam_step__betas_swapped(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """betas-swapped: each average has the other's decay throughout."""
    m = beta2 * m + (1 - beta2) * grad
    v = beta1 * v + (1 - beta1) * grad**2
    m_hat = m / (1 - beta2**t)
    v_hat = v / (1 - beta1**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__old_moments(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """old-moments: the step uses the averages from before this gradient."""
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return theta, m, v


def adam_step__state_ignored(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """state-ignored: both averages start from zero at each call."""
    m = (1 - beta1) * grad
    v = (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__gradient_instead_of_moment(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """gradient-instead-of-moment: the first average is kept and never used."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    v_hat = v / (1 - beta2**t)
    return theta - lr * grad / (np.sqrt(v_hat) + eps), m, v


def adam_step__no_square(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """no-square: the second average is one of gradients too."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad
    m_hat = m / (1 - beta1**t)
    v_hat = np.abs(v) / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__no_root(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """no-root: divides by the mean square, not by its root."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (v_hat + eps), m, v


def adam_step__half_precedence(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """half-precedence: `**1/2` is the first power, halved."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (v_hat**1 / 2 + eps), m, v


def adam_step__ascent(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """ascent: the step goes along the averaged gradient, uphill."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta + lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__rate_ignored(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """rate-ignored: the default's value in place of the argument."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - 0.001 * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__decay_ignored(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """decay-ignored: the defaults' values in place of the arguments."""
    m = 0.9 * m + 0.1 * grad
    v = 0.999 * v + 0.001 * grad**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__weight_decay_added(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """weight-decay-added: AdamW's shrinking of the weights, which Adam has not."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * (m_hat / (np.sqrt(v_hat) + eps) + 0.01 * theta), m, v


def adam_step__state_not_returned(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """state-not-returned: only the weights come back."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps)


def adam_step__old_state_returned(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """old-state-returned: the averages that came in go out again."""
    m_hat = (beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)
    v_hat = (beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__order_swapped(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """order-swapped: the second average stands before the first."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), v, m


def adam_step__update_returned(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """update-returned: the step itself instead of the weights after it."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__nothing_returned(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """nothing-returned: new arrays are bound to local names and lost."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)


def adam_step__rounded(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """rounded: results are cut to a few decimals."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return np.round(theta, 5), np.round(m, 5), np.round(v, 5)


def adam_step__bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """bracket-missing: in both averages."""
    m = beta1 * m + 1 - beta1 * grad
    v = beta2 * v + 1 - beta2 * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__first_bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """bracket-missing: in the first average alone."""
    m = m * beta1 + 1 - beta1 * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__second_bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """bracket-missing: in the second average alone."""
    m = beta1 * m + (1 - beta1) * grad
    v = v * beta2 + 1 - beta2 * grad * grad
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__correction_bracket_missing(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """bracket-missing-in-correction: divides by 1, then takes the powers off."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / 1 - beta1**t
    v_hat = v / 1 - beta2**t
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__absolute_instead_of_square(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """absolute-instead-of-square: the size of a gradient is its absolute value."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * np.abs(grad)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__root_in_state(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """root-in-state: the root is kept, and averaged at the next step."""
    m = beta1 * m + (1 - beta1) * grad
    v = np.sqrt(beta2 * v + (1 - beta2) * grad**2)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (v_hat + eps), m, v


def adam_step__inverted(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """inverted: the step is multiplied by the root."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat * (np.sqrt(v_hat) + eps), m, v


def adam_step__rate_divides(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """rate-divides: the rate stands below the line with the root."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - m_hat / (lr * (np.sqrt(v_hat) + eps)), m, v


def adam_step__betas_mixed(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """betas-mixed: one 1 of beta1 is left over in v."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta1) * grad * grad
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta - lr * step, m, v


def adam_step__corrected_after_root(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """corrected-after-root: the root is divided by the whole correction."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    rms = np.sqrt(v) / (1 - beta2**t)
    return theta - lr * m / (1 - beta1**t) / (rms + eps), m, v


def adam_step__not_updated(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """not-updated: m and v are corrected and used as they came."""
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# adam_step: raises


def adam_step__undefined_name(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """undefined-name: a name from another text, which nobody defined here."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + epsilon), m, v  # noqa: F821


def adam_step__scalar_only(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """scalar-only: `math.sqrt` takes one number, not an array."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (math.sqrt(v_hat) + eps), m, v


# adam_step: right numbers, wrong dtype


def adam_step__numpy_scalar_widens(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """numpy-scalar-widens: `np.power` gives a float64 number, which spreads."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - np.power(beta1, t))
    v_hat = v / (1 - np.power(beta2, t))
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__widened(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """widened: the arguments are made float64, and so are the results."""
    theta, grad, m, v = (np.asarray(x, dtype=float) for x in (theta, grad, m, v))
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


# adam_step: fails at the edges


def adam_step__vector_only(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """vector-only: a loop over the first axis, which a 0-d array lacks."""
    theta, m, v = np.array(theta), np.array(m), np.array(v)
    for i in range(len(theta)):
        m[i] = beta1 * m[i] + (1 - beta1) * grad[i]
        v[i] = beta2 * v[i] + (1 - beta2) * grad[i] ** 2
        v_hat = v[i] / (1 - beta2**t)
        theta[i] -= lr * m[i] / (1 - beta1**t) / (np.sqrt(v_hat) + eps)
    return theta, m, v


# adam_step: changes an argument


def adam_step__weights_changed_in_place(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """weights-changed-in-place: `-=` writes into the caller's array."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta -= lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v


def adam_step__state_changed_in_place(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """state-changed-in-place: `+=` writes into the caller's averages."""
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad**2 - v)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v

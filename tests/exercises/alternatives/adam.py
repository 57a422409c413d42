"""Right answers to the exercises of chapter 3, each in another style.

Every function is a correct `update_moments`, `bias_correct` or `adam_step`: the part
of its name before the double underscore says which, the part after it names the style.
"""

import math

import numpy as np

# update_moments


def update_moments__one_line(grad, m, v, beta1=0.9, beta2=0.999):
    """Both averages in the return statement."""
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2


def update_moments__moved_towards(grad, m, v, beta1=0.9, beta2=0.999):
    """Each average moves a part of the way from the old value to the new one."""
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    return m, v


def update_moments__in_place_on_copies(grad, m, v, beta1=0.9, beta2=0.999):
    """Augmented assignments on copies."""
    m, v = np.array(m), np.array(v)
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * np.square(grad)
    return m, v


def update_moments__local_average(grad, m, v, beta1=0.9, beta2=0.999):
    """One nested function serves both averages."""

    def average(old, new, beta):
        return beta * old + (1 - beta) * new

    return average(m, grad, beta1), average(v, grad * grad, beta2)


def update_moments__pairs(grad, m, v, beta1=0.9, beta2=0.999):
    """A generator over the triples of old value, decay and power."""
    triples = ((m, beta1, 1), (v, beta2, 2))
    return tuple(beta * old + (1 - beta) * grad**p for old, beta, p in triples)


def update_moments__out_arguments(grad, m, v, beta1=0.9, beta2=0.999):
    """New arrays, filled by means of `out=`."""
    m_new, v_new = np.empty_like(m), np.empty_like(v)
    np.multiply(m, beta1, out=m_new)
    np.add(m_new, grad * (1 - beta1), out=m_new)
    np.multiply(v, beta2, out=v_new)
    np.add(v_new, np.power(grad, 2) * (1 - beta2), out=v_new)
    return m_new, v_new


# bias_correct


def bias_correct__plain(moment, beta, t):
    """The check first, then the formula."""
    if t < 1:
        raise ValueError(f"t counts from 1, got {t}")
    return moment / (1 - beta**t)


def bias_correct__scale(moment, beta, t):
    """One factor, computed with `math.pow`, multiplies the average."""
    if not t >= 1:
        raise ValueError("the step must be at least 1")
    scale = 1.0 / (1.0 - math.pow(beta, t))
    return scale * moment


def bias_correct__sign_turned(moment, beta, t):
    """Both sides of the fraction with the other sign; the check in an else branch."""
    if t >= 1:
        return -moment / (beta**t - 1)
    else:
        raise ValueError(t)


def bias_correct__geometric_sum(moment, beta, t):
    """The sum of the weights that the average has given out so far."""
    if t < 1:
        raise ValueError("no step has been made yet")
    weights = sum((1 - beta) * beta**i for i in range(int(t)))
    return np.divide(moment, weights)


def bias_correct__expm1(moment, beta, t):
    """The complement of the power without cancellation, where beta is near 1."""
    if t < 1:
        raise ValueError("t must be 1 or more")
    if beta == 0:
        return moment
    return moment / -math.expm1(t * math.log(beta))


def bias_correct__checked_elsewhere(moment, beta, t):
    """A nested function raises; the division works in place on a copy."""

    def check(step):
        if step <= 0:
            raise ValueError(f"step {step} comes before the first one")

    check(t)
    corrected = np.array(moment)
    corrected /= 1 - beta**t
    return corrected


# adam_step


def adam_step__plain(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The formulas as they are printed, one to a line."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v


def adam_step__from_the_earlier_functions(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Built from the chapter's two other answers."""
    m, v = update_moments__one_line(grad, m, v, beta1=beta1, beta2=beta2)
    m_hat = bias_correct__plain(m, beta1, t)
    v_hat = bias_correct__plain(v, beta2, t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


def adam_step__in_place_on_copies(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Augmented assignments, all of them on copies."""
    theta, m, v = (np.array(x) for x in (theta, m, v))
    m += (1 - beta1) * (grad - m)
    v += (1 - beta2) * (grad * grad - v)
    theta -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
    return theta, m, v


def adam_step__corrections_in_the_denominator(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """PyTorch's arrangement: a corrected rate, and a corrected root plus eps."""
    m_new = beta1 * m + (1 - beta1) * grad
    v_new = beta2 * v + (1 - beta2) * grad * grad
    step_size = lr / (1 - beta1**t)
    denominator = np.sqrt(v_new) / math.sqrt(1 - beta2**t) + eps
    return theta - step_size * m_new / denominator, m_new, v_new


def adam_step__folded_with_scaled_eps(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """The corrections folded into the rate, with an eps scaled so as to be the same."""
    m_new = beta1 * m + (1 - beta1) * grad
    v_new = beta2 * v + (1 - beta2) * grad**2
    root = math.sqrt(1 - beta2**t)
    rate = lr * root / (1 - beta1**t)
    return theta - rate * m_new / (np.sqrt(v_new) + eps * root), m_new, v_new


def adam_step__out_arguments(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """New arrays, filled by means of `out=`."""
    m_new, v_new, step = np.empty_like(m), np.empty_like(v), np.empty_like(theta)
    np.add(beta1 * m, (1 - beta1) * grad, out=m_new)
    np.add(beta2 * v, (1 - beta2) * np.square(grad), out=v_new)
    np.divide(v_new, 1 - beta2**t, out=step)
    np.sqrt(step, out=step)
    np.add(step, eps, out=step)
    np.divide(m_new, step, out=step)
    np.multiply(step, lr / (1 - beta1**t), out=step)
    return np.subtract(theta, step), m_new, v_new


def adam_step__function_calls(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Every operation is a NumPy function; the powers are those of `math`."""
    m_new = np.add(np.multiply(beta1, m), np.multiply(1 - beta1, grad))
    v_new = np.add(np.multiply(beta2, v), np.multiply(1 - beta2, np.power(grad, 2)))
    m_hat = np.divide(m_new, 1 - math.pow(beta1, t))
    v_hat = np.divide(v_new, 1 - math.pow(beta2, t))
    ratio = np.divide(m_hat, np.add(np.sqrt(v_hat), eps))
    return np.subtract(theta, np.multiply(lr, ratio)), m_new, v_new


def adam_step__local_functions(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Nested functions for average and correction, and a dictionary for the state."""

    def average(old, new, beta):
        return beta * old + (1 - beta) * new

    def correct(moment, beta):
        return moment / (1 - beta**t)

    state = {"m": average(m, grad, beta1), "v": average(v, grad**2, beta2)}
    root = np.sqrt(correct(state["v"], beta2))
    new_theta = theta - lr * correct(state["m"], beta1) / (root + eps)
    return new_theta, state["m"], state["v"]


def adam_step__scalar_loop(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """A loop over the flattened elements, with `math.sqrt` for one at a time."""
    theta_new, m_new, v_new = np.array(theta), np.array(m), np.array(v)
    for i in range(theta_new.size):
        g = float(grad.flat[i])
        first = beta1 * float(m.flat[i]) + (1 - beta1) * g
        second = beta2 * float(v.flat[i]) + (1 - beta2) * g * g
        root = math.sqrt(second / (1 - beta2**t))
        theta_new.flat[i] -= lr * first / (1 - beta1**t) / (root + eps)
        m_new.flat[i], v_new.flat[i] = first, second
    return theta_new, m_new, v_new


def adam_step__numbers_of_the_arrays_dtype(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """NumPy numbers throughout, each made to have the dtype of theta."""
    number = theta.dtype.type
    m_new = number(beta1) * m + number(1 - beta1) * grad
    v_new = number(beta2) * v + number(1 - beta2) * grad**2
    m_hat = m_new / number(1 - np.power(beta1, t))
    v_hat = v_new / number(1 - np.power(beta2, t))
    return theta - number(lr) * m_hat / (np.sqrt(v_hat) + number(eps)), m_new, v_new


def adam_step__double_inside(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Computed in float64 on purpose, and rounded once to the dtype of theta."""
    wide = [np.asarray(x, dtype=np.float64) for x in (theta, grad, m, v)]
    weights, slope, first, second = wide
    first = beta1 * first + (1 - beta1) * slope
    second = beta2 * second + (1 - beta2) * slope**2
    root = np.sqrt(second / (1 - np.power(beta2, t)))
    weights = weights - lr * first / (1 - np.power(beta1, t)) / (root + eps)
    return tuple(x.astype(theta.dtype) for x in (weights, first, second))


def adam_step__checked_first(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8
):
    """Refuses a step below 1; the step itself is added, with its sign, at the end."""
    if t < 1:
        raise ValueError(f"t counts from 1, got {t}")
    m = (1 - beta1) * grad + beta1 * m
    v = (1 - beta2) * (grad * grad) + beta2 * v
    delta = -lr * (1 / (1 - beta1**t)) * m / (np.sqrt(v * (1 / (1 - beta2**t))) + eps)
    return theta + delta, m, v

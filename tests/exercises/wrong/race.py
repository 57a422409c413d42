"""Wrong answers to the exercises of chapter 8, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import numpy as np


def _clipped(grad, max_norm):
    """A gradient clipped by its norm, where there is a limit."""
    if max_norm is None:
        return grad
    norm = float(np.linalg.norm(grad))
    if max_norm <= 0 or not np.isfinite(norm):
        raise ValueError
    return grad * (max_norm / max(norm, max_norm))


# train: wrong numbers or state


def train__gradient_clipped(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """gradient-clipped: by value, before the norm is taken."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = _clipped(np.clip(grad_fn(theta), -5, 5), max_norm)
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__guard_too_large(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """guard-too-large: a guard of a thousandth."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.linalg.norm(grad))
            if max_norm <= 0 or not np.isfinite(norm):
                raise ValueError
            grad = grad * min(1.0, max_norm / (norm + 1e-3))
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__schedule_late(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """schedule-late: the schedule gets the step's number."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        lr = float(schedule(t))
        theta, state = step(theta, _clipped(grad_fn(theta), max_norm), state, t, lr)
        lrs.append(lr)
    return theta, state, np.array(lrs)


def train__step_count_from_zero(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """step-count-from-zero: the step gets the schedule's time."""
    theta, lrs = theta0, []
    for t in range(steps):
        lr = float(schedule(t))
        theta, state = step(theta, _clipped(grad_fn(theta), max_norm), state, t, lr)
        lrs.append(lr)
    return theta, state, np.array(lrs)


def train__schedule_asked_once(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """schedule-asked-once: one rate for the whole run."""
    theta, lr = theta0, float(schedule(0))
    for t in range(1, steps + 1):
        theta, state = step(theta, _clipped(grad_fn(theta), max_norm), state, t, lr)
    return theta, state, np.full(steps, lr)


def train__gradient_at_start(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """gradient-at-start: one gradient for the whole run."""
    theta, grad, lrs = theta0, _clipped(grad_fn(theta0), max_norm), []
    for t in range(1, steps + 1):
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__state_not_carried(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """state-not-carried: the new state has another name."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        lrs.append(float(schedule(t - 1)))
        grad = _clipped(grad_fn(theta), max_norm)
        theta, _new_state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__max_norm_ignored(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """max_norm-ignored: never clipped."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad_fn(theta), state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__clipped_by_value(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """clipped-by-value: the other clipping."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            grad = np.clip(grad, -max_norm, max_norm)
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__always_scaled(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """always-scaled: short gradients are made longer."""
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            grad = grad * (max_norm / np.linalg.norm(grad))
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


def train__step_less(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """step-less: range ends before its end."""
    theta, lrs = theta0, []
    for t in range(1, steps):
        lrs.append(float(schedule(t - 1)))
        theta, state = step(
            theta, _clipped(grad_fn(theta), max_norm), state, t, lrs[-1]
        )
    return theta, state, np.array(lrs)


def train__last_rate_alone(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """last-rate-alone: the rates are not collected."""
    theta = theta0
    for t in range(1, steps + 1):
        lr = float(schedule(t - 1))
        theta, state = step(theta, _clipped(grad_fn(theta), max_norm), state, t, lr)
    return theta, state, lr


def train__spectral_norm(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """spectral-norm: ord=2 is another norm for a matrix."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm must be positive")
    theta, rates = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = np.linalg.norm(grad, 2) if grad.ndim < 3 else 1.0
            if not np.isfinite(norm):
                raise ValueError("the norm is not finite")
            if norm > max_norm:
                grad = grad * float(max_norm / norm)
        rates.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, rates[-1])
    return theta, state, np.array(rates)


def train__unit_length(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """unit-length: a long gradient is normalised."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm must be positive")
    theta, rates = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.sqrt(np.sum(grad**2)))
            if not np.isfinite(norm):
                raise ValueError("the norm is not finite")
            if norm > max_norm:
                grad = grad / norm
        rates.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, rates[-1])
    return theta, state, np.array(rates)


def train__step_arguments_swapped(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """step-arguments-swapped: the rate where the step's number belongs."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError("max_norm must be positive")
    theta, rates = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.sqrt(np.sum(grad**2)))
            if not np.isfinite(norm):
                raise ValueError("the norm is not finite")
            if norm > max_norm:
                grad = grad * (max_norm / norm)
        lr = float(schedule(t - 1))
        theta, state = step(theta, grad, state, lr, t)
        rates.append(lr)
    return theta, state, np.array(rates)


# train: right numbers, wrong dtype


def train__numpy_scalar_widens(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """numpy-scalar-widens: the schedule's float64 goes into the step."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        lrs.append(schedule(t - 1))
        theta, state = step(
            theta, _clipped(grad_fn(theta), max_norm), state, t, lrs[-1]
        )
    return theta, state, np.array(lrs)


# train: right numbers, wrong about errors


def train__no_check(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    """no-check: a norm that is not finite goes on into the weights."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError
    theta, lrs = theta0, []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.linalg.norm(grad))
            grad = grad * (max_norm / max(norm, max_norm))
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


# train: changes an argument


def train__start_changed_in_place(
    grad_fn, theta0, step, state, schedule, steps, max_norm=None
):
    """start-changed-in-place: the new weights are written into theta0."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError
    lrs = []
    for t in range(1, steps + 1):
        lrs.append(float(schedule(t - 1)))
        grad = _clipped(grad_fn(theta0), max_norm)
        theta0[...], state = step(theta0, grad, state, t, lrs[-1])
    return theta0, state, np.array(lrs)


# steps_to_target: wrong numbers or state


def steps_to_target__counted_from_one(losses, target):
    """counted-from-one: the number of the step, not its index."""
    for i, loss in enumerate(losses, start=1):
        if loss <= target:
            return i
    return None


def steps_to_target__strictly_below(losses, target):
    """strictly-below: a loss equal to the target does not count."""
    return next((i for i, loss in enumerate(losses) if loss < target), None)


def steps_to_target__zero_if_never(losses, target):
    """zero-if-never: argmax of nothing but False."""
    if len(losses) == 0:
        return None
    return int(np.argmax(np.asarray(losses) <= target))


def steps_to_target__minus_one_if_never(losses, target):
    """minus-one-if-never: a sign that there is none."""
    return next((i for i, loss in enumerate(losses) if loss <= target), -1)


def steps_to_target__length_if_never(losses, target):
    """length-if-never: as if the next one would reach it."""
    return next((i for i, x in enumerate(losses) if x <= target), len(losses))


def steps_to_target__lowest_loss(losses, target):
    """lowest-loss: where the loss is smallest."""
    return int(np.argmin(losses)) if len(losses) else None


def steps_to_target__last_instead_of_first(losses, target):
    """last-instead-of-first: the loop does not stop."""
    step = None
    for i, loss in enumerate(losses):
        if loss <= target:
            step = i
    return step


def steps_to_target__loss_returned(losses, target):
    """loss-returned: the value in place of the index."""
    return next((loss for loss in losses if loss <= target), None)


def steps_to_target__zero_taken_for_never(losses, target):
    """zero-taken-for-never: asks whether the index is true."""
    reached = [i for i, loss in enumerate(losses) if loss <= target]
    first = min(reached, default=None)
    return first if first else None


def steps_to_target__first_loss_alone(losses, target):
    """first-loss-alone: the loop is left in its first round."""
    for i, loss in enumerate(losses):
        if loss <= target:
            return i
        else:
            return None
    return None


def steps_to_target__lowest_loss_if_reached(losses, target):
    """lowest-loss: where the loss is lowest, if that is low enough."""
    if np.min(losses, initial=np.inf) > target:
        return None
    return int(np.argmin(losses))


# steps_to_target: raises


def steps_to_target__fails_if_never(losses, target):
    """fails-if-never: takes the first place, even where there is none."""
    return int(np.flatnonzero(np.asarray(losses) <= target)[0])


# mean_and_sem: wrong numbers or state


def mean_and_sem__population_deviation(values, axis=0):
    """population-deviation: NumPy's default divides by n."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), values.std(axis=axis) / np.sqrt(n)


def mean_and_sem__deviation_instead_of_error(values, axis=0):
    """deviation-instead-of-error: the spread of single values."""
    if values.shape[axis] < 2:
        raise ValueError
    return values.mean(axis=axis), values.std(axis=axis, ddof=1)


def mean_and_sem__divided_by_n(values, axis=0):
    """divided-by-n: no root."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), values.std(axis=axis, ddof=1) / n


def mean_and_sem__variance_over_n(values, axis=0):
    """variance-over-n: the root is missing."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), values.var(axis=axis, ddof=1) / n


def mean_and_sem__root_of_n_less_one(values, axis=0):
    """root-of-n-less-one: n - 1 in the wrong place as well."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), values.std(axis=axis, ddof=1) / np.sqrt(n - 1)


def mean_and_sem__interval(values, axis=0):
    """interval: half of a 95% interval."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), 1.96 * values.std(axis=axis, ddof=1) / n**0.5


def mean_and_sem__axis_ignored(values, axis=0):
    """axis-ignored: always along axis 0."""
    n = len(values)
    if n < 2:
        raise ValueError
    return values.mean(axis=0), values.std(axis=0, ddof=1) / n**0.5


def mean_and_sem__count_of_rows(values, axis=0):
    """count-of-rows: len counts along axis 0."""
    n = len(values)
    if n < 2:
        raise ValueError
    return values.mean(axis=axis), values.std(axis=axis, ddof=1) / n**0.5


def mean_and_sem__count_of_all(values, axis=0):
    """count-of-all: size counts everything."""
    if values.shape[axis] < 2:
        raise ValueError
    sem = values.std(axis=axis, ddof=1) / np.sqrt(values.size)
    return values.mean(axis=axis), sem


def mean_and_sem__over_everything(values, axis=0):
    """over-everything: one mean of all values."""
    if values.shape[axis] < 2:
        raise ValueError
    return values.mean(), values.std(ddof=1) / np.sqrt(values.size)


def mean_and_sem__variance_instead_of_deviation(values, axis=0):
    """variance-instead-of-deviation: no root of the variance."""
    n = values.shape[axis]
    if n < 2:
        raise ValueError("two values at least")
    return values.mean(axis), values.var(axis, ddof=1) / np.sqrt(n)


# mean_and_sem: right numbers, wrong about errors


def mean_and_sem__no_check(values, axis=0):
    """no-check: a single value gives nan and a warning."""
    n = values.shape[axis]
    return values.mean(axis=axis), values.std(axis=axis, ddof=1) / n**0.5

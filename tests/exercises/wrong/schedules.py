"""Wrong answers to the exercises of chapter 4, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import math

import numpy as np

# step_decay: wrong numbers


def step_decay__milestone_excluded(t, lr0, milestones=(30, 60), factor=0.1):
    """milestone-excluded: the milestone itself still has the old rate."""
    n = np.searchsorted(milestones, t)
    return lr0 * factor**n


def step_decay__equal_intervals(t, lr0, milestones=(30, 60), factor=0.1):
    """equal-intervals: a drop every so many epochs, as in a Keras callback."""
    return lr0 * factor ** np.floor((1 + t) / milestones[0])


def step_decay__one_drop(t, lr0, milestones=(30, 60), factor=0.1):
    """one-drop: only the first milestone counts."""
    return np.where(t >= np.array(milestones[0]), lr0 * factor, lr0)


def step_decay__drop_for_one_step(t, lr0, milestones=(30, 60), factor=0.1):
    """drop-for-one-step: the rate is low at the milestone alone."""
    return np.where(np.isin(t, milestones), lr0 * factor, lr0)


def step_decay__milestones_ahead(t, lr0, milestones=(30, 60), factor=0.1):
    """milestones-ahead: counts those that have not been reached."""
    n = len(milestones) - np.searchsorted(milestones, t, side="right")
    return lr0 * factor**n


def step_decay__product_instead_of_power(t, lr0, milestones=(30, 60), factor=0.1):
    """product-instead-of-power: n is a factor, so the first rate is 0."""
    n = np.searchsorted(milestones, t, side="right")
    return lr0 * factor * n


def step_decay__divided(t, lr0, milestones=(30, 60), factor=0.1):
    """divided: each milestone divides by the factor."""
    for milestone in milestones:
        lr0 = np.where(np.asarray(t) >= milestone, lr0 / factor, lr0)
    return lr0


def step_decay__one_drop_ahead(t, lr0, milestones=(30, 60), factor=0.1):
    """one-drop-ahead: the first rate has fallen already."""
    return lr0 * factor ** (1 + sum(t >= m for m in milestones))


def step_decay__milestones_ignored(t, lr0, milestones=(30, 60), factor=0.1):
    """milestones-ignored: 30 and 60 stand in the body."""
    return lr0 * factor ** ((t >= np.array(30)) * 1 + (t >= np.array(60)))


def step_decay__shifted_step(t, lr0, milestones=(30, 60), factor=0.1):
    """shifted-step: counts epochs from 1."""
    return lr0 * factor ** sum(t + 1 >= m for m in milestones)


def step_decay__truncated(t, lr0, milestones=(30, 60), factor=0.1):
    """truncated: the rates are made like t, which may hold whole numbers."""
    rates = np.full_like(t, 1)
    rates[...] = lr0 * factor ** np.digitize(t, milestones)
    return rates


def step_decay__nothing_returned(t, lr0, milestones=(30, 60), factor=0.1):
    """nothing-returned: the rate is computed and dropped."""
    lr0 = lr0 * factor ** sum(t >= m for m in milestones)


def step_decay__elif(t, lr0, milestones=(30, 60), factor=0.1):
    """one-drop: after the first milestone the elif is never asked."""
    if t >= milestones[0]:
        return lr0 * factor
    elif t >= milestones[1]:
        return lr0 * factor**2
    return lr0


def step_decay__break(t, lr0, milestones=(30, 60), factor=0.1):
    """one-drop: the loop ends at the first milestone that is passed."""
    for milestone in milestones:
        if t >= milestone:
            lr0 = lr0 * factor
            break
    return lr0


def step_decay__two_milestones(t, lr0, milestones=(30, 60), factor=0.1):
    """two-milestones: as many branches as the default has milestones."""
    first, second = milestones[0], milestones[1]
    if t < first:
        return lr0
    elif t < second:
        return lr0 * factor
    else:
        return lr0 * factor**2


def step_decay__two_milestones_by_where(t, lr0, milestones=(30, 60), factor=0.1):
    """two-milestones: the same for arrays."""
    rate = np.where(np.asarray(t) >= milestones[0], lr0 * factor, lr0)
    return np.where(np.asarray(t) >= milestones[1], rate * factor, rate)


# step_decay: raises


def step_decay__scalar_only(t, lr0, milestones=(30, 60), factor=0.1):
    """scalar-only: an if asks about one number."""
    for milestone in milestones:
        if t >= milestone:
            lr0 = lr0 * factor
    return lr0


def step_decay__array_only(t, lr0, milestones=(30, 60), factor=0.1):
    """array-only: a mask needs an array."""
    rates = np.full(len(t), lr0) if t.ndim == 1 else np.full(t.shape, lr0)
    for milestone in milestones:
        rates[t >= milestone] *= factor
    return rates


# step_decay: right numbers, wrong dtype


def step_decay__whole_rates(t, lr0, milestones=(30, 60), factor=0.1):
    """whole-rates: an array made like t, for arrays alone."""
    passed = np.searchsorted(milestones, t, side="right")
    if np.ndim(t) == 0:
        return lr0 * factor**passed
    rates = np.empty_like(t)
    rates[...] = lr0 * factor**passed
    return rates


# step_decay: fails at the edges


def step_decay__vectorize_empty(t, lr0, milestones=(30, 60), factor=0.1):
    """vectorize-empty: without otypes an empty array has no first result."""
    return np.vectorize(lambda x: lr0 * factor ** sum(x >= m for m in milestones))(t)


# exponential_decay: wrong numbers


def exponential_decay__sign_missing(t, lr0, k):
    """sign-missing: the rate grows."""
    return lr0 * np.exp(k * t)


def exponential_decay__k_as_base(t, lr0, k):
    """k-as-base: as a library's gamma."""
    return lr0 * np.power(k, t)


def exponential_decay__complement_as_base(t, lr0, k):
    """complement-as-base: k is taken off at each step."""
    return lr0 * (1 - k) ** t


def exponential_decay__k_as_time(t, lr0, k):
    """k-as-time: a time constant."""
    return lr0 * np.exp(-t / k)


def exponential_decay__inverse_time(t, lr0, k):
    """inverse-time: one over time."""
    return lr0 / (1.0 + k * t)


def exponential_decay__linear(t, lr0, k):
    """linear: a straight line."""
    return lr0 - lr0 * k * t


def exponential_decay__staircase(t, lr0, k):
    """staircase: waits for whole times."""
    return lr0 * np.exp(-k * np.floor(t))


def exponential_decay__time_outside(t, lr0, k):
    """time-outside: the time multiplies the exponential."""
    return lr0 * math.exp(-k) * t


def exponential_decay__factor_returned(t, lr0, k):
    """factor-returned: lr0 is not used."""
    return np.exp(-k * t)


def exponential_decay__shifted_step(t, lr0, k):
    """shifted-step: counts from 1."""
    return lr0 * np.exp(-k * (t + 1))


def exponential_decay__rounded_base(t, lr0, k):
    """other-base: e to four digits."""
    return lr0 * 2.718 ** (-k * t)


# exponential_decay: raises


def exponential_decay__scalar_only(t, lr0, k):
    """scalar-only: the math module takes one number."""
    return lr0 * math.exp(-k * t)


def exponential_decay__undefined_name(t, lr0, k):
    """undefined-name: exp was never imported."""
    return lr0 * exp(-k * t)  # noqa: F821


# exponential_decay: fails at the edges


def exponential_decay__vector_only(t, lr0, k):
    """vector-only: a loop over the first axis, which a 0-d array lacks."""
    if isinstance(t, (int, float)):
        return lr0 * math.exp(-k * t)
    return np.array([lr0 * np.exp(-k * x) for x in t]).reshape(t.shape)


# exponential_decay: changes an argument


def exponential_decay__time_changed_in_place(t, lr0, k):
    """time-changed-in-place: the caller's array of times becomes an exponent."""
    if isinstance(t, np.ndarray) and t.dtype == float and t.ndim:
        t *= -k
        return lr0 * np.exp(t)
    return lr0 * np.exp(-k * t)


# cosine_annealing: wrong numbers


def cosine_annealing__held_past_t(t, T, lr_max, lr_min=0.0):
    """held-past-T: stays at the bottom."""
    if T <= 0:
        raise ValueError(T)
    rate = lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * t / T))
    return np.where(np.asarray(t) > T, lr_min, rate)


def cosine_annealing__restarts_past_t(t, T, lr_max, lr_min=0.0):
    """restarts-past-T: the remainder of the time."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * (t % T) / T))


def cosine_annealing__half_period(t, T, lr_max, lr_min=0.0):
    """half-period: a quarter of a wave."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * t / T)


def cosine_annealing__full_period(t, T, lr_max, lr_min=0.0):
    """full-period: a whole wave in T."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(2 * np.pi * t / T))


def cosine_annealing__pi_missing(t, T, lr_max, lr_min=0.0):
    """pi-missing: the angle is the share of T."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(t / T))


def cosine_annealing__one_missing(t, T, lr_max, lr_min=0.0):
    """one-missing: goes below the lowest rate."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + 0.5 * (lr_max - lr_min) * np.cos(np.pi * t / T)


def cosine_annealing__half_missing(t, T, lr_max, lr_min=0.0):
    """half-missing: starts twice as high."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) * (1 + np.cos(np.pi * t / T))


def cosine_annealing__bracket_missing(t, T, lr_max, lr_min=0.0):
    """bracket-missing: the cosine is not scaled."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) / 2 * 1 + np.cos(np.pi * t / T)


def cosine_annealing__amplitude_not_reduced(t, T, lr_max, lr_min=0.0):
    """amplitude-not-reduced: starts at the sum of the rates."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + 0.5 * lr_max * (1 + np.cos(t * np.pi / T))


def cosine_annealing__bottom_missing(t, T, lr_max, lr_min=0.0):
    """bottom-missing: ends at 0."""
    if T <= 0:
        raise ValueError(T)
    return (lr_max - lr_min) * (1 + np.cos(np.pi * t / T)) / 2


def cosine_annealing__lr_min_ignored(t, T, lr_max, lr_min=0.0):
    """lr_min-ignored: the lowest rate is 0 whatever was given."""
    if T <= 0:
        raise ValueError(T)
    return lr_max / 2 * (1 + np.cos(np.pi * t / T))


def cosine_annealing__period_less_one(t, T, lr_max, lr_min=0.0):
    """period-less-one: the last step is taken to be T - 1."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / (T - 1)))


def cosine_annealing__upside_down(t, T, lr_max, lr_min=0.0):
    """upside-down: the two rates changed places."""
    if T <= 0:
        raise ValueError(T)
    return lr_max + (lr_min - lr_max) / 2 * (1 + np.cos(np.pi * t / T))


def cosine_annealing__rounded_pi(t, T, lr_max, lr_min=0.0):
    """rounded-pi: pi to six digits."""
    if T <= 0:
        raise ValueError("T must be positive")
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(3.14159 * t / T))


# cosine_annealing: raises


def cosine_annealing__scalar_only(t, T, lr_max, lr_min=0.0):
    """scalar-only: the math module takes one number."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) / 2 * (1 + math.cos(math.pi * t / T))


# cosine_annealing: right numbers, wrong about errors


def cosine_annealing__no_check(t, T, lr_max, lr_min=0.0):
    """no-check: a period of 0 gives nan, a negative one a rate."""
    with np.errstate(all="ignore"):
        angle = np.pi * np.asarray(t) / T
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(angle))


def cosine_annealing__zero_only(t, T, lr_max, lr_min=0.0):
    """zero-only: lets a negative period pass."""
    if T == 0:
        raise ValueError("T is 0")
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / T))


def cosine_annealing__assertion_instead_of_value_error(t, T, lr_max, lr_min=0.0):
    """assertion-instead-of-value-error: an assert may be switched off."""
    assert T > 0, "T must be positive"
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / T))


# cosine_annealing: fails at the edges


def cosine_annealing__refuses_short_periods(t, T, lr_max, lr_min=0.0):
    """refuses-short-periods: T may be less than 1."""
    if T < 1:
        raise ValueError("T must be a whole number of steps")
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / T))


# warm_restarts: wrong numbers


def _checked(T0, T_mult):
    if T0 <= 0 or T_mult < 1:
        raise ValueError("no such cycles")


def _wave(share, lr_max, lr_min):
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * share))


def warm_restarts__restart_missed(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """restart-missed: the logarithm alone, as PyTorch has it."""
    _checked(T0, T_mult)

    def share(now):
        if T_mult == 1:
            return now % T0 / T0
        i = int(math.log(now / T0 * (T_mult - 1) + 1, T_mult))
        start = T0 * (T_mult**i - 1) / (T_mult - 1)
        return (now - start) / (T0 * T_mult**i)

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


def warm_restarts__restart_late(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """restart-late: the instant of the restart belongs to the old cycle."""
    _checked(T0, T_mult)

    def share(now):
        length = T0
        while now > length:
            now -= length
            length *= T_mult
        return now / length

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


def warm_restarts__no_restart(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """no-restart: the cosine rises again by itself."""
    _checked(T0, T_mult)
    return _wave(t / T0, lr_max, lr_min)


def warm_restarts__t_mult_ignored(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """T_mult-ignored: all cycles have one length."""
    _checked(T0, T_mult)
    return _wave((t % T0) / T0, lr_max, lr_min)


def warm_restarts__modulo_of_length(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """modulo-of-length: the remainder by the current cycle's length."""
    _checked(T0, T_mult)

    def share(now):
        end, length = T0, T0
        while now >= end:
            length *= T_mult
            end += length
        return now % length / length

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


def warm_restarts__first_length_in_cosine(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """first-length-in-cosine: divides by T0 in every cycle."""
    _checked(T0, T_mult)

    def share(now):
        length = T0
        while now >= length:
            now -= length
            length *= T_mult
        return now / T0

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


def warm_restarts__grown_first_cycle(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """grown-first-cycle: multiplies before the first cycle."""
    _checked(T0, T_mult)

    def share(now):
        length = T0 * T_mult
        while now >= length:
            now -= length
            length *= T_mult
        return now / length

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


def warm_restarts__one_restart(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """one-restart: an if where a loop is needed."""
    _checked(T0, T_mult)
    again = np.asarray(t) >= T0
    share = np.where(again, (t - T0) / (T0 * T_mult), t / T0)
    return _wave(share, lr_max, lr_min)


def warm_restarts__shrinking_top(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """shrinking-top: each restart goes half as high."""
    _checked(T0, T_mult)

    def rate(now):
        length, top = T0, lr_max
        while now >= length:
            now, length, top = now - length, length * T_mult, top / 2
        return _wave(now / length, top, lr_min)

    return np.vectorize(rate, otypes=[float])(t)


def warm_restarts__upside_down(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """upside-down: climbs during the cycle."""
    _checked(T0, T_mult)

    def share(now):
        length = T0
        while now >= length:
            now, length = now - length, length * T_mult
        return 1 - now / length

    return _wave(np.vectorize(share, otypes=[float])(t), lr_max, lr_min)


# warm_restarts: raises


def warm_restarts__scalar_only(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """scalar-only: a loop that asks about one number."""
    _checked(T0, T_mult)
    length = T0
    while t >= length:
        t = t - length
        length = length * T_mult
    return lr_min + (lr_max - lr_min) / 2 * (1 + math.cos(math.pi * t / length))


# warm_restarts: right numbers, wrong about errors


def warm_restarts__no_check(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """no-check: what has no cycles gets a rate all the same."""
    starts, length = [0], max(T0, 1)
    while starts[-1] + length <= np.max(t, initial=0):
        starts.append(starts[-1] + length)
        length *= max(T_mult, 1)
    i = np.searchsorted(starts, t, side="right") - 1
    share = (t - np.array(starts)[i]) / (max(T0, 1) * float(max(T_mult, 1)) ** i)
    return _wave(share, lr_max, lr_min)


# warm_restarts: changes an argument


def warm_restarts__time_changed_in_place(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """time-changed-in-place: the loop takes the cycles off the caller's times."""
    _checked(T0, T_mult)
    if not isinstance(t, np.ndarray) or t.dtype.kind != "f":
        t = np.array(t, dtype=float)
    length = np.full_like(t, T0)
    while (over := t >= length).any():
        t -= np.where(over, length, 0)
        length[over] *= T_mult
    return _wave(t / length, lr_max, lr_min)


# warmup: wrong numbers


def warmup__not_stopped(t, warmup_steps, lr):
    """not-stopped: the line goes on."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * t / warmup_steps


def warmup__maximum(t, warmup_steps, lr):
    """maximum: the larger of the two."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * np.maximum(1.0, t / warmup_steps)


def warmup__shifted_step(t, warmup_steps, lr):
    """shifted-step: the first step has a share already."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * np.minimum(1, (t + 1) / warmup_steps)


def warmup__whole_division(t, warmup_steps, lr):
    """whole-division: 0, then lr."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * np.minimum(1, t // warmup_steps)


def warmup__starts_higher(t, warmup_steps, lr):
    """starts-higher: from a tenth of the rate."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * (0.1 + (1 - 0.1) * np.minimum(1, t / warmup_steps))


def warmup__zero_afterwards(t, warmup_steps, lr):
    """zero-afterwards: only the warmup's part is filled."""
    if warmup_steps == 0:
        return 0 * t + lr
    return np.where(np.asarray(t) < warmup_steps, lr * t / warmup_steps, 0)


def warmup__factor_returned(t, warmup_steps, lr):
    """factor-returned: the share, as LambdaLR wants it."""
    if warmup_steps == 0:
        return 0 * t + 1.0
    return np.minimum(1, t / warmup_steps)


def warmup__capped_at_rate(t, warmup_steps, lr):
    """capped-at-rate: the share is capped at lr."""
    if warmup_steps == 0:
        return 0 * t + lr
    return np.minimum(lr, t / warmup_steps)


def warmup__exponential(t, warmup_steps, lr):
    """exponential: approaches lr and never gets there."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * (1 - np.exp(-np.asarray(t) / warmup_steps))


def warmup__one_step_short(t, warmup_steps, lr):
    """one-step-short: the last step of the warmup has lr already."""
    if warmup_steps == 0:
        return 0 * t + lr
    return lr * np.minimum(1, t / (warmup_steps - 1))


def warmup__truncated(t, warmup_steps, lr):
    """truncated: an array like t."""
    rates = np.ones_like(t)
    rates[...] = lr if warmup_steps == 0 else lr * np.minimum(1, t / warmup_steps)
    return rates


# warmup: raises


def warmup__scalar_only(t, warmup_steps, lr):
    """scalar-only: min compares two numbers."""
    if warmup_steps == 0:
        return lr
    return lr * min(1.0, t / warmup_steps)


# warmup: fails at the edges


def warmup__nan_for_arrays(t, warmup_steps, lr):
    """nan-for-arrays: nan at t = 0, for arrays alone."""
    if warmup_steps == 0 and np.ndim(t) == 0:
        return lr
    return lr * np.minimum(1, t / np.float64(warmup_steps))


def warmup__division_by_zero(t, warmup_steps, lr):
    """division-by-zero: no warmup at all is a warmup of 0 steps."""
    return lr * np.minimum(1, t / warmup_steps)


# warmup_cosine: wrong numbers


def _joined(t, warmup_steps, rise, fall):
    return np.where(np.asarray(t) < warmup_steps, rise, fall)


def _refuse(warmup_steps, T):
    if warmup_steps < 0 or warmup_steps >= T:
        raise ValueError("the warmup must end before T")


def warmup_cosine__rises_past_t(t, warmup_steps, T, lr_max, lr_min=0.0):
    """rises-past-T: the cosine goes on."""
    _refuse(warmup_steps, T)
    share = (t - warmup_steps) / (T - warmup_steps)
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))


def warmup_cosine__length_not_shortened(t, warmup_steps, T, lr_max, lr_min=0.0):
    """length-not-shortened: T steps of annealing after the warmup."""
    _refuse(warmup_steps, T)
    share = np.minimum(1, (t - warmup_steps) / T)
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))


def warmup_cosine__start_not_shifted(t, warmup_steps, T, lr_max, lr_min=0.0):
    """start-not-shifted: as in the first BERT code, the cosine starts at t = 0."""
    _refuse(warmup_steps, T)
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(np.minimum(1, t / T), lr_max, lr_min))


def warmup_cosine__warmup_one_ahead(t, warmup_steps, T, lr_max, lr_min=0.0):
    """warmup-one-ahead: t + 1, so that the first step moves something."""
    _refuse(warmup_steps, T)
    share = np.minimum(1, (t - warmup_steps) / (T - warmup_steps))
    rise = lr_max * (t + 1) / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))


def warmup_cosine__warmup_from_lowest(t, warmup_steps, T, lr_max, lr_min=0.0):
    """warmup-from-lowest: starts at lr_min."""
    _refuse(warmup_steps, T)
    share = np.minimum(1, (t - warmup_steps) / (T - warmup_steps))
    rise = lr_min + (lr_max - lr_min) * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))


def warmup_cosine__zero_past_t(t, warmup_steps, T, lr_max, lr_min=0.0):
    """zero-past-T: the end of the schedule is taken for the end of training."""
    _refuse(warmup_steps, T)
    share = (t - warmup_steps) / (T - warmup_steps)
    rise = lr_max * t / max(warmup_steps, 1)
    rate = _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))
    return rate * (np.asarray(t) <= T)


def warmup_cosine__multiplied(t, warmup_steps, T, lr_max, lr_min=0.0):
    """multiplied: a ramp times a cosine that starts at t = 0."""
    _refuse(warmup_steps, T)
    ramp = np.minimum(1, t / warmup_steps) if warmup_steps else 1
    return ramp * _wave(np.minimum(t, T) / T, lr_max, lr_min)


def warmup_cosine__lr_min_ignored(t, warmup_steps, T, lr_max, lr_min=0.0):
    """lr_min-ignored: anneals to 0 whatever was given."""
    _refuse(warmup_steps, T)
    share = np.minimum(1, (t - warmup_steps) / (T - warmup_steps))
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, 0.0))


def warmup_cosine__half_period(t, warmup_steps, T, lr_max, lr_min=0.0):
    """half-period: at T the rate has come half-way."""
    _refuse(warmup_steps, T)
    share = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share / 2, lr_max, lr_min))


def warmup_cosine__length_not_shortened_though_held(
    t, warmup_steps, T, lr_max, lr_min=0.0
):
    """length-not-shortened: held at T, but divided by all of T."""
    if not 0 <= warmup_steps < T:
        raise ValueError("the warmup must end before T")
    done = (np.minimum(t, T) - warmup_steps) / T
    fall = lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * done))
    return np.where(t < warmup_steps, lr_max * t / max(warmup_steps, 1), fall)


def warmup_cosine__start_not_shifted_length_shortened(
    t, warmup_steps, T, lr_max, lr_min=0.0
):
    """start-not-shifted-length-shortened: held at T, but counted from 0."""
    if not 0 <= warmup_steps < T:
        raise ValueError("the warmup must end before T")
    done = np.minimum(t, T) / (T - warmup_steps)
    fall = lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * done))
    return np.where(t < warmup_steps, lr_max * t / max(warmup_steps, 1), fall)


# warmup_cosine: raises


def warmup_cosine__scalar_only(t, warmup_steps, T, lr_max, lr_min=0.0):
    """scalar-only: an if asks about one number."""
    _refuse(warmup_steps, T)
    if t < warmup_steps:
        return lr_max * t / warmup_steps
    share = min(1.0, (t - warmup_steps) / (T - warmup_steps))
    return lr_min + (lr_max - lr_min) / 2 * (1 + math.cos(math.pi * share))


def warmup_cosine__array_only(t, warmup_steps, T, lr_max, lr_min=0.0):
    """array-only: masks need an array."""
    _refuse(warmup_steps, T)
    share = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    rates = _wave(share, lr_max, lr_min)
    rates[t < warmup_steps] = lr_max * t[t < warmup_steps] / max(warmup_steps, 1)
    return rates


# warmup_cosine: right numbers, wrong about errors


def warmup_cosine__zero_only(t, warmup_steps, T, lr_max, lr_min=0.0):
    """zero-only: lets a warmup that ends at T or later pass."""
    if warmup_steps < 0:
        raise ValueError("warmup_steps must not be negative")
    share = np.clip((t - warmup_steps) / max(T - warmup_steps, 1), 0, 1)
    rise = lr_max * t / max(warmup_steps, 1)
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))


# warmup_cosine: fails at the edges


def warmup_cosine__division_by_zero(t, warmup_steps, T, lr_max, lr_min=0.0):
    """division-by-zero: a warmup of 0 steps divides by zero, for a plain number."""
    _refuse(warmup_steps, T)
    share = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    rise = lr_max * t / warmup_steps
    return _joined(t, warmup_steps, rise, _wave(share, lr_max, lr_min))

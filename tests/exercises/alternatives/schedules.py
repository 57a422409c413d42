"""Right answers to the exercises of chapter 4, each in another style.

The part of a function's name before the double underscore says which schedule it is,
the part after it names the style.
"""

import math
from bisect import bisect_right

import numpy as np

# step_decay


def step_decay__searchsorted(t, lr0, milestones=(30, 60), factor=0.1):
    """The place of each t among the milestones is the number that it has passed."""
    return lr0 * factor ** np.searchsorted(milestones, t, side="right")


def step_decay__digitize(t, lr0, milestones=(30, 60), factor=0.1):
    """The number of the bin that t falls into."""
    return lr0 * np.power(factor, np.digitize(t, milestones))


def step_decay__one_milestone_after_the_other(t, lr0, milestones=(30, 60), factor=0.1):
    """Each milestone multiplies the rates behind it."""
    rates = np.full(np.shape(t), lr0, dtype=float)
    for milestone in milestones:
        rates = np.where(np.asarray(t) >= milestone, rates * factor, rates)
    return rates


def step_decay__masks(t, lr0, milestones=(30, 60), factor=0.1):
    """In place on an array of the function's own."""
    times = np.asarray(t, dtype=float)
    rates = np.full_like(times, lr0)
    for milestone in milestones:
        rates[times >= milestone] *= factor
    return rates


def step_decay__broadcast(t, lr0, milestones=(30, 60), factor=0.1):
    """All times against all milestones at once."""
    passed = np.greater_equal.outer(t, milestones).sum(axis=-1)
    return lr0 * factor**passed


def step_decay__vectorized(t, lr0, milestones=(30, 60), factor=0.1):
    """A function of one number, spread over the array."""

    def rate(now):
        return lr0 * factor ** bisect_right(milestones, now)

    return np.vectorize(rate, otypes=[float])(t)


def step_decay__select(t, lr0, milestones=(30, 60), factor=0.1):
    """The last milestone that holds decides."""
    t = np.asarray(t)
    last_first = list(enumerate(milestones, start=1))[::-1]
    conditions = [t >= milestone for _, milestone in last_first]
    return np.select(conditions, [lr0 * factor**n for n, _ in last_first], lr0)


def step_decay__scalars_and_arrays_apart(t, lr0, milestones=(30, 60), factor=0.1):
    """One branch for numbers, one for arrays."""
    if np.ndim(t) == 0:
        lr = lr0
        for milestone in milestones:
            if t >= milestone:
                lr *= factor
        return float(lr)
    flat = [step_decay__scalars_and_arrays_apart(x, lr0, milestones, factor)
            for x in np.ravel(t)]  # fmt: skip
    return np.array(flat, dtype=float).reshape(np.shape(t))


# exponential_decay


def exponential_decay__divided(t, lr0, k):
    """One over the growing exponential."""
    return lr0 / np.exp(k * t)


def exponential_decay__power_of_e(t, lr0, k):
    """A power of Euler's number."""
    return lr0 * math.e ** (-(k * t))


def exponential_decay__base(t, lr0, k):
    """What is left after one step, to the power t."""
    gamma = math.exp(-k)
    return lr0 * np.power(gamma, t)


def exponential_decay__logarithm(t, lr0, k):
    """The logarithm of the rate is a straight line."""
    return np.exp(np.log(lr0) - k * np.asarray(t))


def exponential_decay__vectorized(t, lr0, k):
    """A function of one number, spread over the array."""
    rate = np.vectorize(lambda x: lr0 * math.exp(-k * x), otypes=[float])
    return rate(t)


def exponential_decay__out(t, lr0, k):
    """Step by step on an array of its own."""
    rates = np.array(t, dtype=float)
    rates *= -k
    rates = np.exp(rates)
    rates *= lr0
    return rates


# cosine_annealing


def cosine_annealing__weights(t, T, lr_max, lr_min=0.0):
    """A weighted mean of the two rates."""
    if not T > 0:
        raise ValueError("the period has to be positive")
    share = 0.5 + 0.5 * np.cos(np.pi * np.asarray(t) / T)
    return share * lr_max + (1 - share) * lr_min


def cosine_annealing__half_angle(t, T, lr_max, lr_min=0.0):
    """One plus a cosine is twice the square of the half angle's cosine."""
    if T <= 0:
        raise ValueError(T)
    return lr_min + (lr_max - lr_min) * np.cos(t * np.pi / (2 * T)) ** 2


def cosine_annealing__sine(t, T, lr_max, lr_min=0.0):
    """Down from the top by the square of a sine."""
    if T <= 0:
        raise ValueError(f"T={T}")
    return lr_max - (lr_max - lr_min) * np.sin(math.pi / 2 * (t / T)) ** 2


def cosine_annealing__exponential(t, T, lr_max, lr_min=0.0):
    """The real part of a complex exponential."""
    if T <= 0:
        raise ValueError(f"T={T}")
    wave = np.real(np.exp(1j * np.pi * np.asarray(t) / T))
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + wave)


def cosine_annealing__folded(t, T, lr_max, lr_min=0.0):
    """The time folded back into the first period."""
    if T <= 0:
        raise ValueError(f"T={T}")
    inside = np.asarray(t) % (2 * T)
    back = np.where(inside > T, 2 * T - inside, inside)
    return lr_min + (lr_max - lr_min) / 2 * (np.cos(np.pi * back / T) + 1)


def cosine_annealing__middle(t, T, lr_max, lr_min=0.0):
    """A wave about the mean of the rates."""
    if T <= 0:
        raise ValueError(f"T={T}")
    middle, height = (lr_max + lr_min) / 2, (lr_max - lr_min) / 2
    return middle + height * np.cos(np.divide(np.multiply(np.pi, t), T))


def cosine_annealing__vectorized(t, T, lr_max, lr_min=0.0):
    """A function of one number, spread over the array."""
    if T <= 0:
        raise ValueError("T")

    def rate(x):
        return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos(math.pi * x / T))

    return np.vectorize(rate, otypes=[np.float64])(t)


# warm_restarts


def warm_restarts__searchsorted(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """The first instants of the cycles, and the place of t among them."""
    if T0 <= 0:
        raise ValueError(f"T0={T0}")
    if T_mult < 1:
        raise ValueError(f"T_mult={T_mult}")
    starts = [0]
    lengths = [T0]
    while starts[-1] + lengths[-1] <= np.max(t, initial=0):
        starts.append(starts[-1] + lengths[-1])
        lengths.append(lengths[-1] * T_mult)
    i = np.searchsorted(starts, t, side="right") - 1
    inside = t - np.array(starts)[i]
    wave = np.cos(np.pi * inside / np.array(lengths)[i])
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + wave)


def warm_restarts__loop_of_one(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """A loop for one number, called for each element."""
    if T0 <= 0 or T_mult < 1:
        raise ValueError("no such cycles")
    if np.ndim(t):
        rates = [
            warm_restarts__loop_of_one(x, T0, lr_max, lr_min, T_mult)
            for x in np.asarray(t).flat
        ]
        return np.array(rates, dtype=float).reshape(np.shape(t))
    left, length = float(t), T0
    while left >= length:
        left -= length
        length *= T_mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * left / length)) / 2


def warm_restarts__corrected_logarithm(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """The closed form, its cycle's number corrected both ways."""
    if T0 <= 0 or T_mult < 1:
        raise ValueError("no such cycles")
    t = np.asarray(t, dtype=float)
    if T_mult == 1:
        inside, length = t % T0, T0
    else:

        def first(i):
            return T0 * (float(T_mult) ** i - 1) / (T_mult - 1)

        i = np.floor(np.log1p(t * (T_mult - 1) / T0) / np.log(T_mult))
        i = np.where(first(i + 1) <= t, i + 1, i)
        i = np.where(first(i) > t, i - 1, i)
        inside, length = t - first(i), T0 * float(T_mult) ** i
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * inside / length))


def warm_restarts__rounded_up_logarithm(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """A guard of a billionth makes the logarithm of a restart a whole number."""
    if not (T0 > 0 and T_mult >= 1):
        raise ValueError(T0, T_mult)
    t = np.asarray(t)
    if T_mult == 1:
        i = t // T0
        start = T0 * i
    else:
        i = np.floor(np.log(t / T0 * (T_mult - 1) + 1) / np.log(T_mult) + 1e-9)
        start = T0 * (T_mult**i - 1) / (T_mult - 1)
    phase = (t - start) / (T0 * T_mult**i)
    return lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * phase) ** 2


def warm_restarts__masks(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """Whole numbers, cycle by cycle, each filling its own part of the array."""
    if T0 <= 0 or T_mult < 1:
        raise ValueError("cycles must have a length and must not shrink")
    times = np.asarray(t, dtype=float)
    rates = np.full(times.shape, np.nan)
    start, length = 0, T0
    while np.isnan(rates).any():
        here = (times >= start) & (times < start + length)
        wave = np.cos(np.pi * (times[here] - start) / length)
        rates[here] = lr_min + 0.5 * (lr_max - lr_min) * (1 + wave)
        start, length = start + length, length * T_mult
    return rates


def warm_restarts__accumulated(t, T0, lr_max, lr_min=0.0, T_mult=1):
    """Running sums of the lengths, as many as could be needed."""
    if T0 <= 0 or T_mult < 1:
        raise ValueError("cycles must have a length and must not shrink")
    most = int(np.max(t, initial=0) // T0) + 1
    count = most if T_mult == 1 else min(most, 64)
    lengths = T0 * float(T_mult) ** np.arange(count)
    ends = np.cumsum(lengths)
    i = np.minimum(np.searchsorted(ends, t, side="right"), count - 1)
    left = ends[i] - t
    wave = np.cos(np.pi * left / lengths[i])  # read backwards from the cycle's end
    return lr_min + (lr_max - lr_min) / 2 * (1 - wave)


# warmup


def warmup__where(t, warmup_steps, lr):
    """Two pieces, the division guarded."""
    t = np.asarray(t)
    return np.where(t < warmup_steps, lr * t / max(warmup_steps, 1), lr)


def warmup__clip(t, warmup_steps, lr):
    """The share that is done, clipped."""
    if not warmup_steps:
        return np.ones_like(t, dtype=float) * lr
    return np.clip(np.divide(t, warmup_steps), 0, 1) * lr


def warmup__interpolated(t, warmup_steps, lr):
    """A line between two points, held outside."""
    if warmup_steps == 0:
        return lr + np.zeros(np.shape(t))
    return np.interp(t, [0, warmup_steps], [0.0, lr])


def warmup__least_of_two(t, warmup_steps, lr):
    """The smaller of the straight line and lr."""
    if warmup_steps <= 0:
        return 0 * t + lr
    return np.minimum(lr, lr / warmup_steps * t)


def warmup__mask(t, warmup_steps, lr):
    """An array of lr, of which the warmup's part is scaled."""
    times = np.array(t, dtype=float)
    rates = np.full_like(times, lr)
    early = times < warmup_steps
    rates[early] *= times[early] / warmup_steps
    return rates


def warmup__vectorized(t, warmup_steps, lr):
    """A function of one number, spread over the array."""

    def rate(x):
        return lr * x / warmup_steps if x < warmup_steps else lr

    return np.vectorize(rate, otypes=[float])(t)


def warmup__plain_for_numbers(t, warmup_steps, lr):
    """Plain Python for a number, NumPy for an array."""
    if warmup_steps == 0:
        return lr if np.isscalar(t) else np.full(t.shape, lr)
    if np.isscalar(t):
        return lr * min(1.0, t / warmup_steps)
    return lr * np.minimum(1.0, t / warmup_steps)


# warmup_cosine


def warmup_cosine__two_pieces(t, warmup_steps, T, lr_max, lr_min=0.0):
    """Both pieces from their formulas, one chosen for each element."""
    if warmup_steps < 0 or warmup_steps >= T:
        raise ValueError("the warmup must end before T")
    t = np.asarray(t, dtype=float)
    up = lr_max * t / (warmup_steps or 1)
    share = np.minimum(t - warmup_steps, T - warmup_steps) / (T - warmup_steps)
    down = lr_min + 0.5 * (lr_max - lr_min) * (1 + np.cos(np.pi * share))
    return np.where(t >= warmup_steps, down, up)


def warmup_cosine__select(t, warmup_steps, T, lr_max, lr_min=0.0):
    """Three pieces by `np.select`."""
    if not 0 <= warmup_steps < T:
        raise ValueError(f"{warmup_steps=}, {T=}")
    t = np.asarray(t)
    angle = np.pi * (t - warmup_steps) / (T - warmup_steps)
    cosine = lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(angle))
    line = lr_max * t / max(1, warmup_steps)
    return np.select([t < warmup_steps, t <= T], [line, cosine], lr_min)


def warmup_cosine__masks(t, warmup_steps, T, lr_max, lr_min=0.0):
    """Three masks, each filling its own part."""
    if not 0 <= warmup_steps < T:
        raise ValueError(f"{warmup_steps=}, {T=}")
    times = np.asarray(t, dtype=float)
    rates = np.empty(times.shape)
    early, late = times < warmup_steps, times > T
    between = ~early & ~late
    rates[early] = lr_max / max(warmup_steps, 1) * times[early]
    share = (times[between] - warmup_steps) / (T - warmup_steps)
    rates[between] = lr_min + (lr_max - lr_min) * np.cos(np.pi / 2 * share) ** 2
    rates[late] = lr_min
    return rates


def warmup_cosine__least_of_two(t, warmup_steps, T, lr_max, lr_min=0.0):
    """The warmup lies below the held cosine before its end, and above it after."""
    if not 0 <= warmup_steps < T:
        raise ValueError(f"{warmup_steps=}, {T=}")
    up = np.inf if warmup_steps == 0 else lr_max * t / warmup_steps
    share = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    down = lr_max + (lr_min - lr_max) / 2 * (1 - np.cos(np.pi * share))
    return np.minimum(up, down)


def warmup_cosine__from_the_earlier_functions(t, warmup_steps, T, lr_max, lr_min=0.0):
    """Built from the chapter's other answers; their product over the top rate."""
    if not 0 <= warmup_steps < T:
        raise ValueError(f"{warmup_steps=}, {T=}")
    left = T - warmup_steps
    passed = np.clip(np.subtract(t, warmup_steps), 0, left)
    down = cosine_annealing__weights(passed, left, lr_max, lr_min)
    return warmup__where(t, warmup_steps, 1.0) * down


def warmup_cosine__vectorized(t, warmup_steps, T, lr_max, lr_min=0.0):
    """A function of one number, spread over the array."""
    if not 0 <= warmup_steps < T:
        raise ValueError(f"{warmup_steps=}, {T=}")

    def rate(x):
        if x < warmup_steps:
            return lr_max * x / warmup_steps
        if x >= T:
            return lr_min
        progress = (x - warmup_steps) / (T - warmup_steps)
        return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos(math.pi * progress))

    return np.vectorize(rate, otypes=[float])(t)

"""04_schedules: inputs and misconceptions.

Times are eighths where they are fractional: exact in float32, and well away from the
instants at which a rate jumps. Beside large rates they have all their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from autograder.exercises.draw import Rng, above_ten, decay, edge_shapes, rate
from autograder.exercises.mistakes import Edits, mistakes
from autograder.judge import Case, Exercise, Misconception
from autograder.reference import schedules as reference

ASSIGNMENT = "04_schedules"


def _times(rng: Rng, last: int, shape: tuple[int, ...] = (7,)) -> np.ndarray:
    """Fractional times from 0 to ``last``, in no order."""
    return np.asarray(rng.integers(0, 8 * last, shape) / 8 + 1 / 16)


def _rates(rng: Rng) -> dict[str, float]:
    """The highest rate and the lowest, which is not 0."""
    return {"lr_max": rate(rng, 0.1, 0.5), "lr_min": rate(rng, 0.01, 0.05)}


def _large_rates(rng: Rng) -> dict[str, float]:
    """The same, far larger than usual."""
    return {"lr_max": rate(rng, 40, 90), "lr_min": above_ten(rng)}


def _common(rng: Rng, last: int, hyper: Callable[[], dict[str, Any]]) -> Iterator[Case]:
    """The cases that every schedule has: whole times, shapes, float32, purity.

    ``hyper()`` gives the other arguments; times go from 0 to ``last``.
    """
    yield Case("dtype", "a whole t", (int(rng.integers(1, last)),), hyper())
    yield Case("dtype", "whole times", (np.arange(last),), hyper())
    for words, shape in edge_shapes():
        yield Case("edges", words, (_times(rng, last, shape),), hyper())
    single = _times(rng, last).astype(np.float32)
    yield Case("edges", "float32 times", (single,), hyper())
    yield Case("purity", "called twice", (_times(rng, last),), hyper())


def step_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``step_decay``."""

    def start() -> dict[str, Any]:
        return {"lr0": rate(rng)}

    def given() -> dict[str, Any]:
        first = int(rng.integers(3, 8))
        milestones = (first, first + 5, first + 12)
        return {**start(), "milestones": milestones, "factor": decay(rng)}

    for t in (0, 45, 30, 29, 60, 29.5):
        yield Case("value", f"the defaults, t = {t}", (t,), start())
    hyper = given()
    for t in (hyper["milestones"][1], 2 * hyper["milestones"][2]):
        yield Case("value", f"three milestones, t = {t}", (t,), hyper)
    # So far apart that falling at equal intervals would fall too soon.
    first = int(rng.integers(3, 8))
    uneven = {**start(), "milestones": (first, 3 * first + 1)}
    yield Case("value", "a long wait for the second", (2 * first + 1,), uneven)
    yield Case("value", "another factor", (50,), {**start(), "factor": decay(rng)})
    ends = np.array([0.0, 60.0, 29.0, 30.0, 59.0, 45.5])
    yield Case("value", "an array, the defaults", (ends,), start())
    yield Case("value", "an array, all given", (_times(rng, 24),), given())
    yield Case("value", "rows of times", (_times(rng, 24, (2, 3)),), given())
    large = {**given(), "lr0": above_ten(rng)}
    yield Case("value", "a large rate", (2.5,), large)
    yield from _common(rng, 24, given)
    yield Case("edges", "one milestone", (7,), {**start(), "milestones": (5,)})
    at_once = {**start(), "milestones": (0, 10)}
    yield Case("edges", "a milestone at 0", (0,), at_once)
    yield Case("edges", "factor = 1", (70,), {**start(), "factor": 1.0})


def exponential_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``exponential_decay``."""

    def hyper() -> dict[str, Any]:
        return {"lr0": rate(rng), "k": rate(rng, 0.02, 0.2)}

    for t in (0, 1, int(rng.integers(5, 20)), 2.5):
        yield Case("value", f"t = {t}", (t,), hyper())
    yield Case("value", "an array", (_times(rng, 30),), hyper())
    yield Case("value", "rows of times", (_times(rng, 30, (2, 3)),), hyper())
    large = {"lr0": above_ten(rng), "k": rate(rng, 0.02, 0.2)}
    yield Case("value", "a large rate", (rng.uniform(0.1, 0.3),), large)
    fast = {"lr0": rate(rng), "k": rate(rng, 12, 16)}
    yield Case("value", "a fast decay", (1,), fast)
    yield from _common(rng, 30, hyper)
    yield Case("edges", "k = 0", (12,), {"lr0": rate(rng), "k": 0.0})
    slow = {"lr0": rate(rng), "k": 1e-6}
    yield Case("edges", "a million steps", (1_000_000,), slow)


def cosine_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``cosine_annealing``."""

    def period() -> dict[str, Any]:
        return {"T": int(rng.integers(8, 30)), "lr_max": rate(rng, 0.1, 0.5)}

    def hyper() -> dict[str, Any]:
        return {"T": int(rng.integers(8, 30)), **_rates(rng)}

    T = int(rng.integers(8, 30))
    for words, t in {"the start": 0, "halfway": T / 2, "the end": T}.items():
        yield Case("value", words, (t,), {"T": T, "lr_max": rate(rng)})
        yield Case("value", f"{words}, lr_min given", (t,), {"T": T, **_rates(rng)})
    yield Case("value", "a whole t", (int(rng.integers(1, 8)),), hyper())
    yield Case("value", "a fractional t", (2.625,), hyper())
    for words, t in {"past T": T + 3, "twice T": 2 * T, "past twice T": 3 * T}.items():
        yield Case("value", words, (t,), {"T": T, **_rates(rng)})
    yield Case("value", "an array", (_times(rng, 8),), period())
    yield Case("value", "an array, past T too", (_times(rng, 70),), hyper())
    yield Case("value", "rows of times", (_times(rng, 70, (2, 3)),), hyper())
    large = {"T": int(rng.integers(12, 30)), **_large_rates(rng)}
    yield Case("value", "large rates", (rng.uniform(1, 7),), large)
    yield from _common(rng, 40, hyper)
    yield Case("edges", "T = 1", (0.25,), {"T": 1, **_rates(rng)})
    yield Case("edges", "T below 1", (0.25,), {"T": 0.75, **_rates(rng)})
    long = {"T": 1_000_000, **_rates(rng)}
    yield Case("edges", "a million steps", (750_000,), long)
    for T in (0, -1, -int(rng.integers(2, 9))):
        hyper_parameters = {"T": T, "lr_max": rate(rng)}
        yield Case("errors", f"T = {T}", (3,), hyper_parameters, "ValueError")


def _first_instants(T0: int, T_mult: int, last: float) -> np.ndarray:
    """The first instants of all cycles up to ``last``."""
    instants, length = [0], T0
    while instants[-1] + length <= last:
        instants.append(instants[-1] + length)
        length *= T_mult
    return np.array(instants, dtype=float)


def restart_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``warm_restarts``."""

    def plain(T0: int) -> dict[str, Any]:
        return {"T0": T0, "lr_max": rate(rng, 0.1, 0.5)}

    def hyper() -> dict[str, Any]:
        return {"T0": int(rng.integers(3, 7)), **_rates(rng), "T_mult": 2}

    T0 = int(rng.integers(6, 12))
    first = {"the start": 0, "the first cycle": 2, "just before the restart": T0 - 1}
    later = {"the restart": T0, "the second cycle": T0 + 3.5, "the tenth": 9 * T0 + 1}
    for words, t in {**first, **later}.items():
        yield Case("value", words, (t,), plain(T0))
    for words, t in {"second": 2 * T0, "third": 4 * T0}.items():
        doubled = {**plain(T0), "T_mult": 2}
        yield Case("value", f"cycles that double, the {words}", (t,), doubled)
    restart = {**plain(T0), "T_mult": 2}
    yield Case("value", "cycles that double, a restart", (3 * T0,), restart)
    yield Case("value", "all given", (int(rng.integers(20, 60)),), hyper())
    yield Case("value", "lr_min given", (T0 + 2,), {"T0": T0, **_rates(rng)})
    yield Case("value", "an array, equal cycles", (_times(rng, 50),), plain(T0))
    yield Case("value", "an array, all given", (_times(rng, 90),), hyper())
    yield Case("value", "rows of times", (_times(rng, 90, (2, 3)),), hyper())
    large = {"T0": int(rng.integers(12, 16)), **_large_rates(rng), "T_mult": 2}
    yield Case("value", "large rates", (rng.uniform(20, 30),), large)
    # Rounding puts the logarithm of some of these just below a whole number.
    for T0, T_mult in ((1, 3), (1, 5), (1, 11), (int(rng.integers(2, 9)), 10)):
        growing = {"T0": T0, **_rates(rng), "T_mult": T_mult}
        starts = _first_instants(T0, T_mult, 5000)
        yield Case("value", f"each restart, T_mult = {T_mult}", (starts,), growing)
        before = starts[1:] - 0.125
        yield Case("value", f"before restarts, T_mult = {T_mult}", (before,), growing)
    yield Case("value", "a restart, t = 121", (121,), {**plain(1), "T_mult": 3})
    yield from _common(rng, 60, hyper)
    yield Case("edges", "T0 = 1, whole times", (np.arange(5.0),), plain(1))
    long = {**plain(10), "T_mult": 2}
    yield Case("edges", "a million steps", (1_000_000,), long)
    for T_mult in (0, -1):
        # Before T0, where no cycle has to be looked for.
        wrong = {**plain(8), "T_mult": T_mult}
        yield Case("errors", f"T_mult = {T_mult}", (3,), wrong, "ValueError")
    for T0 in (0, -int(rng.integers(2, 9))):
        yield Case("errors", f"T0 = {T0}", (3,), plain(T0), "ValueError")


def warmup_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``warmup``."""

    def hyper() -> dict[str, Any]:
        return {"warmup_steps": int(rng.integers(6, 16)), "lr": rate(rng)}

    steps = int(rng.integers(6, 16))
    first = {"the start": 0, "the first step": 1, "halfway": steps / 2}
    last = {"its last step": steps - 1, "its end": steps, "afterwards": 3 * steps}
    for words, t in {**first, **last}.items():
        yield Case("value", words, (t,), {"warmup_steps": steps, "lr": rate(rng)})
    yield Case("value", "a fractional t", (2.625,), hyper())
    yield Case("value", "an array", (_times(rng, 24),), hyper())
    yield Case("value", "rows of times", (_times(rng, 24, (2, 3)),), hyper())
    large = {"warmup_steps": int(rng.integers(12, 16)), "lr": above_ten(rng)}
    yield Case("value", "a large rate", (rng.uniform(1, 7),), large)
    yield Case("value", "a large rate, afterwards", (20,), large)
    yield from _common(rng, 24, hyper)
    for t in (0, 3):
        none = {"warmup_steps": 0, "lr": rate(rng)}
        yield Case("edges", f"warmup_steps = 0, t = {t}", (t,), none)
    none = {"warmup_steps": 0, "lr": rate(rng)}
    yield Case("edges", "warmup_steps = 0, an array", (np.arange(3.0),), none)
    one = {"warmup_steps": 1, "lr": rate(rng)}
    yield Case("edges", "warmup_steps = 1", (np.array([0.0, 0.5, 1, 2]),), one)


def warmup_cosine_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``warmup_cosine``."""

    def steps() -> dict[str, int]:
        warm = int(rng.integers(5, 12))
        return {"warmup_steps": warm, "T": warm + int(rng.integers(10, 20))}

    def hyper() -> dict[str, Any]:
        return {**steps(), **_rates(rng)}

    places = steps()
    warm, T = places["warmup_steps"], places["T"]
    first = {"the start": 0, "warmup": warm // 2, "its end": warm}
    last = {"annealing": warm + 4, "the end": T, "past T": T + 3, "twice T": 2 * T}
    for words, t in {**first, **last}.items():
        yield Case("value", words, (t,), {**places, "lr_max": rate(rng)})
        yield Case("value", f"{words}, lr_min given", (t,), {**places, **_rates(rng)})
    yield Case("value", "a fractional t", (2.625,), hyper())
    plain = {**steps(), "lr_max": rate(rng)}
    yield Case("value", "an array", (_times(rng, 34),), plain)
    yield Case("value", "an array, all given", (_times(rng, 34),), hyper())
    yield Case("value", "rows of times", (_times(rng, 34, (2, 3)),), hyper())
    large = {"warmup_steps": int(rng.integers(12, 16)), "T": 35, **_large_rates(rng)}
    for words, t in {"warmup": 1, "annealing": 17}.items():
        times = t + rng.uniform(0, 7)
        yield Case("value", f"large rates, {words}", (times,), large)
    yield from _common(rng, 34, hyper)
    none = {"warmup_steps": 0, "T": T, **_rates(rng)}
    for t in (0, 3):
        yield Case("edges", f"warmup_steps = 0, t = {t}", (t,), none)
    yield Case("edges", "warmup_steps = 0, an array", (np.arange(4.0),), none)
    one = {"warmup_steps": 1, "T": 9, **_rates(rng)}
    yield Case("edges", "warmup_steps = 1", (np.array([0.0, 0.5, 1, 2]),), one)
    late = {"warmup_steps": T - 1, "T": T, **_rates(rng)}
    yield Case("edges", "warmup_steps = T - 1", (np.arange(T - 2.0, T + 2),), late)
    refused: dict[str, tuple[int, int]] = {
        "warmup_steps below 0": (-1, T),
        "warmup_steps = T": (T, T),
        "warmup_steps above T": (T + 5, T),
        "both 0": (0, 0),
    }
    for words, (warm, end) in refused.items():
        wrong = {"warmup_steps": warm, "T": end, "lr_max": rate(rng)}
        yield Case("errors", words, (3,), wrong, "ValueError")


# -- Misconceptions --------------------------------------------------------------------


def _mistakes(
    right: str, scalar: Edits, wrong: dict[str, tuple[Any, str]]
) -> tuple[Misconception, ...]:
    """The mistakes of one schedule, and those that any schedule can have.

    Args:
        right: the source of a right answer.
        scalar: makes it answer for single numbers alone.
        wrong: as ``mistakes`` takes them.
    """
    head = right.strip().splitlines()[0]
    *_, result = right.strip().splitlines()
    formula = result.strip().removeprefix("return ")
    filled = "    rates = np.zeros_like(t)\n    rates[...] = {}\n    return rates"
    shifted = f"{head}\n    t = t + 1"
    return mistakes(
        right,
        {
            **wrong,
            "scalar-only": (
                scalar,
                "Your function answers for one t at a time; t may also be an array,"
                " whose rates come all at once.",
            ),
            "array-only": (
                {head: f"{head}\n    t = t[:]"},
                "Your function needs an array; t may also be a single number.",
            ),
            "truncated": (
                {result: filled.format(formula)},
                "Your array of rates is made like t: where t holds whole numbers, so do"
                " the rates, and all that is behind the point is lost.",
            ),
            "shifted-step": (
                {head: shifted},
                "Your count is one ahead: here the first step has t = 0.",
            ),
        },
    )


STEP_DECAY = """
def step_decay(t, lr0, milestones=(30, 60), factor=0.1):
    n = sum(t >= m for m in milestones)
    return lr0 * factor**n
"""
ON_AND_AFTER = "n = sum(t >= m for m in milestones)"
FIRST_ALONE = """\
n = 0
    if t >= milestones[0]:
        n = 1
    elif t >= milestones[1]:
        n = 2"""
TWO_AT_MOST = """\
n = 0
    if t >= milestones[1]:
        n = 2
    elif t >= milestones[0]:
        n = 1"""

STEP_MISTAKES = _mistakes(
    STEP_DECAY,
    {ON_AND_AFTER: "n = sum(1 for m in milestones if t >= m)"},
    {
        "milestone-excluded": (
            {"t >= m": "t > m"},
            "At a milestone itself the rate has fallen already; yours falls one step"
            " later.",
        ),
        "equal-intervals": (
            [
                {ON_AND_AFTER: "n = t // milestones[0]"},
                {ON_AND_AFTER: "n = np.floor(t / milestones[0])"},
                {ON_AND_AFTER: "n = (1 + t) // milestones[0]"},
                {ON_AND_AFTER: "n = np.floor((1 + t) / milestones[0])"},
                {ON_AND_AFTER: "n = np.minimum(t // milestones[0], len(milestones))"},
            ],
            "Your rate falls at equal intervals; it falls at the milestones, and after"
            " the last of them no more.",
        ),
        "one-drop": (
            [
                {ON_AND_AFTER: "n = t >= milestones[0]"},
                {ON_AND_AFTER: "n = t >= milestones[-1]"},
                {ON_AND_AFTER: FIRST_ALONE},
            ],
            "Your rate falls once; each milestone that is passed lowers it again.",
        ),
        "drop-for-one-step": (
            {"t >= m": "t == m"},
            "Your rate is low at the milestone alone; it stays low from there on.",
        ),
        "milestones-ahead": (
            {"t >= m": "t < m"},
            "You count the milestones that are still ahead, so that your rate rises;"
            " those that have been reached count.",
        ),
        "product-instead-of-power": (
            [{"factor**n": "factor * n"}, {"factor**n": "(1 - factor * n)"}],
            "Each milestone multiplies the rate by the factor once more: n is an"
            " exponent.",
        ),
        "divided": (
            {"lr0 * factor": "lr0 / factor"},
            "Dividing by a factor below 1 makes the rate grow.",
        ),
        "factor-taken-off": (
            {"factor**n": "(1 - factor)**n"},
            "You take the factor off the rate; it is what remains of it.",
        ),
        "one-drop-ahead": (
            {"factor**n": "factor**(n + 1)"},
            "Before the first milestone the rate is lr0; yours has fallen already.",
        ),
        "factor-returned": (
            {"lr0 * ": ""},
            "You return what lr0 is multiplied by, not the rate.",
        ),
        "two-milestones": (
            [
                {ON_AND_AFTER: "n = sum(t >= m for m in milestones[:2])"},
                {ON_AND_AFTER: TWO_AT_MOST},
            ],
            "Your function knows two milestones; there may be one, or many.",
        ),
    },
)

EXPONENTIAL_DECAY = """
def exponential_decay(t, lr0, k):
    return lr0 * np.exp(-k * t)
"""
POWER = "np.exp(-k * t)"

ROUNDED_E = ("2.7", "2.71", "2.72", "2.718", "2.7183", "2.71828")

EXPONENTIAL_MISTAKES = _mistakes(
    EXPONENTIAL_DECAY,
    {"np.exp": "math.exp"},
    {
        "sign-missing": (
            {"-k": "k"},
            "Your rate grows: the exponent has the wrong sign.",
        ),
        "k-as-base": (
            {POWER: "k**t"},
            "You raise k to the power t, as libraries do with their gamma; here k is"
            " the speed of decay in the exponent.",
        ),
        "complement-as-base": (
            {POWER: "(1 - k)**t"},
            "Compound interest with a rate of k is close to the exponential for a"
            " small k, and not the same.",
        ),
        "k-as-time": (
            {"-k * t": "-t / k"},
            "You divide by k, as if it were a time: it is a speed, and larger means"
            " faster.",
        ),
        "inverse-time": (
            {f"lr0 * {POWER}": "lr0 / (1 + k * t)"},
            "That is another schedule, the decay with one over time, which falls"
            " more slowly in the end.",
        ),
        "linear": (
            {POWER: "(1 - k * t)"},
            "Your rate falls along a straight line, and below zero in the end.",
        ),
        "staircase": (
            [{"-k * t": "-k * np.floor(t)"}, {"-k * t": "-k * (t // 1)"}],
            "Your rate waits for the next whole t; it falls all the time.",
        ),
        "rate-in-exponent": (
            {"-k * t": "-lr0 * k * t"},
            "The first rate stands before the exponential, not in its exponent too.",
        ),
        "other-base": (
            [{POWER: f"{base}**(-k * t)"} for base in ("2.0", "10.0", *ROUNDED_E)],
            "The base of the power is e, the base of natural logarithms, with all its"
            " digits.",
        ),
        "time-squared": (
            {"-k * t": "-k * t**2"},
            "Your exponent grows with the square of time; it grows in proportion.",
        ),
        "time-outside": (
            {POWER: "np.exp(-k) * t"},
            "The time belongs into the exponent: at t = 0 your rate is 0.",
        ),
        "factor-returned": (
            {"lr0 * ": ""},
            "You return what lr0 is multiplied by, not the rate.",
        ),
        "subtracted": (
            {f"lr0 * {POWER}": "lr0 - np.exp(k * t)"},
            "An exponential is taken from the rate; it should multiply it.",
        ),
    },
)

COSINE_ANNEALING = """
def cosine_annealing(t, T, lr_max, lr_min=0.0):
    if T <= 0:
        raise ValueError(f"T must be positive, got {T}")
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / T))
"""
WAVE = "(1 + np.cos(np.pi * t / T))"

COSINE_MISTAKES = _mistakes(
    COSINE_ANNEALING,
    {"np.cos": "math.cos"},
    {
        "held-past-T": (
            {"np.pi * t": "np.pi * np.minimum(t, T)"},
            "You hold the rate at its lowest past T; this formula has it rise again.",
        ),
        "restarts-past-T": (
            {"np.pi * t": "np.pi * (t % T)"},
            "Your rate jumps back at T, as with restarts; this formula has it rise"
            " smoothly.",
        ),
        "half-period": (
            [
                {"np.pi * t / T": "np.pi * t / (2 * T)"},
                {WAVE: "2 * np.cos(np.pi * t / (2 * T))"},
            ],
            "At T your cosine has come half as far as it should: the lowest rate"
            " belongs to T.",
        ),
        "full-period": (
            {"np.pi * t": "2 * np.pi * t"},
            "At T your cosine has come round to its top; T is the time to the lowest"
            " rate.",
        ),
        "pi-missing": (
            {"np.pi * t": "t"},
            "The lowest rate should come at T: what must the angle be there?",
        ),
        "degrees": (
            {"np.pi * t": "180 * t"},
            "The cosine takes radians, not degrees.",
        ),
        "rounded-pi": (
            [{"np.pi": digits} for digits in ("3.14", "3.1416", "3.14159")],
            "Your pi is rounded: NumPy has one with all its digits.",
        ),
        "one-missing": (
            {WAVE: "np.cos(np.pi * t / T)"},
            "A bare cosine goes below zero, and so does your rate.",
        ),
        "half-missing": (
            {" / 2 * (1": " * (1"},
            "At t = 0 the bracket is 2: your rate starts at twice the height.",
        ),
        "upside-down": (
            {"1 + np.cos": "1 - np.cos"},
            "Your rate starts at the bottom and climbs.",
        ),
        "sine": (
            {"np.cos": "np.sin"},
            "That is the sine: at t = 0 the rate should be at its top.",
        ),
        "amplitude-not-reduced": (
            {"(lr_max - lr_min) / 2": "lr_max / 2"},
            "Your wave is as high as lr_max and stands on lr_min: at t = 0 the rate is"
            " their sum.",
        ),
        "bottom-missing": (
            {"lr_min + (": "("},
            "Your wave stands on 0; its lowest rate should be lr_min.",
        ),
        "rates-added": (
            {"(lr_max - lr_min)": "(lr_max + lr_min)"},
            "The height of the wave is the difference of the two rates, not their sum.",
        ),
        "half-of-lowest": (
            {"(lr_max - lr_min) / 2": "(lr_max - lr_min / 2)"},
            "Division binds more tightly than subtraction: only lr_min is halved.",
        ),
        "bracket-missing": (
            {WAVE: "1 + np.cos(np.pi * t / T)"},
            "Without the bracket your cosine is not scaled by the rates at all.",
        ),
        "time-outside": (
            {"np.cos(np.pi * t / T)": "np.cos(np.pi) * t / T"},
            "The time belongs into the cosine: yours is a straight line.",
        ),
        "linear": (
            {" / 2 * (1 + np.cos(np.pi * t / T))": " * (1 - t / T)"},
            "Your rate falls along a straight line.",
        ),
        "whole-division": (
            {"t / T": "(t // T)"},
            "The double slash rounds down: your rate waits at its top until T.",
        ),
        "period-less-one": (
            {"t / T": "t / (T - 1)"},
            "Your lowest rate comes one step too early: it belongs to T.",
        ),
        "period-plus-one": (
            {"t / T": "t / (T + 1)"},
            "Your lowest rate comes one step too late: it belongs to T.",
        ),
        "factor-returned": (
            {"lr_min + (lr_max - lr_min) / 2 * (1": "0.5 * (1"},
            "You return a factor between 0 and 1; the rates are not used.",
        ),
    },
)

WARM_RESTARTS = """
def warm_restarts(t, T0, lr_max, lr_min=0.0, T_mult=1):
    if T0 <= 0 or T_mult < 1:
        raise ValueError(f"T0 > 0 and T_mult >= 1, not {T0} and {T_mult}")
    start, length = 0.0, T0
    while np.any(t >= start + length):
        over = t >= start + length
        start = np.where(over, start + length, start)
        length = np.where(over, length * T_mult, length)
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * (t - start) / length))
"""
SEARCH = WARM_RESTARTS[
    WARM_RESTARTS.index("    start, length") : WARM_RESTARTS.index("    return")
]
PHASE = "np.pi * (t - start) / length"
LOGARITHM = """\
    ratio = np.log(t / T0 * (T_mult - 1) + 1) / np.log(max(T_mult, 1.5))
    i = np.floor(t / T0) if T_mult == 1 else np.floor(ratio)
    start = T0 * (i if T_mult == 1 else (T_mult**i - 1) / max(T_mult - 1, 1))
    length = T0 * T_mult**i
"""
BY_TENS = LOGARITHM.replace("np.log(", "np.log10(")
BY_TWOS = LOGARITHM.replace("np.log(", "np.log2(")
SUM_OF_LENGTHS = "        length = np.where(over, length * T_mult, length)\n"

RESTART_MISTAKES = _mistakes(
    WARM_RESTARTS,
    {"np.any(t >= start + length)": "t >= start + length"},
    {
        "restart-missed": (
            [{SEARCH: LOGARITHM}, {SEARCH: BY_TENS}, {SEARCH: BY_TWOS}],
            "Rounding puts some logarithms just below the whole number that they"
            " should be, so that your cycle is the one before: correct the number of"
            " the cycle by comparing t with its first instant.",
        ),
        "restart-late": (
            {"t >= start": "t > start"},
            "At the first instant of a cycle the rate is at its top again; yours is"
            " still at the bottom of the cycle before.",
        ),
        "no-restart": (
            {SEARCH: "    start, length = 0.0, T0\n"},
            "Your rate rises again along the cosine; at the end of a cycle it should"
            " jump.",
        ),
        "one-restart": (
            {"while np.any(t >= start + length)": "if np.any(t >= start + length)"},
            "Your schedule restarts once; it restarts at the end of every cycle.",
        ),
        "held-after-first-cycle": (
            {SEARCH: "    start, length = 0.0, T0\n    t = np.minimum(t, T0)\n"},
            "After the first cycle your rate stays at the bottom: nothing restarts.",
        ),
        "modulo-of-length": (
            {f"{PHASE}": "np.pi * (t % length) / length"},
            "The remainder of t by the current length is not the time since the last"
            " restart: the cycles before were shorter.",
        ),
        "first-length-in-cosine": (
            {PHASE: "np.pi * (t - start) / T0"},
            "Your cosine always has the first cycle's length; a longer cycle should"
            " fall more slowly.",
        ),
        "length-added": (
            {"length * T_mult": "length + T0 * T_mult"},
            "Your cycles grow by the same length each time; each should be T_mult"
            " times as long as the one before.",
        ),
        "length-counted": (
            {
                SUM_OF_LENGTHS: "        i = i + over\n"
                "        length = np.where(over, T0 * T_mult * np.maximum(i, 1),"
                " length)\n",
                "    start, length": "    i = 0\n    start, length",
            },
            "Cycle i should last T0 times T_mult to the power i: yours grow with i, not"
            " with a power.",
        ),
        "grown-first-cycle": (
            {"start, length = 0.0, T0": "start, length = 0.0, T0 * T_mult"},
            "The first cycle lasts T0: yours has grown already.",
        ),
        "shrinking-top": (
            {
                "(lr_max - lr_min) / 2": "(lr_max * 0.5**i - lr_min) / 2",
                SUM_OF_LENGTHS: f"{SUM_OF_LENGTHS}        i = i + over\n",
                "    start, length": "    i = 0\n    start, length",
            },
            "Your restarts go less high each time; here each goes back to lr_max.",
        ),
        "upside-down": (
            {"1 + np.cos": "1 - np.cos"},
            "Your rate climbs during a cycle and falls at its end.",
        ),
        "half-period": (
            {PHASE: "np.pi * (t - start) / (2 * length)"},
            "At the end of a cycle your cosine has come half as far as it should.",
        ),
        "full-period": (
            {PHASE: "2 * np.pi * (t - start) / length"},
            "Within one cycle your rate falls and rises again: it should only fall.",
        ),
        "half-missing": (
            {" / 2 * (1": " * (1"},
            "At a restart the bracket is 2: your rate starts at twice the height.",
        ),
        "amplitude-not-reduced": (
            {"(lr_max - lr_min) / 2": "lr_max / 2"},
            "Your wave is as high as lr_max and stands on lr_min: at a restart the rate"
            " is their sum.",
        ),
        "bottom-missing": (
            {"lr_min + (": "("},
            "Your wave stands on 0; its lowest rate should be lr_min.",
        ),
        "whole-times": (
            {PHASE: "np.pi * np.floor(t - start) / length"},
            "Your rate waits for the next whole t; t may be fractional.",
        ),
    },
)

WARMUP = """
def warmup(t, warmup_steps, lr):
    if warmup_steps == 0:
        return np.full(np.shape(t), lr)
    return lr * np.minimum(1, t / warmup_steps)
"""
SHARE = "np.minimum(1, t / warmup_steps)"

WARMUP_MISTAKES = _mistakes(
    WARMUP,
    {"np.minimum(": "min("},
    {
        "not-stopped": (
            {SHARE: "t / warmup_steps"},
            "Your rate goes on rising: from warmup_steps on it should stay at lr.",
        ),
        "maximum": (
            {"np.minimum": "np.maximum"},
            "You take the larger of the two: your rate starts at lr and never stops"
            " rising.",
        ),
        "ratio-turned": (
            {SHARE: "np.minimum(1, warmup_steps / np.maximum(t, 1))"},
            "The share that is done is t over warmup_steps, not the reverse.",
        ),
        "whole-division": (
            {"t / warmup": "t // warmup"},
            "The double slash rounds down: your rate is 0 until it jumps to lr.",
        ),
        "starts-higher": (
            [
                {SHARE: f"(0.1 + 0.9 * {SHARE})"},
                {SHARE: f"(0.01 + 0.99 * {SHARE})"},
                {SHARE: f"(0.5 + 0.5 * {SHARE})"},
                {SHARE: f"(1 / 3 + 2 / 3 * {SHARE})"},
            ],
            "Your warmup starts above zero, as in some libraries; here the rate is 0 at"
            " t = 0.",
        ),
        "one-step-short": (
            {"t / warmup_steps": "t / (warmup_steps - 1)"},
            "Your warmup ends one step too early: lr is reached at warmup_steps.",
        ),
        "one-step-long": (
            {"t / warmup_steps": "t / (warmup_steps + 1)"},
            "Your warmup ends one step too late: lr is reached at warmup_steps.",
        ),
        "rate-added": (
            {"lr * np": "lr + np"},
            "The share that is done multiplies the rate; you add it.",
        ),
        "zero-afterwards": (
            {SHARE: "t / warmup_steps * (t < warmup_steps)"},
            "After the warmup your rate falls to 0: it should stay at lr.",
        ),
        "factor-returned": (
            {"lr * np": "np", "np.full(np.shape(t), lr)": "np.ones(np.shape(t))"},
            "You return the share of lr, not the rate.",
        ),
        "capped-at-rate": (
            {"lr * np.minimum(1, ": "np.minimum(lr, "},
            "You cap the share of the warmup at lr: the share goes up to 1, and"
            " multiplies lr.",
        ),
        "exponential": (
            {SHARE: "(1 - np.exp(-t / warmup_steps))"},
            "Your rate comes up exponentially and never gets to lr; here it rises along"
            " a straight line.",
        ),
        "squared": (
            {SHARE: f"{SHARE}**2"},
            "Your rate rises along a parabola; here it rises along a straight line.",
        ),
        "inverse-root": (
            {SHARE: "np.minimum(1, t / warmup_steps) / np.sqrt(np.maximum(1,"
             " t / warmup_steps))"},
            "After the warmup your rate falls with one over the root of time, as for"
            " the first transformer; here it stays.",
        ),
        "no-warmup": (
            {f"lr * {SHARE}": "lr + 0.0 * t"},
            "Your rate is lr from the start: nothing warms up.",
        ),
    },
)  # fmt: skip

WARMUP_COSINE = """
def warmup_cosine(t, warmup_steps, T, lr_max, lr_min=0.0):
    if warmup_steps < 0 or warmup_steps >= T:
        raise ValueError(f"0 <= warmup_steps < T, not {warmup_steps} and {T}")
    rise = lr_max * t / max(warmup_steps, 1)
    done = np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)
    fall = lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * done))
    return np.where(t < warmup_steps, rise, fall)
"""
DONE = "np.clip((t - warmup_steps) / (T - warmup_steps), 0, 1)"

WARMUP_COSINE_MISTAKES = _mistakes(
    WARMUP_COSINE,
    {"np.where(t < warmup_steps, rise, fall)": "rise if t < warmup_steps else fall"},
    {
        "rises-past-T": (
            {DONE: "(t - warmup_steps) / (T - warmup_steps)"},
            "Past T your rate rises again along the cosine; here it is held at the"
            " bottom.",
        ),
        "zero-past-T": (
            {"rise, fall)": "rise, np.where(t > T, 0.0, fall))"},
            "Past T the rate stays at lr_min; yours falls to 0.",
        ),
        "length-not-shortened": (
            [
                {DONE: "np.clip((t - warmup_steps) / T, 0, 1)"},
                {DONE: "(t - warmup_steps) / T"},
                {DONE: "(np.minimum(t, T) - warmup_steps) / T"},
            ],
            "Your annealing takes T steps of its own and ends too late: it has only"
            " what the warmup leaves.",
        ),
        "start-not-shifted": (
            [{DONE: "np.clip(t / T, 0, 1)"}, {DONE: "t / T"}],
            "Your cosine starts at t = 0: at the end of the warmup it has fallen"
            " already, and the rate jumps.",
        ),
        "start-not-shifted-length-shortened": (
            [
                {DONE: "np.clip(t / (T - warmup_steps), 0, 1)"},
                {DONE: "t / (T - warmup_steps)"},
                {DONE: "np.minimum(t, T) / (T - warmup_steps)"},
            ],
            "Your cosine starts at t = 0: it should start where the warmup ends.",
        ),
        "multiplied": (
            [
                {
                    "t < warmup_steps, rise, fall": "t < warmup_steps, rise * fall"
                    " / lr_max, fall",
                    DONE: "np.clip(t / T, 0, 1)",
                },
                {
                    "t < warmup_steps, rise, fall": "t < warmup_steps, rise * fall"
                    " / lr_max, fall",
                    DONE: "t / T",
                },
            ],
            "Your warmup multiplies a cosine that has begun to fall; one should come"
            " after the other.",
        ),
        "warmup-from-lowest": (
            {
                "rise = lr_max * t /": "rise = lr_min + (lr_max - lr_min) * t /",
            },
            "Your warmup starts at lr_min; it starts at 0.",
        ),
        "warmup-one-ahead": (
            {"lr_max * t /": "lr_max * (t + 1) /"},
            "Your warmup is one step ahead: at t = 0 the rate is 0.",
        ),
        "no-warmup": (
            {"rise, fall)": "lr_max, fall)"},
            "Your rate is lr_max from the start: nothing warms up.",
        ),
        "zero-during-warmup": (
            {"rise, fall)": "0.0, fall)"},
            "During the warmup your rate is 0: it should rise.",
        ),
        "jump-after-warmup": (
            {"rise, fall)": "rise, lr_min)"},
            "After the warmup your rate drops to lr_min at once.",
        ),
        "constant-after-warmup": (
            {"rise, fall)": "rise, lr_max)"},
            "After the warmup your rate stays at lr_max: nothing anneals.",
        ),
        "upside-down": (
            {"1 + np.cos": "1 - np.cos"},
            "After the warmup your rate starts at the bottom and climbs.",
        ),
        "half-period": (
            {"np.pi * done": "np.pi * done / 2"},
            "At T your cosine has come half as far as it should.",
        ),
        "half-missing": (
            {" / 2 * (1": " * (1"},
            "Where the annealing starts, the bracket is 2: your rate is twice as high.",
        ),
        "amplitude-not-reduced": (
            {"(lr_max - lr_min) / 2": "lr_max / 2"},
            "Your wave is as high as lr_max and stands on lr_min: it starts at their"
            " sum.",
        ),
        "bottom-missing": (
            {"lr_min + (": "("},
            "Your wave stands on 0; its lowest rate should be lr_min.",
        ),
        "linear": (
            {" / 2 * (1 + np.cos(np.pi * done))": " * (1 - done)"},
            "After the warmup your rate falls along a straight line.",
        ),
    },
)

SECTION = f"chapter {ASSIGNMENT}, section Derivation, "
_schedule = partial(Exercise, parts=("rate",))

EXERCISES = (
    _schedule(
        name="step_decay",
        points=3,
        reference=reference.step_decay,
        cases=step_cases,
        misconceptions=STEP_MISTAKES,
        where=SECTION + "step decay",
        equation="eq-schedules-step",
        exact=frozenset({"t", "milestones"}),
    ),
    _schedule(
        name="exponential_decay",
        points=2,
        reference=reference.exponential_decay,
        cases=exponential_cases,
        misconceptions=EXPONENTIAL_MISTAKES,
        where=SECTION + "exponential decay",
        equation="eq-schedules-exponential",
    ),
    _schedule(
        name="cosine_annealing",
        points=3,
        reference=reference.cosine_annealing,
        cases=cosine_cases,
        misconceptions=COSINE_MISTAKES,
        where=SECTION + "cosine annealing",
        equation="eq-schedules-cosine",
        unit=frozenset({"lr_max"}),
    ),
    _schedule(
        name="warm_restarts",
        points=6,
        reference=reference.warm_restarts,
        cases=restart_cases,
        misconceptions=RESTART_MISTAKES,
        where=SECTION + "warm restarts",
        equation="eq-schedules-restarts",
        exact=frozenset({"t", "T0", "T_mult"}),
        unit=frozenset({"lr_max"}),
        composed=reference.warm_restarts_from,
    ),
    _schedule(
        name="warmup",
        points=3,
        reference=reference.warmup,
        cases=warmup_cases,
        misconceptions=WARMUP_MISTAKES,
        where=SECTION + "warmup",
        equation="eq-schedules-warmup",
    ),
    _schedule(
        name="warmup_cosine",
        points=5,
        reference=reference.warmup_cosine,
        cases=warmup_cosine_cases,
        misconceptions=WARMUP_COSINE_MISTAKES,
        where=SECTION + "warmup, then a cosine",
        equation="eq-schedules-composed",
        unit=frozenset({"lr_max"}),
        composed=reference.warmup_cosine_from,
    ),
)

"""08_race: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercises.draw import (
    LARGE,
    Rng,
    above_ten,
    decay,
    edge_shapes,
    rate,
    signed,
)
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise
from autograder.reference import race as reference
from descentlab.callbacks import BowlGradient, CountedMomentum, FallingRate

ASSIGNMENT = "08_race"


def train_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``train``: all but max_norm by position."""

    def arguments(
        steps: int,
        shape: tuple[int, ...] = (2,),
        of: Any = float,
        size: float = 1.0,
        lr0: float | None = None,
    ) -> Any:
        bowl = BowlGradient(rate(rng, 0.5, 1.5), rng.uniform(-1, 1), rate(rng))
        arrays = signed(rng, shape, size), signed(rng, shape, size / 5)
        theta0, buf = (np.asarray(x, of) for x in arrays)
        schedule = FallingRate(lr0 or rate(rng, 0.1, 0.5), rate(rng, 2.0, 9.0))
        return bowl, theta0, CountedMomentum(decay(rng)), (buf,), schedule, steps

    def clipped() -> dict[str, float]:
        return {"max_norm": rate(rng, 0.1, 0.3)}

    yield Case("value", "one step", arguments(1))
    yield Case("value", "five steps", arguments(5))
    yield Case("value", "three steps, clipped", arguments(3), clipped())
    yield Case("value", "a matrix, clipped", arguments(4, (2, 3)), clipped())
    yield Case("value", "a limit out of reach", arguments(4), {"max_norm": 1e3})
    yield Case("value", "a limit that is an int", arguments(3, (9,)), {"max_norm": 1})
    yield Case("value", "40 steps", arguments(40))
    far = arguments(2, size=4 * LARGE, lr0=above_ten(rng))
    yield Case("value", "a start far away, large rates", far)
    far, limit = arguments(2, size=4 * LARGE), {"max_norm": above_ten(rng)}
    yield Case("value", "a start far away, clipped", far, limit)
    yield Case("dtype", "float32", arguments(4, of=np.float32))
    yield Case("dtype", "float32, clipped", arguments(4, of=np.float32), clipped())
    for words, shape in edge_shapes():
        yield Case("edges", words, arguments(3, shape))
    yield Case("edges", "a 0-d array, clipped", arguments(3, ()), clipped())
    yield Case("edges", "no steps", arguments(0))
    _, *rest = arguments(3)
    still = BowlGradient(0.0), *rest
    yield Case("edges", "a gradient of zero, clipped", still, {"max_norm": 1.0})
    for max_norm in (0.0, -rate(rng, 0.5, 2.0)):
        words = f"max_norm = {max_norm:.3g}"
        wrong = {"max_norm": max_norm}
        yield Case("errors", words, arguments(3), wrong, raises="ValueError")
    for steep in (np.inf, np.nan):
        _, *rest = arguments(3)
        broken = BowlGradient(steep), *rest
        words = f"a gradient of {steep}, clipped"
        yield Case("errors", words, broken, {"max_norm": 1.0}, raises="ValueError")
    yield Case("purity", "called twice", arguments(4), clipped())


def target_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``steps_to_target``: both by position."""

    def falling(n: int) -> np.ndarray:
        """Losses that fall by and large, above 0.1, and rise in between."""
        noise = 0.3 * np.where(np.arange(n) % 2, 1.0, -1.0) * rng.uniform(0.5, 1.0, n)
        return np.asarray(np.linspace(4.0, 1.0, n) + noise)

    losses = falling(12)
    yield Case("value", "reached on the way", (losses, float(losses[5]) + 0.01))
    rising = np.array([4.0, 2.0, 3.0, 1.0, 2.5, 2.8]) + rng.uniform(-0.1, 0.1, 6)
    yield Case("value", "reached and left again", (rising, 2.3))
    yield Case("value", "never reached", (falling(10), 0.05))
    yield Case("value", "reached at the last", (np.array([3.0, 2.0, 1.0]), 1.5))
    yield Case("value", "below it from the start", (falling(6), 9.0))
    yield Case("value", "the target itself", (np.array([4.0, 2.0, 1.0]), 2.0))
    yield Case("value", "below zero", (np.array([1.0, -1.0, -3.0]), -2.0))
    yield Case("value", "large losses", (10 * falling(12), 25.0))
    # Further from the target than rounding, and nearer than a tolerance.
    for words, off, less in (("a loss", 3e-9, 0.0), ("a target", 0.0, 3e-9)):
        whole = int(rng.integers(2, 9))
        near = np.array([whole + 2.0, whole + off, whole - 1.0])
        yield Case("value", f"{words} a billionth off", (near, whole - less))
    yield Case("edges", "no losses", (np.zeros(0), 1.0))
    yield Case("edges", "one loss, the target", (np.array([0.5]), 0.5))
    yield Case("edges", "one loss above it", (np.array([0.5]), 0.25))
    yield Case("edges", "float32", (np.array([2, 0.5], np.float32), 1.0))
    yield Case("edges", "a target that is an int", (np.array([3.0, 1.0, 0.5]), 1))
    yield Case("purity", "called twice", (falling(8), 2.5))


def statistics_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``mean_and_sem``: values by position."""
    yield Case("value", "two values", (signed(rng, (2,)),))
    yield Case("value", "five values", (signed(rng, (5,)),))
    yield Case("value", "a column for each step", (signed(rng, (5, 3)),))
    yield Case("value", "along axis 1", (signed(rng, (3, 6)),), {"axis": 1})
    yield Case("value", "axis 0, given", (signed(rng, (4, 2)),), {"axis": 0})
    yield Case("value", "far from zero", (100 + signed(rng, (6,)),))
    yield Case("edges", "the last axis", (signed(rng, (2, 3, 4)),), {"axis": -1})
    yield Case("edges", "an axis in the middle", (signed(rng, (2, 3, 4)),), {"axis": 1})
    yield Case("edges", "values all alike", (np.full(4, 0.75),))
    yield Case("edges", "no columns", (np.zeros((3, 0)),))
    yield Case("edges", "float32", (signed(rng, (5, 2)).astype(np.float32),))
    for words, shape, axis in (
        ("one value", (1,), 0),
        ("no values", (0,), 0),
        ("one row", (1, 5), 0),
        ("one column, along axis 1", (5, 1), 1),
    ):
        call = (signed(rng, shape),), {"axis": axis}
        yield Case("errors", words, *call, raises="ValueError")
    yield Case("purity", "called twice", (signed(rng, (4, 2)),))


TRAIN = """
def train(grad_fn, theta0, step, state, schedule, steps, max_norm=None):
    if max_norm is not None and max_norm <= 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    theta = theta0
    lrs = []
    for t in range(1, steps + 1):
        grad = grad_fn(theta)
        if max_norm is not None:
            norm = float(np.sqrt(np.sum(grad**2)))
            if not np.isfinite(norm):
                raise ValueError(f"the norm must be finite, got {norm}")
            grad = grad * (max_norm / max(norm, max_norm))
        lr = float(schedule(t - 1))
        theta, state = step(theta, grad, state, t, lr)
        lrs.append(lr)
    return theta, state, np.array(lrs)
"""
SCALE = "max_norm / max(norm, max_norm)"
CLIP = f"            grad = grad * ({SCALE})\n"
STEP = "        theta, state = step(theta, grad, state, t, lr)\n"

TRAIN_MISTAKES = mistakes(
    TRAIN,
    {
        "schedule-late": (
            {"schedule(t - 1)": "schedule(t)"},
            "A schedule counts from 0: at the first step it is asked for t - 1.",
        ),
        "step-count-from-zero": (
            {"state, t, lr)": "state, t - 1, lr)"},
            "The step counts from 1, as Adam's bias correction needs.",
        ),
        "schedule-asked-once": (
            {
                "    lrs = []\n": "    lrs = []\n    lr = float(schedule(0))\n",
                "        lr = float(schedule(t - 1))\n": "",
            },
            "Your rate never changes: ask the schedule at every step.",
        ),
        "gradient-at-start": (
            {"grad_fn(theta)": "grad_fn(theta0)"},
            "The gradient is taken anew at every step; yours stays the first one.",
        ),
        "state-not-carried": (
            {"theta, state = step(": "theta, new = step("},
            "Every step gets the first state: what step returns goes into its next"
            " call.",
        ),
        "start-returned": (
            {"return theta, state": "return theta0, state"},
            "You return the weights that came in, not the trained ones.",
        ),
        "clipped-by-value": (
            {CLIP: "            grad = np.clip(grad, -max_norm, max_norm)\n"},
            "You clip each element; clipping by the norm keeps the direction.",
        ),
        "always-scaled": (
            {"max(norm, max_norm)": "norm"},
            "You scale short gradients up: what is below max_norm stays as it is.",
        ),
        "spectral-norm": (
            {
                "np.sqrt(np.sum(grad**2))": "np.linalg.norm(grad, 2) if grad.ndim < 3"
                " else 1"
            },
            "With ord=2 a matrix gets its spectral norm: the elements count as one"
            " vector.",
        ),
        "unit-length": (
            {CLIP: "            grad = grad / norm if norm > max_norm else grad\n"},
            "Clipped gradients come out with another length than max_norm.",
        ),
        "step-arguments-swapped": (
            {"state, t, lr)": "state, lr, t)"},
            "The step takes its number before the rate; yours get each other's place.",
        ),
        "squared-norm": (
            {"float(np.sqrt(np.sum(grad**2)))": "float(np.sum(grad**2))"},
            "You compare the squared norm with max_norm: a root is missing.",
        ),
        "guard-too-large": (
            [
                {SCALE: f"min(1, max_norm / (norm + {guard}))"}
                for guard in ("1e-3", "1e-4", "1e-5")
            ],
            "What you add to the norm before dividing is large enough to be seen: leave"
            " it out, or take PyTorch's 1e-6.",
        ),
        "step-clipped": (
            [
                {
                    CLIP: "",
                    STEP: STEP
                    + "        if max_norm is not None:\n"
                    + "            theta = np.clip(theta, -max_norm, max_norm)\n",
                },
            ],
            "It is the gradient that is clipped, before the step.",
        ),
        "step-less": (
            {"range(1, steps + 1)": "range(1, steps)"},
            "You take a step too few: t runs from 1 to steps, both included.",
        ),
        "step-more": (
            {"range(1, steps + 1)": "range(1, steps + 2)"},
            "You take a step too many: t runs from 1 to steps, both included.",
        ),
        "rate-squared": (
            {"        lrs.append(lr)": "        lrs.append(t - 1)"},
            "You record the times, not the rates.",
        ),
        "last-rate-alone": (
            {"np.array(lrs)": "lr"},
            "You return the last rate: the function returns all of them, in order.",
        ),
        "gradient-after-step": (
            {
                "        grad = grad_fn(theta)\n": "",
                "    lrs = []\n": "    lrs = []\n    grad = grad_fn(theta)\n",
                STEP: "        old = theta\n" + STEP + "        grad = grad_fn(old)\n",
            },
            "Your gradient is one step old: take it at the weights that the step starts"
            " from.",
        ),
    },
)

STEPS_TO_TARGET = """
def steps_to_target(losses, target):
    for i, loss in enumerate(losses):
        if loss <= target:
            return i
    return None
"""
SEARCH = STEPS_TO_TARGET[STEPS_TO_TARGET.index("    for") :].rstrip("\n")

TARGET_MISTAKES = mistakes(
    STEPS_TO_TARGET,
    {
        "counted-from-one": (
            {"return i": "return i + 1"},
            "Your count is one ahead: it is the index of the loss, from 0.",
        ),
        "strictly-below": (
            {"loss <= target": "loss < target"},
            "A loss equal to the target has reached it.",
        ),
        "reversed": (
            {"loss <= target": "loss >= target"},
            "You look for the first loss above the target.",
        ),
        "last-instead-of-first": (
            {
                "    for i": "    last = None\n    for i",
                "return i\n    return None": "last = i\n    return last",
            },
            "You return the last time that the loss is below the target: it is the"
            " first that counts.",
        ),
        "loss-returned": (
            {"return i": "return loss"},
            "You return the loss; the function returns the index.",
        ),
        "length-if-never": (
            {"return None": "return len(losses)"},
            "Where the target is never reached there is no step: return None.",
        ),
        "minus-one-if-never": (
            {"return None": "return -1"},
            "Where the target is never reached there is no step: return None.",
        ),
        "zero-if-never": (
            {"return None": "return 0"},
            "Where the target is never reached, argmax of all False is 0: return None"
            " there.",
        ),
        "lowest-loss": (
            [
                {SEARCH: "    return int(np.argmin(losses))"},
                {
                    SEARCH: "    reached = np.min(losses) <= target\n"
                    "    return int(np.argmin(losses)) if reached else None"
                },
            ],
            "You return the index of the lowest loss: it is the first that reaches the"
            " target that counts.",
        ),
        "fails-if-never": (
            {"return None": "raise IndexError"},
            "Where the target is never reached there is no first place to take: return"
            " None there.",
        ),
        "zero-taken-for-never": (
            {"return i": "return i or None"},
            "Index 0 counts as False in a test: ask whether it is None, not whether it"
            " is true.",
        ),
        "first-loss-alone": (
            {"    return None": "        return None"},
            "You give up after the first loss: None is the answer only when all have"
            " been looked at.",
        ),
        "counted-losses": (
            {
                SEARCH: "    return int(np.sum(np.asarray(losses) > target))",
            },
            "You count the losses above the target: after it is first reached they no"
            " longer matter.",
        ),
    },
)

MEAN_AND_SEM = """
def mean_and_sem(values, axis=0):
    count = np.shape(values)[axis]
    if count < 2:
        raise ValueError(f"two values or more, got {count}")
    sem = np.std(values, axis=axis, ddof=1) / np.sqrt(count)
    return np.mean(values, axis=axis), sem
"""
COUNT = "np.shape(values)[axis]"
SEM = "np.std(values, axis=axis, ddof=1) / np.sqrt(count)"

STATISTICS_MISTAKES = mistakes(
    MEAN_AND_SEM,
    {
        "population-deviation": (
            {", ddof=1": ""},
            "NumPy divides by n unless ddof says otherwise: the deviation of a sample"
            " divides by n - 1.",
        ),
        "deviation-instead-of-error": (
            {" / np.sqrt(count)": ""},
            "That is the spread of single values: the error of their mean is smaller.",
        ),
        "divided-by-n": (
            {"np.sqrt(count)": "count"},
            "The error of a mean falls as one over the root of n, not as one over n.",
        ),
        "variance-instead-of-deviation": (
            {"np.std(": "np.var("},
            "You divide the variance by the root of n: the deviation is its root.",
        ),
        "variance-over-n": (
            {SEM: "np.var(values, axis=axis, ddof=1) / count"},
            "That is the variance of the mean: the standard error is its root.",
        ),
        "root-of-n-less-one": (
            {"np.sqrt(count)": "np.sqrt(count - 1)"},
            "The n - 1 belongs into the deviation; the mean is over n values.",
        ),
        "interval": (
            {SEM: "1.96 * " + SEM},
            "That is half of a 95% interval: the standard error has no 1.96.",
        ),
        "count-of-all": (
            {COUNT: "np.size(values)"},
            "n is the number of values along the axis, not in the whole array.",
        ),
        "count-of-rows": (
            {COUNT: "len(values)"},
            "n is the number of values along the axis; len counts along axis 0.",
        ),
        "over-everything": (
            {"axis=axis, ddof=1": "ddof=1", "values, axis=axis)": "values)"}
            | {COUNT: "np.size(values)"},
            "You summarise the whole array: the statistics run along one axis.",
        ),
        "median": (
            {"np.mean(values": "np.median(values"},
            "You return the median beside an error that belongs to the mean.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="train",
        points=8,
        reference=reference.train,
        parts=("theta", "state", "lrs"),
        cases=train_cases,
        misconceptions=TRAIN_MISTAKES,
        where="chapter 08_race, section Derivation, one loop for all of them",
        equation="eq-race-loop",
        alternatives=reference.guarded_trains,
        untyped=frozenset({"lrs"}),
    ),
    Exercise(
        name="steps_to_target",
        points=3,
        reference=reference.steps_to_target,
        parts=("step",),
        cases=target_cases,
        misconceptions=TARGET_MISTAKES,
        where="chapter 08_race, section Derivation, how fast is fast",
        equation="eq-race-target",
        whole=True,
    ),
    Exercise(
        name="mean_and_sem",
        points=4,
        reference=reference.mean_and_sem,
        parts=("mean", "standard error"),
        cases=statistics_cases,
        misconceptions=STATISTICS_MISTAKES,
        where="chapter 08_race, section Derivation, what the noise allows one to say",
        equation="eq-race-sem",
    ),
)

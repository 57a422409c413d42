"""07_lookahead: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercises.draw import (
    LARGE,
    Rng,
    above_ten,
    as_float32,
    decay,
    edge_shapes,
    rate,
    signed,
)
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise
from autograder.reference import lookahead as reference
from descentlab.callbacks import BowlGradient, PlainStep, SlowingMomentum

ASSIGNMENT = "07_lookahead"


def _pair(
    rng: Rng, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """Two arrays of one shape: slow and fast weights, or a step and a gradient."""
    return signed(rng, shape, size), signed(rng, shape, size)


def sync_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``lookahead_sync``."""

    def given() -> dict[str, float]:
        return {"alpha": decay(rng, 0.6, 0.9)}

    yield Case("value", "two parameters, the default", _pair(rng, (2,)))
    yield Case("value", "alpha given", _pair(rng, (2,)), given())
    yield Case("value", "a small alpha", _pair(rng, (3,)), {"alpha": decay(rng, 0.1)})
    yield Case("value", "a matrix", _pair(rng, (3, 4)), given())
    yield Case("value", "large numbers", _pair(rng, (2,), LARGE), given())
    yield Case("dtype", "float32, the default", as_float32(_pair(rng, (4,))))
    yield Case("dtype", "float32, alpha given", as_float32(_pair(rng, (4,))), given())
    for words, shape in edge_shapes():
        yield Case("edges", words, _pair(rng, shape), given())
    yield Case("edges", "alpha = 0", _pair(rng, (3,)), {"alpha": 0.0})
    yield Case("edges", "alpha = 1", _pair(rng, (3,)), {"alpha": 1.0})
    yield Case("purity", "called twice", _pair(rng, (4,)), given())


def lookahead_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``lookahead``: callbacks, theta0, state and steps by position."""

    def arguments(
        steps: int,
        shape: tuple[int, ...] = (2,),
        of: Any = float,
        size: float = 1.0,
    ) -> Any:
        inner = SlowingMomentum(rate(rng, 0.05, 0.2), decay(rng))
        bowl = BowlGradient(rate(rng, 0.5, 1.5), rng.uniform(-1, 1), rate(rng))
        arrays = signed(rng, shape, size), signed(rng, shape, size / 5)
        theta0, buf = (np.asarray(x, of) for x in arrays)
        return inner, bowl, theta0, (buf, np.asarray(0.0, of)), steps

    def given(k: int) -> dict[str, Any]:
        return {"k": k, "alpha": decay(rng, 0.6, 0.9)}

    def stateless(steps: int) -> Any:
        _, bowl, theta0, _, _ = arguments(steps)
        return PlainStep(rate(rng, 0.05, 0.3)), bowl, theta0, (), steps

    yield Case("value", "one cycle of two steps", arguments(2), {"k": 2})
    yield Case("value", "a step of a longer cycle", arguments(1), given(3))
    yield Case("value", "three cycles", arguments(6), given(2))
    yield Case("value", "the defaults, a partial cycle at the end", arguments(13))
    yield Case("value", "gradient descent inside", stateless(8), given(3))
    yield Case("value", "a matrix", arguments(7, (2, 3)), given(3))
    yield Case("value", "40 steps", arguments(40), given(4))
    far = arguments(13, size=4 * LARGE)
    yield Case("value", "a start far away, a long cycle", far, given(12))
    yield Case("dtype", "float32", arguments(7, of=np.float32), given(3))
    yield Case("dtype", "float32, no steps", arguments(0, of=np.float32), given(3))
    for words, shape in edge_shapes():
        yield Case("edges", words, arguments(5, shape), given(2))
    yield Case("edges", "no steps", arguments(0), given(2))
    yield Case("edges", "k = 1: a sync after each step", arguments(4), given(1))
    yield Case("edges", "alpha = 0", arguments(5), {"k": 2, "alpha": 0.0})
    yield Case("edges", "alpha = 1", arguments(5), {"k": 2, "alpha": 1.0})
    for k in (0, -int(rng.integers(1, 5))):
        yield Case("errors", f"k = {k}", arguments(4), {"k": k}, raises="ValueError")
    yield Case("errors", "k = 0, no steps", arguments(0), {"k": 0}, raises="ValueError")
    yield Case("purity", "called twice", arguments(6), given(2))


def rate_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``swats_lr``."""

    def descent(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """A step that goes downhill, by and large, and a gradient."""
        grad = signed(rng, shape)
        step = -rate(rng) * grad * rng.uniform(0.3, 2.0, shape)
        return step + 0.02 * signed(rng, shape), grad

    yield Case("value", "two parameters", descent((2,)))
    yield Case("value", "five parameters", descent((5,)))
    yield Case("value", "a matrix", descent((3, 4)))
    grad = signed(rng, (4,))
    uphill = rate(rng) * grad * rng.uniform(0.3, 2.0, (4,))
    yield Case("value", "a step uphill: a negative rate", (uphill, grad))
    yield Case("value", "a step along the negative gradient", (-0.3 * grad, grad))
    p, grad = descent((3,))
    yield Case("value", "a step nearly across", (p * [1, -1, 0.5], grad))
    grad = signed(rng, (3,), LARGE)
    large = -above_ten(rng) * grad * rng.uniform(0.8, 1.2, (3,)), grad
    yield Case("value", "large numbers", large)
    yield Case("edges", "float32", as_float32(descent((4,))))
    yield Case("edges", "a 0-d array", descent(()))
    yield Case("edges", "three dimensions", descent((2, 3, 2)))
    # Late in a run: the product is tiny, and no zero.
    grad = 1e-5 * np.array([2.0, -3.0, 1.0])
    yield Case("edges", "a small step, a small gradient", (-0.5 * grad, grad))
    across = np.array([2.0, 0.0, 1.0]), np.array([0.0, -3.0, 0.0])
    yield Case("edges", "the step is across the gradient", across)
    yield Case("edges", "products that cancel", (np.ones(2), np.array([3.0, -3.0])))
    yield Case("edges", "no step", (np.zeros(3), signed(rng, (3,))))
    yield Case("edges", "no gradient", (signed(rng, (3,)), np.zeros(3)))
    yield Case("purity", "called twice", descent((4,)))


def switch_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``should_switch``: all but tol by position."""

    def arguments(off: float, t: int) -> tuple[float, float, float, int]:
        """A rate, and an average that is ``off`` beside it once it is corrected."""
        gamma, beta2 = rate(rng, 0.5, 2.0), decay(rng, 0.8, 0.95)
        return gamma, (gamma + off) * (1 - beta2**t), beta2, t

    def later() -> int:
        return int(rng.integers(3, 9))

    for words, off in (
        ("the average has settled", 0.01),
        ("the average is a little below", -0.015),
        ("the average is too high", 0.03),
        ("the average is far below", -0.3),
        ("the average is far above", 0.4),
    ):
        yield Case("value", words, arguments(off, later()), {"tol": 0.02})
    yield Case("value", "a large tol, within it", arguments(0.3, later()), {"tol": 0.4})
    yield Case("value", "the default tol, within it", arguments(5e-10, later()))
    yield Case("value", "the default tol, beyond it", arguments(4e-9, later()))
    yield Case("value", "the first step", arguments(0.0, 1), {"tol": 0.5})
    yield Case("value", "the second step", arguments(0.01, 2), {"tol": 0.02})
    gamma, lam, beta2, t = arguments(0.01, later())
    yield Case("value", "negative rates", (-gamma, -lam, beta2, t), {"tol": 0.02})
    yield Case("value", "rates of both signs", (-gamma, lam, beta2, t), {"tol": 0.02})
    # What another formula takes for a rate that has settled.
    left = beta2**t
    for words, share in (
        ("an average like the rate", 1.0),
        ("an average far too high", 1 / (1 - left)),
        ("an average too low for its step", 1 - beta2),
        ("an average of the wrong sign", 1 - beta2 * t),
        ("an average for the step before", 1 - beta2 ** (t - 1)),
        ("an average for the step after", 1 - beta2 ** (t + 1)),
        ("an average without this rate", 1 - beta2 ** (t - 1)),
    ):
        settled = gamma, share * gamma, beta2, t
        yield Case("value", words, settled, {"tol": 1e-3})
    yield Case("value", "late in a run", (gamma, gamma, 0.9, 2000))
    large = above_ten(rng)
    lam = (large + 0.03) * (1 - left)
    yield Case("value", "a large rate", (large, lam, beta2, t), {"tol": 0.02})
    for words, off, tol in (
        ("a large rate, late, settled", 0.01, 0.02),
        ("a large rate, late, not settled", 3.0, 0.02),
        ("a large tol and a large rate", 11.0, 11.5),
    ):
        late = large, large + off, 0.9, 400
        yield Case("value", words, late, {"tol": tol})
    # These are exact in binary, so that all ways of writing it meet the tie.
    yield Case("edges", "a difference of tol", (0.75, 0.75, 0.5, 2), {"tol": 0.25})
    yield Case("edges", "beta2 = 0", (0.25, 0.25, 0.0, 2))
    yield Case("edges", "tol = 0", (0.75, 0.5625, 0.5, 2), {"tol": 0.0})
    yield Case("edges", "the first step, all alike", (0.25, 0.125, 0.5, 1))
    yield Case("purity", "called twice", arguments(0.01, later()), {"tol": 0.02})


LOOKAHEAD_SYNC = """
def lookahead_sync(slow, fast, alpha=0.5):
    return slow + alpha * (fast - slow)
"""

SYNC_MISTAKES = mistakes(
    LOOKAHEAD_SYNC,
    {
        "weights-swapped": (
            {"slow + alpha * (fast - slow)": "fast + alpha * (slow - fast)"},
            "alpha is the share of the way from slow to fast; yours is the share back.",
        ),
        "wrong-direction": (
            {"fast - slow": "slow - fast"},
            "The slow weights walk away from the fast ones: look at the sign of the"
            " difference.",
        ),
        "difference-missing": (
            {"alpha * (fast - slow)": "alpha * fast"},
            "You add the fast weights themselves: what is to be added is a part of the"
            " way to them.",
        ),
        "start-missing": (
            {"slow + alpha": "alpha"},
            "You return the step alone: the slow weights start from where they are.",
        ),
        "start-from-fast": (
            {"slow + alpha": "fast + alpha"},
            "You start from the fast weights and overshoot: the slow ones move.",
        ),
        "not-synced": (
            {"slow + alpha * (fast - slow)": "fast"},
            "You return the fast weights: the slow ones go only a part of the way.",
        ),
        "average-decayed": (
            {"slow + alpha * (fast - slow)": "(1 - alpha) * slow + fast"},
            "The two shares add up to 1; here the fast weights come in full.",
        ),
        "bracket-missing": (
            [
                {"(fast - slow)": "fast - slow"},
                {"slow + alpha * (fast - slow)": "alpha * fast + 1 - alpha * slow"},
            ],
            "A bracket is missing: a factor multiplies only the one term that follows"
            " it.",
        ),
    },
)

LOOKAHEAD = """
def lookahead(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    if k < 1:
        raise ValueError(f"k must be 1 or more, got {k}")
    slow = fast = theta0
    rows = [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = slow + alpha * (fast - slow)
            fast = slow
        rows.append(fast)
    return np.stack(rows), state
"""
SYNC = "            slow = slow + alpha * (fast - slow)\n"
RESTART = "            fast = slow\n"
ROWS = "    rows = [theta0]\n"
FIRST = "    first = state\n"
INNER = "        fast, state = inner_step(fast, grad_fn(fast), state)\n"
CYCLE = f"        for _ in range(k):\n    {INNER}"

LOOKAHEAD_MISTAKES = mistakes(
    LOOKAHEAD,
    {
        "never-synced": (
            [{SYNC: "            pass\n", RESTART: ""}, {"i % k == 0": "False"}],
            "The slow weights never act on the fast ones: after every k-th step they go"
            " a part of the way, and the fast weights restart from there.",
        ),
        "recorded-before-sync": (
            {
                "        if i": "        rows.append(fast)\n        if i",
                RESTART + "        rows.append(fast)\n": RESTART,
            },
            "A row holds the weights after the sync where there is one; yours holds"
            " those before it.",
        ),
        "slow-recorded": (
            {
                RESTART + "        rows.append(fast)\n": RESTART
                + "        rows.append(slow)\n"
            },
            "You record the slow weights at every step; a row is the weights after so"
            " many fast steps.",
        ),
        "slow-not-kept": (
            {SYNC: "            slow = theta0 + alpha * (fast - theta0)\n"},
            "Each sync starts from theta0: the slow weights have to be kept from one"
            " cycle to the next.",
        ),
        "state-reset": (
            [
                {RESTART: RESTART + "            state = first\n", ROWS: ROWS + FIRST},
                {
                    RESTART: RESTART
                    + "            state = tuple(0 * x for x in state)\n"
                },
            ],
            "The inner state is kept across a sync; yours starts anew.",
        ),
        "state-not-carried": (
            {"fast, state = inner_step": "fast, new = inner_step"},
            "Every fast step gets the first state: what inner_step returns has to go"
            " into its next call.",
        ),
        "first-state-returned": (
            {"np.stack(rows), state": "np.stack(rows), first", ROWS: ROWS + FIRST},
            "You return the state that came in, not the one after the last step.",
        ),
        "off-by-one": (
            [
                {"i % k == 0": "(i - 1) % k == 0"},
                {"i % k == 0": "(i + 1) % k == 0"},
                {"i % k == 0": "(i - 1) % k == 0 and i > 1"},
            ],
            "Your syncs come at the wrong steps: they follow the k-th step, the 2k-th,"
            " and so on.",
        ),
        "partial-cycle-synced": (
            {"i % k == 0": "i % k == 0 or i == steps"},
            "A last cycle that is not complete stays as it is, without a sync.",
        ),
        "partial-cycle-dropped": (
            {"range(1, steps + 1)": "range(1, steps - steps % k + 1)"},
            "Your trajectory ends with the last sync: the steps of a last cycle that is"
            " not complete are taken too.",
        ),
        "row-for-each-cycle": (
            {INNER: CYCLE, "        if i % k == 0:\n": "        if True:\n"},
            "Each of your rows is a whole cycle: a row belongs to each fast step.",
        ),
        "step-more": (
            {"steps + 1": "steps + 2"},
            "The trajectory has a row too many: theta0, and one row for each step.",
        ),
        "step-less": (
            {"range(1, steps + 1)": "range(1, steps)"},
            "The trajectory has a row too few: theta0, and one row for each step.",
        ),
        "start-not-recorded": (
            {"rows = [theta0]": "rows = []"},
            "Row 0 of the trajectory is theta0 itself.",
        ),
        "gradient-at-slow": (
            {"grad_fn(fast)": "grad_fn(slow)"},
            "The gradient is taken where the fast weights are; yours is taken at the"
            " slow ones.",
        ),
        "gradient-at-start": (
            {"grad_fn(fast)": "grad_fn(theta0)"},
            "The gradient is taken anew at every step; yours stays the first one.",
        ),
        "weights-swapped": (
            {SYNC: "            slow = fast + alpha * (slow - fast)\n"},
            "alpha is the share of the way from slow to fast; yours is the share back.",
        ),
        "cycles-instead-of-steps": (
            {"steps + 1": "steps * k + 1"},
            "steps counts the fast steps, not the cycles.",
        ),
        "last-weights-returned": (
            {"np.stack(rows), state": "fast, state"},
            "You return the last weights; the function returns all, row by row.",
        ),
    },
)

SWATS_LR = """
def swats_lr(p, grad):
    along = np.sum(p * grad)
    return np.sum(p * p) / -along if along != 0 else float("nan")
"""

RATE_MISTAKES = mistakes(
    SWATS_LR,
    {
        "sign-missing": (
            {"/ -along": "/ along"},
            "A step downhill has a negative product with the gradient; a rate is"
            " positive there.",
        ),
        "elementwise": (
            {
                "np.sum(p * p) / -along if along != 0": "p * p / -(p * grad) if True",
            },
            "You get one rate for each parameter; SWATS needs a single one for all.",
        ),
        "sum-of-ratios": (
            {"np.sum(p * p) / -along": "np.sum(p * p / -(p * grad))"},
            "You add up ratios; the sums come first, the division after them.",
        ),
        "mean-of-ratios": (
            {"np.sum(p * p) / -along": "np.mean(p * p / -(p * grad))"},
            "You average ratios; the sums come first, the division after them.",
        ),
        "inverted": (
            {"np.sum(p * p) / -along": "-along / np.sum(p * p)"},
            "Your rate is upside down: it would have the unit of one over a rate.",
        ),
        "gradient-length": (
            {"/ -along": "/ np.sum(grad * grad)"},
            "You divide by the squared length of the gradient: project the gradient on"
            " the step instead.",
        ),
        "projected-on-gradient": (
            {"np.sum(p * p) / -along": "-along / np.sum(grad * grad)"},
            "You project the step on the gradient; SWATS asks that the gradient step,"
            " projected on p, be p.",
        ),
        "norm-not-squared": (
            {"np.sum(p * p)": "np.sqrt(np.sum(p * p))"},
            "The numerator is the squared length of the step, without a root.",
        ),
        "absolute": (
            {"/ -along": "/ abs(along)"},
            "The sign is part of the answer: a step uphill gives a negative rate.",
        ),
        "guarded": (
            {"/ -along": "/ (-along + 1e-3)"},
            "Nothing is added to the denominator: where it is 0, the answer is nan.",
        ),
        "numerator-linear": (
            {"np.sum(p * p)": "np.sum(p)"},
            "The numerator is the product of the step with itself.",
        ),
    },
)

SHOULD_SWITCH = """
def should_switch(gamma, lam, beta2, t, tol=1e-9):
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol
"""

SWITCH_MISTAKES = mistakes(
    SHOULD_SWITCH,
    {
        "not-corrected": (
            {"lam / (1 - beta2**t)": "lam"},
            "The average starts from zero and is compared uncorrected.",
        ),
        "exponent-missing": (
            {"beta2**t": "beta2"},
            "The correction has to fade as steps go by; yours is the same for every t.",
        ),
        "product-instead-of-power": (
            {"beta2**t": "beta2 * t"},
            "In the correction t is an exponent, not a factor.",
        ),
        "shifted-step": (
            [
                {"beta2**t": "beta2**(t + 1)"},
                {"beta2**t": "beta2**(t - 1)"},
                {"lam / (1": "(beta2 * lam + (1 - beta2) * gamma) / (1"},
            ],
            "Your exponent and your average belong to different steps: lam has this"
            " step's rate in it already, and t counts it.",
        ),
        "first-step-allowed": (
            [{"t > 1 and ": ""}, {"t > 1": "t >= 1"}, {"t > 1": "t > 0"}],
            "At the first step the average is the rate itself and agrees by itself:"
            " there is nothing to decide yet.",
        ),
        "second-step-refused": (
            {"t > 1": "t > 2"},
            "From the second step on a switch is possible.",
        ),
        "reversed": (
            {"< tol": "> tol"},
            "You switch while the average still differs from the rate: it is the other"
            " way round.",
        ),
        "sign-kept": (
            {"abs(lam / (1 - beta2**t) - gamma)": "lam / (1 - beta2**t) - gamma"},
            "A difference below zero always passes your test: it is its size that"
            " counts.",
        ),
        "gamma-corrected": (
            {"lam / (1 - beta2**t) - gamma": "lam - gamma / (1 - beta2**t)"},
            "The correction goes the wrong way: it is the average that is too small and"
            " has to be enlarged.",
        ),
        "relative": (
            {"< tol": "< tol * abs(gamma)"},
            "tol is the difference itself, not a share of the rate.",
        ),
        "isclose": (
            {
                "abs(lam / (1 - beta2**t) - gamma) < tol": "np.isclose("
                "lam / (1 - beta2**t), gamma, atol=tol)"
            },
            "isclose adds a share of the rate to tol, unless it is told not to: tol"
            " alone counts.",
        ),
        "or": (
            {" and ": " or "},
            "Both conditions have to hold, not one of them.",
        ),
        "bracket-missing": (
            {"(1 - beta2**t)": "1 - beta2**t"},
            "Division binds more tightly than subtraction: what you divide by needs a"
            " bracket.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="lookahead_sync",
        points=3,
        reference=reference.lookahead_sync,
        parts=("slow",),
        cases=sync_cases,
        misconceptions=SYNC_MISTAKES,
        where="chapter 07_lookahead, section Derivation, slow and fast weights",
        equation="eq-lookahead-sync",
    ),
    Exercise(
        name="lookahead",
        points=8,
        reference=reference.lookahead,
        parts=("trajectory", "state"),
        cases=lookahead_cases,
        misconceptions=LOOKAHEAD_MISTAKES,
        where="chapter 07_lookahead, section Derivation, slow and fast weights",
        equation="eq-lookahead-cycle",
        composed=reference.lookahead_from,
    ),
    Exercise(
        name="swats_lr",
        points=4,
        reference=reference.swats_lr,
        parts=("rate",),
        cases=rate_cases,
        misconceptions=RATE_MISTAKES,
        where="chapter 07_lookahead, section Derivation, the rate that SGD takes over",
        equation="eq-lookahead-rate",
    ),
    Exercise(
        name="should_switch",
        points=3,
        reference=reference.should_switch,
        parts=("decision",),
        cases=switch_cases,
        misconceptions=SWITCH_MISTAKES,
        where="chapter 07_lookahead, section Derivation, when to switch",
        equation="eq-lookahead-switch",
        whole=True,
    ),
)

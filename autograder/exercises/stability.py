"""05_stability: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.exercises.adam import FAMILY_MISTAKES
from autograder.exercises.draw import (
    LARGE,
    SHAPES,
    Rng,
    above_ten,
    as_float32,
    decay,
    edge_shapes,
    positive,
    rate,
    signed,
)
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise, Run
from autograder.reference import stability as reference

ASSIGNMENT = "05_stability"

Shapes = tuple[tuple[int, ...], ...]
LAYERS: Shapes = ((2, 3), (3,), (3, 2), (2,))
"""The shapes of a small network's weights and biases."""


def _gradients(rng: Rng, shapes: Shapes = LAYERS, size: float = 1.0) -> list[Any]:
    """A list of gradients, one for each shape."""
    return [signed(rng, shape, size) for shape in shapes]


def _edges(rng: Rng) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Lists of arrays at the edge, with the words for them."""
    yield "an empty list", []
    yield "a list of one 0-d array", _gradients(rng, ((),))
    yield "0-d, empty and 3-d arrays in one list", _gradients(rng, SHAPES)
    yield "a list of empty arrays", _gradients(rng, ((0,), (3, 0)))
    yield "all gradients are zero", [np.zeros((2, 3)), np.zeros(3)]


def value_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``clip_by_value``."""

    def limited(group: str, words: str, grads: list[Any], limit: float) -> Case:
        return Case(group, words, (grads,), {"limit": limit})

    pair = [np.array([0.5, -3.0]), np.array([2.5])]
    yield limited("value", "two arrays, the limit 1", pair, 1.0)
    yield limited("value", "another limit", _gradients(rng), rate(rng, 0.5, 1.5))
    yield limited("value", "a limit that is an int", _gradients(rng, size=3.0), 2)
    yield limited("value", "nothing is that large", _gradients(rng), 5.0)
    layers = (3,), (2,)
    large = _gradients(rng, layers, LARGE)
    yield limited("value", "large gradients, nothing is that large", large, 1e3)
    far = _gradients(rng, layers, 4 * LARGE)
    yield limited("value", "large gradients, a large limit", far, above_ten(rng))
    yield limited("value", "one array alone", _gradients(rng, ((3, 4),)), 0.8)
    for limit in (0.7, 1):
        single = list(as_float32(tuple(_gradients(rng))))
        yield limited("dtype", f"float32, limit = {limit}", single, limit)
    for words, grads in _edges(rng):
        yield limited("edges", words, grads, 0.6)
    yield limited("edges", "limit = 0", _gradients(rng), 0.0)
    for limit in (-1.0, -rate(rng)):
        call = (_gradients(rng),), {"limit": limit}
        yield Case("errors", f"limit = {limit:.3g}", *call, raises="ValueError")
    yield limited("purity", "called twice", _gradients(rng), 0.7)


def norm_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``global_norm``."""
    triangle = [np.array([3.0]), np.array([[0.0, -4.0]])]
    yield Case("value", "two arrays, 3 and (0, -4)", (triangle,))
    yield Case("value", "four arrays", (_gradients(rng),))
    yield Case("value", "one matrix alone", (_gradients(rng, ((3, 4),)),))
    sizes = [signed(rng, (3,), size) for size in (1e-3, 1.0, 1e3)]
    yield Case("value", "arrays of very different size", (sizes,))
    yield Case("value", "small gradients", (_gradients(rng, size=1e-6),))
    for words, grads in _edges(rng):
        yield Case("edges", words, (grads,))
    yield Case("edges", "float32", (list(as_float32(tuple(_gradients(rng)))),))
    yield Case("purity", "called twice", (_gradients(rng),))


def clip_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``clip_by_global_norm``."""

    def sized(norm: float, shapes: Shapes = LAYERS) -> list[Any]:
        """Gradients of some norm."""
        grads = _gradients(rng, shapes)
        scale = norm / reference.global_norm(grads)
        return [grad * scale for grad in grads]

    def clipped(group: str, words: str, grads: list[Any], max_norm: float) -> Case:
        return Case(group, words, (grads,), {"max_norm": max_norm})

    triangle = [np.array([3.0]), np.array([0.0, -4.0])]
    yield clipped("value", "norm 5, max_norm = 2.5", triangle, 2.5)
    yield clipped("value", "norm 5, max_norm = 10", triangle, 10.0)
    far = float(rng.uniform(6, 60))
    yield clipped("value", "a norm far above", sized(far), rate(rng, 0.5, 2.0))
    yield clipped("value", "a norm that is above 1 and below", sized(3.0), 4.0)
    yield clipped("value", "max_norm below 1", sized(2.0), rate(rng, 0.1, 0.5))
    yield clipped("value", "below 1 both, untouched", sized(0.2), 0.5)
    yield clipped("value", "max_norm is an int", sized(7.0), 2)
    yield clipped("value", "a large norm, a large limit", sized(200), above_ten(rng))
    yield clipped("value", "one matrix alone", sized(9.0, ((3, 4),)), 1.5)
    # One array dwarfs the rest: by itself each would be clipped by another factor.
    mixed = [signed(rng, (3,), size) for size in (0.01, 1.0, 30.0)]
    yield clipped("value", "arrays of very different size", mixed, 5.0)
    for norm in (8.0, 0.5):
        single = list(as_float32(tuple(sized(norm))))
        yield clipped("dtype", f"float32, norm {norm:g}", single, 2.0)
    for words, grads in _edges(rng):
        yield clipped("edges", words, grads, 0.01)
    for max_norm in (0.0, -1.0):
        call = (sized(3.0),), {"max_norm": max_norm}
        yield Case("errors", f"max_norm = {max_norm:g}", *call, raises="ValueError")
    for bad in (np.inf, np.nan):
        grads = sized(3.0)
        grads[2][1, 0] = bad
        call = (grads,), {"max_norm": 5.0}
        yield Case("errors", f"one element is {bad}", *call, raises="ValueError")
    yield clipped("purity", "called twice", sized(8.0), 2.0)
    yield clipped("purity", "called twice, untouched", sized(0.5), 2.0)


def l2_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``l2_gradient``."""

    def penalized(group: str, words: str, arrays: Any, weight_decay: float) -> Case:
        return Case(group, words, arrays, {"weight_decay": weight_decay})

    def pair(shape: tuple[int, ...], size: float = 1.0) -> tuple[np.ndarray, ...]:
        return signed(rng, shape, size), signed(rng, shape, size)

    yield penalized("value", "two parameters", pair((2,)), 0.5)
    yield penalized("value", "another strength", pair((3,)), rate(rng))
    yield penalized("value", "a strong penalty", pair((3,)), 3)
    yield penalized("value", "large numbers", pair((2,), LARGE), above_ten(rng))
    yield penalized("value", "a matrix", pair((3, 4)), rate(rng))
    yield penalized(
        "value", "no gradient of the loss", (np.zeros(3), pair((3,))[1]), 0.2
    )
    yield penalized("dtype", "float32", as_float32(pair((4,))), rate(rng))
    for words, shape in edge_shapes():
        yield penalized("edges", words, pair(shape), rate(rng))
    yield penalized("edges", "weight_decay = 0", pair((3,)), 0.0)
    yield penalized("purity", "called twice", pair((4,)), rate(rng))


def _arrays(
    rng: Rng, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """theta, grad, m, v of one shape."""
    theta, grad, m = (signed(rng, shape, x) for x in (size, size, size / 2))
    return theta, grad, m, positive(rng, shape, size)


def _settings(rng: Rng) -> dict[str, float]:
    """Every hyper-parameter away from its default, eps as large as the root of v."""
    return {
        "lr": rate(rng),
        "beta1": decay(rng, 0.2, 0.5),
        "beta2": decay(rng, 0.6, 0.9),
        "eps": rate(rng, 0.05, 0.5),
        "weight_decay": rate(rng, 0.1, 0.8),
    }


def adamw_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``adamw_step``."""

    def later() -> int:
        return int(rng.integers(3, 9))

    yield Case("value", "the first step, the defaults", (*_arrays(rng, (2,)), 1))
    theta, grad, _, _ = _arrays(rng, (2,))
    start = theta, grad, np.zeros(2), np.zeros(2), 1
    yield Case("value", "the first step, from zeros", start)
    yield Case("value", "all given, t = 2", (*_arrays(rng, (2,)), 2), _settings(rng))
    yield Case("value", "a later step", (*_arrays(rng, (3,)), later()), _settings(rng))
    yield Case("value", "a matrix", (*_arrays(rng, (3, 4)), later()), _settings(rng))
    hyper = {name: above_ten(rng) for name in ("lr", "eps", "weight_decay")}
    arrays = _arrays(rng, (2,), LARGE)
    yield Case("value", "large numbers", (*arrays, later()), _settings(rng) | hyper)
    still = theta, np.zeros(2), np.zeros(2), np.zeros(2), later()
    yield Case("value", "no gradient at all", still, {"weight_decay": 0.5, "lr": 0.1})
    # So small a gradient that the default eps decides.
    moments = (
        signed(rng, (2,), 1e-8),
        signed(rng, (2,), 1e-8),
        positive(rng, (2,), 1e-16),
    )
    yield Case("value", "tiny gradients, the default eps", (theta, *moments, later()))
    yield Case("value", "step 400, the defaults", (*_arrays(rng, (3,)), 400))
    # The same eps, early and late: a folded correction differs by t alone.
    large = (*_arrays(rng, (3,)), later())
    yield Case("value", "defaults but a large eps", large, {"eps": 0.1})
    yield Run("value", "30 steps, each from the last", drive=_adamw_run(rng, 30))
    single = as_float32(_arrays(rng, (4,)))
    yield Case("dtype", "float32, the defaults", (*single, later()))
    single = as_float32(_arrays(rng, (2, 3)))
    yield Case("dtype", "float32, all given", (*single, later()), _settings(rng))
    for words, shape in edge_shapes():
        yield Case("edges", words, (*_arrays(rng, shape), later()), _settings(rng))
    for words, hyper in (
        ("weight_decay = 0: Adam", {"weight_decay": 0.0}),
        ("no memory: beta1 = beta2 = 0", {"beta1": 0.0, "beta2": 0.0}),
        ("lr = 0: nothing moves", {"lr": 0.0}),
    ):
        yield Case("edges", words, (*_arrays(rng, (3,)), 2), hyper)
    yield Case("purity", "called twice", (*_arrays(rng, (4,)), later()), _settings(rng))


def _adamw_run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    theta0, grads, hyper = signed(rng, (3,)), signed(rng, (steps, 3)), _settings(rng)

    def drive(step: Callable[..., Any]) -> Any:
        theta, m, v = theta0.copy(), np.zeros(3), np.zeros(3)
        for t, grad in enumerate(grads, start=1):
            theta, m, v = step(theta, grad.copy(), m, v, t, **hyper)
        return theta, m, v

    return drive


CLIP_BY_VALUE = """
def clip_by_value(grads, limit):
    if limit < 0:
        raise ValueError(f"limit must not be negative, got {limit}")
    return [np.clip(grad, -limit, limit) for grad in grads]
"""
CLIPPED = "[np.clip(grad, -limit, limit) for grad in grads]"

VALUE_MISTAKES = mistakes(
    CLIP_BY_VALUE,
    {
        "negatives-kept": (
            [
                {"np.clip(grad, -limit, limit)": "np.minimum(grad, limit)"},
                {"-limit, limit": "None, limit"},
            ],
            "Large negative elements pass: the bound holds on both sides of zero.",
        ),
        "negatives-cut-off": (
            {"-limit, limit": "0, limit"},
            "Negative elements become zero: the interval reaches from -limit to limit.",
        ),
        "sign-lost": (
            {"np.clip(grad, -limit, limit)": "np.minimum(np.abs(grad), limit)"},
            "Every element comes back positive: clipping keeps the sign.",
        ),
        "zeroed-instead-of-clipped": (
            {
                "np.clip(grad, -limit, limit)": (
                    "np.where(np.abs(grad) > limit, 0 * grad, grad)"
                )
            },
            "Elements that are too large become zero: they should stop at the bound.",
        ),
        "scaled-by-largest": (
            {CLIPPED: ("[g * (limit / max(limit, np.abs(g).max())) for g in grads]")},
            "You shrink a whole array by its largest element; here each element is"
            " bounded alone, and the others stay.",
        ),
        "clipped-by-norm": (
            [
                {CLIPPED: "[g * min(1, limit / np.linalg.norm(g)) for g in grads]"},
                {
                    CLIPPED: "[g * min(1, limit / np.sqrt(sum(np.sum(x**2)"
                    " for x in grads))) for g in grads]"
                },
            ],
            "You scale whole arrays by a norm: that is another clipping. Here each"
            " element is bounded alone.",
        ),
        "squashed": (
            {"np.clip(grad, -limit, limit)": "limit * np.tanh(grad / limit)"},
            "A smooth squashing changes small elements too: inside the bounds nothing"
            " may change.",
        ),
        "limit-ignored": (
            [
                {"-limit, limit": "-1, 1"},
                {"-limit, limit": "-5, 5"},
            ],
            "Your bounds are the same for every limit: the argument is not used.",
        ),
        "not-clipped": (
            {CLIPPED: "list(grads)"},
            "The arrays come back as they were: is the clipped one thrown away?",
        ),
        "first-array-only": (
            {
                f"return {CLIPPED}": (
                    "for grad in grads:\n        return [np.clip(grad, -limit, limit)]"
                )
            },
            "You return inside the loop: only the first array comes back.",
        ),
    },
)

GLOBAL_NORM = """
def global_norm(grads):
    return float(np.sqrt(sum(np.sum(grad**2) for grad in grads)))
"""
SUM = "sum(np.sum(grad**2) for grad in grads)"
ROOT_OF_SUM = f"float(np.sqrt({SUM}))"

NORM_MISTAKES = mistakes(
    GLOBAL_NORM,
    {
        "root-missing": (
            {ROOT_OF_SUM: f"float({SUM})"},
            "That is the square of the norm: an operation is missing at the end.",
        ),
        "sum-of-norms": (
            {ROOT_OF_SUM: "float(sum(np.linalg.norm(grad) for grad in grads))"},
            "You add up the norms of the arrays; lengths at right angles add by their"
            " squares (Pythagoras).",
        ),
        "absolute-values": (
            {f"np.sqrt({SUM})": "sum(np.sum(np.abs(grad)) for grad in grads)"},
            "What you add up are absolute values, as when each square has its own root:"
            " take one root, at the end.",
        ),
        "largest-norm": (
            {
                ROOT_OF_SUM: (
                    "float(max([np.linalg.norm(grad) for grad in grads], default=0.0))"
                )
            },
            "You return the largest of the arrays' norms: the others count too.",
        ),
        "largest-element": (
            {
                ROOT_OF_SUM: (
                    "float(max([np.max(np.abs(grad)) for grad in grads], default=0.0))"
                )
            },
            "You return the largest element: the Euclidean norm counts all of them.",
        ),
        "mean-instead-of-sum": (
            [
                {"np.sum(": "np.mean("},
                {
                    ROOT_OF_SUM: (
                        "float(np.sqrt(np.mean(np.concatenate("
                        "[grad.ravel()**2 for grad in grads]))))"
                    )
                },
            ],
            "A mean of squares does not grow with the number of elements: the norm"
            " sums them.",
        ),
        "norm-of-each": (
            {ROOT_OF_SUM: "[float(np.linalg.norm(grad)) for grad in grads]"},
            "You return one norm for each array: all of them together are one vector"
            " with one norm.",
        ),
        "first-array-only": (
            {ROOT_OF_SUM: "float(np.linalg.norm(grads[0]))"},
            "Only the first array counts in your norm.",
        ),
        "last-array-only": (
            {ROOT_OF_SUM: "float(np.linalg.norm(grads[-1]))"},
            "Only the last array counts in your norm: does the sum start anew with"
            " each array?",
        ),
        "spectral-norm": (
            {
                ROOT_OF_SUM: (
                    "float(np.sqrt(sum(np.linalg.norm(grad, 2)**2 for grad in grads)))"
                )
            },
            "With ord=2 a matrix gets its spectral norm, the largest singular value:"
            " here it counts as a vector.",
        ),
        "sum-before-square": (
            {"np.sum(grad**2)": "np.sum(grad)**2"},
            "You square the sum: elements of both signs cancel. Square first.",
        ),
        "guard-in-norm": (
            [
                {f"{SUM})": f"{SUM} + 1e-6)"},
                {f"{SUM})": f"{SUM} + 1e-8)"},
                {f"{SUM}))": f"{SUM})) + 1e-6"},
            ],
            "The norm itself has no guard: a small number belongs to the division, if"
            " anywhere.",
        ),
    },
)

CLIP_BY_GLOBAL_NORM = """
def clip_by_global_norm(grads, max_norm):
    if max_norm <= 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    norm = float(np.sqrt(sum(np.sum(grad**2) for grad in grads)))
    if not np.isfinite(norm):
        raise ValueError(f"the norm must be finite, got {norm}")
    scale = max_norm / max(norm, max_norm)
    return [grad * scale for grad in grads], norm
"""
SCALE = "max_norm / max(norm, max_norm)"
SCALED = "[grad * scale for grad in grads]"
EACH = "[grad * min(1, max_norm / {}) for grad in grads]"

CLIP_MISTAKES = mistakes(
    CLIP_BY_GLOBAL_NORM,
    {
        "each-array-alone": (
            [
                {SCALED: EACH.format("np.linalg.norm(grad)")},
                {SCALED: EACH.format("(np.linalg.norm(grad) + 1e-6)")},
            ],
            "Each array is clipped by its own norm, so the direction of the whole"
            " changes: one factor serves all arrays.",
        ),
        "clipped-by-value": (
            {SCALED: "[np.clip(grad, -max_norm, max_norm) for grad in grads]"},
            "You bound each element: that is clipping by value, and it turns the"
            " gradient. Here one factor scales all of it.",
        ),
        "always-scaled": (
            [
                {SCALE: "max_norm / norm"},
                {SCALE: "max_norm / (norm + 1e-6)"},
            ],
            "Gradients that are short enough are stretched to max_norm: they should"
            " stay as they are.",
        ),
        "condition-reversed": (
            [
                {SCALE: "max_norm / norm if norm < max_norm else 1.0"},
                {SCALE: "max_norm / (norm + 1e-6) if norm < max_norm else 1.0"},
                {"max(norm": "min(norm"},
            ],
            "The short gradients are scaled and the long ones stay: the condition is"
            " the wrong way round.",
        ),
        "threshold-one": (
            {SCALE: "max_norm / norm if norm > 1 else 1.0"},
            "Whether to clip is decided by another number than max_norm.",
        ),
        "norm-after-clipping": (
            {"grads], norm": "grads], min(norm, float(max_norm))"},
            "You return the norm after clipping: the one before tells how far training"
            " is from safe.",
        ),
        "scale-returned": (
            {"grads], norm": "grads], scale"},
            "The second result is the norm before clipping, not the factor.",
        ),
        "unit-length": (
            [
                {SCALE: "1 / max(norm, max_norm)"},
                {SCALE: "1 / norm if norm > max_norm else 1.0"},
            ],
            "Clipped gradients come out with another length than max_norm: what has"
            " the factor to be for that?",
        ),
        "inverted-factor": (
            {SCALE: "max(norm, max_norm) / max_norm"},
            "Your factor is upside down: long gradients become longer still.",
        ),
        "zeroed-instead-of-scaled": (
            {SCALE: "1.0 if norm <= max_norm else 0.0"},
            "Gradients that are too long become zero: they should keep their direction"
            " and have length max_norm.",
        ),
        "squared-norm": (
            [
                {"float(np.sqrt(sum": "float((sum"},
                {SCALE: "max_norm / max(norm**2, max_norm)"},
                {SCALE: "max_norm / norm**2 if norm > max_norm else 1.0"},
            ],
            "You divide by the square of the norm: a root is missing.",
        ),
        "sum-of-norms": (
            {
                "np.sqrt(sum(np.sum(grad**2) for grad in grads))": (
                    "sum(np.linalg.norm(grad) for grad in grads)"
                )
            },
            "You add up the norms of the arrays; lengths at right angles add by their"
            " squares.",
        ),
        "guard-too-large": (
            [
                {SCALE: f"max_norm / (norm + {guard}) if norm > max_norm else 1.0"}
                for guard in ("1e-3", "1e-4", "1e-5", "1")
            ],
            "What you add to the norm before dividing is large enough to be seen: leave"
            " it out, or take PyTorch's 1e-6.",
        ),
        "not-clipped": (
            {SCALED: "list(grads)"},
            "The arrays come back as they were: the factor is computed but not used.",
        ),
        "joined": (
            {SCALED: "np.concatenate([(grad * scale).ravel() for grad in grads])"},
            "The arrays come back as one: return a list, each in its own shape.",
        ),
    },
)

L2_GRADIENT = """
def l2_gradient(grad, theta, weight_decay):
    return grad + weight_decay * theta
"""
PENALTY = "weight_decay * theta"

L2_MISTAKES = mistakes(
    L2_GRADIENT,
    {
        "factor-two": (
            {PENALTY: f"2 * {PENALTY}"},
            "The penalty has a factor one half: what is left of it in the derivative?",
        ),
        "half-kept": (
            {PENALTY: f"{PENALTY} / 2"},
            "The derivative of a square brings a factor of two: it cancels the half.",
        ),
        "penalty-instead-of-gradient": (
            [
                {PENALTY: "weight_decay / 2 * np.sum(theta**2)"},
                {PENALTY: "weight_decay * np.sum(theta**2)"},
            ],
            "You add the penalty itself, one number for all weights: add its gradient.",
        ),
        "norm-instead-of-gradient": (
            {PENALTY: "weight_decay * np.linalg.norm(theta)"},
            "You add a norm, one number for all weights: each weight has a derivative"
            " of its own.",
        ),
        "square-kept": (
            [
                {PENALTY: f"{PENALTY}**2"},
                {PENALTY: f"{PENALTY}**2 / 2"},
            ],
            "The square is still there: differentiate the penalty.",
        ),
        "l1-penalty": (
            {PENALTY: "weight_decay * np.sign(theta)"},
            "The sign of the weights belongs to a penalty on absolute values: this one"
            " is on squares.",
        ),
        "minus": (
            {"+": "-"},
            "The sign pushes weights away from zero: the penalty adds to the loss.",
        ),
        "penalty-alone": (
            {"grad + ": ""},
            "You return the penalty's gradient alone: that of the loss is missing.",
        ),
        "strength-ignored": (
            {PENALTY: "0.01 * theta"},
            "The answer does not change with weight_decay: a constant stands there.",
        ),
        "arguments-swapped": (
            {f"grad + {PENALTY}": "theta + weight_decay * grad"},
            "Gradient and weights changed places: which of them does the penalty add?",
        ),
        "decayed-gradient": (
            {f"grad + {PENALTY}": "grad + weight_decay * grad"},
            "You scale the gradient: the penalty depends on the weights.",
        ),
        "decayed-weights": (
            {f"grad + {PENALTY}": f"theta - {PENALTY}"},
            "You return smaller weights: what is asked for is a gradient.",
        ),
    },
)

ADAMW_STEP = """
def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    step = m_hat / (np.sqrt(v_hat) + eps)
    theta = theta - lr * step - lr * weight_decay * theta
    return theta, m, v
"""
START = "    m = beta1"
DECAYED = "theta - lr * step - lr * weight_decay * theta"

ADAMW_MISTAKES = mistakes(
    ADAMW_STEP,
    {
        "l2-instead-of-decay": (
            {
                START: f"    grad = grad + weight_decay * theta\n{START}",
                DECAYED: "theta - lr * step",
            },
            "The decay goes through the moments: that is Adam with an L2 penalty, the"
            " very thing that AdamW takes apart.",
        ),
        "l2-and-decay": (
            {START: f"    grad = grad + weight_decay * theta\n{START}"},
            "The weights decay twice: once through the gradient and once outside it.",
        ),
        "decay-in-first-moment": (
            {
                "(1 - beta1) * grad": "(1 - beta1) * (grad + weight_decay * theta)",
                DECAYED: "theta - lr * step",
            },
            "The decay goes into the first moment: it belongs outside both.",
        ),
        "decay-in-numerator": (
            {
                "step = m_hat /": "step = (m_hat + weight_decay * theta) /",
                DECAYED: "theta - lr * step",
            },
            "The decay is divided by the root as well, so weights with large gradients"
            " decay less: keep it out of the fraction.",
        ),
        "decay-not-scaled": (
            {"- lr * weight_decay": "- weight_decay"},
            "Your decay does not depend on the learning rate; here it is scaled by it.",
        ),
        "decay-after-step": (
            {
                DECAYED: "theta - lr * step",
                "return theta,": "return theta - lr * weight_decay * theta,",
            },
            "You decay the weights after they have moved: both terms use the old ones.",
        ),
        "decay-missing": (
            {" - lr * weight_decay * theta": ""},
            "The weights do not decay: that is Adam's step.",
        ),
        "decay-added": (
            {"- lr * weight_decay": "+ lr * weight_decay"},
            "Your weights grow: the decay has the wrong sign.",
        ),
        "decay-halved": (
            {"- lr * weight_decay": "- lr * weight_decay / 2"},
            "The one half of the penalty is gone once it has been differentiated.",
        ),
        "decay-without-weights": (
            {"lr * weight_decay * theta": "lr * weight_decay"},
            "The same number is taken from every weight: decay is in proportion to it.",
        ),
        "decay-of-gradient": (
            {"lr * weight_decay * theta": "lr * weight_decay * grad"},
            "Your decay follows the gradient: it is the weights that decay.",
        ),
        "decay-of-sign": (
            {"lr * weight_decay * theta": "lr * weight_decay * np.sign(theta)"},
            "Every weight decays by the same amount: decay is in proportion to it.",
        ),
        "decay-by-norm": (
            {"lr * weight_decay * theta": "lr * weight_decay * np.sum(theta**2) / 2"},
            "You subtract the penalty itself, one number for all weights.",
        ),
        "decay-hard-coded": (
            {"lr * weight_decay * theta": "lr * 0.1 * theta"},
            "The answer does not change with weight_decay: a constant stands there.",
        ),
        "rate-in-decay-hard-coded": (
            {"lr * weight_decay * theta": "0.001 * weight_decay * theta"},
            "The rate in your decay is a constant: it has to be lr.",
        ),
        "eps-inside-root": (
            {"(np.sqrt(v_hat) + eps)": "np.sqrt(v_hat + eps)"},
            "Your eps goes into the root; as in Adam it is added after the root is"
            " taken.",
        ),
        "not-corrected": (
            {"m / (1 - beta1**t)": "m", "v / (1 - beta2**t)": "v"},
            "The averages start at zero and are used uncorrected: t is not used.",
        ),
        "first-uncorrected": (
            {"m / (1 - beta1**t)": "m"},
            "Only the second average is corrected: the first starts at zero too.",
        ),
        "second-uncorrected": (
            {"v / (1 - beta2**t)": "v"},
            "Only the first average is corrected: the second starts at zero too.",
        ),
        "exponent-missing": (
            {"beta1**t": "beta1", "beta2**t": "beta2"},
            "The correction has to fade as steps go by; yours is the same for every t.",
        ),
        "folded-correction": (
            {
                "m_hat / (np.sqrt(v_hat)": (
                    "(1 - beta2**t) ** 0.5 / (1 - beta1**t) * m / (np.sqrt(v)"
                )
            },
            "With the corrections folded into the rate, your eps meets the uncorrected"
            " root: that is another, larger eps in the first steps.",
        ),
        "corrected-state": (
            {"theta, m, v\n": "theta, m_hat, v_hat\n"},
            "You return the corrected averages, so that the next step corrects them"
            " again: keep the raw ones.",
        ),
        "old-state-returned": (
            {
                "    m = ": "    new_m = ",
                "    v = ": "    new_v = ",
                "m_hat = m": "m_hat = new_m",
                "v_hat = v": "v_hat = new_v",
            },
            "You return the averages that came in, not the ones that you computed.",
        ),
        "state-ignored": (
            {"beta1 * m + ": "", "beta2 * v + ": ""},
            "Your averages start from zero at every call: m and v are not used.",
        ),
        "no-square": (
            [
                {"grad**2": "grad", "np.sqrt(v_hat)": "np.sqrt(np.abs(v_hat))"},
                {"grad**2": "grad"},
            ],
            "The second average has to measure the size of gradients; yours takes them"
            " with their sign.",
        ),
        "no-root": (
            {"np.sqrt(v_hat)": "v_hat"},
            "You divide by a mean square, whose unit is the gradient's unit squared: an"
            " operation is missing before the division.",
        ),
        "betas-swapped": (
            {"beta1": "BETA", "beta2": "beta1", "BETA": "beta2"}
            | {"beta2=0.9, beta1=0.999": "beta1=0.9, beta2=0.999"},
            "The two decay rates changed places: which average has the longer memory?",
        ),
        "weights-swapped": (
            {
                "beta1 * m + (1 - beta1)": "(1 - beta1) * m + beta1",
                "beta2 * v + (1 - beta2)": "(1 - beta2) * v + beta2",
            },
            "Your averages forget at the rate at which they should remember: each beta"
            " and its complement changed places.",
        ),
        "ascent": (
            {"theta - lr * step": "theta + lr * step"},
            "You walk uphill: the step goes along the gradient.",
        ),
        "update-returned": (
            {"theta - lr * step": "lr * step"},
            "You return the step itself; the function returns the weights after it.",
        ),
        **FAMILY_MISTAKES,
        "rate-divides": (
            {"lr * step": "1 / lr * step"},
            "You divide by the rate: a smaller rate then makes a longer step.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="clip_by_value",
        points=3,
        reference=reference.clip_by_value,
        parts=(),
        cases=value_cases,
        misconceptions=VALUE_MISTAKES,
        where="chapter 05_stability, section Derivation, clipping by value",
        equation="eq-stability-value",
    ),
    Exercise(
        name="global_norm",
        points=3,
        reference=reference.global_norm,
        parts=("norm",),
        cases=norm_cases,
        misconceptions=NORM_MISTAKES,
        where="chapter 05_stability, section Derivation, the global norm",
        equation="eq-stability-norm",
    ),
    Exercise(
        name="clip_by_global_norm",
        points=5,
        reference=reference.clip_by_global_norm,
        parts=("clipped", "norm"),
        cases=clip_cases,
        misconceptions=CLIP_MISTAKES,
        where="chapter 05_stability, section Derivation, clipping by the global norm",
        equation="eq-stability-clip",
        composed=reference.clip_by_global_norm_from,
        alternatives=tuple(map(reference.guarded_clip, reference.GUARDS)),
    ),
    Exercise(
        name="l2_gradient",
        points=3,
        reference=reference.l2_gradient,
        parts=("gradient",),
        cases=l2_cases,
        misconceptions=L2_MISTAKES,
        where="chapter 05_stability, section Derivation, weight decay as a penalty",
        equation="eq-stability-l2",
    ),
    Exercise(
        name="adamw_step",
        points=6,
        reference=reference.adamw_step,
        parts=("theta", "m", "v"),
        cases=adamw_cases,
        misconceptions=ADAMW_MISTAKES,
        where="chapter 05_stability, section Derivation, AdamW's update",
        equation="eq-stability-adamw",
    ),
)

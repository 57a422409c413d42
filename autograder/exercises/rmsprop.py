"""02_rmsprop: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.exercises.draw import (
    LARGE,
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
from autograder.reference import rmsprop as reference

ASSIGNMENT = "02_rmsprop"


def _arrays(
    rng: Rng, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """theta, grad, v of one shape."""
    theta, grad = signed(rng, shape, size), signed(rng, shape, size)
    return theta, grad, positive(rng, shape, size)


def _settings(rng: Rng) -> dict[str, float]:
    """Every hyper-parameter away from its default, eps as large as v."""
    return {"lr": rate(rng), "beta": decay(rng), "eps": rate(rng, 0.05, 0.5)}


def rmsprop_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``rmsprop_step``."""
    yield Case("value", "two parameters, the defaults", _arrays(rng, (2,)))
    yield Case(
        "value", "every hyper-parameter given", _arrays(rng, (2,)), _settings(rng)
    )
    yield Case("value", "a matrix", _arrays(rng, (2, 3)), _settings(rng))
    large = {"lr": above_ten(rng), "beta": decay(rng), "eps": above_ten(rng)}
    yield Case("value", "large numbers", _arrays(rng, (2,), LARGE), large)
    theta, grad, _ = _arrays(rng, (3,))
    zero = np.zeros(3)
    yield Case("value", "the first step, from v = 0", (theta, grad, zero))
    # So small a gradient that the default eps decides.
    small = (theta, signed(rng, (3,), 1e-4), positive(rng, (3,), 1e-8))
    yield Case("value", "tiny gradients, the default eps", small)
    yield Case(
        "value", "some gradients are zero", (theta, grad * [1, 0, 0], zero), {"lr": 0.1}
    )
    yield Run("value", "25 steps, each from the last", drive=_run(rng, 25))
    yield Case("dtype", "float32, the defaults", as_float32(_arrays(rng, (4,))))
    yield Case(
        "dtype", "float32, all given", as_float32(_arrays(rng, (2, 3))), _settings(rng)
    )
    for words, shape in edge_shapes():
        yield Case("edges", words, _arrays(rng, shape), _settings(rng))
    yield Case("edges", "beta = 0", _arrays(rng, (3,)), {"beta": 0.0})
    yield Case("edges", "beta near 1", _arrays(rng, (3,)), {"beta": 0.9999})
    yield Case("edges", "lr = 0", _arrays(rng, (3,)), {"lr": 0.0})
    yield Case("purity", "called twice", _arrays(rng, (4,)), _settings(rng))


def _run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    theta0, _, _ = _arrays(rng, (3,))
    grads = signed(rng, (steps, 3))
    hyper = {"lr": rate(rng), "beta": decay(rng, 0.8, 0.95), "eps": 1e-3}

    def drive(step: Callable[..., Any]) -> Any:
        theta, v = theta0.copy(), np.zeros(3)
        for grad in grads:
            theta, v = step(theta, grad.copy(), v, **hyper)
        return theta, v

    return drive


def effective_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``effective_lr``."""

    def hyper() -> dict[str, float]:
        return {"lr": rate(rng), "eps": rate(rng, 0.05, 0.5)}

    yield Case("value", "two parameters, the defaults", (positive(rng, (2,)),))
    yield Case("value", "every hyper-parameter given", (positive(rng, (2,)),), hyper())
    yield Case("value", "a matrix", (positive(rng, (2, 3)),), hyper())
    large = {"lr": above_ten(rng), "eps": above_ten(rng)}
    yield Case("value", "large numbers", (positive(rng, (2,), LARGE),), large)
    yield Case(
        "value", "a large rate", (positive(rng, (2,), 0.1),), {"lr": above_ten(rng)}
    )
    tiny = positive(rng, (3,), 1e-8)
    yield Case("value", "a tiny v, the default eps", (tiny,))
    yield Case("value", "a zero in v", (np.array([0.0, 1.0, 4.0]),), {"lr": 0.02})
    yield Case("dtype", "float32", (positive(rng, (4,)).astype(np.float32),), hyper())
    default = positive(rng, (3,)).astype(np.float32)
    yield Case("dtype", "float32, the defaults", (default,))
    for words, shape in edge_shapes():
        yield Case("edges", words, (positive(rng, shape),), hyper())
    yield Case("edges", "lr = 0", (positive(rng, (3,)),), {"lr": 0.0})
    yield Case("purity", "called twice", (positive(rng, (4,)),), hyper())


RMSPROP_STEP = """
def rmsprop_step(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    v = beta * v + (1 - beta) * grad**2
    theta = theta - lr * grad / np.sqrt(v + eps)
    return theta, v
"""

RMSPROP_MISTAKES = mistakes(
    RMSPROP_STEP,
    {
        "eps-outside-root": (
            {"np.sqrt(v + eps)": "(np.sqrt(v) + eps)"},
            "Your eps is added after the root is taken; in this lesson it guards what"
            " goes into the root.",
        ),
        "eps-outside-fraction": (
            {"np.sqrt(v + eps)": "np.sqrt(v) + eps"},
            "Division binds more tightly than addition: your eps is added to the"
            " weights, not to the denominator.",
        ),
        "eps-missing": (
            {"v + eps": "v"},
            "Nothing guards the division where the average of the squares is zero: eps"
            " is not used.",
        ),
        "eps-in-state": (
            {"grad**2": "grad**2 + eps", "v + eps)": "v)"},
            "Your eps became part of the average that you return, so it piles up from"
            " step to step; it belongs to the division alone.",
        ),
        "eps-squared": (
            {"v + eps": "v + eps**2"},
            "Inside the root eps stands as it is; you square it first.",
        ),
        "eps-hard-coded": (
            {"v + eps": "v + 1e-7"},
            "Changing eps changes nothing in your function: a constant stands in its"
            " place.",
        ),
        "no-square": (
            [{"grad**2": "grad", "v + eps": "np.abs(v) + eps"}, {"grad**2": "grad"}],
            "The average has to measure the size of gradients; yours takes them with"
            " their sign, so that opposite ones cancel.",
        ),
        "absolute-instead-of-square": (
            [
                {"grad**2": "np.abs(grad)"},
                {"grad**2": "np.abs(grad)", "np.sqrt(v + eps)": "(v + eps)"},
            ],
            "You average absolute values; the method averages another measure of size,"
            " which the root undoes later.",
        ),
        "no-root": (
            {"np.sqrt(v + eps)": "(v + eps)"},
            "You divide by a mean square, whose unit is the gradient's unit squared;"
            " RMS has one more operation in its name.",
        ),
        "half-precedence": (
            {"np.sqrt(v + eps)": "((v + eps) ** 1 / 2)"},
            "x**1/2 means x to the power 1, then halved: the exponent needs brackets.",
        ),
        "weights-swapped": (
            {"beta * v + (1 - beta)": "(1 - beta) * v + beta"},
            "Your average forgets at the rate at which it should remember: beta and its"
            " complement changed places.",
        ),
        "sum-instead-of-average": (
            {"beta * v + (1 - beta) * ": "v + "},
            "Your squares are summed up and never forgotten, so that the steps shrink"
            " for ever: that is AdaGrad's rule.",
        ),
        "undamped-square": (
            {"(1 - beta) * grad**2": "grad**2"},
            "The new square enters in full: in an average the two weights add up to 1.",
        ),
        "old-average": (
            {"    v = ": "    new = ", "theta, v\n": "theta, new\n"},
            "The step divides by the average from before this gradient: update the"
            " state first, then use it.",
        ),
        "state-ignored": (
            {"beta * v + ": ""},
            "Your average starts from zero at every call: the v handed in is not used.",
        ),
        "global-average": (
            {"grad**2": "np.mean(grad**2)"},
            "Your mean runs over the parameters; RMSprop's runs over time, for each"
            " parameter alone.",
        ),
        "squared-norm": (
            {"grad**2": "np.sum(grad**2)"},
            "Your square is that of the gradient's length, one number for all: each"
            " parameter has its own.",
        ),
        "weight-squared": (
            {"(1 - beta) * grad**2": "((1 - beta) * grad) ** 2"},
            "You square the weight of the new term too: the gradient alone is squared.",
        ),
        "ascent": (
            {"theta - lr": "theta + lr"},
            "You walk uphill: the step goes along the gradient.",
        ),
        "gradient-missing": (
            {"lr * grad / ": "lr / "},
            "Your step has the adapted rate but no gradient: every weight moves the"
            " same way.",
        ),
        "old-state-returned": (
            {"    v = ": "    new = ", "v + eps": "new + eps"},
            "You return the average that came in, not the one that you computed.",
        ),
        "update-returned": (
            {"theta - lr": "lr"},
            "You return the step itself; the function returns the weights after it.",
        ),
        "bracket-missing": (
            {"(1 - beta) * grad**2": "1 - beta * grad**2"},
            "The weight of the new term is a difference and needs a bracket: without it"
            " a 1 is added to every element.",
        ),
        "root-in-state": (
            [
                {
                    "v = beta * v + (1 - beta) * grad**2": (
                        f"v = np.sqrt(beta * v + (1 - beta) * grad**2{guard})"
                    ),
                    "np.sqrt(v + eps)": denominator,
                }
                for guard, denominator in (("", "(v + eps)"), (" + eps", "v"))
            ],
            "The root is for the step; the state keeps the squares.",
        ),
        "inverted": (
            [
                {"grad / np.sqrt": "grad * np.sqrt"},
                {"lr * grad / np.sqrt(v + eps)": "np.sqrt(v + eps) / lr * grad"},
            ],
            "Your root stands above the line; below it, large gradients give small"
            " steps.",
        ),
        "rate-divides": (
            {"lr * grad / ": "grad / lr / "},
            "You divide by the rate: a smaller rate then makes a longer step.",
        ),
        "root-of-everything": (
            [
                {f"{whole} / np.sqrt(v + eps)": f"np.sqrt({whole} / (v + eps))"}
                for whole in ("lr * grad", "grad")
            ]
            + [{"lr * grad / np.sqrt(v + eps)": "np.sqrt(lr / (v + eps)) * grad"}],
            "The root covers more than the average: rate and gradient stay outside.",
        ),
    },
)

EFFECTIVE_LR = """
def effective_lr(v, lr=1e-3, eps=1e-8):
    return lr / np.sqrt(v + eps)
"""

EFFECTIVE_MISTAKES = mistakes(
    EFFECTIVE_LR,
    {
        "eps-outside-root": (
            {"np.sqrt(v + eps)": "(np.sqrt(v) + eps)"},
            "Your eps is added after the root is taken; in this lesson it guards what"
            " goes into the root.",
        ),
        "eps-outside-fraction": (
            {"np.sqrt(v + eps)": "np.sqrt(v) + eps"},
            "Division binds more tightly than addition: your eps is added to the rate,"
            " not to the denominator.",
        ),
        "eps-missing": (
            {"v + eps": "v"},
            "Where v is zero the rate is infinite: eps is not used.",
        ),
        "eps-hard-coded": (
            {"v + eps": "v + 1e-7"},
            "Changing eps changes nothing in your function: a constant stands in its"
            " place.",
        ),
        "no-root": (
            {"np.sqrt(v + eps)": "(v + eps)"},
            "You divide by a mean square; RMS has one more operation in its name.",
        ),
        "inverted": (
            [
                {"lr / ": "lr * "},
                {"lr / np.sqrt(v + eps)": "np.sqrt(v + eps) / lr"},
            ],
            "Your root stands above the line; below it, large gradients give small"
            " rates.",
        ),
        "half-precedence": (
            {"np.sqrt(v + eps)": "(v + eps) ** 1 / 2"},
            "x**1/2 means x to the power 1, then halved: the exponent needs brackets.",
        ),
        "root-of-everything": (
            {"lr / np.sqrt(v + eps)": "np.sqrt(lr / (v + eps))"},
            "The root covers the learning rate too; it is the average's alone.",
        ),
        "global-average": (
            {"v + eps": "np.mean(v) + eps + 0 * v"},
            "One rate for all: each parameter has a rate of its own.",
        ),
        "rate-missing": (
            {"lr / ": "1 / "},
            "Your rate is the same for every lr: the argument is not used.",
        ),
        "rate-divides": (
            {"lr / ": "1 / lr / "},
            "You divide by the rate: a smaller lr then gives a larger result.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="rmsprop_step",
        points=6,
        reference=reference.rmsprop_step,
        parts=("theta", "v"),
        cases=rmsprop_cases,
        misconceptions=RMSPROP_MISTAKES,
        where="chapter 02_rmsprop, section Derivation, the update of RMSprop",
        equation="eq-rmsprop-update",
    ),
    Exercise(
        name="effective_lr",
        points=4,
        reference=reference.effective_lr,
        parts=("rate",),
        cases=effective_cases,
        misconceptions=EFFECTIVE_MISTAKES,
        where="chapter 02_rmsprop, section Derivation, the effective rate",
        equation="eq-rmsprop-effective",
    ),
)

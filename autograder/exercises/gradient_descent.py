"""01_gradient_descent: inputs, properties and misconceptions."""

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
    rate,
    signed,
)
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise, Run
from autograder.reference import gradient_descent as reference
from descentlab.callbacks import BowlGradient

ASSIGNMENT = "01_gradient_descent"


def _arrays(
    rng: Rng, count: int, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """So many arrays of one shape: theta, grad and, for momentum, buf."""
    return tuple(signed(rng, shape, size) for _ in range(count))


def sgd_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``sgd_step``."""

    def hyper() -> dict[str, float]:
        return {"lr": rate(rng)}

    yield Case("value", "two parameters", _arrays(rng, 2, (2,)), hyper())
    large = _arrays(rng, 2, (2,), LARGE)
    yield Case("value", "large numbers", large, {"lr": above_ten(rng)})
    theta, grad = _arrays(rng, 2, (3,))
    yield Case("value", "some gradients are zero", (theta, grad * [1, 0, 0]), hyper())
    yield Case("value", "a matrix", _arrays(rng, 2, (3, 4)), hyper())
    yield Run("value", "20 steps, each from the last", drive=_sgd_run(rng, 20))
    yield Case("dtype", "float32", as_float32(_arrays(rng, 2, (4,))), hyper())
    for words, shape in edge_shapes():
        yield Case("edges", words, _arrays(rng, 2, shape), hyper())
    yield Case("edges", "lr = 0", _arrays(rng, 2, (3,)), {"lr": 0.0})
    yield Case("purity", "called twice", _arrays(rng, 2, (4,)), hyper())


def _sgd_run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    theta0, grads, lr = signed(rng, (3,)), signed(rng, (steps, 3)), rate(rng)

    def drive(step: Callable[..., Any]) -> Any:
        theta = theta0.copy()
        for grad in grads:
            theta = step(theta, grad.copy(), lr=lr)
        return theta

    return drive


def momentum_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``momentum_step``."""

    def hyper() -> dict[str, float]:
        return {"lr": rate(rng), "mu": decay(rng)}

    default = {"lr": rate(rng)}
    yield Case("value", "two parameters, mu = 0.9", _arrays(rng, 3, (2,)), default)
    yield Case("value", "both given", _arrays(rng, 3, (2,)), hyper())
    large = _arrays(rng, 3, (2,), LARGE)
    yield Case("value", "large numbers", large, {**hyper(), "lr": above_ten(rng)})
    theta, grad = _arrays(rng, 2, (3,))
    start = theta, grad, np.zeros(3)
    yield Case("value", "the first step, from buf = 0", start, hyper())
    theta, grad, buf = _arrays(rng, 3, (3,))
    coast = theta, grad * [1, 0, 0], buf
    yield Case("value", "some gradients are zero", coast, hyper())
    yield Case("value", "a matrix", _arrays(rng, 3, (3, 4)), hyper())
    yield Run("value", "25 steps, each from the last", drive=_momentum_run(rng, 25))
    single = as_float32(_arrays(rng, 3, (4,)))
    yield Case("dtype", "float32, mu = 0.9", single, {"lr": rate(rng)})
    single = as_float32(_arrays(rng, 3, (2, 3)))
    yield Case("dtype", "float32, both given", single, hyper())
    for words, shape in edge_shapes():
        yield Case("edges", words, _arrays(rng, 3, shape), hyper())
    arrays = _arrays(rng, 3, (3,))
    yield Case("edges", "mu = 0", arrays, {"lr": rate(rng), "mu": 0.0})
    arrays = _arrays(rng, 3, (3,))
    yield Case("edges", "mu = 1, no friction", arrays, {"lr": rate(rng), "mu": 1.0})
    yield Case("edges", "lr = 0", _arrays(rng, 3, (3,)), {"lr": 0.0})
    yield Case("purity", "called twice", _arrays(rng, 3, (4,)), hyper())


def _momentum_run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    theta0, grads = signed(rng, (3,)), signed(rng, (steps, 3))
    hyper = {"lr": rate(rng), "mu": decay(rng, 0.7, 0.95)}

    def drive(step: Callable[..., Any]) -> Any:
        theta, buf = theta0.copy(), np.zeros(3)
        for grad in grads:
            theta, buf = step(theta, grad.copy(), buf, **hyper)
        return theta, buf

    return drive


def _bowl(rng: Rng) -> BowlGradient:
    """A bowl that any rate below 0.3 descends, with its minimum away from zero."""
    centre = float(signed(rng, ()))
    return BowlGradient(steep=rate(rng, 0.5, 2.0), centre=centre, pull=rate(rng))


def descent_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``gradient_descent``: grad_fn and theta0 by position."""

    def descent(
        group: str, words: str, shape: tuple[int, ...], steps: int, dtype: str = "f8"
    ) -> Case:
        theta0 = signed(rng, shape).astype(dtype)
        hyper = {"lr": rate(rng), "steps": steps}
        return Case(group, words, (_bowl(rng), theta0), hyper)

    yield descent("value", "two parameters, one step", (2,), 1)
    yield descent("value", "two parameters, three steps", (2,), 3)
    yield descent("value", "a matrix", (2, 3), int(rng.integers(4, 7)))
    rest = BowlGradient(steep=rate(rng, 0.5, 2.0), centre=1.5)
    settled = {"lr": rate(rng), "steps": 4}
    start = np.full(2, 1.5)
    yield Case("value", "a start at the minimum", (rest, start), settled)
    steep = BowlGradient(steep=3.0, centre=float(signed(rng, ())))
    away = {"lr": rate(rng, 0.8, 1.2), "steps": 5}
    yield Case("value", "a rate that diverges", (steep, signed(rng, (2,))), away)
    large = {"lr": above_ten(rng), "steps": 2}
    far = steep, signed(rng, (2,), LARGE)
    yield Case("value", "a start far away, a large rate", far, large)
    yield descent("value", "40 steps", (3,), 40)
    yield descent("dtype", "float32", (3,), 6, "f4")
    for words, shape in edge_shapes():
        yield descent("edges", words, shape, 3)
    yield descent("edges", "steps = 0", (3,), 0)
    yield descent("edges", "steps = 0, a 0-d array", (), 0)
    still = {"lr": 0.0, "steps": 2}
    yield Case("edges", "lr = 0", (_bowl(rng), signed(rng, (3,))), still)
    yield descent("purity", "called twice", (4,), 3)


SGD_STEP = """
def sgd_step(theta, grad, lr):
    return theta - lr * grad
"""

SGD_MISTAKES = mistakes(
    SGD_STEP,
    {
        "ascent": (
            {"theta - lr": "theta + lr"},
            "You walk uphill: the gradient points to where the loss grows.",
        ),
        "rate-missing": (
            {"lr * grad": "grad"},
            "Your step has the same length for every lr: the argument is not used.",
        ),
        "gradient-missing": (
            {"lr * grad": "lr"},
            "Your step has a rate but no gradient: every parameter moves the same way.",
        ),
        "update-returned": (
            [{"theta - lr": "lr"}, {"theta - lr": "-lr"}],
            "You return the step itself; the function returns the parameters after it.",
        ),
        "rate-divides": (
            {"lr * grad": "grad / lr"},
            "You divide by the rate: a smaller rate then makes a longer step.",
        ),
        "bracket": (
            {"theta - lr * grad": "(theta - lr) * grad"},
            "The bracket takes the rate from the parameters before the gradient comes"
            " in: the gradient is scaled first, then subtracted.",
        ),
        "scaled-parameters": (
            {"theta - lr * grad": "theta * (1 - lr * grad)"},
            "Your step grows with the parameter itself; only the gradient and the rate"
            " decide it.",
        ),
        "sign-only": (
            {"* grad": "* np.sign(grad)"},
            "You keep the gradient's sign and drop its size; here its size counts.",
        ),
        "normalised": (
            {"* grad": "* grad / np.linalg.norm(grad)"},
            "You divide the gradient by its length; here a long gradient makes a long"
            " step.",
        ),
        "squared": (
            {"* grad": "* grad**2"},
            "You square the gradient, and its sign is lost.",
        ),
        "averaged": (
            {"* grad": "* np.mean(grad)"},
            "One step for all: each parameter moves by its own part of the gradient.",
        ),
    },
)

MOMENTUM_STEP = """
def momentum_step(theta, grad, buf, lr, mu=0.9):
    buf = mu * buf + grad
    theta = theta - lr * buf
    return theta, buf
"""

MOMENTUM_MISTAKES = mistakes(
    MOMENTUM_STEP,
    {
        "averaged-gradient": (
            {"+ grad": "+ (1 - mu) * grad"},
            "Your buffer is a moving average, as Adam has it; in this form the new"
            " gradient enters it in full.",
        ),
        "rate-in-buffer": (
            [
                {"+ grad": "+ lr * grad", "lr * buf": "buf"},
                {"+ grad": "- lr * grad", "theta - lr * buf": "theta + buf"},
            ],
            "Your buffer has the rate in it, the textbooks' form; in this one it holds"
            " gradients alone, and the rate comes in with the step.",
        ),
        "rate-twice": (
            {"+ grad": "+ lr * grad"},
            "The rate comes in twice, into the buffer and into the step.",
        ),
        "negative-buffer": (
            {"+ grad": "- grad", "theta - lr": "theta + lr"},
            "Your parameters are right, but the buffer that you keep has the opposite"
            " sign: it adds gradients up, and the step subtracts.",
        ),
        "gradient-subtracted": (
            {"+ grad": "- grad"},
            "The gradient enters the buffer with a minus, and the step subtracts again:"
            " together they walk uphill.",
        ),
        "old-buffer": (
            {"    buf = ": "    new = ", "theta, buf\n": "theta, new\n"},
            "The step uses the buffer from before this gradient: update it first.",
        ),
        "old-buffer-returned": (
            {"    buf = ": "    new = ", "lr * buf": "lr * new"},
            "You return the buffer that came in, not the one that you computed.",
        ),
        "gradient-instead-of-buffer": (
            {"lr * buf": "lr * grad"},
            "Your step follows the bare gradient; the buffer is computed, and not"
            " used.",
        ),
        "nesterov": (
            {"lr * buf": "lr * (grad + mu * buf)"},
            "That is Nesterov's variant, which looks one step ahead; here the step is"
            " the rate times the buffer.",
        ),
        "weights-swapped": (
            {"mu * buf + grad": "(1 - mu) * buf + mu * grad"},
            "mu is the share of the old buffer that is kept; you give it to the new"
            " gradient.",
        ),
        "decay-on-gradient": (
            {"mu * buf + grad": "buf + mu * grad"},
            "You damp the new gradient and keep all of the old buffer, which so never"
            " forgets.",
        ),
        "decay-on-both": (
            {"mu * buf + grad": "mu * (buf + grad)"},
            "The bracket damps the new gradient too; it enters in full.",
        ),
        "decay-missing": (
            {"mu * buf": "buf"},
            "Your buffer keeps all that it had: without mu it never forgets.",
        ),
        "buffer-ignored": (
            {"mu * buf + ": ""},
            "Your buffer starts from zero at every call: the buf handed in is not"
            " used.",
        ),
        "ascent": (
            {"theta - lr": "theta + lr"},
            "You walk uphill: the step goes along the gradients.",
        ),
        "rate-missing": (
            {"lr * buf": "buf"},
            "Your step has the same length for every lr: the argument is not used.",
        ),
        "update-returned": (
            [{"theta - lr": "lr"}, {"theta - lr": "-lr"}],
            "You return the step itself; the function returns the parameters after it.",
        ),
        "parameters-decay": (
            {"theta - lr": "mu * theta - lr"},
            "mu belongs to the buffer; you shrink the parameters with it.",
        ),
        "bracket-missing": (
            {"+ grad": "+ 1 - mu * grad"},
            "Without a bracket a 1 is added to every element; and in this form the new"
            " gradient enters in full, with no weight before it.",
        ),
    },
)

GRADIENT_DESCENT = """
def gradient_descent(grad_fn, theta0, lr, steps):
    theta = theta0.copy()
    rows = [theta0.copy()]
    for i in range(steps):
        grad = grad_fn(theta)
        theta = theta - lr * grad
        rows.append(theta.copy())
    return np.array(rows)
"""
STEP = "theta = theta - lr * grad\n"
LOOP = "    for i in range(steps):\n"
BREAK = "            break\n"

DESCENT_MISTAKES = mistakes(
    GRADIENT_DESCENT,
    {
        "one-row-many-times": (
            [
                {
                    "rows = [theta0.copy()]": "rows = [theta]",
                    STEP: "theta -= lr * grad\n",
                    "append(theta.copy())": "append(theta)",
                },
                {STEP: "theta -= lr * grad\n", "append(theta.copy())": "append(theta)"},
            ],
            "Your list holds one and the same array many times, and it changes under"
            " the list's hands: note a copy at each step.",
        ),
        "end-alone": (
            {"np.array(rows)": "theta"},
            "You return the last parameters alone; the trajectory has all of them, from"
            " the start on.",
        ),
        "start-left-out": (
            {"[theta0.copy()]": "[]"},
            "The trajectory begins with the start itself: after n steps it has n + 1"
            " rows.",
        ),
        "end-left-out": (
            {"range(steps)": "range(steps - 1)"},
            "What the last step leads to is missing: after n steps the trajectory has"
            " n + 1 rows.",
        ),
        "one-step-too-many": (
            {"range(steps)": "range(steps + 1)"},
            "You take one step too many: after n steps the trajectory has n + 1 rows.",
        ),
        "start-twice": (
            {
                "        grad = ": "        rows.append(theta.copy())\n        grad = ",
                "        rows.append(theta.copy())\n    return": "    return",
            },
            "The start stands there twice and the end is missing: note the parameters"
            " after each step.",
        ),
        "gradient-of-the-start": (
            {"grad_fn(theta)": "grad_fn(theta0)"},
            "Your gradient is always that of the start: it has to be asked for anew"
            " where each step begins.",
        ),
        "start-ignored": (
            {"theta = theta0.copy()": "theta = np.zeros_like(theta0)"},
            "Your descent begins at zero, whatever theta0 is.",
        ),
        "steps-from-the-start": (
            {STEP: "theta = theta0 - lr * grad\n"},
            "Every step of yours goes out from the start: it has to go out from where"
            " the last one ended.",
        ),
        "ascent": (
            {"theta - lr": "theta + lr"},
            "You walk uphill: the gradient points to where the loss grows.",
        ),
        "rate-missing": (
            {"lr * grad": "grad"},
            "Your steps have the same length for every lr: the argument is not used.",
        ),
        "rate-decays": (
            {"lr * grad": "lr / (i + 1) * grad"},
            "Your rate falls from step to step; here it stays the same.",
        ),
        "momentum-added": (
            {
                LOOP: f"    buf = 0 * theta\n{LOOP}",
                "grad = grad_fn(theta)": "buf = grad = 0.9 * buf + grad_fn(theta)",
            },
            "Your steps remember earlier gradients; this function takes plain steps.",
        ),
        "gradient-summed": (
            {
                LOOP: f"    grad = 0 * theta\n{LOOP}",
                "grad = grad_fn(theta)": "grad = grad + grad_fn(theta)",
            },
            "You add up all gradients so far; a step uses that of its own beginning.",
        ),
        "normalised": (
            [
                {"lr * grad": "lr * grad / np.linalg.norm(grad)"},
                {"lr * grad": "lr * grad / (np.linalg.norm(grad) + 1e-8)"},
            ],
            "You divide the gradient by its length; here a long gradient makes a long"
            " step.",
        ),
        "stops-early": (
            [
                {STEP: f"if np.linalg.norm(grad) < {limit}:\n{BREAK}        {STEP}"}
                for limit in ("1e-3", "1e-6", "1e-8")
            ],
            "You stop where the gradient is small; the trajectory has a row for every"
            " step, also where nothing moves any more.",
        ),
        "steps-ignored": (
            [{"range(steps)": f"range({n})"} for n in (10, 50, 100)],
            "The trajectory has the same number of rows for every value of steps.",
        ),
        "gradients-noted": (
            {"append(theta.copy())": "append(grad)"},
            "Your rows hold gradients; a trajectory holds the parameters.",
        ),
        "time-last": (
            {"np.array(rows)": "np.stack(rows, axis=-1)"},
            "Your trajectory runs along the last axis; each step is a row, so it runs"
            " along the first.",
        ),
        "pair-returned": (
            [
                {"return np.array(rows)": "return theta, np.array(rows)"},
                {"return np.array(rows)": "return np.array(rows), theta"},
            ],
            "You return the end besides the trajectory, which holds it already: return"
            " the trajectory alone.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="sgd_step",
        points=3,
        reference=reference.sgd_step,
        parts=("theta",),
        cases=sgd_cases,
        misconceptions=SGD_MISTAKES,
        where="chapter 01_gradient_descent, section Derivation, the step",
        equation="eq-gd-step",
    ),
    Exercise(
        name="momentum_step",
        points=5,
        reference=reference.momentum_step,
        parts=("theta", "buf"),
        cases=momentum_cases,
        misconceptions=MOMENTUM_MISTAKES,
        where="chapter 01_gradient_descent, section Derivation, momentum",
        equation="eq-gd-momentum",
    ),
    Exercise(
        name="gradient_descent",
        points=6,
        reference=reference.gradient_descent,
        parts=("trajectory",),
        cases=descent_cases,
        misconceptions=DESCENT_MISTAKES,
        where="chapter 01_gradient_descent, section Derivation, the step",
        equation="eq-gd-step",
        composed=reference.gradient_descent_from,
    ),
)

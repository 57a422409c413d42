"""A course of three exercises, so that tests of the judge need no optimizer."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.judge import Case, Exercise, Misconception, Run

EMPTY = ((), (0,), (2, 3, 4))


def scaled(x: Any, factor: float = 2.0) -> Any:
    """``factor*x``."""
    return np.asarray(factor * np.asarray(x, dtype=float))


def scaled_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Cases of ``scaled``, with marks for value, dtype, edges and purity."""
    yield Case("value", "the default", (rng.uniform(1, 2, 3),))
    yield Case("value", "a factor", (rng.uniform(1, 2, 3),), {"factor": 0.3})
    x0 = rng.uniform(1, 2, 2)

    def drive(function: Callable[..., Any]) -> Any:
        x = x0.copy()
        for _ in range(5):
            x = function(x, factor=0.7)
        return x

    yield Run("value", "five times", drive=drive)
    yield Case("dtype", "float32", (rng.uniform(1, 2, 3).astype(np.float32),))
    for shape in EMPTY:
        yield Case("edges", f"shape {shape}", (rng.uniform(1, 2, shape),))
    yield Case("purity", "called twice", (rng.uniform(1, 2, 3),))


def logarithm(x: Any) -> Any:
    """``log(x)``; ``ValueError`` unless x > 0."""
    if x <= 0:
        raise ValueError(f"x must be positive, got {x}")
    return float(np.log(x))


def logarithm_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Cases of ``logarithm``, with marks for value and errors."""
    yield Case("value", "above one", (rng.uniform(2, 3),))
    yield Case("value", "below one", (rng.uniform(0.1, 0.9),))
    for x in (0.0, -rng.uniform(1, 2)):
        yield Case("errors", f"x = {x:.3g}", (x,), raises="ValueError")


def descent(grad_fn: Callable[..., Any], x0: Any, steps: int) -> Any:
    """``steps`` steps of ``x - 0.1 grad_fn(x)``."""
    x = np.array(x0, dtype=float)
    for _ in range(steps):
        x = x - 0.1 * grad_fn(x)
    return x


def descent_cases(rng: np.random.Generator) -> Iterator[Case]:
    """Cases of ``descent``: the function that it calls stays with the judge."""
    slope = rng.uniform(1, 2)
    for steps in (0, 1, 7):
        x0 = rng.uniform(1, 2, 3)
        yield Case("value", f"{steps} steps", (lambda x: slope * x, x0, steps))


DOUBLED = Misconception(
    "always-doubled",
    "The factor is a parameter: use it.",
    lambda x, factor=2.0: scaled(x),
)

EXERCISES = (
    Exercise("scaled", 4, scaled, ("x",), scaled_cases, (DOUBLED,), "section 1"),
    Exercise("logarithm", 2, logarithm, ("y",), logarithm_cases, (), "section 2"),
    Exercise("descent", 4, descent, ("x",), descent_cases, (), "section 3"),
)

SOLVED = {
    "scaled": "@exercise\ndef scaled(x, factor=2.0):\n    return factor * x",
    "logarithm": "def logarithm(x):\n    if x <= 0:\n        raise ValueError(x)\n"
    "    return np.log(x)",
    "descent": "def descent(grad_fn, x0, steps):\n    x = x0.copy()\n"
    "    for _ in range(steps):\n        x = x - 0.1 * grad_fn(x)\n    return x",
}
"""A right answer to each."""

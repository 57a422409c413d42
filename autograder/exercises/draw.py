"""How the inputs of the exercises are drawn.

Gradients have both signs and sizes over several orders of magnitude; states are away
from zero, unless a case is about a zero start; hyper-parameters are away from their
defaults, unless a case is about the defaults. Of each exercise some inputs are above
10, so that who clips them first, at 1, 5 or 10, gets other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

Rng = np.random.Generator
SHAPES = ((), (0,), (3, 0), (2, 3, 4))
"""The shapes at the edge: a number, nothing, nothing in rows, three dimensions."""
LARGE = 96.0
"""A size at which all that ``signed`` and ``positive`` draw is above 20."""


def signed(rng: Rng, shape: tuple[int, ...], size: float = 1.0) -> np.ndarray:
    """Numbers of both signs, of magnitude ``size/4`` to ``4 size``."""
    signs = rng.choice([-1.0, 1.0], shape)
    return np.asarray(signs * positive(rng, shape, size))


def positive(rng: Rng, shape: tuple[int, ...], size: float = 1.0) -> np.ndarray:
    """Positive numbers, of magnitude ``size/4`` to ``4 size``."""
    return np.asarray(size * 4.0 ** rng.uniform(-1, 1, shape))


def rate(rng: Rng, low: float = 0.01, high: float = 0.3) -> float:
    """A learning rate away from the usual defaults, evenly on a log scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def above_ten(rng: Rng) -> float:
    """A rate or another hyper-parameter, far larger than usual."""
    return rate(rng, 12, 30)


def decay(rng: Rng, low: float = 0.3, high: float = 0.8) -> float:
    """A decay rate of a moving average, away from the usual defaults."""
    return float(rng.uniform(low, high))


def as_float32(arrays: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """The same arrays in float32."""
    return tuple(np.asarray(array, dtype=np.float32) for array in arrays)


def edge_shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The shapes at the edge, with the words for them."""
    words = ("a 0-d array", "an empty array", "an empty 2-d array", "a 3-d array")
    yield from zip(words, SHAPES, strict=True)

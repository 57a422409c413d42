"""Functions that a case hands to the learner's function, as data.

A published case is JSON without code, so what it passes as ``grad_fn`` or the like is a
class of this module with its numbers. Add a class to ``CALLBACKS`` and it can be
published.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class BowlGradient:
    """The gradient of a bowl, ``steep*(theta - centre) + pull*sum(theta)``.

    The sum couples the coordinates, so that it matters at which whole ``theta`` a
    gradient is taken. It takes arrays of any shape, and keeps their dtype.
    """

    steep: float = 1.0
    centre: float = 0.0
    pull: float = 0.0

    def __call__(self, theta: Any) -> Any:
        """The gradient at ``theta``."""
        return self.steep * (theta - self.centre) + self.pull * np.sum(theta)

    def __str__(self) -> str:
        own = f"{self.steep:.6g}*(theta - {self.centre:.6g})"
        return f"lambda theta: {own} + {self.pull:.6g}*np.sum(theta)"


@dataclass(frozen=True)
class SlowingMomentum:
    """A fast step for Lookahead: momentum at a rate that falls as the steps go by.

    Its state is ``(buf, n)``, the momentum buffer and the number of steps, a 0-d array:
    where a state is lost or counted twice, the numbers show it.
    """

    lr: float
    mu: float

    def __call__(self, theta: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        """The new ``theta``, and the new state."""
        buf, n = state
        buf = self.mu * buf + grad
        return theta - self.lr / (1 + n) * buf, (buf, n + np.ones_like(n))

    def __str__(self) -> str:
        return f"momentum_with_falling_rate(lr={self.lr:.6g}, mu={self.mu:.6g})"


@dataclass(frozen=True)
class PlainStep:
    """Gradient descent as a fast step for Lookahead; its state is empty."""

    lr: float

    def __call__(self, theta: Any, grad: Any, state: Any) -> tuple[Any, Any]:
        """The new ``theta``, and the state as it came."""
        return theta - self.lr * grad, state

    def __str__(self) -> str:
        return f"lambda theta, grad, state: (theta - {self.lr:.6g}*grad, state)"


@dataclass(frozen=True)
class CountedMomentum:
    """A step for a training loop: momentum, the more divided the later it comes.

    It shows at which ``t`` it was called, and with which rate.
    """

    mu: float

    def __call__(
        self, theta: Any, grad: Any, state: Any, t: Any, lr: Any
    ) -> tuple[Any, Any]:
        """The new ``theta``, and the new state."""
        (buf,) = state
        buf = self.mu * buf + grad
        return theta - lr * buf / (1 + 0.1 * t), (buf,)

    def __str__(self) -> str:
        return f"momentum_divided_by_t(mu={self.mu:.6g})"


@dataclass(frozen=True)
class FallingRate:
    """A schedule, ``lr0/(1 + t/half)``; it answers with a NumPy float64."""

    lr0: float
    half: float

    def __call__(self, t: Any) -> Any:
        """The rate at ``t``."""
        return np.float64(self.lr0 / (1 + t / self.half))

    def __str__(self) -> str:
        return f"lambda t: np.float64({self.lr0:.6g}/(1 + t/{self.half:.6g}))"


CALLBACKS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        BowlGradient,
        SlowingMomentum,
        PlainStep,
        CountedMomentum,
        FallingRate,
    )
}
"""The classes by name, each a frozen dataclass that shows itself as Python code."""

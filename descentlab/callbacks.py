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


CALLBACKS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (BowlGradient,)
}
"""The classes by name, each a frozen dataclass that shows itself as Python code."""

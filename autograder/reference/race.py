"""The training loop, and the statistics of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograder.reference.stability import GUARDS, clip_by_global_norm, guarded_clip

Array = NDArray[np.float64]
State = tuple[Any, ...]


def train_with(
    clip: Callable[..., tuple[list[Array], Any]],
) -> Callable[..., tuple[Array, State, Array]]:
    """The training loop on a way of clipping by norm."""

    def train(
        grad_fn: Callable[[Any], Any],
        theta0: ArrayLike,
        step: Callable[..., tuple[Any, State]],
        state: State,
        schedule: Callable[[int], Any],
        steps: int,
        max_norm: float | None = None,
    ) -> tuple[Array, State, Array]:
        """Weights and state after ``steps`` steps, and the rates used.

        ``ValueError`` if ``max_norm <= 0`` or the norm of a gradient is not finite.
        """
        theta = np.asarray(theta0, dtype=np.float64)
        state = tuple(np.asarray(x, dtype=np.float64) for x in state)
        lrs = []
        for t in range(1, steps + 1):
            grad = np.asarray(grad_fn(theta), dtype=np.float64)
            if max_norm is not None:
                (grad,), _ = clip([grad], max_norm)
            lrs.append(float(schedule(t - 1)))
            theta, state = step(theta, grad, state, t, lrs[-1])
        return theta, state, np.array(lrs)

    return train


train = train_with(clip_by_global_norm)
guarded_trains = tuple(train_with(guarded_clip(guard)) for guard in GUARDS)
"""The same with guarded ways of clipping, such as PyTorch's."""


def steps_to_target(losses: ArrayLike, target: float) -> int | None:
    """The first index at which the loss is at most ``target``, or ``None``."""
    reached = np.asarray(losses, dtype=np.float64) <= target
    return int(np.argmax(reached)) if reached.any() else None


def mean_and_sem(values: ArrayLike, axis: int = 0) -> tuple[Any, Any]:
    """Mean and ``std(ddof=1)/sqrt(n)`` along an axis; ``ValueError`` if ``n < 2``."""
    values = np.asarray(values, dtype=np.float64)
    count = values.shape[axis]
    if count < 2:
        raise ValueError(f"two values or more along the axis, got {count}")
    mean = values.mean(axis=axis)
    return mean, values.std(axis=axis, ddof=1) / np.sqrt(count)

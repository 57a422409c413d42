"""The training loop, and the statistics of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
State = tuple[Any, ...]


def _train(
    guard: float,
    grad_fn: Callable[[Any], Any],
    theta0: ArrayLike,
    step: Callable[..., tuple[Any, State]],
    state: State,
    schedule: Callable[[int], Any],
    steps: int,
    max_norm: float | None,
) -> tuple[Array, State, Array]:
    """``train`` with clipping to ``min(1, max_norm/(norm + guard))``."""
    if max_norm is not None and max_norm <= 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}")
    theta = np.asarray(theta0, dtype=np.float64)
    state = tuple(np.asarray(x, dtype=np.float64) for x in state)
    lrs = []
    for t in range(1, steps + 1):
        grad = np.asarray(grad_fn(theta), dtype=np.float64)
        if max_norm is not None:
            norm = float(np.linalg.norm(grad.ravel()))
            if not np.isfinite(norm):
                raise ValueError(f"the norm of the gradient is {norm}")
            grad = grad * min(1.0, max_norm / (norm + guard)) if norm else grad
        lrs.append(float(schedule(t - 1)))
        theta, state = step(theta, grad, state, t, lrs[-1])
    return theta, state, np.array(lrs)


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
    return _train(0.0, grad_fn, theta0, step, state, schedule, steps, max_norm)


def train_guarded(
    grad_fn: Callable[[Any], Any],
    theta0: ArrayLike,
    step: Callable[..., tuple[Any, State]],
    state: State,
    schedule: Callable[[int], Any],
    steps: int,
    max_norm: float | None = None,
) -> tuple[Array, State, Array]:
    """The same with PyTorch's way of clipping, ``max_norm/(norm + 1e-6)``."""
    return _train(1e-6, grad_fn, theta0, step, state, schedule, steps, max_norm)


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

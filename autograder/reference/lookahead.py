"""Lookahead (Zhang et al., 2019, algorithm 1) and SWATS (Keskar and Socher, 2017)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
State = tuple[Any, ...]
InnerStep = Callable[[Any, Any, State], tuple[Any, State]]


def lookahead_sync(slow: ArrayLike, fast: ArrayLike, alpha: float = 0.5) -> Array:
    """The new slow weights, ``slow + alpha (fast - slow)``."""
    slow, fast = (np.asarray(x, dtype=np.float64) for x in (slow, fast))
    return np.asarray(slow + alpha * (fast - slow))


def lookahead_from(
    lookahead_sync: Callable[..., Any],
) -> Callable[..., tuple[Array, State]]:
    """Lookahead built on the function that syncs the weights."""

    def lookahead(
        inner_step: InnerStep,
        grad_fn: Callable[[Any], Any],
        theta0: ArrayLike,
        state: State,
        steps: int,
        k: int = 5,
        alpha: float = 0.5,
    ) -> tuple[Array, State]:
        """The weights after each fast step, those of a sync after it, and the state.

        ``ValueError`` if ``k < 1``.
        """
        if k < 1:
            raise ValueError(f"k counts the fast steps of a cycle, from 1, got {k}")
        theta = np.asarray(theta0, dtype=np.float64)
        state = tuple(np.asarray(x, dtype=np.float64) for x in state)
        rows, slow = [theta], theta
        for i in range(1, steps + 1):
            theta, state = inner_step(theta, grad_fn(theta), state)
            if i % k == 0:
                theta = slow = np.asarray(lookahead_sync(slow, theta, alpha))
            rows.append(theta)
        return np.stack(rows), state

    return lookahead


lookahead = lookahead_from(lookahead_sync)


def swats_lr(p: ArrayLike, grad: ArrayLike) -> float:
    """``p.p / -(p.grad)``, the arrays as vectors; ``nan`` where ``p.grad`` is 0."""
    p, grad = (np.asarray(x, dtype=np.float64).ravel() for x in (p, grad))
    along = float(p @ grad)
    return float(p @ p) / -along if along else float("nan")


def should_switch(
    gamma: float, lam: float, beta2: float, t: int, tol: float = 1e-9
) -> bool:
    """Whether ``t > 1`` and ``abs(lam/(1 - beta2^t) - gamma) < tol``."""
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol

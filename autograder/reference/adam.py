"""Adam (Kingma and Ba, 2014, algorithm 1), with eps outside the root."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def update_moments(
    grad: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    beta1: float = 0.9,
    beta2: float = 0.999,
) -> tuple[Array, Array]:
    """``m' = beta1 m + (1-beta1) grad``, ``v' = beta2 v + (1-beta2) grad^2``."""
    grad, m, v = (np.asarray(x, dtype=np.float64) for x in (grad, m, v))
    return beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2


def bias_correct(moment: ArrayLike, beta: float, t: int) -> Array:
    """``moment/(1 - beta^t)``; ``ValueError`` if ``t < 1``."""
    if t < 1:
        raise ValueError(f"t counts the steps from 1, got t={t}")
    return np.asarray(np.asarray(moment, dtype=np.float64) / (1 - beta**t))


def adam_step_from(
    update_moments: Callable[..., Any], bias_correct: Callable[..., Any]
) -> Callable[..., tuple[Array, Any, Any]]:
    """Adam's step built from the two functions that it calls."""

    def adam_step(
        theta: ArrayLike,
        grad: ArrayLike,
        m: ArrayLike,
        v: ArrayLike,
        t: int,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> tuple[Array, Any, Any]:
        """``theta' = theta - lr m_hat/(sqrt(v_hat) + eps)``, and the raw moments."""
        m_new, v_new = update_moments(grad, m, v, beta1=beta1, beta2=beta2)
        m_hat = np.asarray(bias_correct(m_new, beta1, t))
        v_hat = np.asarray(bias_correct(v_new, beta2, t))
        step = lr * m_hat / (np.sqrt(v_hat) + eps)
        return np.asarray(theta, dtype=np.float64) - step, m_new, v_new

    return adam_step


adam_step = adam_step_from(update_moments, bias_correct)

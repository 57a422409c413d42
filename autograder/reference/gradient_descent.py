"""Gradient descent, and momentum (Polyak, 1964) in the form of PyTorch's SGD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def sgd_step(theta: ArrayLike, grad: ArrayLike, lr: float) -> Array:
    """``theta - lr grad``."""
    theta, grad = (np.asarray(x, dtype=np.float64) for x in (theta, grad))
    return np.asarray(theta - lr * grad)


def momentum_step(
    theta: ArrayLike, grad: ArrayLike, buf: ArrayLike, lr: float, mu: float = 0.9
) -> tuple[Array, Array]:
    """``buf' = mu buf + grad``, ``theta' = theta - lr buf'``."""
    theta, grad, buf = (np.asarray(x, dtype=np.float64) for x in (theta, grad, buf))
    buf_new = mu * buf + grad
    return theta - lr * buf_new, buf_new


def gradient_descent_from(sgd_step: Callable[..., Any]) -> Callable[..., Array]:
    """The trajectory of gradient descent, built from the step that it calls."""

    def gradient_descent(
        grad_fn: Callable[[Any], Any], theta0: ArrayLike, lr: float, steps: int
    ) -> Array:
        """``theta0`` and what follows it, one row a step."""
        theta = np.array(theta0, dtype=np.float64)
        rows = [theta]
        for _ in range(steps):
            theta = np.asarray(sgd_step(theta, grad_fn(theta), lr))
            rows.append(theta)
        return np.array(rows)

    return gradient_descent


gradient_descent = gradient_descent_from(sgd_step)

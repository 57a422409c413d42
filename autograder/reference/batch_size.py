"""Minibatches, growing batches, scaled rates, and the simple noise scale.

Goyal et al. (2017), Smith et al. (2018), McCandlish et al. (2018, equation 2.9).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def minibatches(
    n: int, batch_size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """``range(n)`` in a drawn order, cut up; ``ValueError`` if ``batch_size < 1``."""
    if batch_size < 1:
        raise ValueError(f"a batch holds at least 1 example, got {batch_size=}")
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def batch_size_at(
    epoch: int, start: int = 32, growth: int = 2, every: int = 10, max_size: int = 1024
) -> int:
    """``min(max_size, start growth^floor(epoch/every))``."""
    return int(min(max_size, start * growth ** (epoch // every)))


def scaled_lr(
    lr: float, batch_size: int, base_batch_size: int, rule: str = "linear"
) -> float:
    """``lr (B/B0)`` or ``lr sqrt(B/B0)``; ``ValueError`` on any other rule."""
    powers = {"linear": 1.0, "sqrt": 0.5}
    if rule not in powers:
        raise ValueError(f"rule must be one of {', '.join(powers)}, got {rule!r}")
    return float(lr * (batch_size / base_batch_size) ** powers[rule])


def gradient_noise_scale(per_example_grads: ArrayLike) -> float:
    """``tr(S)/||mean||^2``, S the sample covariance; ``ValueError`` if ``N < 2``."""
    grads = np.asarray(per_example_grads, dtype=np.float64)
    if len(grads) < 2:
        raise ValueError(f"a covariance needs at least 2 gradients, got {len(grads)}")
    mean = grads.mean(axis=0)
    trace = np.sum((grads - mean) ** 2) / (len(grads) - 1)
    return float(trace / np.sum(mean**2))

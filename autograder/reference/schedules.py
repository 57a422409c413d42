"""Learning-rate schedules; restarts as in SGDR (Loshchilov and Hutter, 2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Schedule = Callable[..., Any]


def step_decay(
    t: ArrayLike,
    lr0: float,
    milestones: Sequence[float] = (30, 60),
    factor: float = 0.1,
) -> Array:
    """``lr0 factor^n``, n the number of milestones ``<= t``."""
    t = np.asarray(t, dtype=np.float64)
    passed = np.sum(t[..., None] >= np.asarray(milestones), axis=-1)
    return np.asarray(lr0 * factor**passed)


def exponential_decay(t: ArrayLike, lr0: float, k: float) -> Array:
    """``lr0 exp(-k t)``."""
    return np.asarray(lr0 * np.exp(-k * np.asarray(t, dtype=np.float64)))


def cosine_annealing(
    t: ArrayLike, T: float, lr_max: float, lr_min: float = 0.0
) -> Array:
    """``lr_min + (lr_max - lr_min)/2 (1 + cos(pi t/T))``; ``ValueError`` if T <= 0."""
    if T <= 0:
        raise ValueError(f"T must be positive, got T={T}")
    wave = np.cos(np.pi * np.asarray(t, dtype=np.float64) / T)
    return np.asarray(lr_min + (lr_max - lr_min) / 2 * (1 + wave))


def warm_restarts_from(cosine_annealing: Schedule) -> Callable[..., Array]:
    """SGDR's schedule, built from the cosine that it calls."""

    def warm_restarts(
        t: ArrayLike, T0: int, lr_max: float, lr_min: float = 0.0, T_mult: int = 1
    ) -> Array:
        """The cosine over cycles of ``T0 T_mult^i``; ``ValueError`` if they shrink."""
        if T0 <= 0 or T_mult < 1:
            raise ValueError(f"T0={T0} must be positive and T_mult={T_mult} 1 or more")
        t = np.asarray(t, dtype=np.float64)
        start, length = np.zeros_like(t), np.full_like(t, T0)
        while (over := t >= start + length).any():
            start[over] += length[over]
            length[over] *= T_mult
        return np.asarray(cosine_annealing((t - start) / length, 1.0, lr_max, lr_min))

    return warm_restarts


warm_restarts = warm_restarts_from(cosine_annealing)


def warmup(t: ArrayLike, warmup_steps: float, lr: float) -> Array:
    """``lr min(1, t/warmup_steps)``; ``lr`` where ``warmup_steps`` is 0."""
    t = np.asarray(t, dtype=np.float64)
    share = t / warmup_steps if warmup_steps else np.ones_like(t)
    return np.asarray(lr * np.minimum(1, share))


def warmup_cosine_from(
    warmup: Schedule, cosine_annealing: Schedule
) -> Callable[..., Array]:
    """Warmup, then the cosine: built from the two schedules that it calls."""

    def warmup_cosine(
        t: ArrayLike,
        warmup_steps: float,
        T: float,
        lr_max: float,
        lr_min: float = 0.0,
    ) -> Array:
        """``ValueError`` unless ``0 <= warmup_steps < T``; ``lr_min`` past ``T``."""
        if not 0 <= warmup_steps < T:
            raise ValueError(f"warmup_steps={warmup_steps} is not in [0, {T})")
        t = np.asarray(t, dtype=np.float64)
        left = T - warmup_steps
        rise = warmup(t, warmup_steps, lr_max)
        fall = cosine_annealing(
            np.clip(t - warmup_steps, 0, left), left, lr_max, lr_min
        )
        return np.where(t < warmup_steps, np.asarray(rise), np.asarray(fall))

    return warmup_cosine


warmup_cosine = warmup_cosine_from(warmup, cosine_annealing)

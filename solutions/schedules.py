"""Answers to the exercises of chapter 04_schedules."""

import numpy as np


def step_decay(t, lr0, milestones=(30, 60), factor=0.1):
    passed = sum(t >= milestone for milestone in milestones)
    return lr0 * factor**passed


def exponential_decay(t, lr0, k):
    return lr0 * np.exp(-k * t)


def cosine_annealing(t, T, lr_max, lr_min=0.0):
    if T <= 0:
        raise ValueError(f"T must be positive, got T={T}")
    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(np.pi * t / T))


def warm_restarts(t, T0, lr_max, lr_min=0.0, T_mult=1):
    if T0 <= 0 or T_mult < 1:
        raise ValueError(f"cycles need T0 > 0 and T_mult >= 1, got {T0} and {T_mult}")
    start, length = 0, T0
    while np.any(t >= start + length):
        over = t >= start + length
        start = np.where(over, start + length, start)
        length = np.where(over, length * T_mult, length)
    return cosine_annealing((t - start) / length, 1, lr_max, lr_min)


def warmup(t, warmup_steps, lr):
    if warmup_steps == 0:
        return np.full(np.shape(t), lr)
    return lr * np.minimum(1, t / warmup_steps)


def warmup_cosine(t, warmup_steps, T, lr_max, lr_min=0.0):
    if not 0 <= warmup_steps < T:
        raise ValueError(f"0 <= warmup_steps < T does not hold: {warmup_steps}, {T}")
    left = T - warmup_steps
    rising = warmup(t, warmup_steps, lr_max)
    falling = cosine_annealing(np.clip(t - warmup_steps, 0, left), left, lr_max, lr_min)
    return np.where(t < warmup_steps, rising, falling)

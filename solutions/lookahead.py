"""Answers to the exercises of chapter 07_lookahead."""

import numpy as np


def lookahead_sync(slow, fast, alpha=0.5):
    return slow + alpha * (fast - slow)


def lookahead(inner_step, grad_fn, theta0, state, steps, k=5, alpha=0.5):
    if k < 1:
        raise ValueError(f"k counts the fast steps of a cycle, from 1, got k={k}")
    slow = fast = theta0
    trajectory = [theta0]
    for i in range(1, steps + 1):
        fast, state = inner_step(fast, grad_fn(fast), state)
        if i % k == 0:
            slow = fast = lookahead_sync(slow, fast, alpha)
        trajectory.append(fast)
    return np.stack(trajectory), state


def swats_lr(p, grad):
    along = np.sum(p * grad)
    if along == 0:
        return float("nan")
    return np.sum(p * p) / -along


def should_switch(gamma, lam, beta2, t, tol=1e-9):
    return t > 1 and abs(lam / (1 - beta2**t) - gamma) < tol

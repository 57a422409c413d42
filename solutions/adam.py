"""Answers to the exercises of chapter 03_adam."""

import numpy as np


def update_moments(grad, m, v, beta1=0.9, beta2=0.999):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return m, v


def bias_correct(moment, beta, t):
    if t < 1:
        raise ValueError(f"t counts steps from 1, got t={t}: count before correcting")
    return moment / (1 - beta**t)


def adam_step(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v = update_moments(grad, m, v, beta1, beta2)
    m_hat = bias_correct(m, beta1, t)
    v_hat = bias_correct(v, beta2, t)
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v

"""Answers to the exercises of chapter 05_stability."""

import numpy as np


def clip_by_value(grads, limit):
    if limit < 0:
        raise ValueError(f"limit must be 0 or more, got {limit}: drop its sign")
    return [np.clip(grad, -limit, limit) for grad in grads]


def global_norm(grads):
    return float(np.sqrt(sum(np.sum(grad**2) for grad in grads)))


def clip_by_global_norm(grads, max_norm):
    if max_norm <= 0:
        raise ValueError(f"max_norm must be positive, got {max_norm}: try 1.0")
    norm = global_norm(grads)
    if not np.isfinite(norm):
        raise ValueError(f"the gradients' norm is {norm}: skip this step")
    # The larger of the two divides, so short gradients keep their length.
    scale = max_norm / max(norm, max_norm)
    return [grad * scale for grad in grads], norm


def l2_gradient(grad, theta, weight_decay):
    return grad + weight_decay * theta


def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    step = m_hat / (np.sqrt(v_hat) + eps)
    return theta - lr * (step + weight_decay * theta), m, v

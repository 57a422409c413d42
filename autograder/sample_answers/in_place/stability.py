"""Right results for 05_stability, written into arrays that the caller still needs."""

import numpy as np


def clip_by_value(grads, limit):
    if limit < 0:
        raise ValueError(f"limit = {limit} is negative")
    for grad in grads:
        np.clip(grad, -limit, limit, out=grad)
    return grads


def clip_by_global_norm(grads, max_norm):
    if max_norm <= 0:
        raise ValueError(f"max_norm = {max_norm} is not positive")
    norm = float(np.sqrt(sum(np.sum(grad**2) for grad in grads)))
    if not np.isfinite(norm):
        raise ValueError(f"norm = {norm} is not finite")
    rate = max_norm / (norm + 1e-6)
    if rate < 1:
        for grad in grads:
            grad *= rate
    return grads, norm


def l2_gradient(grad, theta, weight_decay):
    grad += weight_decay * theta
    return grad


def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    theta *= 1 - lr * weight_decay
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    theta -= lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return theta, m, v

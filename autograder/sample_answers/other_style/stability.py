"""Right answers to 05_stability, by other words and in other orders."""

import math

import numpy as np


def clip_by_value(grads, limit):
    if not limit >= 0:
        raise ValueError("no number lies between " + str(-limit) + " and its opposite")
    return [np.maximum(-limit, np.minimum(limit, grad)) for grad in grads]


def global_norm(grads):
    return math.sqrt(sum(float(np.dot(g.ravel(), g.ravel())) for g in grads))


def clip_by_global_norm(grads, max_norm):
    if max_norm <= 0:
        raise ValueError("max_norm has to be above zero")
    total_norm = global_norm(grads)
    if math.isnan(total_norm) or math.isinf(total_norm):
        raise ValueError("these gradients have no length")
    clip_coef = min(1.0, max_norm / (total_norm + 1e-6))
    return [clip_coef * grad for grad in grads], total_norm


def l2_gradient(grad, theta, weight_decay):
    return theta * weight_decay + grad


def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    decayed = theta * (1 - lr * weight_decay)
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    denominator = np.sqrt(v) / (1 - beta2**t) ** 0.5 + eps
    return decayed - lr / (1 - beta1**t) * m / denominator, m, v

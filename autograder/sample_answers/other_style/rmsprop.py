"""Right answers to 02_rmsprop, by other words and in other orders."""

import numpy as np


def rmsprop_step(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    v = v + (1 - beta) * (np.square(grad) - v)
    return theta - (lr * (v + eps) ** -0.5) * grad, v


def effective_lr(v, lr=1e-3, eps=1e-8):
    root = np.power(np.add(v, eps), 0.5)
    return np.divide(lr, root)

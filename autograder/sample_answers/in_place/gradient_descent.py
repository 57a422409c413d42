"""Right results for 01_gradient_descent, written into arrays that others still need."""

import numpy as np


def sgd_step(theta, grad, lr):
    theta -= lr * grad
    return theta


def momentum_step(theta, grad, buf, lr, mu=0.9):
    buf *= mu
    buf += grad
    theta -= lr * buf
    return theta, buf


def gradient_descent(grad_fn, theta0, lr, steps):
    rows = [theta0.copy()]
    for _ in range(steps):
        theta0 -= lr * grad_fn(theta0)
        rows.append(theta0.copy())
    return np.array(rows)

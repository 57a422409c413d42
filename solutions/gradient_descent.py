"""Answers to the exercises of chapter 01_gradient_descent."""

import numpy as np


def sgd_step(theta, grad, lr):
    return theta - lr * grad


def momentum_step(theta, grad, buf, lr, mu=0.9):
    buf = mu * buf + grad
    return theta - lr * buf, buf


def gradient_descent(grad_fn, theta0, lr, steps):
    trajectory = np.empty((steps + 1, *theta0.shape), dtype=theta0.dtype)
    trajectory[0] = theta0
    for t in range(steps):
        theta = trajectory[t]
        trajectory[t + 1] = sgd_step(theta, grad_fn(theta), lr)
    return trajectory

"""Right answers to 03_adam, by other words and in other orders."""

import numpy as np


def update_moments(grad, m, v, beta1=0.9, beta2=0.999):
    def average(old, new, beta):
        return old + (1 - beta) * (new - old)

    return average(m, grad, beta1), average(v, grad * grad, beta2)


def bias_correct(moment, beta, t):
    if not t >= 1:
        raise ValueError("there is no step " + str(t))
    scale = 1 / (1 - pow(beta, t))
    return scale * moment


def adam_step(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    step_size = lr / (1 - beta1**t)
    denominator = np.sqrt(v) / (1 - beta2**t) ** 0.5 + eps
    return theta - step_size * m / denominator, m, v

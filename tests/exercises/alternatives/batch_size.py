"""Right answers to the exercises of chapter 6, each in another style.

The part of a function's name before the double underscore is the exercise, the part
after it names the style.
"""

import itertools
import math

import numpy as np

# minibatches


def minibatches__shuffled_in_place(n, batch_size, rng):
    """Counts up, lets the generator shuffle, then slices in a while loop."""
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    indices = np.arange(n)
    rng.shuffle(indices)
    batches = []
    start = 0
    while start < n:
        batches.append(indices[start : start + batch_size])
        start += batch_size
    return batches


def minibatches__sorted_by_lot(n, batch_size, rng):
    """Each index draws a lot; the order of the lots is the order of the indices."""
    if not batch_size >= 1:
        raise ValueError(batch_size)
    order = np.argsort(rng.random(n))
    return list(np.split(order, range(batch_size, n, batch_size))) if n > 0 else []


def minibatches__chosen(n, batch_size, rng):
    """A choice without replacement of everything; the number of batches comes first."""
    if batch_size <= 0:
        raise ValueError("no empty batches")
    order = rng.choice(n, size=n, replace=False)
    count = math.ceil(n / batch_size)
    return [order[k * batch_size : (k + 1) * batch_size] for k in range(count)]


def minibatches__batch_by_batch(n, batch_size, rng):
    """Each batch is drawn from what the ones before have left."""
    if batch_size < 1:
        raise ValueError("batch_size counts examples: at least 1")
    left = np.arange(n)
    batches = []
    while len(left):
        batch = rng.choice(left, min(batch_size, len(left)), replace=False)
        left = np.setdiff1d(left, batch)
        batches.append(batch)
    return batches


def minibatches__narrow_integers(n, batch_size, rng):
    """Unsigned integers of 32 bits, and a tuple around the batches."""
    if batch_size < 1:
        raise ValueError(f"{batch_size} examples make no batch")
    order = rng.permutation(n).astype(np.uint32)
    return tuple(order[i : i + batch_size] for i in range(0, n, batch_size))


def minibatches__sorted_batches(n, batch_size, rng):
    """The order inside a batch is of no account: it is sorted, for faster reading."""
    if batch_size < 1:
        raise ValueError(batch_size)
    order = rng.permutation(n)
    return [np.sort(order[i : i + batch_size]) for i in range(0, n, batch_size)]


def minibatches__whole_batches_then_the_rest(n, batch_size, rng):
    """As in the exercise of a well-known course: full batches, then what is left."""
    if batch_size < 1:
        raise ValueError("batch_size < 1")
    permutation = list(rng.permutation(n))
    whole = n // batch_size
    batches = []
    for k in range(whole):
        batches.append(permutation[k * batch_size : (k + 1) * batch_size])
    if n % batch_size != 0:
        batches.append(permutation[whole * batch_size :])
    return [np.array(batch) for batch in batches]


def minibatches__dealt_like_cards(n, batch_size, rng):
    """Fisher and Yates's shuffle by hand, the last card first; then cut by islice."""
    if batch_size < 1:
        raise ValueError("batch_size")
    cards = list(range(n))
    for i in range(n - 1, 0, -1):
        j = rng.integers(i + 1)
        cards[i], cards[j] = cards[j], cards[i]
    deck = iter(cards)
    batches = iter(lambda: list(itertools.islice(deck, batch_size)), [])
    return [np.array(batch) for batch in batches]


# batch_size_at


def batch_size_at__plain(epoch, start=32, growth=2, every=10, max_size=1024):
    """The formula, made an int to be sure."""
    return int(min(start * growth ** (epoch // every), max_size))


def batch_size_at__loop(epoch, start=32, growth=2, every=10, max_size=1024):
    """One multiplication for each jump."""
    size = start
    for _ in range(epoch // every):
        size *= growth
    return size if size < max_size else max_size


def batch_size_at__recursive(epoch, start=32, growth=2, every=10, max_size=1024):
    """One jump, and the same for what is left of the epochs."""
    if start >= max_size:
        return max_size
    if epoch < every:
        return start
    return batch_size_at__recursive(
        epoch - every, start * growth, growth, every, max_size
    )


def batch_size_at__numpy(epoch, start=32, growth=2, every=10, max_size=1024):
    """NumPy's minimum and power, which give a NumPy int."""
    jumps = np.floor_divide(epoch, every)
    return np.minimum(start * np.power(growth, jumps), max_size)


def batch_size_at__floor(epoch, start=32, growth=2, every=10, max_size=1024):
    """The jumps by rounding down a quotient."""
    jumps = math.floor(epoch / every)
    size = start * pow(growth, jumps)
    if size > max_size:
        size = max_size
    return size


# scaled_lr


def scaled_lr__plain(lr, batch_size, base_batch_size, rule="linear"):
    """Two branches, then the error."""
    if rule == "linear":
        return lr * batch_size / base_batch_size
    elif rule == "sqrt":
        return lr * (batch_size / base_batch_size) ** 0.5
    else:
        raise ValueError("rule must be linear or sqrt")


def scaled_lr__power(lr, batch_size, base_batch_size, rule="linear"):
    """One formula whose exponent is looked up."""
    exponents = {"linear": 1, "sqrt": 0.5}
    if rule not in exponents:
        raise ValueError(rule)
    return lr * np.power(batch_size / base_batch_size, exponents[rule])


def scaled_lr__match(lr, batch_size, base_batch_size, rule="linear"):
    """A match statement; two roots in place of one."""
    match rule:
        case "linear":
            return batch_size * (lr / base_batch_size)
        case "sqrt":
            return lr * math.sqrt(batch_size) / math.sqrt(base_batch_size)
        case _:
            raise ValueError(f"unknown {rule}")


def scaled_lr__functions(lr, batch_size, base_batch_size, rule="linear"):
    """A table of functions; a name that it lacks becomes a ValueError."""
    rules = {"linear": lambda k: k, "sqrt": np.sqrt}
    try:
        scale = rules[rule]
    except KeyError:
        raise ValueError(f"no rule {rule!r}") from None
    return lr * scale(batch_size / base_batch_size)


def scaled_lr__logarithm(lr, batch_size, base_batch_size, rule="linear"):
    """Doublings of the batch, whole ones and half ones."""
    if rule not in ("linear", "sqrt"):
        raise ValueError("one of linear, sqrt")
    doublings = math.log2(batch_size / base_batch_size)
    return lr * 2 ** (doublings if rule == "linear" else doublings / 2)


# gradient_noise_scale


def gradient_noise_scale__plain(per_example_grads):
    """The variance of each parameter, summed, over the squared norm."""
    if len(per_example_grads) < 2:
        raise ValueError("N < 2")
    mean = np.mean(per_example_grads, axis=0)
    return per_example_grads.var(axis=0, ddof=1).sum() / (mean @ mean)


def gradient_noise_scale__by_hand(per_example_grads):
    """Sums of squares, with the division by N - 1 written out."""
    n, _ = per_example_grads.shape
    if n < 2:
        raise ValueError(f"needs two gradients, got {n}")
    mean = per_example_grads.sum(axis=0) / n
    deviations = per_example_grads - mean
    return (deviations**2).sum() / (n - 1) / np.linalg.norm(mean) ** 2


def gradient_noise_scale__covariance(per_example_grads):
    """The whole covariance matrix, then its trace."""
    if per_example_grads.shape[0] < 2:
        raise ValueError("one gradient has no covariance")
    covariance = np.atleast_2d(np.cov(per_example_grads, rowvar=False))
    mean = per_example_grads.mean(axis=0)
    return float(np.trace(covariance) / np.dot(mean, mean))


def gradient_noise_scale__corrected(per_example_grads):
    """The variance with N below, corrected afterwards; a Python float."""
    count = len(per_example_grads)
    if count <= 1:
        raise ValueError(count)
    biased = np.var(per_example_grads, axis=0)
    mean = per_example_grads.mean(0)
    return float(biased.sum() * count / (count - 1) / np.square(mean).sum())


def gradient_noise_scale__loops(per_example_grads):
    """Parameter by parameter, in float64."""
    rows = [list(map(float, row)) for row in per_example_grads]
    if len(rows) < 2:
        raise ValueError("too few")
    noise = signal = 0.0
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        signal += mean**2
        noise += sum((x - mean) ** 2 for x in column) / (len(column) - 1)
    return noise / signal


def gradient_noise_scale__pairs(per_example_grads):
    """Half the mean squared distance of two different gradients is the trace."""
    grads = np.asarray(per_example_grads, dtype=float)
    n = len(grads)
    if n < 2:
        raise ValueError(n)
    distances = np.sum((grads[:, None] - grads[None]) ** 2)
    trace = distances / (2 * n * (n - 1))
    return np.asarray(trace / np.linalg.norm(grads.mean(axis=0)) ** 2)

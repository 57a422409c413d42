"""Wrong answers to the exercises of chapter 6, each as students write it.

The part of a function's name before the double underscore is the exercise, the part
after it the misconception; each docstring begins with the same name and says what is
wrong. The sections say which group of marks each loses.
"""

import math

import numpy as np

# minibatches: wrong numbers or state


def minibatches__unshuffled(n, batch_size, rng):
    """unshuffled: cuts up the data as they lie."""
    if batch_size < 1:
        raise ValueError("batch_size")
    return list(np.split(np.arange(n), range(batch_size, n, batch_size))) if n else []


def minibatches__rng_ignored(n, batch_size, rng):
    """rng-ignored: a seed of its own, set at each call."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = np.random.RandomState(42).permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__another_source(n, batch_size, rng):
    """another-source: NumPy's global generator."""
    if batch_size < 1:
        raise ValueError("batch_size")
    indices = np.arange(n)
    np.random.shuffle(indices)  # noqa: NPY002
    batches = []
    for start in range(0, n, batch_size):
        batches.append(indices[start : start + batch_size])
    return batches


def minibatches__generator_not_advanced(n, batch_size, rng):
    """generator-not-advanced: shuffles with a copy."""
    import copy

    if batch_size < 1:
        raise ValueError("batch_size")
    order = copy.deepcopy(rng).permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__with_replacement(n, batch_size, rng):
    """with-replacement: choice, with its default."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.choice(n, n) if n else np.arange(0)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__last_dropped(n, batch_size, rng):
    """last-dropped: whole batches only, as in many tutorials."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n)
    batches = []
    for k in range(n // batch_size):
        batches.append(order[k * batch_size : (k + 1) * batch_size])
    return batches


def minibatches__last_merged(n, batch_size, rng):
    """last-merged: the rest joins the last whole batch."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n)
    count = max(1, n // batch_size)
    cuts = [k * batch_size for k in range(1, count)]
    return list(np.split(order, cuts)) if n else []


def minibatches__even_sizes(n, batch_size, rng):
    """even-sizes: array_split makes batches as equal as can be."""
    if batch_size < 1:
        raise ValueError("batch_size")
    count = math.ceil(n / batch_size)
    return list(np.array_split(rng.permutation(n), count)) if count else []


def minibatches__number_for_size(n, batch_size, rng):
    """number-for-size: so many batches, not batches of that size."""
    if batch_size < 1:
        raise ValueError("batch_size")
    return np.array_split(rng.permutation(n), batch_size)


def minibatches__empty_batch_left(n, batch_size, rng):
    """empty-batch-left: what is left of the data is appended, even if it is nothing."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n)
    whole = n // batch_size
    batches = [order[k * batch_size : (k + 1) * batch_size] for k in range(whole)]
    return [*batches, order[whole * batch_size :]]


def minibatches__off_by_one(n, batch_size, rng):
    """off-by-one: numbers the examples from 1."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(np.arange(1, n + 1))
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__batches_shuffled(n, batch_size, rng):
    """batches-shuffled: the starts of the batches come in a random order."""
    if batch_size < 1:
        raise ValueError("batch_size")
    starts = np.arange(0, n, batch_size)
    rng.shuffle(starts)
    return [np.arange(s, min(s + batch_size, n)) for s in starts]


def minibatches__shuffled_within(n, batch_size, rng):
    """shuffled-within: each batch is shuffled after the cut."""
    if batch_size < 1:
        raise ValueError("batch_size")
    batches = [np.arange(n)[i : i + batch_size] for i in range(0, n, batch_size)]
    for batch in batches:
        rng.shuffle(batch)
    return batches


def minibatches__rotated(n, batch_size, rng):
    """rotated: begins at a random place and goes around."""
    if batch_size < 1:
        raise ValueError("batch_size")
    shift = rng.integers(max(n, 1))
    order = (np.arange(n) + shift) % max(n, 1)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__one_array(n, batch_size, rng):
    """one-array: shuffles, but does not cut."""
    if batch_size < 1:
        raise ValueError("batch_size")
    return rng.permutation(n)


def minibatches__first_only(n, batch_size, rng):
    """first-only: a return inside the loop."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n)
    for i in range(0, n, batch_size):
        return [order[i : i + batch_size]]
    return []


def minibatches__generator_returned(n, batch_size, rng):
    """generator-returned: yields the batches, as a loader for a loop does."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n)
    for i in range(0, n, batch_size):
        yield order[i : i + batch_size]


# minibatches: raises


def minibatches__undefined_name(n, batch_size, rng):
    """undefined-name: the data of another function."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(len(X))  # noqa: F821
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


# minibatches: right numbers, wrong dtype


def minibatches__batches_as_lists(n, batch_size, rng):
    """batches-as-lists: lists of numbers where arrays are asked for."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(n).tolist()
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__float_indices(n, batch_size, rng):
    """float-indices: linspace counts in floats."""
    if batch_size < 1:
        raise ValueError("batch_size")
    order = rng.permutation(np.linspace(0, max(n - 1, 0), n))
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


# minibatches: fails at the edges


def minibatches__empty_batch_of_nothing(n, batch_size, rng):
    """empty-batch-of-nothing: no examples make one empty batch."""
    if batch_size < 1:
        raise ValueError("batch_size")
    return np.split(rng.permutation(n), range(batch_size, n, batch_size))


def minibatches__too_small(n, batch_size, rng):
    """too-small: gives up where the data fill no batch."""
    if batch_size < 1:
        raise ValueError("batch_size")
    if n < batch_size:
        return []
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


# minibatches: right numbers, wrong about errors


def minibatches__no_check(n, batch_size, rng):
    """no-check: a negative size gives no batches, and nobody is told."""
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size or 1)]


def minibatches__clamped(n, batch_size, rng):
    """clamped: repairs the size without a word."""
    batch_size = max(batch_size, 1)
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


def minibatches__assertion_instead_of_value_error(n, batch_size, rng):
    """assertion-instead-of-value-error: an assert."""
    assert batch_size >= 1
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]


# batch_size_at: wrong numbers or state


def batch_size_at__true_division(epoch, start=32, growth=2, every=10, max_size=1024):
    """true-division: grows a little at each epoch."""
    return min(max_size, start * growth ** (epoch / every))


def batch_size_at__float_returned(epoch, start=32, growth=2, every=10, max_size=1024):
    """float-returned: math.pow and math.floor between floats."""
    return min(float(max_size), start * math.pow(growth, math.floor(epoch / every)))


def batch_size_at__linear_growth_from_start(
    epoch, start=32, growth=2, every=10, max_size=1024
):
    """linear-growth-from-start: adds what one jump adds, again and again."""
    jumps = epoch // every
    return min(max_size, start * (1 + (growth - 1) * jumps))


def batch_size_at__linear_growth(epoch, start=32, growth=2, every=10, max_size=1024):
    """linear-growth: multiplies by the number of jumps."""
    return min(max_size, start * growth * (epoch // every))


def batch_size_at__cap_missing(epoch, start=32, growth=2, every=10, max_size=1024):
    """cap-missing: grows for ever."""
    return start * growth ** (epoch // every)


def batch_size_at__max_for_min(epoch, start=32, growth=2, every=10, max_size=1024):
    """max-for-min: "at most" read as max."""
    return max(max_size, start * growth ** (epoch // every))


def batch_size_at__counted_from_one(epoch, start=32, growth=2, every=10, max_size=1024):
    """counted-from-one: the first epoch has number 1."""
    jumps = max(0, (epoch - 1) // every)
    return min(max_size, start * growth**jumps)


def batch_size_at__jump_early(epoch, start=32, growth=2, every=10, max_size=1024):
    """jump-early: counts the epochs that are over, this one included."""
    done = epoch + 1
    return min(max_size, start * growth ** (done // every))


def batch_size_at__grows_at_each_epoch(
    epoch, start=32, growth=2, every=10, max_size=1024
):
    """grows-at-each-epoch: every is not used as a divisor."""
    return min(max_size, start * growth**epoch)


def batch_size_at__one_jump(epoch, start=32, growth=2, every=10, max_size=1024):
    """one-jump: larger from some epoch on, and that is all."""
    size = start
    if epoch >= every:
        size = start * growth
    return min(size, max_size)


def batch_size_at__wraps_around(epoch, start=32, growth=2, every=10, max_size=1024):
    """wraps-around: starts anew beyond the cap."""
    size = start * growth ** (epoch // every)
    return size if size < max_size else start


def batch_size_at__stays_below_cap(epoch, start=32, growth=2, every=10, max_size=1024):
    """stays-below-cap: refuses the jump that would pass the cap."""
    size = start
    while epoch >= every and size * growth <= max_size:
        size, epoch = size * growth, epoch - every
    return size


def batch_size_at__printed(epoch, start=32, growth=2, every=10, max_size=1024):
    """printed: shows the size, returns nothing."""
    print(min(max_size, start * growth ** (epoch // every)))


def batch_size_at__rounded_to_nearest(
    epoch, start=32, growth=2, every=10, max_size=1024
):
    """rounded-to-nearest: jumps in the middle."""
    return min(max_size, start * growth ** round(epoch / every))


def batch_size_at__one_jump_ahead(epoch, start=32, growth=2, every=10, max_size=1024):
    """one-jump-ahead: epoch 0 makes a jump already."""
    size = start
    for e in range(epoch + 1):
        if e % every == 0:
            size *= growth
    return min(size, max_size)


def batch_size_at__one_jump_ahead_of_later_epochs(
    epoch, start=32, growth=2, every=10, max_size=1024
):
    """one-jump-ahead: rounded up."""
    return min(max_size, start * growth ** math.ceil(epoch / every))


# batch_size_at: raises


def batch_size_at__caret_square(epoch, start=32, growth=2, every=10, max_size=1024):
    """caret-square: `^` for a power, between numbers that are no ints."""
    return min(max_size, start * (1.0 * growth) ^ (epoch // every))


# batch_size_at: fails at the edges


def batch_size_at__start_uncapped(epoch, start=32, growth=2, every=10, max_size=1024):
    """start-uncapped: the cap is looked at after a jump only."""
    jumps = epoch // every
    if jumps == 0:
        return start
    return min(max_size, start * growth**jumps)


def batch_size_at__growth_by_logarithm(
    epoch, start=32, growth=2, every=10, max_size=1024
):
    """growth-by-logarithm: how many jumps fit below the cap, which growth 1 defies."""
    most = math.log(max_size / start) / math.log(growth)
    jumps = epoch // every
    return max_size if jumps >= most else start * growth**jumps


# scaled_lr: wrong numbers or state


def scaled_lr__ratio_inverted(lr, batch_size, base_batch_size, rule="linear"):
    """ratio-inverted: a larger batch gets a smaller rate."""
    ratio = base_batch_size / batch_size
    if rule == "linear":
        return lr * ratio
    if rule == "sqrt":
        return lr * math.sqrt(ratio)
    raise ValueError(rule)


def scaled_lr__whole_ratio(lr, batch_size, base_batch_size, rule="linear"):
    """whole-ratio: how many base batches fit."""
    ratio = batch_size // base_batch_size
    if rule == "linear":
        return lr * ratio
    if rule == "sqrt":
        return lr * math.sqrt(ratio)
    raise ValueError(rule)


def scaled_lr__rules_swapped(lr, batch_size, base_batch_size, rule="linear"):
    """rules-swapped: the branches are exchanged."""
    ratio = batch_size / base_batch_size
    if rule == "sqrt":
        return lr * ratio
    if rule == "linear":
        return lr * ratio**0.5
    raise ValueError(rule)


def scaled_lr__root_of_batch(lr, batch_size, base_batch_size, rule="linear"):
    """root-of-batch: the base stands outside the root."""
    if rule == "linear":
        return lr * batch_size / base_batch_size
    if rule == "sqrt":
        return lr * np.sqrt(batch_size) / base_batch_size
    raise ValueError(rule)


def scaled_lr__root_of_everything(lr, batch_size, base_batch_size, rule="linear"):
    """root-of-everything: the root of the scaled rate."""
    scaled = lr * batch_size / base_batch_size
    if rule == "linear":
        return scaled
    if rule == "sqrt":
        return math.sqrt(scaled)
    raise ValueError(rule)


def scaled_lr__half_precedence(lr, batch_size, base_batch_size, rule="linear"):
    """half-precedence: `** 1 / 2`."""
    ratio = batch_size / base_batch_size
    if rule not in ("linear", "sqrt"):
        raise ValueError(rule)
    return lr * ratio if rule == "linear" else lr * ratio**1 / 2


def scaled_lr__rule_ignored(lr, batch_size, base_batch_size, rule="linear"):
    """rule-ignored: the linear rule for both, as in large-batch training scripts."""
    if rule not in ("linear", "sqrt"):
        raise ValueError(rule)
    return lr * batch_size / base_batch_size


def scaled_lr__root_only(lr, batch_size, base_batch_size, rule="linear"):
    """root-only: the root for both."""
    if rule not in ("linear", "sqrt"):
        raise ValueError(rule)
    return lr * math.sqrt(batch_size / base_batch_size)


def scaled_lr__base_missing(lr, batch_size, base_batch_size, rule="linear"):
    """base-missing: multiplies by the batch size itself."""
    factors = {"linear": batch_size, "sqrt": math.sqrt(batch_size)}
    if rule not in factors:
        raise ValueError(rule)
    return lr * factors[rule]


def scaled_lr__factor_returned(lr, batch_size, base_batch_size, rule="linear"):
    """factor-returned: the factor without the rate."""
    ratio = batch_size / base_batch_size
    if rule == "linear":
        return ratio
    if rule == "sqrt":
        return math.sqrt(ratio)
    raise ValueError(rule)


def scaled_lr__nothing_returned(lr, batch_size, base_batch_size, rule="linear"):
    """nothing-returned: assigns a new rate to a local name."""
    if rule == "linear":
        lr = lr * batch_size / base_batch_size
    elif rule == "sqrt":
        lr = lr * math.sqrt(batch_size / base_batch_size)
    else:
        raise ValueError(rule)


# scaled_lr: raises


def scaled_lr__unassigned(lr, batch_size, base_batch_size, rule="linear"):
    """unassigned-state: the factor has a value in one branch only."""
    if rule == "linaer":
        factor = batch_size / base_batch_size
    if rule == "sqrt":
        factor = math.sqrt(batch_size / base_batch_size)
    return lr * factor


# scaled_lr: right numbers, wrong about errors


def scaled_lr__no_check(lr, batch_size, base_batch_size, rule="linear"):
    """no-check: whatever is not "sqrt" is linear."""
    ratio = batch_size / base_batch_size
    return lr * math.sqrt(ratio) if rule == "sqrt" else lr * ratio


def scaled_lr__exception_returned(lr, batch_size, base_batch_size, rule="linear"):
    """exception-returned: the error is returned."""
    ratio = batch_size / base_batch_size
    if rule == "linear":
        return lr * ratio
    if rule == "sqrt":
        return lr * math.sqrt(ratio)
    return ValueError(rule)


def scaled_lr__wrong_exception(lr, batch_size, base_batch_size, rule="linear"):
    """wrong-exception: a dictionary raises a KeyError."""
    ratio = batch_size / base_batch_size
    return lr * {"linear": ratio, "sqrt": math.sqrt(ratio)}[rule]


# gradient_noise_scale: wrong numbers or state


def gradient_noise_scale__gradient_clipped(per_example_grads):
    """gradient-clipped: each example's, against outliers."""
    if len(per_example_grads) < 2:
        raise ValueError
    grads = np.clip(per_example_grads, -10, 10)
    mean = grads.mean(axis=0)
    return float(grads.var(axis=0, ddof=1).sum() / np.sum(mean**2))


def gradient_noise_scale__biased_variance(per_example_grads):
    """biased-variance: NumPy's default divides by N."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0).sum() / (mean**2).sum()


def gradient_noise_scale__norm_not_squared(per_example_grads):
    """norm-not-squared: as in a public implementation of the paper."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / np.linalg.norm(mean)


def gradient_noise_scale__inverted(per_example_grads):
    """inverted: signal over noise."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return (mean**2).sum() / np.var(per_example_grads, axis=0, ddof=1).sum()


def gradient_noise_scale__elementwise_ratio(per_example_grads):
    """elementwise-ratio: one noise scale a parameter, averaged."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.mean(np.var(per_example_grads, axis=0, ddof=1) / mean**2)


def gradient_noise_scale__mean_for_sum(per_example_grads):
    """mean-for-sum: the mean variance of a parameter."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).mean() / (mean @ mean)


def gradient_noise_scale__one_variance(per_example_grads):
    """one-variance: no axis is given."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, ddof=1) / (mean @ mean)


def gradient_noise_scale__deviation_for_variance(per_example_grads):
    """deviation-for-variance: sums standard deviations."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.std(per_example_grads, axis=0, ddof=1).sum() / (mean @ mean)


def gradient_noise_scale__variance_over_parameters(per_example_grads):
    """variance-over-parameters: cov takes the examples for variables."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.trace(np.cov(per_example_grads)) / (mean @ mean)


def gradient_noise_scale__wrong_axis(per_example_grads):
    """wrong-axis: mean and variance along the rows."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=1)
    return np.var(per_example_grads, axis=1, ddof=1).sum() / (mean @ mean)


def gradient_noise_scale__second_moment(per_example_grads):
    """second-moment: the mean is not subtracted."""
    n = len(per_example_grads)
    if n < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.sum(per_example_grads**2) / (n - 1) / (mean @ mean)


def gradient_noise_scale__norm_of_each(per_example_grads):
    """norm-of-each: the mean squared norm for the norm of the mean."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    norms = np.linalg.norm(per_example_grads, axis=1)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / np.mean(norms**2)


def gradient_noise_scale__whole_covariance(per_example_grads):
    """whole-covariance: sums the matrix."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.cov(per_example_grads.T).sum() / (mean @ mean)


def gradient_noise_scale__sum_for_mean(per_example_grads):
    """sum-for-mean: the gradient of the summed loss."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    total = np.sum(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / (total @ total)


def gradient_noise_scale__variance_of_mean(per_example_grads):
    """variance-of-mean: the noise of the mean gradient."""
    n = len(per_example_grads)
    if n < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / n / (mean @ mean)


def gradient_noise_scale__trace_returned(per_example_grads):
    """trace-returned: the noise is not compared with the signal."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    return np.trace(np.atleast_2d(np.cov(per_example_grads, rowvar=False)))


# gradient_noise_scale: fails at the edges


def gradient_noise_scale__scalar_covariance(per_example_grads):
    """scalar-covariance: with one parameter, cov is no matrix that has a trace."""
    if len(per_example_grads) < 2:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.trace(np.cov(per_example_grads, rowvar=False)) / (mean @ mean)


# gradient_noise_scale: right numbers, wrong about errors


def gradient_noise_scale__no_check(per_example_grads):
    """no-check: one gradient gives nan and a warning."""
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / (mean @ mean)


def gradient_noise_scale__empty_only(per_example_grads):
    """zero-only: refuses no gradients, takes one."""
    if len(per_example_grads) == 0:
        raise ValueError("N")
    mean = np.mean(per_example_grads, axis=0)
    return np.var(per_example_grads, axis=0, ddof=1).sum() / (mean @ mean)


# gradient_noise_scale: changes an argument


def gradient_noise_scale__gradients_changed_in_place(per_example_grads):
    """weights-changed-in-place: `-=` centres the caller's gradients."""
    n = len(per_example_grads)
    if n < 2:
        raise ValueError("N")
    mean = per_example_grads.mean(axis=0)
    per_example_grads -= mean
    return np.sum(per_example_grads**2) / (n - 1) / (mean @ mean)

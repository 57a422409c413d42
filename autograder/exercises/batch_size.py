"""06_batch_size: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from autograder.exercises.draw import Rng, above_ten, as_float32, rate, signed
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise
from autograder.reference import batch_size as reference
from descentlab.compare import Seed
from descentlab.properties import PROPERTIES

ASSIGNMENT = "06_batch_size"


def minibatches_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``minibatches``: no draw is the right one, so properties are judged."""

    def case(group: str, words: str, n: int, batch_size: int, through: str) -> Case:
        args = n, batch_size, _seed(rng)
        return Case(group, words, args, through=PROPERTIES[through])

    yield case("value", "10 examples in batches of 3", 10, 3, "partition")
    size, count = int(rng.integers(2, 6)), int(rng.integers(3, 7))
    yield case("value", "the last batch is full", size * count, size, "partition")
    size = int(rng.integers(12, 20))
    yield case("value", "a rest of one", 5 * size + 1, size, "partition")
    yield case("value", "drawn again", 40, 8, "draws")
    yield case("value", "120 draws, 6 examples in batches of 2", 6, 2, "chances")
    yield case("value", "120 draws, 4 examples, each alone", 4, 1, "chances")
    yield case("dtype", "arrays of integers", 12, 5, "kinds")
    yield case("edges", "no examples", 0, 4, "partition")
    yield case("edges", "one example", 1, 1, "partition")
    yield case("edges", "a batch larger than the data", 5, 8, "partition")
    yield case("edges", "batches of one", 7, 1, "partition")
    for size in (0, -1, -int(rng.integers(2, 9))):
        args = 5, size, _seed(rng)
        yield Case("errors", f"batch_size = {size}", args, raises="ValueError")
    yield case("purity", "called twice", 40, 7, "draws")


def _seed(rng: Rng) -> Seed:
    return Seed(rng.integers(1, 10**6))


def growing_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``batch_size_at``: epoch by position."""
    for epoch in (0, 9, 10, 26, 40):
        yield Case("value", f"epoch {epoch}, the defaults", (epoch,))
    start, every = int(rng.integers(3, 30)), int(rng.integers(3, 8))
    hyper = {"start": start, "growth": 3, "every": every, "max_size": 10**6}
    for epoch in (every - 1, every, 2 * every + 1, 5 * every - 1):
        yield Case("value", f"epoch {epoch}, all given", (epoch,), hyper)
    # No power of the growth: the cap itself is the size.
    limit = start * 9 + int(rng.integers(1, start))
    capped = {**hyper, "max_size": limit}
    for epoch in (2 * every, 3 * every, 11 * every):
        yield Case("value", f"epoch {epoch}, capped", (epoch,), capped)
    yield Case("value", "epoch 70, capped by default", (70,))
    far = {"start": start, "growth": 12, "every": 11, "max_size": 10**6}
    for epoch in (10, 11, 34):
        yield Case("value", f"epoch {epoch}, growth 12", (epoch,), far)
    yield Case("edges", "no growth", (95,), {"growth": 1})
    yield Case("edges", "a start above the cap", (0,), {"start": 2000})
    yield Case("edges", "larger at each epoch", (3,), {"every": 1})
    yield Case("edges", "a late epoch", (299,))
    yield Case("purity", "called twice", (2 * every,), hyper)


def scaling_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``scaled_lr``: the rate and both batch sizes by position."""
    yield Case("value", "a batch 4 times as large, the default", (0.1, 128, 32))
    for rule in ("linear", "sqrt"):
        base = int(rng.integers(20, 60))
        larger, smaller = 9 * base + int(rng.integers(9)), base // 3
        for words, size in (("larger", larger), ("smaller", smaller)):
            args = rate(rng), size, base
            yield Case("value", f"{words}, rule {rule}", args, {"rule": rule})
    yield Case("value", "larger, the default", (rate(rng), 500, 48))
    yield Case("value", "a large rate", (above_ten(rng), 96, 40))
    for rule in ("linear", "sqrt"):
        kwargs = {"rule": rule}
        yield Case("edges", f"the same batch, rule {rule}", (rate(rng), 64, 64), kwargs)
        yield Case("edges", f"one example, rule {rule}", (rate(rng), 1, 256), kwargs)
    for rule in ("cubic", "none", "square", ""):
        kwargs = {"rule": rule}
        args = rate(rng), 128, 32
        yield Case("errors", f"rule = {rule!r}", args, kwargs, raises="ValueError")
    yield Case("purity", "called twice", (rate(rng), 96, 32), {"rule": "sqrt"})


def _grads(rng: Rng, count: int, dim: int) -> np.ndarray:
    """Gradients with noise about as large as their mean, which is not zero."""
    return np.asarray(signed(rng, (dim,)) + signed(rng, (count, dim), 0.5))


def noise_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``gradient_noise_scale``."""
    yield Case("value", "three gradients in the plane", (_grads(rng, 3, 2),))
    yield Case("value", "more gradients than parameters", (_grads(rng, 8, 3),))
    yield Case("value", "more parameters than gradients", (_grads(rng, 4, 7),))
    yield Case("value", "as many of each", (_grads(rng, 5, 5),))
    large = 20 * signed(rng, (3,)) + signed(rng, (6, 3))
    yield Case("value", "a mean far from zero", (large,))
    mean, noise = signed(rng, (2,), 0.1), signed(rng, (3, 2), 4.0)
    drowned = np.concatenate([mean + noise, mean - noise])
    yield Case("value", "a mean that noise drowns", (drowned,))
    yield Case("edges", "two gradients", (_grads(rng, 2, 3),))
    yield Case("edges", "one parameter", (_grads(rng, 6, 1),))
    yield Case("edges", "no noise", (np.tile(signed(rng, (4,)), (3, 1)),))
    yield Case("edges", "float32", as_float32((_grads(rng, 6, 4),)))
    for count in (1, 0):
        args = (_grads(rng, count, 3),)
        yield Case("errors", f"N = {count}", args, raises="ValueError")
    yield Case("purity", "called twice", (_grads(rng, 5, 3),))


MINIBATCHES = """
def minibatches(n, batch_size, rng):
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    order = rng.permutation(n)
    return [order[i : i + batch_size] for i in range(0, n, batch_size)]
"""
DRAWN = "rng.permutation(n)"

MINIBATCHES_MISTAKES = mistakes(
    MINIBATCHES,
    {
        "unshuffled": (
            {DRAWN: "np.arange(n)"},
            "The batches are the same at every epoch, and in the order of the data: no"
            " draw has any effect.",
        ),
        "rng-ignored": (
            {DRAWN: "np.random.default_rng(0).permutation(n)"},
            "Every seed gives the same batches: the generator that is handed in is not"
            " what you draw from.",
        ),
        "another-source": (
            {DRAWN: "np.random.default_rng().permutation(n)"},
            "One seed gives other batches the second time: you draw from another"
            " generator than the one handed in, such as NumPy's global one.",
        ),
        "generator-not-advanced": (
            {
                DRAWN: "np.random.Generator(type(rng.bit_generator)(0))",
                "    return": "    state = rng.bit_generator.state\n"
                "    order.bit_generator.state = state\n"
                "    order = order.permutation(n)\n    return",
            },
            "Two epochs with one generator give the same batches: you draw from a copy"
            " of it.",
        ),
        "with-replacement": (
            {DRAWN: "rng.integers(0, n, n)"},
            "Some examples come twice in an epoch and others not at all: a partition is"
            " drawn without replacement.",
        ),
        "last-dropped": (
            {"range(0, n, batch_size)": "range(0, n - batch_size + 1, batch_size)"},
            "The examples that fill no whole batch are left out: the last batch may be"
            " smaller.",
        ),
        "last-merged": (
            {
                "    return [": "    batches = [",
                "batch_size)]": "batch_size)]\n"
                "    if n % batch_size and n > batch_size:\n"
                "        batches[-2:] = [np.concatenate(batches[-2:])]\n"
                "    return batches",
            },
            "The rest is added to the batch before it: it is a smaller batch of its"
            " own.",
        ),
        "even-sizes": (
            {
                "[order[i : i + batch_size] for i in range(0, n, batch_size)]": "["
                "*np.array_split(order, -(-n // batch_size))] if n else []"
            },
            "Your batches share the rest among them: all but the last hold exactly"
            " batch_size examples.",
        ),
        "number-for-size": (
            {
                "[order[i : i + batch_size] for i in range(0, n, batch_size)]": "["
                "*np.array_split(order, batch_size)]"
            },
            "You make batch_size batches; it is the number of examples in each.",
        ),
        "empty-batch-left": (
            {
                "    return [": "    batches = [",
                "range(0, n, batch_size)]": "range(0, n + 1, batch_size)]\n"
                "    return batches",
            },
            "Where the last batch is full, an empty one follows.",
        ),
        "off-by-one": (
            {DRAWN: "1 + rng.permutation(n)"},
            "Your indices are one ahead: the first example has the number 0.",
        ),
        "overlapping": (
            {"range(0, n, batch_size)": "range(n)"},
            "Your batches overlap: each begins where the one before ends.",
        ),
        "batches-shuffled": (
            {
                DRAWN: "np.arange(n)",
                "    return [": "    batches = [",
                "range(0, n, batch_size)]": "range(0, n, batch_size)]\n"
                "    return [batches[i] for i in rng.permutation(len(batches))]",
            },
            "You shuffle whole batches: the same examples meet in a batch at every"
            " epoch.",
        ),
        "shuffled-within": (
            {
                DRAWN: "np.arange(n)",
                "order[i : i + batch_size] for": "rng.permutation("
                "order[i : i + batch_size]) for",
            },
            "You shuffle inside the batches only: each holds the same examples at every"
            " epoch.",
        ),
        "rotated": (
            {DRAWN: "np.roll(np.arange(n), rng.integers(n) if n else 0)"},
            "You rotate the data by a random amount: neighbours stay neighbours.",
        ),
        "one-array": (
            {"    return [": "    return order if n else ["},
            "You return the shuffled indices in one array: they have to be cut into"
            " batches.",
        ),
        "first-only": (
            {"    return [": "    return [*[", "batch_size)]": "batch_size)][:1]]"},
            "You return one batch: an epoch needs all of them.",
        ),
        "generator-returned": (
            {
                "    return [": "    return (",
                "range(0, n, batch_size)]": "range(0, n, batch_size))",
            },
            "What you return can be walked through once only: yield, or brackets that"
            " are round, make a generator, and a list is asked for.",
        ),
    },
)

BATCH_SIZE_AT = """
def batch_size_at(epoch, start=32, growth=2, every=10, max_size=1024):
    return min(max_size, start * growth ** (epoch // every))
"""
POWER = "growth ** (epoch // every)"

GROWING_MISTAKES = mistakes(
    BATCH_SIZE_AT,
    {
        "true-division": (
            [
                {"epoch // every": "epoch / every"},
                {
                    "min(max_size, start": "int(min(max_size, start",
                    "epoch // every)": "epoch / every))",
                },
                {
                    "min(max_size, start": "round(min(max_size, start",
                    "epoch // every)": "epoch / every))",
                },
            ],
            "Your batch grows a little at each epoch; it stays as it is for `every`"
            " epochs, then jumps.",
        ),
        "float-returned": (
            [
                {"start * growth": "float(start) * growth"},
                {"min(max_size, start": "float(min(max_size, start", "ry)": "ry))"},
                {"min(max_size, start": "np.minimum(max_size, 1.0 * start"},
            ],
            "Your sizes are floats: a batch size is a whole number, and slices take no"
            " other.",
        ),
        "linear-growth": (
            {POWER: "growth * (epoch // every)"},
            "You multiply by the number of jumps: each jump multiplies the size once"
            " more.",
        ),
        "linear-growth-from-start": (
            {f"start * {POWER}": "start + start * (growth - 1) * (epoch // every)"},
            "You add the same number at each jump: each jump multiplies the size.",
        ),
        "cap-missing": (
            {"min(max_size, start": "(start"},
            "Nothing stops the growth: max_size is not used.",
        ),
        "max-for-min": (
            {"min(": "max("},
            "Your size is never below max_size: it should never be above.",
        ),
        "counted-from-one": (
            [
                {"epoch // every": "(epoch - 1) // every"},
                {
                    f"start * {POWER}": "start * growth ** ((epoch - 1) // every) if"
                    " epoch else start"
                },
            ],
            "Your jumps come one epoch late: epochs count from 0.",
        ),
        "jump-early": (
            {"epoch // every": "(epoch + 1) // every"},
            "Your jumps come one epoch early: epochs count from 0.",
        ),
        "rounded-to-nearest": (
            {"epoch // every": "round(epoch / every)"},
            "Your jumps come in the middle of an interval: round down, not to the"
            " nearest.",
        ),
        "one-jump-ahead": (
            [
                {"epoch // every": "-(-epoch // every)"},
                {"epoch // every": "epoch // every + 1"},
            ],
            "You are one jump ahead: the first `every` epochs have the size at the"
            " start.",
        ),
        "grows-at-each-epoch": (
            {"epoch // every": "epoch"},
            "Your batch grows at each epoch: it does so once in `every` epochs.",
        ),
        "one-jump": (
            {POWER: "(growth if epoch >= every else 1)"},
            "Your batch grows once only: each `every` epochs bring another jump.",
        ),
        "shrinking": (
            {f"start * {POWER}": f"start // {POWER}"},
            "Your batch becomes smaller with time: it should grow.",
        ),
        "power-of-product": (
            {f"start * {POWER}": "(start * growth) ** (epoch // every)"},
            "The power takes in the start too: only the growth is raised to it.",
        ),
        "jumps-returned": (
            {f"min(max_size, start * {POWER})": "epoch // every"},
            "You return the number of jumps: it is the exponent of the size.",
        ),
        "wraps-around": (
            {
                f"min(max_size, start * {POWER})": f"start * {POWER} if start * {POWER}"
                " < max_size else start"
            },
            "Past the cap your size falls back to the start: it stays at the cap.",
        ),
        "stays-below-cap": (
            {
                f"    return min(max_size, start * {POWER})": "    size = start\n"
                "    for _ in range(epoch // every):\n"
                "        if size * growth <= max_size:\n"
                "            size *= growth\n"
                "    return size"
            },
            "Your size stops below the cap: a jump that would pass it ends at the cap"
            " itself.",
        ),
    },
)

SCALED_LR = """
def scaled_lr(lr, batch_size, base_batch_size, rule="linear"):
    if rule == "linear":
        return lr * batch_size / base_batch_size
    if rule == "sqrt":
        return lr * np.sqrt(batch_size / base_batch_size)
    raise ValueError(f"no such rule: {rule}")
"""
LINEAR = "batch_size / base_batch_size\n"
ROOT = "np.sqrt(batch_size / base_batch_size)"

SCALING_MISTAKES = mistakes(
    SCALED_LR,
    {
        "ratio-inverted": (
            {LINEAR: "base_batch_size / batch_size\n"}
            | {ROOT: "np.sqrt(base_batch_size / batch_size)"},
            "A larger batch gets a smaller rate in yours: less noise allows a larger"
            " one.",
        ),
        "whole-ratio": (
            [
                {
                    LINEAR: "(batch_size // base_batch_size)\n",
                    ROOT: "np.sqrt(batch_size // base_batch_size)",
                },
                {LINEAR: "(batch_size // base_batch_size)\n"},
            ],
            "Your ratio of the batch sizes is rounded down to a whole number: a batch"
            " smaller than the base gets no rate at all.",
        ),
        "rules-swapped": (
            {"linear": "ROOT", "sqrt": "linear", "np.linear": "np.sqrt"}
            | {"ROOT": "sqrt", 'rule="sqrt"': 'rule="linear"'},
            "The two rules changed places.",
        ),
        "root-of-batch": (
            {ROOT: "np.sqrt(batch_size) / base_batch_size"},
            "The root covers the batch size alone: it belongs over the ratio.",
        ),
        "root-of-everything": (
            {f"lr * {ROOT}": "np.sqrt(lr * batch_size / base_batch_size)"},
            "The root covers the learning rate too: it belongs over the ratio alone.",
        ),
        "square-for-root": (
            {ROOT: "(batch_size / base_batch_size) ** 2"},
            "You square the ratio: this rule takes its root.",
        ),
        "half-precedence": (
            {ROOT: "(batch_size / base_batch_size) ** 1 / 2"},
            "x**1/2 means x to the power 1, then halved: the exponent needs brackets.",
        ),
        "log-for-root": (
            {ROOT: "(1 + np.log(batch_size / base_batch_size))"},
            "Your second rule grows with the logarithm of the ratio, not its root.",
        ),
        "root-only": (
            {LINEAR: "1 * np.sqrt(batch_size / base_batch_size)\n"},
            "Both of your rules take the root.",
        ),
        "base-missing": (
            {LINEAR: "batch_size\n", ROOT: "np.sqrt(batch_size)"},
            "The batch size is measured in examples: compare it with the base.",
        ),
        "factor-returned": (
            {f"lr * {LINEAR}": f"1 * {LINEAR}", f"lr * {ROOT}": f"1 * {ROOT}"},
            "You return the factor: the rate is to be multiplied by it.",
        ),
        "rate-divided": (
            {f"lr * {LINEAR}": "lr / (batch_size / base_batch_size)\n"},
            "Your linear rule divides by the ratio: less noise allows a larger rate.",
        ),
    },
)

GRADIENT_NOISE_SCALE = """
def gradient_noise_scale(per_example_grads):
    if len(per_example_grads) < 2:
        raise ValueError("a variance needs two gradients at least")
    mean = per_example_grads.mean(axis=0)
    trace = np.sum(per_example_grads.var(axis=0, ddof=1))
    return trace / np.sum(mean**2)
"""
TRACE = "np.sum(per_example_grads.var(axis=0, ddof=1))"
SIGNAL = "np.sum(mean**2)"

NOISE_MISTAKES = mistakes(
    GRADIENT_NOISE_SCALE,
    {
        "biased-variance": (
            {", ddof=1": ""},
            "You divide by N: the mean is estimated from the same gradients, which"
            " costs one of them.",
        ),
        "norm-not-squared": (
            {SIGNAL: "np.sqrt(np.sum(mean**2))"},
            "You divide by the length of the mean gradient: noise and signal are both"
            " squares.",
        ),
        "inverted": (
            {f"trace / {SIGNAL}": f"{SIGNAL} / trace"},
            "You divide signal by noise: the scale is large where noise is.",
        ),
        "elementwise-ratio": (
            [
                {TRACE: "per_example_grads.var(axis=0, ddof=1)"}
                | {f"trace / {SIGNAL}": "np.sum(trace / mean**2)"},
                {TRACE: "per_example_grads.var(axis=0, ddof=1)"}
                | {f"trace / {SIGNAL}": "np.mean(trace / mean**2)"},
            ],
            "You divide parameter by parameter, then put together: it is one sum over"
            " another.",
        ),
        "mean-for-sum": (
            {TRACE: "np.mean(per_example_grads.var(axis=0, ddof=1))"},
            "You average the variances over the parameters: a trace is their sum.",
        ),
        "mean-square-signal": (
            {SIGNAL: "np.mean(mean**2)"},
            "You average the squared mean gradient over the parameters: a norm sums"
            " them.",
        ),
        "one-variance": (
            [
                {TRACE: "np.var(per_example_grads)"},
                {TRACE: "np.var(per_example_grads, ddof=1)"},
            ],
            "You take one variance of all numbers together: each parameter varies about"
            " its own mean.",
        ),
        "all-variance": (
            [
                {TRACE: "np.var(per_example_grads) * per_example_grads.shape[1]"},
                {
                    TRACE: "np.sum((per_example_grads - np.mean(per_example_grads))**2)"
                    " / (len(per_example_grads) - 1)"
                },
            ],
            "You measure the spread about one mean of all numbers: each parameter has a"
            " mean of its own.",
        ),
        "deviation-for-variance": (
            {".var(": ".std("},
            "You add up standard deviations: the trace is a sum of variances.",
        ),
        "wrong-axis": (
            {"per_example_grads.mean(axis=0)": "per_example_grads.mean(axis=1)"}
            | {".var(axis=0": ".var(axis=1"},
            "You average over the parameters of each example: the mean and the variance"
            " run over the examples.",
        ),
        "variance-over-parameters": (
            {".var(axis=0": ".var(axis=1"},
            "Your variance runs over the parameters of each example, as a covariance"
            " does by default that takes rows for variables: it runs over the examples,"
            " for each parameter.",
        ),
        "second-moment": (
            [
                {TRACE: "np.sum(per_example_grads**2) / (len(per_example_grads) - 1)"},
                {TRACE: "np.sum(per_example_grads**2) / len(per_example_grads)"},
            ],
            "You average squared gradients: noise is what is left after the mean has"
            " been subtracted.",
        ),
        "norm-of-each": (
            {SIGNAL: "np.mean(np.sum(per_example_grads**2, axis=1))"},
            "You average the squared norms of the gradients, noise included: the signal"
            " is the squared norm of their mean.",
        ),
        "whole-covariance": (
            {TRACE: "np.sum(np.cov(per_example_grads, rowvar=False))"},
            "You add up the whole covariance matrix: a trace is the sum of its"
            " diagonal.",
        ),
        "sum-for-mean": (
            {".mean(axis=0)": ".sum(axis=0)"},
            "You divide by the squared norm of the sum: the signal is the mean"
            " gradient.",
        ),
        "variance-of-mean": (
            {TRACE: f"{TRACE} / len(per_example_grads)"},
            "You divide by the number of gradients too: that is the noise of their"
            " mean, not of one.",
        ),
        "trace-returned": (
            {f"trace / {SIGNAL}": "trace"},
            "You return the noise alone: the scale compares it with the signal.",
        ),
        "root-of-scale": (
            {f"trace / {SIGNAL}": f"np.sqrt(trace / {SIGNAL})"},
            "You take the root of the ratio: the scale is a number of examples, and"
            " those go with the square.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="minibatches",
        points=6,
        reference=reference.minibatches,
        parts=("batches",),
        cases=minibatches_cases,
        misconceptions=MINIBATCHES_MISTAKES,
        where="chapter 06_batch_size, section Derivation, an epoch is a partition",
        equation="eq-batch-partition",
        whole=True,
    ),
    Exercise(
        name="batch_size_at",
        points=4,
        reference=reference.batch_size_at,
        parts=("size",),
        cases=growing_cases,
        misconceptions=GROWING_MISTAKES,
        where="chapter 06_batch_size, section Derivation, growing in steps",
        equation="eq-batch-growth",
        whole=True,
    ),
    Exercise(
        name="scaled_lr",
        points=4,
        reference=reference.scaled_lr,
        parts=("rate",),
        cases=scaling_cases,
        misconceptions=SCALING_MISTAKES,
        where="chapter 06_batch_size, section Derivation, two scaling rules",
        equation="eq-batch-linear",
    ),
    Exercise(
        name="gradient_noise_scale",
        points=6,
        reference=reference.gradient_noise_scale,
        parts=("scale",),
        cases=noise_cases,
        misconceptions=NOISE_MISTAKES,
        where="chapter 06_batch_size, section Derivation, the gradient noise scale",
        equation="eq-batch-noise-scale",
    ),
)

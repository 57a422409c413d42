"""Does Adam handle sparse gradients better? A table of word vectors, by rank of word.

Words are drawn by Zipf's law, so rare rows of the table hardly ever see a gradient.
AdaGrad was made for this. Tuning looks at all words as they occur.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autograder.reference.adam import adam_step
from autograder.reference.gradient_descent import sgd_step
from descentlab import problems
from experiments.lab import Experiment, Outcome, Settings, Sign, grid

STEPS, BATCH = 1000, 64
HIGHEST = {"sgd": 300.0, "adagrad": 10.0, "adam": 0.3}

Array = np.ndarray
Step = Callable[..., tuple[Array, Array, Array]]


def sgd(
    theta: Array, grad: Array, m: Array, v: Array, t: int, lr: float
) -> tuple[Array, Array, Array]:
    """Gradient descent; no state."""
    return sgd_step(theta, grad, lr), m, v


def adagrad(
    theta: Array, grad: Array, m: Array, v: Array, t: int, lr: float
) -> tuple[Array, Array, Array]:
    """AdaGrad (Duchi et al., 2011): ``v`` is the sum of all squares."""
    v = v + grad**2
    return theta - lr * grad / (np.sqrt(v) + 1e-8), m, v


RULES: Mapping[str, Step] = {"sgd": sgd, "adagrad": adagrad, "adam": adam_step}


def buckets(by_word: Array) -> Array:
    """Means over the words of rank 1, 2-3, 4-7, ..., 512-1000."""
    parts = np.split(by_word, 2 ** np.arange(1, 10) - 1)
    return np.array([part.mean() for part in parts])


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run, on a table of its own.

    Returns:
        Excess loss over the truth: the mean over words as they occur, ``all``; over the
        500 rarest of 1000, ``rare``; by rank, ``buckets``; and before training,
        ``untrained``, by rank.
    """
    model = problems.ZipfEmbedding(seed=seed)
    theta, m, v = model.theta0, np.zeros_like(model.theta0), np.zeros_like(model.theta0)
    steps = 200 if quick else STEPS
    for t, batch in enumerate(model.batches(steps, BATCH, seed), start=1):
        _, grad = model.loss_and_grad(theta, batch)
        theta, m, v = RULES[arm](theta, grad, m, v, t, lr=settings["lr"])
    excess = model.excess_loss(theta)
    return {
        "all": model.frequencies @ excess,
        "rare": excess[500:].mean(),
        "buckets": buckets(excess),
        "untrained": buckets(model.excess_loss(model.theta0)),
    }


EXPERIMENT = Experiment(
    question="Which optimizer learns rare words, whose gradients are sparse?",
    arms={
        arm: [{"lr": lr} for lr in grid(highest, 7)] for arm, highest in HIGHEST.items()
    },
    run=run,
    score="all",
    seeds=10,
    tuning_seeds=3,
    signs=[Sign("adam", "sgd", "all")],
)

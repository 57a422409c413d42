"""Is clipping essential for a recurrent network? The same rates with and without it.

A tanh network on the course's text, unrolled over 64 characters. Each arm is an
optimizer with one threshold, or with none, and tries the same number of rates.
"""

from __future__ import annotations

import math

import numpy as np

from descentlab import problems
from experiments.lab import Experiment, Outcome, Settings, Sign

STEPS = 400
LENGTH = 64
THRESHOLDS = {"": math.inf, "-5": 5.0, "-1": 1.0, "-0.25": 0.25}
RATES = {
    "sgd": [2.0, 3.0, 0.5, 1.0, 1.5, 4.0, 6.0],
    "adam": [0.01, 0.02, 0.001, 0.002, 0.005, 0.05, 0.1],
}
"""A reduced run takes the first two."""

Array = np.ndarray


def sgd(grad: Array, m: Array, v: Array, t: int) -> tuple[Array, Array, Array]:
    """The direction of gradient descent; no state."""
    return grad, m, v


def adam(grad: Array, m: Array, v: Array, t: int) -> tuple[Array, Array, Array]:
    """The direction of Adam with its defaults."""
    m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
    return m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run.

    Returns:
        ``final``, the loss on fresh windows after training; ``largest``, the largest
        norm of a gradient before clipping; ``clipped``, the share of clipped steps.
    """
    kind, _, _ = arm.partition("-")
    direction, max_norm = DIRECTIONS[kind], THRESHOLDS[arm.removeprefix(kind)]
    model = problems.CharRNN(hidden=64, seed=seed)
    theta, m, v = model.theta0, np.zeros_like(model.theta0), np.zeros_like(model.theta0)
    norms: list[float] = []
    batches = model.batches(40 if quick else STEPS, 16, LENGTH, seed)
    for t, batch in enumerate(batches, start=1):
        _, grad = model.loss_and_grad(theta, batch)
        norms.append(float(np.linalg.norm(grad)))
        if not math.isfinite(norms[-1]):
            break
        grad = grad * min(1.0, max_norm / norms[-1])
        move, m, v = direction(grad, m, v, t)
        theta = theta - settings["lr"] * move
    (fresh,) = model.batches(1, 128, LENGTH, 10_000 + seed)
    return {
        "final": model.loss(theta, fresh),
        "largest": max(norms),
        "clipped": float(np.mean(np.array(norms) > max_norm)),
    }


DIRECTIONS = {"sgd": sgd, "adam": adam}

EXPERIMENT = Experiment(
    question="Is clipping essential for training a recurrent network?",
    arms={
        f"{kind}{threshold}": [{"lr": rate} for rate in rates]
        for kind, rates in RATES.items()
        for threshold in THRESHOLDS
    },
    run=run,
    score="final",
    signs=[Sign("sgd-5", "sgd-0.25", "clipped")],
)

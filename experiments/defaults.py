"""Do Adam's defaults hold? The default rate against the best of seven, on four tasks.

The digits are trained twice, to see what a longer run changes. Momentum has as many
rates, and two arms try none: Adam at its default, and at one other rate for all tasks.
Results are judged on examples that neither training nor tuning has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder.reference.adam import adam_step
from autograder.reference.gradient_descent import momentum_step
from descentlab import problems
from experiments.lab import Experiment, Outcome, Settings, Sign, grid, judged_half

STEPS = {"digits": 400, "digits longer": 2000, "text": 200, "words": 600}
ARMS: Mapping[str, Sequence[Settings]] = {
    "adam": [{"lr": lr} for lr in grid(0.1, 7)],
    "momentum": [{"lr": lr} for lr in grid(3.0, 7)],
    "default": [{"lr": 0.001}],
    "shared": [{"lr": 0.01}],
}


def task(name: str, seed: int) -> tuple[Any, Any]:
    """A model, and the examples that its training is judged on."""
    if name.startswith("digits"):
        network = problems.DigitsMLP(seed=seed)
        return network, judged_half(network.held_out, seed)
    if name == "text":
        reader = problems.CharRNN(hidden=32, seed=seed)
        return reader, next(reader.batches(1, batch_size=256, seed=10_000 + seed))
    table = problems.ZipfEmbedding(seed=seed)
    return table, next(table.batches(1, batch_size=4096, seed=10_000 + seed))


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run; ``final`` is the loss after it on other examples."""
    name, _, kind = arm.partition(", ")
    model, fresh = task(name, seed)
    theta, m, v = model.theta0, np.zeros_like(model.theta0), np.zeros_like(model.theta0)
    steps = 60 if quick else STEPS[name]
    for t, batch in enumerate(model.batches(steps, seed=seed), start=1):
        _, grad = model.loss_and_grad(theta, batch)
        if kind == "momentum":
            theta, m = momentum_step(theta, grad, m, settings["lr"])
        else:
            theta, m, v = adam_step(theta, grad, m, v, t, settings["lr"])
    return {"final": model.loss(theta, fresh)}


EXPERIMENT = Experiment(
    question="How far is Adam at its default rate from Adam at the best of seven?",
    arms={f"{name}, {kind}": rates for name in STEPS for kind, rates in ARMS.items()},
    run=run,
    score="final",
    seeds=8,
    tuning_seeds=3,
    signs=[Sign("text, shared", "text, default", "final")],
)

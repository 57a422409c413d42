"""Schedules against a fixed rate: a convolutional network on MNIST-1D, with momentum.

Every schedule ends at the same step and starts from the rate that tuning chose for it;
the fixed rate is tuned on the same grid. Tuning and result are judged on different
halves of what is held out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from autograder.reference import schedules
from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, grid, judged_half

STEPS = 1000
RATES = [{"lr": lr} for lr in grid(1.0, 7, per_decade=4)]

Factor = Callable[[int, int], Any]
"""The factor on the rate at step t of a run of so many steps."""

FACTORS: Mapping[str, Factor] = {
    "fixed": lambda t, steps: 1.0,
    # He et al. (2016) lower the rate at a half and at three quarters of the run.
    "step": lambda t, steps: schedules.step_decay(t, 1.0, (steps // 2, steps * 3 // 4)),
    # To a hundredth at the end, where the steps are too.
    "exponential": lambda t, steps: schedules.exponential_decay(
        t, 1.0, math.log(100) / steps
    ),
    "cosine": lambda t, steps: schedules.cosine_annealing(t, steps, 1.0),
    # Four equal cycles: the rates of one cosine, each four times, in another order.
    "restarts": lambda t, steps: schedules.warm_restarts(t, steps // 4, 1.0),
}


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run, measured 20 times on the way."""
    steps = 80 if quick else STEPS
    task = models.signals(seed)
    task.held_out = judged_half(task.held_out, seed)
    made = models.optimizer("momentum", task.model.parameters(), settings)
    found = models.train(
        task,
        made,
        seed,
        steps,
        schedule=lambda t: float(FACTORS[arm](t, steps)),
        every=steps // 20,
    )
    return {**found, "error": 1 - found["accuracy"][-1], "final": found["loss"][-1]}


EXPERIMENT = Experiment(
    question=(
        "How much does a schedule add to the final accuracy of a network, over a fixed"
        " rate that was tuned as carefully?"
    ),
    arms=dict.fromkeys(FACTORS, RATES),
    run=run,
    score="error",
    seeds=10,
    signs=[Sign("cosine", "fixed", "final", margin=-0.2)],
)

"""What the three races of chapter 08 share: the arms, their settings, one run.

Every optimizer gets the same steps, the same batches, the same cosine schedule and as
many settings to choose from. Only learning rates are searched: for each optimizer seven
of them, a factor 10^(1/2) apart, around the values that are best for it on the three
tasks. Tuning and result are judged on different halves of what is held out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from experiments import models
from experiments.lab import Outcome, Settings, grid, judged_half

HIGHEST = {"sgd": 100.0, "momentum": 30.0, "rmsprop": 0.3, "adam": 0.3, "adamw": 0.3}
"""The highest rate of each optimizer's grid; three decades below it is the lowest."""

ARMS: Mapping[str, Sequence[Settings]] = {
    arm: [{"lr": lr} for lr in grid(highest, 7)] for arm, highest in HIGHEST.items()
}
TUNING_SEEDS, SEEDS = 3, 8


def cosine(steps: int) -> Callable[[int], float]:
    """Cosine annealing from 1 to 0, as a factor on the learning rate."""
    return lambda t: (1 + math.cos(math.pi * t / steps)) / 2


def race(
    task: models.Task, arm: str, settings: Settings, seed: int, steps: int, batch: int
) -> Outcome:
    """One run of one optimizer, measured 20 times on the way.

    Returns:
        Besides what ``models.train`` measures: ``final``, the held-out loss at the end,
        and ``cpu_seconds``, the whole run's time on one core.
    """
    task.held_out = judged_half(task.held_out, seed)
    made = models.optimizer(arm, task.model.parameters(), settings)
    start = time.process_time()
    found = models.train(
        task, made, seed, steps, batch, cosine(steps), every=max(steps // 20, 1)
    )
    seconds = time.process_time() - start
    return {**found, "final": found["loss"][-1], "cpu_seconds": seconds}

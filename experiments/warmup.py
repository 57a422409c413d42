"""Adam with and without warmup: a character transformer, each rate of a grid.

The transformer normalises after each of its parts, as the first one did, or before, as
most do since. The rate stays as it is after the warmup, so that nothing else differs.
Tuning and result are judged on different halves of what is held out.
"""

from __future__ import annotations

import numpy as np

from autograder.reference import schedules
from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, judged_half

STEPS = 200
WARMUP = 50
RATES = [{"lr": lr} for lr in (0.03, 0.01, 0.003, 0.001, 0.0003)]
ARMS = ("after, none", "after, warmup", "before, none", "before, warmup")
"""Where the norm stands, and whether there is a warmup."""


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run, measured every 20 steps."""
    place, start = arm.split(", ")
    steps, warm = (40, 20) if quick else (STEPS, WARMUP)
    task = models.text(seed, "transformer", norm_first=place == "before")
    task.held_out = judged_half(task.held_out, seed)
    made = models.optimizer("adam", task.model.parameters(), settings)
    first = warm if start == "warmup" else 0
    found = models.train(
        task,
        made,
        seed,
        steps,
        batch_size=32,
        schedule=lambda t: float(schedules.warmup(t, first, 1.0)),
        every=20,
    )
    # What diverged or stayed at the level of guessing counts as the worst loss.
    final = np.nan_to_num(found["loss"][-1], nan=10.0)
    return {**found, "final": float(final)}


EXPERIMENT = Experiment(
    question=(
        "Which rates can a small transformer be trained with, with and without warmup?"
    ),
    arms=dict.fromkeys(ARMS, RATES),
    run=run,
    score="final",
    tuning_seeds=3,
    signs=[Sign("before, none", "after, none", "final", margin=-0.2)],
)

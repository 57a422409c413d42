"""Lookahead around momentum and around Adam: is it more stable?

The rate stays constant, so that nothing else damps the noise. All arms search the same
number of rates; the table of what was tried shows how much each arm minds a wrong one.
Tuning and result are judged on different halves of what is held out.
"""

from __future__ import annotations

import numpy as np

from descentlab.scale import lookahead
from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, grid, judged_half
from solutions.lookahead import lookahead_sync

STEPS = 1200
K, ALPHA = 5, 0.5
RATES = {"momentum": 1.0, "adam": 0.1}
"""The highest rate of each inner optimizer; the others lie a factor 10^(1/4) apart.

A coarser grid would hide what Lookahead is to be told from: half the rate.
"""


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One run; ``wobble`` is how the held-out loss spreads over its last third."""
    steps = 120 if quick else STEPS
    task = models.signals(seed)
    inner, _, outer = arm.partition(" + ")
    task.held_out = judged_half(task.held_out, seed)
    made = models.optimizer(inner, task.model.parameters(), settings)
    if outer:
        made = lookahead(lookahead_sync, made, K, ALPHA)
    found = models.train(task, made, seed, steps, every=steps // 24)
    late = np.array(found["loss"][-8:])
    return {
        "loss": found["loss"],
        "final": float(np.mean(late)),
        "wobble": float(np.std(late)),
        "accuracy": found["accuracy"][-1],
    }


EXPERIMENT = Experiment(
    question="Does Lookahead make momentum and Adam more stable at a constant rate?",
    arms={
        arm: [{"lr": lr} for lr in grid(RATES[inner], 9, per_decade=4)]
        for inner in RATES
        for arm in (inner, f"{inner} + lookahead")
    },
    run=run,
    score="final",
    seeds=10,
    tuning_seeds=8,
    signs=[Sign("adam + lookahead", "adam", "wobble", margin=-0.2)],
)

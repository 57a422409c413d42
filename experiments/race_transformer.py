"""The race on a small transformer that guesses the next character."""

from __future__ import annotations

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign
from experiments.race import ARMS, SEEDS, TUNING_SEEDS, race

STEPS = 300


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run."""
    steps = 40 if quick else STEPS
    return race(models.text(seed, "transformer"), arm, settings, seed, steps, batch=16)


EXPERIMENT = Experiment(
    question=(
        "Which optimizer trains a two-layer character transformer"
        " best, after the same tuning?"
    ),
    arms=ARMS,
    run=run,
    score="final",
    seeds=SEEDS,
    tuning_seeds=TUNING_SEEDS,
    signs=[Sign("adam", "sgd", "final")],
)

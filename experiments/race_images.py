"""The race on signals: a convolutional network on MNIST-1D."""

from __future__ import annotations

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign
from experiments.race import ARMS, SEEDS, TUNING_SEEDS, race

STEPS = 1600


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run."""
    steps = 100 if quick else STEPS
    return race(models.signals(seed), arm, settings, seed, steps, batch=64)


EXPERIMENT = Experiment(
    question=(
        "Which optimizer trains a small convolutional network on MNIST-1D"
        " best, after the same tuning?"
    ),
    arms=ARMS,
    run=run,
    score="final",
    seeds=SEEDS,
    tuning_seeds=TUNING_SEEDS,
    signs=[Sign("adam", "sgd", "final")],
)

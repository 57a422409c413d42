"""The race on a recurrent network: an LSTM that guesses the next character."""

from __future__ import annotations

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign
from experiments.race import ARMS, SEEDS, TUNING_SEEDS, race

STEPS = 800


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run."""
    steps = 40 if quick else STEPS
    return race(models.text(seed, "lstm"), arm, settings, seed, steps, batch=32)


EXPERIMENT = Experiment(
    question="Which optimizer trains a character LSTM best, after the same tuning?",
    arms=ARMS,
    run=run,
    score="final",
    seeds=SEEDS,
    tuning_seeds=TUNING_SEEDS,
    signs=[Sign("adam", "sgd", "final")],
)

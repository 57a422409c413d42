"""Weight decay on the digits: 300 images, a fifth of the labels drawn at random."""

from __future__ import annotations

from experiments.decay import ARMS, STEPS, decayed
from experiments.lab import Experiment, Outcome, Settings


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run."""
    steps = 120 if quick else STEPS
    return decayed(arm, settings, seed, steps, examples=300, wrong=0.2)


EXPERIMENT = Experiment(
    question="Does weight decay help where a fifth of the labels are drawn at random?",
    arms=ARMS,
    run=run,
    score="error",
)

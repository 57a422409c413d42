"""Weight decay on the digits: 100 images with right labels."""

from __future__ import annotations

from experiments.decay import ARMS, STEPS, decayed
from experiments.lab import Experiment, Outcome, Settings


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run."""
    steps = 120 if quick else STEPS
    return decayed(arm, settings, seed, steps, examples=100, wrong=0.0)


EXPERIMENT = Experiment(
    question="Does weight decay help where a few labels are all that there is?",
    arms=ARMS,
    run=run,
    score="error",
)

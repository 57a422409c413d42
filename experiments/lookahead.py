"""Lookahead around momentum and around Adam: is it more stable?

The rate stays constant, so that nothing else damps the noise. All arms search the same
number of rates; the table of what was tried shows how much each arm minds a wrong one.
"""

from __future__ import annotations

import numpy as np
import torch

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign

STEPS = 1200
K, ALPHA = 5, 0.5
RATES = {"momentum": 1.0, "adam": 0.1}
"""The highest rate of each inner optimizer; the others lie a factor 10^(1/2) apart."""


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One run; ``wobble`` is how the held-out loss spreads over its last third."""
    steps = 120 if quick else STEPS
    task = models.signals(seed)
    inner, _, outer = arm.partition(" + ")
    made = models.optimizer(inner, task.model.parameters(), settings)
    if outer:
        _look_ahead(made)
    found = models.train(task, made, seed, steps, every=steps // 24)
    late = np.array(found["loss"][-8:])
    return {
        "loss": found["loss"],
        "final": float(np.mean(late)),
        "wobble": float(np.std(late)),
        "accuracy": found["accuracy"][-1],
    }


def _look_ahead(made: torch.optim.Optimizer) -> None:
    """Have an optimizer sync its weights after every K of its steps."""
    params = [p for group in made.param_groups for p in group["params"]]
    slow = [p.detach().clone() for p in params]
    done = 0

    def sync(*_: object) -> None:
        nonlocal done
        done += 1
        if done % K == 0:
            with torch.no_grad():
                for held, fast in zip(slow, params, strict=True):
                    fast.copy_(held.lerp_(fast, ALPHA))

    made.register_step_post_hook(sync)


EXPERIMENT = Experiment(
    question="Does Lookahead make momentum and Adam more stable at a constant rate?",
    arms={
        arm: [{"lr": float(f"{RATES[inner] * 10 ** (-k / 2):.3g}")} for k in range(7)]
        for inner in RATES
        for arm in (inner, f"{inner} + lookahead")
    },
    run=run,
    score="final",
    tuning_seeds=3,
    signs=[Sign("adam + lookahead", "adam", "wobble", margin=-0.2)],
)

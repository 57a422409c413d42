"""How many steps other optimizers need to get where tuned gradient descent gets.

Four tasks, one of them without noise, each with gradient descent and three "advanced"
optimizers at a constant rate. All are tuned alike, on the training loss averaged over
the whole run, which rewards who is early as well as who gets far. The chapter reads the
speed-up off the curves: the step at which another optimizer's training loss is first as
low as gradient descent's last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, grid


class Whole(models.Task):
    """A task whose every batch is all the training data: gradients without noise."""

    def batch(self, rng: np.random.Generator, size: int) -> models.Batch:
        """All examples, whatever size is asked for."""
        return self.train


def whole_digits(seed: int) -> Whole:
    """The digits, all 1437 training images at each step."""
    task = models.digits(seed)
    return Whole(task.model, task.train, task.held_out)


class Work(NamedTuple):
    """A task, the steps of a run, and the highest rate of gradient descent's grid."""

    make: Callable[[int], models.Task]
    steps: int
    highest: float


TASKS: Mapping[str, Work] = {
    "whole": Work(whole_digits, 600, 30.0),
    "digits": Work(models.digits, 600, 10.0),
    "signals": Work(models.residual, 400, 3.0),
    "text": Work(lambda seed: models.text(seed, length=16, hidden=32), 300, 100.0),
}
BELOW = {"sgd": 1.0, "momentum": 0.1, "rmsprop": 0.01, "adam": 0.01}
"""Where each optimizer's grid begins, as a share of gradient descent's highest rate."""

EVERY = 10
"""Steps from one measurement to the next: the resolution of the speed-up."""


def rates(task: str, optimizer: str) -> list[Settings]:
    """Seven rates a factor 10^(1/2) apart, three decades in all."""
    highest = TASKS[task].highest * BELOW[optimizer]
    return [{"lr": lr} for lr in grid(highest, 7)]


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One training run at a constant rate."""
    task, kind = arm.split()
    make, steps, _ = TASKS[task]
    work = make(seed)
    made = models.optimizer(kind, work.model.parameters(), settings)
    steps = 100 if quick else steps
    found = models.train(work, made, seed, steps, batch_size=64, every=EVERY)
    return {
        "step": found["step"],
        "train": found["train"],
        "mean": float(np.mean(found["train"])),
    }


EXPERIMENT = Experiment(
    question=(
        "How many times fewer steps than gradient descent do other optimizers need for"
        " the same training loss?"
    ),
    arms={f"{task} {kind}": rates(task, kind) for task in TASKS for kind in BELOW},
    run=run,
    score="mean",
    signs=[
        Sign("digits momentum", "digits sgd", "mean"),
        Sign("text adam", "text sgd", "mean"),
    ],
)

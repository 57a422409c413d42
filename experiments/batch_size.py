"""The order of batch sizes, and the batch size against the learning rate.

A convolutional network on MNIST-1D, trained by gradient descent with momentum. Every
arm sees each example 30 times and has the same nine learning rates to choose from;
the three phases of a run are equally long. Batches are a partition of the data, drawn
anew at each epoch. Tuning and result are judged on different halves of what is held
out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, grid, judged_half

EPOCHS = 30
PHASES: Mapping[str, Sequence[tuple[int, float]]] = {
    "small": [(32, 1.0), (32, 1.0), (32, 1.0)],
    "large": [(512, 1.0), (512, 1.0), (512, 1.0)],
    "batch raised": [(32, 1.0), (128, 1.0), (512, 1.0)],
    "rate lowered": [(32, 1.0), (32, 1 / 4), (32, 1 / 16)],
    "batch lowered": [(512, 1.0), (128, 1.0), (32, 1.0)],
    "large, rate lowered": [(512, 1.0), (512, 1 / 4), (512, 1 / 16)],
}
"""Batch size and factor on the rate, by arm and phase."""

RATES = [{"lr": lr} for lr in reversed(grid(1.0, 9, per_decade=4))]


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One run.

    Returns:
        Held-out ``loss`` and ``accuracy`` and ``train``, the loss on the training data,
        each after every third epoch, with the ``updates`` until then; ``final``, the
        held-out loss at the end, and ``fitted``, that on the training data.
    """
    epochs = 6 if quick else EPOCHS
    task, rng = models.signals(seed, channels=16), np.random.default_rng(seed)
    task.held_out = judged_half(task.held_out, seed)
    made = models.optimizer("momentum", task.model.parameters(), settings)
    rows, updates = [], 0
    for epoch in range(epochs):
        size, factor = PHASES[arm][3 * epoch // epochs]
        made.param_groups[0]["lr"] = settings["lr"] * factor
        for batch in partition(task, size, rng):
            made.zero_grad()
            task.loss(batch).backward()
            made.step()
            updates += 1
        if epoch % 3 == 2:
            rows.append((*measured(task), updates))
    loss, accuracy, train, counted = np.transpose(rows).tolist()
    found = {"loss": loss, "accuracy": accuracy, "train": train, "updates": counted}
    return {**found, "final": loss[-1], "fitted": train[-1], "right": accuracy[-1]}


def partition(
    task: models.Task, size: int, rng: np.random.Generator
) -> Iterator[models.Batch]:
    """One epoch's batches."""
    inputs, targets = task.train
    for drawn in torch.as_tensor(rng.permutation(len(inputs))).split(size):
        yield inputs[drawn], targets[drawn]


def measured(task: models.Task) -> tuple[float, float, float]:
    """Held-out loss and accuracy, and the loss on the training data."""
    held_out = task.evaluate()
    return held_out["loss"], held_out["accuracy"], task.evaluate(task.train)["loss"]


EXPERIMENT = Experiment(
    question="Does a batch that is raised do what a rate that is lowered does, and"
    " does the order of batch sizes matter?",
    arms=dict.fromkeys(PHASES, RATES),
    run=run,
    score="final",
    # Fewer would leave it to chance which rate is chosen, and how many runs diverge.
    seeds=10,
    tuning_seeds=5,
    signs=[Sign("batch raised", "large", "fitted")],
)

"""What the two experiments on weight decay share: the arms, the data, one run.

A network with one hidden layer learns the digits from so few images that it can learn
them by heart. Settings are chosen on 360 images, the results are measured on others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from experiments import models
from experiments.lab import FIRST_TUNING_SEED, Outcome, Settings, grid

STEPS = 1200
OPTIMIZERS = {
    "adam": "adam",
    "adam-l2": "adam",
    "adamw": "adamw",
    "momentum": "momentum",
    "momentum-l2": "momentum",
}
"""The optimizer of each arm; PyTorch's Adam takes weight_decay for an L2 penalty."""


def _pairs(rates: Sequence[float], decays: Sequence[float]) -> list[Settings]:
    return [{"lr": lr, "weight_decay": decay} for lr in rates for decay in decays]


ARMS: Mapping[str, Sequence[Settings]] = {
    "adam": _pairs(grid(0.01, 9, per_decade=4), [0.0]),
    "adam-l2": _pairs([0.001, 0.003, 0.0003], [0.01, 0.003, 0.03]),
    "adamw": _pairs([0.001, 0.003, 0.0003], [1.0, 0.3, 3.0]),
    "momentum": _pairs(grid(0.1, 9, per_decade=4), [0.0]),
    "momentum-l2": _pairs([0.01, 0.03, 0.003], [0.01, 0.003, 0.03]),
}
"""Without decay only the rate is searched, on a finer grid: nine settings each."""


def decayed(
    arm: str, settings: Settings, seed: int, steps: int, examples: int, wrong: float
) -> Outcome:
    """One training run, measured twelve times on the way.

    Args:
        examples: the number of training images, another draw for each seed.
        wrong: the share of them whose label is drawn at random.

    Returns:
        Besides what ``models.train`` measures: ``error``, the share of unseen images
        that are misread at the end; ``gap``, the unseen loss minus the training loss;
        ``norm``, the length of all weights together.
    """
    task = models.digits(seed, hidden=128)
    (x, y), tuned_on = task.train, task.held_out
    rng = np.random.default_rng(seed)
    order = torch.as_tensor(rng.permutation(len(x)))
    known, unseen = order[:examples], order[examples:]
    labels = y[known]
    drawn = torch.as_tensor(rng.random(examples) < wrong)
    labels[drawn] = torch.as_tensor(rng.integers(10, size=int(drawn.sum())))
    task.train, task.held_out = (x[known], labels), (x[unseen], y[unseen])
    if seed >= FIRST_TUNING_SEED:
        task.held_out = tuned_on
    made = models.optimizer(OPTIMIZERS[arm], task.model.parameters(), settings)
    found = models.train(task, made, seed, steps, 32, every=steps // 12)
    squares = [float(p.detach().square().sum()) for p in task.model.parameters()]
    last = {metric: values[-1] for metric, values in found.items()}
    fitted = task.evaluate(task.train)["loss"]
    return {
        **found,
        "error": 1 - last["accuracy"],
        "gap": last["loss"] - fitted,
        "norm": float(np.sqrt(np.sum(squares))),
    }

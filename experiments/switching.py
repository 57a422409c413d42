"""Begin with Adam and finish with SGD: the switch of SWATS, and switches of fixed time.

SWATS (Keskar and Socher, 2017) takes the rate of its SGD phase, and the time of the
switch, from Adam's own steps. Beside it stand a looser form of its test, arms that take
one decision or both out of its hands, and the two optimizers alone. Every arm has nine
settings and decays along the same cosine; SGD is SGD with momentum. Tuning and result
are judged on different halves of what is held out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector

from autograder.reference.lookahead import should_switch, swats_lr
from experiments import models
from experiments.lab import Experiment, Outcome, Settings, Sign, grid, judged_half
from experiments.race import cosine

STEPS = 1200
BETA1, BETA2 = 0.9, 0.999
TOLERANCE = 1e-9
"""The paper's, for the agreement of a step's rate with the average."""


@dataclass
class Watch:
    """What SWATS sees of Adam's steps."""

    t: int = 0
    gamma: float = float("nan")
    lam: float = 0.0

    def see(self, p: np.ndarray, grad: np.ndarray) -> None:
        """Count a step ``p`` that was made at gradient ``grad``."""
        self.t += 1
        self.gamma = swats_lr(p, grad)
        self.lam = BETA2 * self.lam + (1 - BETA2) * self.gamma

    def agrees(self, tolerance: float) -> bool:
        """Whether the newest rate is the average, but for so much."""
        return should_switch(self.gamma, self.lam, BETA2, self.t, tolerance)

    @property
    def lr(self) -> float:
        """The rate of the SGD phase, whose momentum makes a step ten times longer."""
        return (1 - BETA1) * self.lam / (1 - BETA2**self.t)


Rule = Callable[[Settings, Watch, float], float | None]
"""SGD's rate where an arm switches now, by its settings and the part of the run."""

RULES: Mapping[str, Rule] = {
    "adam": lambda s, watch, done: None,
    "swats": lambda s, watch, done: watch.lr if watch.agrees(TOLERANCE) else None,
    "swats, loose": lambda s, watch, done: watch.lr if watch.agrees(s["tol"]) else None,
    "swats, timed": lambda s, watch, done: watch.lr if done >= s["share"] else None,
    "half way": lambda s, watch, done: s["sgd_lr"] if done >= 0.5 else None,
}


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One run, measured 20 times on the way.

    Returns:
        Held-out ``loss`` along the run and ``final``, the last of it; ``accuracy`` and
        ``fitted``, the loss on the training data, at the end; ``switched``, the step of
        the switch, 0 where there was none; ``handed``, SGD's rate then.
    """
    steps = 100 if quick else STEPS
    task, rng = models.signals(seed), np.random.default_rng(seed)
    task.held_out = judged_half(task.held_out, seed)
    kind = "momentum" if arm == "momentum" else "adam"
    made = models.optimizer(kind, task.model.parameters(), settings)
    base, watch, switched, losses = settings["lr"], Watch(), 0, []
    for t in range(1, steps + 1):
        factor = cosine(steps)(t - 1)
        made.param_groups[0]["lr"] = base * factor
        p, grad = one_step(task, made, rng)
        if kind == "adam" and not switched:
            # Adam's step grows with its rate: this is the one before the schedule.
            watch.see(p / factor, grad)
            lr = RULES[arm](settings, watch, t / steps)
            if lr is not None and lr > 0:  # a negative one would climb
                made = models.optimizer("momentum", task.model.parameters(), {"lr": lr})
                base, switched = lr, t
        if t % (steps // 20) == 0:
            losses.append(task.evaluate()["loss"])
    return {
        "loss": losses,
        "final": losses[-1],
        "accuracy": task.evaluate()["accuracy"],
        "fitted": task.evaluate(task.train)["loss"],
        "switched": switched,
        "handed": base if switched else 0.0,
    }


def one_step(
    task: models.Task, made: torch.optim.Optimizer, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Make one step; how it moved the weights, and their gradient, as vectors."""
    params = list(task.model.parameters())
    before = parameters_to_vector(params).detach()
    made.zero_grad()
    task.loss(task.batch(rng, 64)).backward()
    made.step()
    moved = parameters_to_vector(params).detach() - before
    grad = parameters_to_vector([p.grad for p in params if p.grad is not None])
    return moved.numpy(), grad.numpy()


def pairs(name: str, values: Sequence[float]) -> list[Settings]:
    """Three of Adam's rates with three values of another setting."""
    return [{"lr": lr, name: value} for lr in grid(0.03, 3) for value in values]


ADAM = [{"lr": lr} for lr in grid(0.1, 9, per_decade=4)]

EXPERIMENT = Experiment(
    question="Does it pay to begin with Adam and to finish with SGD?",
    arms={
        "adam": ADAM,
        "momentum": [{"lr": lr} for lr in grid(1.0, 9, per_decade=4)],
        "swats": ADAM,
        "swats, loose": pairs("tol", (1e-4, 1e-3, 1e-2)),
        "swats, timed": pairs("share", (0.1, 0.25, 0.5)),
        "half way": pairs("sgd_lr", (0.3, 0.1, 0.03)),
    },
    run=run,
    score="final",
    seeds=10,
    signs=[Sign("adam", "swats, timed", "switched")],
)

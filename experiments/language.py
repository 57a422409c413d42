"""Does RMSprop serve a recurrent network on language, and is it for the reason given?

A tanh network guesses the next character. Beside gradient descent, momentum and RMSprop
runs a rule that separates two explanations: ``one gear`` follows the gradient's size
over time as RMSprop does, but has a single rate for all parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from autograder.reference.gradient_descent import momentum_step, sgd_step
from autograder.reference.rmsprop import rmsprop_step
from descentlab import problems
from experiments.lab import Experiment, Outcome, Settings, Sign, grid

STEPS = 300
LATE = 50
"""How many of the last steps a run is judged by."""

Array = np.ndarray


def sgd(theta: Array, grad: Array, state: Array, lr: float) -> tuple[Array, Array]:
    """Gradient descent, with a state that it leaves alone."""
    return sgd_step(theta, grad, lr), state


def one_gear(
    theta: Array, grad: Array, v: Array, lr: float, beta: float = 0.9, eps: float = 1e-8
) -> tuple[Array, Array]:
    """RMSprop with the mean square of all parameters in place of each one's own."""
    v = beta * v + (1 - beta) * np.mean(grad**2)
    return theta - lr * grad / np.sqrt(v + eps), v


STEPS_OF: Mapping[str, Callable[..., tuple[Array, Array]]] = {
    "sgd": sgd,
    "momentum": momentum_step,
    "one gear": one_gear,
    "rmsprop": rmsprop_step,
}
HIGHEST = {"sgd": 10.0, "momentum": 1.0, "one gear": 0.1, "rmsprop": 0.1}


def run(arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """One run.

    Returns:
        The training ``loss``, a mean over each ten steps, and ``late``, its mean over
        the last 50 steps.
    """
    model = problems.CharRNN(seed=seed)
    theta, state = model.theta0, np.zeros_like(model.theta0)
    losses = []
    for batch in model.batches(60 if quick else STEPS, seed=seed):
        loss, grad = model.loss_and_grad(theta, batch)
        theta, state = STEPS_OF[arm](theta, grad, state, lr=settings["lr"])
        losses.append(loss)
    shown = np.reshape(losses, (-1, 10)).mean(axis=1)
    return {"loss": shown, "late": np.mean(losses[-LATE:])}


EXPERIMENT = Experiment(
    question="Does RMSprop train a recurrent network on text faster than others do?",
    arms={
        arm: [{"lr": lr} for lr in grid(highest, 7)] for arm, highest in HIGHEST.items()
    },
    run=run,
    score="late",
    seeds=8,
    tuning_seeds=3,
    signs=[Sign("rmsprop", "one gear", "late")],
)

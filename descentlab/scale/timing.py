"""How long a step takes, of several optimizers that take turns."""

from __future__ import annotations

import copy
import html
import inspect
import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

Maker = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]

FORMS: dict[str, dict[str, bool]] = {
    "for-loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}
"""How PyTorch makes a step: tensor by tensor, operation by operation on all tensors, or
in one loop that was written by hand."""

WARM_UP = 3
"""Rounds that do not count: state is made there, and lines are compiled."""


class StepTimes(dict[str, float]):
    """Milliseconds of a step by optimizer, which a notebook shows as a table."""

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        rows = (f"{name:{width}}  {ms:8.3f} ms" for name, ms in self.items())
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td>"
            f'<td style="text-align: right">{ms:.3f}</td></tr>'
            for name, ms in self.items()
        )
        return (
            '<table class="table"><thead><tr><th>optimizer</th><th>ms a step</th></tr>'
            f"</thead><tbody>{rows}</tbody></table>"
        )


def forms(
    kind: Callable[..., torch.optim.Optimizer], **settings: Any
) -> dict[str, Maker]:
    """The forms that PyTorch has of an optimizer, as ``step_times`` takes them.

    Args:
        kind: such as ``torch.optim.Adam``.
        settings: what each is to be made with.

    Returns:
        What makes the for-loop, the ``foreach`` and, where there is one, the ``fused``
        form, by name.
    """
    known = inspect.signature(kind).parameters
    return {
        f"torch, {form}": partial(kind, **settings, **how)
        for form, how in FORMS.items()
        if known.keys() >= how.keys()
    }


def step_times(
    makers: Mapping[str, Maker], model: nn.Module, rounds: int = 25
) -> StepTimes:
    """Compare how long optimizers take for a step on a model.

    Each gets a copy of the model, and before each step gradients in new memory, as a
    backward pass makes them. All make a step in each round, in an order drawn anew, so
    that what else the machine does meets all alike.

    Args:
        makers: what makes each optimizer of parameters, by name:
            ``{"mine": optimizer(adam_step), **forms(torch.optim.Adam)}``.
        model: on any device; it stays as it is.
        rounds: of which the median counts, after a few that warm up.

    Returns:
        Milliseconds of a step by name, in the order of ``makers``: a dictionary that a
        notebook shows as a table.
    """
    trained = {name: Trained(model, make) for name, make in makers.items()}
    steps = {name: each.opt.step for name, each in trained.items()}
    seconds = take_turns(steps, rounds, lambda name: trained[name].renew_gradients())
    return StepTimes({name: 1e3 * float(np.median(s)) for name, s in seconds.items()})


def take_turns(
    ways: Mapping[str, Callable[[], Any]],
    rounds: int,
    prepare: Callable[[str], Any] = lambda name: None,
    warm_up: int = WARM_UP,
) -> dict[str, np.ndarray]:
    """Time several ways to do something, all of them in each round.

    Args:
        ways: what to call, by name.
        rounds: how many count.
        prepare: called with a way's name before it takes its turn, and not timed.
        warm_up: how many there are before those.

    Returns:
        For each name its seconds, shape ``(rounds,)``. What belongs to one round stands
        at one index, so ratios may be taken round by round.
    """
    order = list(ways)
    shuffle = random.Random(0).shuffle  # nobody's global generator moves
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(warm_up + rounds):
        shuffle(order)
        for name in order:
            prepare(name)
            begin = time.perf_counter()
            ways[name]()
            wait()
            seconds[name].append(time.perf_counter() - begin)
    return {name: np.array(spent[warm_up:]) for name, spent in seconds.items()}


def wait() -> None:
    """Until a GPU, where there is one, has done what it was told."""
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


class Trained:
    """A copy of a model, an optimizer of it, and some gradients."""

    def __init__(self, model: nn.Module, make: Maker) -> None:
        model = copy.deepcopy(model)
        generator = torch.Generator().manual_seed(0)
        self.gradients = {
            param: torch.randn(param.shape, generator=generator).to(param)
            for param in model.parameters()
            if param.requires_grad
        }
        self.renew_gradients()
        self.opt = make(model.parameters())

    def renew_gradients(self) -> None:
        """Give each parameter the same gradient again, in new memory."""
        for param, gradient in self.gradients.items():
            param.grad = gradient.detach().clone()

"""From one optimizer to another, by rules written in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch

from descentlab.scale.arrays import Tensor, as_array, wide
from descentlab.scale.wrapped import WrappedOptimizer

Second = Callable[[float], torch.optim.Optimizer]

SEEN = ("t", "lam", "lr", "switched")
"""What is saved of the watch over the first optimizer."""


class Switch(WrappedOptimizer):
    """One optimizer, and after the switch another; ``switch`` makes one.

    ``switched`` is the step after which it switched, ``lr`` the rate that it measured;
    both are None until then.
    """

    def __init__(
        self,
        first: torch.optim.Optimizer,
        second: Second,
        rate: Callable[..., Any],
        decide: Callable[..., Any],
        beta2: float,
        tol: float,
    ) -> None:
        self.second, self.rate, self.decide = second, rate, decide
        self.beta2, self.tol = beta2, tol
        self.t, self.lam = 0, 0.0
        self.lr: float | None = None
        self.switched: int | None = None
        super().__init__(first)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A step of the optimizer whose turn it is; before the switch it is watched.

        Returns:
            What the closure returned.
        """
        if self.switched is not None:
            return self.inner.step(closure)
        params = self._params()
        before = [param.detach().clone() for param in params]
        loss = self.inner.step(closure)
        self.t += 1
        moves, gradients = [], []
        for param, old in zip(params, before, strict=True):
            if param.grad is not None:
                moves.append(param - old)
                gradients.append(param.grad)
        if moves:
            self._watch(_vector(moves), _vector(gradients))
        return loss

    def _watch(self, move: Any, gradient: Any) -> None:
        """See a step and the gradient at which it was made, and switch if it is time.

        A step across the gradient says nothing of a rate, and one that went uphill on
        average none that SGD could use.
        """
        gamma = float(self.rate(move, gradient))
        if not np.isfinite(gamma):
            return
        self.lam = self.beta2 * self.lam + (1 - self.beta2) * gamma
        mean = self.lam / (1 - self.beta2**self.t)
        if mean > 0 and self.decide(gamma, self.lam, self.beta2, self.t, self.tol):
            self._hand_over(mean)

    def _hand_over(self, lr: float) -> None:
        made = self.second(lr)
        theirs = chain.from_iterable(group["params"] for group in made.param_groups)
        if set(theirs) != set(self._params()):
            raise ValueError(
                "the second optimizer must have the parameters of the first"
            )
        self.inner = made
        self._share()
        self.lr, self.switched = lr, self.t

    def state_dict(self) -> dict[str, Any]:
        """The state of the optimizer whose turn it is, and what was seen so far."""
        return self._saved("switch", {name: getattr(self, name) for name in SEEN})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            ValueError: where it is another optimizer's, or from before a switch that
                this one has made.
        """
        saved, seen = self._taken(state_dict, "switch")
        if self.switched is not None and seen["switched"] is None:
            raise ValueError(
                "this state is from before the switch, which was made here: make the"
                " optimizer anew and load it then"
            )
        if self.switched is None and seen["switched"] is not None:
            self._hand_over(seen["lr"])
        self.inner.load_state_dict(saved)
        self._share()
        for name in SEEN:
            setattr(self, name, seen[name])

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError(
            "an optimizer with a switch can't be copied, for the second is made for"
            " this model: copy the model, make a new one, and load its state_dict"
        )


def switch(
    first: torch.optim.Optimizer,
    second: Second,
    rate: Callable[..., Any],
    decide: Callable[..., Any],
    beta2: float = 0.999,
    tol: float = 1e-9,
) -> Switch:
    """Begin with one optimizer and finish with another, as SWATS does.

    The rules see all parameters as one vector, so NumPy runs them: from a GPU steps and
    gradients are copied to the CPU until the switch is made. A scheduler that goes on
    after it would overwrite the measured rate.

    Args:
        first: makes the steps at first, such as Adam.
        second: makes the other optimizer of the measured rate, such as ``lambda lr:
            torch.optim.SGD(net.parameters(), lr=0.1 * lr, momentum=0.9)``.
        rate: the rate that a step amounts to, ``swats_lr(p, grad)``.
        decide: whether to switch now, ``should_switch(gamma, lam, beta2, t, tol)``.
        beta2: of the running average of the rates.
        tol: how near to their average the newest rate has to come.

    Raises:
        ValueError: where ``beta2`` is not in [0, 1).

    Source: Keskar and Socher (2017), algorithm 1.
    """
    if not 0 <= beta2 < 1:
        raise ValueError(f"beta2 is a decay rate in [0, 1); got beta2={beta2}")
    return Switch(first, second, rate, decide, beta2, tol)


def _vector(tensors: Sequence[Tensor]) -> Any:
    """Tensors, one behind the other, as one NumPy vector."""
    return as_array(torch.cat([t.to(wide(t.dtype)).flatten() for t in tensors]))

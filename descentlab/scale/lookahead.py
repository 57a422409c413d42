"""Slow weights, by a rule written in NumPy, around any optimizer of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from descentlab.scale.arrays import Tensor, as_array, as_tensor, wide
from descentlab.scale.backend import COMPUTED, jobs
from descentlab.scale.rule import warn_at
from descentlab.scale.tracer import UnsupportedStep, record
from descentlab.scale.wrapped import WrappedOptimizer

KEPT = ("sync", "inner", "k", "alpha", "steps", "slow", "defaults", "param_groups")
"""What a copy takes along."""


class Lookahead(WrappedOptimizer):
    """Slow weights around another optimizer; ``lookahead`` makes one.

    Those of parameters that are added start where these are at the next step.
    """

    def __init__(
        self,
        sync: Callable[..., Any],
        inner: torch.optim.Optimizer,
        k: int,
        alpha: float,
    ) -> None:
        self.sync, self.k, self.alpha = sync, k, alpha
        self.steps = 0
        self.slow: dict[Tensor, Tensor] = {}
        self._told = False
        super().__init__(inner)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """A fast step of the inner optimizer; after every k-th, the slow one.

        Returns:
            What the closure returned.
        """
        for param in self._params():
            if param not in self.slow:
                self.slow[param] = param.detach().to(wide(param.dtype), copy=True)
        loss = self.inner.step(closure)
        self.steps += 1
        if self.steps % self.k == 0:
            kinds: dict[Any, list[Tensor]] = {}
            for param in self._params():
                kinds.setdefault((param.dtype, param.device), []).append(param)
            for params in kinds.values():
                self._synchronize(params)
        return loss

    def _synchronize(self, params: Sequence[Tensor]) -> None:
        """Move slow weights of one kind, and let the fast ones start from there."""
        slow = [self.slow[param] for param in params]
        device, dtype = params[0].device, COMPUTED[params[0].dtype]
        try:
            program, scalars = record(self._moved, dtype, inputs=2)
        except UnsupportedStep as reason:
            name = getattr(self.sync, "__name__", "the rule")
            if device.type != "cpu":
                message = f"{name} can't run on {device}: {reason}"
                raise UnsupportedStep(message) from None
            if not self._told:
                warn_at(self.sync, f"{name} runs as plain NumPy, slower: {reason}")
            self._told = True
            for param, old in zip(params, slow, strict=True):
                new = np.asarray(self._moved(as_array(old), as_array(param))[0])
                param.copy_(old.copy_(as_tensor(new, new.dtype)))
        else:
            names = "slow", "fast"
            for job, _ in jobs("lookahead_sync", names, [program], [[slow, params]]):
                job.run([scalars])
            torch.autograd.graph.increment_version(params)

    def _moved(self, slow: Any, fast: Any) -> dict[int, Any]:
        """The new slow weights, from which the fast ones go on."""
        new = self.sync(slow, fast, alpha=self.alpha)
        return {0: new, 1: new}

    def state_dict(self) -> dict[str, Any]:
        """The inner optimizer's state, with each parameter's slow weights in it."""
        saved = self._saved("lookahead", {"steps": self.steps})
        for number, param in enumerate(self._params()):
            if param in self.slow:
                kept = saved["state"].get(number, {})
                saved["state"][number] = {**kept, "slow": self.slow[param]}
        return saved

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            ValueError: where it is another optimizer's, or another model's.
        """
        saved, numbers = self._taken(state_dict, "lookahead")
        slow = {n: kept.get("slow") for n, kept in saved["state"].items()}
        rest = {
            number: {name: value for name, value in kept.items() if name != "slow"}
            for number, kept in saved["state"].items()
        }
        saved["state"] = {number: kept for number, kept in rest.items() if kept}
        self.inner.load_state_dict(saved)
        self._share()
        self.steps = numbers["steps"]
        self.slow = {
            param: kept.to(param.device, wide(param.dtype), copy=True)
            for number, param in enumerate(self._params())
            if (kept := slow.get(number)) is not None
        }

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in KEPT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "state": {}, "_told": False})
        self._share()


def lookahead(
    sync: Callable[..., Any],
    optimizer: torch.optim.Optimizer,
    k: int = 5,
    alpha: float = 0.5,
) -> Lookahead:
    """Put slow weights around an optimizer.

    Args:
        sync: the new slow weights, ``lookahead_sync(slow, fast, alpha)``, in NumPy.
        optimizer: makes the fast steps; its state is kept when the weights are synced.
        k: how many fast steps there are to a slow one.
        alpha: how far the slow weights move towards the fast ones.

    Raises:
        ValueError: where k is below 1.
    """
    if k < 1:
        raise ValueError(f"k counts fast steps, and must be 1 or more; got k={k}")
    return Lookahead(sync, optimizer, k, alpha)

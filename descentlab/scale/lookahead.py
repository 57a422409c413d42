"""Slow weights, by a rule written in NumPy, around any optimizer of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from descentlab.scale.around import Around
from descentlab.scale.buffers import HALF, Tensor, as_array, wide
from descentlab.scale.kernel import kernel
from descentlab.scale.rule import warn_at
from descentlab.scale.tape import Untapeable, record

KEPT = ("sync", "inner", "k", "alpha", "steps", "slow", "defaults", "param_groups")
"""What a copy takes along."""


class Lookahead(Around):
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
            for param in self._params():
                self._synchronize(param)
        return loss

    def _synchronize(self, param: Tensor) -> None:
        """Move a parameter's slow weights, and let the fast ones start from there."""
        slow = self.slow[param]
        dtype = str(slow.dtype).removeprefix("torch.")
        try:
            recipe, scalars = record(self._moved, dtype, inputs=2)
        except Untapeable as reason:
            name = getattr(self.sync, "__name__", "the rule")
            if param.device.type != "cpu":
                message = f"{name} can't run on {param.device}: {reason}"
                raise Untapeable(message) from None
            if not self._told:
                warn_at(self.sync, f"{name} runs as plain NumPy, slower: {reason}")
            self._told = True
            new = self._moved(as_array(slow), as_array(param))[0]
            slow.copy_(torch.as_tensor(new))
        else:
            half = frozenset({1} if param.dtype in HALF else ())
            made = kernel("lookahead_sync", recipe, ("slow", "fast"), half)
            made([slow, param.data], scalars)
        param.copy_(slow)

    def _moved(self, slow: Any, fast: Any) -> dict[int, Any]:
        """The slow weights that the rule gives, in their place."""
        return {0: self.sync(slow, fast, alpha=self.alpha)}

    def state_dict(self) -> dict[str, Any]:
        """The inner optimizer's state, the slow weights, and the steps made."""
        slow = [self.slow.get(param) for param in self._params()]
        return {"inner": self.inner.state_dict(), "slow": slow, "steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            ValueError: where it is another optimizer's, or another model's.
        """
        if not {"inner", "slow", "steps"} <= set(state_dict):
            raise ValueError("this state is not that of an optimizer with slow weights")
        self.inner.load_state_dict(state_dict["inner"])
        self._share()
        self.steps = state_dict["steps"]
        self.slow = {
            param: slow.to(param.device, wide(param.dtype), copy=True)
            for param, slow in zip(self._params(), state_dict["slow"], strict=True)
            if slow is not None
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

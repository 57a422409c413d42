"""An optimizer around another one of PyTorch's."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch

from descentlab.scale.arrays import Tensor


class WrappedOptimizer(torch.optim.Optimizer):
    """An optimizer that lets ``inner`` make the steps.

    Both have the same groups and the same state: a learning rate set for one is the
    other's.
    """

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})
        self._share()

    def _share(self) -> None:
        self.param_groups = self.inner.param_groups
        self.state = self.inner.state

    def _params(self) -> list[Tensor]:
        return list(chain.from_iterable(group["params"] for group in self.param_groups))

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, as the inner optimizer does."""
        self.inner.zero_grad(set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters to the inner optimizer."""
        if hasattr(self, "defaults") and self.param_groups is self.inner.param_groups:
            self.inner.add_param_group(param_group)
        else:
            super().add_param_group(param_group)

    # A state dict has PyTorch's form: what the wrapper keeps of a parameter stands
    # among the parameter's state, and its own numbers in the first group.

    def _saved(self, number: str, value: Any) -> dict[str, Any]:
        """The inner optimizer's state dict, with a value of the wrapper's own."""
        saved = self.inner.state_dict()
        saved["param_groups"][0][number] = value
        return saved

    def _taken(self, saved: dict[str, Any], name: str) -> tuple[dict[str, Any], Any]:
        """A copy of a state dict without the wrapper's own value, and that value.

        Raises:
            ValueError: where there is none, so that it is another optimizer's.
        """
        first, *others = saved.get("param_groups") or [{}]
        if name not in first:
            raise ValueError(f"this state is not that of an optimizer with a {name}")
        value = first[name]
        first = {key: kept for key, kept in first.items() if key != name}
        return {**saved, "param_groups": [first, *others]}, value

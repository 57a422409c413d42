"""An optimizer around another one of PyTorch's."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch

from descentlab.scale.buffers import Tensor


class Around(torch.optim.Optimizer):
    """An optimizer that lets ``inner`` make the steps.

    Both have the same groups: a learning rate set for one is the other's.
    """

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        super().__init__(inner.param_groups, {})
        self._share()

    def _share(self) -> None:
        self.param_groups = self.inner.param_groups

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

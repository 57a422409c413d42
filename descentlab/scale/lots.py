"""Which tensors go together in a step, and what is known of them from the step before.

Nothing of a tensor is taken for granted: at each step it is looked up again whether the
parameters, their state and the memory of both are what they were. Gradients are new at
each step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import is_
from typing import Any

import torch

Tensor = torch.Tensor
State = dict[str, Any]


class Lot:
    """Parameters of one group, dtype and device that have made as many steps.

    Args:
        group: whose hyper-parameters hold.
        params: the parameters; each has a gradient when a step is made.
        states: for each its ``{"t": steps made, name: tensor, ...}``.
        names: of the tensors in a state.
    """

    def __init__(
        self,
        group: Mapping[str, Any],
        params: Sequence[Tensor],
        states: Sequence[State],
        names: Sequence[str],
    ) -> None:
        self.group, self.params, self.states, self.names = group, params, states, names
        self.kept = [[state[name] for state in states] for name in names]
        self._tensors = [state[name] for state in states for name in names]
        self.device, self.dtype = params[0].device, params[0].dtype
        self._pointers = self._look()

    @property
    def t(self) -> int:
        """How many steps its parameters have made."""
        steps: int = self.states[0]["t"]
        return steps

    def arrays(self) -> list[list[Tensor]]:
        """The tensors of each input of a step: parameters, gradients, and the state.

        Raises:
            TypeError: where a gradient is sparse.
        """
        gradients: list[Any] = [param.grad for param in self.params]
        if any(gradient.layout is not torch.strided for gradient in gradients):
            raise TypeError(
                "a step takes dense gradients, got a sparse one: make the layer with"
                " sparse=False"
            )
        return [list(self.params), gradients, *self.kept]

    def _look(self) -> list[int]:
        return [
            *map(Tensor.data_ptr, self.params),
            *map(Tensor.data_ptr, self._tensors),
        ]

    def is_as_before(self, state: Mapping[Tensor, State]) -> bool:
        """Whether its state is the same, and lies with its parameters where it did."""
        t, tensors = self.t, iter(self._tensors)
        for param, kept in zip(self.params, self.states, strict=True):
            if state[param] is not kept or kept["t"] != t:
                return False
            for name in self.names:
                if kept[name] is not next(tensors):
                    return False
        return self._look() == self._pointers


class Lots(list[Lot]):
    """All lots of a step.

    Args:
        groups: of the optimizer.
        state: of the optimizer.
        names: of the tensors in a state.
        begin: fills in what is missing of a parameter's state.
    """

    def __init__(
        self,
        groups: Sequence[Mapping[str, Any]],
        state: Mapping[Tensor, State],
        names: Sequence[str],
        begin: Callable[[Tensor, State], None],
    ) -> None:
        self._groups, self._active = list(groups), active(groups)
        needed = {"t", *names}
        for group, params in zip(groups, self._active, strict=True):
            alike: dict[Any, tuple[list[Tensor], list[State]]] = {}
            for param in params:
                kept = state[param]
                if not kept.keys() >= needed:
                    begin(param, kept)
                some = alike.setdefault(
                    (param.dtype, param.device, kept["t"]), ([], [])
                )
                some[0].append(param)
                some[1].append(kept)
            self.extend(Lot(group, *some, names) for some in alike.values())

    def are_as_before(
        self, groups: Sequence[Mapping[str, Any]], state: Mapping[Tensor, State]
    ) -> bool:
        """Whether the same parameters have gradients, and their lots are unchanged."""
        now = active(groups)
        try:
            return (
                list(map(len, now)) == list(map(len, self._active))
                and all(map(is_, groups, self._groups))
                and all(map(is_, chain(*now), chain(*self._active)))
                and all(lot.is_as_before(state) for lot in self)
            )
        except KeyError:  # somebody has taken something out of the state
            return False


def active(groups: Sequence[Mapping[str, Any]]) -> list[list[Tensor]]:
    """The parameters of each group that have gradients."""
    return [[p for p in group["params"] if p.grad is not None] for group in groups]

"""A tape, run by NumPy: the quickest way where there are few elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from descentlab.scale.tape import Recipe

NO_UFUNC: dict[str, Callable[..., Any]] = {
    "where": np.where,
    "zeros": np.zeros_like,
    "inverse_root": lambda x: 1 / np.sqrt(x),
    "cube": lambda x: x * x * x,
    "float32": lambda x: x.astype(np.float32),
    "float64": lambda x: x.astype(np.float64),
    "bool": lambda x: x.astype(bool),
}
"""The operations of a tape that are not called as a ufunc of NumPy's."""


class Replay:
    """The operations of a recipe, one after the other, on arrays of one shape.

    An operation of PyTorch's on a few elements takes about three times as long.
    """

    def __init__(self, recipe: Recipe, needed: Sequence[int]) -> None:
        self._results = recipe.results
        self._inputs: list[tuple[int, int]] = []
        self._scalars: list[tuple[int, int, Callable[[Any], Any]]] = []
        self._operations: list[tuple[int, Callable[..., Any], tuple[int, ...]]] = []
        self._blank: list[Any] = [None] * len(recipe.nodes)
        for node in needed:
            name, operands, dtype = recipe.nodes[node]
            if name == "input":
                self._inputs.append((node, operands[0]))
            elif name == "scalar":
                # Python's numbers: the operation has the dtype of the array beside.
                kind = bool if dtype == "bool" else float
                self._scalars.append((node, operands[0], kind))
            else:
                function = NO_UFUNC.get(name) or getattr(np, name)
                self._operations.append((node, function, operands))

    def __call__(self, arrays: Sequence[np.ndarray], scalars: Sequence[Any]) -> None:
        """Change the arrays; all results are there before the first change."""
        values = self._blank.copy()
        for node, place in self._inputs:
            values[node] = arrays[place]
        for node, place, kind in self._scalars:
            values[node] = kind(scalars[place])
        # What lies between two parameters is nobody's, and may divide by zero.
        with np.errstate(all="ignore"):
            for node, function, operands in self._operations:
                values[node] = function(*[values[operand] for operand in operands])
            for place, node in self._results:
                np.copyto(arrays[place], values[node], casting="same_kind")

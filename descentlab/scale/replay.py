"""A tape as a function of NumPy: the quickest way where there are few elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from descentlab.scale.generated import function_from
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

BLOCK = 65_536
"""Bytes of an array at a time: what lies between two operations stays in the cache, and
is so little that its memory need not be asked of the system each time."""

Replay = Callable[[Sequence[np.ndarray], Sequence[Any]], None]
"""Changes arrays in place, by means of the scalars of this step."""


def replay(recipe: Recipe, needed: Sequence[int]) -> Replay:
    """The operations of a recipe, one after the other, as a function of NumPy.

    An operation of PyTorch's on a few elements takes about three times as long.

    Args:
        recipe: what to do.
        needed: the nodes that a result follows from, in order.

    Returns:
        A function of arrays of one shape; all results are there before the first
        change.
    """
    space: dict[str, Any] = {"copyto": np.copyto}
    lines = []
    for node in needed:
        name, operands, dtype = recipe.nodes[node]
        if name == "input":
            value = f"arrays[{operands[0]}]"
        elif name == "scalar":
            # Python's numbers: the operation has the dtype of the array beside.
            kind = "bool" if dtype == "bool" else "float"
            value = f"{kind}(scalars[{operands[0]}])"
        else:
            space[name] = NO_UFUNC.get(name) or getattr(np, name)
            value = f"{name}({', '.join(f'x{operand}' for operand in operands)})"
        lines.append(f"x{node} = {value}")
    lines += [
        f"copyto(arrays[{place}], x{node}, 'same_kind')"
        for place, node in recipe.results
    ]
    head = "def operations(arrays, scalars):"
    source = "\n    ".join([head, *(lines or ["pass"])]) + "\n"
    operations: Replay = function_from("operations", source, **space)

    # What lies between two parameters is nobody's, and may divide by zero.
    @np.errstate(all="ignore")
    def replayed(arrays: Sequence[np.ndarray], scalars: Sequence[Any]) -> None:
        first = arrays[0]
        if first.nbytes <= BLOCK or first.ndim != 1:
            operations(arrays, scalars)
            return
        step = BLOCK // first.itemsize
        for start in range(0, first.size, step):
            block = slice(start, start + step)
            operations([array[block] for array in arrays], scalars)

    return replayed

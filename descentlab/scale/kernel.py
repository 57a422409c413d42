"""A tape as a function on tensors: its lines in PyTorch, one compiled loop over them.

Few elements on the CPU are NumPy's business.
"""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from descentlab.scale.buffers import in_numpy
from descentlab.scale.generated import function_from
from descentlab.scale.loop import Loop, in_line, loop
from descentlab.scale.operations import ATOM, FORMS
from descentlab.scale.replay import replay
from descentlab.scale.tape import Recipe

COMPILE_FROM = 131_072
"""Elements from which on compiling pays.

Below, the operations one by one take a fraction of a millisecond, and nobody waits for
the compiler.
"""

WIDTH = 70
"""Characters from which on an expression becomes a line of its own."""

Text = tuple[str, int]
"""An expression, and how tightly it binds."""


def lines(
    recipe: Recipe,
    names: Sequence[str],
    half: frozenset[int],
    scalar: Callable[[int, str], Text],
) -> list[str]:
    """A recipe as lines of PyTorch that change its arrays in place.

    First come all results, then all changes: no result sees another's change.

    Args:
        recipe: what to do.
        names: what the inputs are called.
        half: the places of inputs in bfloat16 or float16: they are computed in float32.
        scalar: the expression for the scalar at a place, in a dtype.
    """
    uses = _uses(recipe)
    results = {node: f"{names[place]}_new" for place, node in recipe.results}
    text: list[str] = []
    known: dict[int, Text] = {}
    taken = set(names)
    for node in sorted(uses):
        operation, operands, dtype = recipe.nodes[node]
        wide = operation == "input" and operands[0] in half
        if operation == "scalar":
            known[node] = scalar(operands[0], dtype)
        elif operation == "input" and not wide:
            known[node] = names[operands[0]], ATOM
        else:
            expression, rank = (
                (f"{names[operands[0]]}.float()", ATOM)
                if wide
                else _expression(operation, [known[operand] for operand in operands])
            )
            known[node] = expression, rank
            if node in results or uses[node] > 1 or len(expression) > WIDTH:
                name = _unused(results.get(node, f"x{len(text)}"), taken)
                text.append(f"{name} = {expression}")
                known[node] = name, ATOM
    changes = [
        f"{names[place]}.copy_({known[node][0]})" for place, node in recipe.results
    ]
    return text + changes


def _uses(recipe: Recipe) -> Counter[int]:
    """How often each node stands in the text; only those that a result follows from."""
    uses = Counter(node for _, node in recipe.results)
    for node in range(len(recipe.nodes) - 1, -1, -1):
        operation, operands, _ = recipe.nodes[node]
        if uses[node] and operation not in ("input", "scalar"):
            for place, operand in enumerate(operands):
                uses[operand] += FORMS[operation].template.count(f"{{{place}}}")
    return +uses


def _expression(operation: str, operands: Sequence[Text]) -> Text:
    form = FORMS[operation]
    shown = [
        text if rank >= needed else f"({text})"
        for (text, rank), needed in zip(operands, form.needs, strict=True)
    ]
    return form.template.format(*shown), form.rank


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


class Kernel:
    """The function that runs a recipe in place on tensors, in one compiled loop."""

    def __init__(
        self, name: str, recipe: Recipe, names: tuple[str, ...], half: frozenset[int]
    ) -> None:
        dtypes = {dtype for name, _, dtype in recipe.nodes if name == "scalar"}
        self._dtype = "float64" if "float64" in dtypes else "float32"
        # The argument that holds the scalars must not be called as one of the arrays.
        self._scalars = _unused("scalars", set(names))
        body = lines(recipe, names, half, self._scalar) or ["pass"]
        head = f"def {name}({', '.join(names)}, {self._scalars}):"
        self.source = "\n    ".join([head, *body]) + "\n"
        self._plain = function_from(name, self.source, torch=torch)
        self._loops: dict[tuple[torch.dtype, ...], Loop | None] = {}
        self._spare: list[tuple[np.ndarray, torch.Tensor]] = []
        # NumPy does not know numbers of half the bits.
        self._replay = None if half else replay(recipe, sorted(_uses(recipe)))

    @functools.cached_property
    def _compiled(self) -> Callable[..., None]:
        # Dynamic: one loop for any number of elements.
        compiled: Callable[..., None] = torch.compile(
            self._plain, fullgraph=True, dynamic=True
        )
        return compiled

    def _run_compiled(
        self, arrays: Sequence[torch.Tensor], numbers: torch.Tensor
    ) -> None:
        """In one compiled loop, called the short way where there is one."""
        flat = in_line(arrays)
        if flat is not None and (short := self._loop(arrays, numbers)) is not None:
            short([*flat, numbers])
        else:
            with torch.no_grad():  # what torch.compile makes would differ without
                self._compiled(*arrays, numbers)

    def _loop(
        self, arrays: Sequence[torch.Tensor], numbers: torch.Tensor
    ) -> Loop | None:
        dtypes = tuple([array.dtype for array in arrays])
        if dtypes not in self._loops:
            self._loops[dtypes] = loop(self._plain, dtypes, numbers)
        return self._loops[dtypes]

    def _scalar(self, place: int, dtype: str) -> Text:
        text = f"{self._scalars}[{place}]"
        if dtype == self._dtype:
            return text, ATOM
        return f"{text}.to(torch.{dtype})", ATOM

    def __call__(
        self,
        arrays: Sequence[torch.Tensor],
        scalars: Sequence[Any],
        seen: Callable[[Sequence[torch.Tensor]], list[np.ndarray]] = in_numpy,
    ) -> None:
        """Run it on tensors of equal shape, and the same order in memory.

        Args:
            arrays: what it reads and changes.
            scalars: those of this step.
            seen: the tensors as NumPy sees them, for whoever keeps that.
        """
        first = arrays[0]
        if first.numel() < COMPILE_FROM and first.device.type == "cpu" and self._replay:
            self._replay(seen(arrays), scalars)
            return
        # Memory that is there already takes a fifth of the time of torch.tensor. It is
        # nobody else's while the step runs: other threads may be in here, too.
        room, numbers = self._spare.pop() if self._spare else self._room(len(scalars))
        room[:] = scalars
        self._run(arrays, numbers)
        self._spare.append((room, numbers))

    def _room(self, count: int) -> tuple[np.ndarray, torch.Tensor]:
        """Memory for so many scalars, as NumPy and as PyTorch see it."""
        room = np.empty(count, self._dtype)
        return room, torch.from_numpy(room)

    def _run(self, arrays: Sequence[torch.Tensor], numbers: torch.Tensor) -> None:
        """In a compiled loop if that pays and works, else line by line."""
        first = arrays[0]
        if first.device.type != "cpu":
            numbers = numbers.to(first.device)
        if Compiler.works and first.numel() >= COMPILE_FROM:
            try:
                self._run_compiled(arrays, numbers)
                return
            # Whatever keeps PyTorch from compiling does so before the loop runs.
            except Exception as error:
                Compiler.give_up(error)
        self._plain(*arrays, numbers.unbind())


class Compiler:
    """Whether this machine can compile; found out by the first attempt."""

    works = True

    @classmethod
    def give_up(cls, error: Exception) -> None:
        """Compile no more, and say in one line how to get the speed."""
        cls.works = False
        reason = str(error).strip().partition("\n")[0]
        warnings.warn(
            "optimizer steps run several times slower than they could: PyTorch can't"
            " compile them here. It needs a C++ compiler: sudo apt install g++ on"
            " Linux, xcode-select --install on macOS, the Build Tools of Visual Studio"
            f" on Windows. (It said: {reason})",
            stacklevel=2,
        )


@functools.cache
def kernel(
    name: str, recipe: Recipe, names: tuple[str, ...], half: frozenset[int]
) -> Kernel:
    """The kernel of a recipe, the same one for the same recipe."""
    return Kernel(name, recipe, names, half)

"""A program in PyTorch, over lists of tensors: on a GPU, and where Numba is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from descentlab.scale.operations import in_pytorch
from descentlab.scale.tracer import Program

Tensor = torch.Tensor
Lists = Sequence[Sequence[Tensor]]

FOREACH: dict[str, Callable[..., Any]] = {
    "add": torch._foreach_add,
    "subtract": torch._foreach_sub,
    "multiply": torch._foreach_mul,
    "divide": torch._foreach_div,
    "maximum": torch._foreach_maximum,
    "minimum": torch._foreach_minimum,
    "sqrt": torch._foreach_sqrt,
    "negative": torch._foreach_neg,
}
"""What PyTorch can do with a whole list; its compiler makes one kernel of many tensors
of such calls."""


def is_capturing(device: torch.device) -> bool:
    """Whether a CUDA graph is being recorded: nothing can be compiled then."""
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


class ListKernel:
    """A program over lists of tensors, compiled where that pays and works."""

    def __init__(self, program: Program, compiles: bool = True) -> None:
        self.program = program
        self._run: Callable[[Lists, Sequence[Tensor]], None] = self._plain
        self._compiles = compiles
        if compiles:
            self._run = torch.compile(self._plain, fullgraph=True)

    def __call__(
        self,
        arrays: Lists,
        counts: Sequence[int],
        scalars: Sequence[Sequence[Any]],
        table: None = None,
    ) -> None:
        """Run it in place; the arguments are those of a ``Loop``."""
        begin = 0
        for count, numbers in zip(counts, scalars, strict=True):
            lot = [list(tensors[begin : begin + count]) for tensors in arrays]
            begin += count
            self._call(lot, self._filled(numbers, lot[0][0].device))

    def _filled(self, numbers: Sequence[Any], device: torch.device) -> list[Tensor]:
        """Scalars on the device. Filling waits for nothing, a copy might."""
        kept = {
            operands[0]: getattr(torch, dtype)
            for operation, operands, dtype in self.program.nodes
            if operation == "scalar"
        }
        return [
            torch.full((), number, dtype=kept[place], device=device)
            for place, number in enumerate(numbers)
        ]

    def _call(self, lot: Lists, numbers: Sequence[Tensor]) -> None:
        if self._compiles and not is_capturing(lot[0][0].device):
            try:
                self._run(lot, numbers)
                return
            # Whatever keeps PyTorch from compiling does so before anything runs.
            except Exception as error:
                self._compiles = False
                reason = str(error).strip().partition("\n")[0]
                warnings.warn(
                    "this step runs operation by operation, several times slower than"
                    f" it could: PyTorch cannot compile it here ({reason})",
                    stacklevel=2,
                )
        self._plain(lot, numbers)

    def _plain(self, arrays: Lists, numbers: Sequence[Tensor]) -> None:
        """Operation by operation: first all results, then all changes."""
        program, count = self.program, len(arrays[0])
        values: list[Sequence[Tensor]] = []
        for operation, operands, dtype in program.nodes:
            if operation == "input":
                kind = getattr(torch, dtype)
                values.append([tensor.to(kind) for tensor in arrays[operands[0]]])
            elif operation == "scalar":
                values.append([numbers[operands[0]]] * count)
            else:
                given = [values[operand] for operand in operands]
                whole = FOREACH.get(operation)
                single = in_pytorch(operation)
                values.append(
                    whole(*given)
                    if whole
                    else [single(*each) for each in zip(*given, strict=True)]
                )
        inputs = len(arrays)
        new = {
            # An input in the place of another: the other may be written first.
            place: [v.clone() for v in values[node]] if node < inputs else values[node]
            for place, node in program.results
        }
        for place, results in new.items():
            for tensor, result in zip(arrays[place], results, strict=True):
                tensor.copy_(result)

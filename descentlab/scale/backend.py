"""Where a recorded step runs: the one place that chooses."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import chain
from typing import Any

import torch

from descentlab.scale.lists import ListKernel
from descentlab.scale.tracer import Program

STORED: Mapping[torch.dtype, str] = {}
if find_spec("numba"):
    from descentlab.scale.loop import STORED, Loop

Kernel = Any
"""A ``Loop`` or a ``ListKernel``."""

Tensor = torch.Tensor
Arrays = Sequence[Sequence[Tensor]]
"""For each input of a program its tensors, one of each parameter."""

COMPUTED = {torch.float64: "float64"} | dict.fromkeys(
    (torch.float32, torch.bfloat16, torch.float16), "float32"
)
"""The dtype in which a step on parameters of a dtype computes, by NumPy's name."""

COMPILES = {"cuda", "xpu"}
"""The kinds of devices for which PyTorch's compiler is asked."""


class Job:
    """A kernel and the tensors that it works on.

    Args:
        name: of the step.
        names: of the program's inputs; the second one is the gradient.
        program: what is done.
        lots: for each lot and each input its tensors, all on one device.

    Raises:
        ValueError: where a gradient or a state has another shape than its parameter.
    """

    def __init__(
        self,
        name: str,
        names: tuple[str, ...],
        program: Program,
        lots: Sequence[Arrays],
    ) -> None:
        self._counts = [len(arrays[0]) for arrays in lots]
        arrays: list[list[Tensor]] = [
            list(chain.from_iterable(tensors)) for tensors in zip(*lots, strict=True)
        ]
        device = arrays[0][0].device.type
        self._copies: list[tuple[Tensor, Tensor]] = []
        self._is_ready = _ready(arrays, device)
        if not self._is_ready:
            arrays, self._copies = _brought_together(arrays, program)
        dtypes = tuple([tensors[0].dtype for tensors in arrays])
        self._kernel = _kernel(name, program, names, dtypes, device)
        self._arrays, self._gradients = arrays, dtypes[1]
        self._shapes = [param.shape for param in arrays[0]]
        self._table: Any = None

    def run(self, scalars: Sequence[Sequence[Any]]) -> None:
        """Run it, with the scalars of each lot; no gradient or copy is kept."""
        self._table = self._kernel(self._arrays, self._counts, scalars, self._table)
        for tensor, copy in self._copies:
            tensor.copy_(copy)
        self._copies.clear()
        if self._is_ready:
            self._arrays[1] = []
        else:
            self._arrays.clear()

    def goes_on(self) -> bool:
        """Take the parameters' new gradients; False where they do not fit as before.

        All other tensors must be where they were.
        """
        if not self._is_ready:
            return False
        params = self._arrays[0]
        gradients: list[Any] = [param.grad for param in params]
        self._arrays[1] = gradients
        return isinstance(self._kernel, ListKernel) or (
            [param.shape for param in params] == self._shapes
            and _stored(gradients) == self._gradients
            and _in_line(gradients, self._shapes)
        )


def jobs(
    name: str,
    names: tuple[str, ...],
    programs: Sequence[Program],
    lots: Sequence[Arrays],
) -> list[tuple[Job, list[int]]]:
    """What has to be done for some lots, each kernel once for all that it can do.

    Args:
        name, names: as a ``Job`` takes them.
        programs: that of each lot.
        lots: for each lot and each input its tensors.

    Returns:
        Pairs of a job and the places of its lots.
    """
    alike: dict[Any, list[int]] = {}
    for place, (program, arrays) in enumerate(zip(programs, lots, strict=True)):
        first = arrays[0][0]
        key = id(program), first.dtype, first.device
        alike.setdefault(key, []).append(place)
    return [
        (Job(name, names, programs[some[0]], [lots[place] for place in some]), some)
        for some in alike.values()
    ]


@functools.cache
def _kernel(
    name: str,
    program: Program,
    names: tuple[str, ...],
    dtypes: tuple[torch.dtype, ...],
    device: str,
) -> Kernel:
    """The kernel of a program: the same one for the same program.

    Args:
        name: of the step.
        program: what to do.
        names: of its inputs.
        dtypes: in which the inputs lie in memory.
        device: the kind of device, such as ``"cpu"`` or ``"cuda"``.
    """
    if device != "cpu":
        return ListKernel(program, compiles=device in COMPILES)
    try:
        return Loop(name, program, names, [STORED[dtype] for dtype in dtypes])
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        if not STORED:
            reason = "Numba is not installed (pip install numba)"
        warnings.warn(
            f"{name} runs operation by operation in PyTorch, several times slower than"
            f" it could: {reason}",
            stacklevel=2,
        )
        return ListKernel(program, compiles=False)


def _ready(arrays: Arrays, device: str) -> bool:
    """Whether a kernel can work on these tensors where they lie.

    A loop takes those of one parameter if they have one shape and one order in memory,
    without gaps, and those of one input if they have one dtype.
    """
    if device != "cpu" or not STORED:
        return True
    shapes = [tensor.shape for tensor in arrays[0]]
    return all(_stored(tensors) and _in_line(tensors, shapes) for tensors in arrays)


def _in_line(tensors: Sequence[Tensor], shapes: list[torch.Size]) -> bool:
    """Whether they have these shapes and lie in memory in the order of their axes."""
    return all(map(Tensor.is_contiguous, tensors)) and (
        [tensor.shape for tensor in tensors] == shapes
    )


def _stored(tensors: Sequence[Tensor]) -> torch.dtype | None:
    """The dtype that a loop reads and writes for all of these, if there is one."""
    dtype, *others = {tensor.dtype for tensor in tensors}
    return dtype if dtype in STORED and not others else None


def _brought_together(
    arrays: Arrays, program: Program
) -> tuple[list[list[Tensor]], list[tuple[Tensor, Tensor]]]:
    """Tensors on which a loop can work, and what has to be copied back afterwards.

    Returns:
        The tensors, some of them copies; and pairs of a tensor that changes and its
        copy.
    """
    computed = getattr(torch, program.dtype(0))
    changed = {place for place, _ in program.results}
    dtypes = [_stored(tensors) or computed for tensors in arrays]
    fitting: list[list[Tensor]] = [[] for _ in arrays]
    copies = []
    for theta, *others in zip(*arrays, strict=True):
        # It has theta's strides if theta has no gaps and no overlaps, others if not.
        layout = torch.empty_like(theta)
        for place, tensor in enumerate((theta, *others)):
            if tensor.shape != theta.shape:
                raise ValueError(
                    f"a gradient or a state has the shape {tuple(tensor.shape)} for a"
                    f" parameter of shape {tuple(theta.shape)}"
                )
            fit = tensor
            if tensor.dtype != dtypes[place] or tensor.stride() != layout.stride():
                fit = torch.empty_like(layout, dtype=dtypes[place]).copy_(tensor)
                if place in changed:
                    copies.append((tensor, fit))
            fitting[place].append(fit)
    return fitting, copies

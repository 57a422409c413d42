"""The arrays of many parameters, each kind in one buffer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any

import numpy as np
import torch
from torch.utils.dlpack import from_dlpack

Tensor = torch.Tensor
State = dict[str, Any]

LINE = 64
"""Bytes of a cache line; a vector that begins with one lies in no second."""

ALIGNED = 32
"""Each parameter begins at a multiple of so many elements: a cache line at least."""

HALF = frozenset({torch.bfloat16, torch.float16})
"""What NumPy's arithmetic knows badly or not at all: computed in float32."""


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which a step on such parameters computes and keeps its state."""
    return torch.float32 if dtype in HALF else dtype


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor as an array: its own memory, where NumPy can use that."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype in HALF else tensor).numpy()


def in_numpy(arrays: Sequence[Tensor]) -> list[np.ndarray]:
    """Tensors on the CPU as NumPy sees their memory."""
    return [array.numpy() for array in arrays]


class Bucket:
    """Parameters of one group, dtype and device that have made as many steps.

    Of several parameters, once laid out, the values lie in one buffer, the gradients in
    another and each array of their state in a third; the parameters, their ``grad`` and
    the tensors of their state are views of those. A parameter alone stays where it is.

    Args:
        params: the parameters; each has a gradient when a step is made.
        state: for each parameter its ``{"t": steps made, name: tensor, ...}``; a name
            that is missing starts with zeros.
        names: what the arrays of the state are called.
    """

    def __init__(
        self, params: Sequence[Tensor], state: Sequence[State], names: Sequence[str]
    ) -> None:
        self.params = list(params)
        self.state = list(state)
        self.names = tuple(names)
        self.dtype = params[0].dtype
        self.device = params[0].device
        self._strides = [_strides(param) for param in params]
        self._buffers: list[Tensor] = []
        self._in_numpy: list[np.ndarray] = []
        self._gradients: list[Tensor] = []
        self._views: list[Tensor] = []
        for name in names:
            for param, strides, kept in zip(
                params, self._strides, self.state, strict=True
            ):
                kept[name] = _fitting(kept.get(name), param, strides)
        self._remember()

    @property
    def steps(self) -> int:
        """How many steps its parameters have made."""
        return int(self.state[0].get("t", 0))

    def count(self, everywhere: bool = True) -> None:
        """One more step has been made; noted for each parameter, or for the first."""
        self.state[0]["t"] = self.steps + 1
        if everywhere:
            self.spread_count()

    def spread_count(self) -> None:
        """Note for each parameter how many steps it has made."""
        steps = self.steps
        for kept in self.state:
            kept["t"] = steps

    def holds(self, params: Sequence[Tensor]) -> bool:
        """Whether these are its parameters, in their order."""
        return len(params) == len(self.params) and all(map(is_, params, self.params))

    def is_in_place(self, with_state: bool = True) -> bool:
        """Whether what it holds is still where this bucket has put it.

        Others may put tensors elsewhere (``param.data = ...``, ``share_memory_``), and
        they are the same objects then.

        Args:
            with_state: whether others can have got hold of the state, too.
        """
        return (
            _places(self._public) == self._public_places
            and self.params[0].dtype == self.dtype
            and (not with_state or self._has_its_state())
        )

    def _has_its_state(self) -> bool:
        kept = (state.get(name) for name in self.names for state in self.state)
        return (
            all(map(is_, kept, self._views))
            and _places(self._views) == self._view_places
        )

    def lay_out(self) -> None:
        """Bring values and state into lines that one loop can run along."""
        if self._buffers:
            return
        if len(self.params) == 1:
            value = self.params[0].data
            tensors = [value, value, *self._views]
            self._buffers = [_line(tensor, self._strides[0]) for tensor in tensors]
            return
        # One after the other: what has moved is freed before the next one moves.
        self._views = []
        theta, values = self._buffer(self.dtype)
        for param, value in zip(self.params, values, strict=True):
            param.data = value.copy_(param.data)
        buffers = [self._moved(name) for name in self.names]
        gradient, self._gradients = self._buffer(self.dtype)
        for param, view in zip(self.params, self._gradients, strict=True):
            assert param.grad is not None
            param.grad = view.copy_(param.grad.detach())
        self._buffers = [theta, gradient, *buffers]
        self._remember()

    def _moved(self, name: str) -> Tensor:
        """A new buffer, to which one array of each parameter's state has moved."""
        buffer, views = self._buffer(wide(self.dtype))
        for kept, view in zip(self.state, views, strict=True):
            kept[name] = view.copy_(kept[name])
        return buffer

    def _remember(self) -> None:
        """Note where everything lies, for ``is_in_place``."""
        self._public = [*self.params, *self._gradients]
        self._public_places = _places(self._public)
        self._views = [state[name] for name in self.names for state in self.state]
        self._view_places = _places(self._views)

    def _buffer(self, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
        """A buffer, and a view of it for each parameter; zeros lie between those."""
        sizes = [-(-p.numel() // ALIGNED) * ALIGNED for p in self.params]
        buffer = _empty(sum(sizes), dtype, self.device)
        views = []
        for param, strides, part in zip(
            self.params, self._strides, buffer.split(sizes), strict=True
        ):
            part[param.numel() :] = 0
            views.append(own(part.as_strided(param.shape, strides)))
        return buffer, views

    def arrays(self) -> list[Tensor]:
        """Values, gradients and state, each in one tensor."""
        self.lay_out()
        if self._gradients:
            self._gather()
        else:
            gradient = self.params[0].grad
            assert gradient is not None
            if gradient.requires_grad:  # made with create_graph
                gradient = gradient.detach()
            self._buffers[1] = _line(gradient, self._strides[0])
            if self._buffers[1].shape != self._buffers[0].shape:
                # Laid out otherwise: element by element, in no line.
                return [self.params[0].data, gradient, *self._views]
        return self._buffers

    def in_numpy(self, arrays: Sequence[Tensor]) -> list[np.ndarray]:
        """What ``arrays`` has given, as NumPy sees that memory."""
        if not self._gradients:
            # Not kept: a parameter's memory, and its state's, may be put elsewhere.
            return in_numpy(arrays)
        if not self._in_numpy:
            self._in_numpy = in_numpy(arrays)
        return self._in_numpy

    def _gather(self) -> None:
        """Copy gradients that were made anew to their buffer, and keep them there."""
        if self.is_gathered():
            return
        fresh = [
            (param, view, gradient)
            for param, view in zip(self.params, self._gradients, strict=True)
            if (gradient := param.grad) is not view and gradient is not None
        ]
        with torch.no_grad():  # they may have been made with create_graph
            torch._foreach_copy_([view for _, view, _ in fresh], [g for *_, g in fresh])
        for param, view, _ in fresh:
            param.grad = view

    def is_gathered(self) -> bool:
        """Whether all of its gradients lie in its buffer: are its very views."""
        gradients = [param.grad for param in self.params]
        return bool(self._gradients) and all(map(is_, gradients, self._gradients))

    def zero(self) -> None:
        """Set all gradients to zero, and keep them in their buffer."""
        self._buffers[1].zero_()
        for param, view in zip(self.params, self._gradients, strict=True):
            param.grad = view

    def release(self, place: int) -> None:
        """Give a parameter and its state memory of their own again."""
        param, kept = self.params[place], self.state[place]
        if self._gradients and param.data_ptr() == self._public_places[place]:
            param.data = param.data.clone()
        for name in self.names:
            if name in kept:
                kept[name] = kept[name].clone()


def _places(tensors: Iterable[Tensor]) -> list[int]:
    """The addresses of what tensors hold."""
    return list(map(Tensor.data_ptr, tensors))


def _empty(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """A line that holds anything; it must be written to before it is read.

    On the CPU in memory of NumPy's, which asks the system for large pages, as PyTorch
    does not: a loop along them waits less often for the translation of an address.
    Pages that are read first may stay small.
    """
    if device.type != "cpu":
        return torch.empty(count, dtype=dtype, device=device)
    size = count * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return torch.from_numpy(memory[start : start + size]).view(dtype)


def movable(params: Iterable[Tensor]) -> set[Tensor]:
    """The parameters whose memory is theirs alone, and may be put elsewhere.

    Others are views of something bigger, or shared with another parameter or process:
    who else uses that memory expects them to stay.
    """
    params = list(params)
    users = Counter(param.untyped_storage().data_ptr() for param in params)
    return {
        param
        for param in params
        if users[param.untyped_storage().data_ptr()] == 1
        and param.untyped_storage().nbytes() == param.numel() * param.element_size()
        and not (param.device.type == "cpu" and param.is_shared())
    }


def _strides(param: Tensor) -> tuple[int, ...]:
    """A parameter's strides if its elements lie close together, else those of C."""
    expected = 1
    for stride, size in sorted(zip(param.stride(), param.shape, strict=True)):
        if size > 1 and stride != expected:
            return tuple(
                math.prod(param.shape[axis + 1 :]) for axis in range(param.dim())
            )
        expected *= size
    return param.stride()


def _line(tensor: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A tensor's elements in the order of their memory, if that has these strides."""
    if tensor.dim() == 1:
        return tensor
    steps = zip(tensor.shape, tensor.stride(), strides, strict=True)
    if all(size <= 1 or one == other for size, one, other in steps):
        return tensor.as_strided((tensor.numel(),), (1,))
    return tensor


def _fitting(kept: Tensor | None, param: Tensor, strides: tuple[int, ...]) -> Tensor:
    """A state's tensor on the parameter's device, in the order of its elements."""
    fresh = kept is None or (kept.dtype, kept.device) != (
        wide(param.dtype),
        param.device,
    )
    if kept is not None and not fresh and kept.stride() == strides:
        return kept
    made = _empty(param.numel(), wide(param.dtype), param.device)
    made = made.as_strided(param.shape, strides)
    return made.zero_() if kept is None else made.copy_(kept)


def own(view: Tensor) -> Tensor:
    """The same memory as a tensor of its own, where the device allows it.

    A view would be saved with its whole buffer (``torch.save``, ``copy.deepcopy``), and
    would count changes together with all the other views.
    """
    if view.device.type in ("cpu", "cuda"):
        own: Tensor = from_dlpack(view)
        return own
    return view

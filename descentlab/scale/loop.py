"""A program as one loop over elements, which Numba compiles.

The loop owns no array. It walks a table of addresses, which is made anew for each step:
a column of the table is a piece of one parameter, with the addresses of that piece of
theta, of its gradient and of its state.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import linecache
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numba.core import cgutils
from numba.extending import intrinsic

from descentlab.scale.source import source
from descentlab.scale.tracer import Program

Tensor = torch.Tensor

compiler: Any = numba  # its types say too little of what is used here
PIECE = 65_536
"""Elements of a piece: few enough that threads can share a large tensor."""

THREAD_FROM = 6_000_000
"""Elements a thread: with fewer, a second one makes a step slower.

After a backward pass PyTorch's own threads go on spinning for some milliseconds, and
keep the cores that ours would need.
"""

STORED = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.bfloat16: "bfloat16",
}
"""The dtypes that a loop can read and write."""


# -- From a text to machine code -------------------------------------------------------


@intrinsic
def _pointer(typing, address):  # type: ignore[no-untyped-def]
    """A number as an address."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return compiler.types.voidptr(compiler.types.int64), generate


@compiler.njit
def _array_at(address, size, dtype):  # type: ignore[no-untyped-def]
    return compiler.carray(_pointer(address), size, dtype)  # type: ignore[call-arg]


# With a signature it is compiled here, for which Numba loads all that it needs: this
# module takes half a second to import, and the first step does not.
@compiler.njit("float32(uint16)")
def _from_bfloat16(bits):  # type: ignore[no-untyped-def]
    """The upper half of a float32, as the whole."""
    return np.uint32(np.uint32(bits) << np.uint32(16)).view(np.float32)


@compiler.njit
def _to_bfloat16(number):  # type: ignore[no-untyped-def]
    """The upper half of a float32, rounded to the nearest, ties to even."""
    bits = np.float32(number).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))
    return rounded if number == number else np.uint16(0x7FC0)


SPACE = {
    "np": np,
    "float32": np.float32,
    "float64": np.float64,
    "bfloat16": np.uint16,
    "array_at": _array_at,
    "from_bfloat16": _from_bfloat16,
    "to_bfloat16": _to_bfloat16,
}
SIGNATURE = "void(int64[:, ::1], float64[:, ::1], int64, int64)"

# NumPy divides by zero without an error. A product and a sum may be rounded once, and a
# division by a scalar may be a product with its reciprocal, which takes half the time;
# all else is as written, so NaN and infinity go where NumPy lets them go.
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "arcp"}}


def compiled(name: str, text: str) -> Callable[..., None]:
    """Compile a loop, or read it from the folder where compiled loops are kept."""
    key = hashlib.sha256((text + inspect.getsource(sys.modules[__name__])).encode())
    file = folder() / f"{name}_{key.hexdigest()[:16]}.py"
    try:
        # Numba keeps machine code beside the file that the function stands in.
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            new = file.with_suffix(f".{os.getpid()}")
            new.write_text(text, encoding="utf-8")
            new.replace(file)
        function = _function(name, text, str(file))
        made: Callable[..., None] = compiler.njit(SIGNATURE, cache=True, **OPTIONS)(
            function
        )
    except Exception:
        # The folder cannot be written to, or what lies there is broken.
        function = _function(name, text, f"<{file.name}>")
        made = compiler.njit(SIGNATURE, **OPTIONS)(function)
    return made


def folder() -> Path:
    """Where compiled loops are kept; ``DESCENTLAB_CACHE`` names another place."""
    given = os.environ.get("DESCENTLAB_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "descentlab" / "loops"


def _function(name: str, text: str, file: str) -> Callable[..., None]:
    """The function of a text, which tracebacks and debuggers can show."""
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    space: dict[str, Any] = {**SPACE, "__name__": __name__}
    exec(compile(text, file, "exec"), space)
    function: Callable[..., None] = space[name]
    return function


# -- The launch ------------------------------------------------------------------------


class Loop:
    """A program in one compiled loop over the elements of many tensors on the CPU."""

    def __init__(
        self, name: str, program: Program, names: Sequence[str], stored: Sequence[str]
    ) -> None:
        name = f"{name}_loop" if name.isidentifier() else "loop"
        self.source = source(name, program, names, stored)
        self._run = compiled(name, self.source)
        sizes = {"float32": 4, "float64": 8, "bfloat16": 2}
        self._itemsizes = np.array([[sizes[dtype]] for dtype in stored])
        self._written = [place for place, _ in program.results]

    def __call__(
        self,
        arrays: Sequence[Sequence[Tensor]],
        counts: Sequence[int],
        scalars: Sequence[Sequence[Any]],
        table: Table | None = None,
    ) -> Table:
        """Run it on tensors without gaps, in place.

        Args:
            arrays: for each input its tensors, one of each parameter; those of one
                parameter have the same shape and order in memory.
            counts: how many parameters, one after the other, belong to each lot.
            scalars: those of each lot.
            table: what an earlier call returned, if all tensors but those of the second
                input are where they were then.

        Returns:
            The table, for the next call.
        """
        if table is None:
            table = Table(arrays, counts, self._itemsizes, self._written)
        else:
            table.renew(1, arrays[1])
        numbers = np.array(scalars, np.float64, ndmin=2)
        threads = table.threads()
        if threads < 2:
            self._run(table.rows, numbers, 0, table.pieces)
            return table
        cuts = table.cuts(threads)
        parts = list(pairwise(cuts))
        others = [pool().submit(self._run, table.rows, numbers, *p) for p in parts[1:]]
        self._run(table.rows, numbers, *parts[0])
        for other, part in zip(others, parts[1:], strict=True):
            if other.cancel():  # the other thread has found no core to run on
                self._run(table.rows, numbers, *part)
            else:
                other.result()
        return table


class Table:
    """Where the pieces of tensors lie: a row of addresses for each input.

    Two more rows hold the lot and the size of each piece.
    """

    def __init__(
        self,
        arrays: Sequence[Sequence[Tensor]],
        counts: Sequence[int],
        itemsizes: np.ndarray,
        written: Sequence[int],
    ) -> None:
        sizes = list(map(Tensor.numel, arrays[0]))
        lots = [lot for lot, count in enumerate(counts) for _ in range(count)]
        # One call of NumPy: for a few small tensors each takes its time.
        rows = np.array([*map(_addresses, arrays), lots, sizes], np.int64)
        self._total = sum(sizes)
        self._written = rows[written], itemsizes[written], sizes
        self._of: np.ndarray | None = None
        if max(sizes) > PIECE:
            pieces = -(-rows[-1] // PIECE)
            self._of = of = np.repeat(np.arange(len(sizes)), pieces)
            first = np.cumsum(pieces) - pieces
            offset = (np.arange(len(of)) - first[of]) * PIECE
            self._offset = offset * itemsizes
            rows = np.ascontiguousarray(rows[:, of])
            rows[:-2] += self._offset
            rows[-1] = np.minimum(PIECE, rows[-1] - offset)
        self.rows, self.pieces = rows, rows.shape[1]

    def threads(self) -> int:
        """How many threads may share the work."""
        threads = min(torch.get_num_threads(), self._total // THREAD_FROM)
        # If tensors share memory, the order in which they change matters.
        return 1 if threads > 1 and self._overlap else threads

    @functools.cached_property
    def _overlap(self) -> bool:
        """Whether some of the tensors that are written share memory."""
        begin, itemsizes, sizes = self._written
        end = begin + np.array(sizes) * itemsizes
        order = begin.argsort(axis=None)
        return bool((begin.flat[order[1:]] < end.flat[order[:-1]]).any())

    def renew(self, place: int, tensors: Sequence[Tensor]) -> None:
        """Look up anew where the tensors of one input lie; their sizes are the same."""
        addresses = np.array(_addresses(tensors))
        if self._of is not None:
            addresses = addresses[self._of] + self._offset[place]
        self.rows[place] = addresses

    def cuts(self, threads: int) -> list[int]:
        """The pieces at which threads begin and end, each with as many elements."""
        done = np.cumsum(self.rows[-1])
        shares = done[-1] * np.arange(1, threads) / threads
        return [0, *np.searchsorted(done, shares).tolist(), self.pieces]


def _addresses(tensors: Sequence[Tensor]) -> list[int]:
    return list(map(Tensor.data_ptr, tensors))


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Threads that wait for work; the loop holds no lock while it runs."""
    return ThreadPoolExecutor(os.cpu_count(), "descentlab")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # a fork copies no threads

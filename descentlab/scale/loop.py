"""Lines of PyTorch as one compiled loop, called the short way.

What ``torch.compile`` makes looks at its arguments first, and then goes through what
autograd and the rest of a model might need. A step needs none of it, and pays: where a
model has just filled the caches, that way takes longer than the loop over a small one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

EXAMPLE = 1_000_003
"""Elements for which a loop is compiled: a prime, so that nothing can follow from what
divides it, and enough for all threads."""

Loop = Callable[[list[torch.Tensor]], object]


def loop(
    function: Callable[..., None], dtypes: Sequence[torch.dtype], numbers: torch.Tensor
) -> Loop | None:
    """Compile a function for lines of any length on the CPU.

    Args:
        function: changes arrays in place, all element by element; its last argument
            are its scalars.
        dtypes: those of the arrays.
        numbers: scalars, as many as there will be.

    Returns:
        The loop, which takes the arguments in one list; each array has one axis, lies
        element by element, and is as long as all others. None where this version of
        PyTorch goes another way.
    """
    lines = [torch.empty(EXAMPLE, dtype=dtype) for dtype in dtypes]
    try:
        from torch._inductor.compile_fx import compile_fx_inner
        from torch._inductor.decomposition import select_decomp_table
        from torch.fx.experimental.proxy_tensor import make_fx

        def whole(*arguments: torch.Tensor) -> list[torch.Tensor]:
            function(*arguments)
            return []

        trace = make_fx(whole, select_decomp_table(), tracing_mode="symbolic")
        graph = trace(*lines, numbers)
        inputs = [n.meta["val"] for n in graph.graph.nodes if n.op == "placeholder"]
        made: Loop = compile_fx_inner(graph, inputs)
        return made
    except Exception:
        # Nothing is lost: torch.compile is asked next, and says what is in the way.
        return None


def in_line(arrays: Sequence[torch.Tensor]) -> list[torch.Tensor] | None:
    """Arrays as a loop wants them, over the same memory; None where that can't be."""
    if not all(a.is_contiguous() and a.device.type == "cpu" for a in arrays):
        return None
    return [array if array.dim() == 1 else array.view(-1) for array in arrays]

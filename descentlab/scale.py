"""From a NumPy step to PyTorch: ``optimizer(step)``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from descentlab.steps import signature_of


class PyTorchMissing(ModuleNotFoundError):
    """PyTorch is not installed; a notebook shows this one line, and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


try:
    import torch
except ModuleNotFoundError:
    raise PyTorchMissing(
        "This section needs PyTorch, which is not installed here (pip install torch)."
        " The rest of the chapter works without it.",
        name="torch",
    ) from None


def optimizer(step: Callable[..., Any]) -> type[torch.optim.Optimizer]:
    """Make a ``torch.optim.Optimizer`` class from a step function, unchanged.

    Args:
        step: a function ``step(theta, grad, *state, [t,] lr, ...)`` in NumPy. Its
            arguments after ``grad`` and before ``t`` or ``lr`` are the state, zeros at
            first; ``t`` counts from 1; the rest are hyper-parameters of the class.

    Returns:
        A class, used as ``Adam = optimizer(adam_step)`` and then
        ``opt = Adam(model.parameters(), lr=1e-3)``. It runs the step on NumPy views of
        each parameter; one that lies on a GPU is copied to the CPU and back each time.
    """
    signature = signature_of(step)

    class StepOptimizer(torch.optim.Optimizer):
        def __init__(self, params: Iterable[Any], **hyper: Any) -> None:
            super().__init__(params, signature.fill(hyper, step.__name__))

        @torch.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                hyper = {name: group[name] for name in signature.hyper}
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._update(parameter, hyper)
            return loss

        def _update(self, parameter: torch.Tensor, hyper: dict[str, Any]) -> None:
            state = self.state[parameter]
            if not state:
                state["t"] = 0
                for name in signature.state:
                    state[name] = torch.zeros_like(parameter)
            state["t"] += 1
            tensors = [parameter, *(state[name] for name in signature.state)]
            assert parameter.grad is not None
            theta, *rest = (_array(tensor) for tensor in tensors)
            count = (state["t"],) if signature.takes_t else ()
            result = step(theta, _array(parameter.grad), *rest, *count, **hyper)
            results = result if signature.state else (result,)
            if type(results) not in (tuple, list) or len(results) != len(tensors):
                raise TypeError(
                    f"{step.__name__} must return {len(tensors)} arrays: the new theta"
                    f" and its state ({', '.join(signature.state) or 'none'})"
                )
            for tensor, new in zip(tensors, results, strict=True):
                tensor.copy_(torch.as_tensor(np.asarray(new)))

    StepOptimizer.__name__ = StepOptimizer.__qualname__ = step.__name__
    return StepOptimizer


def _array(tensor: torch.Tensor) -> np.ndarray:
    """The tensor's memory as a NumPy array; a copy where it lies on a GPU."""
    return tensor.detach().cpu().numpy()

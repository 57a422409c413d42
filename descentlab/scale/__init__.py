"""From a NumPy step to PyTorch.

``optimizer(step)`` makes a ``torch.optim.Optimizer`` of a step function,
``scheduler`` a learning-rate scheduler of a schedule; ``clip``, ``lookahead`` and
``switch`` run the rules of those chapters around them. ``step_times`` says how long a
step takes.
"""

from __future__ import annotations


class PyTorchMissing(ModuleNotFoundError):
    """PyTorch is not installed; a notebook shows this one line, and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


try:
    import torch  # noqa: F401

    from descentlab.scale.engine import StepOptimizer, optimizer
    from descentlab.scale.lookahead import lookahead
    from descentlab.scale.switching import switch
    from descentlab.scale.timing import forms, step_times
    from descentlab.scale.tracer import UnsupportedStep
    from descentlab.scale.training import clip, scheduler
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise PyTorchMissing(
        "This section needs PyTorch, which is not installed here (pip install torch)."
        " The rest of the chapter works without it.",
        name="torch",
    ) from None

__all__ = [
    "PyTorchMissing",
    "StepOptimizer",
    "UnsupportedStep",
    "clip",
    "forms",
    "lookahead",
    "optimizer",
    "scheduler",
    "step_times",
    "switch",
]

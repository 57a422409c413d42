"""Schedules and clipping, written in NumPy, around PyTorch's optimizers."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch.optim.lr_scheduler import LRScheduler

from descentlab.scale.arrays import Tensor, as_array, as_tensor

Schedule = Callable[[int], Any]


class ScheduleLR(LRScheduler):
    """Sets the learning rate to what a schedule says; ``scheduler`` makes one."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedules: Sequence[Schedule]
    ) -> None:
        self.schedules = list(schedules)
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """The rate of each group after as many steps as were counted."""
        return [self._rate(schedule) for schedule in self.schedules]

    def _rate(self, schedule: Schedule) -> float:
        rate = schedule(self.last_epoch)
        if np.ndim(rate) != 0 or not isinstance(rate, numbers.Real | np.ndarray):
            name = getattr(schedule, "__name__", "the schedule")
            raise TypeError(
                f"{name}({self.last_epoch}) must be one number, got {rate!r}"
            )
        return float(rate)

    def state_dict(self) -> dict[str, Any]:
        """How far it is; the schedules are functions and are given anew."""
        state: dict[str, Any] = super().state_dict()
        return {key: value for key, value in state.items() if key != "schedules"}


def scheduler(
    schedule: Schedule | Sequence[Schedule], optimizer: torch.optim.Optimizer
) -> ScheduleLR:
    """Run a schedule as a learning-rate scheduler of PyTorch.

    Args:
        schedule: the rate after ``t`` steps, t = 0, 1, ...: the rate itself and not a
            factor. A list holds one for each parameter group.
        optimizer: whose ``lr`` it sets, ``schedule(0)`` at once and the next at each
            ``step()`` of the scheduler.

    Raises:
        ValueError: for a list that does not fit the groups.
        TypeError: for a schedule that gives no number.
    """
    groups = len(optimizer.param_groups)
    schedules = [schedule] * groups if callable(schedule) else list(schedule)
    if len(schedules) != groups:
        raise ValueError(
            f"give one schedule, or one for each of the {groups} parameter groups;"
            f" got {len(schedules)}"
        )
    return ScheduleLR(optimizer, schedules)


@torch.no_grad()
def clip(
    clip_fn: Callable[..., Any], params: Tensor | Iterable[Tensor], max_norm: float
) -> float | None:
    """Clip the gradients of a model with a function written in NumPy.

    The function sees all gradients at once, so NumPy runs it: from a GPU they are
    copied to the CPU and back, which costs time that PyTorch's own clipping does not.

    Args:
        clip_fn: ``clip_by_global_norm(grads, max_norm)``, which returns the clipped
            list and the norm, or ``clip_by_value(grads, limit)``, with the list alone.
        params: whose gradients are clipped, in place; those without one are left out.
        max_norm: the second argument of ``clip_fn``.

    Returns:
        The norm before clipping, where ``clip_fn`` gives one.

    Raises:
        TypeError, ValueError: for results that are not the gradients' shapes; what
            ``clip_fn`` raises comes through, and no gradient is changed.
    """
    params = [params] if isinstance(params, Tensor) else params
    gradients = [param.grad for param in params if param.grad is not None]
    arrays = [as_array(gradient) for gradient in gradients]
    result = clip_fn(arrays, max_norm)
    norm = None
    if isinstance(result, tuple) and len(result) == 2 and np.ndim(result[1]) == 0:
        result, norm = result[0], float(result[1])
    name = getattr(clip_fn, "__name__", "the function")
    if not isinstance(result, list | tuple) or len(result) != len(arrays):
        raise TypeError(
            f"{name} must return the list of its {len(arrays)} arrays, clipped"
        )
    clipped = [np.asarray(array) for array in result]
    for old, new in zip(arrays, clipped, strict=True):
        if new.shape != old.shape:
            raise ValueError(f"{name} must keep shapes: {old.shape} became {new.shape}")
    for gradient, old, new in zip(gradients, arrays, clipped, strict=True):
        if new is not old:
            gradient.copy_(as_tensor(new, old.dtype))
    return norm

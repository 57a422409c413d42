"""How a step function of the course is read, and driven over a problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class StepSignature:
    """The parts of a step's signature ``step(theta, grad, *state, [t,] lr, ...)``.

    ``state`` names the arrays that the step keeps from call to call, ``takes_t`` says
    whether it counts its steps, and ``hyper`` maps each hyper-parameter to its default
    (``inspect.Parameter.empty`` where it has none).
    """

    state: tuple[str, ...]
    takes_t: bool
    hyper: dict[str, Any]

    def fill(self, given: dict[str, Any], name: str) -> dict[str, Any]:
        """The hyper-parameters of a run: what was given, else the defaults.

        Raises:
            TypeError: for a name that the step does not take, or one without a value.
        """
        unknown = sorted(set(given) - set(self.hyper))
        if unknown:
            raise TypeError(f"{name} takes {', '.join(self.hyper)}, not {unknown[0]}")
        filled = {**self.hyper, **given}
        for key, value in filled.items():
            if value is inspect.Parameter.empty:
                raise TypeError(f"{name} has no default for {key}: give {key}=...")
        return filled


def signature_of(step: Callable[..., Any]) -> StepSignature:
    """Read the signature of a step function.

    Raises:
        TypeError: where the signature is not ``(theta, grad, *state, [t,] lr, ...)``.
    """
    parameters = inspect.signature(step).parameters
    names = list(parameters)
    ends = [names.index(stop) for stop in ("t", "lr") if stop in names]
    if names[:2] != ["theta", "grad"] or not ends:
        raise TypeError(
            f"a step is called as step(theta, grad, *state, [t,] lr, ...), but"
            f" {step.__name__} takes ({', '.join(names)}): rename its arguments"
        )
    takes_t = "t" in names
    hyper = names[min(ends) + takes_t :]
    return StepSignature(
        state=tuple(names[2 : min(ends)]),
        takes_t=takes_t,
        hyper={name: parameters[name].default for name in hyper},
    )


def trace(
    step: Callable[..., Any],
    grad_fn: Callable[[np.ndarray], np.ndarray],
    theta0: Any,
    steps: int,
    **hyper: Any,
) -> np.ndarray:
    """Drive a step function over a problem and record where it went.

    Args:
        step: such as ``adam_step``; its state starts at zeros, its ``t`` at 1.
        grad_fn: the gradient at ``theta``, of the same shape.
        theta0: where to start.
        steps: how many steps to take.
        hyper: the step's hyper-parameters. A function is a schedule: it is called with
            the number of steps taken so far (0 at first).

    Returns:
        The trajectory, shape ``(steps + 1, *theta0.shape)``; row 0 is ``theta0``.
    """
    signature = signature_of(step)
    values = signature.fill(hyper, step.__name__)
    theta = np.array(theta0, dtype=np.result_type(np.asarray(theta0), np.float32))
    state: list[Any] = [np.zeros_like(theta) for _ in signature.state]
    rows = [theta.copy()]
    for t in range(1, steps + 1):
        now = {k: v(t - 1) if callable(v) else v for k, v in values.items()}
        count = (t,) if signature.takes_t else ()
        result = step(theta, grad_fn(theta), *state, *count, **now)
        theta, *state = result if signature.state else (result,)
        # A copy: a step that works in place would rewrite the rows before.
        rows.append(np.array(theta))
    return np.array(rows)

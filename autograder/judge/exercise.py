"""An exercise as the judge knows it: a function, its oracle, and what may be wrong.

Nothing here knows what the function computes; another course would bring exercises of
its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from descentlab.compare import Case

Function = Callable[..., Any]

WEIGHTS = {"value": 6, "dtype": 1, "edges": 1, "errors": 1, "purity": 1}
"""How a function's points are shared among the groups that it has."""

NOISE = {"float64": 1e-11, "float32": 1e-6}
"""The relative change of the operands whose effect is still no error, by dtype."""


@dataclass(frozen=True)
class Misconception:
    """A wrong function with a name, and the sentence that helps who wrote it."""

    name: str
    sentence: str
    function: Function


@dataclass(frozen=True)
class Run(Case):
    """Many calls, each fed with the results of the one before.

    ``drive(function)`` makes the calls and returns the last results.
    """

    drive: Callable[[Function], Any] = field(default=lambda function: function())

    def play(self, function: Function) -> Any:
        """Drive the function from the beginning to the end."""
        return self.drive(function)


@dataclass(frozen=True)
class Exercise:
    """One function that a student writes.

    Parameters
    ----------
    name, points : as in the chapter.
    reference : the oracle, which computes in float64; its signature is the exercise's.
    parts : the names of the results, for messages.
    cases : makes the cases from a generator; small ones first, ``value`` among them.
    misconceptions : the first that gives the student's numbers names the mistake.
    where : the place in the chapter that derives the formula.
    exact : the parameters at which the formula may jump, left out of the noise.
    composed : builds the oracle from the functions of earlier exercises that a
        student may call in it; its parameters are their names.
    """

    name: str
    points: int
    reference: Function
    parts: tuple[str, ...]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    misconceptions: tuple[Misconception, ...]
    where: str
    exact: frozenset[str] = frozenset({"t"})
    composed: Callable[..., Function] | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The parameters' names, in order."""
        return tuple(inspect.signature(self.reference).parameters)

    @property
    def uses(self) -> tuple[str, ...]:
        """The earlier exercises that a student may call in this one."""
        if self.composed is None:
            return ()
        return tuple(inspect.signature(self.composed).parameters)

    def mistakes(self) -> tuple[Misconception, ...]:
        """The misconceptions, and for each hyper-parameter that it is ignored."""
        parameters = inspect.signature(self.reference).parameters.values()
        ignored = (
            Misconception(
                f"{parameter.name}-ignored",
                f"The answer does not change with {parameter.name}: is its default"
                " written out in the body, where the parameter should stand?",
                partial(_without, self.reference, parameter.name),
            )
            for parameter in parameters
            if parameter.default is not parameter.empty
        )
        return (*self.misconceptions, *ignored)

    def expectation(self, case: Case, seed: int = 0) -> tuple[Any, Any]:
        """What the oracle gives for a case, and the difference allowed.

        The tolerance of each number is four times the largest change that it shows
        when every operand is changed by a relative ``NOISE``, so that it is scaled by
        what went into the number, cancellation included: a rearranged formula is
        right, however its terms cancel.
        """
        dtype = dtype_of(case)
        expected = case.play(self.reference)
        rng = np.random.default_rng(seed)
        level = NOISE.get(str(dtype), NOISE["float64"])
        noisy = partial(_noisily, self.reference, self.exact, level, rng)
        shaken = [case.play(noisy) for _ in range(6)]
        return expected, _tolerance(expected, shaken, level)


def dtype_of(case: Case) -> np.dtype[Any] | None:
    """The dtype that the arrays of a call share; float64 where all is scalar."""
    for value in case.args:
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if isinstance(item, np.ndarray):
                return item.dtype
    return None


def _without(reference: Function, name: str, *args: Any, **kwargs: Any) -> Any:
    """The reference, deaf to one of its parameters."""
    bound = inspect.signature(reference).bind(*args, **kwargs)
    bound.arguments.pop(name, None)
    return reference(*bound.args, **bound.kwargs)


def _noisily(
    reference: Function,
    exact: frozenset[str],
    level: float,
    rng: np.random.Generator,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """The reference on operands that are a little off."""
    bound = inspect.signature(reference).bind(*args, **kwargs)
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        if name not in exact:
            bound.arguments[name] = _shake(value, level, rng)
    return reference(*bound.args, **bound.kwargs)


def _shake(value: Any, level: float, rng: np.random.Generator) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_shake(item, level, rng) for item in value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(float) * (1 + level * rng.uniform(-1, 1, value.shape))
    if isinstance(value, float):
        # Downwards only: a decay rate just below 1 must stay below it.
        return value * (1 - level * rng.uniform(0, 1))
    return value


def _tolerance(expected: Any, shaken: Sequence[Any], level: float) -> Any:
    if isinstance(expected, (list, tuple)):
        columns = zip(*shaken, strict=True)
        pairs = zip(expected, columns, strict=True)
        return type(expected)(_tolerance(e, list(c), level) for e, c in pairs)
    if expected is None or isinstance(expected, (bool, int, np.bool_, np.integer, str)):
        return 0.0
    spread = np.max([np.abs(np.subtract(x, expected)) for x in shaken], axis=0)
    return np.asarray(4 * spread + level * np.abs(expected))

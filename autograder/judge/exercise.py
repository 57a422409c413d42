"""An exercise as the judge knows it: a function, its oracle, and what may be wrong.

Nothing here knows what the function computes; another course would bring exercises of
its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from descentlab.check import arguments_of
from descentlab.compare import Case, compare

Function = Callable[..., Any]

WEIGHTS = {"value": 6, "dtype": 1, "edges": 1, "errors": 1, "purity": 1}
"""How a function's points are shared among the groups that it has."""

NOISE = {"float64": 1e-11, "float32": 1e-6}
"""The relative change of the operands whose effect is still no error, by dtype."""
SHAKES = 6
"""How often the operands are changed to see what that effect is."""


@dataclass(frozen=True)
class Misconception:
    """A wrong function with a name, and the sentence that helps who wrote it.

    ``source`` is the function as a student would write it, where it has been written.
    """

    name: str
    sentence: str
    function: Function
    source: str = ""


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

    Args:
        name: the function's name.
        points: as in the chapter.
        reference: the oracle, in float64; its signature is the exercise's.
        parts: the names of the results, for messages.
        cases: makes the cases from a generator; small ones first, ``value`` among them.
        misconceptions: the first that gives the student's numbers names the mistake.
        where: the place in the chapter that derives the formula.
        equation: the label of that formula in the chapter.
        link: an address of the place, where it has one.
        exact: the parameters at which the formula may jump, left out of the noise.
        unit: the parameters that have the result's unit, where its terms may cancel to
            nothing: rounding is then as large as these are, not as the result is.
        composed: builds the oracle from the functions of earlier exercises that a
            student may call in it; its parameters are their names.
        alternatives: further oracles, with the same signature, each as right as the
            first. An answer agrees with one of them in all that a call returns.
        untyped: those of the parts that may have any floating dtype.
        whole: whether its results have no decimals that could be rounded off.
    """

    name: str
    points: int
    reference: Function
    parts: tuple[str, ...]
    cases: Callable[[np.random.Generator], Iterable[Case]]
    misconceptions: tuple[Misconception, ...]
    where: str
    equation: str = ""
    link: str = ""
    exact: frozenset[str] = frozenset({"t"})
    unit: frozenset[str] = frozenset()
    composed: Callable[..., Function] | None = None
    alternatives: tuple[Function, ...] = ()
    untyped: frozenset[str] = frozenset()
    whole: bool = False

    @property
    def arguments(self) -> dict[str, str | None]:
        """The parameters' names, in order, each with its default as text."""
        return arguments_of(self.reference)

    @property
    def uses(self) -> tuple[str, ...]:
        """The earlier exercises that a student may call in this one."""
        if self.composed is None:
            return ()
        return tuple(inspect.signature(self.composed).parameters)

    def mistakes(self) -> tuple[Misconception, ...]:
        """The misconceptions, and those that any function can have.

        The latter: a hyper-parameter that is ignored, results in another order or
        left out, rounded results.
        """
        parameters = inspect.signature(self.reference).parameters.values()
        hyper = [p.name for p in parameters if p.default is not p.empty]
        ignored = (
            Misconception(
                f"{'-and-'.join(names)}-ignored",
                f"The answer does not change with {' or '.join(names)}: is a number"
                " written out in the body, where the parameter should stand?",
                partial(_without, self.reference, names),
            )
            for names in [*combinations(hyper, 1), *combinations(hyper, 2)]
        )
        rounded = (
            Misconception(
                "rounded",
                "Your results are rounded: the next step needs every digit.",
                lambda *args, n=n, **kwargs: _rounded(
                    self.reference(*args, **kwargs), n
                ),
            )
            for n in (() if self.whole else (3, 4, 5, 6, 8))
        )
        return (*self.misconceptions, *ignored, *self._misplaced(), *rounded)

    def _misplaced(self) -> Iterator[Misconception]:
        """The right results in another order, or the first of them alone."""
        count = len(self.parts)
        right = ", ".join(self.parts)
        for order in list(permutations(range(count)))[1:]:
            yield Misconception(
                "order-swapped",
                f"The right results in the wrong order: return {right}.",
                partial(_picked, self.reference, order),
            )
        for kept in range(1, count):
            yield Misconception(
                "state-not-returned",
                f"Some results are not returned; the next step needs all: {right}.",
                partial(_picked, self.reference, tuple(range(kept))),
            )

    def expectation(self, case: Case, seed: int = 0) -> tuple[Any, Any]:
        """What the oracle gives for a case, and the difference allowed.

        The tolerance of each number is four times the largest change that it shows
        when every operand is changed by a relative ``NOISE`` (and the result by as
        much of the largest operand in its ``unit``), so that it is scaled by what went
        into the number, cancellation included: a rearranged formula is right, however
        its terms cancel. What a property says, in words, has none.
        """
        return self._expectation(self.reference, case, seed)

    def other_expectations(self, case: Case) -> tuple[tuple[Any, Any], ...]:
        """What each of the alternatives gives for a case, in the same form."""
        return tuple(self._expectation(f, case, 0) for f in self.alternatives)

    def demands(self, case: Case, strict: bool = False) -> tuple[Any, ...]:
        """All that ``examine`` compares an answer to a case with, in its order.

        Args:
            strict: allow no more than rounding, and no alternative. What that accepts
                is right; what it does not may be right all the same.
        """
        wanted: tuple[Any, Any] = (None, None)
        others: tuple[tuple[Any, Any], ...] = ()
        if case.raises is None and strict:
            wanted = self._expectation(self.reference, case, 0, shakes=0)
        elif case.raises is None:
            wanted, others = self.expectation(case), self.other_expectations(case)
            # Most calls leave no difference between the alternatives.
            others = tuple(o for o in others if compare(o[0], *wanted) is not None)
        return *wanted, self._dtypes(case), self.parts, others

    def _dtypes(self, case: Case) -> Any:
        """The dtype of the results: one for all, or one for each."""
        dtype = dtype_of(case)
        if not self.untyped:
            return dtype
        return tuple(None if part in self.untyped else dtype for part in self.parts)

    def _expectation(
        self, oracle: Function, case: Case, seed: int, shakes: int = SHAKES
    ) -> tuple[Any, Any]:
        expected = case.play(oracle)
        if case.through is not None:
            return expected, [0.0] * len(expected)
        rng = np.random.default_rng(seed)
        level = NOISE.get(str(dtype_of(case)), NOISE["float64"])
        noisy = partial(_noisily, self, oracle, level, rng)
        shaken = [case.play(noisy) for _ in range(shakes)]
        return expected, _tolerance(expected, shaken or [expected], level)


def dtype_of(case: Case) -> np.dtype[Any] | None:
    """The dtype that the float arrays of a call share; ``None`` where there is none."""
    for value in case.args:
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if isinstance(item, np.ndarray) and item.dtype.kind == "f":
                dtype: np.dtype[Any] = item.dtype
                return dtype
    return None


def _without(
    reference: Function, names: tuple[str, ...], *args: Any, **kwargs: Any
) -> Any:
    """The reference, deaf to some of its parameters."""
    bound = inspect.signature(reference).bind(*args, **kwargs)
    for name in names:
        bound.arguments.pop(name, None)
    return reference(*bound.args, **bound.kwargs)


def _picked(
    reference: Function, order: tuple[int, ...], *args: Any, **kwargs: Any
) -> Any:
    """The reference's results in some order; one alone is returned bare."""
    results = reference(*args, **kwargs)
    picked = tuple(results[i] for i in order)
    return picked if len(picked) > 1 else picked[0]


def _rounded(result: Any, decimals: int) -> Any:
    if isinstance(result, (list, tuple)):
        return type(result)(_rounded(item, decimals) for item in result)
    return (
        np.round(result, decimals)
        if isinstance(result, (np.ndarray, float))
        else result
    )


def _noisily(
    exercise: Exercise,
    reference: Function,
    level: float,
    rng: np.random.Generator,
    *args: Any,
    **kwargs: Any,
) -> Any:
    """The reference on operands that are a little off, and its own result as well."""
    names, defaults = _parameters(reference)
    given = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
    shaken = {
        name: value if name in exercise.exact else _shake(value, level, rng)
        for name, value in given.items()
    }
    result = reference(**shaken)
    if not exercise.unit:
        return result
    size = max(np.max(np.abs(given[name])) for name in exercise.unit)
    return result + level * size * rng.uniform(-1, 1, np.shape(result))


@cache
def _parameters(function: Function) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The parameters' names, in order, and the defaults: asked for many times over."""
    parameters = inspect.signature(function).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    return tuple(p.name for p in parameters), defaults


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

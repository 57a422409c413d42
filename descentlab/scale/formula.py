"""The numbers of a step as formulas of ``t`` and its hyper-parameters.

To call a step function at each step takes longer than the step of a small model. Where
it is sure that another call would do the same with other numbers, the numbers alone are
computed anew: the function uses nothing but its arguments, NumPy, and functions of that
kind, and its numbers come from arithmetic. Whatever else it does, it is called.
"""

from __future__ import annotations

import builtins
import dis
import math
import operator
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from descentlab.scale.operations import ATOM, COMPARISON, POWER, PRODUCT, SIGN, SUM

Watched = list[tuple[Callable[[], Any], Any]]
"""How to look something up that a function uses, and what it was."""

HARMLESS = {
    getattr(builtins, name)
    for name in (
        "abs bool enumerate float int isinstance len list max min pow range round sum"
        " tuple zip ArithmeticError AssertionError Exception NotImplementedError"
        " TypeError ValueError ZeroDivisionError"
    ).split()
}
CHANGES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "STORE_DEREF", "IMPORT_NAME"}


class Record:
    """What happened to the numbers of one call."""

    def __init__(self) -> None:
        self.conditions: list[tuple[str, bool]] = []
        self.escaped = False


class Number:
    """A number that remembers its formula, such as ``1 - beta1**t``.

    A comparison is noted as a condition. Where Python or NumPy need the bare value, the
    formula ends there, and the record says so.
    """

    __slots__ = ("_record", "rank", "text", "value")

    def __init__(
        self, value: float, text: str, record: Record, rank: int = ATOM
    ) -> None:
        self.value, self.text, self.rank, self._record = value, text, rank, record

    # What asks isinstance(lr, float) gets the answer that it gets for a number.
    __class__ = property(lambda self: type(self.value))

    def bare(self) -> float:
        """The value alone."""
        self._record.escaped = True
        return self.value

    def __float__(self) -> float:
        return float(self.bare())

    def __int__(self) -> int:
        return int(self.bare())

    def __index__(self) -> int:
        return operator.index(self.bare())  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return hash(self.bare())

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.bare(), digits)

    def __repr__(self) -> str:
        return repr(self.bare())

    def __format__(self, how: str) -> str:
        return format(self.bare(), how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bare(), name)

    def __bool__(self) -> bool:
        self._record.conditions.append((f"bool({self.text})", bool(self.value)))
        return bool(self.value)

    def __neg__(self) -> Number:
        return Number(-self.value, f"-{bound(self, SIGN)}", self._record, SIGN)

    def __abs__(self) -> Number:
        return Number(abs(self.value), f"abs({self.text})", self._record)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *values: Any, **more: Any
    ) -> Any:
        if any(getattr(type(value), "is_proxy", False) for value in values):
            return NotImplemented  # the proxy's turn
        bare = [v.bare() if type(v) is Number else v for v in values]
        return getattr(ufunc, method)(*bare, **more)


def _operate(name: str, sign: str, rank: int) -> None:
    """Give numbers an operator, from both sides."""
    compute = getattr(operator, name)
    # Powers group from the right, everything else from the left.
    needs = (ATOM, SIGN) if rank == POWER else (max(rank, SUM), rank + 1)

    def combine(record: Record, left: Any, right: Any) -> Any:
        pair = [v.value if type(v) is Number else v for v in (left, right)]
        result = compute(*pair)
        text = f"{bound(left, needs[0])}{sign}{bound(right, needs[1])}"
        if rank == COMPARISON:
            record.conditions.append((text, result))
            return result
        return Number(result, text, record, rank)

    def known(other: Any) -> bool:
        return type(other) in (Number, int, float)

    def forward(self: Number, other: Any) -> Any:
        return combine(self._record, self, other) if known(other) else NotImplemented

    def backward(self: Number, other: Any) -> Any:
        return combine(self._record, other, self) if known(other) else NotImplemented

    setattr(Number, f"__{name}__", forward)
    if rank != COMPARISON:
        setattr(Number, f"__r{name}__", backward)


for _name, _sign, _rank in (
    ("add", " + ", SUM),
    ("sub", " - ", SUM),
    ("mul", " * ", PRODUCT),
    ("truediv", " / ", PRODUCT),
    ("floordiv", " // ", PRODUCT),
    ("mod", " % ", PRODUCT),
    ("pow", "**", POWER),
    ("lt", " < ", COMPARISON),
    ("le", " <= ", COMPARISON),
    ("gt", " > ", COMPARISON),
    ("ge", " >= ", COMPARISON),
    ("eq", " == ", COMPARISON),
    ("ne", " != ", COMPARISON),
):
    _operate(_name, _sign, _rank)


def shown(value: Any) -> tuple[str, int]:
    """A number's formula, or its value where it has none; and how tightly it binds."""
    if type(value) is Number:
        return value.text, value.rank
    number = value if isinstance(value, int) else float(value)
    return repr(number), SIGN if number < 0 else ATOM


def bound(value: Any, needs: int) -> str:
    """A number as an operand."""
    text, rank = shown(value)
    return text if rank >= needs else f"({text})"


class Formulas:
    """The numbers of a step, computed without a call of its function.

    Args:
        numbers: those that a call has used.
        record: of that call.
        names: the hyper-parameters that the formulas are of, beside ``t``.
        watched: what the function uses.
    """

    def __init__(
        self,
        numbers: Sequence[Any],
        record: Record,
        names: Mapping[str, Any],
        watched: Watched,
    ) -> None:
        self._watched = watched
        self._kinds = list(map(type, names.values()))
        conditions = "".join(
            f"    if ({text}) != {outcome}: return None\n"
            for text, outcome in record.conditions
        )
        values = ", ".join(shown(number)[0] for number in numbers)
        head = f"def numbers({', '.join(['t', *names])}):\n"
        space: dict[str, Any] = {"inf": math.inf, "nan": math.nan}
        exec(f"{head}{conditions}    return [{values}]\n", space)
        self._numbers = space["numbers"]

    def __call__(self, t: int, hyper: Mapping[str, Any]) -> list[Any] | None:
        """The numbers of another step; None where the function has to be called."""
        values = hyper.values()
        if list(map(type, values)) != self._kinds:
            return None
        if any(look() is not was for look, was in self._watched):
            return None
        try:
            found: list[Any] | None = self._numbers(t, *values)
        except (ArithmeticError, ValueError):
            return None  # the function shall raise it
        return found


def watch(function: Any) -> Watched | None:
    """What a function uses beside its arguments; None if that may change by itself."""
    watched: Watched = []
    return watched if _is_pure(function, watched, set()) else None


def _is_pure(function: Any, watched: Watched, seen: set[Any]) -> bool:
    if function in seen:
        return True
    seen.add(function)
    space, code = function.__globals__, function.__code__
    for name in _names(code):
        if name in space:
            value = space[name]
            watched.append((partial(space.get, name), value))
        else:
            value = getattr(builtins, name, None)
            if value not in HARMLESS:
                return False
            continue
        if not _is_harmless(value, watched, seen):
            return False
    for cell in function.__closure__ or ():
        value = cell.cell_contents
        watched.append((partial(getattr, cell, "cell_contents"), value))
        if not _is_harmless(value, watched, seen):
            return False
    return not _changes(code)


def _is_harmless(value: Any, watched: Watched, seen: set[Any]) -> bool:
    if isinstance(value, types.FunctionType):
        return _is_pure(value, watched, seen)
    plain = value is None or type(value) in (bool, int, float, str, np.float64)
    return plain or value is np or value is math or isinstance(value, np.ufunc)


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """A function's code, and that of the functions in it."""
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return [code, *(c for each in inner for c in _codes(each))]


def _names(code: types.CodeType) -> set[str]:
    """The global names that it reads."""
    return {
        step.argval
        for each in _codes(code)
        for step in dis.get_instructions(each)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }


def _changes(code: types.CodeType) -> bool:
    """Whether it changes something else than its own variables, or draws numbers."""
    return any(
        "random" in each.co_names
        or any(step.opname in CHANGES for step in dis.get_instructions(each))
        for each in _codes(code)
    )

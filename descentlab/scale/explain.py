"""The loop of a step, for people: its scalars by name."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Mapping
from typing import Any

from descentlab.scale.operations import ATOM, POWER, PRODUCT, SIGN, SUM
from descentlab.scale.rule import Rule
from descentlab.scale.source import Text, lines
from descentlab.scale.tracer import UnsupportedStep

UNSET = 0.5
"""Stands for a hyper-parameter without default: only its name is shown."""


class Symbol(float):
    """A number that knows its expression, such as ``1 - beta1**t``."""

    text: str
    rank: int

    def __new__(cls, value: float, text: str, rank: int = ATOM) -> Symbol:
        """A value, its expression, and how tightly that binds."""
        made = super().__new__(cls, value)
        made.text, made.rank = text, rank
        return made

    def __neg__(self) -> Symbol:
        return Symbol(-float(self), f"-{_bound(self, SIGN)}", SIGN)


def _arithmetic(name: str, sign: str, rank: int) -> None:
    """Give Symbol an operator, from both sides."""
    compute = getattr(operator, name)
    # Powers group from the right, everything else from the left.
    left_needs, right_needs = (ATOM, SIGN) if rank == POWER else (rank, rank + 1)

    def combined(left: Any, right: Any) -> Any:
        if not {type(left), type(right)} <= {int, float, Symbol}:
            return NotImplemented
        text = f"{_bound(left, left_needs)}{sign}{_bound(right, right_needs)}"
        return Symbol(compute(float(left), float(right)), text, rank)

    setattr(Symbol, f"__{name}__", combined)
    setattr(Symbol, f"__r{name}__", lambda self, other: combined(other, self))


_arithmetic("add", " + ", SUM)
_arithmetic("sub", " - ", SUM)
_arithmetic("mul", " * ", PRODUCT)
_arithmetic("truediv", " / ", PRODUCT)
_arithmetic("pow", "**", POWER)


def _shown(value: Any) -> Text:
    """A scalar's expression, or its value where it has none."""
    if isinstance(value, Symbol):
        return value.text, value.rank
    return repr(value if isinstance(value, int) else float(value)), (
        SIGN if value < 0 else ATOM
    )


def _bound(value: Any, needs: int) -> str:
    """A scalar as an operand."""
    text, rank = _shown(value)
    return text if rank >= needs else f"({text})"


def explained(rule: Rule, dtype: str, hyper: Mapping[str, Any]) -> str:
    """What a step becomes: a loop over elements, with its scalars by name.

    Args:
        rule: the step.
        dtype: of its arrays, by name.
        hyper: the hyper-parameters that are not to be the defaults.
    """
    defaults = {
        name: UNSET if value is inspect.Parameter.empty else value
        for name, value in rule.signature.hyper.items()
    }
    values = rule.signature.fill({**defaults, **hyper}, rule.name)
    try:
        program, scalars = _recorded(rule, dtype, values)
    except UnsupportedStep as reason:
        return f"# {rule.name} runs as plain NumPy: {reason}"
    text = lines(program, rule.arguments, lambda place, _: _shown(scalars[place]))
    title = f"# {rule.name}, element by element ({dtype}): the loop that is compiled"
    head = "for i in range(theta.size):"
    return "\n".join([title, head, *(f"    {line}" for line in text)])


def _recorded(rule: Rule, dtype: str, values: Mapping[str, Any]) -> Any:
    symbols = {
        name: Symbol(value, name) if type(value) in (int, float) else value
        for name, value in values.items()
    }
    try:
        return rule.record(dtype, Symbol(1.0, "t"), symbols)
    except (TypeError, ValueError):
        # A step that needs whole numbers, to count with say: they have no names.
        return rule.record(dtype, 1, values)

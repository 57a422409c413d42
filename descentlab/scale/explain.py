"""The loop of a step, for people: its scalars by name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from descentlab.scale.formula import Number, Record, shown
from descentlab.scale.rule import Rule
from descentlab.scale.source import lines
from descentlab.scale.tracer import UnsupportedStep

UNSET = 0.5
"""Stands for a hyper-parameter without default: only its name is shown."""


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
    record = Record()
    named = {
        name: Number(value, name, record) if type(value) in (int, float) else value
        for name, value in values.items()
    }
    try:
        program, scalars = rule.called(dtype, Number(1, "t", record), named)
    except UnsupportedStep as reason:
        return f"# {rule.name} runs as plain NumPy: {reason}"
    text = lines(program, rule.arguments, lambda place, _: shown(scalars[place]))
    title = f"# {rule.name}, element by element ({dtype}): the loop that is compiled"
    head = "for i in range(theta.size):"
    return "\n".join([title, head, *(f"    {line}" for line in text)])

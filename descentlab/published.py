"""The published cases: what ``check()`` knows, as data without code.

The instructor's package writes one JSON file an assignment; the wheel carries them.
A file maps each function to its cases, each with the expected result and the
tolerance, and to its misconceptions, each as its *outputs* on the ``value`` cases.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from descentlab.callbacks import CALLBACKS
from descentlab.compare import Answer, Case, Raised, Seed
from descentlab.properties import PROPERTIES

RAISED = "raised"
"""Stands for an error among the outputs of a misconception."""


@dataclass(frozen=True)
class Published:
    """A case with what is expected of it.

    ``others`` holds further results that are as right, each with its tolerance.
    """

    case: Case
    expected: Any
    tolerance: Any
    dtype: Any
    others: tuple[tuple[Any, Any], ...] = ()


@dataclass(frozen=True)
class Mistake:
    """A misconception: its name, its sentence, its answers to the ``value`` cases."""

    name: str
    sentence: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Sheet:
    """All that is published of one exercise.

    ``arguments`` maps the parameters' names to their defaults as text, ``parts`` names
    the results, ``uses`` the earlier exercises that a student may call. ``where`` tells
    the place of the formula in the chapter, ``link`` its address, if it has one.
    """

    arguments: dict[str, str | None]
    parts: tuple[str, ...]
    uses: tuple[str, ...]
    cases: tuple[Published, ...]
    mistakes: tuple[Mistake, ...]
    where: str = ""
    link: str = ""


def sheet_of(name: str) -> Sheet:
    """The published sheet of the exercise ``name``.

    Raises:
        LookupError: with one line that says what to do.
    """
    # Only here: it brings a dozen modules, and the judge's sandboxes never check.
    from importlib import resources

    folder = resources.files("descentlab") / "published"
    files = sorted(folder.iterdir(), key=str) if folder.is_dir() else []
    for file in files:
        if file.name.endswith(".json"):
            sheets = json.loads(file.read_text(encoding="utf-8"))
            if name in sheets:
                return sheet_from(sheets[name])
    if not files:
        raise LookupError("no published cases here: in the repository run make publish")
    raise LookupError(
        f"{name} is no exercise of this course: check the function's name"
    )


def sheet_to(sheet: Sheet) -> dict[str, Any]:
    """A sheet as JSON values."""
    return {
        "arguments": sheet.arguments,
        "parts": list(sheet.parts),
        "uses": list(sheet.uses),
        "where": sheet.where,
        "link": sheet.link,
        "cases": [
            {
                "group": item.case.group,
                "label": item.case.label,
                "args": pack(item.case.args),
                "kwargs": {k: pack(v) for k, v in item.case.kwargs.items()},
                "raises": item.case.raises,
                "through": item.case.through and item.case.through.name,
                "expected": pack(item.expected),
                "tolerance": pack(item.tolerance),
                "dtype": _name_of(item.dtype),
                "others": [[pack(part) for part in other] for other in item.others],
            }
            for item in sheet.cases
        ],
        "mistakes": [
            {
                "name": m.name,
                "sentence": m.sentence,
                "outputs": [RAISED if a.raised else pack(a.result) for a in m.answers],
            }
            for m in sheet.mistakes
        ],
    }


def sheet_from(data: dict[str, Any]) -> Sheet:
    """The sheet that ``sheet_to`` wrote."""
    return Sheet(
        arguments=data["arguments"],
        parts=tuple(data["parts"]),
        uses=tuple(data["uses"]),
        where=data["where"],
        link=data["link"],
        cases=tuple(_case_from(item) for item in data["cases"]),
        mistakes=tuple(
            Mistake(m["name"], m["sentence"], tuple(map(_answer_from, m["outputs"])))
            for m in data["mistakes"]
        ),
    )


def _answer_from(output: Any) -> Answer:
    if output == RAISED:
        return Answer(raised=Raised(("Exception",), ""))
    return Answer(unpack(output))


def _case_from(item: dict[str, Any]) -> Published:
    case = Case(
        group=item["group"],
        label=item["label"],
        args=unpack(item["args"]),
        kwargs={name: unpack(value) for name, value in item["kwargs"].items()},
        raises=item["raises"],
        through=item["through"] and PROPERTIES[item["through"]],
    )
    dtype = _dtype_from(item["dtype"])
    others = tuple((unpack(e), unpack(t)) for e, t in item["others"])
    expected, tolerance = unpack(item["expected"]), unpack(item["tolerance"])
    return Published(case, expected, tolerance, dtype, others)


def _name_of(dtype: Any) -> Any:
    """A dtype, or one for each result, as JSON."""
    if isinstance(dtype, tuple):
        return [_name_of(one) for one in dtype]
    return None if dtype is None else np.dtype(dtype).name


def _dtype_from(name: Any) -> Any:
    """What ``_name_of`` wrote."""
    if isinstance(name, list):
        return tuple(_dtype_from(one) for one in name)
    return None if name is None else np.dtype(name)


def pack(value: Any) -> Any:
    """A value as JSON; floats keep every bit, arrays their dtype and shape."""
    if isinstance(value, np.bool_):
        # A truth value is no array: see compare.
        return bool(value)
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        flat: Sequence[Any] = array.ravel().tolist()
        return {"array": flat, "dtype": array.dtype.name, "shape": list(array.shape)}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [pack(item) for item in value]}
    if isinstance(value, Seed):
        return {"seed": int(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = type(value).__name__
    if kind in CALLBACKS:
        numbers = {f.name: pack(getattr(value, f.name)) for f in fields(value)}
        return {"function": kind, "of": numbers}
    raise TypeError(f"no published form for {kind}: use plain data")


def unpack(value: Any) -> Any:
    """The value that ``pack`` wrote."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return np.array(value["array"], dtype=value["dtype"]).reshape(value["shape"])
    if "function" in value:
        numbers = {name: unpack(number) for name, number in value["of"].items()}
        return CALLBACKS[value["function"]](**numbers)
    if "seed" in value:
        return Seed(value["seed"])
    if "tuple" in value:
        return tuple(unpack(item) for item in value["tuple"])
    return [unpack(item) for item in value["list"]]

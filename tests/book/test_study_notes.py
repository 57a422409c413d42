"""The study notes: every exercise stands there, with the defaults of its function."""

import inspect
import re
from collections.abc import Callable

import pytest

from autograder.course import ROOT
from autograder.exercises import assignments, load

PAGE = ROOT / "chapters" / "study_notes.md"
ROW = re.compile(r"^\| `(\w+)\((.*?)\)` \|", re.MULTILINE)
WRITTEN = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
EXERCISES = [e for name in assignments(ROOT) for e in load(name).exercises]


def parameters(function: Callable) -> list[tuple[str, object]]:
    signature = inspect.signature(function)
    return [(name, p.default) for name, p in signature.parameters.items()]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_each_exercise_stands_there_with_its_defaults(exercise):
    written = eval(f"lambda {WRITTEN[exercise.name]}: None")  # our own page
    assert parameters(written) == parameters(exercise.reference)


def test_no_function_has_two_rows():
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) == len(WRITTEN)

"""The answers that the checks are tried on, as parameters of the tests.

A test that takes ``right`` or ``wrong`` runs once for each answer of the folders
``alternatives`` and ``wrong``; the solutions count among the right ones. The other
parameters are some of these: ``right_step`` what PyTorch can drive, ``wrong_part`` what
``adam_step`` may call, ``wrong_step`` an ``adam_step`` that is wrong itself.
"""

import importlib
import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.course import ROOT
from autograder.exercises import assignments
from autograder.judge import Exercise
from autograder.publish import sheet
from descentlab.published import Sheet, sheet_from, sheet_to

CHAPTERS = {
    stem: importlib.import_module(f"autograder.exercises.{stem}")
    for stem in (name.partition("_")[2] for name in assignments(ROOT))
}
"""The modules of exercises, by the name that a chapter's files have."""

EXERCISES = {e.name: e for c in CHAPTERS.values() for e in c.EXERCISES}
GROUPS = {
    "wrong numbers": "value",
    "raises": "value",
    "right numbers, wrong dtype": "dtype",
    "fails at the edges": "edges",
    "right numbers, wrong about errors": "errors",
    "changes an argument": "purity",
}
"""What the sections of the folder ``wrong`` say, and the group of marks it costs."""


@dataclass(frozen=True)
class Form:
    """An answer to an exercise; ``section`` is the comment that it stands under."""

    function: Callable
    section: str

    @property
    def exercise(self) -> Exercise:
        return EXERCISES[self.function.__name__.partition("__")[0]]

    @property
    def mistake(self) -> str:
        """The name of what is wrong, as its docstring has it."""
        return self.function.__doc__.partition(":")[0]

    @property
    def group(self) -> str:
        """The group of marks that is lost."""
        found = [g for words, g in GROUPS.items() if self.section.startswith(words)]
        return found[0]


def forms(*folders: str) -> Iterator[Form]:
    """The answers in some folders, in the order of their files."""
    for folder in folders:
        for path in sorted(Path(ROOT, folder).glob("*.py")):
            names = runpy.run_path(str(path))
            section = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("# "):
                    section = line.partition(": ")[2]
                elif line.startswith("def "):
                    yield Form(names[line[4:].partition("(")[0]], section)


RIGHT = list(forms("solutions", "tests/exercises/alternatives"))
WRONG = list(forms("tests/exercises/wrong"))
NO_MARKS = [form for form in WRONG if form.group == "value"]
PARTS = EXERCISES["adam_step"].uses
PARAMETERS = {
    "right": RIGHT,
    "wrong": WRONG,
    "right_step": [f for f in RIGHT if f.exercise.name.endswith("_step")],
    "wrong_part": [
        f for f in NO_MARKS if f.exercise.name in EXERCISES["adam_step"].uses
    ],
    "wrong_step": [f for f in NO_MARKS if f.exercise.name == "adam_step"],
}


def pytest_generate_tests(metafunc):
    for name in PARAMETERS.keys() & set(metafunc.fixturenames):
        names = [form.function.__name__ for form in PARAMETERS[name]]
        metafunc.parametrize(name, PARAMETERS[name], ids=names)
    if {"exercise", "mistake"} <= set(metafunc.fixturenames):
        pairs = [(e, m) for e in EXERCISES.values() for m in e.mistakes()]
        names = [f"{e.name}-{m.name}" for e, m in pairs]
        metafunc.parametrize(("exercise", "mistake"), pairs, ids=names)


@pytest.fixture
def exercises() -> dict[str, Exercise]:
    return EXERCISES


@pytest.fixture(scope="session")
def sheets() -> dict[str, Sheet]:
    """What ``check()`` reads in a notebook, by exercise, through JSON and back."""
    published = {name: sheet_to(sheet(e)) for name, e in EXERCISES.items()}
    return {n: sheet_from(json.loads(json.dumps(s))) for n, s in published.items()}

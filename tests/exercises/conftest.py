"""The answers that the checks are tried on, as parameters of the tests.

A test that takes ``right`` or ``wrong`` runs once for each answer of the folders
``alternatives`` and ``wrong``; the solutions count among the right ones. The other
parameters are some of these: ``right_step`` what PyTorch can drive, ``wrong_part`` what
``adam_step`` may call, ``wrong_step`` an ``adam_step`` that is wrong itself.
"""

import json

import pytest

from autograder.judge import Exercise
from autograder.publish import sheet
from descentlab.published import Sheet, sheet_from, sheet_to
from tests.exercises.forms import EXERCISES, RIGHT, WRONG

NO_MARKS = [form for form in WRONG if form.group == "value"]
PARTS = EXERCISES["adam_step"].uses
PARAMETERS = {
    "right": RIGHT,
    "wrong": WRONG,
    "right_step": [f for f in RIGHT if f.exercise.name.endswith("_step")],
    "wrong_part": [form for form in NO_MARKS if form.exercise.name in PARTS],
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

"""The inputs that answers are tried on: drawn anew, none left at its default."""

import inspect

import numpy as np
import pytest

from autograder.judge import Run
from descentlab.compare import GROUPS, same
from tests.exercises.forms import EXERCISES

pytestmark = pytest.mark.parametrize(
    "exercise", [pytest.param(e, id=name) for name, e in EXERCISES.items()]
)


def drawn(exercise, seed):
    return list(exercise.cases(np.random.default_rng(seed)))


def given(exercise, case):
    """The arguments of a call, by name; those that are left out are not there."""
    return (
        inspect.signature(exercise.reference).bind(*case.args, **case.kwargs).arguments
    )


def hyper_parameters(exercise):
    parameters = inspect.signature(exercise.reference).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def calls(exercise, seed):
    """The single calls in which numbers count."""
    cases = drawn(exercise, seed)
    return [c for c in cases if c.group == "value" and not isinstance(c, Run)]


@pytest.mark.parametrize("seed", [1, 2])
def test_each_hyper_parameter_is_changed_and_left_out(exercise, seed):
    arguments = [given(exercise, case) for case in calls(exercise, seed)]
    for name, default in hyper_parameters(exercise).items():
        values = [call[name] for call in arguments if name in call]
        assert any(not same(value, default) for value in values), name
        assert len(values) < len(arguments), name


def test_another_notebook_gets_other_numbers(exercise):
    first, second = (calls(exercise, seed) for seed in (1, 2))
    kept = [
        case.label
        for case, other in zip(first, second, strict=True)
        if same(case.args, other.args) and same(*map(_values, (case, other)))
    ]
    # What is at a landmark, such as a schedule's start, may be there each time.
    assert len(kept) < len(first) / 2


def _values(case):
    return tuple(case.kwargs.values())


def test_the_same_notebook_gets_the_same_numbers(exercise):
    first, second = drawn(exercise, 1), drawn(exercise, 1)
    assert [case.label for case in first] == [case.label for case in second]
    assert all(same(a.args, b.args) for a, b in zip(first, second, strict=True))


def test_a_student_reads_a_label_of_each_case(exercise):
    cases = drawn(exercise, 1)
    assert {case.group for case in cases} <= GROUPS.keys()
    assert {"value", "purity"} <= {case.group for case in cases}
    assert all(0 < len(case.label) < 60 for case in cases)
    assert len({(case.group, case.label) for case in cases}) == len(cases)

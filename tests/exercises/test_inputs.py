"""The inputs that answers are tried on: drawn anew, none left at its default."""

import inspect
from functools import partial

import numpy as np
import pytest

from autograder.judge import Run
from autograder.judge.evaluate import play
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


# -- Inputs that are clipped or rounded first ------------------------------------------

CLIPPED = {f"clipped at {c}": lambda x, c=c: np.clip(x, -c, c) for c in (1, 5, 10)}
ROUNDED = {f"{n} decimals": partial(np.round, decimals=n) for n in (3, 6)}
AT_MOST_ONE = {"mu", "beta", "beta1", "beta2", "alpha", "factor"}
WHOLE = {
    *("steps", "T", "T0", "T_mult", "warmup_steps", "milestones", "k", "n", "epoch"),
    *("batch_size", "base_batch_size", "start", "growth", "every", "max_size"),
}
NO_QUANTITY = {"rng", "rule", "axis"}
CONTINUOUS_T = {"exponential_decay", "cosine_annealing", "warm_restarts"}
CONTINUOUS_T |= {"warmup", "warmup_cosine"}
"""Schedules that change between any two instants; elsewhere t counts, or is compared
with what does. An exercise's own k may be no count."""


def ways(exercise, name):
    """What may be done to an argument that must not go unnoticed."""
    counts = name in WHOLE or (name == "t" and exercise.name not in CONTINUOUS_T)
    if name == "k" and exercise.name == "exponential_decay":
        counts = False
    clipped = {} if name in AT_MOST_ONE else CLIPPED
    return clipped | ({} if counts else ROUNDED)


def changed(way, value):
    """A value with all of its numbers changed; of a callback, those that it returns."""
    if isinstance(value, list | tuple):
        return type(value)(changed(way, item) for item in value)
    if callable(value):
        return lambda *args: changed(way, value(*args))
    if isinstance(value, int):
        return int(way(value))
    return value if value is None else np.asarray(way(value), dtype=float)


def test_who_clips_or_rounds_an_argument_first_is_found_out(exercise):
    reference = exercise.reference

    def answer(name, way, *args, **kwargs):
        bound = inspect.signature(reference).bind(*args, **kwargs)
        bound.apply_defaults()
        bound.arguments[name] = changed(way, bound.arguments[name])
        return reference(*bound.args, **bound.kwargs)

    values = [case for case in drawn(exercise, 1) if case.group == "value"]
    passed = [
        f"{name}: {words}"
        for name in exercise.arguments.keys() - NO_QUANTITY
        for words, way in ways(exercise, name).items()
        if not any(play(exercise, partial(answer, name, way), c).fault for c in values)
    ]
    assert not passed


def test_no_number_leaves_the_contracts_range(exercise):
    for case in (case for seed in range(20) for case in drawn(exercise, seed)):
        if case.raises is None and case.through is None:
            for number in numbers(case.play(exercise.reference)):
                assert np.all(np.abs(number[np.isfinite(number)]) < 1e15), case.label


def numbers(result):
    """The numbers of a result, those in its lists and tuples too, as arrays."""
    if isinstance(result, list | tuple):
        return [array for item in result for array in numbers(item)]
    return [] if result is None else [np.asarray(result, dtype=float)]

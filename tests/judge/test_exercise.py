"""What an exercise expects of a case, and which difference it allows."""

import math
from dataclasses import replace

import numpy as np
import pytest

from autograder.judge import Case, Exercise
from autograder.judge.evaluate import evaluate
from autograder.judge.exercise import dtype_of


def wave(t, height=1.0):
    """``height (1 + cos(pi t))``, whose two terms cancel at every odd t."""
    return np.asarray(height * (1 + np.cos(np.pi * np.asarray(t, dtype=float))))


WAVE = Exercise(
    name="wave",
    points=2,
    reference=wave,
    parts=("y",),
    cases=lambda rng: [
        Case("value", "the bottom", (1,), {"height": 0.3}),
        Case("value", "an array", (np.array([0.25, 1.0, 3.0]),)),
        Case("dtype", "whole numbers", (np.arange(4),)),
    ],
    misconceptions=(),
    where="section 1",
    unit=frozenset({"height"}),
)


def by_the_half_angle(t, height=1.0):
    """The same by another formula: at t = 1 rounding leaves some 1e-33."""
    return height * 2 * np.cos(np.pi / 2 * np.asarray(t)) ** 2


def by_a_sine(t, height=1.0):
    """The same by a third one, off by about 1e-16."""
    return height * (2 - 2 * np.sin(math.pi / 2 * (np.asarray(t) % 2)) ** 2)


@pytest.mark.parametrize("function", [wave, by_the_half_angle, by_a_sine])
def test_rounding_where_terms_cancel_is_no_error(function):
    assert evaluate(WAVE, function, seed=0).status == "passed"


def test_without_a_unit_it_would_be_one():
    without = replace(WAVE, unit=frozenset())
    assert evaluate(without, by_the_half_angle, seed=0).status == "failed"


def test_the_tolerance_grows_with_the_unit_and_not_far():
    for height in (1e-3, 1.0, 1e3):
        _, allowed = WAVE.expectation(Case("value", "", (1,), {"height": height}))
        assert 1e-12 * height < allowed < 1e-10 * height


def test_a_difference_above_rounding_is_an_error():
    def off(t, height=1.0):
        return wave(t, height) + 1e-9

    assert evaluate(WAVE, off, seed=0).status == "failed"


def test_whole_numbers_have_no_dtype_that_a_result_could_share():
    assert dtype_of(Case("dtype", "", (np.arange(3),))) is None
    assert dtype_of(Case("dtype", "", (np.arange(3), np.zeros(2)))) == np.float64


def test_floats_for_whole_numbers_may_have_any_size():
    def single(t, height=1.0):
        found = wave(t, height)
        return found.astype(np.float32) if np.ndim(t) and t.dtype.kind == "i" else found

    assert evaluate(WAVE, single, seed=0).status == "passed"


def test_whole_numbers_for_whole_numbers_lose_the_dtype_and_learn_why():
    def cut_off(t, height=1.0):
        if np.ndim(t) == 0:
            return wave(t, height)
        found = np.zeros_like(t)
        found[...] = wave(t, height)
        return found

    verdict = evaluate(WAVE, cut_off, seed=0)
    assert verdict.status == "partial"
    assert "holds whole numbers too, and cuts off" in str(verdict.report)

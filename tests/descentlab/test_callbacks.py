"""Callbacks of published cases: what they compute, and what they are shown as."""

import numpy as np
import pytest

from descentlab.callbacks import (
    CALLBACKS,
    BowlGradient,
    CountedMomentum,
    FallingRate,
    PlainStep,
    SlowingMomentum,
)
from descentlab.report import show

THETA, GRAD = np.array([0.5, -2.0]), np.array([1.0, 0.25])
SHOWN = [
    (BowlGradient(2.0, 1.0, 0.5), (THETA,)),
    (PlainStep(0.5), (THETA, GRAD, ())),
    (FallingRate(0.5, 4.0), (3,)),
]
"""Callbacks that are shown as code, each with arguments."""


@pytest.mark.parametrize(("callback", "args"), SHOWN)
def test_a_callback_shows_the_code_that_computes_the_same(callback, args):
    shown = eval(show(callback), {"np": np})
    np.testing.assert_equal(shown(*args), callback(*args))


def test_momentum_with_a_falling_rate_by_hand():
    step, state = SlowingMomentum(lr=0.5, mu=0.5), (np.full(2, 2.0), np.array(1.0))
    theta, (buf, n) = step(THETA, GRAD, state)
    np.testing.assert_array_equal(buf, [2.0, 1.25])
    np.testing.assert_array_equal(theta, [0.0, -2.3125])  # lr is halved
    assert n == 2
    assert show(step) == "momentum_with_falling_rate(lr=0.5, mu=0.5)"


def test_momentum_divided_by_t_by_hand():
    step = CountedMomentum(mu=0.5)
    theta, (buf,) = step(THETA, GRAD, (np.full(2, 2.0),), 10, 0.5)
    np.testing.assert_array_equal(buf, [2.0, 1.25])
    np.testing.assert_array_equal(theta, [0.0, -2.3125])  # 1 + 0.1*10 = 2
    assert show(step) == "momentum_divided_by_t(mu=0.5)"


def test_every_callback_is_tried_here():
    tried = {type(callback) for callback, _ in SHOWN}
    assert tried | {SlowingMomentum, CountedMomentum} == set(CALLBACKS.values())


def test_the_bowl_by_hand():
    # 2*(theta - 1) plus half the sum 3: from (1, 2) it is (0, 2) + 1.5.
    gradient = BowlGradient(steep=2.0, centre=1.0, pull=0.5)
    np.testing.assert_array_equal(gradient(np.array([1.0, 2.0])), [1.5, 3.5])


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_the_bowl_keeps_shape_and_dtype(shape):
    gradient = BowlGradient(2.0, 1.0, 0.5)(np.ones(shape, dtype=np.float32))
    assert gradient.shape == shape
    assert gradient.dtype == np.float32

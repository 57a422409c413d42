"""Callbacks of published cases: what they compute, and what they are shown as."""

import numpy as np
import pytest

from descentlab.callbacks import CALLBACKS, BowlGradient
from descentlab.report import show


@pytest.mark.parametrize("kind", CALLBACKS.values())
def test_a_callback_shows_the_code_that_computes_the_same(kind):
    callback = kind()
    shown = eval(show(callback), {"np": np})
    theta = np.array([0.5, -2.0])
    np.testing.assert_array_equal(shown(theta), callback(theta))


def test_the_bowl_by_hand():
    # 2*(theta - 1) plus half the sum 3: from (1, 2) it is (0, 2) + 1.5.
    gradient = BowlGradient(steep=2.0, centre=1.0, pull=0.5)
    np.testing.assert_array_equal(gradient(np.array([1.0, 2.0])), [1.5, 3.5])


@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_the_bowl_keeps_shape_and_dtype(shape):
    gradient = BowlGradient(2.0, 1.0, 0.5)(np.ones(shape, dtype=np.float32))
    assert gradient.shape == shape
    assert gradient.dtype == np.float32

"""How a step is read from its signature, and driven over a problem."""

import inspect

import numpy as np
import pytest

from descentlab import trace
from descentlab.problems import Quadratic
from descentlab.steps import signature_of
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step, sgd_step
from solutions.rmsprop import rmsprop_step

# -- Signatures ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "state", "takes_t", "hyper"),
    [
        (sgd_step, (), False, {"lr": inspect.Parameter.empty}),
        (momentum_step, ("buf",), False, {"lr": inspect.Parameter.empty, "mu": 0.9}),
        (rmsprop_step, ("v",), False, {"lr": 1e-3, "beta": 0.9, "eps": 1e-8}),
        (
            adam_step,
            ("m", "v"),
            True,
            {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
        ),
    ],
)
def test_signatures_of_the_course(step, state, takes_t, hyper):
    signature = signature_of(step)
    assert (signature.state, signature.takes_t) == (state, takes_t)
    assert signature.hyper == hyper


@pytest.mark.parametrize(
    "step",
    [
        lambda grad, theta, lr: theta,
        lambda weights, grad, lr: weights,
        lambda theta, grad: theta,
        lambda theta, grad, v, learning_rate: (theta, v),
        lambda: None,
    ],
)
def test_what_is_no_step(step):
    with pytest.raises(TypeError, match="a step is called as step") as error:
        signature_of(step)
    assert "rename its arguments" in str(error.value)


def test_hyper_parameters_are_filled_in():
    signature = signature_of(momentum_step)
    assert signature.fill({"lr": 0.1}, "momentum_step") == {"lr": 0.1, "mu": 0.9}
    with pytest.raises(TypeError, match="momentum_step takes lr, mu, not nesterov"):
        signature.fill({"lr": 0.1, "nesterov": True}, "momentum_step")
    with pytest.raises(TypeError, match=r"no default for lr: give lr=\.\.\."):
        signature.fill({}, "momentum_step")


# -- trace -----------------------------------------------------------------------------


def test_gradient_descent_on_a_parabola():
    # theta <- theta - 0.25*2*theta halves theta at each step.
    path = trace(sgd_step, lambda theta: 2 * theta, [1.0, -4.0], 3, lr=0.25)
    np.testing.assert_array_equal(path, [[1, -4], [0.5, -2], [0.25, -1], [0.125, -0.5]])


def test_momentum_starts_from_a_zero_buffer():
    # grad 1 at each step: buf = 1, 1.5, 1.75.
    path = trace(momentum_step, np.ones_like, 0.0, 3, lr=1.0, mu=0.5)
    np.testing.assert_array_equal(path, [0, -1, -2.5, -4.25])


def test_adam_counts_from_one():
    # At t = 1 the step is lr*grad/(|grad| + eps), for any gradient.
    path = trace(adam_step, lambda theta: theta, [3.0, -0.01], 1, lr=0.5, eps=0.0)
    np.testing.assert_allclose(path[1], [2.5, 0.49], rtol=1e-12)


def test_a_function_is_a_schedule_of_the_steps_taken():
    rates = []

    def schedule(t):
        rates.append(t)
        return 0.1 * 0.5**t

    path = trace(sgd_step, np.ones_like, 0.0, 3, lr=schedule)
    np.testing.assert_allclose(path, [0, -0.1, -0.15, -0.175])
    assert rates == [0, 1, 2]


def test_no_steps_give_the_start_alone():
    np.testing.assert_array_equal(trace(sgd_step, np.ones_like, [1.0], 0, lr=1), [[1]])


@pytest.mark.parametrize(
    ("start", "dtype"),
    [
        ([1, 2], np.float64),
        (np.ones((2, 3)), np.float64),
        (np.ones(3, np.float32), np.float32),
        (5.0, np.float64),
    ],
)
def test_shape_and_dtype_are_those_of_the_start(start, dtype):
    path = trace(rmsprop_step, lambda theta: 2 * theta, start, 4, lr=0.1)
    assert path.shape == (5, *np.shape(start))
    assert path.dtype == dtype


def test_the_start_is_not_changed():
    start = np.array([1.0, -1.0])
    path = trace(sgd_step, Quadratic((1.0, 2.0)).grad, start, 2, lr=0.5)
    np.testing.assert_array_equal(start, path[0])
    np.testing.assert_array_equal(start, [1.0, -1.0])


def test_a_step_that_works_in_place_leaves_its_rows():
    def in_place(theta, grad, lr):
        theta -= lr * grad
        return theta

    path = trace(in_place, lambda theta: 2 * theta, [1.0], 2, lr=0.25)
    np.testing.assert_array_equal(path, [[1], [0.5], [0.25]])


def test_wrong_hyper_parameters_are_refused_at_once():
    with pytest.raises(TypeError, match="adam_step takes lr, beta1, beta2, eps, not b"):
        trace(adam_step, np.ones_like, [1.0], 1, beta=0.9)

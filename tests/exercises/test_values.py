"""The formulas themselves: each solution and each reference, number by number.

In order: steps computed by hand, dense arrays against exact arithmetic, agreement with
PyTorch and Optax, properties, and what every call must leave as it was.
"""

import copy
import decimal
import math
from decimal import Decimal

import jax
import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import autograder.reference.adam
import autograder.reference.rmsprop
from solutions import adam as solution_adam
from solutions import rmsprop as solution_rmsprop

RMSPROP = {"solution": solution_rmsprop, "reference": autograder.reference.rmsprop}
ADAM = {"solution": solution_adam, "reference": autograder.reference.adam}
STEPS = 50


@pytest.fixture(params=RMSPROP)
def rmsprop(request):
    return RMSPROP[request.param]


@pytest.fixture(params=ADAM)
def adam(request):
    return ADAM[request.param]


def assert_close(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- Steps computed by hand ------------------------------------------------------------


def test_rmsprop_by_hand(rmsprop):
    # beta = 0.75, eps = 0.21, lr = 0.11, from theta = 1, v = 0:
    # grad =  2:   v = 0.25*4                = 1,    root of 1.21 = 1.1, step  0.2
    # grad = -1:   v = 0.75*1 + 0.25*1       = 1,    root of 1.21 = 1.1, step -0.1
    # grad =  0.4: v = 0.75*1 + 0.25*0.16    = 0.79, root of 1    = 1,   step  0.044
    theta, v = np.array([1.0]), np.array([0.0])
    walk = [(2.0, 0.8, 1.0), (-1.0, 0.9, 1.0), (0.4, 0.856, 0.79)]
    for grad, theta_after, v_after in walk:
        theta, v = rmsprop.rmsprop_step(
            theta, np.array([grad]), v, lr=0.11, beta=0.75, eps=0.21
        )
        assert_close(theta, [theta_after])
        assert_close(v, [v_after])


def test_effective_lr_by_hand(rmsprop):
    # lr = 0.3 over the roots of 0.25, 1 and 2.25.
    rates = rmsprop.effective_lr(np.array([0.0, 0.75, 2.0]), lr=0.3, eps=0.25)
    assert_close(rates, [0.6, 0.3, 0.2])


def test_moments_by_hand(adam):
    # beta1 = 0.5, beta2 = 0.75, from zeros:
    # grad =  2: m = 0.5*2            = 1,    v = 0.25*4            = 1
    # grad = -4: m = 0.5*1  + 0.5*-4  = -1.5, v = 0.75*1 + 0.25*16  = 4.75
    # grad =  0: m = 0.5*-1.5         = -0.75, v = 0.75*4.75        = 3.5625
    m, v = np.array([0.0]), np.array([0.0])
    for grad, m_after, v_after in [(2, 1, 1), (-4, -1.5, 4.75), (0, -0.75, 3.5625)]:
        m, v = adam.update_moments(np.array([float(grad)]), m, v, beta1=0.5, beta2=0.75)
        assert_close(m, [m_after])
        assert_close(v, [v_after])


@pytest.mark.parametrize(("t", "corrected"), [(1, 6), (2, 4), (3, 24 / 7)])
def test_bias_correction_by_hand(adam, t, corrected):
    # 3 over 1 - 1/2, 1 - 1/4 and 1 - 1/8.
    assert_close(adam.bias_correct(np.array([3.0]), 0.5, t), [corrected])


def test_adam_by_hand(adam):
    # beta1 = 0.5, beta2 = 0.75, lr = 0.1, eps = 0.5, from theta = 1 and zeros. As every
    # gradient is 2 or -2, v_hat = 4 at each step, and the denominator is 2 + 0.5.
    # t = 1, grad =  2: m =  1,    m_hat =  1/(1/2)    =  2,   step  0.1*2/2.5
    # t = 2, grad = -2: m = -0.5,  m_hat = -0.5/(3/4)  = -2/3, step -0.1*(2/3)/2.5
    # t = 3, grad =  2: m =  0.75, m_hat =  0.75/(7/8) =  6/7, step  0.1*(6/7)/2.5
    # and v = 1, then 0.75*1 + 1 = 1.75, then 0.75*1.75 + 1 = 2.3125.
    theta, m, v = np.array([1.0]), np.array([0.0]), np.array([0.0])
    walk = [(2, 0.92, 1, 1), (-2, 0.92 + 2 / 75, -0.5, 1.75)]
    walk += [(2, 0.92 + 2 / 75 - 6 / 175, 0.75, 2.3125)]
    for t, (grad, theta_after, m_after, v_after) in enumerate(walk, start=1):
        theta, m, v = adam.adam_step(
            theta, np.array([float(grad)]), m, v, t, lr=0.1, beta1=0.5, beta2=0.75,
            eps=0.5,
        )  # fmt: skip
        assert_close(theta, [theta_after])
        assert_close(m, [m_after])
        assert_close(v, [v_after])


@pytest.mark.parametrize("t", [0, -1])
def test_a_step_before_the_first_is_refused(adam, t):
    with pytest.raises(ValueError, match=f"t={t}"):
        adam.bias_correct(np.ones(2), 0.9, t)


# -- Dense arrays, from a state that is not zero ---------------------------------------


def dense(seed, count, shape=(3, 4)):
    """Arrays over several orders of magnitude; the last is positive."""
    rng = np.random.default_rng(seed)
    sizes = 10.0 ** rng.integers(-3, 3, (count, *shape))
    *signed, last = sizes * rng.normal(size=(count, *shape))
    return [*map(np.array, signed), np.abs(last)]


def elementwise(formula, *operands):
    """A formula of one element's numbers, carried out in 40 decimal digits."""
    with decimal.localcontext(prec=40):
        rows = [
            formula(*map(Decimal, numbers))
            for numbers in zip(
                *(array.ravel().tolist() for array in operands), strict=True
            )
        ]
    return [
        np.array(column, dtype=float).reshape(operands[0].shape)
        for column in zip(*rows, strict=True)
    ]


def test_dense_rmsprop(rmsprop):
    lr, beta, eps = map(Decimal, (0.02, 0.8, 0.3))

    def formula(theta, grad, v):
        v = beta * v + (1 - beta) * grad**2
        return theta - lr * grad / (v + eps).sqrt(), v

    theta, grad, v = dense(1, 3)
    got = rmsprop.rmsprop_step(theta, grad, v, lr=0.02, beta=0.8, eps=0.3)
    wanted = elementwise(formula, theta, grad, v)
    assert_close(got, wanted, 1e-14)
    assert_close(rmsprop.effective_lr(v, lr=0.02, eps=0.3) ** -2, (v + 0.3) / 0.02**2)


def test_dense_adam(adam):
    lr, beta1, beta2, eps = map(Decimal, (0.02, 0.8, 0.95, 0.3))

    def formula(theta, grad, m, v):
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad**2
        m_hat, v_hat = m / (1 - beta1**7), v / (1 - beta2**7)
        return theta - lr * m_hat / (v_hat.sqrt() + eps), m, v, m_hat

    theta, grad, m, v = dense(2, 4)
    settings = {"beta1": 0.8, "beta2": 0.95}
    *step, m_hat = elementwise(formula, theta, grad, m, v)
    got = adam.adam_step(theta, grad, m, v, 7, lr=0.02, eps=0.3, **settings)
    assert_close(got, step, 1e-14)
    assert_close(adam.update_moments(grad, m, v, **settings), step[1:], 1e-14)
    assert_close(adam.bias_correct(step[1], 0.8, 7), m_hat, 1e-14)


# -- Agreement with PyTorch and Optax --------------------------------------------------


def noisy_gradients(seed=3, shape=(4, 3)):
    """A fixed course of gradients: direction and noise, parameter scales far apart."""
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-3, 2, shape)
    return scales * rng.normal(0.5, 1.0, (STEPS, *shape))


def torch_run(optimizer, settings):
    """The weights and the optimizer's state after the gradients."""
    theta = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    made = optimizer([theta], **settings)
    for grad in noisy_gradients():
        theta.grad = torch.from_numpy(grad)
        made.step()
    return theta.detach().numpy(), made.state[theta]


def optax_run(transformation):
    """The weights after the gradients, in float64."""
    with jax.enable_x64(True):
        theta = jax.numpy.ones((4, 3))
        state = transformation.init(theta)
        for grad in noisy_gradients():
            updates, state = transformation.update(
                jax.numpy.asarray(grad), state, theta
            )
            theta = optax.apply_updates(theta, updates)
        return np.asarray(theta)


def rmsprop_run(step, settings):
    theta, v = np.ones((4, 3)), np.zeros((4, 3))
    for grad in noisy_gradients():
        theta, v = step(theta, grad, v, **settings)
    return theta, v


def adam_run(step, settings):
    theta, m, v = np.ones((4, 3)), np.zeros((4, 3)), np.zeros((4, 3))
    for t, grad in enumerate(noisy_gradients(), start=1):
        theta, m, v = step(theta, grad, m, v, t, **settings)
    return theta, m, v


RMSPROP_SETTINGS = [
    {},
    {"lr": 0.05},
    {"lr": 0.05, "beta": 0.99},
    {"lr": 0.01, "beta": 0.5, "eps": 0.1},
]
ADAM_SETTINGS = [
    {},
    {"lr": 0.05},
    {"lr": 0.05, "beta1": 0.5},
    {"lr": 0.05, "beta1": 0.0, "beta2": 0.9},
    {"lr": 0.01, "beta1": 0.8, "beta2": 0.99, "eps": 0.1},
]


@pytest.mark.parametrize("settings", RMSPROP_SETTINGS, ids=str)
def test_rmsprop_agrees_with_optax(rmsprop, settings):
    full = {"lr": 1e-3, "beta": 0.9, "eps": 1e-8} | settings
    theirs = optax.rmsprop(
        full["lr"], decay=full["beta"], eps=full["eps"], eps_in_sqrt=True
    )
    assert_close(rmsprop_run(rmsprop.rmsprop_step, settings)[0], optax_run(theirs))


@pytest.mark.parametrize("settings", RMSPROP_SETTINGS, ids=str)
def test_rmsprop_agrees_with_pytorch_without_eps(rmsprop, settings):
    # PyTorch adds eps after the root, so the two agree to rounding where it is zero.
    ours = {**settings, "eps": 0.0}
    theirs = {"lr": ours.get("lr", 1e-3), "alpha": ours.get("beta", 0.9), "eps": 0.0}
    theta, v = rmsprop_run(rmsprop.rmsprop_step, ours)
    wanted, state = torch_run(torch.optim.RMSprop, theirs)
    assert_close(theta, wanted)
    assert_close(v, state["square_avg"])


def test_the_place_of_eps_is_what_differs_from_pytorch(rmsprop):
    theta, v = rmsprop_run(rmsprop.rmsprop_step, {"lr": 0.05, "eps": 1e-3})
    theirs = {"lr": 0.05, "alpha": 0.9, "eps": 1e-3}
    wanted, state = torch_run(torch.optim.RMSprop, theirs)
    assert_close(v, state["square_avg"])
    assert np.abs(theta - wanted).max() > 0.1


@pytest.mark.parametrize("settings", ADAM_SETTINGS, ids=str)
def test_adam_agrees_with_pytorch_and_optax(adam, settings):
    full = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8} | settings
    lr, beta1, beta2, eps = full.values()
    theta, m, v = adam_run(adam.adam_step, settings)
    wanted, state = torch_run(
        torch.optim.Adam, {"lr": lr, "betas": (beta1, beta2), "eps": eps}
    )
    assert_close(theta, wanted)
    assert_close(m, state["exp_avg"])
    assert_close(v, state["exp_avg_sq"])
    assert_close(theta, optax_run(optax.adam(lr, b1=beta1, b2=beta2, eps=eps)))


# -- Properties ------------------------------------------------------------------------


def numbers(low, high):
    """Floats of both signs whose size lies between low and high."""
    size = st.floats(low, high)
    return size | size.map(lambda x: -x)


def vectors(elements):
    return arrays(np.float64, array_shapes(max_dims=2, max_side=3), elements=elements)


@st.composite
def same_shape(draw, *elements):
    """Arrays of one shape, one for each strategy of their elements."""
    shape = draw(array_shapes(min_dims=0, max_dims=3, max_side=3))
    return [draw(arrays(np.float64, shape, elements=x)) for x in elements]


GRADS = numbers(1e-3, 1e3)
WEIGHTS = st.floats(-10, 10)
SQUARES = st.floats(1e-3, 1e3)
DECAYS = st.floats(0.0, 0.999)
FACTORS = st.floats(1e-3, 1e3)
EPS = st.just(0.0) | st.floats(1e-8, 1.0)
STEP_COUNTS = st.integers(1, 10_000)


@given(same_shape(WEIGHTS, GRADS), DECAYS, DECAYS)
def test_first_adam_step_is_the_sign_as_eps_vanishes(arrays, beta1, beta2):
    theta, grad = arrays
    zero = np.zeros_like(theta)
    for module in ADAM.values():
        step, _, _ = module.adam_step(
            zero, grad, zero, zero, 1, lr=0.1, beta1=beta1, beta2=beta2, eps=1e-300
        )
        assert_close(step, -0.1 * np.sign(grad), 1e-11)


@given(same_shape(WEIGHTS, GRADS, SQUARES), FACTORS, EPS)
def test_scaled_gradients_are_another_eps_to_rmsprop(arrays, factor, eps):
    theta, grad, v = arrays
    for module in RMSPROP.values():
        scaled, _ = module.rmsprop_step(theta, factor * grad, factor**2 * v, eps=eps)
        wanted, _ = module.rmsprop_step(theta, grad, v, eps=eps / factor**2)
        assert_close(scaled, wanted)


@given(same_shape(WEIGHTS, GRADS, GRADS, SQUARES), FACTORS, EPS, STEP_COUNTS)
def test_scaled_gradients_are_another_eps_to_adam(arrays, factor, eps, t):
    theta, grad, m, v = arrays
    for module in ADAM.values():
        scaled, _, _ = module.adam_step(
            theta, factor * grad, factor * m, factor**2 * v, t, eps=eps
        )
        wanted, _, _ = module.adam_step(theta, grad, m, v, t, eps=eps / factor)
        assert_close(scaled, wanted)


@given(same_shape(WEIGHTS, SQUARES))
def test_a_zero_gradient_moves_nothing_in_rmsprop(arrays):
    theta, v = arrays
    for module in RMSPROP.values():
        for average in (v, np.zeros_like(v)):
            after, _ = module.rmsprop_step(theta, np.zeros_like(theta), average)
            np.testing.assert_array_equal(after, theta)


@given(same_shape(WEIGHTS, GRADS, SQUARES), FACTORS, EPS)
def test_the_step_of_rmsprop_is_the_effective_rate_times_the_gradient(arrays, lr, eps):
    theta, grad, v = arrays
    for module in RMSPROP.values():
        after, v_after = module.rmsprop_step(theta, grad, v, lr=lr, eps=eps)
        rate = module.effective_lr(v_after, lr=lr, eps=eps)
        np.testing.assert_allclose(after, theta - rate * grad, rtol=1e-12, atol=1e-9)


@given(st.lists(GRADS, min_size=1, max_size=30), st.floats(0.0, 0.99))
def test_no_step_of_rmsprop_is_longer_than_its_first(grads, beta):
    for module in RMSPROP.values():
        v = np.zeros(1)
        for grad in grads:
            step, v = module.rmsprop_step(
                np.zeros(1), np.array([grad]), v, lr=1.0, beta=beta, eps=1e-300
            )
            assert abs(step.item()) <= (1 + 1e-9) / math.sqrt(1 - beta)


@pytest.mark.parametrize("beta", [0.5, 0.9, 0.99])
def test_the_mean_age_of_an_average_is_its_window(rmsprop, beta):
    v, grad, weights = np.zeros(1), np.ones(1), []
    for _ in range(4000):
        _, v = rmsprop.rmsprop_step(np.zeros(1), grad, v, beta=beta)
        grad = np.zeros(1)
        weights.append(v.item())
    ages = np.arange(1, 4001)  # the newest counts as one
    assert_close(ages @ weights, 1 / (1 - beta), 1e-9)


def test_an_average_follows_a_drift_late(adam):
    m, drift = np.zeros(1), 0.01
    for t in range(1, 401):
        grad = np.array([drift * t])
        m, _ = adam.update_moments(grad, m, np.zeros(1), beta1=0.9)
    assert_close(grad - m, 0.9 / (1 - 0.9) * drift)


@given(same_shape(WEIGHTS, GRADS, GRADS, SQUARES), st.floats(1e-8, 1.0), STEP_COUNTS)
def test_the_folded_form_of_adam_folds_eps_too(arrays, eps, t):
    theta, grad, m, v = arrays
    for module in ADAM.values():
        after, m_after, v_after = module.adam_step(theta, grad, m, v, t, eps=eps)
        root = math.sqrt(1 - 0.999**t)
        step = m_after / (np.sqrt(v_after) + eps * root)
        assert_close(after, theta - 1e-3 * root / (1 - 0.9**t) * step)


def test_a_rare_gradient_moves_adam_by_the_root_of_its_share(adam):
    m, v, steps, every = np.zeros(1), np.zeros(1), [], 40
    for t in range(1, 8001):
        grad = np.array([float(t % every == 0)])
        after, m, v = adam.adam_step(np.zeros(1), grad, m, v, t, lr=1.0)
        steps.append(-after.item())
    assert np.mean(steps[4000:]) == pytest.approx(math.sqrt(1 / every), rel=0.01)


def longest_step(t, beta1, beta2):
    """The chapter's bound on Adam's step number t, in learning rates."""
    ratio = beta1**2 / beta2
    width = (1 - beta1) ** 2 / (1 - beta2) * (1 - ratio**t) / (1 - ratio)
    return math.sqrt(width * (1 - beta2**t)) / (1 - beta1**t)


def step_lengths(step, grads, beta1, beta2):
    """The lengths of Adam's steps along a course of gradients, in learning rates."""
    m, v = np.zeros(1), np.zeros(1)
    for t, grad in enumerate(grads, start=1):
        grad = np.array([grad])
        delta, m, v = step(
            np.zeros(1), grad, m, v, t, lr=1.0, beta1=beta1, beta2=beta2, eps=0.0
        )
        yield abs(delta.item())


@given(
    st.lists(GRADS, min_size=1, max_size=30), st.floats(0.0, 0.9), st.floats(0.9, 0.999)
)
def test_adam_steps_stay_below_their_bound(grads, beta1, beta2):
    for module in ADAM.values():
        lengths = step_lengths(module.adam_step, grads, beta1, beta2)
        for t, length in enumerate(lengths, start=1):
            assert length <= longest_step(t, beta1, beta2) * (1 + 1e-9)


def test_gradients_that_grow_reach_the_bound_of_adam(adam):
    grads = (0.999 / 0.9) ** np.arange(100)
    *_, last = step_lengths(adam.adam_step, grads, 0.9, 0.999)
    assert_close(last, longest_step(100, 0.9, 0.999), 1e-9)


@given(vectors(GRADS), DECAYS, st.integers(1, 200))
def test_the_corrected_average_of_a_constant_is_that_constant(grad, beta, steps):
    for module in ADAM.values():
        m = v = np.zeros_like(grad)
        for _ in range(steps):
            m, v = module.update_moments(grad, m, v, beta1=beta, beta2=beta)
        np.testing.assert_allclose(module.bias_correct(m, beta, steps), grad, 1e-10)
        np.testing.assert_allclose(module.bias_correct(v, beta, steps), grad**2, 1e-10)


@given(same_shape(WEIGHTS, GRADS, GRADS, SQUARES), STEP_COUNTS)
def test_adam_step_is_built_from_its_parts(arrays, t):
    theta, grad, m, v = arrays
    for module in ADAM.values():
        after, *moments = module.adam_step(theta, grad, m, v, t)
        wanted = module.update_moments(grad, m, v)
        np.testing.assert_array_equal(moments, wanted)
        m_hat = module.bias_correct(wanted[0], 0.9, t)
        v_hat = module.bias_correct(wanted[1], 0.999, t)
        assert_close(after, theta - 1e-3 * m_hat / (np.sqrt(v_hat) + 1e-8))


# -- What a call leaves as it was ------------------------------------------------------

CALLS = {
    "rmsprop_step": (RMSPROP, 3, ()),
    "effective_lr": (RMSPROP, 1, ()),
    "update_moments": (ADAM, 3, ()),
    "bias_correct": (ADAM, 1, (0.9, 3)),
    "adam_step": (ADAM, 4, (3,)),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4)])
def test_shape_dtype_and_arguments_are_kept(name, dtype, shape):
    modules, count, rest = CALLS[name]
    given = [array.astype(dtype) for array in dense(4, count, shape)]
    before = copy.deepcopy(given)
    for kind, module in modules.items():
        result = getattr(module, name)(*given, *rest)
        for array in result if isinstance(result, tuple) else (result,):
            assert np.shape(array) == shape
            if kind == "solution":
                assert array.dtype == dtype
    for old, new in zip(before, given, strict=True):
        np.testing.assert_array_equal(old, new)

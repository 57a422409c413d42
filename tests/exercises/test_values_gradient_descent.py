"""Gradient descent and momentum, number by number, and what chapter 1 derives of them.

In order: steps computed by hand, agreement with PyTorch and Optax, properties, and the
chapter's results on quadratics.
"""

import jax
import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autograder.reference.gradient_descent
from solutions import gradient_descent as solution

MODULES = {"solution": solution, "reference": autograder.reference.gradient_descent}
STEPS = 50


@pytest.fixture(params=MODULES)
def module(request):
    return MODULES[request.param]


def assert_close(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- Steps computed by hand ------------------------------------------------------------


def test_sgd_by_hand(module):
    # 1 - 0.1*3 and 2 - 0.1*(-5).
    theta, grad = np.array([1.0, 2.0]), np.array([3.0, -5.0])
    assert_close(module.sgd_step(theta, grad, 0.1), [0.7, 2.5])


def test_momentum_by_hand(module):
    # mu = 0.5, lr = 0.1, from theta = 1 and buf = 0:
    # grad =  2: buf = 2,           theta = 1 - 0.2   = 0.8
    # grad = -4: buf = 1 - 4  = -3, theta = 0.8 + 0.3 = 1.1
    # grad =  0: buf = -1.5,        theta = 1.1 + 0.15
    theta, buf = np.array([1.0]), np.array([0.0])
    for grad, theta_after, buf_after in [(2, 0.8, 2), (-4, 1.1, -3), (0, 1.25, -1.5)]:
        grad = np.array([float(grad)])
        theta, buf = module.momentum_step(theta, grad, buf, 0.1, mu=0.5)
        assert_close(theta, [theta_after])
        assert_close(buf, [buf_after])


def test_descent_by_hand(module):
    # The gradient of theta^2 + 3 theta, from 1 with rate 0.1: 1 - 0.5, 0.5 - 0.4.
    path = module.gradient_descent(lambda x: 2 * x + 3, np.array([1.0]), 0.1, 2)
    assert_close(path, [[1.0], [0.5], [0.1]])


# -- Agreement with PyTorch and Optax --------------------------------------------------


def gradients(shape=(4, 3)):
    """A fixed course of gradients: direction and noise, scales far apart."""
    rng = np.random.default_rng(3)
    scales = 10.0 ** rng.uniform(-3, 2, shape)
    return scales * rng.normal(0.5, 1.0, (STEPS, *shape))


def torch_run(**settings):
    """The weights and the buffer of torch.optim.SGD after the gradients."""
    theta = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    made = torch.optim.SGD([theta], **settings)
    for grad in gradients():
        theta.grad = torch.from_numpy(grad)
        made.step()
    return theta.detach().numpy(), made.state[theta].get("momentum_buffer")


def optax_run(transform):
    with jax.enable_x64(True):
        theta = jax.numpy.ones((4, 3))
        state = transform.init(theta)
        for grad in gradients():
            updates, state = transform.update(jax.numpy.asarray(grad), state, theta)
            theta = optax.apply_updates(theta, updates)
        return np.asarray(theta)


def test_sgd_agrees_with_pytorch_and_optax(module):
    theta = np.ones((4, 3))
    for grad in gradients():
        theta = module.sgd_step(theta, grad, 0.03)
    assert_close(theta, torch_run(lr=0.03)[0])
    assert_close(theta, optax_run(optax.sgd(0.03)))


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9, 0.99])
def test_momentum_agrees_with_pytorch_and_optax(module, mu):
    theta, buf = np.ones((4, 3)), np.zeros((4, 3))
    for grad in gradients():
        theta, buf = module.momentum_step(theta, grad, buf, 0.03, mu=mu)
    wanted, kept = torch_run(lr=0.03, momentum=mu)
    assert_close(theta, wanted)
    assert_close(theta, optax_run(optax.sgd(0.03, momentum=mu)))
    if mu:  # without momentum PyTorch keeps no buffer
        assert_close(buf, kept)


def test_momentum_is_0_9_where_nothing_is_said(module):
    arrays = np.random.default_rng(1).normal(size=(3, 5))
    given = module.momentum_step(*arrays, lr=0.1, mu=0.9)
    np.testing.assert_array_equal(module.momentum_step(*arrays, lr=0.1), given)


# -- Properties ------------------------------------------------------------------------

NUMBERS = st.floats(-1e3, 1e3)
RATES = st.floats(0, 10)
SHARES = st.floats(0, 1)


@given(NUMBERS, NUMBERS, NUMBERS, RATES)
def test_momentum_without_memory_is_a_plain_step(theta, grad, buf, lr):
    theta, grad, buf = (np.array([x]) for x in (theta, grad, buf))
    for module in MODULES.values():
        after, kept = module.momentum_step(theta, grad, buf, lr, mu=0.0)
        assert_close(after, module.sgd_step(theta, grad, lr))
        assert_close(kept, grad)


@given(NUMBERS, RATES, SHARES)
def test_where_nothing_pulls_nothing_moves(theta, lr, mu):
    theta, zero = np.array([theta]), np.zeros(1)
    for module in MODULES.values():
        after, buf = module.momentum_step(theta, zero, zero, lr, mu=mu)
        np.testing.assert_array_equal(after, theta)
        np.testing.assert_array_equal(buf, zero)


@given(st.integers(0, 20), st.floats(-1, 1))
def test_a_descent_can_be_taken_up_where_it_ended(steps, lr):
    start = np.array([1.0, -2.0])

    def grad_fn(theta):
        return theta + theta.sum()

    for module in MODULES.values():
        whole = module.gradient_descent(grad_fn, start, lr, steps + 3)
        first = module.gradient_descent(grad_fn, start, lr, steps)
        rest = module.gradient_descent(grad_fn, first[-1], lr, 3)
        np.testing.assert_array_equal(whole, [*first, *rest[1:]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3)])
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_rows_are_copies_of_the_start_s_shape_and_dtype(shape, dtype, steps):
    start = np.ones(shape, dtype)
    path = solution.gradient_descent(lambda x: 2 * x, start, 0.1, steps)
    assert path.shape == (steps + 1, *shape)
    assert path.dtype == dtype
    path[...] = 7
    np.testing.assert_array_equal(start, np.ones(shape, dtype))


# -- What the chapter derives ----------------------------------------------------------

LOW, HIGH = 1.0, 100.0  # curvatures: a condition number of 100
CURVATURES = np.array([LOW, 3.0, 30.0, HIGH])


def errors(step, lr, steps, **hyper):
    """The error of each mode of a quadratic after each step, from 1."""
    theta, state = np.ones(4), (np.zeros(4),) * ("mu" in hyper)
    rows = [theta]
    for _ in range(steps):
        result = step(theta, CURVATURES * theta, *state, lr=lr, **hyper)
        theta, *state = result if hyper else (result,)
        rows.append(theta)
    return np.array(rows)


def contraction(rows):
    """By what factor the error shrinks in a step, late in a run."""
    sizes = np.linalg.norm(rows, axis=1)
    half = len(rows) // 2
    return (sizes[-1] / sizes[half]) ** (1 / (len(rows) - 1 - half))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_below_2_over_l_a_step_gains_what_the_curvature_leaves(module, share):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    curvature, theta = root @ root.T, rng.normal(size=5)
    largest, grad = np.linalg.eigvalsh(curvature)[-1], curvature @ theta
    lr = share * 2 / largest
    after = module.sgd_step(theta, grad, lr)
    gain = 0.5 * (theta @ curvature @ theta - after @ curvature @ after)
    assert gain >= lr * (1 - lr * largest / 2) * grad @ grad > 0


def test_steady_gradients_add_up_and_alternating_ones_cancel(module):
    for sign, wanted in ((1, 1 / (1 - 0.9)), (-1, 1 / (1 + 0.9))):
        buf = np.zeros(1)
        for t in range(400):
            grad = np.array([float(sign) ** t])
            _, buf = module.momentum_step(np.zeros(1), grad, buf, 0.1, mu=0.9)
        assert_close(buf, wanted * grad)


def test_a_flat_mode_creeps_at_the_rate_over_1_minus_mu(module):
    rows = errors(module.momentum_step, 1e-5, 2000, mu=0.9)
    found = (rows[-1, 0] / rows[1000, 0]) ** (1 / 1000)
    assert 1 - found == pytest.approx(1e-5 / (1 - 0.9) * LOW, rel=1e-3)


def test_each_mode_shrinks_by_a_factor_of_its_own(module):
    rows = module.gradient_descent(lambda x: CURVATURES * x, np.ones(4), 0.015, 30)
    t = np.arange(31)[:, None]
    assert_close(rows, (1 - 0.015 * CURVATURES) ** t)


@pytest.mark.parametrize(("rate", "grows"), [(0.999, False), (1.001, True)])
def test_gradient_descent_is_stable_below_2_over_l(module, rate, grows):
    rows = errors(module.sgd_step, rate * 2 / HIGH, 3000)
    assert (abs(rows[-1, -1]) > 1) == grows


def test_the_best_rate_is_2_over_the_sum_of_the_extremes(module):
    best = 2 / (LOW + HIGH)
    wanted = (HIGH - LOW) / (HIGH + LOW)
    assert contraction(errors(module.sgd_step, best, 400)) == pytest.approx(wanted)
    for other in (0.9 * best, 1.01 * best):
        assert contraction(errors(module.sgd_step, other, 400)) > wanted


@pytest.mark.parametrize("mu", [0.5, 0.9])
@pytest.mark.parametrize(("rate", "grows"), [(0.99, False), (1.01, True)])
def test_momentum_is_stable_below_2_1_plus_mu_over_l(module, mu, rate, grows):
    rows = errors(module.momentum_step, rate * 2 * (1 + mu) / HIGH, 3000, mu=mu)
    assert (np.abs(rows[-1, -1]) > 1) == grows


@pytest.mark.parametrize("mu", [0.3, 0.9])
def test_oscillating_modes_shrink_by_the_root_of_mu(module, mu):
    inside = 0.5 * (1 + np.sqrt(mu)) ** 2 / HIGH
    lr = max(inside, 1.01 * (1 - np.sqrt(mu)) ** 2 / HIGH)
    rows = errors(module.momentum_step, lr, 400, mu=mu)[:, -1:]
    # The size of an oscillation: of where it is, and of where it goes.
    sizes = np.hypot(rows[1:, 0], rows[:-1, 0])
    found = (sizes[300] / sizes[100]) ** (1 / 200)
    assert found == pytest.approx(np.sqrt(mu), abs=0.01)


def test_the_best_momentum_replaces_kappa_by_its_root(module):
    low, high = np.sqrt(LOW), np.sqrt(HIGH)
    root_mu = (high - low) / (high + low)
    lr = (2 / (high + low)) ** 2
    rows = errors(module.momentum_step, lr, 800, mu=root_mu**2)
    # At critical damping the error falls as t*root_mu^t: slower by a factor that fades.
    assert contraction(rows) == pytest.approx(root_mu, abs=0.005)
    for other in (root_mu**2 - 0.05, root_mu**2 + 0.05):
        assert contraction(errors(module.momentum_step, lr, 800, mu=other)) > root_mu


@given(st.floats(0.01, 0.99), st.floats(0.01, 5), st.floats(0.001, 5))
def test_the_matrix_of_momentum_has_determinant_mu(mu, curvature, lr):
    def column(theta, buf):
        theta, buf = np.array([theta]), np.array([buf])
        after = solution.momentum_step(theta, curvature * theta, buf, lr, mu=mu)
        return np.concatenate(after)

    matrix = np.stack([column(1.0, 0.0), column(0.0, 1.0)], axis=1)
    assert_close(np.linalg.det(matrix), mu, 1e-9)
    assert_close(np.trace(matrix), 1 + mu - lr * curvature, 1e-9)


def test_small_steps_follow_the_heavy_ball(module):
    # z'' + c z' + k z = 0 from rest at 1, underdamped: friction 1, stiffness 4.
    friction, stiffness, end = 1.0, 4.0, 3.0
    omega = np.sqrt(stiffness - friction**2 / 4)
    decay = np.exp(-friction * end / 2)
    wanted = decay * (
        np.cos(omega * end) + friction / (2 * omega) * np.sin(omega * end)
    )
    gaps = []
    for h in (0.01, 0.005):
        theta, buf = np.ones(1), np.zeros(1)
        for _ in range(round(end / h)):
            grad = stiffness * theta
            theta, buf = module.momentum_step(
                theta, grad, buf, h**2, mu=1 - friction * h
            )
        gaps.append(abs(theta.item() - wanted))
    assert gaps[0] < 0.02
    assert gaps[1] == pytest.approx(gaps[0] / 2, rel=0.1)  # the error is of order h

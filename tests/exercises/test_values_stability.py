"""The formulas of chapter 5: each solution and each reference, number by number.

In order: numbers worked out by hand, agreement with PyTorch and Optax, properties, and
answers that are right in more than one way.
"""

import math

import jax
import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import autograder.reference.stability
from autograder.exercises import race
from autograder.exercises.stability import EXERCISES
from autograder.judge.evaluate import Earlier, evaluate
from autograder.reference.race import train_with
from solutions import stability as solution

MODULES = {"solution": solution, "reference": autograder.reference.stability}
CLIP = next(e for e in EXERCISES if e.name == "clip_by_global_norm")
TRAIN = next(e for e in race.EXERCISES if e.name == "train")
STEPS = 50


@pytest.fixture(params=MODULES)
def module(request):
    return MODULES[request.param]


def assert_close(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


def assert_all_close(got, wanted, tolerance=1e-12):
    for one, other in zip(got, wanted, strict=True):
        assert_close(one, other, tolerance)


# -- By hand ---------------------------------------------------------------------------


def test_clipping_by_hand(module):
    # Squares 9 + 16 + 144 = 169, so the norm is 13, and 6.5 halves everything.
    grads = [np.array([3.0, 0.0]), np.array([[-4.0], [12.0]])]
    assert module.global_norm(grads) == 13.0
    clipped, norm = module.clip_by_global_norm(grads, 6.5)
    assert norm == 13.0
    assert_all_close(clipped, [[1.5, 0.0], [[-2.0], [6.0]]])
    assert_all_close(module.clip_by_value(grads, 3.5), [[3.0, 0.0], [[-3.5], [3.5]]])


def test_the_penalty_by_hand(module):
    # d/dtheta of 0.4/2 * theta^2 is 0.4*theta.
    grad, theta = np.array([1.0, -1.0]), np.array([2.0, 5.0])
    assert_close(module.l2_gradient(grad, theta, 0.4), [1.8, 1.0])


def test_adamw_by_hand(module):
    # beta1 = 0.5, beta2 = 0.75, lr = 0.1, eps = 0.5, weight_decay = 0.2, theta = 1:
    # t = 1, grad =  2: m_hat =  2,   v_hat = 4, step 0.1*2/2.5 = 0.08, decay 0.02*1
    # t = 2, grad = -2: m_hat = -2/3, v_hat = 4, step -0.1*(2/3)/2.5 = -2/75, and the
    # decay is 0.02*0.9.
    theta, m, v = np.array([1.0]), np.array([0.0]), np.array([0.0])
    settings = {"lr": 0.1, "beta1": 0.5, "beta2": 0.75, "eps": 0.5, "weight_decay": 0.2}
    for t, grad, after in ((1, 2.0, 0.9), (2, -2.0, 0.9 + 2 / 75 - 0.018)):
        theta, m, v = module.adamw_step(theta, np.array([grad]), m, v, t, **settings)
        assert_close(theta, [after])


# -- PyTorch and Optax -----------------------------------------------------------------


def gradients(seed, norm=None):
    """A list of gradients of several shapes, of some global norm."""
    rng = np.random.default_rng(seed)
    grads = [rng.normal(size=shape) for shape in ((4, 3), (3,), (), (2, 2, 2))]
    if norm is None:
        return grads
    length = math.sqrt(sum(float(np.sum(grad**2)) for grad in grads))
    return [np.asarray(grad * (norm / length)) for grad in grads]


def with_gradients(grads):
    """PyTorch parameters that have these gradients."""
    parameters = []
    for grad in grads:
        parameter = torch.zeros(grad.shape, dtype=torch.float64, requires_grad=True)
        parameter.grad = torch.from_numpy(grad.copy())
        parameters.append(parameter)
    return parameters


@pytest.mark.parametrize("norm", [0.3, 7.0, 1e4])
@pytest.mark.parametrize("max_norm", [1.0, 5.0])
def test_clipping_by_norm_agrees_with_optax_and_pytorch(module, norm, max_norm):
    grads = gradients(1, norm)
    clipped, before = module.clip_by_global_norm(grads, max_norm)
    assert_close(before, norm)
    with jax.enable_x64(True):
        clip = optax.clip_by_global_norm(max_norm)
        wanted, _ = clip.update([jax.numpy.asarray(g) for g in grads], clip.init(None))
        assert_all_close(clipped, wanted)
    parameters = with_gradients(grads)
    theirs = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    assert_close(before, theirs.item())
    # PyTorch divides by norm + 1e-6: the oracle's alternative has the same guard.
    guarded, _ = autograder.reference.stability.guarded_clip(1e-6)(grads, max_norm)
    assert_all_close(guarded, [p.grad for p in parameters])


@pytest.mark.parametrize("limit", [0.1, 1.0])
def test_clipping_by_value_agrees_with_pytorch_and_optax(module, limit):
    grads = gradients(2)
    clipped = module.clip_by_value(grads, limit)
    parameters = with_gradients(grads)
    torch.nn.utils.clip_grad_value_(parameters, limit)
    assert_all_close(clipped, [p.grad for p in parameters], 0)
    with jax.enable_x64(True):
        clip = optax.clip(limit)
        wanted, _ = clip.update([jax.numpy.asarray(g) for g in grads], clip.init(None))
        assert_all_close(clipped, wanted, 0)


def course_of_gradients(seed=0, shape=(4, 3)):
    """Gradients with direction and noise, parameter scales far apart."""
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.uniform(-3, 2, shape)
    return scales * rng.normal(0.5, 1.0, (STEPS, *shape))


def torch_run(optimizer, **settings):
    theta = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    made = optimizer([theta], **settings)
    for grad in course_of_gradients():
        theta.grad = torch.from_numpy(grad)
        made.step()
    return theta.detach().numpy(), made.state[theta]


def test_the_penalty_agrees_with_pytorchs_sgd(module):
    wanted, _ = torch_run(torch.optim.SGD, lr=0.05, weight_decay=0.3)
    theta = np.ones((4, 3))
    for grad in course_of_gradients():
        theta = theta - 0.05 * module.l2_gradient(grad, theta, 0.3)
    assert_close(theta, wanted)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": 0.05},
        {"lr": 0.05, "weight_decay": 0.3},
        {"lr": 0.05, "weight_decay": 0.0},
        {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "eps": 0.1, "weight_decay": 2.0},
    ],
    ids=str,
)
def test_adamw_agrees_with_pytorch_and_optax(module, settings):
    full = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8} | settings
    decay = full.pop("weight_decay", 1e-2)
    lr, beta1, beta2, eps = full.values()
    theta, m, v = np.ones((4, 3)), np.zeros((4, 3)), np.zeros((4, 3))
    for t, grad in enumerate(course_of_gradients(), start=1):
        theta, m, v = module.adamw_step(theta, grad, m, v, t, **settings)
    wanted, state = torch_run(
        torch.optim.AdamW, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay
    )
    assert_close(theta, wanted)
    assert_close(m, state["exp_avg"])
    assert_close(v, state["exp_avg_sq"])
    with jax.enable_x64(True):
        made = optax.adamw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=decay)
        weights = jax.numpy.ones((4, 3))
        slots = made.init(weights)
        for grad in course_of_gradients():
            updates, slots = made.update(jax.numpy.asarray(grad), slots, weights)
            weights = optax.apply_updates(weights, updates)
        assert_close(theta, weights)


# -- Properties ------------------------------------------------------------------------

ELEMENTS = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)
LISTS = st.lists(
    arrays(np.float64, array_shapes(max_dims=2, max_side=3), elements=ELEMENTS),
    min_size=1,
    max_size=4,
)
BOUNDS = st.floats(1e-2, 1e2)


@given(LISTS, BOUNDS)
def test_clipping_by_norm_shortens_and_keeps_the_direction(grads, max_norm):
    for module in MODULES.values():
        clipped, norm = module.clip_by_global_norm(grads, max_norm)
        assert module.global_norm(clipped) <= max_norm * (1 + 1e-12)
        assert_close(module.global_norm(clipped), min(norm, max_norm), 1e-9)
        scale = min(1.0, max_norm / norm)
        for one, other in zip(clipped, grads, strict=True):
            np.testing.assert_allclose(one, scale * other, rtol=1e-12)


@given(LISTS, BOUNDS)
def test_clipping_by_value_never_turns_a_gradient_away(grads, limit):
    for module in MODULES.values():
        clipped = module.clip_by_value(grads, limit)
        for one, other in zip(clipped, grads, strict=True):
            assert np.all(np.abs(one) <= limit)
            assert np.all(one * other > 0)


@given(LISTS, BOUNDS)
def test_clipping_twice_is_clipping_once(grads, bound):
    for module in MODULES.values():
        once, _ = module.clip_by_global_norm(grads, bound)
        assert_all_close(module.clip_by_global_norm(once, bound)[0], once, 1e-9)
        values = module.clip_by_value(grads, bound)
        assert_all_close(module.clip_by_value(values, bound), values, 0)


def test_the_penalty_is_decay_under_gradient_descent_and_not_under_adam(module):
    theta, grad = np.array([1.0, -2.0]), np.array([0.5, 4.0])
    penalized = module.l2_gradient(grad, theta, 0.1)
    assert_close(theta - 0.2 * penalized, (1 - 0.2 * 0.1) * theta - 0.2 * grad)
    zero = np.zeros(2)
    coupled, _, _ = module.adamw_step(theta, penalized, zero, zero, 1, weight_decay=0.0)
    decoupled, _, _ = module.adamw_step(theta, grad, zero, zero, 1, weight_decay=0.1)
    assert np.abs(coupled - decoupled).min() > 5e-5


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_a_norm_that_is_not_finite_is_refused(module, bad):
    with pytest.raises(ValueError, match=r"inf|nan"):
        module.clip_by_global_norm([np.ones(2), np.array([bad])], 1.0)


# -- What is right in more than one way ------------------------------------------------


def clip_with(guard, of=lambda i: 1.0):
    """Clipping that adds ``guard*of(i)`` to the norm for array number ``i``."""

    def clip_by_global_norm(grads, max_norm):
        norm = solution.clip_by_global_norm(grads, max_norm)[1]
        if norm <= max_norm:
            return list(grads), norm
        pairs = enumerate(grads)
        return [g * (max_norm / (norm + guard * of(i))) for i, g in pairs], norm

    return clip_by_global_norm


EPS = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "guard", [0.0, 1e-6, EPS, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16]
)
def test_a_guard_is_right(guard, seed):
    assert evaluate(CLIP, clip_with(guard), seed).status == "passed"
    # The oracle computes in float64, which costs its dtype.
    trained = evaluate(TRAIN, train_with(clip_with(guard)), seed)
    assert trained.status == "partial", trained.report


@pytest.mark.parametrize("guard", [1e-3, 1e-4, 1e-5, -1e-6])
def test_another_guard_is_wrong(guard):
    assert evaluate(CLIP, clip_with(guard), 0).status == "failed"
    assert evaluate(TRAIN, train_with(clip_with(guard)), 0).status == "failed"


def test_a_mixture_of_two_right_answers_is_wrong():
    mixed = clip_with(1e-6, of=lambda i: float(i > 0))
    assert evaluate(CLIP, mixed, 0).status == "failed"


def test_a_wrong_norm_is_told_where_it_is_used():
    clip = autograder.reference.stability.clip_by_global_norm_from

    def sum_of_norms(grads):
        return float(sum(np.linalg.norm(grad) for grad in grads))

    earlier = Earlier({"global_norm": sum_of_norms}, ["global_norm"])
    verdict = evaluate(CLIP, clip(sum_of_norms), 0, earlier)
    assert verdict.score == 0
    assert "the mistake is in your global_norm" in verdict.report.advice[0]

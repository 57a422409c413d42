"""Schedules and clipping in NumPy, around PyTorch's optimizers."""

import math

import numpy as np
import pytest
import torch

from descentlab.scale import clip, optimizer, scheduler
from solutions.gradient_descent import sgd_step


def cosine(t, T=10, lr_max=0.1):
    return lr_max / 2 * (1 + np.cos(np.pi * t / T))


def parameters(*gradients, dtype=torch.float64):
    params = []
    for gradient in gradients:
        params.append(torch.zeros(np.shape(gradient), dtype=dtype, requires_grad=True))
        params[-1].grad = torch.tensor(gradient, dtype=dtype)
    return params


def opt(groups=1):
    made = optimizer(sgd_step)(parameters([1.0]), lr=1.0)
    for _ in range(groups - 1):
        made.add_param_group({"params": parameters([1.0])})
    return made


def rates(made):
    return [group["lr"] for group in made.param_groups]


# -- scheduler -------------------------------------------------------------------------


@pytest.mark.parametrize("make", [optimizer(sgd_step), torch.optim.SGD])
def test_a_schedule_sets_the_rate_from_t_0_on(make):
    made = make(parameters([1.0]), lr=123.0)
    run = scheduler(cosine, made)
    seen = []
    for _ in range(25):
        seen.append(made.param_groups[0]["lr"])
        made.step()
        run.step()
    np.testing.assert_allclose(seen, cosine(np.arange(25)), rtol=1e-14)
    assert all(type(rate) is float for rate in seen)
    np.testing.assert_allclose(run.get_last_lr(), cosine(25))


def test_it_agrees_with_pytorchs_cosine():
    made, theirs = opt(), torch.optim.SGD(parameters([1.0]), lr=0.1)
    run = scheduler(cosine, made)
    wanted = torch.optim.lr_scheduler.CosineAnnealingLR(theirs, T_max=10)
    for _ in range(10):
        np.testing.assert_allclose(rates(made), rates(theirs), rtol=1e-12)
        for each in (made, theirs, run, wanted):
            each.step()


def test_a_schedule_for_each_group():
    made = opt(groups=2)
    run = scheduler([cosine, lambda t: 1.0 - t / 4], made)
    made.step()
    run.step()
    np.testing.assert_allclose(rates(made), [cosine(1), 0.75])
    one = opt(groups=2)
    scheduler(cosine, one)
    assert rates(one) == [0.1, 0.1]


def test_a_scheduler_goes_on_from_its_state():
    made = opt()
    run = scheduler(cosine, made)
    for _ in range(4):
        made.step()
        run.step()
    saved = run.state_dict()
    other = opt()
    resumed = scheduler(cosine, other)
    resumed.load_state_dict(saved)
    assert not any(callable(value) for value in saved.values())
    for each in (made, other, run, resumed):
        each.step()
    assert rates(made) == rates(other) == [cosine(5)]


@pytest.mark.parametrize("value", [None, "0.1", np.ones(2), [0.1], 1j])
def test_a_schedule_that_gives_no_number(value):
    def schedule(t):
        return value

    with pytest.raises(TypeError, match=r"schedule\(0\) must be one number, got"):
        scheduler(schedule, opt())


def test_what_a_schedule_raises_comes_through():
    def schedule(t):
        raise ValueError("T must be positive")

    with pytest.raises(ValueError, match="T must be positive"):
        scheduler(schedule, opt())


def test_schedules_that_do_not_fit_the_groups():
    with pytest.raises(ValueError, match="each of the 2 parameter groups; got 3"):
        scheduler([cosine] * 3, opt(groups=2))


# -- clip ------------------------------------------------------------------------------


def clip_by_global_norm(grads, max_norm):
    norm = math.sqrt(sum(float(np.sum(g * g)) for g in grads))
    if max_norm <= 0 or not math.isfinite(norm):
        raise ValueError("max_norm must be positive and the norm finite")
    factor = min(1.0, max_norm / norm)
    return [g * factor for g in grads], norm


def clip_by_value(grads, limit):
    return [np.clip(g, -limit, limit) for g in grads]


def gradients(params):
    return [param.grad.tolist() for param in params]


def test_clipping_by_the_norm():
    # 3, 4 and 12 have the norm 13.
    params = parameters([3.0, 4.0], 12.0)
    assert clip(clip_by_global_norm, params, 6.5) == 13.0
    assert gradients(params) == [[1.5, 2.0], 6.0]
    assert clip(clip_by_global_norm, iter(params), 6.5) == 6.5


def test_clipping_by_value():
    params = parameters([3.0, -4.0], [[0.5]])
    assert clip(clip_by_value, params, 2.0) is None
    assert gradients(params) == [[2.0, -2.0], [[0.5]]]


def test_clipping_agrees_with_pytorch():
    rng = np.random.default_rng(0)
    draws = [rng.normal(size=(3, 4)), rng.normal(size=5)]
    ours, theirs = parameters(*draws), parameters(*draws)
    norm = clip(clip_by_global_norm, ours, 1.0)
    wanted = torch.nn.utils.clip_grad_norm_(theirs, 1.0)
    np.testing.assert_allclose(norm, wanted, rtol=1e-12)
    for one, two in zip(ours, theirs, strict=True):
        # PyTorch divides by norm + 1e-6.
        np.testing.assert_allclose(one.grad, two.grad, rtol=1e-6)


def test_parameters_without_gradient_and_one_alone():
    (param,) = parameters([3.0, 4.0])
    assert clip(clip_by_global_norm, [param, torch.ones(2)], 1.0) == 5.0
    assert clip(clip_by_global_norm, param, 0.5) == pytest.approx(1.0)


def test_half_precision_is_clipped_in_float32():
    params = parameters([3.0, 4.0], dtype=torch.bfloat16)

    def spy(grads, max_norm):
        assert grads[0].dtype == np.float32
        return clip_by_global_norm(grads, max_norm)

    assert clip(spy, params, 2.5) == 5.0
    assert params[0].grad.dtype == torch.bfloat16
    assert gradients(params) == [[1.5, 2.0]]


def test_what_the_function_raises_comes_through():
    params = parameters([3.0])
    with pytest.raises(ValueError, match="max_norm must be positive"):
        clip(clip_by_global_norm, params, -1.0)
    assert gradients(params) == [[3.0]]


def test_results_that_do_not_fit():
    params = parameters([3.0], [4.0])
    with pytest.raises(TypeError, match="must return the list of its 2 arrays"):
        clip(lambda grads, limit: grads[:1], params, 1.0)
    with pytest.raises(TypeError, match="must return the list"):
        clip(lambda grads, limit: None, params, 1.0)
    with pytest.raises(ValueError, match=r"must keep shapes: \(1,\) became \(\)"):
        clip(lambda grads, limit: [g.sum() for g in grads], params, 1.0)
    assert gradients(params) == [[3.0], [4.0]]

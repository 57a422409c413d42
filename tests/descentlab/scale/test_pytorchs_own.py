"""PyTorch's descriptions of its optimizers' tests, applied to steps in NumPy.

``torch.testing._internal.common_optimizers`` lists settings, errors and schedulers with
which PyTorch tests each of its optimizers. What does not apply stands in ``OTHER``.
"""

import copy

import numpy as np
import pytest
import torch
from torch.testing._internal.common_optimizers import optim_db

from descentlab.scale import optimizer
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step, sgd_step
from solutions.stability import adamw_step

INFOS = {info.optim_cls.__name__: info for info in optim_db}
OTHER = {
    "maximize": "a step says itself which way it goes",
    "betas": "a step in NumPy has beta1 and beta2, which are checked in test_semantics",
    "foreach": "there is one way to run a step",
    "fused": "there is one way to run a step",
    "capturable": "a step counts in Python",
    "differentiable": "a step is not differentiated",
    "dampening": "no step of the course has it",
    "tensor lr": "any lr may be a tensor of one element",
}


def l2_adam(theta, grad, m, v, t, lr=1e-3, weight_decay=0.0):
    return adam_step(theta, grad + weight_decay * theta, m, v, t, lr)


def amsgrad(theta, grad, m, v, top, t, lr=1e-3, weight_decay=0.0):
    grad = grad + weight_decay * theta
    m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
    top = np.maximum(top, v)
    root = np.sqrt(top / (1 - 0.999**t)) + 1e-8
    return theta - lr / (1 - 0.9**t) * m / root, m, v, top


def amsgrad_w(theta, grad, m, v, top, t, lr=1e-3, weight_decay=1e-2):
    theta = theta * (1 - lr * weight_decay)
    return amsgrad(theta, grad, m, v, top, t, lr)


def l2_momentum(theta, grad, buf, lr=1e-3, momentum=0.0, weight_decay=0.0):
    return momentum_step(theta, grad + weight_decay * theta, buf, lr, momentum)


def nesterov(theta, grad, buf, lr=1e-3, momentum=0.0, weight_decay=0.0):
    grad = grad + weight_decay * theta
    buf = momentum * buf + grad
    return theta - lr * (grad + momentum * buf), buf


STEPS = {
    "Adam": {"": l2_adam, "amsgrad": amsgrad},
    "AdamW": {"": adamw_step, "amsgrad": amsgrad_w},
    "SGD": {"": l2_momentum, "nesterov": nesterov},
}


def applicable():
    """For each setting of PyTorch's that a step has, the step and that setting."""
    for name, steps in STEPS.items():
        for given in INFOS[name].optim_inputs_func(device="cpu"):
            kwargs = dict(given.kwargs)
            if kwargs.keys() & OTHER.keys() or torch.is_tensor(kwargs.get("lr")):
                continue
            flags = [flag for flag in steps if flag and kwargs.pop(flag, False)]
            step = steps[flags[0] if flags else ""]
            label = f"{name}, {given.desc}"
            yield pytest.param(INFOS[name], step, given.kwargs, kwargs, id=label)


def network(dtype=torch.float64):
    torch.manual_seed(0)
    parts = torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)
    return torch.nn.Sequential(*parts).to(dtype)


def train(model, made, steps=12, scheduler=None):
    for count in range(steps):
        made.zero_grad()
        dtype = next(model.parameters()).dtype
        loss = model(torch.cos(torch.arange(8.0) + count).view(2, 4).to(dtype)).square()
        loss.sum().backward()
        made.step()
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            scheduler.step(loss.sum().detach())
        elif scheduler is not None:
            scheduler.step()


def assert_same(ours, theirs, tolerance=1e-12):
    for mine, wanted in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("info", "step", "theirs", "ours"), [*applicable()])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=str
)
def test_settings(info, step, theirs, ours, dtype, tolerance):
    one, other = network(dtype), network(dtype)
    train(one, optimizer(step)(one.parameters(), **ours))
    train(other, info.optim_cls(other.parameters(), **theirs))
    assert_same(one, other, tolerance)


def errors():
    for name, steps in STEPS.items():
        for error in INFOS[name].optim_error_inputs_func("cpu", torch.float32):
            given = error.optimizer_error_input
            if not given.kwargs.keys() & OTHER.keys() - {"lr"}:
                label = f"{name}, {given.desc}"
                yield pytest.param(steps[""], error, id=label)


@pytest.mark.parametrize(("step", "error"), [*errors()])
def test_errors(step, error):
    given, kind = error.optimizer_error_input, error.error_type
    told = pytest.warns if issubclass(kind, Warning) else pytest.raises
    # What is PyTorch's own to say is said in its words.
    words = "" if "lr" in given.kwargs else error.error_regex
    params = given.params or [torch.ones(1, requires_grad=True)]
    with told(kind, match=words or None):
        optimizer(step)(params, **given.kwargs)


def schedulers():
    for name in STEPS:
        for place, makers in enumerate(INFOS[name].scheduler_inputs):
            yield pytest.param(name, makers, id=f"{name}-{place}")


@pytest.mark.parametrize(("name", "makers"), [*schedulers()])
def test_schedulers(name, makers):
    one, other = network(), network()
    made = optimizer(STEPS[name][""])(one.parameters(), lr=0.01)
    wanted = INFOS[name].optim_cls(other.parameters(), lr=0.01)
    for model, opt in ((one, made), (other, wanted)):
        chain = [maker(opt) for maker in makers]
        for _ in range(12):
            for scheduler in chain:
                train(model, opt, 1, scheduler)
    assert made.param_groups[0]["lr"] == pytest.approx(wanted.param_groups[0]["lr"])
    assert_same(one, other)


CYCLES = {
    "OneCycleLR": lambda opt: torch.optim.lr_scheduler.OneCycleLR(
        opt, 0.1, total_steps=20, cycle_momentum=False
    ),
    "CyclicLR": lambda opt: torch.optim.lr_scheduler.CyclicLR(
        opt, 0.001, 0.1, 4, cycle_momentum=False
    ),
    "SWALR": lambda opt: torch.optim.swa_utils.SWALR(opt, 0.05, 4),
    "SequentialLR": lambda opt: torch.optim.lr_scheduler.SequentialLR(
        opt,
        [
            torch.optim.lr_scheduler.LinearLR(opt, 0.1, total_iters=4),
            torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, 4),
        ],
        [4],
    ),
    "LambdaLR": lambda opt: torch.optim.lr_scheduler.LambdaLR(opt, lambda t: 0.9**t),
}


@pytest.mark.parametrize("make", CYCLES.values(), ids=CYCLES)
def test_schedulers_that_write_into_groups(make):
    one, other = network(), network()
    made = optimizer(l2_momentum)(one.parameters(), lr=0.01, momentum=0.9)
    wanted = torch.optim.SGD(other.parameters(), lr=0.01, momentum=0.9)
    saved = []
    for model, opt in ((one, made), (other, wanted)):
        scheduler = make(opt)
        train(model, opt, 12, scheduler)
        saved.append(opt.state_dict()["param_groups"][0])
    assert_same(one, other)
    for key in saved[1].keys() & {"initial_lr", "max_lr", "min_lr", "swa_lr", "lr"}:
        assert saved[0][key] == pytest.approx(saved[1][key])


def test_momentum_that_a_scheduler_cycles():
    one, other = network(), network()
    made = optimizer(l2_momentum)(one.parameters(), lr=0.01, momentum=0.9)
    wanted = torch.optim.SGD(other.parameters(), lr=0.01, momentum=0.9)
    for model, opt in ((one, made), (other, wanted)):
        train(model, opt, 12, torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, 20))
    assert_same(one, other)


@pytest.mark.parametrize("name", STEPS)
def test_state_dicts_go_both_ways_through_a_deep_copy(name):
    model = network()
    made = optimizer(STEPS[name][""])(model.parameters(), lr=0.01)
    train(model, made)
    other, copied = copy.deepcopy((model, made))
    fresh = optimizer(STEPS[name][""])(other.parameters())
    fresh.load_state_dict(copied.state_dict())
    train(model, made)
    train(other, fresh)
    assert_same(model, other, 0)


def test_tensors_of_one_element_as_rates():
    one, other = network(), network()
    rates = [torch.tensor(0.1, dtype=torch.float64) for _ in "ab"]
    made = optimizer(sgd_step)(one.parameters(), lr=rates[0])
    wanted = torch.optim.SGD(other.parameters(), lr=rates[1])
    for model, opt, rate in ((one, made, rates[0]), (other, wanted, rates[1])):
        train(model, opt, 3)
        rate.mul_(0.5)
        train(model, opt, 3)
    assert_same(one, other)

"""optimizer(step): a NumPy step as a torch.optim.Optimizer."""

import copy
import importlib
import inspect
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from descentlab.scale import optimizer
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step, sgd_step
from solutions.rmsprop import rmsprop_step

STEPS = 100


def adamw_step(
    theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2
):
    decay = lr * weight_decay * theta
    theta, m, v = adam_step(theta, grad, m, v, t, lr, beta1, beta2, eps)
    return theta - decay, m, v


def adagrad_step(theta, grad, total, lr=1e-2, eps=1e-10):
    total = total + grad**2
    return theta - lr * grad / (np.sqrt(total) + eps), total


def rmsprop_outside(theta, grad, v, lr=1e-2, beta=0.99, eps=1e-8):
    v = beta * v + (1 - beta) * np.square(grad)
    return theta - lr * grad / (np.sqrt(v) + eps), v


def amsgrad_step(theta, grad, m, v, top, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = m + (1 - beta1) * (grad - m)
    v = beta2 * v + (1 - beta2) * grad * grad
    top = np.maximum(top, v)
    root = np.sqrt(top / (1 - beta2**t)) + eps
    return theta - lr / (1 - beta1**t) * m / root, m, v, top


def network(dtype=torch.float64):
    """A small classifier, the same each time."""
    torch.manual_seed(0)
    layers = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)
    return nn.Sequential(*layers).to(dtype)


def loss_of(model):
    """The classifier's loss on three clusters of points."""
    rng = np.random.default_rng(1)
    labels = torch.arange(30) % 3
    dtype = next(model.parameters()).dtype
    points = torch.as_tensor(rng.normal(size=(30, 4)), dtype=dtype)
    return nn.functional.cross_entropy(model(points + labels[:, None]), labels)


def train(model, made, steps=STEPS, scheduler=None):
    """Train a model; its weights as one vector."""
    for _ in range(steps):
        made.zero_grad()
        loss_of(model).backward()
        made.step()
        if scheduler is not None:
            scheduler.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()


def parameter(*values, grad=None):
    """A leaf with a gradient, where one is given."""
    made = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    if grad is not None:
        made.grad = torch.tensor(grad, dtype=torch.float64)
    return made


# -- Agreement with PyTorch ------------------------------------------------------------

PAIRS = {
    "sgd": (sgd_step, torch.optim.SGD, {"lr": 0.1}, {}),
    "momentum": (momentum_step, torch.optim.SGD, {"lr": 0.1}, {"momentum": 0.9}),
    "adam": (adam_step, torch.optim.Adam, {"lr": 0.01}, {}),
    "adamw": (adamw_step, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}, {}),
    "amsgrad": (amsgrad_step, torch.optim.Adam, {"lr": 0.01}, {"amsgrad": True}),
    "adagrad": (adagrad_step, torch.optim.Adagrad, {"lr": 0.1}, {}),
    "rmsprop": (rmsprop_outside, torch.optim.RMSprop, {"lr": 0.01}, {"alpha": 0.99}),
}


@pytest.mark.parametrize(("step", "theirs", "both", "more"), PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)], ids=str
)
def test_agreement_with_pytorch(step, theirs, both, more, dtype, tolerance):
    ours, wanted = network(dtype), network(dtype)
    got = train(ours, optimizer(step)(ours.parameters(), **both))
    expected = train(wanted, theirs(wanted.parameters(), **both, **more))
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)
    assert {p.dtype for p in ours.parameters()} == {dtype}
    assert loss_of(ours) < 0.5 < loss_of(network(dtype))


@pytest.mark.parametrize("step", [sgd_step, adam_step])
def test_a_learning_rate_scheduler_drives_it(step):
    theirs = torch.optim.SGD if step is sgd_step else torch.optim.Adam
    weights = []
    for make in (optimizer(step), theirs):
        model = network()
        made = make(model.parameters(), lr=0.1)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(made, T_max=STEPS)
        weights.append(train(model, made, scheduler=scheduler))
    np.testing.assert_allclose(*weights, rtol=1e-12, atol=1e-12)
    assert made.param_groups[0]["lr"] < 1e-12


def test_parameter_groups_have_their_own_settings():
    first, second = parameter(1.0, grad=[1.0]), parameter(1.0, grad=[1.0])
    made = optimizer(momentum_step)([{"params": [first], "lr": 0.5}], lr=0.1)
    made.add_param_group({"params": [second], "mu": 0.0})
    for _ in range(2):
        made.step()
    # buf = 1 and 1.9 with mu = 0.9; 1 and 1 with mu = 0.
    np.testing.assert_allclose(first.item(), 1 - 0.5 * 2.9)
    np.testing.assert_allclose(second.item(), 1 - 0.1 * 2)
    assert [group["mu"] for group in made.param_groups] == [0.9, 0.0]


@pytest.mark.parametrize("kind", [torch.tensor, np.float64])
def test_a_rate_of_another_kind_is_a_number_to_the_step(kind):
    seen = []

    def spy(theta, grad, lr):
        seen.append(type(lr))
        return theta - lr * grad

    weights = torch.ones(2, requires_grad=True)
    weights.grad = torch.ones(2)
    made = optimizer(spy)([weights], lr=0.1)
    made.param_groups[0]["lr"] = kind(0.5)
    made.step()
    assert seen == [float]
    np.testing.assert_array_equal(weights.detach(), [0.5, 0.5])


# -- State -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:spy runs as plain NumPy")
def test_state_begins_at_zero_and_t_at_one():
    seen = []

    def spy(theta, grad, m, v, t, lr=1.0):
        seen.append((t, np.array(m), np.array(v)))
        return theta, m + 1, v + 2

    made = optimizer(spy)([parameter(0.0, 0.0, grad=[1.0, 1.0])])
    made.step()
    made.step()
    assert [t for t, _, _ in seen] == [1, 2]
    np.testing.assert_array_equal(seen[0][1:], np.zeros((2, 2)))
    np.testing.assert_array_equal(seen[1][1:], [[1, 1], [2, 2]])


def test_state_is_kept_by_name_for_each_parameter():
    weights = parameter(1.0, 2.0, grad=[1.0, 1.0])
    made = optimizer(adam_step)([weights])
    made.step()
    state = made.state[weights]
    assert state["t"] == 1
    np.testing.assert_allclose(state["m"], 0.1)
    np.testing.assert_allclose(state["v"], 0.001)
    assert state["m"].shape == weights.shape


def test_a_state_dict_continues_the_run():
    model = network()
    made = optimizer(adam_step)(model.parameters(), lr=0.01)
    train(model, made, steps=5)
    resumed = copy.deepcopy(model)
    other = optimizer(adam_step)(resumed.parameters(), lr=0.5)
    other.load_state_dict(copy.deepcopy(made.state_dict()))
    np.testing.assert_array_equal(train(model, made, 5), train(resumed, other, 5))


# -- Gradients and closures ------------------------------------------------------------


def test_a_parameter_without_gradient_stays():
    moved, frozen = parameter(1.0, grad=[1.0]), parameter(1.0)
    made = optimizer(adam_step)([moved, frozen])
    made.step()
    assert moved.item() != 1.0
    assert frozen.item() == 1.0
    assert frozen not in made.state


def test_a_zero_gradient_moves_nothing_at_the_start():
    weights = parameter(1.0, -2.0, grad=[0.0, 0.0])
    optimizer(rmsprop_step)([weights]).step()
    np.testing.assert_array_equal(weights.detach(), [1.0, -2.0])


def test_a_closure_is_called_with_gradients_on():
    weights = parameter(3.0)
    made = optimizer(sgd_step)([weights], lr=0.5)

    def closure():
        made.zero_grad()
        loss = (weights**2).sum()
        loss.backward()
        return loss

    assert made.step(closure).item() == 9.0
    assert weights.item() == 0.0
    assert made.step() is None


@pytest.mark.parametrize("shape", [(3,), (3, 2), ()])
def test_gradients_of_which_a_graph_was_made(shape):
    weights = torch.full(shape, 2.0, requires_grad=True)
    (weights.grad,) = torch.autograd.grad(
        (weights**2).sum(), weights, create_graph=True
    )
    optimizer(sgd_step)([weights], lr=0.25).step()
    np.testing.assert_array_equal(weights.detach(), np.full(shape, 1.0))
    assert weights.grad.requires_grad and weights.requires_grad


@pytest.mark.parametrize("shape", [(5,), (3, 2)])
def test_gradients_that_are_one_number_in_memory(shape):
    weights = torch.ones(shape, requires_grad=True)
    weights.grad = torch.ones(()).expand(shape)
    optimizer(sgd_step)([weights], lr=0.25).step()
    np.testing.assert_array_equal(weights.detach(), np.full(shape, 0.75))


def test_hooks_into_a_step():
    weights = parameter(1.0, grad=[1.0])
    made, seen = optimizer(sgd_step)([weights], lr=0.5), []
    made.register_step_pre_hook(lambda *_: seen.append(weights.item()))
    made.register_step_post_hook(lambda *_: seen.append(weights.item()))
    everywhere = register_optimizer_step_post_hook(lambda *_: seen.append("everywhere"))
    made.step()
    everywhere.remove()
    assert seen == [1.0, 0.5, "everywhere"]


def test_a_profiler_sees_a_step():
    weights = parameter(1.0, grad=[1.0])
    made = optimizer(sgd_step)([weights], lr=0.5)
    made.step()
    with torch.profiler.profile() as profile:
        made.step()
    names = [event.name for event in profile.events()]
    assert names.count("Optimizer.step#sgd_step.step") == 1


def test_the_gradient_is_not_changed():
    weights = parameter(1.0, 2.0, grad=[0.5, -0.5])
    optimizer(adam_step)([weights]).step()
    np.testing.assert_array_equal(weights.grad, [0.5, -0.5])


def test_a_step_that_works_in_place_is_applied_once():
    def in_place(theta, grad, v, lr=0.5):
        v += grad
        theta -= lr * v
        return theta, v

    weights = parameter(1.0, grad=[1.0])
    made = optimizer(in_place)([weights])
    made.step()
    made.step()
    # v = 1, then 2.
    assert weights.item() == 1 - 0.5 - 1.0


@pytest.mark.parametrize("transposed", [False, True])
def test_weights_of_any_memory_order(transposed):
    weights = torch.arange(6.0).reshape(2, 3)
    weights = (weights.t() if transposed else weights).requires_grad_()
    weights.grad = torch.ones_like(weights)
    before = weights.detach().clone()
    optimizer(momentum_step)([weights], lr=1.0).step()
    np.testing.assert_array_equal(weights.detach(), before - 1)


# -- What is refused -------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_results(count):
    def broken(theta, grad, v, lr=0.1):
        return (theta - lr * grad,) * count

    weights = parameter(1.0, grad=[1.0])
    words = r"broken must return 2 arrays: the new theta and its state \(v\)"
    with pytest.raises(TypeError, match=words):
        optimizer(broken)([weights]).step()
    assert weights.item() == 1.0


@pytest.mark.parametrize("result", [None, 0.5])
def test_a_result_that_is_no_tuple(result):
    with pytest.raises(TypeError, match="must return 2 arrays"):
        optimizer(lambda theta, grad, v, lr: result)(
            [parameter(1.0, grad=[1.0])], lr=0.1
        ).step()


def test_what_the_step_raises_comes_through():
    def careful(theta, grad, lr=0.1):
        if lr > 1:
            raise ValueError(f"lr must not be so large, got {lr}")
        return theta - lr * grad

    weights = parameter(1.0, grad=[1.0])
    made = optimizer(careful)([weights], lr=2.0)
    with pytest.raises(
        ValueError, match=r"^lr must not be so large, got 2\.0$"
    ) as error:
        made.step()
    assert error.value.__context__ is None
    made.param_groups[0]["lr"] = 0.5
    made.step()
    assert weights.item() == 0.5
    assert made.state[weights]["t"] == 1


def test_a_result_of_another_shape():
    def flat(theta, grad, v, lr=0.1):
        return theta - lr * grad, np.mean(grad)

    with pytest.raises(
        ValueError, match=r"flat returns v of shape \(\) for theta of shape"
    ):
        optimizer(flat)([parameter(1.0, 2.0, grad=[1.0, 2.0])]).step()


def test_a_list_of_results_is_as_good_as_a_tuple():
    def listed(theta, grad, v, lr=0.1):
        return [theta - lr * grad, v]

    weights = parameter(1.0, grad=[1.0])
    optimizer(listed)([weights]).step()
    assert weights.item() == 0.9


def test_hyper_parameters_are_checked():
    with pytest.raises(TypeError, match="adam_step takes lr, beta1, beta2, eps, not b"):
        optimizer(adam_step)([parameter(1.0)], betas=(0.9, 0.99))
    with pytest.raises(TypeError, match="no default for lr"):
        optimizer(sgd_step)([parameter(1.0)])
    with pytest.raises(TypeError, match="a step is called as step"):
        optimizer(lambda weights, slope: weights)


def test_the_class_has_the_name_of_the_step():
    made = optimizer(adam_step)
    assert made is optimizer(adam_step)
    assert (made.__name__, inspect.isclass(made)) == ("adam_step", True)
    assert issubclass(made, torch.optim.Optimizer)


def test_without_pytorch_a_notebook_shows_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "descentlab.scale")
    with pytest.raises(ModuleNotFoundError) as error:
        importlib.import_module("descentlab.scale")
    (line,) = error.value._render_traceback_()
    assert "needs PyTorch, which is not installed here" in line

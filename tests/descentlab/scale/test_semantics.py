"""All that torch.optim promises of parameters, gradients and state holds here, too."""

import copy
import io
import pickle
import weakref
from collections import defaultdict

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import loop, optimizer
from solutions.adam import adam_step

Adam = optimizer(adam_step)


def momentum_step(theta, grad, buf, lr=0.1, mu=0.9):
    buf = mu * buf + grad
    return theta - lr * buf, buf


Momentum = optimizer(momentum_step)


def network(dtype=torch.float64, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)


def loss_of(model, shift=0.0):
    points = torch.linspace(-1, 1, 40).reshape(10, 4).to(next(model.parameters()).dtype)
    return (model(points + shift) ** 2).mean()


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).numpy()


def train(model, made, steps=5, zero=None, backwards=1):
    for count in range(steps):
        (zero or made.zero_grad)()
        for part in range(backwards):
            loss_of(model, count + part).backward()
        made.step()


def size_of(saved):
    file = io.BytesIO()
    torch.save(saved, file)
    return len(file.getvalue())


def reloaded(saved):
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def pair(**hyper):
    """Two networks, one trained by us, one by PyTorch."""
    ours, theirs = network(), network()
    return (
        ours,
        Adam(ours.parameters(), **hyper),
        theirs,
        torch.optim.Adam(theirs.parameters(), **hyper),
    )


def assert_equal(ours, theirs):
    np.testing.assert_allclose(weights(ours), weights(theirs), rtol=1e-12, atol=1e-13)


# -- Parameters and gradients stay where they are --------------------------------------


def test_nothing_moves_and_nothing_is_written_but_parameters():
    model = network()
    held = [p.detach() for p in model.parameters()]
    arrays = [p.detach().numpy() for p in model.parameters()]
    saved = model.state_dict()
    made = Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        made.zero_grad()
        loss_of(model).backward()
        gradients = [p.grad for p in model.parameters()]
        before = [g.clone() for g in gradients]
        places = [p.data_ptr() for p in model.parameters()]
        made.step()
        assert places == [p.data_ptr() for p in model.parameters()]
        for param, gradient, old in zip(
            model.parameters(), gradients, before, strict=True
        ):
            assert param.grad is gradient and torch.equal(gradient, old)
    for param, tensor, array in zip(model.parameters(), held, arrays, strict=True):
        assert torch.equal(param, tensor)
        np.testing.assert_array_equal(param.detach(), array)
    for name, param in model.named_parameters():
        assert torch.equal(saved[name], param)


def test_gradients_are_none_or_zero_as_asked():
    model = network()
    made = Adam(model.parameters())
    loss_of(model).backward()
    made.step()
    gradients = [p.grad for p in model.parameters()]
    made.zero_grad(set_to_none=False)
    assert all(p.grad is g for p, g in zip(model.parameters(), gradients, strict=True))
    assert not any(g.any() for g in gradients)
    made.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_no_gradient_is_kept_alive(dtype):
    model = network(dtype)
    made = Adam(model.parameters())
    loss_of(model).backward()
    made.step()
    gradients = [weakref.ref(p.grad) for p in model.parameters()]
    made.zero_grad()
    assert all(gradient() is None for gradient in gradients)


def test_a_step_counts_as_a_change_for_autograd():
    weights = torch.ones(3, requires_grad=True)
    made = Adam([weights])
    loss = (weights**2).sum()
    loss.backward(retain_graph=True)
    before = weights._version
    made.step()
    assert weights._version > before
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("who", ["optimizer", "model", "zeros"])
@pytest.mark.parametrize("backwards", [1, 3])
def test_gradients_are_forgotten_and_accumulated_as_in_pytorch(who, backwards):
    ours, made, theirs, wanted = pair(lr=0.01)
    for model, opt in ((ours, made), (theirs, wanted)):
        zero = {
            "optimizer": opt.zero_grad,
            "model": model.zero_grad,
            "zeros": lambda opt=opt: opt.zero_grad(set_to_none=False),
        }[who]
        train(model, opt, zero=zero, backwards=backwards)
    assert_equal(ours, theirs)


# -- Parameters that rest --------------------------------------------------------------


class Heads(nn.Module):
    """A body and two heads, of which a pass uses one."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Linear(4, 5)
        self.heads = nn.ModuleList([nn.Linear(5, 1), nn.Linear(5, 1)])
        self.double()

    def loss(self, head):
        points = torch.linspace(-1, 1, 40, dtype=torch.float64).reshape(10, 4)
        return (self.heads[head](self.body(points)) ** 2).mean()


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("who", ["optimizer", "model", "zeros"])
def test_parameters_without_gradient_rest_as_in_pytorch(who, clipped):
    trained = []
    for make in (Adam, torch.optim.Adam):
        model = Heads()
        made = make(model.parameters(), lr=0.01)
        for head in (0, 0, 1, 0, 1, 1, 1):
            if who == "model":
                model.zero_grad()
            else:
                made.zero_grad(set_to_none=who == "optimizer")
            model.loss(head).backward()
            if clipped:
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            made.step()
        trained.append(model)
    assert_equal(*trained)


def test_a_gradient_of_zeros_counts_if_it_was_set():
    params = [torch.ones(2, requires_grad=True) for _ in range(2)]
    made = Momentum(params)
    for _ in range(2):
        for param in params:
            param.grad = torch.ones(2)
        made.step()
        made.zero_grad()
    before = params[0].detach().clone()
    params[0].grad = torch.zeros(2)
    made.step()
    # buf = 1.9, then 0.9*1.9; the other one was left alone.
    np.testing.assert_allclose(before - params[0].detach(), 0.1 * 0.9 * 1.9, rtol=1e-5)
    np.testing.assert_allclose(before, params[1].detach())


def test_a_step_without_a_backward_pass_moves_nothing():
    params = [torch.ones(2, requires_grad=True) for _ in range(2)]
    made = Momentum(params)
    sum(param.sum() for param in params).backward()
    made.step()
    made.zero_grad()
    before = [param.detach().clone() for param in params]
    made.step()
    assert all(map(torch.equal, before, params))
    assert made.state[params[0]]["t"] == 1


def test_frozen_shared_and_empty_parameters():
    ours, theirs = network(), network()
    for model in (ours, theirs):
        model[0].weight.requires_grad_(False)
        model.append(nn.Linear(3, 3).double())
        torch.manual_seed(1)
        model.append(nn.Linear(3, 3).double())
        model[3].load_state_dict(model[4].state_dict())
        model[4].weight = model[3].weight
        model.register_parameter("none", nn.Parameter(torch.ones(0, 3).double()))
    made, wanted = Adam(ours.parameters()), torch.optim.Adam(theirs.parameters())
    for model, opt in ((ours, made), (theirs, wanted)):
        for count in range(4):
            opt.zero_grad()
            (loss_of(model, count) + model.get_parameter("none").sum()).backward()
            opt.step()
        model[0].weight.requires_grad_(True)
        train(model, opt)
    assert ours[4].weight is ours[3].weight
    assert_equal(ours, theirs)


def test_a_parameter_added_later():
    ours, made, theirs, wanted = pair(lr=0.01)
    for model, opt in ((ours, made), (theirs, wanted)):
        train(model, opt)
        torch.manual_seed(3)
        model.append(nn.Linear(3, 2).double())
        model.append(nn.Linear(2, 2).double())
        opt.add_param_group({"params": model[3].parameters(), "lr": 0.1})
        opt.param_groups[0]["params"].extend(model[4].parameters())
        train(model, opt)
    assert_equal(ours, theirs)


# -- Memory that is not the optimizer's ------------------------------------------------


def test_two_parameters_in_one_memory_stay_there():
    whole = torch.arange(8.0)
    params = [whole[:3].requires_grad_(), whole[3:].requires_grad_()]
    made = Momentum(params, lr=1.0)
    for param in params:
        param.grad = torch.ones_like(param)
    made.step()
    np.testing.assert_array_equal(whole, np.arange(8.0) - 1)


def test_a_view_of_something_bigger_stays_there():
    whole = torch.zeros(4)
    params = [whole[1:3].requires_grad_(), torch.zeros(2, requires_grad=True)]
    made = Momentum(params, lr=1.0)
    for param in params:
        param.grad = torch.ones(2)
    made.step()
    np.testing.assert_array_equal(whole, [0, -1, -1, 0])


def test_tied_data_stays_tied():
    a, b, c = (torch.ones(3, requires_grad=True) for _ in range(3))
    b.data = a.data
    made = Momentum([a, b, c], lr=1.0)
    for param in (a, b, c):
        param.grad = torch.ones(3)
    made.step()
    # Both steps are made on the same memory, as PyTorch makes them.
    np.testing.assert_array_equal(a.detach(), [-1, -1, -1])
    np.testing.assert_array_equal(b.detach(), [-1, -1, -1])
    np.testing.assert_array_equal(c.detach(), [0, 0, 0])


def test_memory_shared_with_another_process_stays_shared():
    params = [torch.ones(3).share_memory_().requires_grad_() for _ in range(2)]
    other = [param.data for param in params]
    made = Momentum(params, lr=1.0)
    for param in params:
        param.grad = torch.ones(3)
    made.step()
    assert all(param.is_shared() for param in params)
    np.testing.assert_array_equal(torch.stack(other), np.zeros((2, 3)))


def put_elsewhere(tensor):
    tensor.data = tensor.data.clone()


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    "what",
    [
        lambda made, param: param,
        lambda made, param: param.grad,
        lambda made, param: made.state[param]["buf"],
    ],
    ids=["values", "gradients", "state"],
)
@pytest.mark.parametrize("move", [torch.Tensor.share_memory_, put_elsewhere])
def test_memory_that_others_put_elsewhere(move, what, count):
    """The tensors are the same objects then, and the old memory may be gone."""
    params = [torch.ones(3, requires_grad=True) for _ in range(count)]
    made = Momentum(params, lr=1.0)
    for step in range(3):
        for param in params:
            param.grad = torch.ones(3)
        if step:
            for param in params:
                move(what(made, param))
        made.step()
        made.zero_grad()
    # The buffer is 1, 1.9 and 2.71.
    for param in params:
        np.testing.assert_allclose(param.detach(), 1 - 1 - 1.9 - 2.71, rtol=1e-6)
        np.testing.assert_allclose(made.state[param]["buf"], 2.71, rtol=1e-6)


def test_gradients_that_were_changed_by_their_data():
    params = [torch.ones(3, requires_grad=True) for _ in range(2)]
    made = Momentum(params, lr=1.0)
    for _ in range(2):
        made.zero_grad()
        sum(5 * param.sum() for param in params).backward()
        for param in params:
            param.grad.data = param.grad.data.clamp(max=1.0)
        made.step()
    for param in params:
        np.testing.assert_allclose(param.detach(), 1 - 1 - 1.9, rtol=1e-6)


@pytest.mark.parametrize(
    "of",
    [
        lambda x: x.t(),
        lambda x: x[:, ::2],
        lambda x: x[1],
        lambda x: x[0, 0],
        lambda x: x[:0],
        lambda x: x.reshape(1, 2, 3, 1).to(memory_format=torch.channels_last),
        lambda x: x.unsqueeze(1),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_any_order_in_memory(of, alone):
    base = torch.arange(6.0).reshape(2, 3)
    params = [of(base).requires_grad_()]
    params += [] if alone else [torch.ones(3, requires_grad=True)]
    wanted = [param.detach() - 1 - 1.9 for param in params]
    made = Momentum(params, lr=1.0)
    for _ in range(2):
        for param in params:
            param.grad = torch.ones(param.shape)
        made.step()
    for param, expected in zip(params, wanted, strict=True):
        np.testing.assert_allclose(param.detach(), expected, rtol=1e-6)


def test_views_of_one_another_change_in_turn_however_many_threads(monkeypatch):
    """Two parameters that overlap: the second sees what the first has done."""
    size = 300_000
    monkeypatch.setattr(loop, "THREAD_FROM", size // 3)

    def halves(make):
        whole = torch.ones(size + 10)
        params = [whole[:size].requires_grad_(), whole[10:].requires_grad_()]
        made = make(params)
        for count in range(3):
            for param in params:
                param.grad = torch.linspace(0, 1, size) + count
            made.step()
        return whole

    def step(theta, grad, lr=0.1):
        return theta * 0.5 - lr * grad

    def by_hand(params):
        class Opt(torch.optim.SGD):
            @torch.no_grad()
            def step(self):
                for param in params:
                    param.copy_(param * 0.5 - 0.1 * param.grad)

        return Opt(params)

    torch.set_num_threads(2)
    try:
        torch.testing.assert_close(halves(optimizer(step)), halves(by_hand))
    finally:
        torch.set_num_threads(1)


def test_an_expanded_parameter_is_refused_as_in_pytorch():
    for make in (Momentum, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)):
        param = torch.ones(1).expand(3).requires_grad_()
        param.grad = torch.ones(3)
        with pytest.raises(RuntimeError, match="single memory location"):
            make([param]).step()


@pytest.mark.parametrize("change", [lambda x: x.view(3, 2), lambda x: x[:1]])
def test_a_shape_that_its_state_does_not_have_is_an_error_as_in_pytorch(change):
    for make in (Momentum, lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)):
        param = torch.ones(2, 3, requires_grad=True)
        made = make([param])
        for _ in range(2):
            param.grad = torch.ones(2, 3)
            made.step()
        param.data = change(param.data)
        param.grad = torch.ones_like(param)
        with pytest.raises((RuntimeError, ValueError), match=r"shape|size"):
            made.step()


def test_channels_last_needs_no_copies():
    model = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    made = Momentum(model.parameters())
    model(torch.ones(1, 3, 5, 5)).sum().backward()
    made.step()
    weight = model.weight
    assert made.state[weight]["buf"].stride() == weight.stride()
    other = nn.Conv2d(3, 4, 3)  # a checkpoint in another order of memory
    loaded = Momentum(other.parameters())
    loaded.load_state_dict(made.state_dict())
    assert loaded.state[other.weight]["buf"].stride() == other.weight.stride()
    assert torch.equal(loaded.state[other.weight]["buf"], made.state[weight]["buf"])


# -- Moves -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_in_another_dtype(dtype):
    model = network()
    made = Adam(model.parameters())
    train(model, made)
    before = weights(model)
    model.to(dtype)
    train(model, made)
    assert {p.dtype for p in model.parameters()} == {dtype}
    assert {s["m"].dtype for s in made.state.values()} == {torch.float64}
    assert {s["t"] for s in made.state.values()} == {10}
    moved = np.abs(
        before
        - torch.cat([p.detach().double().flatten() for p in model.parameters()]).numpy()
    )
    assert 0 < moved.max() < 0.05


def test_values_put_elsewhere():
    ours, made, theirs, wanted = pair(lr=0.01)
    for model, opt in ((ours, made), (theirs, wanted)):
        train(model, opt)
        for param in model.parameters():
            param.data = 0.5 * param.data
        train(model, opt)
        model.load_state_dict({k: 2 * v for k, v in model.state_dict().items()})
        train(model, opt)
    assert_equal(ours, theirs)


def test_state_put_elsewhere():
    ours, made, theirs, wanted = pair(lr=0.01)
    train(ours, made)
    train(theirs, wanted)
    for kept in made.state.values():
        kept["m"] = torch.zeros_like(kept["m"])
    for kept in wanted.state.values():
        kept["exp_avg"] = torch.zeros_like(kept["exp_avg"])
    train(ours, made)
    train(theirs, wanted)
    assert_equal(ours, theirs)


@pytest.mark.parametrize("whole", [True, False])
def test_a_state_that_is_forgotten(whole):
    ours, made, theirs, wanted = pair(lr=0.01)
    for model, opt in ((ours, made), (theirs, wanted)):
        train(model, opt)
        if whole:
            opt.state = defaultdict(dict)
        else:
            opt.state[model[0].weight] = {}
        train(model, opt)
    assert_equal(ours, theirs)
    assert made.state[ours[0].weight]["t"] == 5
    assert made.state[ours[2].weight]["t"] == (5 if whole else 10)


def test_mixed_dtypes_in_one_group():
    params = [
        torch.ones(4, dtype=dtype, requires_grad=True)
        for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16) * 2
    ]
    made = Adam(params, lr=0.25)
    for _ in range(3):
        for param in params:
            param.grad = torch.ones_like(param)
        made.step()
    # A constant gradient moves Adam by lr at each step.
    for param in params:
        assert param.grad.dtype == param.dtype
        tolerance = 1e-6 if param.dtype in (torch.float64, torch.float32) else 0.02
        np.testing.assert_allclose(param.detach().double(), 0.25, atol=tolerance)
    # As PyTorch keeps it.
    assert all(made.state[param]["v"].dtype == param.dtype for param in params)


# -- Saving and copying ----------------------------------------------------------------


def test_what_is_saved_is_no_larger_than_pytorchs():
    ours, made, theirs, wanted = pair(lr=0.01)
    plain = size_of(theirs.state_dict()), size_of(theirs[2].state_dict())
    train(ours, made)
    train(theirs, wanted)
    assert (size_of(ours.state_dict()), size_of(ours[2].state_dict())) == plain
    assert size_of(made.state_dict()) <= size_of(wanted.state_dict())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("fresh", [True, False])
def test_a_run_goes_on_from_a_saved_state(dtype, fresh):
    model = network(dtype)
    made = Adam(model.parameters(), lr=0.01)
    train(model, made)
    saved = reloaded({"model": model.state_dict(), "opt": made.state_dict()})
    other = network(dtype, seed=7)
    resumed = Adam(other.parameters(), lr=0.5, beta1=0.1)
    if not fresh:
        train(other, resumed, steps=2)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["opt"])
    assert resumed.param_groups[0]["lr"] == 0.01
    train(model, made)
    train(other, resumed)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
        assert torch.equal(made.state[one]["v"], resumed.state[two]["v"])


def test_a_checkpoint_of_pytorchs_adam():
    """Whose state has the same names; how it counts and pairs betas is translated."""

    def step(
        theta, grad, exp_avg, exp_avg_sq, t, lr=1e-3, beta1=0.5, beta2=0.5, eps=1e-8
    ):
        return adam_step(theta, grad, exp_avg, exp_avg_sq, t, lr, beta1, beta2, eps)

    ours, theirs = network(), network()
    wanted = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.8, 0.9))
    train(theirs, wanted)
    ours.load_state_dict(theirs.state_dict())
    made = optimizer(step)(ours.parameters())
    made.load_state_dict(copy.deepcopy(wanted.state_dict()))
    train(ours, made)
    train(theirs, wanted)
    assert_equal(ours, theirs)
    assert made.state[ours[0].weight]["t"] == 10


def test_a_checkpoint_that_lacks_a_hyper_parameter_or_has_one_more():
    model = network()
    made = Adam(model.parameters(), eps=1e-3)
    train(model, made)
    saved = made.state_dict()
    group = saved["param_groups"][0]
    del group["eps"]
    group["more"] = 7
    other = Adam(model.parameters(), eps=1e-5)
    other.load_state_dict(saved)
    assert other.param_groups[0]["eps"] == 1e-5
    assert other.param_groups[0]["more"] == 7
    train(model, other)


def test_hooks_see_what_is_saved_and_loaded_and_can_change_it():
    model = network()
    made, seen = Adam(model.parameters()), []
    train(model, made)
    made.register_state_dict_pre_hook(lambda opt: seen.append("pre"))

    def lower(opt, saved):
        saved["param_groups"][0]["lr"] = 0.5
        return saved

    made.register_state_dict_post_hook(lower)

    def rename(opt, saved):
        for kept in saved["state"].values():
            kept["m"] = kept.pop("mean", kept.get("m"))
        return saved

    made.register_load_state_dict_pre_hook(rename)
    made.register_load_state_dict_post_hook(lambda opt: seen.append("post"))
    saved = copy.deepcopy(made.state_dict())
    for kept in saved["state"].values():
        kept["mean"] = kept.pop("m")
    made.load_state_dict(saved)
    assert seen == ["pre", "post"] and made.param_groups[0]["lr"] == 0.5
    train(model, made)


def test_a_state_of_another_step_is_refused():
    model = network()
    made = Adam(model.parameters())
    theirs = network()
    other = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    train(theirs, other)
    with pytest.raises(
        ValueError, match=r"not adam_step.s, which keeps m, v for each parameter"
    ):
        made.load_state_dict(other.state_dict())
    momentum = Momentum(model.parameters())
    train(model, momentum)
    saved = momentum.state_dict()
    saved["param_groups"] = made.state_dict()["param_groups"]
    with pytest.raises(ValueError, match="not adam_step's"):
        made.load_state_dict(saved)


@pytest.mark.parametrize("by", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_their_own_way(by):
    model = network()
    made = Adam(model.parameters(), lr=0.01)
    train(model, made)
    other, copied = by((model, made))
    assert type(copied) is Adam
    before = weights(model)
    train(other, copied)
    np.testing.assert_array_equal(weights(model), before)
    train(model, made)
    np.testing.assert_array_equal(weights(model), weights(other))


class Warm(Adam):
    """A subclass, which pickle finds by its name."""

    def warm(self):
        return "warm"


@pytest.mark.parametrize("by", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_keep_their_class(by):
    model = network()
    made = Warm(model.parameters(), lr=0.01)
    train(model, made)
    other, copied = by((model, made))
    assert type(copied) is Warm and copied.warm() == "warm"
    train(model, made)
    train(other, copied)
    np.testing.assert_array_equal(weights(model), weights(other))


def test_a_copied_model_has_memory_of_its_own():
    model = network()
    train(model, Adam(model.parameters()))
    other = copy.deepcopy(model[2])
    assert other.weight.untyped_storage().nbytes() == 3 * 8 * 8
    with torch.no_grad():
        other.weight.zero_()
    assert model[2].weight.abs().sum() > 0


# -- Groups and hyper-parameters -------------------------------------------------------


def test_hyper_parameters_by_position_in_the_order_of_the_step():
    made = Adam(network().parameters(), 0.5, 0.8, eps=1e-3)
    group = made.param_groups[0]
    wanted = {"lr": 0.5, "beta1": 0.8, "beta2": 0.999, "eps": 1e-3}
    assert {name: group[name] for name in wanted} == wanted
    with pytest.raises(TypeError, match="got lr twice"):
        Adam(network().parameters(), 0.5, lr=0.5)
    with pytest.raises(TypeError, match=r"takes 4 hyper-parameters \(lr, .*, got 5"):
        Adam(network().parameters(), 1, 0, 0, 0, 0)


def test_a_rate_that_only_the_groups_have():
    def step(theta, grad, lr):
        return theta - lr * grad

    weights = torch.ones(2, requires_grad=True)
    weights.grad = torch.ones(2)
    optimizer(step)([{"params": [weights], "lr": 0.25}]).step()
    assert torch.equal(weights.detach(), torch.full((2,), 0.75))
    with pytest.raises(TypeError, match="no default for lr"):
        optimizer(step)([{"params": [weights]}])


def test_groups_keep_what_they_hold_beside():
    first, second = (torch.ones(2, requires_grad=True) for _ in "ab")
    made = Adam([{"params": [first], "lr_scale": 0.1}], lr=0.1)
    made.add_param_group({"params": [second], "weight_decay": 0.5, "name": "b"})
    for param in (first, second):
        param.grad = torch.ones(2)
    made.step()
    assert made.param_groups[0]["lr_scale"] == 0.1
    assert made.state_dict()["param_groups"][1]["weight_decay"] == 0.5


@pytest.mark.parametrize(
    ("hyper", "words"),
    [
        ({"lr": -1}, "lr must be 0 or more, got lr=-1"),
        ({"lr": float("nan")}, "lr must be 0 or more, got lr=nan"),
        ({"lr": torch.tensor(-0.5)}, "lr must be 0 or more, got lr=-0.5"),
        ({"lr": torch.tensor([0.1, 0.2])}, "lr must be one number, got 2 in a tensor"),
        ({"beta1": 1.5}, "beta1 must be 0 or more and less than 1, got beta1=1.5"),
        ({"beta2": 1}, "beta2 must be 0 or more and less than 1, got beta2=1"),
        ({"eps": -1}, "eps must be 0 or more, got eps=-1"),
    ],
)
def test_hyper_parameters_out_of_range(hyper, words):
    with pytest.raises(ValueError, match=words):
        Adam(network().parameters(), **hyper)
    made = Adam(network().parameters())
    with pytest.raises(ValueError, match=words):
        made.add_param_group({"params": network(seed=1).parameters(), **hyper})
    assert len(made.param_groups) == 1


# -- What is refused -------------------------------------------------------------------


def test_complex_parameters():
    with pytest.raises(TypeError, match=r"adam_step takes float64, .* got complex64"):
        Adam([torch.ones(2, dtype=torch.complex64, requires_grad=True)])


def test_a_refused_group_is_not_added():
    made = Adam(network().parameters())
    with pytest.raises(TypeError, match="got complex128"):
        made.add_param_group({"params": [torch.ones(2, dtype=torch.complex128)]})
    assert len(made.param_groups) == 1


def test_sparse_gradients():
    layer = nn.Embedding(5, 2, sparse=True)
    layer(torch.tensor([1, 2])).sum().backward()
    with pytest.raises(TypeError, match=r"takes dense gradients.* sparse=False"):
        Adam(layer.parameters()).step()


@pytest.mark.parametrize("mark", ["device_mesh", "_is_flat_param", "_fsdp_flattened"])
def test_sharded_parameters(mark):
    param = torch.ones(2, requires_grad=True)
    setattr(param, mark, True)
    with pytest.raises(TypeError, match="whole parameters, got a sharded one"):
        Adam([param])

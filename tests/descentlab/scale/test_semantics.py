"""Where parameters, gradients and state lie, and what that must not change."""

import copy
import io
import pickle
from collections import defaultdict

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import optimizer
from descentlab.scale.buffers import ALIGNED
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


# -- One buffer of each kind -----------------------------------------------------------


def test_parameters_gradients_and_state_lie_side_by_side():
    model = network()
    made = Adam(model.parameters())
    train(model, made, steps=1)
    first, second = list(model.parameters())[:2]
    offset = -(-first.numel() // ALIGNED) * ALIGNED * first.element_size()
    for of in (lambda p: p, lambda p: p.grad, lambda p: made.state[p]["m"]):
        assert of(second).data_ptr() - of(first).data_ptr() == offset


def test_they_stay_there():
    model = network()
    made = Adam(model.parameters())
    train(model, made, steps=1)
    places = [(p.data_ptr(), p.grad.data_ptr()) for p in model.parameters()]
    train(model, made)
    assert places == [(p.data_ptr(), p.grad.data_ptr()) for p in model.parameters()]


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


def test_parameters_gradients_and_state_are_there_once():
    params = [torch.ones(size, requires_grad=True) for size in (1000, 3000, 7)]
    made = Momentum(params)
    for _ in range(3):
        made.zero_grad()
        sum(param.sum() for param in params).backward()
        made.step()
    (bucket,) = made._buckets[0]
    elements = sum(param.numel() for param in params)
    assert [b.numel() - elements < 3 * ALIGNED for b in bucket.arrays()] == [True] * 3
    for buffer, of in zip(
        bucket.arrays(),
        (lambda p: p, lambda p: p.grad, lambda p: made.state[p]["buf"]),
        strict=True,
    ):
        ends = buffer.data_ptr(), buffer.data_ptr() + buffer.nbytes
        assert all(ends[0] <= of(param).data_ptr() < ends[1] for param in params)


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
    params[0].grad.zero_()
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
    assert {s["m"].dtype for s in made.state.values()} == {torch.float32}
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
        np.testing.assert_allclose(param.detach().double(), 0.25, atol=1e-6)
    kept = [made.state[param]["v"].dtype for param in params[:4]]
    assert kept == [torch.float64] + [torch.float32] * 3


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


def test_a_loaded_state_is_a_copy():
    model = network()
    made = Adam(model.parameters())
    train(model, made)
    saved = made.state_dict()
    before = saved["state"][0]["m"].clone()
    other = network()
    resumed = Adam(other.parameters())
    resumed.load_state_dict(saved)
    train(other, resumed)
    assert torch.equal(saved["state"][0]["m"], before)


def test_a_state_of_another_step_is_refused():
    model = network()
    made = Adam(model.parameters())
    other = torch.optim.SGD(network().parameters(), lr=0.1, momentum=0.9)
    with pytest.raises(
        ValueError, match=r"not adam_step.s: that keeps m, v .* lr, beta1"
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


def test_a_copied_model_has_memory_of_its_own():
    model = network()
    train(model, Adam(model.parameters()))
    other = copy.deepcopy(model[2])
    assert other.weight.untyped_storage().nbytes() == 3 * 8 * 8
    with torch.no_grad():
        other.weight.zero_()
    assert model[2].weight.abs().sum() > 0


# -- What is refused -------------------------------------------------------------------


def test_complex_parameters():
    with pytest.raises(TypeError, match=r"adam_step takes float64, .* got complex64"):
        Adam([torch.ones(2, dtype=torch.complex64, requires_grad=True)])


def test_a_refused_group_is_not_added():
    made = Adam(network().parameters())
    with pytest.raises(TypeError, match="got complex128"):
        made.add_param_group({"params": [torch.ones(2, dtype=torch.complex128)]})
    with pytest.raises(TypeError, match=r"adam_step takes lr, .*, not weight_decay"):
        made.add_param_group({"params": [torch.ones(2)], "weight_decay": 0.1})
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

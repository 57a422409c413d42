"""Slow weights around an optimizer."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import UnsupportedStep, lookahead, optimizer, scheduler
from solutions.adam import adam_step
from solutions.gradient_descent import sgd_step


def lookahead_sync(slow, fast, alpha=0.5):
    return slow + alpha * (fast - slow)


def network(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)


def train(model, made, steps):
    dtype = next(model.parameters()).dtype
    for count in range(steps):
        made.zero_grad()
        (model(torch.ones(2, 4, dtype=dtype) * count) ** 2).mean().backward()
        made.step()


def weights(model):
    return torch.cat(
        [p.detach().double().flatten() for p in model.parameters()]
    ).numpy()


def by_hand(steps, k, alpha, make):
    """The same, step by step, with PyTorch's optimizer."""
    model = network()
    made = make(model.parameters(), lr=0.01)
    slow = [param.detach().clone() for param in model.parameters()]
    for count in range(steps):
        made.zero_grad()
        (model(torch.ones(2, 4).double() * count) ** 2).mean().backward()
        made.step()
        if (count + 1) % k == 0:
            for param, old in zip(model.parameters(), slow, strict=True):
                old += alpha * (param.detach() - old)
                param.data.copy_(old)
    return weights(model)


@pytest.mark.parametrize("make", [optimizer(adam_step), torch.optim.Adam])
@pytest.mark.parametrize(("k", "alpha"), [(1, 0.5), (3, 0.8), (50, 0.5)])
def test_agreement_with_the_rule_by_hand(make, k, alpha):
    model = network()
    made = lookahead(lookahead_sync, make(model.parameters(), lr=0.01), k, alpha)
    train(model, made, 7)
    wanted = by_hand(7, k, alpha, torch.optim.Adam)
    np.testing.assert_allclose(weights(model), wanted, rtol=1e-12, atol=1e-14)


def test_one_fast_step_and_the_whole_way_is_the_inner_optimizer():
    one, other = network(), network()
    inner = optimizer(adam_step)(one.parameters(), lr=0.01)
    train(one, lookahead(lookahead_sync, inner, k=1, alpha=1.0), 6)
    train(other, optimizer(adam_step)(other.parameters(), lr=0.01), 6)
    np.testing.assert_allclose(weights(one), weights(other), rtol=1e-13)


def test_it_shares_rates_with_the_inner_optimizer():
    inner = optimizer(sgd_step)(network().parameters(), lr=1.0)
    made = lookahead(lookahead_sync, inner)
    run = scheduler(lambda t: 0.5**t, made)
    made.step()
    run.step()
    assert inner.param_groups[0]["lr"] == 0.5
    made.add_param_group({"params": [torch.ones(2)], "lr": 0.25})
    assert [group["lr"] for group in inner.param_groups] == [0.5, 0.25]
    assert made.param_groups is inner.param_groups


def test_a_closure_gives_its_loss():
    param = torch.ones(1, requires_grad=True)
    made = lookahead(lookahead_sync, optimizer(sgd_step)([param], lr=0.5), k=1)

    def closure():
        made.zero_grad()
        loss = (param**2).sum()
        loss.backward()
        return loss

    assert made.step(closure).item() == 1.0
    assert param.item() == 0.5  # a fast step to 0, and half of the way back


def test_a_run_goes_on_from_a_saved_state():
    model, other = network(), network(seed=5)
    made = lookahead(lookahead_sync, optimizer(adam_step)(model.parameters()), k=3)
    train(model, made, 4)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "opt": made.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    inner = optimizer(adam_step)(other.parameters(), lr=0.7)
    resumed = lookahead(lookahead_sync, inner, k=3)
    other.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["opt"])
    train(model, made, 4)
    train(other, resumed, 4)
    np.testing.assert_array_equal(weights(model), weights(other))
    with pytest.raises(ValueError, match="not that of an optimizer with a lookahead"):
        made.load_state_dict(inner.state_dict())


@pytest.mark.parametrize("by", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_their_own_way(by):
    model = network()
    made = lookahead(lookahead_sync, optimizer(adam_step)(model.parameters()), k=2)
    train(model, made, 3)
    other, copied = by((model, made))
    train(model, made, 3)
    before = weights(model)
    train(other, copied, 3)
    np.testing.assert_array_equal(weights(model), before)
    np.testing.assert_array_equal(weights(other), before)


def test_bfloat16_keeps_its_slow_weights_in_float32():
    model = network(dtype=torch.bfloat16)
    made = lookahead(lookahead_sync, optimizer(adam_step)(model.parameters()), k=2)
    train(model, made, 4)
    slow = made.slow[model[0].weight]
    assert slow.dtype == torch.float32
    assert torch.equal(model[0].weight, slow.bfloat16())


def test_a_rule_that_can_not_be_taped():
    def far(slow, fast, alpha=0.5):
        return slow + alpha * (fast - slow) * (np.linalg.norm(fast - slow) > 0)

    model = network()
    inner = optimizer(adam_step)(model.parameters(), lr=0.01)
    with pytest.warns(UserWarning) as told:
        train(model, lookahead(far, inner, k=3, alpha=0.8), 7)
    (warning,) = told
    words = "far runs as plain NumPy, slower: it uses np.linalg.norm"
    assert str(warning.message).startswith(words)
    wanted = by_hand(7, 3, 0.8, torch.optim.Adam)
    np.testing.assert_allclose(weights(model), wanted, rtol=1e-12, atol=1e-14)
    param = torch.ones(2, device="meta", requires_grad=True)
    with pytest.raises(
        UnsupportedStep, match=r"far can't run on meta: it uses np\.linalg\.norm"
    ):
        lookahead(far, torch.optim.SGD([param]), k=1).step()


@pytest.mark.parametrize("k", [0, -1])
def test_k_counts_steps(k):
    inner = torch.optim.SGD(network().parameters())
    with pytest.raises(ValueError, match=f"must be 1 or more; got k={k}"):
        lookahead(lookahead_sync, inner, k=k)

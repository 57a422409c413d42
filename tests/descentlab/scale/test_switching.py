"""From one optimizer to another."""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import lookahead, optimizer, switch
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step
from solutions.lookahead import lookahead_sync, should_switch, swats_lr

LOOSE = 1e-2


def network(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)


def gradients(model, count):
    dtype = next(model.parameters()).dtype
    model.zero_grad()
    (model(torch.ones(2, 4, dtype=dtype) * (count % 5)) ** 2).mean().backward()


def train(model, made, steps, begin=0):
    for count in range(begin, begin + steps):
        gradients(model, count)
        made.step()


def vector(tensors):
    return torch.cat([t.detach().double().flatten() for t in tensors]).numpy()


def swats(model, tol=LOOSE, **rules):
    """Adam, then momentum, of the course's own steps and rules."""

    def second(lr):
        return optimizer(momentum_step)(model.parameters(), lr=0.1 * lr, mu=0.9)

    first = optimizer(adam_step)(model.parameters(), lr=0.01)
    given = {"rate": swats_lr, "decide": should_switch} | rules
    return switch(first, second, tol=tol, **given)


def by_hand(steps, tol):
    """The weights, the step of the switch and the rate, with PyTorch's optimizers."""
    model = network()
    made = torch.optim.Adam(model.parameters(), lr=0.01)
    lam, switched, found = 0.0, None, None
    for count in range(steps):
        gradients(model, count)
        grad = vector([p.grad for p in model.parameters()])
        before = vector(model.parameters())
        made.step()
        if switched is None:
            move, t = vector(model.parameters()) - before, count + 1
            gamma = move @ move / -(move @ grad)
            lam = 0.999 * lam + 0.001 * gamma
            mean = lam / (1 - 0.999**t)
            if t > 1 and mean > 0 and abs(mean - gamma) < tol:
                switched, found = t, mean
                made = torch.optim.SGD(model.parameters(), 0.1 * mean, momentum=0.9)
    return vector(model.parameters()), switched, found


def test_agreement_with_the_algorithm_by_hand():
    model = network()
    made = swats(model)
    train(model, made, 40)
    weights, switched, lr = by_hand(40, LOOSE)
    assert switched is not None and 1 < switched < 40
    assert made.switched == switched
    assert made.lr == pytest.approx(lr, rel=1e-9)
    np.testing.assert_allclose(vector(model.parameters()), weights, rtol=1e-9)


def test_without_a_switch_it_is_the_first_optimizer():
    one, other = network(), network()
    made = swats(one, decide=lambda *args: False)
    train(one, made, 20)
    train(other, optimizer(adam_step)(other.parameters(), lr=0.01), 20)
    assert made.switched is None and made.lr is None
    assert (vector(one.parameters()) == vector(other.parameters())).all()


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.5])
def test_a_rate_that_sgd_cannot_use_is_no_reason_to_switch(rate):
    model = network()
    made = swats(model, rate=lambda p, grad: rate, decide=lambda *args: True)
    train(model, made, 3)
    assert made.switched is None and made.t == 3


def test_a_rate_that_is_none_for_once_does_not_spoil_the_average():
    rates = iter([0.5, float("nan"), 0.5])
    model = network()
    made = swats(model, rate=lambda p, grad: next(rates), decide=lambda *args: False)
    train(model, made, 3)
    assert made.lam == pytest.approx(0.5 * (1 - 0.999**2))


def test_parameters_without_gradients_are_not_watched():
    model, idle, seen = network(), nn.Parameter(torch.ones(7).double()), []
    first = torch.optim.Adam([*model.parameters(), idle])

    def rate(p, grad):
        seen.append((p.shape, grad.shape))
        return 1.0

    made = switch(first, lambda lr: first, rate, lambda *args: False)
    made.step()
    assert seen == []
    train(model, made, 1)
    assert seen == [((67,), (67,))]


def test_gradients_of_half_precision_are_watched_in_float32():
    model, seen = network(torch.bfloat16), []
    made = swats(model, rate=lambda p, grad: seen.append(p.dtype) or 1.0)
    train(model, made, 1)
    assert seen == [np.float32]


def test_a_closure_is_called_once_a_step_on_both_sides():
    model, calls = network(), []
    made = swats(model, decide=lambda gamma, lam, beta2, t, tol: t == 2)

    def closure():
        with torch.enable_grad():
            gradients(model, len(calls))
        calls.append(1)
        return len(calls)

    assert [made.step(closure) for _ in range(4)] == [1, 2, 3, 4]
    assert made.switched == 2


def test_groups_and_gradients_are_those_of_the_optimizer_whose_turn_it_is():
    model = network()
    made = swats(model, decide=lambda gamma, lam, beta2, t, tol: t == 2)
    made.param_groups[0]["lr"] = 0.02
    assert made.inner.param_groups[0]["lr"] == 0.02
    train(model, made, 3)
    assert made.param_groups is made.inner.param_groups
    assert "mu" in made.param_groups[0]
    made.zero_grad()
    assert not any(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("steps", [3, 40])
def test_a_saved_run_goes_on_as_if_nothing_had_been(steps):
    model = network()
    made = swats(model)
    train(model, made, steps)
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    other = copy.deepcopy(model)
    again = swats(other)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert (again.switched, again.lr) == (made.switched, made.lr)
    train(model, made, 30, begin=steps)
    train(other, again, 30, begin=steps)
    assert again.switched == made.switched is not None
    assert (vector(model.parameters()) == vector(other.parameters())).all()


def test_a_state_that_does_not_fit_is_refused():
    model = network()
    made = swats(model)
    early = copy.deepcopy(made.state_dict())
    train(model, made, 40)
    with pytest.raises(ValueError, match="from before the switch"):
        made.load_state_dict(early)
    with pytest.raises(ValueError, match="not that of an optimizer with a switch"):
        made.load_state_dict(made.inner.state_dict())


def test_other_parameters_and_copies_are_refused():
    model, other = network(), network()
    first = torch.optim.Adam(model.parameters())

    def second(lr):
        return torch.optim.SGD(other.parameters(), lr)

    made = switch(first, second, lambda p, grad: 1.0, lambda *args: True)
    with pytest.raises(ValueError, match="must have the parameters of the first"):
        train(model, made, 1)
    with pytest.raises(TypeError, match="load its state_dict"):
        copy.deepcopy(made)
    with pytest.raises(ValueError, match="beta2=1"):
        switch(first, second, swats_lr, should_switch, beta2=1)


def test_it_runs_below_slow_weights():
    model = network()
    made = lookahead(lookahead_sync, swats(model), k=5)
    train(model, made, 40)
    assert np.isfinite(vector(model.parameters())).all()

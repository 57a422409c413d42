"""How long steps take, measured in turns."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import forms, optimizer, step_times, timing
from solutions.gradient_descent import momentum_step

MAKERS = {
    "mine": lambda params: optimizer(momentum_step)(params, lr=0.1),
    "<torch's>": lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9),
}


def test_each_optimizer_has_its_median_in_the_order_given():
    found = step_times(MAKERS, nn.Linear(3, 2), rounds=3)
    assert list(found) == list(MAKERS)
    assert all(type(ms) is float and 0 < ms < 1000 for ms in found.values())


def test_the_model_stays_as_it_is():
    model = nn.Linear(3, 2)
    before = [param.clone() for param in model.parameters()]
    step_times(MAKERS, model, rounds=1)
    for param, value in zip(model.parameters(), before, strict=True):
        assert torch.equal(param, value) and param.grad is None


def test_all_get_the_same_gradients_and_frozen_parameters_none():
    seen = []

    def spy(params):
        params = list(params)
        seen.append([param.grad for param in params])
        return torch.optim.SGD(params)

    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    step_times({"one": spy, "other": spy}, model, rounds=1)
    (weight, bias), (again, none) = seen
    assert torch.equal(weight, again) and weight is not again
    assert bias is none is None


def test_all_take_a_turn_in_each_round_in_a_changing_order():
    calls = []
    ways = {name: lambda name=name: calls.append(name) for name in "abc"}
    found = timing.take_turns(ways, rounds=20, warm_up=2)
    rounds = [tuple(calls[start : start + 3]) for start in range(0, len(calls), 3)]
    assert len(rounds) == 22 and all(set(order) == set("abc") for order in rounds)
    assert len(set(rounds)) > 3
    assert {name: seconds.shape for name, seconds in found.items()} == dict.fromkeys(
        "abc", (20,)
    )


def test_gradients_are_new_at_each_step():
    seen = []

    class Spy(torch.optim.SGD):
        def step(self):
            seen.extend(group["params"][0].grad for group in self.param_groups)

    step_times({"spy": Spy}, nn.Linear(3, 2), rounds=3)
    assert len({id(gradient) for gradient in seen}) == len(seen) == 6
    assert all(torch.equal(gradient, seen[0]) for gradient in seen)


def test_the_rounds_that_warm_up_do_not_count():
    pauses = iter([0.05, 0.0, 0.0])
    found = timing.take_turns({"late": lambda: time.sleep(next(pauses))}, 2, warm_up=1)
    assert found["late"].max() < 0.05


def test_a_gpu_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: waited.append(1))
    timing.take_turns({"a": int, "b": int}, rounds=2, warm_up=1)
    assert len(waited) == 6


def test_the_forms_that_pytorch_has():
    made = forms(torch.optim.SGD, lr=0.1, momentum=0.9)
    assert list(made) == ["torch, for-loop", "torch, foreach", "torch, fused"]
    for name, maker in made.items():
        (group,) = maker(nn.Linear(1, 1).parameters()).param_groups
        assert group["momentum"] == 0.9 and group["lr"] == 0.1
        assert bool(group["fused"]) == name.endswith("fused")
        assert bool(group["foreach"]) == name.endswith("foreach")
    assert list(forms(torch.optim.RMSprop)) == ["torch, for-loop", "torch, foreach"]


def test_a_notebook_shows_a_table():
    found = timing.StepTimes({"mine": 1.25, "<torch's>": 10.0})
    shown = found._repr_html_()
    assert shown.count("<tr>") == 3 and "<td>&lt;torch&#x27;s&gt;</td>" in shown
    assert ">1.250</td>" in shown
    assert repr(found) == "mine          1.250 ms\n<torch's>    10.000 ms"
    assert repr(timing.StepTimes()) == ""


@pytest.mark.parametrize("rounds", [1, 4])
def test_the_median_counts(monkeypatch, rounds):
    seconds = np.arange(1.0, rounds + 1)
    monkeypatch.setattr(timing, "take_turns", lambda *arguments: {"x": seconds})
    found = step_times({"x": MAKERS["mine"]}, nn.Linear(1, 1))
    assert found["x"] == 1000 * np.median(seconds)

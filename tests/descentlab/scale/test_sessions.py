"""Whatever one does to a model and its optimizer, all goes on as with torch.optim's.

A session is a row of things that people do, drawn at random, on two copies of a model:
one with the step of the course, one with PyTorch's optimizer of the same formula.
"""

import copy
import io
import random

import pytest
import torch
from torch import nn

from descentlab.scale import optimizer
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step

PAIRS = {
    "adam": (optimizer(adam_step), torch.optim.Adam),
    "momentum": (
        optimizer(momentum_step),
        lambda params, lr: torch.optim.SGD(params, lr, momentum=0.9),
    ),
}
STEPS = 25


class Side:
    """A model and its optimizer."""

    def __init__(self, make):
        torch.manual_seed(0)
        layers = nn.Linear(4, 5), nn.Linear(5, 5), nn.Linear(5, 3), nn.LayerNorm(3)
        self.model = nn.ModuleList(layers).double()
        self.opt = make(self.model.parameters(), lr=0.01)
        self.held = []

    def params(self):
        return list(self.model.parameters())

    def loss(self, draw):
        """A loss that the second layer has no part in every other time."""
        first, second, third, norm = self.model
        points = torch.cos(torch.arange(8.0).double() * (1 + 10 * draw)).reshape(2, 4)
        hidden = first(points).tanh()
        if draw > 0.5:
            hidden = second(hidden).tanh()
        out = third(hidden)
        return norm(out).square().sum() + out.sum()

    def one(self, draw):
        params = self.params()
        return params[int(draw * len(params))]


def accumulate(side, draw):
    side.loss(draw).backward()


def closure(side, draw):
    def anew():
        side.opt.zero_grad()
        loss = side.loss(draw)
        loss.backward()
        return loss

    side.opt.step(anew)


def save_and_load(side, draw):
    file = io.BytesIO()
    torch.save([side.model.state_dict(), side.opt.state_dict()], file)
    file.seek(0)
    model, opt = torch.load(file, weights_only=True)
    side.model.load_state_dict(model)
    side.opt.load_state_dict(opt)


def save(side, draw):
    side.opt.state_dict()


def keep_what_is_saved(side, draw):
    """Whoever hooks into saving gets hold of the optimizer's very state."""
    hold = lambda opt: hold_state(side, draw)  # noqa: E731
    side.opt.register_state_dict_pre_hook(hold)
    side.opt.state_dict()


def copy_both(side, draw):
    side.model, side.opt = copy.deepcopy((side.model, side.opt))


def set_rate(side, draw):
    side.opt.param_groups[0]["lr"] = 0.001 + 0.01 * draw


def freeze(side, draw):
    side.one(draw).requires_grad_(False)


def unfreeze(side, draw):
    side.model.requires_grad_(True)


def forget_one(side, draw):
    side.one(draw).grad = None


def forget_half(side, draw):
    for param in side.params()[::2]:
        param.grad = None


def set_gradient(side, draw):
    param = side.one(draw)
    param.grad = torch.full_like(param, draw - 0.5)


def set_values(side, draw):
    param = side.one(draw)
    param.data = param.data + draw


def replace_state(side, draw):
    for kept in side.opt.state.values():
        for name, value in kept.items():
            if torch.is_tensor(value) and value.dim():
                kept[name] = value.clone()


def hold_state(side, draw):
    side.held = list(side.opt.state.values())


def change_held_state(side, draw):
    for kept in side.held:
        for name, value in kept.items():
            if torch.is_tensor(value) and value.dim():
                kept[name] = value * draw


def step_without_grad(side, draw):
    with torch.no_grad():
        side.opt.step()


def copy_shallowly(side, draw):
    """Two optimizers on one state, which take turns."""
    other = copy.copy(side.opt)
    other.step()


def clamp_by_data(side, draw):
    """Backward and then, as old code does it, another tensor as the gradient's data."""
    accumulate(side, draw)
    for param in side.params():
        if param.grad is not None:
            param.grad.data = param.grad.data.clamp(-0.1, 0.1)


THINGS = [
    accumulate,
    accumulate,
    clamp_by_data,
    closure,
    lambda side, draw: side.opt.zero_grad(),
    lambda side, draw: side.opt.zero_grad(set_to_none=False),
    lambda side, draw: side.model.zero_grad(),
    lambda side, draw: side.model.share_memory(),
    save,
    save_and_load,
    keep_what_is_saved,
    copy_both,
    set_rate,
    freeze,
    unfreeze,
    forget_one,
    forget_half,
    set_gradient,
    set_values,
    replace_state,
    hold_state,
    change_held_state,
    step_without_grad,
    copy_shallowly,
]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("seed", range(60))
def test_a_session_goes_as_with_pytorchs_optimizer(seed, pair):
    rng = random.Random(seed)
    mine, theirs = map(Side, PAIRS[pair])
    done = []
    for _ in range(STEPS):
        for thing in rng.choices(THINGS, k=rng.randint(1, 3)):
            draw = rng.random()
            done.append(thing.__name__)
            thing(mine, draw)
            thing(theirs, draw)
        mine.opt.step()
        theirs.opt.step()
        for got, wanted in zip(mine.params(), theirs.params(), strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-7, atol=1e-9, msg=str(done))
    for got, wanted in zip(mine.params(), theirs.params(), strict=True):
        if "step" in theirs.opt.state[wanted]:
            assert mine.opt.state[got]["t"] == theirs.opt.state[wanted]["step"], done

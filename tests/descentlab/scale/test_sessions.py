"""Whatever one does to a model and its optimizer, all goes on as with torch.optim's.

A session is a row of things that people do, drawn by hypothesis, on two copies of a
model: one with a step of the course, one with PyTorch's optimizer of the same formula.
What somebody keeps a reference to must read the same on both sides afterwards.
"""

import copy
import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
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
        self.seen = []

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


def keep_references(side, draw):
    """To what a program may read later: gradients, views, buffers, a state dict."""
    params = side.params()
    side.seen = [param.grad for param in params if param.grad is not None]
    side.seen += [param.detach() for param in params]
    side.seen += side.model.state_dict().values()
    side.seen += [param.detach()[..., :1] for param in params]


def change_gradients_by_data(side, draw):
    for param in side.params():
        if param.grad is not None:
            param.grad.data.mul_(draw)


def change_gradients_in_numpy(side, draw):
    for param in side.params():
        if param.grad is not None:
            param.grad.numpy()[..., :1] += draw


def change_gradients_in_storage(side, draw):
    param = side.one(draw)
    if param.grad is not None:
        storage = param.grad.untyped_storage()
        torch.empty(0, dtype=param.dtype).set_(storage).fill_(draw - 0.5)


def change_values_in_numpy(side, draw):
    side.one(draw).detach().numpy()[...] *= 0.5 + draw


def decay_by_hand(side, draw):
    """L2, added to the gradients as old code does it."""
    for param in side.params():
        if param.grad is not None:
            param.grad = param.grad + draw * param.detach()


def second_loss(side, draw):
    """On some parameters alone, after the step's own gradients are forgotten or not."""
    some = [p for p in side.params()[: 1 + int(draw * 4)] if p.requires_grad]
    if some:
        sum(param.square().sum() for param in some).backward()


def clip_norm(side, draw):
    nn.utils.clip_grad_norm_(side.model.parameters(), 0.1 + draw)


def dead_layer(side, draw):
    """A layer whose output counts nothing: its gradients are zeros."""
    out = side.model[1](torch.ones(1, 5).double())
    (0.0 * out).sum().backward()


def set_one_group_apart(side, draw):
    if len(side.opt.param_groups) == 1:
        group = side.opt.param_groups[0]
        moved = group["params"].pop()
        side.opt.add_param_group({"params": [moved], "lr": 0.001 + 0.01 * draw})


THINGS = [
    keep_references,
    change_gradients_by_data,
    change_gradients_in_numpy,
    change_gradients_in_storage,
    change_values_in_numpy,
    decay_by_hand,
    second_loss,
    clip_norm,
    dead_layer,
    set_one_group_apart,
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


draws = st.floats(0, 1, exclude_max=True, allow_subnormal=False)
things = st.tuples(st.sampled_from(THINGS), draws)
sessions = st.lists(st.lists(things, min_size=1, max_size=3), min_size=5, max_size=25)


@pytest.mark.parametrize("pair", PAIRS)
@settings(max_examples=60)
@given(session=sessions)
def test_a_session_goes_as_with_pytorchs_optimizer(pair, session):
    mine, theirs = map(Side, PAIRS[pair])
    for row in session:
        for thing, draw in row:
            for side in (mine, theirs):
                thing(side, draw)
        mine.opt.step()
        theirs.opt.step()
        pairs = [*zip(mine.params(), theirs.params(), strict=True)]
        pairs += zip(mine.seen, theirs.seen, strict=True)
        for got, wanted in pairs:
            torch.testing.assert_close(got, wanted, rtol=1e-7, atol=1e-9)
    for got, wanted in zip(mine.params(), theirs.params(), strict=True):
        if "step" in theirs.opt.state[wanted]:
            assert mine.opt.state[got]["t"] == theirs.opt.state[wanted]["step"]

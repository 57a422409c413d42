"""The compiled loop: the same numbers as NumPy's, and no compile too many."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.scale import compiled_loops
from descentlab.scale import kernel, optimizer, scheduler
from descentlab.scale.replay import BLOCK
from solutions.adam import adam_step
from solutions.rmsprop import rmsprop_step

TOLERANCE = {torch.float64: 1e-14, torch.float32: 2e-6, torch.bfloat16: 2**-7}


@pytest.fixture
def compiles():
    """How many loops have been compiled since the test began."""
    before = compiled_loops()
    return lambda: compiled_loops() - before


def swap(theta, grad, m, v, lr=0.1):
    """Results that are bare inputs, crosswise."""
    return m, grad, theta


def turned(theta, grad, m, v, lr=0.1):
    """The same through a cast, and one value in two places."""
    new = theta.astype("float64").astype(theta.dtype)
    return theta - lr * grad, new, new


def masked(theta, grad, m, v, lr=0.1):
    m = np.where(np.abs(grad) > 0.5, 0.9 * m + grad, m)
    v *= 0.5
    v[m > 0.1] = 0.25
    return theta - lr * np.sign(m) * (v > 0.1), m, v


def widened(theta, grad, m, v, t, lr=0.1):
    m = 0.9 * m + grad
    return (theta - lr * np.sqrt(1 - 0.9**t) * m).astype(theta.dtype), m, v + theta


def powers(theta, grad, m, v, t, lr=0.1):
    m = np.abs(grad) ** (1 + 1 / t) + m
    return theta - lr * (1 + m) ** -0.5 * 0.5**t, m, grad**2 + v**1


def run(step, dtype, plain, steps=3):
    """Two parameters after some steps, and their state."""
    params = [
        torch.linspace(-1, 2, size).to(dtype).requires_grad_() for size in (40, 7)
    ]
    made = optimizer(step)(params)
    made._plain = plain
    for count in range(steps):
        for param in params:
            param.grad = torch.cos(3 * param.detach() + count)
        made.step()
    assert made._plain == plain
    return [p.detach().double() for p in params] + [
        kept[name].double()
        for kept in made.state.values()
        for name in kept
        if name != "t"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("step", [adam_step, swap, turned, masked, widened, powers])
def test_the_compiled_loop_gives_what_numpy_gives(step, dtype, compiled):
    for got, wanted in zip(
        run(step, dtype, False), run(step, dtype, True), strict=True
    ):
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_one_compile_for_all_sizes_steps_rates_and_gradients(compiled, compiles):
    made = []
    for sizes in ((50, 70), (3000,), (10, 20, 30)):
        params = [torch.ones(size, requires_grad=True) for size in sizes]
        made.append(optimizer(rmsprop_step)(params, lr=0.1))
        schedule = scheduler(lambda t: 0.1 / (1 + t), made[-1])
        for count in range(6):
            made[-1].zero_grad(set_to_none=count % 2 == 0)
            sum((param**2).sum() for param in params).backward()
            made[-1].step()
            schedule.step()
            made[-1].param_groups[0]["beta"] = 0.5 + 0.01 * count
    assert compiles() == 1


@pytest.mark.slow
def test_a_compiled_model_trains_as_ever(compiled):
    def trained(wrap, make):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
        run = wrap(model)
        made = make(model.parameters(), lr=0.01)
        for count in range(4):
            made.zero_grad()
            (run(torch.ones(5, 4).double() * count) ** 2).sum().backward()
            made.step()
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    wanted = trained(lambda model: model, torch.optim.Adam)
    got = trained(torch.compile, optimizer(adam_step))
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


@pytest.mark.parametrize("params", [[torch.ones(3)], [torch.ones(3), torch.ones(2)]])
def test_few_elements_are_numpys(monkeypatch, params):
    for param in params:
        param.requires_grad_().grad = torch.ones_like(param)
    made = optimizer(adam_step)(params, lr=0.25)
    monkeypatch.setattr(torch, "tensor", None)  # no scalar becomes one
    made.step()
    for param in params:
        np.testing.assert_allclose(param.detach(), 0.75, rtol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [BLOCK // 8, BLOCK // 4, BLOCK // 4 + 1, 100_000])
def test_blocks_of_elements_are_the_whole(size, dtype):
    whole, library = (
        torch.linspace(-1, 2, size, dtype=dtype).requires_grad_() for _ in "ab"
    )
    made = optimizer(adam_step)([whole], lr=0.1)
    theirs = torch.optim.Adam([library], lr=0.1)
    for param, opt in ((whole, made), (library, theirs)):
        for count in range(3):
            param.grad = torch.cos(3 * param.detach() + count)
            opt.step()
    torch.testing.assert_close(whole, library)


def test_few_elements_are_not_compiled(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("compiled")

    monkeypatch.setattr(torch, "compile", refuse)
    param = torch.ones(kernel.COMPILE_FROM - 1, requires_grad=True)
    param.grad = torch.ones_like(param)
    optimizer(adam_step)([param]).step()


@pytest.mark.slow
def test_a_machine_that_can_not_compile(tmp_path):
    """In a process of its own: a cache would hold what was compiled before."""
    program = textwrap.dedent(
        """
        import torch
        from descentlab.scale import kernel, optimizer
        from solutions.adam import adam_step

        kernel.COMPILE_FROM = 2
        for size in (10, 20):
            param = torch.ones(size, requires_grad=True)
            made = optimizer(adam_step)([param], lr=0.25)
            for _ in range(2):
                param.grad = torch.ones(size)
                made.step()
            print(param.detach().mean().item())
        """
    )
    environment = {
        **os.environ,
        "CXX": "no-such-compiler",
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.getcwd(),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [round(float(line), 6) for line in done.stdout.split()] == [0.5, 0.5]
    (line,) = [line for line in done.stderr.splitlines() if "UserWarning" in line]
    assert "slower than they could: PyTorch can't compile them here" in line
    assert "sudo apt install g++" in line


@pytest.mark.slow
def test_this_pytorch_has_the_short_way(compiled, monkeypatch):
    monkeypatch.setattr(torch, "compile", None)
    param = torch.ones(4, requires_grad=True)
    param.grad = torch.ones(4)
    optimizer(rmsprop_step)([param], lr=0.5, beta=0.75).step()
    np.testing.assert_allclose(param.detach(), 0.0, atol=1e-6)


@pytest.mark.slow
def test_where_pytorch_has_no_short_way(compiled, compiles, monkeypatch):
    """As with another version, where what the short way calls is not there."""
    monkeypatch.setitem(sys.modules, "torch._inductor.compile_fx", None)
    monkeypatch.setattr(torch, "compile", lambda made, **_: lambda *a: made(*a))

    def step(theta, grad, lr=0.5):
        return theta - lr * grad * 0.5

    param = torch.ones(4, requires_grad=True)
    param.grad = torch.ones(4)
    optimizer(step)([param]).step()
    np.testing.assert_array_equal(param.detach(), 0.75)
    assert compiles() == 0

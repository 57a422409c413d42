"""The compiled loop: the same numbers as NumPy's, and no compile too many."""

import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import backend, loop, optimizer, scheduler
from descentlab.scale.lists import ListKernel
from descentlab.scale.loop import PIECE
from descentlab.scale.operations import FORMS, in_pytorch
from solutions.adam import adam_step
from solutions.rmsprop import rmsprop_step

SHARED = 300_000
"""Elements of a tensor that two threads share in these tests."""

TOLERANCE = {torch.float64: 1e-14, torch.float32: 2e-6, torch.bfloat16: 2**-7}


@pytest.fixture(autouse=True)
def small_shares(monkeypatch):
    """Let two threads share the work of tensors that are small enough for a test."""
    monkeypatch.setattr(loop, "THREAD_FROM", SHARED // 3)


@pytest.fixture
def compiles(monkeypatch):
    """How many loops have been compiled since the test began."""
    count = []
    compiled = loop.compiled
    monkeypatch.setattr(loop, "compiled", lambda *a: count.append(a) or compiled(*a))
    backend._kernel.cache_clear()
    return lambda: len(count)


# -- Numbers ---------------------------------------------------------------------------


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


def run(step, dtype, plain, steps=3, sizes=(40, 7)):
    """Parameters after some steps, and their state."""
    params = [torch.linspace(-1, 2, size).to(dtype).requires_grad_() for size in sizes]
    made = optimizer(step)(params)
    made._in_numpy = plain
    for count in range(steps):
        for param in params:
            param.grad = torch.cos(3 * param.detach() + count)
        made.step()
    assert made._in_numpy == plain
    return [p.detach().double() for p in params] + [
        kept[name].double()
        for kept in made.state.values()
        for name in kept
        if name != "t"
    ]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("step", [adam_step, swap, turned, masked, widened, powers])
def test_the_loop_gives_what_numpy_gives(step, dtype):
    for got, wanted in zip(
        run(step, dtype, False), run(step, dtype, True), strict=True
    ):
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


VALUES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.5, 2.5, 3.0, -7.25, np.inf, -np.inf, np.nan]
FLOATS = sorted(
    name
    for name in FORMS
    if isinstance(getattr(np, name, None), np.ufunc)
    and not name.startswith(("bitwise", "invert"))
)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("where", ["loop", "lists"])
def test_each_operation_is_numpys_on_ordinary_and_special_values(
    name, dtype, where, monkeypatch
):
    if where == "lists":
        as_lists = lambda name, program, *_: ListKernel(program, compiles=False)  # noqa: E731
        monkeypatch.setattr(backend, "_kernel", as_lists)
    ufunc = getattr(np, name)
    one, other = np.meshgrid(VALUES, VALUES)
    first, second = (torch.tensor(x.ravel(), dtype=dtype) for x in (one, other))

    def step(theta, grad, lr=0.1):
        operands = (theta, grad)[: ufunc.nin]
        return ufunc(*operands).astype(theta.dtype)

    wanted = step(first.numpy(), second.numpy())
    param = first.clone().requires_grad_()
    param.grad = second
    optimizer(step)([param]).step()
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    np.testing.assert_allclose(param.detach(), wanted, rtol=tolerance, atol=tolerance)


def test_every_operation_has_a_counterpart_in_pytorch():
    assert all(callable(in_pytorch(name)) for name in FORMS)


def test_bfloat16_is_rounded_as_pytorch_rounds_it():
    values = torch.cat([torch.randn(1000), torch.tensor([torch.inf, torch.nan, 1e-40])])
    param = torch.zeros_like(values, dtype=torch.bfloat16).requires_grad_()
    kept = torch.ones_like(values)
    made = optimizer(lambda theta, grad, m, lr: (m, m))([param], lr=0.1)
    param.grad = torch.zeros_like(param)
    made.state[param] = {"t": 1, "m": values.clone()}
    made.step()
    torch.testing.assert_close(
        param.detach(), values.bfloat16(), rtol=0, atol=0, equal_nan=True
    )
    assert kept.dtype == made.state[param]["m"].dtype == torch.float32


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_pieces_of_tensors_are_the_whole(threads, dtype):
    sizes = 1, PIECE, PIECE + 1, SHARED, 0, 5
    one, other = (
        [torch.linspace(-1, 2, size).to(dtype).requires_grad_() for size in sizes]
        for _ in "ab"
    )
    ours = optimizer(adam_step)(one, lr=0.1)
    theirs = torch.optim.Adam(other, lr=0.1, fused=True)
    torch.set_num_threads(threads)
    try:
        for count in range(3):
            for params in (one, other):
                for param in params:
                    param.grad = torch.cos(3 * param.detach() + count)
            ours.step()
            theirs.step()
    finally:
        torch.set_num_threads(1)
    for mine, wanted in zip(one, other, strict=True):
        tolerance = 4 * TOLERANCE[dtype]
        torch.testing.assert_close(mine, wanted, rtol=tolerance, atol=tolerance)


# -- Compiling -------------------------------------------------------------------------


def test_one_compile_for_all_sizes_steps_rates_and_gradients(compiles):
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


def test_a_step_whose_operations_depend_on_t_goes_to_numpy(compiles):
    def step(theta, grad, t, lr=0.01):
        for _ in range(t):
            theta = theta - lr * grad
        return theta

    param = torch.ones(3, requires_grad=True)
    made = optimizer(step)([param])
    with pytest.warns(UserWarning, match="its operations change from step to step"):
        for _ in range(15):
            param.grad = torch.ones(3)
            made.step()
    assert compiles() == 8
    np.testing.assert_allclose(param.detach(), 1 - 0.01 * 120, rtol=1e-5)


def trained_in_a_process(tmp_path, change=""):
    """What a step prints in a process of its own, with a cache of its own."""
    program = """
        import os, pathlib, warnings
        import torch
        from descentlab.scale import optimizer
        from solutions.adam import adam_step
        CHANGE
        param = torch.ones(20, requires_grad=True)
        made = optimizer(adam_step)([param], lr=0.25)
        for _ in range(2):
            param.grad = torch.ones(20)
            made.step()
        print(round(param.detach().mean().item(), 6))
        """
    program = textwrap.dedent(program).replace("CHANGE", change)
    environment = os.environ | {
        "DESCENTLAB_CACHE": str(tmp_path / "loops"),
        "PYTHONPATH": os.getcwd(),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0.5"], done.stderr
    return done.stderr


def test_compiled_loops_are_kept_on_the_disk(tmp_path):
    assert trained_in_a_process(tmp_path) == ""
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "loops").rglob("*.nb*")}
    assert len(kept) == 2
    assert trained_in_a_process(tmp_path) == ""
    assert kept == {
        p: p.stat().st_mtime_ns for p in (tmp_path / "loops").rglob("*.nb*")
    }


def test_a_cache_that_is_broken_or_no_folder_does_no_harm(tmp_path):
    trained_in_a_process(tmp_path)
    for file in (tmp_path / "loops").rglob("*.nbc"):
        file.write_bytes(b"broken")
    assert trained_in_a_process(tmp_path) == ""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "loops").write_text("no folder")
    assert trained_in_a_process(tmp_path / "other") == ""


def test_a_kernel_that_cannot_be_compiled_says_why_and_concerns_no_other(monkeypatch):
    def fails(*arguments):
        raise RuntimeError("no memory for code\nand more")

    def step(theta, grad, lr=0.5):
        return theta - lr * grad * 0.5

    param = torch.ones(4, requires_grad=True)
    param.grad = torch.ones(4)
    backend._kernel.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "compiled", fails)
        with pytest.warns(
            UserWarning, match=r"operation by operation.*: no memory for"
        ):
            optimizer(step)([param]).step()
    np.testing.assert_array_equal(param.detach(), 0.75)
    made = optimizer(adam_step)([param])
    made.step()
    assert isinstance(made._jobs[0][0]._kernel, loop.Loop)


def test_without_numba_pytorch_makes_the_operations(tmp_path):
    hidden = "import sys; sys.modules['numba'] = None"
    program = "import importlib.util as u; f = u.find_spec; " + (
        "u.find_spec = lambda n, *a: None if n == 'numba' else f(n, *a)"
    )
    # Before descentlab is imported, so the change comes first.
    script = textwrap.dedent(
        f"""
        {hidden}
        {program}
        import torch
        from descentlab.scale import optimizer
        from solutions.adam import adam_step
        param = torch.ones(20, requires_grad=True)
        made = optimizer(adam_step)([param], lr=0.25)
        for _ in range(2):
            param.grad = torch.ones(20)
            made.step()
        print(round(param.detach().mean().item(), 6))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0.5"]
    assert "Numba is not installed (pip install numba)" in done.stderr


# -- Beside other things ---------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("layers", [2, 12])
def test_a_compiled_training_step_that_contains_the_optimizer(layers):
    def trained(wrap, make):
        torch.manual_seed(0)
        parts = [nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(layers)]
        model = nn.Sequential(*parts).double()
        opt = make(model.parameters(), lr=0.01)

        @wrap
        def step(points):
            opt.zero_grad()
            loss = (model(points) ** 2).sum()
            loss.backward()
            opt.step()
            return loss

        for count in range(4):
            step(torch.ones(5, 64).double() * count)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    wanted = trained(lambda step: step, torch.optim.Adam)
    got = trained(torch.compile(backend="eager"), optimizer(adam_step))
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def test_several_threads_at_once():
    def train(found, place):
        found[place] = run(adam_step, torch.float32, False, 20, (40, 300_000))

    torch.set_num_threads(2)
    try:
        found = [None] * 4
        threads = [threading.Thread(target=train, args=(found, p)) for p in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wanted = run(adam_step, torch.float32, False, 20, (40, 300_000))
    finally:
        torch.set_num_threads(1)
    for other in found:
        assert all(map(torch.equal, other, wanted))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_after_a_fork():
    """Where PyTorch's own threads hang, and those of the loop must not."""
    params = [torch.linspace(-1, 2, SHARED).requires_grad_() for _ in "ab"]
    made = [optimizer(adam_step)([param]) for param in params]
    for param in params:
        param.grad = param.detach().clone()
    torch.set_num_threads(2)
    try:
        for _ in range(2):
            made[0].step()
        wanted = params[0].detach().numpy().copy()
        made[1].step()
        child = os.fork()
        if child == 0:
            try:
                made[1].step()
                same = (params[1].detach().numpy() == wanted).all()
            finally:
                os._exit(0 if same else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        torch.set_num_threads(1)

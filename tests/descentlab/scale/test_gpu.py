"""Steps on a GPU: ``make check-gpu``. What can be is tested on lists of CPU tensors."""

import numpy as np
import pytest
import torch
from torch import nn

from descentlab.scale import backend, lookahead, optimizer
from descentlab.scale.lists import ListKernel
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step
from solutions.lookahead import lookahead_sync

HAS_GPU = torch.cuda.is_available()
ON_A_GPU = [
    pytest.mark.gpu,
    pytest.mark.skipif(not HAS_GPU, reason="PyTorch finds no GPU here"),
]
PAIRS = {
    "adam": (adam_step, torch.optim.Adam, {}),
    "momentum": (momentum_step, torch.optim.SGD, {"momentum": 0.9}),
}


def train(model, made, steps=8):
    device = next(model.parameters()).device
    for count in range(steps):
        made.zero_grad()
        points = torch.cos(torch.arange(8.0, device=device) + count).view(2, 4)
        model(points).square().sum().backward()
        made.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()]).cpu()


def network(device):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).to(device)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=ON_A_GPU)])
def device(request, monkeypatch):
    """A device on which steps run over lists of tensors."""
    if request.param == "cpu":
        as_lists = lambda name, program, *_: ListKernel(program, compiles=False)  # noqa: E731
        monkeypatch.setattr(backend, "_kernel", as_lists)
    return request.param


@pytest.mark.parametrize(("step", "theirs", "more"), PAIRS.values(), ids=PAIRS)
def test_agreement_with_pytorch(step, theirs, more, device):
    ours, wanted = network(device), network(device)
    got = train(ours, optimizer(step)(ours.parameters(), lr=0.01))
    expected = train(wanted, theirs(wanted.parameters(), lr=0.01, **more))
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-6)


def test_lookahead(device):
    weights = []
    for make in (optimizer(adam_step), torch.optim.Adam):
        model = network(device)
        inner = make(model.parameters(), lr=0.01)
        weights.append(train(model, lookahead(lookahead_sync, inner, k=3)))
    torch.testing.assert_close(*weights, rtol=1e-5, atol=1e-6)


def test_the_functions_on_lists_can_be_compiled():
    """By PyTorch's compiler up to the code for a device, which is not there."""
    program = optimizer(adam_step).rule.record(
        "float32", 1, {"lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
    )[0]
    kernel = ListKernel(program, compiles=False)
    kernel._run = torch.compile(kernel._plain, fullgraph=True, backend="aot_eager")
    kernel._compiles = True
    torch.manual_seed(0)
    arrays = [[torch.rand(5), torch.rand(3, 2)] for _ in range(4)]
    wanted = [[tensor.clone() for tensor in tensors] for tensors in arrays]
    for count in range(3):
        scalars = [0.9 - 0.1 * count, 0.1, 0.999, 0.001, 0.1, 0.1, 0.001, 1e-8]
        kernel(arrays, [2], [scalars])
        ListKernel(program, compiles=False)(wanted, [2], [scalars])
    assert kernel._compiles
    for got, tensors in zip(arrays, wanted, strict=True):
        torch.testing.assert_close(got, tensors, rtol=1e-6, atol=1e-7)


def test_what_cannot_be_compiled_runs_operation_by_operation():
    def step(theta, grad, lr):
        return theta - lr * grad

    program, scalars = optimizer(step).rule.record("float32", 1, {"lr": 0.5})
    kernel = ListKernel(program)

    def fails(*arguments):
        raise RuntimeError("no Triton here\nand more")

    kernel._run = fails
    arrays = [[torch.ones(2)], [torch.ones(2)]]
    with pytest.warns(UserWarning, match=r"cannot compile it here \(no Triton here\)"):
        kernel(arrays, [1], [scalars])
    kernel(arrays, [1], [scalars])
    np.testing.assert_array_equal(arrays[0][0], [0.0, 0.0])


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="PyTorch finds no GPU here")
def test_a_step_waits_for_nothing():
    model = network("cuda")
    made = optimizer(adam_step)(model.parameters(), lr=0.01)
    train(model, made, 2)
    with torch.cuda.device(0):
        torch.cuda.set_sync_debug_mode("error")
        try:
            made.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_GPU, reason="PyTorch finds no GPU here")
def test_a_cuda_graph():
    param = torch.ones(4, device="cuda", requires_grad=True)
    param.grad = torch.ones(4, device="cuda")
    made = optimizer(momentum_step)([param], lr=0.25)
    made.step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        made.step()
    graph.replay()
    # buf is 1, then 1.9: the captured step runs at its replay alone.
    torch.testing.assert_close(param.detach().cpu(), torch.full((4,), 1 - 0.25 * 2.9))
    counting = optimizer(adam_step)([param])
    counting.step()
    capture = torch.cuda.graph(torch.cuda.CUDAGraph())
    with pytest.raises(RuntimeError, match="counts its steps in Python"), capture:
        counting.step()

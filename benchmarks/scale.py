"""A student's step through ``optimizer`` against PyTorch's own: ``make bench-scale``.

Each way of making a step works on parameters and gradients of the same shapes, all ways
take turns in each round, and the median of the rounds counts. The floor is a loop that
reads and writes the same memory and computes next to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.course import ROOT
from benchmarks.record import record
from descentlab.scale import optimizer, scheduler
from descentlab.steps import StepSignature, signature_of
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step

Step = Callable[..., Any]
Way = Callable[[], Any]
Tensors = list[torch.Tensor]

LR = 1e-4
ROUNDS = 17
"""Of which the first two only warm up."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    one: int = 10_000_000
    """Elements of the single tensor."""
    layers: int = 30
    """Layers of the network; each has two tensors."""
    width: int = 224
    rounds: int = ROUNDS
    compiler: bool = True
    """Whether to measure the compiler too, in processes of their own."""


QUICK = Scale(one=300_000, layers=3, width=32, rounds=4, compiler=False)


# -- The steps -------------------------------------------------------------------------


def rmsprop_step(theta, grad, v, lr, beta=0.99, eps=1e-8):
    """With eps outside the root, as PyTorch has it."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / (np.sqrt(v) + eps), v


def floor_step(theta, grad, m, v, lr):
    """What Adam reads and writes, and as little arithmetic as there can be."""
    return theta + grad, m + grad, v + grad


def adam_with(square: Callable[[Any], Any]) -> Step:
    """Adam, with a way to write a square."""

    def adam_step(theta, grad, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * square(grad)
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v

    return adam_step


def adam_moved(theta, grad, m, v, t, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Each average moves a part of the way to the new value."""
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    root = np.sqrt(v / (1 - beta2**t))
    return theta - lr * (m / (1 - beta1**t)) / (root + eps), m, v


def decayed(adam: Step) -> Step:
    """AdamW of Adam."""

    def adamw_step(theta, grad, m, v, t, lr, weight_decay=1e-2):
        new, m, v = adam(theta, grad, m, v, t, lr)
        return new - lr * weight_decay * theta, m, v

    return adamw_step


STYLES: dict[str, Step] = {
    "g**2": adam_with(lambda g: g**2),
    "g*g": adam_with(lambda g: g * g),
    "np.square(g)": adam_with(np.square),
    "np.power(g, 2)": adam_with(lambda g: np.power(g, 2)),
    "m + (1-b)*(g-m)": adam_moved,
}

RULES: dict[str, tuple[Step, type[torch.optim.Optimizer], dict[str, Any]]] = {
    "adam": (adam_step, torch.optim.Adam, {}),
    "adamw": (decayed(adam_step), torch.optim.AdamW, {"weight_decay": 1e-2}),
    "rmsprop": (rmsprop_step, torch.optim.RMSprop, {}),
    "momentum": (momentum_step, torch.optim.SGD, {"momentum": 0.9}),
}
"""The step, PyTorch's optimizer for the same formula, and its settings."""

LIBRARY = {
    "torch, for-loop": {"foreach": False},
    "torch, foreach": {"foreach": True},
    "torch, fused": {"fused": True},
}


# -- The ways to make them -------------------------------------------------------------


def parameters(shapes: Iterable[Sequence[int]], device: torch.device) -> Tensors:
    """Parameters with gradients."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for shape in shapes:
        value, gradient = torch.randn(2, *shape, generator=generator).to(device)
        made.append(value.clone().requires_grad_())
        made[-1].grad = gradient.clone()
    return made


def ours(step: Step, params: Tensors) -> Way:
    """The step through ``optimizer``."""
    return optimizer(step)(params, lr=LR).step


def in_numpy(step: Step, params: Tensors) -> Way:
    """The step in NumPy, which makes new arrays."""
    signature = signature_of(step)
    states = [[p.detach().numpy().copy() for p in params]]
    states += [[np.zeros_like(theta) for theta in states[0]] for _ in signature.state]
    rows = [list(row) for row in zip(*states, strict=True)]
    grads = [p.grad.numpy() for p in params if p.grad is not None]
    return _repeated(step, signature, rows, grads)


def wrapped(step: Step, params: Tensors) -> Way:
    """PyTorch's own way from NumPy to compiled code."""
    signature = signature_of(step)
    rows = [
        [p.detach().clone(), *(torch.zeros_like(p) for _ in signature.state)]
        for p in params
    ]
    compiled = torch.compile(torch.compiler.wrap_numpy(step))
    # It compiles anew for each t, so t is held.
    return _repeated(compiled, signature, rows, [p.grad for p in params], counts=False)


def _repeated(
    step: Step,
    signature: StepSignature,
    rows: list[list[Any]],
    grads: Sequence[Any],
    counts: bool = True,
) -> Way:
    t = 1

    def advance() -> None:
        nonlocal t
        t += counts
        more = (t,) if signature.takes_t else ()
        for row, grad in zip(rows, grads, strict=True):
            theta, *state = row
            row[:] = step(theta, grad, *state, *more, lr=LR)

    return advance


def ways(rule: str, shapes: Sequence[Sequence[int]], device: torch.device) -> dict:
    """Every way to make a rule's steps on parameters of these shapes."""
    step, library, settings = RULES[rule]

    def fresh() -> Tensors:
        return parameters(shapes, device)

    found: dict[str, Way] = {}
    if device.type == "cpu":
        found["NumPy"] = in_numpy(step, fresh())
    if rule == "adam":
        found["torch.compiler.wrap_numpy"] = wrapped(step, fresh())
    for name, kind in LIBRARY.items():
        try:
            found[name] = library(fresh(), lr=LR, **settings, **kind).step
        except TypeError:
            continue  # RMSprop has no fused form
    found["ours"] = ours(step, fresh())
    if rule == "adam":
        found["floor"] = ours(floor_step, fresh())
    return found


# -- Measuring -------------------------------------------------------------------------


def medians(named: Mapping[str, Way], rounds: int) -> dict[str, float]:
    """Milliseconds of each way, which take turns; two rounds warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(rounds):
        for name, way in named.items():
            begin = time.perf_counter()
            way()
            _wait()
            seconds[name].append(time.perf_counter() - begin)
    return {name: 1e3 * statistics.median(s[2:]) for name, s in seconds.items()}


_wait: Way = (
    torch.accelerator.synchronize if torch.accelerator.is_available() else lambda: None
)
"""Until a GPU has done what it was told."""


def compare(shapes: Sequence[Sequence[int]], scale: Scale, device: Any) -> list[dict]:
    """A row for each way, a column for each rule, in milliseconds."""
    columns = {}
    for rule in RULES:
        columns[rule] = medians(ways(rule, shapes, device), scale.rounds)
        print(f"  {rule}: {_shown(columns[rule])}", flush=True)
    return [
        {"way": way, **{rule: column.get(way) for rule, column in columns.items()}}
        for way in columns["adam"]
    ]


def styles(shapes: Sequence[Sequence[int]], scale: Scale, device: Any) -> list[dict]:
    """For each style of writing Adam: its time as a multiple of fused PyTorch's."""
    ratios = []
    for rule, library in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        named = {
            style: ours(
                step if rule == "adam" else decayed(step), parameters(shapes, device)
            )
            for style, step in STYLES.items()
        }
        named["fused"] = library(parameters(shapes, device), lr=LR, fused=True).step
        found = medians(named, scale.rounds)
        ratios.append({style: found[style] / found["fused"] for style in STYLES})
        print(f"  {rule} in each style, over fused: {_shown(ratios[-1])}", flush=True)
    adam, adamw = ratios
    return [{"style": s, "adam": adam[s], "adamw": adamw[s]} for s in STYLES]


def network(scale: Scale, device: torch.device) -> nn.Module:
    """The network whose tensors are measured: linear layers of one width."""
    torch.manual_seed(0)
    layers = (nn.Linear(scale.width, scale.width) for _ in range(scale.layers))
    return nn.Sequential(*layers).to(device)


def training(scale: Scale, device: torch.device) -> list[dict]:
    """Whole iterations on the network, and the step's share, in milliseconds."""
    makers = {
        "ours": optimizer(adam_step),
        "torch, fused": lambda params, lr: torch.optim.Adam(params, lr, fused=True),
    }
    named, steps = {}, {}
    for who, make in makers.items():
        for whose in ("optimizer", "model"):
            model = network(scale, device)
            opt = make(model.parameters(), lr=LR)
            key = f"{who}, zero_grad of the {whose}"
            zero = opt.zero_grad if whose == "optimizer" else model.zero_grad
            steps[key] = []
            named[key] = _iteration(model, opt, zero, steps[key])
    whole = medians(named, scale.rounds)
    rows = []
    for key, spent in steps.items():
        step = 1e3 * statistics.median(spent[2:])
        rows.append({"way": key, "iteration": whole[key], "step": step})
        print(f"  {key}: {_shown({k: rows[-1][k] for k in ('iteration', 'step')})}")
    return rows


def _iteration(
    model: nn.Module, opt: torch.optim.Optimizer, zero: Way, spent: list[float]
) -> Way:
    points = torch.randn(32, model[0].in_features, device=model[0].weight.device)

    def iterate() -> None:
        zero()
        model(points).square().mean().backward()
        _wait()
        begin = time.perf_counter()
        opt.step()
        _wait()
        spent.append(time.perf_counter() - begin)

    return iterate


def tiny(device: torch.device, steps: int = 500) -> list[dict]:
    """Microseconds of a step that has next to nothing to compute."""
    rows = []
    for tensors in (1, 4):
        shapes = [(10,)] * tensors
        step, library, _ = RULES["adam"]
        named = {
            "ours": ours(step, parameters(shapes, device)),
            "torch, fused": library(parameters(shapes, device), fused=True).step,
            "torch, foreach": library(parameters(shapes, device), foreach=True).step,
        }
        found = medians(named, steps)
        rows.append({"tensors": tensors, **{w: 1e3 * ms for w, ms in found.items()}})
        print(f"  {tensors} of 10 elements, in microseconds: {_shown(rows[-1])}")
    return rows


def recompiles(scale: Scale, device: torch.device) -> int:
    """How often anything was compiled after the first step of a run that varies all."""
    torch.compiler.reset()
    graphs = torch._dynamo.utils.counters["stats"]
    model = network(scale, device)
    opt = optimizer(adam_step)(model.parameters(), lr=LR)
    schedule = scheduler(lambda t: LR / (1 + t), opt)
    seen = 0
    for count in range(30):
        (opt if count % 2 else model).zero_grad()
        model(torch.ones(2, scale.width, device=device)).sum().backward()
        opt.step()
        schedule.step()
        opt.param_groups[0]["beta1"] = 0.9 - 0.01 * count
        seen = seen or graphs["unique_graphs"]
    return graphs["unique_graphs"] - seen


COMPILING = """
import json, time
import torch
from benchmarks.scale import RULES, ours, parameters

def first_step(rule):
    way = ours(RULES[rule][0], parameters([(1_000_000,)], torch.device("cpu")))
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin

found = {"first rule": first_step("adam"), "next rule": first_step("rmsprop")}
# Another size, and another object of the class.
found["same rule again"] = first_step("adam")
print(json.dumps(found))
"""


def compiling() -> list[dict]:
    """Seconds of a first step, in a new process: with an empty cache, and once more."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": folder}
        for cache in ("empty", "filled"):
            done = subprocess.run(
                [sys.executable, "-c", COMPILING],
                cwd=ROOT,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            rows.append({"cache": cache, **json.loads(done.stdout)})
            print(f"  {_shown(rows[-1])}", flush=True)
    return rows


# -- All of it -------------------------------------------------------------------------


def measure(scale: Scale, device: torch.device) -> dict[str, Any]:
    """Everything, as the file of results has it."""
    shapes = [tuple(p.shape) for p in network(scale, device).parameters()]
    elements = sum(int(np.prod(shape)) for shape in shapes)
    found: dict[str, Any] = {
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 1),
        "rounds": scale.rounds - 2,
        "elements": {"one": scale.one, "many": elements, "tensors": len(shapes)},
    }
    for name, layout in (("one", [(scale.one,)]), ("many", shapes)):
        print(f"{sum(map(np.prod, layout)):,} elements in {len(layout)} tensors, in ms")
        found[name] = compare(layout, scale, device)
        found[f"{name}_styles"] = styles(layout, scale, device)
        found[f"{name}_ratios"] = ratios(found[name])
        print(f"  ours over the best of torch: {_shown(found[f'{name}_ratios'])}")
    print("training the network, in ms")
    found["training"] = training(scale, device)
    print("tiny")
    found["tiny"] = tiny(device)
    found["recompiles"] = recompiles(scale, device)
    print(
        f"compiled anew as t, lr, beta and gradients vary: {found['recompiles']} times"
    )
    if scale.compiler:
        print("the first steps of a process, in seconds")
        found["compiling"] = compiling()
    return found


def ratios(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Ours as a multiple of the best that ``torch.optim`` has, for each rule."""
    by_way = {row["way"]: row for row in rows}
    found = {}
    for rule in RULES:
        library = [by_way[way][rule] for way in LIBRARY if way in by_way]
        best = min(time for time in library if time is not None)
        found[rule] = by_way["ours"][rule] / best
    found["adam over floor"] = by_way["ours"]["adam"] / by_way["floor"]["adam"]
    return found


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return device.type


def _shown(numbers: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in numbers.items()
    )


def _rounded(found: Any) -> Any:
    """Numbers with no more digits than they are good for."""
    if isinstance(found, dict):
        return {key: _rounded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_rounded(value) for value in found]
    return float(f"{found:.4g}") if isinstance(found, float) else found


def main() -> None:
    """Measure, print, and write ``results/scale.json`` (or ``scale-cuda.json``)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument(
        "--quick", action="store_true", help="small and few: a try, nothing is written"
    )
    options = parser.parse_args()
    device = torch.accelerator.current_accelerator(check_available=True)
    device = device or torch.device("cpu")
    found = _rounded(measure(QUICK if options.quick else Scale(), device))
    if not options.quick:
        name = "scale" if device.type == "cpu" else f"scale-{device.type}"
        path = record(name, "make bench-scale", ("numpy", "torch"), found)
        print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""A student's step through ``optimizer`` against PyTorch's own: ``make bench-scale``.

Each way of making a step works on parameters and gradients of the same shapes. All
take turns in each round, in an order drawn anew. A time is the median of its rounds,
and a ratio the median of the rounds' ratios: what else the machine does then meets
both. Where arrays come to lie in memory is luck, and worth some percent, so that all
are made anew several times. The floor is a loop that reads and writes the same memory
and computes next to nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.course import ROOT
from benchmarks.record import at_most, machine, record
from descentlab.scale import forms, optimizer, scheduler
from descentlab.scale.timing import take_turns, wait
from descentlab.steps import StepSignature, signature_of
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step

Step = Callable[..., Any]
Way = Callable[[], Any]
Tensors = list[torch.Tensor]

Seconds = dict[str, np.ndarray]
Row = dict[str, Any]

LR = 1e-4
FUSED = "torch, fused"


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    one: int = 10_000_000
    """Elements of the single tensor."""
    layers: int = 30
    """Layers of the network; each has two tensors."""
    width: int = 224
    rounds: int = 9
    """Rounds that count, with arrays in one place."""
    places: int = 5
    """How often all arrays are made anew."""
    processes: bool = True
    """Whether to measure compiler and memory too, in processes of their own."""


QUICK = Scale(one=300_000, layers=3, width=32, rounds=4, places=1, processes=False)


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

NAMES = {"adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "momentum": "momentum"}


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


def ways(
    rule: str, shapes: Sequence[Sequence[int]], device: torch.device
) -> dict[str, Way]:
    """Every way to make a rule's steps on parameters of these shapes."""
    step, library, settings = RULES[rule]

    def fresh() -> Tensors:
        return parameters(shapes, device)

    found: dict[str, Way] = {}
    if device.type == "cpu":
        found["NumPy"] = in_numpy(step, fresh())
    if rule == "adam":
        found["torch.compiler.wrap_numpy"] = wrapped(step, fresh())
    for name, make in forms(library, lr=LR, **settings).items():
        found[name] = make(fresh()).step
    found["ours"] = ours(step, fresh())
    if rule == "adam":
        found["floor"] = ours(floor_step, fresh())
    return found


# -- Measuring -------------------------------------------------------------------------


def measured(
    rule: str, shapes: Sequence[Sequence[int]], scale: Scale, device: Any
) -> Seconds:
    """The seconds of every way to make a rule's steps, Adam's styles among them."""
    found = []
    for _ in range(scale.places):
        named = ways(rule, shapes, device)
        if rule in ("adam", "adamw"):
            for style, step in STYLES.items():
                step = step if rule == "adam" else decayed(step)
                named[style] = ours(step, parameters(shapes, device))
        found.append(take_turns(named, scale.rounds))
    seconds = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    print(f"  {rule}: {_shown(medians(seconds))}", flush=True)
    return seconds


def medians(seconds: Seconds) -> dict[str, float]:
    """Milliseconds of each way."""
    return {name: 1e3 * float(np.median(s)) for name, s in seconds.items()}


def ratio(seconds: Seconds, one: str, other: str) -> float:
    """How long one way takes as a multiple of another: the median of all rounds."""
    return float(np.median(seconds[one] / seconds[other]))


def times(found: Mapping[str, Seconds]) -> list[Row]:
    """A row for each way, a column for each rule, in milliseconds."""
    columns = {rule: medians(seconds) for rule, seconds in found.items()}
    return [
        {"way": way, **{rule: column.get(way) for rule, column in columns.items()}}
        for way in columns["adam"]
        if way not in STYLES
    ]


def styles(found: Mapping[str, Seconds]) -> list[Row]:
    """For each style of writing Adam: its time as a multiple of fused PyTorch's."""
    rows = [
        {"style": s, **{r: ratio(found[r], s, FUSED) for r in ("adam", "adamw")}}
        for s in STYLES
    ]
    for row in rows:
        print(f"  over fused: {_shown(row)}")
    return rows


def ratios(found: Mapping[str, Seconds]) -> dict[str, float]:
    """Ours as a multiple of the best that ``torch.optim`` has, for each rule."""
    against = {}
    for rule, seconds in found.items():
        library = [way for way in seconds if way.startswith("torch, ")]
        best = min(library, key=lambda way: np.median(seconds[way]))
        against[rule] = ratio(seconds, "ours", best)
    against["adam over floor"] = ratio(found["adam"], "ours", "floor")
    print(f"  ours over the best of torch: {_shown(against)}")
    return against


def network(scale: Scale, device: torch.device) -> nn.Module:
    """The network whose tensors are measured: linear layers of one width."""
    torch.manual_seed(0)
    layers = (nn.Linear(scale.width, scale.width) for _ in range(scale.layers))
    return nn.Sequential(*layers).to(device)


def training(scale: Scale, device: torch.device) -> list[Row]:
    """Whole iterations on the network, and the step's share, in milliseconds."""
    makers = {
        "ours": optimizer(adam_step),
        FUSED: lambda params, lr: torch.optim.Adam(params, lr, fused=True),
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
    rounds = scale.rounds * scale.places
    whole = medians(take_turns(named, rounds))
    rows = []
    for key, spent in steps.items():
        step = 1e3 * float(np.median(spent[-rounds:]))
        rows.append({"way": key, "iteration": whole[key], "step": step})
        print(f"  {_shown(rows[-1])}")
    return rows


def _iteration(
    model: nn.Module, opt: torch.optim.Optimizer, zero: Way, spent: list[float]
) -> Way:
    points = torch.randn(32, model[0].in_features, device=model[0].weight.device)

    def iterate() -> None:
        zero()
        model(points).square().mean().backward()
        wait()
        begin = time.perf_counter()
        opt.step()
        wait()
        spent.append(time.perf_counter() - begin)

    return iterate


def tiny(device: torch.device, steps: int = 500) -> list[Row]:
    """Microseconds of a step that has next to nothing to compute."""
    rows = []
    for tensors in (1, 4):
        shapes = [(10,)] * tensors
        step, library, _ = RULES["adam"]
        named = {"ours": ours(step, parameters(shapes, device))}
        for form, make in forms(library, lr=LR).items():
            named[form] = make(parameters(shapes, device)).step
        found = medians(take_turns(named, steps))
        rows.append({"tensors": tensors, **{w: 1e3 * ms for w, ms in found.items()}})
        print(f"  {_shown(rows[-1])}")
    return rows


def compiled_loops() -> int:
    """How many loops PyTorch's compiler has made, or found on disk, in this process."""
    counters: Mapping[str, int] = torch._dynamo.utils.counters["inductor"]
    return sum(counters[f"fxgraph_cache_{how}"] for how in ("hit", "miss", "bypass"))


def recompiles(scale: Scale, device: torch.device) -> int:
    """How often anything was compiled after the first step of a run that varies all."""
    torch.compiler.reset()
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
        seen = seen or compiled_loops()
    return compiled_loops() - seen


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


def compiling() -> list[Row]:
    """Seconds of a first step, in a new process: with an empty cache, and once more."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty", "filled"):
            found = _in_a_process(COMPILING, TORCHINDUCTOR_CACHE_DIR=folder)
            rows.append({"cache": cache, **found})
            print(f"  {_shown(rows[-1])}", flush=True)
    return rows


MEMORY = """
import json, re, sys
from pathlib import Path
import torch
from benchmarks.scale import RULES, forms, ours, parameters

def resident(what):
    status = Path("/proc/self/status").read_text()
    return int(re.search(what + r":\\s*(\\d+)", status)[1])

step, library, _ = RULES["adam"]

def anew(params):
    advance = ours(step, params)
    def way():
        for param in params:
            param.grad = param.grad.clone()
        advance()
    return way

makers = {"ours": lambda params: ours(step, params), "ours, gradients made anew": anew}
makers |= {n: lambda p, m=m: m(p).step for n, m in forms(library).items()}
make, device = makers[sys.argv[1]], torch.device("cpu")
way = make(parameters([(500_000,)], device))  # all that is loaded once
way()
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
way = make(parameters([(1000, 1000)] * 30, device))
for _ in range(3):
    way()
needed = 4 * 30 * 4e6 / 1024
print(json.dumps({
    "held": (resident("VmRSS") - before) / needed,
    "peak": (resident("VmHWM") - before) / needed,
}))
"""


def memory() -> list[Row]:
    """Memory of Adam on 30 tensors of a million elements, as a multiple of its arrays.

    Those are parameters, gradients and two arrays of state.
    """
    rows = []
    for way in ("ours", "ours, gradients made anew", FUSED, "torch, foreach"):
        # What is freed goes back to the system, and is not counted as held.
        found = _in_a_process(MEMORY, way, MALLOC_MMAP_THRESHOLD_="100000")
        rows.append({"way": way, **found})
        print(f"  {_shown(rows[-1])}", flush=True)
    return rows


def _in_a_process(program: str, *arguments: str, **environment: str) -> Any:
    """What a program of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


# -- All of it -------------------------------------------------------------------------


def measure(scale: Scale, device: torch.device) -> dict[str, Any]:
    """Everything, as the file of results has it."""
    shapes = [tuple(p.shape) for p in network(scale, device).parameters()]
    elements = sum(int(np.prod(shape)) for shape in shapes)
    found: dict[str, Any] = {
        "machine": machine(),
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "rounds": scale.rounds * scale.places,
        "elements": {"one": scale.one, "many": elements, "tensors": len(shapes)},
    }
    for name, layout in (("one", [(scale.one,)]), ("many", shapes)):
        print(f"{sum(map(np.prod, layout)):,} elements in {len(layout)} tensors, in ms")
        seconds = {rule: measured(rule, layout, scale, device) for rule in RULES}
        found[name] = times(seconds)
        found[f"{name}_styles"] = styles(seconds)
        found[f"{name}_ratios"] = ratios(seconds)
    print("training the network, in ms")
    found["training"] = training(scale, device)
    print("few elements, in microseconds")
    found["tiny"] = tiny(device)
    found["recompiles"] = recompiles(scale, device)
    print(f"compiled anew as t, lr and gradients vary: {found['recompiles']} times")
    if scale.processes:
        print("the first steps of a process, in seconds")
        found["compiling"] = compiling()
        if sys.platform == "linux":
            print("memory, as a multiple of parameters, gradients and state")
            found["memory"] = memory()
    found["goals"] = list(goals(found))
    return found


def goals(found: Mapping[str, Any]) -> Iterator[Row]:
    """What was to be reached, and what was."""
    sizes = {"one": "one tensor", "many": "many tensors"}
    for size, words in sizes.items():
        for rule in ("adam", "adamw"):
            slowest = max(row[rule] for row in found[f"{size}_styles"])
            what = f"{words}: {NAMES[rule]} in its slowest style, over fused"
            yield at_most(1.05 if size == "one" else 1.0, what, slowest)
        against = found[f"{size}_ratios"]
        for rule in ("rmsprop", "momentum"):
            what = f"{words}: {NAMES[rule]} over the best of `torch.optim`"
            yield at_most(1.0, what, against[rule])
        yield at_most(1.15, f"{words}: Adam over the floor", against["adam over floor"])
    longest = max(row["ours"] for row in found["tiny"])
    yield at_most(100.0, "a step with few elements, in microseconds", longest)
    what = "compiled anew while `t`, `lr` and gradients vary"
    yield at_most(0, what, found["recompiles"])
    for row in found.get("memory", ())[:1]:
        for when in ("held", "peak"):
            what = f"memory, {when}, over parameters, gradients and state"
            yield at_most(1.05, what, row[when])


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

"""A student's step through ``optimizer`` against PyTorch's own: ``make bench-scale``.

Before every step a backward pass makes new gradients, as in training: what the step
meets in the caches is what it would meet there. All ways take turns in each round, in
an order drawn anew. A time is the median of its rounds, and a ratio the median of the
rounds' ratios, so that what else the machine does meets both sides.
"""

from __future__ import annotations

import argparse
import json
import os
import random
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
from descentlab.scale import forms, lookahead, optimizer, scheduler
from descentlab.scale.backend import _kernel
from descentlab.scale.timing import wait
from solutions.adam import adam_step
from solutions.gradient_descent import momentum_step
from solutions.lookahead import lookahead_sync
from solutions.stability import adamw_step

Params = list[torch.Tensor]
Maker = Callable[[Any], torch.optim.Optimizer]
Row = dict[str, Any]

LR = 1e-4
K = 5
"""Fast steps of Lookahead to a slow one."""

SECONDS = 2.5
"""How long the ways of one rule take turns on one layout."""

PLACES, WARM_UP, LEAST_ROUNDS = 3, 3, 3
"""How often all arrays are made, the rounds of each that do not count, and the fewest
that do."""


def rmsprop_step(theta, grad, v, lr, beta=0.99, eps=1e-8):
    """With eps outside the root, as PyTorch has it."""
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / (np.sqrt(v) + eps), v


class TorchLookahead:
    """Slow weights around PyTorch's fused Adam, as one writes them with PyTorch."""

    def __init__(self, params: Params) -> None:
        self.params, self.steps = list(params), 0
        self.slow = [param.detach().clone() for param in self.params]
        self.inner = torch.optim.Adam(self.params, LR, fused=True)
        self.zero_grad = self.inner.zero_grad

    @torch.no_grad()
    def step(self) -> None:
        """A fast step; after every k-th, the slow one."""
        self.inner.step()
        self.steps += 1
        if self.steps % K == 0:
            torch._foreach_lerp_(self.slow, self.params, 0.5)
            torch._foreach_copy_(self.params, self.slow)


@dataclass(frozen=True)
class Rule:
    """A step, and PyTorch's optimizer for the same formula."""

    name: str
    ours: Maker
    theirs: Mapping[str, Maker]


def _rule(name: str, step: Callable[..., Any], kind: Any, **settings: Any) -> Rule:
    ways = forms(kind, lr=LR, **settings)
    ways.pop("torch, for-loop")
    return Rule(name, lambda params: optimizer(step)(params, lr=LR), ways)


RULES = {
    "adam": _rule("Adam", adam_step, torch.optim.Adam),
    "adamw": _rule("AdamW", adamw_step, torch.optim.AdamW, weight_decay=1e-2),
    "momentum": _rule("momentum", momentum_step, torch.optim.SGD, momentum=0.9),
    "rmsprop": _rule("RMSprop", rmsprop_step, torch.optim.RMSprop),
    "lookahead": Rule(
        "Lookahead",
        lambda params: lookahead(
            lookahead_sync, optimizer(adam_step)(params, lr=LR), K
        ),
        {"torch, by hand": TorchLookahead},  # type: ignore[dict-item]
    ),
}
MAIN = "adam", "adamw", "momentum"


# -- Layouts ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Parameters of a kind that models have.

    ``active`` says how many pairs of tensors have gradients in a step, ``groups``
    whether each tensor is a group of its own, ``views`` whether all are views of one.
    ``bound`` is the goal: more where memory alone decides.
    """

    shapes: Sequence[tuple[int, ...]]
    dtype: torch.dtype = torch.float32
    rules: Sequence[str] = MAIN
    active: int = 0
    groups: bool = False
    views: bool = False
    bound: float = 1.0

    def parameters(self, device: torch.device) -> Params:
        """New parameters."""
        generator = torch.Generator().manual_seed(0)
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        if self.views:
            whole = torch.randn(sum(sizes), generator=generator).to(device, self.dtype)
            parts = whole.split(sizes)
            return [
                part.view(shape).requires_grad_()
                for part, shape in zip(parts, self.shapes, strict=True)
            ]
        return [
            torch.randn(shape, generator=generator)
            .to(device, self.dtype)
            .requires_grad_()
            for shape in self.shapes
        ]

    def given(self, params: Params) -> Any:
        """What an optimizer is made of."""
        return [{"params": [param]} for param in params] if self.groups else params


def linear(layers: int, width: int) -> list[tuple[int, ...]]:
    """The shapes of linear layers."""
    return [(width, width), (width,)] * layers


def gpt2(layers: int = 12, width: int = 256) -> list[tuple[int, ...]]:
    """The 148 tensors of a small GPT-2."""
    norm: list[tuple[int, ...]] = [(width,), (width,)]
    attention = [(3 * width, width), (3 * width,), (width, width), (width,)]
    mlp = [(4 * width, width), (4 * width,), (width, 4 * width), (width,)]
    block = [*norm, *attention, *norm, *mlp]
    return [(2000, width), (256, width), *block * layers, *norm]


def resnet() -> list[tuple[int, ...]]:
    """The tensors of a network like ResNet-18, half as wide."""
    shapes: list[tuple[int, ...]] = [(32, 3, 7, 7), (32,), (32,)]
    before = 32
    for width in (32, 64, 128, 256):
        for into in (before, width):
            shapes += [(width, into, 3, 3), (width,), (width,)]
            shapes += [(width, width, 3, 3), (width,), (width,)]
        if width != before:
            shapes += [(width, before, 1, 1), (width,), (width,)]
        before = width
    return [*shapes, (1000, 256), (1000,)]


CNN = [(16, 1, 3, 3), (16,), (32, 16, 3, 3), (32,), (10, 512), (10,)]
"""The network of the chapters."""

LAYOUTS = {
    "one tensor of 10M": Layout([(10_000_000,)], rules=tuple(RULES), bound=1.05),
    "one tensor of 100M": Layout([(100_000_000,)], rules=("adam",), bound=1.05),
    "60 tensors, 1.2M": Layout(linear(30, 200), rules=tuple(RULES)),
    "GPT-2-like, 148 tensors": Layout(gpt2(), rules=tuple(RULES), bound=1.05),
    "ResNet-like, 3M": Layout(resnet()),
    "500 of 100": Layout([(100,)] * 500),
    "5,000 of 10": Layout([(10,)] * 5_000),
    "a chapter's network": Layout(CNN, rules=tuple(RULES)),
    "one tensor of 60k": Layout([(60_000,)]),
    "one tensor of 150k": Layout([(150_000,)]),
    "100 groups of one": Layout([(1_000,)] * 100, groups=True),
    "60 views": Layout(linear(30, 200), views=True),
    "16 of 64 layers active": Layout(linear(64, 128), active=16),
    "bfloat16, 10M": Layout([(10_000_000,)], torch.bfloat16, bound=1.05),
    "bfloat16, 60 tensors": Layout(linear(30, 200), torch.bfloat16),
    "float64, 60 tensors": Layout(linear(30, 200), torch.float64),
}

QUICK = ("60 tensors, 1.2M", "a chapter's network", "16 of 64 layers active")


# -- Measuring -------------------------------------------------------------------------


class Side:
    """Parameters, an optimizer of them, and the seconds of its rounds."""

    def __init__(self, layout: Layout, make: Maker, device: torch.device) -> None:
        self.layout = layout
        self.params = layout.parameters(device)
        self.opt = make(layout.given(self.params))
        self.steps: list[float] = []
        self.iterations: list[float] = []

    def iterate(self, draw: int, times: int) -> None:
        """Gradients to none, a backward pass, a step; the sum of some of them."""
        steps = iterations = 0.0
        for count in range(times):
            params = self.params
            if self.layout.active:
                layers = random.Random(draw + count).sample(
                    range(len(params) // 2), self.layout.active
                )
                params = [p for n in sorted(layers) for p in params[2 * n : 2 * n + 2]]
            wait()
            begin = time.perf_counter()
            self.opt.zero_grad()
            sum([param.square().sum() for param in params]).backward()  # type: ignore[union-attr]
            wait()
            between = time.perf_counter()
            self.opt.step()
            wait()
            end = time.perf_counter()
            steps, iterations = steps + end - between, iterations + end - begin
        self.opt.zero_grad()  # the other sides have the memory
        self.steps.append(steps / times)
        self.iterations.append(iterations / times)


def measured(rule: Rule, layout: Layout, device: torch.device, seconds: float) -> Row:
    """Milliseconds of each way, and ours over the best of PyTorch's.

    Where arrays come to lie in memory is luck, so all are made anew several times.
    """
    steps: dict[str, list[float]] = {}
    whole: dict[str, list[float]] = {}
    for _ in range(PLACES):
        for name, side in turns(rule, layout, device, seconds / PLACES).items():
            steps.setdefault(name, []).extend(side.steps[WARM_UP:])
            whole.setdefault(name, []).extend(side.iterations[WARM_UP:])
    best = min(steps.keys() - {"ours"}, key=lambda name: np.median(steps[name]))
    return {
        "best": best,
        "rounds": len(steps["ours"]),
        "step": float(np.median(np.divide(steps["ours"], steps[best]))),
        "iteration": float(np.median(np.divide(whole["ours"], whole[best]))),
        **{name: 1e3 * float(np.median(some)) for name, some in steps.items()},
    }


def turns(
    rule: Rule, layout: Layout, device: torch.device, seconds: float
) -> dict[str, Side]:
    """All ways of a rule take turns for some seconds."""
    ways = {"ours": rule.ours, **rule.theirs}
    if sum(map(np.prod, layout.shapes)) > 5e7:
        ways.pop(
            "torch, foreach"
        )  # needs twice the memory, and more than twice the time
    times = K if rule.name == "Lookahead" else 1
    sides = {}
    for name, make in ways.items():
        side = Side(layout, make, device)
        try:
            for count in range(WARM_UP):
                side.iterate(count, times)
        except TypeError:
            # PyTorch 2.13's fused SGD cannot begin with some parameters later.
            print(f"  {name} cannot do {rule.name} here")
        else:
            sides[name] = side
    order, rounds, begin = list(sides), 0, time.perf_counter()
    shuffle = random.Random(0).shuffle
    while rounds < LEAST_ROUNDS or time.perf_counter() - begin < seconds:
        shuffle(order)
        for name in order:
            sides[name].iterate(WARM_UP + rounds, times)
        rounds += 1
    return sides


def layouts(
    names: Iterable[str], threads: Sequence[int], device: torch.device, seconds: float
) -> list[Row]:
    """A row for each layout, rule and number of threads."""
    rows = []
    usual = torch.get_num_threads()
    for name in names:
        for rule in LAYOUTS[name].rules:
            for count in threads:
                torch.set_num_threads(count)
                found = measured(RULES[rule], LAYOUTS[name], device, seconds)
                rows.append({"layout": name, "rule": rule, "threads": count, **found})
                print(f"  {_shown(rows[-1])}", flush=True)
    torch.set_num_threads(usual)
    return rows


def compiled_later(device: torch.device) -> int:
    """How many kernels are compiled after the first step of a run that varies all."""
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(3))).to(device)
    opt = optimizer(adam_step)(model.parameters(), lr=LR)
    schedule = scheduler(lambda t: LR / (1 + t), opt)
    before = 0
    for count in range(30):
        (opt if count % 2 else model).zero_grad()
        model[count % 3 :](torch.ones(2, 8, device=device)).sum().backward()
        opt.step()
        schedule.step()
        opt.param_groups[0]["beta1"] = 0.9 - 0.01 * count
        before = before or _kernel.cache_info().misses
    return _kernel.cache_info().misses - before


FIRST = """
import json, time
import torch
from benchmarks.scale import LAYOUTS, RULES

def first_step(rule):
    layout = LAYOUTS["60 tensors, 1.2M"]
    params = layout.parameters(torch.device("cpu"))
    opt = RULES[rule].ours(params)
    for param in params:
        param.grad = torch.ones_like(param)
    begin = time.perf_counter()
    opt.step()
    return time.perf_counter() - begin

found = {"first rule": first_step("adam"), "next rule": first_step("rmsprop")}
print(json.dumps(found))
"""


def first_steps() -> list[Row]:
    """Seconds of a first step, in a new process: with an empty cache, and once more."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty", "filled"):
            found = _in_a_process(FIRST, DESCENTLAB_CACHE=folder)
            rows.append({"cache": cache, **found})
            print(f"  {_shown(rows[-1])}", flush=True)
    return rows


MEMORY = """
import json, re, sys
from pathlib import Path
import torch
from benchmarks.scale import LAYOUTS, RULES, Layout, Side

def resident(what):
    status = Path("/proc/self/status").read_text()
    return int(re.search(what + r":\\\\s*(\\\\d+)", status)[1])

rule, device = RULES["adam"], torch.device("cpu")
make = {"ours": rule.ours, **rule.theirs}[sys.argv[1]]
Side(Layout([(500_000,)]), make, device).iterate(0, 1)  # all that is loaded once
before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
Side(Layout([(1000, 1000)] * 30), make, device).iterate(0, 3)
print(json.dumps((resident("VmHWM") - before) / (4 * 30 * 4e6 / 1024)))
"""


def memory() -> list[Row]:
    """The peak of three iterations with Adam on 30 tensors of a million elements.

    As a multiple of parameters, gradients and two arrays of state.
    """
    rows = []
    for way in ("ours", *RULES["adam"].theirs):
        # What is freed goes back to the system, and is not counted as held.
        peak = _in_a_process(MEMORY, way, MALLOC_MMAP_THRESHOLD_="100000")
        rows.append({"way": way, "peak": peak})
        print(f"  {_shown(rows[-1])}", flush=True)
    return rows


def _in_a_process(program: str, *arguments: str, **environment: str) -> Any:
    """What a program of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program.replace("\\\\", "\\"), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


# -- All of it -------------------------------------------------------------------------


def measure(
    names: Iterable[str], device: torch.device, seconds: float, processes: bool
) -> dict[str, Any]:
    """Everything, as the file of results has it."""
    cores = os.cpu_count() or 1
    threads = [1, min(2, cores)][: cores if device.type == "cpu" else 1]
    found: dict[str, Any] = {
        "machine": machine(),
        "device": _device_name(device),
        "threads": threads,
    }
    print("steps, in ms, and ours over the best of PyTorch's")
    found["rows"] = layouts(names, threads, device, seconds)
    others = [row["layout"] for row in found["rows"] if row["rule"] not in MAIN]
    found["table"] = table(found["rows"])
    found["others"] = [row for row in found["table"] if row["layout"] in others]
    found["compiled_later"] = compiled_later(device)
    print(f"compiled as t, lr and gradients vary: {found['compiled_later']}")
    if processes:
        print("the first steps of a process, in seconds")
        found["first"] = first_steps()
        if sys.platform == "linux":
            print("peak memory, as a multiple of parameters, gradients and state")
            found["memory"] = memory()
    found["goals"] = list(goals(found))
    met = sum(row["met"] for row in found["goals"])
    found["met"], found["all"] = met, len(found["goals"])
    return found


def table(rows: Sequence[Row]) -> list[Row]:
    """For the page: a row for each layout, and a column for each rule and thread."""
    made: dict[str, Row] = {}
    for row in rows:
        of = made.setdefault(row["layout"], {"layout": row["layout"]})
        of[f"{row['rule']} {row['threads']}"] = row["step"]
        if row["rule"] == "adam" and row["threads"] == 1:
            of["ours"], of["best"] = row["ours"], row[row["best"]]
            of["iteration"] = row["iteration"]
    columns = [f"{rule} {count}" for rule in RULES for count in (1, 2)]
    return [dict.fromkeys(columns) | row for row in made.values()]


def goals(found: Mapping[str, Any]) -> Iterator[Row]:
    """What was to be reached, and what was."""
    worst: dict[tuple[str, str], Row] = {}
    for row in found["rows"]:
        kind = (
            "Adam, AdamW, momentum" if row["rule"] in MAIN else RULES[row["rule"]].name
        )
        key = row["layout"], kind
        if key not in worst or row["step"] > worst[key]["step"]:
            worst[key] = row
    for (layout, kind), row in worst.items():
        yield at_most(LAYOUTS[layout].bound, f"{layout}: {kind}", row["step"])
    yield at_most(
        0, "compiled while `t`, `lr`, gradients vary", found["compiled_later"]
    )
    for row, limit in zip(found.get("first", ()), (2.0, 0.3), strict=False):
        what = f"first step in seconds, cache {row['cache']}"
        yield at_most(limit, what, row["first rule"])
    peaks = {row["way"]: row["peak"] for row in found.get("memory", ())}
    if peaks:
        ratio = peaks["ours"] / peaks["torch, fused"]
        yield at_most(1.02, "peak memory over that of fused", ratio)


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
    return float(f"{found:.3g}") if isinstance(found, float) else found


def main() -> None:
    """Measure, print, and write ``results/scale.json`` (or ``scale-cuda.json``)."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument(
        "--quick", action="store_true", help="few layouts: a try, nothing is written"
    )
    quick = parser.parse_args().quick
    device = torch.accelerator.current_accelerator(check_available=True)
    device = device or torch.device("cpu")
    names = QUICK if quick else tuple(LAYOUTS)
    found = measure(names, device, 1.0 if quick else SECONDS, processes=not quick)
    for row in found["goals"]:
        print(f"  {'met' if row['met'] else 'NOT'}: {_shown(row)}")
    if not quick:
        name = "scale" if device.type == "cpu" else f"scale-{device.type}"
        packages = ("numpy", "torch", "numba")
        path = record(name, "make bench-scale", packages, _rounded(found))
        print(f"written to {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

"""What all experiments share: equal tuning budgets, seeds, resuming, the result."""

from __future__ import annotations

import ast
import datetime
import hashlib
import importlib
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from descentlab.results import Result

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "descentlab" / "results"
WORK = ROOT / "_build" / "experiments"

Settings = Mapping[str, Any]
Outcome = dict[str, Any]
"""What one run measures: a number, or a list of numbers along the run, by its name."""

FIRST_TUNING_SEED = 1000
"""Tuning and evaluation share no seed: the reported runs are fresh ones."""

QUICK_SEEDS = (2, 8)
"""How many evaluation seeds a reduced run has, and how many where these show no sign.

Processors round differently, and a few short runs may go either way for that alone.
"""


@dataclass(frozen=True)
class Sign:
    """What a result must show even in the reduced run: one arm's score below another's.

    ``margin`` is how much of the larger score the difference must be.
    """

    lower: str
    higher: str
    metric: str
    margin: float = 0.0

    def holds(self, result: Result) -> bool:
        """Whether the result shows it."""
        low, high = (
            float(np.mean(result.values(arm, self.metric)))
            for arm in (self.lower, self.higher)
        )
        # A run that went to nan or infinity counts as the higher one.
        return not low >= high - self.margin * abs(high)


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        question: what it asks, in one sentence.
        arms: what is compared, and for each the settings that tuning chooses from;
            every arm has as many, but for those with one, which nobody tunes.
        run: makes one run: ``run(arm, settings, seed, quick)``. It draws all that is
            random from the seed; ``quick`` asks for a few seconds' work instead.
        score: the metric that tuning makes small.
        seeds: how many evaluation seeds, 0, 1, ...
        tuning_seeds: how many runs each setting gets in tuning.
        signs: what must come out, in the reduced run too.
    """

    question: str
    arms: Mapping[str, Sequence[Settings]]
    run: Callable[[str, Settings, int, bool], Outcome]
    score: str
    seeds: int = 5
    tuning_seeds: int = 2
    signs: Sequence[Sign] = ()

    def __post_init__(self) -> None:
        budgets = {arm: len(settings) for arm, settings in self.arms.items()}
        if len({budget for budget in budgets.values() if budget > 1}) > 1:
            raise ValueError(f"every arm needs as many settings to try, got {budgets}")


def grid(highest: float, count: int, per_decade: int = 2) -> list[float]:
    """Learning rates from the highest down, a factor ``10^(1/per_decade)`` apart."""
    return [float(f"{highest * 10 ** (-k / per_decade):.3g}") for k in range(count)]


def judged_half(held_out: tuple[Any, Any], seed: int) -> tuple[Any, Any]:
    """The half of what is held out that a run is judged on, inputs and targets.

    Tuning is judged on one half and the result on the other, so that no score has been
    chosen for.
    """
    inputs, targets = held_out
    half = slice(int(seed >= FIRST_TUNING_SEED), None, 2)
    return inputs[half], targets[half]


def find(name: str) -> Experiment:
    """The experiment of a module of this package."""
    experiment: Experiment = importlib.import_module(f"experiments.{name}").EXPERIMENT
    return experiment


def names() -> list[str]:
    """The names of all experiments."""
    paths = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [p.stem for p in paths if "\nEXPERIMENT = " in p.read_text("utf-8")]


def source_hash(name: str) -> str:
    """A hash of what an experiment computes: its module and those that it imports here.

    Comments and docstrings do not count, so that words can be mended without new runs.
    """
    made_from = hashlib.sha256()
    for module in sorted(_modules(name)):
        made_from.update(ast.dump(_without_docstrings(_tree(module))).encode())
    return made_from.hexdigest()[:16]


def _tree(module: str) -> ast.Module:
    path = ROOT / "experiments" / f"{module}.py"
    return ast.parse(path.read_text(encoding="utf-8"))


def _modules(name: str) -> set[str]:
    """A module of this package and those that it imports, but for this one."""
    found = {name}
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, module = node.module.partition(".")
            if package == "experiments":
                wanted = [module] if module else [alias.name for alias in node.names]
                for other in wanted:
                    if other != "lab":
                        found |= _modules(other)
    return found


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [n for n in body if not _is_string(n)]  # type: ignore[attr-defined]
    return tree


def _is_string(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def perform(name: str, executor: Executor, quick: bool = False) -> Result:
    """Run an experiment, or what is left of it, and write its result.

    Args:
        name: its module.
        executor: where the runs go; they are counted on a progress bar.
        quick: the reduced form: two settings an arm, one tuning seed, and as many
            others as `QUICK_SEEDS` says.

    Returns:
        The result, as it was written.
    """
    experiment, start = find(name), time.perf_counter()
    arms = {a: list(s[: 2 if quick else None]) for a, s in experiment.arms.items()}
    tuning = 1 if quick else experiment.tuning_seeds
    plan = Plan(name, source_hash(name), quick, executor)
    tried = plan.run(
        f"{name}: tuning",
        [
            (arm, settings, FIRST_TUNING_SEED + seed)
            for arm, all_settings in arms.items()
            for settings in all_settings
            for seed in range(tuning)
        ],
    )
    scores = _scores(arms, tried, experiment.score, tuning)
    chosen = {arm: min(s, key=lambda x: x[1])[0] for arm, s in scores.items()}
    for seeds in QUICK_SEEDS if quick else (experiment.seeds,):
        runs = plan.run(
            f"{name}: evaluation",
            [(arm, chosen[arm], seed) for arm in arms for seed in range(seeds)],
        )
        result = {
            "name": name,
            "question": experiment.question,
            "quick": quick,
            "made": _circumstances(name, time.perf_counter() - start),
            "seeds": list(range(seeds)),
            "tuning": {
                "seeds": [FIRST_TUNING_SEED + seed for seed in range(tuning)],
                "score": experiment.score,
                "tried": {
                    arm: [[settings, _plain(score)] for settings, score in s]
                    for arm, s in scores.items()
                },
            },
            "settings": chosen,
            "runs": {
                arm: _columns(runs[i * seeds : (i + 1) * seeds])
                for i, arm in enumerate(arms)
            },
        }
        path = place(name, quick)
        _write(path, json.dumps(result))
        found = Result.read(path)
        if all(sign.holds(found) for sign in experiment.signs):
            break
    return found


def place(name: str, quick: bool = False) -> Path:
    """Where an experiment's result lies."""
    return (WORK / "quick" if quick else RESULTS) / f"{name}.json"


def is_current(name: str) -> bool:
    """Whether the result is there and was made by the code as it stands."""
    path = place(name)
    if not path.is_file():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    tried = {
        arm: [settings for settings, _ in pairs]
        for arm, pairs in found["tuning"]["tried"].items()
    }
    arms = {arm: list(settings) for arm, settings in find(name).arms.items()}
    return bool(found["made"]["made_from"] == source_hash(name) and tried == arms)


Job = tuple[str, Settings, int]  # arm, settings, seed


@dataclass(frozen=True)
class Plan:
    """Runs of one experiment, each done once and kept."""

    name: str
    made_from: str
    quick: bool
    executor: Executor

    def run(self, title: str, jobs: Sequence[Job]) -> list[Outcome]:
        """The outcomes of some runs in their order; those kept are not run again."""
        paths = [self._path(job) for job in jobs]
        missing = [i for i, path in enumerate(paths) if not path.is_file()]
        pending = {
            self.executor.submit(one_run, self.name, *jobs[i], self.quick): paths[i]
            for i in missing
        }
        # No bar where the output goes to a file.
        bar = tqdm(as_completed(pending), title, len(pending), disable=None)
        try:
            for future in bar:
                _write(pending[future], json.dumps(future.result()))
        except BaseException:
            for future, path in pending.items():
                # Done, but not yet met: futures come in no order.
                if not future.cancel() and future.done() and not future.exception():
                    _write(path, json.dumps(future.result()))
            raise
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]

    def _path(self, job: Job) -> Path:
        arm, settings, seed = job
        told = [self.made_from, arm, dict(settings), seed, self.quick]
        key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        return WORK / "runs" / self.name / f"{key[:24]}.json"


def one_run(name: str, arm: str, settings: Settings, seed: int, quick: bool) -> Outcome:
    """A worker's task: one run, on one thread, so that runs do not share a core."""
    import torch

    torch.set_num_threads(1)
    outcome = find(name).run(arm, settings, seed, quick)
    return {metric: _plain(value) for metric, value in outcome.items()}


def _scores(
    arms: Mapping[str, Sequence[Settings]],
    tried: Sequence[Outcome],
    score: str,
    tuning: int,
) -> dict[str, list[tuple[Settings, float]]]:
    """The mean score of each arm's settings; infinite where a run failed."""
    outcomes = iter(tried)
    return {
        arm: [(settings, _mean(outcomes, score, tuning)) for settings in all_settings]
        for arm, all_settings in arms.items()
    }


def _mean(outcomes: Iterator[Outcome], score: str, count: int) -> float:
    values = [next(outcomes)[score] for _ in range(count)]
    numbers = [math.inf if value is None else float(value) for value in values]
    return sum(numbers) / count


def _columns(outcomes: Sequence[Outcome]) -> dict[str, list[Any]]:
    """Runs of one arm, as one list a metric with an entry a seed."""
    return {metric: [run[metric] for run in outcomes] for metric in outcomes[0]}


def _plain(value: Any) -> Any:
    """Numbers as JSON has them: five digits, and null for what is not finite."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    number = float(value)
    return float(f"{number:.5g}") if math.isfinite(number) else None


def _circumstances(name: str, seconds: float) -> dict[str, Any]:
    """When, where and from what a result was made."""
    packages = ("numpy", "torch")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(seconds),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "made_from": source_hash(name),
    }


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)

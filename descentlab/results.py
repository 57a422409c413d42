"""The results of the course's experiments, as chapters plot them.

``experiments/`` makes the files; they travel with this package, so that a notebook far
from the repository draws the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Result:
    """What one experiment found.

    Attributes:
        name: the experiment's module in ``experiments/``.
        question: what it asks.
        seeds: the seeds of the runs, as many as each metric has rows.
        settings: the settings that tuning chose, by arm.
        tuning: what was tried, on which seeds, and the scores.
        made: date, versions, machine, seconds.
        runs: the measurements, by arm and metric, one entry a seed.
    """

    name: str
    question: str
    seeds: list[int]
    settings: Mapping[str, Mapping[str, Any]]
    tuning: Mapping[str, Any]
    made: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, list[Any]]]

    @classmethod
    def read(cls, path: Path | Traversable) -> Result:
        """Read a result's file."""
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{name: found[name] for name in cls.__dataclass_fields__})

    @property
    def arms(self) -> list[str]:
        """What was compared."""
        return list(self.runs)

    @property
    def seconds(self) -> int:
        """How long the experiment took."""
        return int(self.made["seconds"])

    def values(self, arm: str, metric: str) -> np.ndarray:
        """A metric of each run, shape ``(seeds, ...)``; nan where a run diverged."""
        return np.array(self.runs[arm][metric], dtype=float)


def load(name: str) -> Result:
    """The result of an experiment.

    Raises:
        FileNotFoundError: there is none of that name; the message lists them.
    """
    folder = files("descentlab").joinpath("results")
    path = folder.joinpath(f"{name}.json")
    if not path.is_file():
        there = sorted(f.name.removesuffix(".json") for f in folder.iterdir())
        raise FileNotFoundError(f"no result {name!r}: there are {', '.join(there)}")
    return Result.read(path)

"""How a run's results are written down, for the pages to read."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

from autograder.course import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def at_most(limit: float, goal: str, reached: float) -> dict[str, Any]:
    """A row on something that was to be no more than so much."""
    wanted = f"{limit:g} or less" if limit else "0"
    return _goal(goal, wanted, reached, reached <= limit)


def at_least(limit: float, goal: str, reached: float) -> dict[str, Any]:
    """A row on something that was to be so much or more."""
    return _goal(goal, f"{limit:g} or more", reached, reached >= limit)


def _goal(goal: str, wanted: str, reached: float, met: bool) -> dict[str, Any]:
    return {"goal": goal, "wanted": wanted, "reached": reached, "met": met}


def machine() -> dict[str, Any]:
    """The machine that measures, and how busy it is as it begins."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"model name\s*: (.*)", text)
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.platform(),
    }


def record(
    name: str,
    command: str,
    packages: Sequence[str],
    results: Mapping[str, Any],
    others: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write ``results/NAME.json``: date, command and versions, then the results.

    Args:
        name: the file's name, without the ending.
        command: what makes it, such as ``make mutants``.
        packages: those whose versions matter, besides Python.
        results: what was found, as JSON has it.
        others: versions of what is no package, such as the kernel.
    """
    made = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "versions": {
            "Python": platform.python_version(),
            **{package: version(package) for package in packages},
            **others,
        },
    }
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    text = json.dumps({**made, **results}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path

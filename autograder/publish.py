"""Write the published cases of ``check()`` into the learner's package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from autograder.course import ROOT
from autograder.exercises import assignments, load
from autograder.judge import Exercise, Run
from autograder.progress import say
from descentlab.compare import Case, attempt
from descentlab.published import Mistake, Published, Sheet, sheet_to

SEED = 2014
"""The published inputs are drawn once and for all; the judge's are drawn anew."""


def publish(root: Path = ROOT) -> list[Path]:
    """Write ``descentlab/published/ASSIGNMENT.json`` where it is not up to date.

    Returns:
        The files, one for each assignment.
    """
    folder = root / "descentlab" / "published"
    folder.mkdir(exist_ok=True)
    files = []
    for name in assignments(root):
        sheets = {e.name: sheet_to(sheet(e)) for e in load(name).exercises}
        path = folder / f"{name}.json"
        _write(path, json.dumps(sheets, separators=(",", ":")) + "\n")
        files.append(path)
        say(f"publish: {name}")
    for stale in set(folder.glob("*.json")) - set(files):
        stale.unlink()
    return files


def sheet(exercise: Exercise) -> Sheet:
    """What is published of an exercise: no code, only cases and outputs."""
    drawn = exercise.cases(np.random.default_rng(SEED))
    cases = [case for case in drawn if not isinstance(case, Run)]
    values = [case for case in cases if case.group == "value"]
    return Sheet(
        arguments=exercise.arguments,
        parts=exercise.parts,
        uses=exercise.uses,
        where=exercise.where,
        link=exercise.link,
        cases=tuple(_published(exercise, case) for case in cases),
        mistakes=tuple(
            Mistake(m.name, m.sentence, tuple(attempt(m.function, c) for c in values))
            for m in exercise.mistakes()
        ),
    )


def _published(exercise: Exercise, case: Case) -> Published:
    expected, tolerance, dtype, _, others = exercise.demands(case)
    return Published(case, expected, tolerance, dtype, others)


def _write(path: Path, text: str) -> None:
    """Write a file only where it changes: builds that depend on it stay fresh."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")

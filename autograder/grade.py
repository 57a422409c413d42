"""Grade one notebook: the way that every road to a verdict takes."""

from __future__ import annotations

import textwrap
from pathlib import Path

from autograder.course import ROOT, key
from autograder.exercises import load
from autograder.judge import Verdict, judge


def grade(assignment: str, data: bytes, root: Path = ROOT) -> Verdict:
    """The verdict on a notebook's bytes.

    Raises:
        UnknownAssignment, NotebookError, SandboxError, CourseError: with one line each.
    """
    exercises = load(assignment).exercises
    return judge(assignment, exercises, data, key(root))


def table(verdict: Verdict) -> str:
    """A verdict for people: a line an exercise, then what each failure means."""
    width = max(len(name) for name in verdict.exercises)
    rows = [f"{verdict.assignment}"]
    for name, one in verdict.exercises.items():
        score = f"{round(one.score, 2):g} / {one.max_score:g}"
        rows.append(f"  {name:<{width}}  {score:>9}  {one.status}")
    total = f"{round(verdict.score, 2):g} / {verdict.max_score:g}"
    rows.append(f"  {'total':<{width}}  {total:>9}")
    failures = [
        folded(str(x.report))
        for x in verdict.exercises.values()
        if x.report.advice or not x.report.passed
    ]
    return "\n\n".join(["\n".join(rows), *failures])


def folded(text: str, width: int = 88) -> str:
    """A report with its long lines folded, so that a terminal does not cut words."""
    rows = []
    for line in text.splitlines():
        inset = " " * (len(line) - len(line.lstrip()) + 2)
        # An address stays whole: one clicks on it.
        rows += textwrap.wrap(
            line,
            width,
            subsequent_indent=inset,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return "\n".join(rows)

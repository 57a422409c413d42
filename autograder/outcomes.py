"""What submissions came to: read from verdicts and from notebooks, told in a table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.judge import Verdict
from autograder.judge.verdict import STATUSES

KINDS = ("passed", "partial", "failed", "rejected")
"""What a whole submission can come to."""


@dataclass(frozen=True)
class Mark:
    """What one exercise came to; ``status`` is one of the judge's."""

    score: float
    max_score: float
    status: str


Outcome = Mapping[str, Mark]
"""What a submission came to, by exercise."""


def outcome_of(verdict: Verdict) -> Outcome:
    """What a verdict comes to."""
    return {
        name: Mark(one.score, one.max_score, one.status)
        for name, one in verdict.exercises.items()
    }


def read_outcome(notebook: Any) -> Outcome:
    """What an autograded notebook says, as JSON has it.

    Raises:
        LookupError, ValueError: where it says nothing.
    """
    found = {}
    for cell in notebook["cells"]:
        about = cell["metadata"].get("nbgrader", {})
        if about.get("grade"):
            (output,) = cell["outputs"]
            score = float("".join(output["data"]["text/plain"]))
            status = output["metadata"]["status"]
            name = about["grade_id"].removeprefix("check_")
            found[name] = Mark(score, float(about["points"]), status)
    return found


def kind(outcome: Outcome) -> str:
    """Which of ``KINDS`` a submission is."""
    marks = outcome.values()
    if all(mark.status == "rejected" for mark in marks):
        return "rejected"
    if all(mark.status == "passed" for mark in marks):
        return "passed"
    return "partial" if any(mark.score > 0 for mark in marks) else "failed"


def table(outcomes: Sequence[Outcome]) -> str:
    """A class for people: of each exercise the mean, and how often it came to what."""
    rows = list(_rows(outcomes))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for name, *cells in rows:
        shown = [c.rjust(w) for c, w in zip(cells, widths[1:], strict=True)]
        lines.append("  ".join([name.ljust(widths[0]), *shown]))
    return "\n".join(lines)


def _rows(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    """The table's cells; statuses that nothing came to have no column."""
    statuses = [mark.status for outcome in outcomes for mark in outcome.values()]
    used = [status for status in STATUSES if status in statuses]
    yield ["", "points", "mean", *used]
    for name in outcomes[0]:
        marks = [outcome[name] for outcome in outcomes]
        counts = Counter(mark.status for mark in marks)
        mean = sum(mark.score for mark in marks) / len(marks)
        points = f"{marks[0].max_score:g}"
        yield [name, points, f"{mean:.2f}", *(str(counts[status]) for status in used)]


def as_csv(outcomes: Mapping[str, Outcome]) -> str:
    """A class for programs: a line a student, marks and status of each exercise."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(next(iter(outcomes.values())))
    columns = [column for name in names for column in (name, f"{name} status")]
    writer.writerow(["student", "score", "max_score", *columns])
    for student, outcome in sorted(outcomes.items()):
        marks = [outcome[name] for name in names]
        cells = [cell for m in marks for cell in (round(m.score, 4), m.status)]
        score = round(sum(mark.score for mark in marks), 4)
        most = float(sum(mark.max_score for mark in marks))
        writer.writerow([student, score, most, *cells])
    return text.getvalue()

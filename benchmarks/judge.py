"""The judge against stock nbgrader, on the same submissions: ``make bench-judge``.

Stock runs each notebook in a kernel and scores what its check cells print; the judge
runs the functions in a sandbox, on inputs of its own. Two notebooks are measured: the
whole chapter, whose figures, experiments and PyTorch cells stock runs too, and the same
one cut down to its exercises, where neither has anything else to do. The result goes to
``results/judge.json``, which the book shows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import ROOT
from autograder.judge import bubblewrap
from benchmarks import measures
from benchmarks.courses import Courses
from benchmarks.measures import Row
from benchmarks.record import at_least, at_most, machine, record

PACKAGES = ("nbgrader", "nbconvert", "ipykernel", "numpy", "torch", "distributed")


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Args:
        submissions: in the class that all graders grade.
        sample: how many of them stock grades of the whole chapter, where it needs
            the better part of a minute for each; none if 0.
        sizes: of the classes that show how the time grows.
        grades: how many notebooks are graded one by one.
    """

    submissions: int = 60
    sample: int = 4
    sizes: tuple[int, ...] = (10, 30, 100, 300, 1000)
    grades: int = 20


QUICK = Plan(submissions=4, sample=0, sizes=(2, 4, 6), grades=2)
"""Enough to see that everything runs."""


def main() -> None:
    """Measure, print the tables, write ``results/judge.json``."""
    options = _options()
    plan = QUICK if options.quick else Plan(sample=options.sample)
    with tempfile.TemporaryDirectory() as folder:
        print("making courses to grade in", flush=True)
        found = rounded(measure(Courses(Path(folder)), plan))
    for key, rows in found.items():
        if isinstance(rows, list):
            print(f"\n{key}\n{table(rows)}")
    if not options.quick:
        path = record("judge", "make bench-judge", PACKAGES, found)
        print(f"\nwritten to {path.relative_to(ROOT)}")


def measure(courses: Courses, plan: Plan) -> dict[str, Any]:
    """Everything, by what it is about; lists are tables."""
    notebooks = courses.crowd(plan.submissions)
    about = {"submissions": plan.submissions, "sample": plan.sample}
    found: dict[str, Any] = {"machine": _machine(), "plan": about}
    # The long runs last.
    found["dask"] = [measures.with_dask(courses, notebooks, n) for n in (1, 2)]
    found["latency"] = measures.latency(courses, plan.grades)
    sandbox = measures.sandbox_memory(courses)
    found["exercises"] = measures.compare(courses, notebooks, len(notebooks), cut=True)
    found["chapter"] = measures.compare(courses, notebooks, plan.sample)
    found["growth"], own = measures.growth(courses, plan.sizes)
    found["memory"] = {"judge": own, "sandbox": sandbox}
    found["goals"] = list(goals(found))
    return found


def goals(found: Mapping[str, Any]) -> Iterator[Row]:
    """What was to be reached, and what was."""
    chapter, alone = (found[key][-1]["times_stock"] for key in ("chapter", "exercises"))
    *_, before, last = (row["each_more_ms"] for row in found["growth"])
    p95, own = found["latency"]["p95"], found["memory"]["judge"]
    if chapter is not None:
        yield at_least(12, "the whole chapter: times stock's throughput", chapter)
    yield at_least(6, "exercises alone: times stock's throughput", alone)
    yield at_most(1.25, "linear growth: one more, later to earlier", last / before)
    yield at_most(500, "memory of the judge's own process, in MiB", own)
    yield at_most(1.5, "one `grade`, 95th percentile, in seconds", p95)


def rounded(value: Any) -> Any:
    """A measurement with no more digits than it is good for."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def table(rows: Sequence[Row]) -> str:
    """Rows for people, their keys as the heading."""
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    )
    return "\n".join(lines)


def _machine() -> dict[str, Any]:
    return {**machine(), "bubblewrap": bubblewrap.version()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge")
    parser.add_argument(
        "--sample",
        type=int,
        default=Plan.sample,
        help="how many submissions stock grades of the whole chapter",
    )
    parser.add_argument(
        "--quick", action="store_true", help="see that everything runs; keep no result"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

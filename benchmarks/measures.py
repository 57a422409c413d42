"""What is measured of the judge, one function for each thing."""

from __future__ import annotations

import re
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from autograder.exercises import load
from autograder.judge.notebook import take_apart
from autograder.judge.sandbox import Sandbox
from benchmarks.cluster import cluster
from benchmarks.courses import ASSIGNMENT, Course, Courses, Notebooks, halves

STOCK = "stock `nbgrader autograde`"
SIDE_BY_SIDE = "two of stock, side by side"
COMMAND = "`nbgrader autograde` with the judge"
CLASS = "`class`, feedback pages too"

TURNS = (CLASS, STOCK, CLASS, SIDE_BY_SIDE, COMMAND, CLASS)
"""Who grades, one after the other: of what is measured thrice the median counts."""

Row = dict[str, Any]


def compare(
    courses: Courses, notebooks: Notebooks, sample: int, cut: bool = False
) -> list[Row]:
    """Let each grader grade the same submissions.

    Args:
        courses: makes the courses.
        notebooks: the submissions.
        sample: how many of them stock grades, the first ones; 0 for none.
        cut: cut the notebooks down to their exercises.

    Returns:
        For each grader, ``class`` last, its submissions, seconds, submissions per
        second, these as multiples of stock's, and to how many exercises it gives other
        marks than ``class``.
    """
    few = dict(list(notebooks.items())[:sample])
    given = {STOCK: few, SIDE_BY_SIDE: few, COMMAND: notebooks, CLASS: notebooks}
    seconds: dict[str, list[float]] = defaultdict(list)
    marks = {}
    for grader in TURNS:
        if given[grader]:
            ran, marks[grader] = grade(courses, grader, given[grader], cut)
            seconds[grader].append(ran)
            _tell(grader, len(given[grader]), ran)
    rows: list[Row] = []
    for grader in (one for one in given if one in marks):
        row = _row(len(given[grader]), statistics.median(seconds[grader]))
        found = marks[grader].items()
        row["other_marks"] = sum(abs(marks[CLASS][k] - v) > 1e-9 for k, v in found)
        first = (rows or [row])[0]["per_second"]
        row["times_stock"] = row["per_second"] / first if few else None
        rows.append({"grader": grader} | row)
    return rows


def grade(
    courses: Courses, grader: str, notebooks: Notebooks, cut: bool
) -> tuple[float, dict[tuple[str, str], float]]:
    """Let one grader grade; its seconds, and its marks by student and exercise."""
    if grader in (STOCK, SIDE_BY_SIDE):
        parts = [notebooks] if grader == STOCK else halves(notebooks)
        at_work = [courses.stock(part, cut) for part in parts]
    else:
        at_work = [courses.judged(notebooks, cut)]
    command = Course.grade_class if grader == CLASS else Course.autograde
    begin = time.perf_counter()
    with ThreadPoolExecutor(len(at_work)) as pool:
        list(pool.map(command, at_work))
    seconds = time.perf_counter() - begin
    return seconds, {k: v for one in at_work for k, v in one.marks().items()}


def growth(courses: Courses, sizes: Sequence[int]) -> tuple[list[Row], float]:
    """Classes of growing size.

    Returns:
        For each the seconds, and the milliseconds for each submission more than in
        the class before; the most memory, in MiB, that the process of the largest had.
    """
    rows: list[Row] = []
    before, peak = (0, 0.0), 0.0
    for size in sizes:
        ran = courses.judged(courses.crowd(size)).grade_class()
        _tell(CLASS, size, ran.seconds)
        more = 1000 * (ran.seconds - before[1]) / (size - before[0])
        rows.append(_row(size, ran.seconds) | {"each_more_ms": more})
        before, peak = (size, ran.seconds), ran.peak_mib
    return rows, peak


def latency(courses: Courses, number: int) -> Row:
    """Seconds for ``grade`` on some notebooks of the whole chapter, one by one."""
    course = courses.judged(courses.crowd(number))
    paths = sorted(course.root.glob(f"submitted/*/{ASSIGNMENT}/*.ipynb"))
    seconds = [
        course.run("autograder", "grade", ASSIGNMENT, str(path), "--json").seconds
        for path in paths
    ]
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    _tell("`grade`, median", 1, statistics.median(seconds))
    return {"runs": number, "median": statistics.median(seconds), "p95": p95}


def sandbox_memory(courses: Courses) -> float:
    """The most memory, in MiB, of a sandbox in which a right notebook ran."""
    ((_, notebook),) = courses.crowd(1).items()
    course = courses.judged({"one": notebook})
    names = [exercise.name for exercise in load(ASSIGNMENT).exercises]
    submission = take_apart(course.file("submitted", "one").read_bytes(), names)
    with Sandbox() as sandbox:
        sandbox.allow(60.0)
        for cell in submission.cells:
            if not cell.offered:
                sandbox.run(cell.name, cell.source)
        return sum(_peak(pid) for pid in _family(sandbox.process.pid))


def with_dask(courses: Courses, notebooks: Notebooks, workers: int) -> Row:
    """A class that some worker processes of a Dask cluster judge."""
    course = courses.judged(notebooks, cut=True)
    with cluster(course, workers) as address:
        seconds = course.grade_class("--scheduler", address).seconds
    _tell(f"`class`, {workers} Dask worker(s)", len(notebooks), seconds)
    return {"workers": workers} | _row(len(notebooks), seconds)


def _row(submissions: int, seconds: float) -> Row:
    per_second = submissions / seconds
    return {"submissions": submissions, "seconds": seconds, "per_second": per_second}


def _family(pid: int) -> Iterator[int]:
    """A process, and all that it has started."""
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def _peak(pid: int) -> float:
    """The most memory, in MiB, that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024


def _tell(words: str, submissions: int, seconds: float) -> None:
    print(f"  {words}: {submissions} in {seconds:.1f} s", flush=True)

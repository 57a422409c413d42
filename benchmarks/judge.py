"""The judge against stock nbgrader, on the same submissions.

Both grade through ``nbgrader autograde``, one right after the other: ours with this
course's plug-in, stock with nbgrader's own steps, which run each notebook in a kernel.
Two notebooks are measured: the whole chapter, figures, experiments and PyTorch
included, which stock runs and the judge leaves out; and the same one cut down to its
exercises, where both have the same work to do.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import re
import secrets
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook

from autograder.chapter import LOCKED
from autograder.course import ROOT, CourseError
from autograder.sample import read_paper, submissions

ASSIGNMENT = "03_adam"
EARLIER = "02_rmsprop"
STUDENTS = (
    "all-right",
    "all-right-in-another-style",
    *(f"mistake-{number:02}" for number in range(1, 19)),
)
"""Ordinary work. What loops for ever would measure two time limits, and no grader."""

RESULT = ROOT / "benchmarks" / "results" / "judge.json"

STOCK_CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "deep-optimization"
# The usual 30 seconds a cell would cut the chapter's experiments short.
c.Execute.timeout = 1800
# No word of each kernel on its sockets.
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--log-level=40"]
"""


@dataclass(frozen=True)
class Measured:
    """Seconds for ``nbgrader autograde`` on some submissions; medians of the rounds."""

    notebook: str
    submissions: int
    rounds: int
    judge: float
    stock: float
    different_marks: int
    """Exercises, over all submissions, to which the two give other marks."""

    @property
    def ratio(self) -> float:
        """How many times as long stock takes."""
        return self.stock / self.judge


@dataclass(frozen=True)
class Course:
    """A folder where nbgrader grades, with our plug-in or without."""

    root: Path
    judged: bool

    def nbgrader(self, *arguments: str) -> None:
        """Run one of nbgrader's commands there."""
        # Ours reads the settings of this repository, stock those of its own folder.
        where = ROOT if self.judged else self.root
        command = [sys.executable, "-m", "nbgrader", *arguments]
        command += [f"--CourseDirectory.root={self.root}", "--log-level=ERROR"]
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONWARNINGS": "ignore"}
        subprocess.run(command, cwd=where, env=environment, check=True)

    def seconds(self) -> float:
        """Grade everybody; how long it took."""
        begin = time.perf_counter()
        self.nbgrader("autograde", ASSIGNMENT, "--force")
        return time.perf_counter() - begin

    def marks(self) -> dict[tuple[str, str], float]:
        """The marks in the gradebook, by student and exercise."""
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return {
                (found.student.id, grade.name): grade.auto_score
                for found in gradebook.assignment_submissions(ASSIGNMENT)
                for notebook in found.notebooks
                for grade in notebook.grades
            }


def main() -> None:
    """Measure, print a table, write ``results/judge.json``."""
    options = _options()
    notebooks = _submissions()
    print("the judge, then stock nbgrader, in each round")
    path = ROOT / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    source = nbformat.read(path, as_version=4)
    short = {student: cut_down(notebook) for student, notebook in notebooks.items()}
    found = [measure("exercises alone", cut_down(source), short, options.rounds)]
    if options.submissions:
        few = dict(list(notebooks.items())[: options.submissions])
        found.append(measure("whole chapter", source, few, 1))
    record = {**_circumstances(), "measured": [_numbers(one) for one in found]}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(table(found))
    print(f"written to {RESULT.relative_to(ROOT)}")


def measure(
    words: str, source: Any, notebooks: Mapping[str, Any], rounds: int
) -> Measured:
    """Let both grade the same notebooks, in turns.

    Args:
        words: what notebook it is.
        source: the instructor's.
        notebooks: the submissions, by student.
        rounds: how many times each grades all of them.
    """
    print(f"{words}: {len(notebooks)} submissions, {rounds} rounds", flush=True)
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as folder:
        courses = [
            set_up(Path(folder, str(judged)), judged, source)
            for judged in (True, False)
        ]
        for _ in range(rounds):
            for course in courses:
                hand_in(course.root, notebooks)
                seconds[course.judged].append(course.seconds())
                print(f"  {seconds[course.judged][-1]:.1f} s", flush=True)
        ours, theirs = (course.marks() for course in courses)
    different = sum(abs(ours[key] - theirs[key]) > 1e-9 for key in ours)
    judge, stock = (statistics.median(seconds[judged]) for judged in (True, False))
    return Measured(words, len(notebooks), rounds, judge, stock, different)


def set_up(root: Path, judged: bool, source: Any) -> Course:
    """A course with one assignment."""
    _write(source, root / "source", ASSIGNMENT)
    (root / "nbgrader_config.py").write_text(STOCK_CONFIG)
    course = Course(root, judged)
    course.nbgrader("generate_assignment", ASSIGNMENT)
    return course


def hand_in(root: Path, notebooks: Mapping[str, Any]) -> None:
    """Write the submissions, each new to a judge that keeps its verdicts."""
    before, mark = read_paper(ROOT, EARLIER), secrets.token_hex()
    for student, notebook in notebooks.items():
        notebook.metadata["round"] = mark
        _write(notebook, root / "submitted" / student, ASSIGNMENT)
        # Where the figures look for a function of the chapter before.
        _write(before.solved(), root / "autograded" / student, EARLIER)


def cut_down(notebook: Any) -> Any:
    """A notebook without the cells that the judge leaves out."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if not set(LOCKED) & set(cell.metadata.get("tags", ()))
    ]
    return notebook


def table(found: Sequence[Measured]) -> str:
    """The measurements for people."""
    rows = ["notebook         submissions   judge     stock     stock / judge"]
    rows += [
        f"{one.notebook:<16} {one.submissions:>11}   {one.judge:>5.1f} s"
        f" {one.stock:>7.1f} s   {one.ratio:>8.1f}"
        for one in found
    ]
    return "\n".join(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge")
    parser.add_argument(
        "--submissions",
        type=int,
        default=1,
        help="how many of the whole chapter (stock needs a minute for each; 0: none)",
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how many of the notebook cut down"
    )
    return parser.parse_args()


def _submissions() -> dict[str, Any]:
    handed_in = dict(submissions(read_paper(ROOT, ASSIGNMENT)))
    return {student: handed_in[student] for student in STUDENTS}


def _write(notebook: Any, folder: Path, assignment: str) -> None:
    path = folder / assignment / f"{assignment}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _numbers(one: Measured) -> dict[str, Any]:
    """A measurement with no more digits than it is good for."""
    numbers = asdict(one) | {"ratio": one.ratio}
    return {
        key: round(value, 2) if isinstance(value, float) else value
        for key, value in numbers.items()
    }


def _circumstances() -> dict[str, Any]:
    """When and where it was measured, with what."""
    packages = ("nbgrader", "nbconvert", "ipykernel", "numpy", "torch")
    bwrap = subprocess.run(["bwrap", "--version"], capture_output=True, text=True)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 1),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            "bubblewrap": bwrap.stdout.split()[-1],
            **{name: version(name) for name in packages},
        },
    }


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    match = re.search(r"model name\s*: (.*)", text)
    return match[1] if match else platform.machine()


if __name__ == "__main__":
    try:
        main()
    except CourseError as error:
        sys.exit(f"benchmarks.judge: {error}")

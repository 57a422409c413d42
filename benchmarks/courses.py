"""Courses of one assignment, for a benchmark to grade in."""

from __future__ import annotations

import copy
import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_markdown_cell
from nbgrader.api import Gradebook

from autograder.course import ROOT
from autograder.judge.notebook import LOCKED
from autograder.sample import read_paper, submissions

ASSIGNMENT = "03_adam"
EARLIER = "02_rmsprop"
"""The chapter whose function the figures of ``ASSIGNMENT`` recall."""

STOCK_CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "deep-optimization"
# The usual 30 seconds a cell would cut the chapter's experiments short.
c.Execute.timeout = 1800
# No word of each kernel on its sockets.
c.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--log-level=40"]
"""

Notebooks = Mapping[str, Any]
"""By the student's name."""


@dataclass(frozen=True)
class Ran:
    """A command that was run: seconds, and the most memory that its process held."""

    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Course:
    """A course in a folder of its own; all processes there use the course's own code.

    ``code`` is the folder of that code, which stock nbgrader's kernels import too.
    """

    root: Path
    code: Path

    def run(self, *command: str) -> Ran:
        """Run a Python module there to its end.

        Raises:
            CalledProcessError: where its status is not 0.
        """
        begin = time.perf_counter()
        process = self.start(*command)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return Ran(seconds, used.ru_maxrss / 1024)

    def start(
        self, *command: str, errors: int | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a Python module there; what it prints is of no interest."""
        path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        own = {"PATH": path, "PYTHONPATH": str(self.code), "PYTHONWARNINGS": "ignore"}
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env={**os.environ, **own},
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )

    def grade_class(self, *options: str) -> Ran:
        """Grade everybody with the course's own command, feedback pages included."""
        return self.run("autograder", "class", ASSIGNMENT, *options)

    def autograde(self) -> Ran:
        """Grade everybody with nbgrader's command."""
        return self.run("nbgrader", "autograde", ASSIGNMENT, "--log-level=ERROR")

    def file(self, folder: str, student: str, name: str = ASSIGNMENT) -> Path:
        """A notebook in one of nbgrader's folders."""
        return self.root / folder / student / name / f"{name}.ipynb"

    def marks(self) -> dict[tuple[str, str], float]:
        """The marks in the gradebook, by student and exercise."""
        with Gradebook(f"sqlite:///{self.root / 'gradebook.db'}") as gradebook:
            return {
                (found.student.id, grade.name): grade.auto_score
                for found in gradebook.assignment_submissions(ASSIGNMENT)
                for notebook in found.notebooks
                for grade in notebook.grades
            }


class Courses:
    """Makes courses in a folder: of the whole chapter, or of its exercises alone."""

    def __init__(self, folder: Path) -> None:
        """Copy the course's code there, and release the chapter in both forms."""
        self.folder = folder
        self.count = itertools.count(1)
        whole, cut = folder / "whole", folder / "cut"
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("autograder", "chapters", "descentlab", "solutions"):
            shutil.copytree(ROOT / name, whole / name, ignore=ignored)
        shutil.copy(ROOT / "nbgrader_config.py", whole)
        course = Course(whole, whole)
        course.run("autograder", "publish")
        course.run("autograder", "release", EARLIER, ASSIGNMENT)
        shutil.copytree(whole, cut)
        source = Course(cut, cut).file("source", ".")
        _write(cut_down(nbformat.read(source, as_version=4)), source)
        course = Course(cut, cut)
        course.run("nbgrader", "generate_assignment", ASSIGNMENT, "--force")
        self.paper = read_paper(whole, ASSIGNMENT)
        self.earlier = read_paper(whole, EARLIER).solved()

    def judged(self, notebooks: Notebooks, cut: bool = False) -> Course:
        """A new course that is graded by the judge."""
        root = self.folder / str(next(self.count))
        shutil.copytree(self._template(cut), root)
        return _hand_in(Course(root, root), notebooks, cut)

    def stock(self, notebooks: Notebooks, cut: bool = False) -> Course:
        """A new course that is graded by nbgrader as it comes."""
        root, template = self.folder / str(next(self.count)), self._template(cut)
        for name in ("source", "release"):
            shutil.copytree(template / name, root / name)
        shutil.copy(template / "gradebook.db", root)
        (root / "nbgrader_config.py").write_text(STOCK_CONFIG)
        course = Course(root, template)
        for student in notebooks:
            # Where the figures look for a function of the chapter before.
            _write(self.earlier, course.file("autograded", student, EARLIER))
        return _hand_in(course, notebooks, cut)

    def crowd(self, number: int) -> dict[str, Any]:
        """Ordinary work of so many students, no two notebooks the same.

        It is from the sample class: right answers in two styles, and those with a
        mistake that has a name. What loops for ever would measure two time limits, and
        no grader.
        """
        right = ("all-right", "all-right-in-another-style")
        kinds = [
            notebook
            for student, notebook in submissions(self.paper)
            if student in right or student.startswith("mistake-")
        ]
        return dict(_students(kinds, number))

    def _template(self, cut: bool) -> Path:
        return self.folder / ("cut" if cut else "whole")


def cut_down(notebook: Any) -> Any:
    """A notebook without the cells that the judge leaves out."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if not LOCKED & set(cell.metadata.get("tags", ()))
    ]
    return notebook


def halves(notebooks: Notebooks) -> list[dict[str, Any]]:
    """The notebooks in two parts, or in one where there is but one."""
    items = list(notebooks.items())
    return [dict(part) for part in (items[::2], items[1::2]) if part]


def _students(kinds: list[Any], number: int) -> Iterator[tuple[str, Any]]:
    for i, kind in zip(range(number), itertools.cycle(kinds), strict=False):
        notebook = copy.deepcopy(kind)
        notebook.cells.append(new_markdown_cell(f"I am student number {i}."))
        yield f"student-{i:04}", notebook


def _hand_in(course: Course, notebooks: Notebooks, cut: bool) -> Course:
    for student, notebook in notebooks.items():
        path = course.file("submitted", student)
        _write(cut_down(notebook) if cut else notebook, path)
    return course


def _write(notebook: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)

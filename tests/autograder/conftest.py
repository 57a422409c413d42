"""The course, copied and released, and its sample class, judged once for all tests."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.course import key
from autograder.exercises import assignments, load
from autograder.judge import Verdict, judge
from autograder.sample import Paper, read_paper, submissions

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = tuple(assignments(ROOT))
FOLDER = "Kurs [DL] (1) für Übungen"
"""What the course is called in these tests: no tool may take it for a pattern."""


@dataclass(frozen=True)
class Course:
    """A copy of the course in a folder of its own."""

    root: Path

    def run(self, *command: str, status: int = 0, start: Sequence[str] = ()) -> str:
        """Run a command of the environment there; what it printed.

        Args:
            start: the words of a program that starts it.
        """
        scripts = sysconfig.get_path("scripts")
        where = os.pathsep.join([scripts, os.environ["PATH"]])
        ran = subprocess.run(
            [*start, sys.executable, "-m", *command],
            cwd=self.root,
            env={**os.environ, "PATH": where, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert ran.returncode == status, ran.stdout
        return ran.stdout

    def file(self, folder: str, student: str, assignment: str, end: str) -> Path:
        """A student's file in one of nbgrader's folders."""
        return self.root / folder / student / assignment / f"{assignment}{end}"

    def submitted(self, assignment: str) -> dict[str, bytes]:
        """What was handed in, by the student's name."""
        paths = self.root.glob(f"submitted/*/{assignment}/{assignment}.ipynb")
        return {path.parts[-3]: path.read_bytes() for path in sorted(paths)}

    def verdict(self, assignment: str, data: bytes) -> Verdict:
        """What `grade` says there of a notebook."""
        exercises = load(assignment).exercises
        return judge(assignment, exercises, data, key(self.root))

    def verdicts(self, assignment: str) -> dict[str, Verdict]:
        """What `grade` says of each student's notebook that is one."""
        key(self.root)  # made once, before there are threads
        notebooks = {
            student: data
            for student, data in self.submitted(assignment).items()
            if student != "not-a-notebook"
        }
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda d: self.verdict(assignment, d), notebooks.values())
            return dict(zip(notebooks, found, strict=True))

    def copy(self, to: Path) -> "Course":
        """Another copy, in the same state."""
        shutil.copytree(self.root, to, dirs_exist_ok=True)
        return Course(to)


@pytest.fixture(scope="session")
def released(tmp_path_factory) -> Course:
    """The course with its releases made, and nothing handed in."""
    root = tmp_path_factory.mktemp("released") / FOLDER
    for name in ("autograder", "chapters", "descentlab", "solutions"):
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    course = Course(root)
    course.run("autograder", "publish")
    course.run("autograder", "release")
    return course


@pytest.fixture(scope="session")
def classroom(released, tmp_path_factory) -> Course:
    """The course with the sample class's submissions."""
    course = released.copy(tmp_path_factory.mktemp("classroom") / FOLDER)
    course.run("autograder", "sample")
    return course


@pytest.fixture(scope="session")
def verdicts(classroom) -> dict[str, dict[str, Verdict]]:
    """What `grade` says of the sample class, by assignment and student."""
    return {name: classroom.verdicts(name) for name in ASSIGNMENTS}


@pytest.fixture(scope="session")
def papers(released) -> dict[str, Paper]:
    """The released assignments, as the sample class has them before it."""
    return {name: read_paper(released.root, name) for name in ASSIGNMENTS}


@pytest.fixture(scope="session")
def class_work(papers):
    """Who hands in what, by assignment."""
    return {name: dict(submissions(paper)) for name, paper in papers.items()}

"""What `make course` does and says, with a stand-in for Python."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Notes each call. What it should refuse lies as a file of that name beside it.
PYTHON = """\
#!/bin/sh
echo "$@" >>calls
refuse() { test ! -e $1 || { cat $1 >&$2; exit 2; }; }
case "$*" in
*bubblewrap.py) refuse no-sandbox 1;;
*"autograder sandbox") refuse no-sandbox 2;;
*"autograder class"*) refuse no-class 2;;
esac
"""
FLAGS = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
NEEDED = "Makefile requirements.txt pyproject.toml LICENSE nbgrader_config.py".split()


class Course:
    """A folder in which make finds what it looks for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        for name in NEEDED:
            shutil.copy(ROOT / name, root)
        for name in ("chapters/01_one.md", "submitted/all-right/01_one/01_one.ipynb"):
            (root / name).parent.mkdir(parents=True)
            (root / name).touch()
        self.write("python", PYTHON).chmod(0o755)
        for name in ("python", "pip"):
            (root / "env" / "bin").mkdir(parents=True, exist_ok=True)
            (root / "env" / "bin" / name).symlink_to(root / "python")

    def write(self, name: str, text: str) -> Path:
        (self.root / name).write_text(text)
        return self.root / name

    def make(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["make", "VENV=env", "PYTHON=./python", *words],
            cwd=self.root,
            # The tests may have been started by make, which hands its flags on.
            env={k: v for k, v in os.environ.items() if k not in FLAGS},
            capture_output=True,
            text=True,
        )

    def calls(self) -> str:
        return (self.root / "calls").read_text()


@pytest.fixture
def course(tmp_path) -> Course:
    if shutil.which("make") is None:
        pytest.skip("make is not installed: sudo apt install make")
    return Course(tmp_path / "Kurs [DL] (1) für Übungen")


def test_a_course_ends_with_the_grades(course):
    done = course.make("course")
    assert done.returncode == 0, done.stderr
    assert "autograder class 01_one --force\n-m autograder grades\n" in course.calls()
    assert "Left out" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("A student's report:")


def test_without_a_sandbox_all_else_is_made(course):
    course.write("no-sandbox", "namespaces are forbidden\n")
    done = course.make("course")
    assert (done.returncode, done.stderr) == (0, "")
    first, *_, last = done.stdout.splitlines()
    assert "nothing graded: namespaces are forbidden" in first
    assert last.startswith("Left out: ")
    assert "`make grade`" in last and last.endswith("namespaces are forbidden")
    for step in ("publish", "book", "release", "sample"):
        assert f"-m autograder {step}\n" in course.calls()
    assert "pip wheel" in course.calls()
    assert "class" not in course.calls()


def test_what_was_left_out_is_made_up_for(course):
    sandbox = course.write("no-sandbox", "namespaces are forbidden\n")
    course.make("course")
    sandbox.unlink()
    done = course.make("grade")
    assert done.returncode == 0, done.stderr
    assert course.calls().endswith("class 01_one --force\n-m autograder grades\n")


@pytest.mark.parametrize("goal", ["course", "grade"])
def test_a_class_that_cannot_be_graded_fails(course, goal):
    course.write("no-class", "the disk is full\n")
    done = course.make(goal)
    assert done.returncode != 0
    assert "the disk is full" in done.stderr
    assert "The book:" not in done.stdout


def test_no_python(course):
    done = course.make("course", "PYTHON=no-such-python", "VENV=other")
    assert done.returncode != 0
    assert "there is no no-such-python: install Python 3.11 or newer" in done.stderr

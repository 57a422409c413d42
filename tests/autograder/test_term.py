"""A new term: a class is put away whole, and no sample class joins the next one."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import CourseError
from autograder.term import put_away

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "submitted/ada/03_adam/03_adam.ipynb",
    "feedback/ada/page.html",
    "gradebook.db",
)


@pytest.fixture
def course(tmp_path):
    """A course with a class."""
    for file in FILES:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    (tmp_path / ".judge-key").write_text("kept")
    return tmp_path


def test_a_class_is_put_away_whole(course):
    target = put_away(course, "2026-autumn")
    assert target == course / "terms" / "2026-autumn"
    assert all((target / file).read_text() == file for file in FILES)
    assert list((course / "submitted").iterdir()) == []
    assert not (course / "gradebook.db").exists()
    assert not (course / "feedback").exists()
    assert (course / ".judge-key").read_text() == "kept"


def test_what_was_interrupted_is_done_by_the_same_again(course):
    target = course / "terms" / "2026-autumn"
    target.mkdir(parents=True)
    (course / "feedback").rename(target / "feedback")
    put_away(course, "2026-autumn")
    assert all((target / file).read_text() == file for file in FILES)


@pytest.mark.parametrize("name", ["", "..", "a/b", "/tmp/x", "-x", "two\nlines"])
def test_a_name_that_is_none_is_refused(course, name):
    with pytest.raises(CourseError, match="is no name for a folder"):
        put_away(course, name)
    assert all((course / file).exists() for file in FILES)


def test_a_name_that_is_taken_is_refused_and_nothing_is_moved(course):
    put_away(course, "spring")
    (course / "feedback").mkdir()
    (course / "gradebook.db").write_text("the next")
    with pytest.raises(CourseError, match="spring has a class already: choose another"):
        put_away(course, "spring")
    assert (course / "gradebook.db").read_text() == "the next"
    assert (course / "terms/spring/gradebook.db").read_text() == "gradebook.db"


def test_not_while_a_class_is_graded(course):
    (course / ".verdicts").mkdir()
    with (course / ".verdicts" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="another `class` is at work"):
            put_away(course, "spring")
    assert all((course / file).exists() for file in FILES)


# The Makefile

PYTHON = """#!/bin/sh
echo "$*" >>log
case "$*" in *"sample") mkdir -p submitted/all-right/03_adam;; esac
"""
"""Notes what it is called with."""


def make(root, *targets):
    """What `make` has Python do, with the release made."""
    (root / "log").write_text("")
    python = root / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    command = ["make", "-s", "-o", "_build/stamps/release", f"PY={python}", *targets]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No such file" not in done.stderr
    return (root / "log").read_text().splitlines()


@pytest.fixture
def made(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "chapters").mkdir()
    for name in ("02_rmsprop", "03_adam"):
        (tmp_path / "chapters" / f"{name}.md").touch()
    (tmp_path / "_build" / "stamps").mkdir(parents=True)
    (tmp_path / "_build" / "stamps" / "release").touch()
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")
def test_make_keeps_the_sample_class_out_of_a_class_of_one_s_own(made):
    graded = "-m autograder class 03_adam --force"
    assert make(made, "sample", "grade") == [
        "-m autograder sample",
        graded,
        "-m autograder grades",
    ]
    # In term, what changed is released; nobody has handed in the other assignment.
    shutil.rmtree(made / "submitted")
    (made / "submitted" / "ada" / "03_adam").mkdir(parents=True)
    (made / "submitted" / "ada" / "03_adam" / "03_adam.ipynb").touch()
    (made / "_build" / "stamps" / "sample").unlink()
    assert make(made, "sample", "grade") == [graded, "-m autograder grades"]
    assert not (made / "submitted" / "all-right").exists()
    # Nor into one that has nobody yet.
    shutil.rmtree(made / "submitted")
    (made / "submitted").mkdir()
    (made / "_build" / "stamps" / "sample").unlink()
    assert make(made, "sample", "grade") == ["-m autograder grades"]

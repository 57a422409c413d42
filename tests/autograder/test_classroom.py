"""`class`: one outcome for each submission, whatever happens on the way."""

import copy
import csv
import fcntl
import itertools
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup
from distributed import Client
from nbgrader.api import Gradebook

from autograder import verdicts as judging
from autograder import workers
from autograder.classroom import grade_class
from autograder.course import CourseError, key
from autograder.gradebook import print_grades
from autograder.judge import SandboxError
from autograder.verdicts import reach

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

ADAM = "03_adam"
STUDENTS = (
    "all-right",
    "changes-its-arguments",
    "mistake-05",
    "not-a-notebook",
    "untouched",
)
FULL = {"update_moments": 4.0, "bias_correct": 4.0, "adam_step": 8.0}
NONE = dict.fromkeys(FULL, 0.0)


def hand_in(course, files):
    """Put notebooks into ``submitted/``, by the student's name."""
    for student, content in files.items():
        path = course.file("submitted", student, ADAM, ".ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else nbformat.writes(content)
        path.write_text(text)


@pytest.fixture(scope="module")
def handed(released, class_work, tmp_path_factory):
    """The course, and five students who have handed in 03_adam."""
    course = released.copy(tmp_path_factory.mktemp("handed") / released.root.name)
    hand_in(course, {name: class_work[ADAM][name] for name in STUDENTS})
    key(course.root)
    return course


@pytest.fixture
def small(handed, tmp_path):
    """A copy of it to grade."""
    return handed.copy(tmp_path / handed.root.name)


@pytest.fixture(scope="module")
def wanted(handed):
    """What `grade` gives each of them alone."""
    found = judged_alone(handed, STUDENTS)
    assert found["all-right"] == FULL
    assert found["mistake-05"] == found["untouched"] == found["not-a-notebook"] == NONE
    return found


def marks(course):
    """What the gradebook holds, by student and exercise."""
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name.removeprefix("check_"): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(ADAM)
        }


def judged_alone(course, students):
    """What `grade` says of some students' submissions."""
    submitted = course.submitted(ADAM)
    return {
        student: {name: one.score for name, one in verdict.exercises.items()}
        for student in students
        for verdict in [reach(ADAM, submitted[student], course.root)]
    }


def notebook_of(course, student):
    """An autograded notebook, but for the names of cells, which are random."""
    notebook = nbformat.read(course.file("autograded", student, ADAM, ".ipynb"), 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        del cell["id"]
    return notebook


def page_of(course, student):
    """A feedback page, but for those names."""
    page = course.file("feedback", student, ADAM, ".html").read_text()
    return re.sub(r"cell-id=[0-9a-f]{8}", "", page)


def is_whole(course):
    """Whether every submission has its notebook and its page, and nothing else is."""
    students = set(course.submitted(ADAM))
    for student in students:
        assert notebook_of(course, student).metadata["verdict"]
        assert page_of(course, student).rstrip().endswith("</html>")
    for folder in ("autograded", "feedback"):
        assert {path.name for path in (course.root / folder).iterdir()} == students
    return True


def written(course):
    """When each file that `class` writes was written."""
    paths = [
        path
        for folder in ("autograded", "feedback")
        for path in course.root.glob(f"{folder}/*/{ADAM}/*")
    ]
    return {path: path.stat().st_mtime_ns for path in paths}


def changed(course, before):
    """Whose files were written since, by folder."""
    now = written(course)
    found = [path.parts[-4:-2] for path in now if before.get(path) != now[path]]
    return {tuple(pair) for pair in found}


@contextmanager
def at_work(course, *options):
    """`class` in a process of its own, once it has written something down."""
    command = [sys.executable, "-m", "autograder", "class", ADAM, *options]
    process = subprocess.Popen(
        command,
        cwd=course.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell's job in the background hands down that interrupts are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for(lambda: list(course.root.glob(f"feedback/*/{ADAM}/{ADAM}.html")))
        assert process.poll() is None, process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def only_line(said):
    """What a process said, in its one line."""
    lines = said.decode().splitlines()
    assert len(lines) == 1, said.decode()
    return lines[0]


def wait_for(condition, seconds=240.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


# Every road leads to the same


def test_the_class_has_what_nbgrader_would_have_given(small, wanted, tmp_path, capsys):
    other = small.copy(tmp_path / "other")
    assert grade_class(small.root, ADAM) == 0
    said = capsys.readouterr()
    assert marks(small) == wanted
    assert is_whole(small)
    assert "Traceback" not in said.out + said.err and "[" not in said.out
    other.run("nbgrader", "autograde", ADAM)
    other.run("nbgrader", "generate_feedback", ADAM)
    assert marks(other) == wanted
    for student in STUDENTS:
        notebooks, pages = zip(
            *((notebook_of(c, student), page_of(c, student)) for c in (small, other)),
            strict=True,
        )
        assert notebooks[0] == notebooks[1]
        assert pages[0] == pages[1]


def but_for_mathjax(page):
    """A page without the script that has nothing left to do."""
    start, end = "<!-- Loading mathjax macro -->", "<style>\ntd.center"
    return page[: page.index(start)] + page[page.index(end) :]


def test_the_pages_are_those_that_nbconvert_makes_by_itself(small):
    grade_class(small.root, ADAM)
    quick = {student: page_of(small, student) for student in STUDENTS}
    exporter = "--GenerateFeedback.exporter_class=nbconvert.exporters.HTMLExporter"
    small.run("nbgrader", "generate_feedback", ADAM, "--force", exporter)
    for student, page in quick.items():
        # The other exporter parses the page and writes it anew, and loads MathJax.
        wanted = page_of(small, student)
        assert "MathJax" in wanted and "MathJax" not in page
        parsed = str(BeautifulSoup(page, "html.parser"))
        assert but_for_mathjax(wanted) == but_for_mathjax(parsed), student


def test_the_table_and_the_csv_tell_who_has_what(small, tmp_path, capsys):
    path = tmp_path / "marks.csv"
    grade_class(small.root, ADAM, csv=path)
    said = capsys.readouterr().out
    assert said.startswith("03_adam: 5 graded\n")
    rows = [line.split() for line in said.splitlines() if line]
    assert rows[1] == "points mean passed partial failed error rejected".split()
    assert rows[2] == "update_moments 4 1.51 1 1 1 1 1".split()
    assert rows[-1] == "1 passed, 1 partial, 2 failed, 1 rejected".split()
    with path.open() as file:
        found = {row["student"]: row for row in csv.DictReader(file)}
    assert list(found) == sorted(STUDENTS)
    assert found["changes-its-arguments"]["score"] == "15.5556"
    assert found["changes-its-arguments"]["update_moments status"] == "partial"
    assert found["not-a-notebook"]["adam_step status"] == "rejected"


def test_who_has_no_notebook_of_that_name_is_named(small, capsys):
    stray = small.file("submitted", "eve", ADAM, ".ipynb")
    stray.parent.mkdir(parents=True)
    stray.with_name("03_adam (1).ipynb").touch()
    assert grade_class(small.root, ADAM) == 1
    capsys.readouterr()
    # A folder of another name, no folder at all, a name from an old archive.
    for place in ("mallory/adam/03_adam.ipynb", "03_adam.ipynb", "trent/03_adam.zip"):
        path = small.root / "submitted" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for name in (b"jos\xe9", b"two\nlines"):
        folder = small.root / "submitted" / os.fsdecode(name) / ADAM
        folder.mkdir(parents=True)
        shutil.copy(small.file("submitted", "all-right", ADAM, ".ipynb"), folder)
    assert grade_class(small.root, ADAM) == 1
    said = capsys.readouterr().out
    assert said.startswith("03_adam: 0 graded, 5 graded before and unchanged\n")
    assert said.endswith(r"""

not graded, for its name or its place:
  eve has no 03_adam.ipynb (03_adam (1).ipynb)
  submitted/03_adam.ipynb is not in submitted/STUDENT/ASSIGNMENT/
  submitted/mallory/adam/03_adam.ipynb is not in submitted/STUDENT/ASSIGNMENT/
  submitted/trent/03_adam.zip is not in submitted/STUDENT/ASSIGNMENT/
  submitted/jos\udce9 is no name for a student
  submitted/two\nlines is no name for a student
""")
    small.run("autograder", "grades")


def test_all_that_could_not_be_graded_is_listed_with_exit_status_1(small):
    """However many they are, and also where nothing else was handed in."""
    shutil.rmtree(small.root / "submitted")
    names = [f"student-{number:02}" for number in range(40)]
    for name in names:
        stray = small.file("submitted", name, ADAM, " (1).ipynb")
        stray.parent.mkdir(parents=True)
        stray.touch()
    said = small.run("autograder", "class", ADAM, status=1)
    wanted = [f"  {name} has no 03_adam.ipynb (03_adam (1).ipynb)" for name in names]
    assert said.splitlines()[-40:] == wanted


@pytest.mark.parametrize("time", [b"yesterday", b"\xff\xfe2\x000\x00", b"9" * 30, b""])
def test_a_time_that_is_none_is_told_and_is_no_fault_of_ours(
    small, wanted, time, capsys
):
    assert grade_class(small.root, ADAM) == 0
    file = small.file("submitted", "untouched", ADAM, ".ipynb")
    file.with_name("timestamp.txt").write_bytes(time)
    assert grade_class(small.root, ADAM) == 1
    assert capsys.readouterr().out.endswith("""

not graded:
  submitted/untouched/03_adam/timestamp.txt is not a time such as\
 2026-11-24 18:00:00 UTC, in plain text
""")
    assert marks(small) == wanted | {"untouched": dict.fromkeys(FULL)}
    file.with_name("timestamp.txt").write_text("2026-11-24 18:00:00 UTC\n")
    assert grade_class(small.root, ADAM) == 0
    assert marks(small) == wanted and is_whole(small)


def test_a_verdict_is_replayed_exactly_from_its_notebook(small):
    grade_class(small.root, ADAM)
    kept = judging.Verdicts(small.root)
    wanted = {
        student: kept.find(kept.name(ADAM, data)).to_json()
        for student, data in small.submitted(ADAM).items()
    }
    shutil.rmtree(small.root / ".verdicts")
    for student in set(STUDENTS) - {"not-a-notebook"}:
        file = small.file("submitted", student, ADAM, ".ipynb")
        said = small.run("autograder", "grade", ADAM, str(file), "--json")
        assert json.loads(said) == wanted[student]


def test_a_bar_tells_what_came_of_it_and_how_long_it_takes(small):
    ours, theirs = pty.openpty()
    size = struct.pack("HHHH", 24, 80, 0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    command = [sys.executable, "-m", "autograder", "class", ADAM]
    process = subprocess.Popen(
        command, cwd=small.root, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    process.communicate(timeout=120)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    *_, last = (line for line in re.split(r"[\r\n]", shown) if "left" in line)
    assert re.search(
        r"^03_adam .* 5/5, 00:00 left, 1 passed, 1 partial, 2 failed, 1 rejected", last
    )
    assert len(last) <= 80


# What is done already


def test_what_is_graded_is_left_alone_unless_forced(small, wanted, capsys):
    grade_class(small.root, ADAM)
    before = written(small)
    capsys.readouterr()
    assert grade_class(small.root, ADAM) == 0
    said = capsys.readouterr().out
    assert said.startswith("03_adam: 0 graded, 5 graded before and unchanged\n")
    assert "1 passed, 1 partial, 2 failed, 1 rejected" in said
    assert not changed(small, before)
    assert grade_class(small.root, ADAM, force=True) == 0
    assert len(changed(small, before)) == 2 * len(STUDENTS)
    assert marks(small) == wanted


def spoil(path, text=None):
    """Cut a file short, or write another text there."""
    path.chmod(0o644)
    path.write_text(path.read_text()[:-20] if text is None else text)


def test_only_what_changed_is_done_again(small, wanted, class_work, monkeypatch):
    grade_class(small.root, ADAM)
    before = written(small)
    # Handed in again; late, by the file beside it; a notebook and a page cut short; an
    # old page; marks that are gone.
    hand_in(small, {"untouched": class_work[ADAM]["all-right"]})
    late = small.file("submitted", "mistake-05", ADAM, ".ipynb")
    late.with_name("timestamp.txt").write_text("2027-01-01 00:00:00 UTC")
    spoil(small.file("autograded", "not-a-notebook", ADAM, ".ipynb"))
    spoil(small.file("feedback", "all-right", ADAM, ".html"))
    judge = judging.grade
    judged = []

    def spy(assignment, data, root):
        judged.append(data)
        return judge(assignment, data, root)

    monkeypatch.setattr(judging, "grade", spy)
    assert grade_class(small.root, ADAM) == 0
    # What was judged before, of whomever, is not judged again.
    assert judged == []
    assert changed(small, before) == {
        *((f, s) for f in ("autograded", "feedback") for s in ("untouched",)),
        *((f, s) for f in ("autograded", "feedback") for s in ("mistake-05",)),
        *((f, s) for f in ("autograded", "feedback") for s in ("not-a-notebook",)),
        ("feedback", "all-right"),
    }
    assert marks(small) == wanted | {"untouched": FULL}
    assert is_whole(small)


def test_marks_that_the_gradebook_lost_are_written_again(small, wanted):
    grade_class(small.root, ADAM)
    with sqlite3.connect(small.root / "gradebook.db") as database:
        database.execute("UPDATE grade SET auto_score = 7 WHERE auto_score = 8")
    with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
        gradebook.remove_student("untouched")
    assert grade_class(small.root, ADAM) == 0
    assert marks(small) == wanted
    assert is_whole(small)


def test_a_persons_marks_stay(small, wanted):
    grade_class(small.root, ADAM)
    with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_grade("check_adam_step", ADAM, ADAM, "untouched")
        found.manual_score = 2.0
        gradebook.db.commit()
    grade_class(small.root, ADAM, force=True)
    assert marks(small) == wanted
    with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_submission(ADAM, "untouched")
        assert found.score == 2.0


@pytest.mark.parametrize("command", ["class", "autograde"])
def test_a_persons_mark_is_to_be_looked_at_again_once_the_notebook_is_another(
    small, class_work, capsys, command
):
    def grade_again():
        if command == "class":
            grade_class(small.root, ADAM, force=True)
        else:
            small.run("nbgrader", "autograde", ADAM, "--force")
        capsys.readouterr()
        print_grades(small.root)
        said = capsys.readouterr().out
        assert ("\nby hand: " in said) == (" by hand" in said)
        rows = said.split("\n\n")[0].splitlines()
        return [row.split()[0] for row in rows if " by hand" in row]

    def look_at_it():
        """As the formgrader saves it."""
        with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
            found = gradebook.find_grade("check_adam_step", ADAM, ADAM, "untouched")
            found.manual_score, found.needs_manual_grade = 2.0, False
            gradebook.db.commit()

    assert grade_again() == []
    look_at_it()
    assert grade_again() == grade_again() == []
    hand_in(small, {"untouched": class_work[ADAM]["all-right"]})
    assert grade_again() == grade_again() == ["untouched"]
    look_at_it()
    assert grade_again() == []


def test_what_a_person_adds_comes_onto_the_page(small):
    grade_class(small.root, ADAM)
    before = written(small)
    with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_comment("adam_step", ADAM, ADAM, "untouched")
        found.manual_comment = "Come and see me."
        found = gradebook.find_grade("check_adam_step", ADAM, ADAM, "mistake-05")
        found.manual_score = 1.25
        gradebook.db.commit()
    grade_class(small.root, ADAM)
    pages = {("feedback", "untouched"), ("feedback", "mistake-05")}
    assert changed(small, before) == pages
    assert "Come and see me." in page_of(small, "untouched")
    assert "1.25" in page_of(small, "mistake-05")

    before = written(small)
    grade_class(small.root, ADAM)
    assert not changed(small, before)
    with Gradebook(f"sqlite:///{small.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_comment("adam_step", ADAM, ADAM, "untouched")
        found.manual_comment = None
        gradebook.db.commit()
    grade_class(small.root, ADAM)
    assert changed(small, before) == {("feedback", "untouched")}
    assert "Come and see me." not in page_of(small, "untouched")


# What stops it


@pytest.mark.parametrize("points", [4, 9])
def test_points_that_changed_since_the_release_are_refused(small, wanted, points):
    """More marks than a cell has, or fewer than it promises."""
    grade_class(small.root, ADAM)
    path = small.root / "autograder" / "exercises" / "adam.py"
    path.write_text(path.read_text().replace("points=8", f"points={points}"))
    for command in (("autograder", "class"), ("nbgrader", "autograde")):
        status = 2 if command[0] == "autograder" else 1
        said = small.run(*command, ADAM, status=status).splitlines()[-1]
        assert "release/03_adam has other exercises or points than the judge" in said
        assert "run `python -m autograder release 03_adam`" in said
    assert marks(small) == wanted and is_whole(small)


def test_a_release_that_is_no_notebook_is_told(small):
    small.file("release", ".", ADAM, ".ipynb").write_text('{"cells": [')
    with pytest.raises(CourseError, match="ipynb is no notebook: run `python -m autog"):
        grade_class(small.root, ADAM)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (("class", "03_adma"), "no assignment '03_adma'"),
        (("class", "02_rmsprop"), "nothing was handed in: there is no submitted/"),
        (("class", ADAM, "--workers", "0"), "at least 1, not 0"),
        (("class", ADAM, "--scheduler", "tcp://127.0.0.1:9"), "no Dask scheduler"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(small, options, refusal):
    said = small.run("autograder", *options, status=2)
    assert refusal in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not (small.root / "autograded").exists()


def test_without_a_release_it_refuses(small):
    small.file("release", ".", ADAM, ".ipynb").unlink()
    with pytest.raises(CourseError, match="run `python -m autograder release 03_adam`"):
        grade_class(small.root, ADAM)


def test_an_assignment_that_the_gradebook_does_not_know(small):
    (small.root / "gradebook.db").unlink()
    with pytest.raises(CourseError, match="does not know it: run `python -m autograde"):
        grade_class(small.root, ADAM)


def test_two_at_once_are_refused(small):
    (small.root / ".verdicts").mkdir()
    with (small.root / ".verdicts" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="another `class` is at work"):
            grade_class(small.root, ADAM)
    assert not (small.root / "autograded").exists()


WITHOUT_LOCKS = """
import errno, fcntl, os, sys
import pyseccomp
program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refusal = pyseccomp.ERRNO(getattr(errno, sys.argv[1]))
program.add_rule(refusal, "flock")
for command in (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW):
    program.add_rule(refusal, "fcntl", pyseccomp.Arg(1, pyseccomp.EQ, command))
program.load()
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs Python as on a file system that has no locks, for SQLite neither."""


@pytest.mark.parametrize("answer", ["ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_on_a_file_system_without_locks_a_class_is_graded(small, wanted, answer):
    start = sys.executable, "-c", WITHOUT_LOCKS, answer
    said = small.run("autograder", "class", ADAM, start=start)
    assert said.startswith("03_adam: 5 graded\n")
    assert marks(small) == wanted and is_whole(small)
    assert small.run("autograder", "grades", start=start).count(" / 16") == 5
    small.run("nbgrader", "autograde", ADAM, "--force", start=start)
    assert marks(small) == wanted
    # What a killed process would leave.
    (small.root / "gradebook.db.lock").mkdir()
    said = small.run("autograder", "class", ADAM, start=start, status=2)
    assert "database is locked; if nothing is at work, delete gradebook.db.lock" in said


WITHOUT_LINKS = """
import os, sys
import pyseccomp
program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
refusal = pyseccomp.ERRNO(1)
for call in ("link", "linkat"):
    program.add_rule(refusal, call)
for call, place in {"chmod": 1, "fchmod": 1, "fchmodat": 2}.items():
    program.add_rule(refusal, call, pyseccomp.Arg(place, pyseccomp.EQ, 0o444))
program.load()
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs Python as on a memory card: no hard links, and no permissions of one file."""


def test_on_a_file_system_without_links_and_permissions_a_class_is_graded(small):
    (small.root / ".judge-key").unlink()
    start = sys.executable, "-c", WITHOUT_LINKS
    said = small.run("autograder", "class", ADAM, start=start)
    assert said.startswith("03_adam: 5 graded\n")
    assert marks(small) == judged_alone(small, STUDENTS) and is_whole(small)
    small.run("nbgrader", "autograde", ADAM, "--force", start=start)
    small.run("autograder", "term", "spring", start=start)
    assert (small.root / "terms" / "spring" / "gradebook.db").is_file()


def test_a_locked_gradebook_is_told_and_nothing_is_lost(small, wanted):
    with at_work(small, "--workers", "1") as process:
        database = sqlite3.connect(small.root / "gradebook.db", timeout=30)
        database.execute("BEGIN EXCLUSIVE")
        _, said = process.communicate(timeout=60)
        database.close()
    line = only_line(said)
    assert process.returncode == 2
    assert "gradebook.db cannot be used: database is locked" in line
    assert "run it again for the rest" in line
    assert grade_class(small.root, ADAM) == 0
    assert marks(small) == wanted and is_whole(small)


def test_something_that_is_no_gradebook_is_told(small):
    (small.root / "gradebook.db").write_text("not a database at all" * 100)
    with pytest.raises(CourseError, match="cannot be used: file is not a database"):
        grade_class(small.root, ADAM)


@contextmanager
def mounted(folder, options):
    """A file system of its own in a folder: small, or not to be written."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    tried = subprocess.run(mount, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("folder", ["autograded", "feedback", ".verdicts"])
@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=16k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_full_disk_and_a_closed_folder_are_told(
    small, wanted, folder, options, reason
):
    with (
        mounted(small.root / folder, options),
        pytest.raises(CourseError, match=reason) as refusal,
    ):
        grade_class(small.root, ADAM)
    assert len(str(refusal.value).splitlines()) == 1
    assert grade_class(small.root, ADAM) == 0
    assert marks(small) == wanted and is_whole(small)


def test_a_disk_that_fills_up_under_the_gradebook(released, class_work, tmp_path):
    notebook = class_work[ADAM]["all-right"]
    with mounted(tmp_path, "size=64m"):
        course = released.copy(tmp_path / "course")
        hand_in(course, dict.fromkeys(("ada", "bob", "eve"), notebook))
        room = os.statvfs(tmp_path)
        ballast = tmp_path / "ballast"
        ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - 300_000))
        with pytest.raises(CourseError, match=r"disk is full|No space left"):
            grade_class(course.root, ADAM)
        ballast.unlink()
        assert grade_class(course.root, ADAM) == 0
        assert marks(course) == dict.fromkeys(("ada", "bob", "eve"), FULL)
        assert is_whole(course)


# What interrupts it


def test_after_ctrl_c_the_rest_is_done_by_the_next_run(small, wanted, class_work):
    # As many as keep the workers busy until the signal comes, on a slow machine too.
    endless = [f"endless-{number}" for number in range(4)]
    hand_in(small, dict.fromkeys(endless, class_work[ADAM]["endless-loop"]))
    with at_work(small) as process:
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        _, said = process.communicate(timeout=60)
        # It waits for no sandbox: a loop has ten seconds there.
        assert time.monotonic() - begun < 8
    line = only_line(said)
    assert process.returncode == 130
    assert line.startswith("autograder: interrupted (") and "again for the rest" in line
    assert grade_class(small.root, ADAM) == 0
    loops = dict.fromkeys(endless, FULL | {"adam_step": 0.0})
    assert marks(small) == wanted | loops and is_whole(small)


def test_after_a_kill_the_rest_is_done_by_the_next_run(small, wanted):
    for _ in range(2):
        with at_work(small, "--force", "--workers", "1") as process:
            process.kill()
    assert grade_class(small.root, ADAM) == 0
    assert marks(small) == wanted and is_whole(small)


def test_a_sandbox_that_is_killed_costs_the_student_nothing(small, wanted):
    with at_work(small, "--force", "--workers", "2") as process:
        children = psutil.Process(process.pid).children()
        for child in children:
            child.kill()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert marks(small) == wanted and is_whole(small)


# When the grader itself is at fault


@pytest.fixture
def unlucky(small, monkeypatch):
    """One submission on which the judge has a bug."""
    judge = judging.grade
    data = small.submitted(ADAM)["all-right"]

    def faulty(assignment, given, root):
        if given == data:
            raise ZeroDivisionError("a bug in the judge")
        return judge(assignment, given, root)

    def break_it():
        monkeypatch.setattr(judging, "grade", faulty)

    return break_it


@pytest.mark.parametrize("graded_before", [False, True])
def test_a_fault_of_the_graders_is_no_zero(
    graded_before, small, wanted, unlucky, capsys
):
    if graded_before:
        grade_class(small.root, ADAM)
        capsys.readouterr()
    unlucky()
    assert grade_class(small.root, ADAM, force=True) == 3
    said = capsys.readouterr().out
    assert "03_adam: 4 graded" in said
    assert (
        "not graded, by a fault of the grader's own: all-right (ZeroDivisionError: a"
        " bug in the judge; `python -m autograder grade 03_adam"
        " submitted/all-right/03_adam/03_adam.ipynb` may tell more)" in said
    )
    found = marks(small)
    assert set(found.pop("all-right", {}).values()) <= {None}
    assert found == {name: wanted[name] for name in wanted if name != "all-right"}
    for folder, end in (("autograded", ".ipynb"), ("feedback", ".html")):
        assert not small.file(folder, "all-right", ADAM, end).exists()


def test_without_a_sandbox_nothing_is_begun(small, monkeypatch):
    def none():
        raise SandboxError("no sandbox can be had here")

    monkeypatch.setattr(workers, "Sandbox", none)
    with pytest.raises(SandboxError, match="no sandbox can be had here"):
        grade_class(small.root, ADAM)
    assert not (small.root / "autograded").exists()


# A cluster


@contextmanager
def cluster(course, count=2):
    """A Dask cluster in processes of its own, on this machine alone.

    Yields:
        Its address, and the processes of its workers.
    """
    file = course.root / "scheduler.json"
    file.unlink(missing_ok=True)

    def start(program, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
        options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=course.root, **options)
        processes.append(process)

    processes = []
    here = ("--host", "127.0.0.1", "--no-dashboard")
    try:
        start("scheduler", *here, "--port", "0", "--scheduler-file", str(file))
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        address = json.loads(file.read_text())["address"]
        for _ in range(count):
            start("worker", *here, address, "--nthreads", "1", "--no-nanny")
        with Client(address) as client:
            wait_for(lambda: len(client.nthreads()) == count)
        yield address, processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def test_a_cluster_gives_the_same_and_may_lose_a_worker(small, wanted, class_work):
    mistakes = [f"mistake-{number:02}" for number in range(1, 9)]
    hand_in(small, {name: class_work[ADAM][name] for name in mistakes})
    with (
        cluster(small) as (address, workers),
        at_work(small, "--scheduler", address) as process,
    ):
        workers[0].kill()
        _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (0, b"")
    assert marks(small) == wanted | judged_alone(small, mistakes)
    assert is_whole(small)


def test_a_worker_with_another_course_is_refused(small, wanted, tmp_path):
    other = small.copy(tmp_path / "other")
    (other.root / ".judge-key").write_text("ab" * 32)
    with (
        cluster(other) as (address, _),
        pytest.raises(CourseError, match="draws other inputs: give it this course's"),
    ):
        grade_class(small.root, ADAM, scheduler=address)
    shutil.copy(small.root / ".judge-key", other.root)
    with (other.root / "autograder" / "exercises" / "adam.py").open("a") as file:
        file.write("# changed\n")
    with (
        cluster(other) as (address, _),
        pytest.raises(CourseError, match="has another version of the course"),
    ):
        grade_class(small.root, ADAM, scheduler=address)
    assert not marks(small)
    assert not (small.root / "autograded").exists()


def test_a_cluster_without_workers_is_refused(small):
    with (
        cluster(small, count=0) as (address, _),
        pytest.raises(CourseError, match="has no workers left"),
    ):
        grade_class(small.root, ADAM, scheduler=address)


# All at once

HOSTILE = {
    "exits": "import os\nos._exit(0)",
    "kills": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "loops": "while True:\n    pass",
    "forks": "import os\nwhile True:\n    os.fork()",
    "hogs": "x = [bytes(1 << 30) for _ in range(64)]",
    "floods": "while True:\n    print('x' * 100_000)",
    "fills": "open('/tmp/x', 'wb').write(bytes(1 << 30))",
    "recurses": "def f():\n    return f()\nf()",
    "patches": "np.array_equal = np.allclose = lambda *args, **more: True",
    "forges": "import os\nfor fd in range(32):\n    os.write(fd, bytes(64))",
    "threads": (
        "import threading, time\n"
        "for _ in range(10_000):\n"
        "    threading.Thread(target=time.sleep, args=(99,)).start()"
    ),
}
"""A cell that each begins its right notebook with, to get marks or to do harm."""
SLOW = ("loops", "floods", "endless-loop")
"""Who takes all the time that the judge gives: there is one of each."""
CLASS = 200
BUSY = 600.0
"""Seconds in which such a class is done, even where other work has the processors."""


def crowd(class_work):
    """A large class: no two notebooks are the same, and some are hostile."""
    kinds = dict(class_work[ADAM])
    for name, source in HOSTILE.items():
        kinds[name] = copy.deepcopy(kinds["all-right"])
        kinds[name].cells.insert(1, nbformat.v4.new_code_cell(source))
    others = itertools.cycle(name for name in kinds if name not in SLOW)
    names = itertools.chain(kinds, others)
    for number, name in zip(range(CLASS), names, strict=False):
        notebook = copy.deepcopy(kinds[name])
        if isinstance(notebook, str):
            notebook += f"\nNumber {number}"
        else:
            mark = nbformat.v4.new_markdown_cell(f"I am number {number}.")
            notebook.cells.append(mark)
        yield f"{number:03}-{name}", notebook


def test_two_hundred_with_all_that_can_happen(released, class_work, tmp_path):
    course = released.copy(tmp_path / "course")
    hand_in(course, dict(crowd(class_work)))

    def graded():
        return len(list(course.root.glob(f"feedback/*/{ADAM}/{ADAM}.html")))

    with (
        cluster(course) as (address, workers),
        at_work(course, "--scheduler", address) as process,
    ):
        wait_for(lambda: graded() > CLASS // 10, BUSY)
        workers[0].kill()
        wait_for(lambda: graded() > CLASS // 5, BUSY)
        process.kill()
    assert graded() < CLASS
    with at_work(course) as process:
        wait_for(lambda: graded() > CLASS // 2, BUSY)
        for child in psutil.Process(process.pid).children():
            child.kill()
        out, said = process.communicate(timeout=BUSY)
    assert (process.returncode, said) == (0, b""), out
    found = marks(course)
    students = list(course.submitted(ADAM))
    assert len(students) == CLASS and set(found) == set(students)
    assert all(set(scores) == set(FULL) for scores in found.values())
    assert is_whole(course)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alone = pool.map(lambda name: judged_alone(course, [name]), students)
        assert found == merged(alone)
    assert "0 graded, 200 graded before" in course.run("autograder", "class", ADAM)


def merged(found):
    """Some dictionaries as one."""
    return {key: value for one in found for key, value in one.items()}

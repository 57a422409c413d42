"""A new term: a class is put away whole, and no sample class joins the next one."""

import errno
import fcntl
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import CourseError
from autograder.term import put_away, refuse_unfinished

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


def test_what_sqlite_left_beside_a_gradebook_goes_with_it(course):
    """A journal without its database could not be rolled back."""
    (course / "gradebook.db-journal").write_text("half a mark")
    target = put_away(course, "spring")
    assert (target / "gradebook.db-journal").read_text() == "half a mark"
    assert not (course / "gradebook.db-journal").exists()


# Stopped on the way


def contents(root):
    """All files of a class, in the course and where it is put away."""
    folders = [root, root / "terms" / "spring"]
    return {
        file: [f for f in folders if (f / file).is_file()]
        for file in (*FILES, *MORE)
        if any((f / file).is_file() for f in folders)
    }


MORE = tuple(f"feedback/ada/{name}" for name in ("a.html", "b.html"))
EVENTS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "open", "shutil.copyfile")
"""What Python tells of before it changes a file system."""


def killed(course, count, monkeypatch, prepare):
    """Whether `put_away` came to its end before the event of a number."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    try:
        prepare(monkeypatch)
        events = itertools.count()

        def hook(event, _):
            if event in EVENTS and next(events) == count:
                os._exit(9)

        sys.addaudithook(hook)
        put_away(course, "spring")
        os._exit(0)
    finally:
        os._exit(1)


def as_it_is(monkeypatch):
    pass


def on_another_file_system(monkeypatch):
    """No folder of the class can be renamed, nor any file."""
    rename = Path.rename

    def refuse(path, target):
        if "terms" in Path(target).parts and "terms" not in path.parts:
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)


def as_a_mount_point(monkeypatch):
    """The folder itself stays, and what is in it is on another file system."""
    on_another_file_system(monkeypatch)
    rmdir = Path.rmdir

    def busy(path):
        if path.name == "feedback" and "terms" not in path.parts:
            raise OSError(errno.EBUSY, "Device or resource busy", str(path))
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", busy)


PLACES = (as_it_is, on_another_file_system, as_a_mount_point)


@pytest.mark.parametrize("prepare", PLACES)
def test_killed_at_any_moment_the_same_again_does_the_rest(
    course, tmp_path, monkeypatch, prepare
):
    for file in MORE:
        (course / file).write_text(file)
    for count in itertools.count():
        root = tmp_path / f"killed-{count}"
        shutil.copytree(course, root, ignore=shutil.ignore_patterns("killed-*"))
        done = killed(root, count, monkeypatch, prepare)
        found = contents(root)
        assert set(found) == {*FILES, *MORE}, count
        if (root / "terms" / ".unfinished").exists():
            with pytest.raises(CourseError, match="spring is not wholly put away: run"):
                refuse_unfinished(root)
            with pytest.raises(CourseError, match="term spring` for the rest"):
                put_away(root, "another")
        if not done:
            with monkeypatch.context() as patched:
                prepare(patched)
                put_away(root, "spring")
        refuse_unfinished(root)
        target = root / "terms" / "spring"
        assert contents(root) == {file: [target] for file in (*FILES, *MORE)}
        assert all((target / file).read_text() == file for file in (*FILES, *MORE))
        assert sorted(p.name for p in target.iterdir()) == sorted(
            {Path(file).parts[0] for file in FILES}
        )
        assert list((root / "submitted").iterdir()) == []
        shutil.rmtree(root)
        if done:
            break
    assert count > 10


def test_killed_in_the_middle_of_a_file_it_is_copied_again(course, monkeypatch):
    on_another_file_system(monkeypatch)
    copy = shutil.copyfile

    def half(source, target, **options):
        copy(source, target, **options)
        target.write_text(target.read_text()[:5])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "copyfile", half)
        put_away(course, "spring")
    target = put_away(course, "spring")
    assert all((target / file).read_text() == file for file in FILES)
    assert not list(target.rglob(".moving"))


def test_times_and_links_are_kept_on_another_file_system(course, monkeypatch):
    on_another_file_system(monkeypatch)
    page, link = course / FILES[1], course / "feedback" / "ada" / "link"
    os.utime(page, ns=(1, 123_456_789))
    link.symlink_to("page.html")
    target = put_away(course, "spring")
    assert (target / FILES[1]).stat().st_mtime_ns == 123_456_789
    assert (target / "feedback" / "ada" / "link").readlink() == Path("page.html")


def test_a_folder_that_is_a_link_stays_one_and_is_empty(course, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "feedback"
    (course / "feedback").rename(elsewhere)
    (course / "feedback").symlink_to(elsewhere)
    target = put_away(course, "spring")
    assert (target / FILES[1]).read_text() == FILES[1]
    assert not (target / "feedback").is_symlink()
    assert (course / "feedback").is_symlink() and list(elsewhere.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_lost(course, monkeypatch):
    on_another_file_system(monkeypatch)
    copy = shutil.copyfile

    def full(source, target, **options):
        if source.name == "page.html":
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return copy(source, target, **options)

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(CourseError, match="No space left on device; run") as error:
            put_away(course, "spring")
    assert len(str(error.value).splitlines()) == 1
    assert set(contents(course)) == set(FILES)
    target = put_away(course, "spring")
    assert all((target / file).read_text() == file for file in FILES)


def test_two_files_of_one_name_are_told_and_both_stay(course, monkeypatch):
    on_another_file_system(monkeypatch)
    copy = shutil.copyfile

    def stop(*args, **options):
        copy(*args, **options)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "copyfile", stop)
        put_away(course, "spring")
    target = course / "terms" / "spring" / FILES[0]
    target.write_text("another")
    with pytest.raises(CourseError, match="both exist and differ: move one of them"):
        put_away(course, "spring")
    assert (course / FILES[0]).read_text() == FILES[0]
    assert target.read_text() == "another"


def in_a_namespace(root, *lines):
    """What a shell says that may mount file systems of its own."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
        reason = tried.stderr.strip() if tried.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        pytest.skip(f"no file system can be mounted here: {reason}")
    script = "\n".join(["set -e", *lines])
    return subprocess.run(
        [*unshare, "sh", "-c", script],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


PUT_AWAY = f"""'{sys.executable}' -c '
from pathlib import Path
from autograder.course import CourseError
from autograder.term import put_away, refuse_unfinished
try:
    put_away(Path.cwd(), "spring")
except CourseError as error:
    print(error)
'"""


def test_a_folder_that_is_mounted_is_emptied_and_stays(course):
    (course / "there").mkdir()
    said = in_a_namespace(
        course,
        "cp -r feedback/. there",
        "mount --bind there feedback",
        PUT_AWAY,
        "ls -A there feedback submitted",
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == ["feedback:", "submitted:", "there:"]
    target = course / "terms" / "spring"
    assert all((target / file).read_text() == file for file in FILES)


def test_a_disk_that_is_full_in_truth(course):
    """A small one holds the classes that were put away."""
    page = course / FILES[1]
    page.write_bytes(os.urandom(200_000))
    wanted = page.read_bytes()
    (course / "terms").mkdir()
    said = in_a_namespace(
        course,
        "mount -t tmpfs -o size=1m tmpfs terms",
        "head -c 900k /dev/zero >terms/ballast",
        PUT_AWAY,
        "ls feedback/ada gradebook.db terms/spring/submitted/ada",
        "rm terms/ballast",
        PUT_AWAY,
        "test ! -e feedback",
        "mkdir kept",
        "cp -a terms/spring kept",
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "No space left on device; run `python -m autograder term" in said.stdout
    assert "03_adam" in said.stdout
    assert (course / "kept" / "spring" / FILES[1]).read_bytes() == wanted
    assert (course / "kept" / "spring" / FILES[2]).read_text() == FILES[2]


# The new gradebook


@pytest.fixture(scope="module")
def with_release(released, tmp_path_factory):
    """A course with two assignments released."""
    course = released.copy(tmp_path_factory.mktemp("term") / "course")
    for path in (course.root / "source").iterdir():
        if path.name not in ("02_rmsprop", "03_adam"):
            shutil.rmtree(path)
    return course


def known(path):
    with sqlite3.connect(path) as database:
        return sorted(
            name for (name,) in database.execute("SELECT name FROM assignment")
        )


def released_files(root):
    return {p: p.read_bytes() for p in sorted(root.glob("release/*/*.ipynb"))}


@pytest.mark.slow
def test_the_new_gradebook_knows_what_was_released_and_says_how_far_it_is(
    with_release, tmp_path
):
    course = with_release.copy(tmp_path / "course")
    before, old = released_files(course.root), known(course.root / "gradebook.db")
    said = course.run("autograder", "term", "2026").splitlines()
    assert said == [
        "term: gradebook.db goes to terms/2026/",
        "term: 02_rmsprop goes into the new gradebook (1 of 2)",
        "term: 03_adam goes into the new gradebook (2 of 2)",
        "put away in terms/2026/; submitted/ is empty, gradebook.db is new",
    ]
    assert known(course.root / "gradebook.db") == ["02_rmsprop", "03_adam"]
    assert known(course.root / "terms" / "2026" / "gradebook.db") == old
    # Students have these notebooks already.
    assert released_files(course.root) == before
    again = course.run("autograder", "term", "2026", status=2)
    assert again.endswith("has a class already: choose another name\n")


@pytest.mark.slow
@pytest.mark.parametrize("count", range(4))
def test_killed_at_the_new_gradebook_the_rest_is_done(with_release, tmp_path, count):
    course = with_release.copy(tmp_path / "course")
    before = released_files(course.root)
    program = f"""
import itertools, os
from autograder import term
from autograder.course import ROOT
say, calls = term._say, itertools.count()
def stop(line):
    if next(calls) == {count}:
        os._exit(9)
    say(line)
term._say = stop
replace = term.Path.replace
def last(path, target):
    if path.name == "gradebook.db.new":
        os._exit(9)
    return replace(path, target)
term.Path.replace = last
term.put_away(ROOT, "2026")
"""
    (course.root / "killed.py").write_text(program)
    course.run("killed", status=9)
    for command in (("grades",), ("class", "03_adam"), ("sample",), ("release",)):
        said = course.run("autograder", *command, status=2)
        assert "run `python -m autograder term 2026` for the rest" in said
    new = course.file("submitted", "eve", "03_adam", ".ipynb")
    new.parent.mkdir(parents=True)
    new.touch()
    said = course.run("nbgrader", "autograde", "03_adam", status=1)
    assert "run `python -m autograder term 2026` for the rest" in said
    course.run("autograder", "term", "2026")
    assert known(course.root / "gradebook.db") == ["02_rmsprop", "03_adam"]
    assert known(course.root / "terms" / "2026" / "gradebook.db")
    assert released_files(course.root) == before
    assert not list(course.root.glob("gradebook.db.*")) and new.exists()


@pytest.mark.slow
def test_what_nbgrader_refuses_is_told_and_the_class_is_put_away(
    with_release, tmp_path
):
    course = with_release.copy(tmp_path / "course")
    course.file("source", ".", "02_rmsprop", ".ipynb").write_text("{")
    said = course.run("autograder", "term", "2026", status=2).splitlines()
    assert said[-1] == (
        "autograder: the class is put away, but nbgrader did not take up 02_rmsprop:"
        " run `python -m autograder release 02_rmsprop`"
    )
    course.run("autograder", "release", "02_rmsprop")
    assert known(course.root / "gradebook.db") == ["02_rmsprop", "03_adam"]


# What is refused


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

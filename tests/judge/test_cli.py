"""The command line as the contract has it: exit status, one line, one JSON object."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import course
from autograder.__main__ import main
from autograder.course import KEY_FILE, ROOT, CourseError, key
from autograder.judge import SandboxError, bubblewrap, sandbox
from autograder.judge.notebook import MAX_SIZE
from tests.notebooks import IMPORTS, answer, checked, notebook, submission

STUB = "@exercise\ndef {name}({parameters}):\n    raise NotImplementedError"
SOLVED = {
    "rmsprop_step": """
@exercise
def rmsprop_step(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):
    v = beta * v + (1 - beta) * grad**2
    return theta - lr * grad / np.sqrt(v + eps), v
""",
    "effective_lr": """
@exercise
def effective_lr(v, lr=1e-3, eps=1e-8):
    return lr / np.sqrt(v + eps)
""",
}
WRONG = SOLVED["effective_lr"].replace("np.sqrt(v + eps)", "(np.sqrt(v) + eps)")
STATUSES = "passed partial failed error timeout missing rejected".split()


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command on a file of some bytes: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    # The course's own is its owner's alone, who need not be the one who tests.
    monkeypatch.setattr("autograder.grade.key", lambda root: bytes(32))

    def command(*words, data: bytes | None = None, assignment="02_rmsprop"):
        if data is not None:
            Path("student.ipynb").write_bytes(data)
        status = main(["grade", assignment, "student.ipynb", *words])
        return status, *capsys.readouterr()

    return command


def line(outcome) -> str:
    """The one line of a refusal."""
    status, out, err = outcome
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("autograder: ")
    assert err.strip().isprintable()
    return err


def graded(outcome) -> dict:
    """The JSON object that was printed, and nothing else, in the contract's shape."""
    status, out, err = outcome
    assert (status, err) == (0, "")
    shown = json.loads(out)
    assert set(shown) == {"assignment", "score", "max_score", "exercises"}
    assert type(shown["score"]) is type(shown["max_score"]) is float
    for one in shown["exercises"].values():
        assert set(one) == {
            *("score", "max_score", "status", "feedback", "misconceptions")
        }
        assert type(one["score"]) is type(one["max_score"]) is float
        assert one["status"] in STATUSES
        assert type(one["feedback"]) is str
    scores = [one["score"] for one in shown["exercises"].values()]
    assert shown["score"] == pytest.approx(sum(scores))
    return shown


# Graded


@pytest.mark.sandbox
def test_a_solved_notebook_has_full_marks(run):
    shown = graded(run("--json", data=submission(SOLVED)))
    assert (shown["assignment"], shown["score"], shown["max_score"]) == (
        ("02_rmsprop", 10.0, 10.0)
    )
    assert list(shown["exercises"]) == ["rmsprop_step", "effective_lr"]


@pytest.mark.sandbox
def test_an_untouched_notebook_has_none_and_a_helpful_word(run):
    parameters = {"rmsprop_step": "theta, grad, v", "effective_lr": "v"}
    stubs = {n: STUB.format(name=n, parameters=p) for n, p in parameters.items()}
    shown = graded(run("--json", data=submission(stubs)))
    assert shown["score"] == 0.0
    for one in shown["exercises"].values():
        assert one["status"] == "error"
        assert "replace that line by your code" in one["feedback"]


@pytest.mark.sandbox
def test_a_misconception_is_named(run):
    data = submission(SOLVED | {"effective_lr": WRONG})
    one = graded(run("--json", data=data))["exercises"]["effective_lr"]
    assert (one["status"], one["score"]) == ("failed", 0.0)
    assert "eps-outside-root" in one["feedback"]
    assert one["misconceptions"] == ["eps-outside-root"]


@pytest.mark.sandbox
def test_a_table_for_people(run):
    status, out, err = run(data=submission(SOLVED | {"effective_lr": WRONG}))
    assert (status, err) == (0, "")
    rows = [row.split() for row in out.splitlines()[:4]]
    assert rows == [
        ["02_rmsprop"],
        ["rmsprop_step", "6", "/", "6", "passed"],
        ["effective_lr", "0", "/", "4", "failed"],
        ["total", "6", "/", "10"],
    ]
    assert "Looks like eps-outside-root" in out
    assert "rmsprop_step: 6" not in out


@pytest.mark.sandbox
def test_hostile_text_can_be_printed(run):
    hostile = (
        r"def effective_lr(v, lr=1e-3, eps=1e-8): raise ValueError('\ud800\x1b[2J')"
    )
    status, out, _ = run(data=submission(SOLVED | {"effective_lr": hostile}))
    assert status == 0
    assert out.isascii()


def test_a_notebook_of_another_assignment_is_graded_with_zero(run):
    data = notebook(IMPORTS, answer("adam_step", "x = 1"), checked("adam_step"))
    shown = graded(run("--json", data=data))
    assert {e["status"] for e in shown["exercises"].values()} == {"missing"}


def test_a_notebook_in_another_language_is_graded_with_zero(run):
    data = notebook(answer("rmsprop_step", "x <- 1"), language_info={"name": "R"})
    shown = graded(run("--json", data=data))
    assert shown["exercises"]["effective_lr"]["status"] == "rejected"
    assert (shown["score"], shown["max_score"]) == (0.0, 10.0)


def test_an_old_notebook_that_is_broken_is_one_line(run):
    data = json.dumps({"nbformat": 3, "worksheets": [{"cells": [{}]}]}).encode()
    assert "student.ipynb: " in line(run(data=data))


# Not graded


@pytest.mark.parametrize(
    "name", ["09_nothing", "rmsprop", "99_rmsprop", "", "../x", "é"]
)
@pytest.mark.parametrize("words", [(), ("--json",)])
def test_an_unknown_assignment(run, name, words):
    said = line(run(*words, data=submission(SOLVED), assignment=name))
    assert "no assignment" in said


def test_a_missing_file(run):
    assert "student.ipynb cannot be read: No such file" in line(run())


def test_a_folder(run):
    Path("student.ipynb").mkdir()
    assert "Is a directory" in line(run())


@pytest.mark.parametrize(
    "data", [b"", b"print('hello')", b"{}", b"[" * 100_000, b"\xff\xfe\x00", b"[]"]
)
def test_a_file_that_is_not_a_notebook(run, data):
    said = line(run("--json", data=data))
    assert said.startswith("autograder: student.ipynb: it is n")


def test_a_file_without_an_end(run):
    Path("student.ipynb").symlink_to("/dev/zero")
    assert f"larger than {MAX_SIZE >> 20} MiB" in line(run())


def test_without_a_sandbox(run, monkeypatch):
    def none() -> str:
        raise SandboxError("no sandbox can be had here")

    monkeypatch.setattr(bubblewrap, "find", none)
    sandbox.command.cache_clear()
    said = line(run("--json", data=submission(SOLVED)))
    sandbox.command.cache_clear()
    assert said == "autograder: no sandbox can be had here\n"


def test_a_fault_of_the_graders_own_is_no_zero(run, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("a slip of ours")

    monkeypatch.setattr("autograder.grade.judge", broken)
    status, out, err = run("--json", data=submission(SOLVED))
    assert (status, out) == (3, "")
    assert "a slip of ours" in err
    assert err.splitlines()[-1].startswith("autograder: a fault of the grader's own")


def test_an_interrupt_is_one_line(run, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("autograder.grade.judge", interrupted)
    assert run(data=submission(SOLVED)) == (130, "", "autograder: interrupted\n")


def test_from_a_shell(tmp_path):
    path = tmp_path / "no such file.ipynb"
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", "03_adam", str(path), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"autograder: {path} cannot be read: No such file or directory\n"
    )


def test_grading_imports_neither_torch_nor_nbgrader(tmp_path):
    path = tmp_path / "student.ipynb"
    path.write_bytes(notebook())
    program = f"""
import sys
import autograder.grade
from autograder.__main__ import main
autograder.grade.key = lambda root: bytes(32)
status = main(["grade", "02_rmsprop", {str(path)!r}, "--json"])
heavy = {{"torch", "nbgrader", "dask", "IPython", "nbformat", "matplotlib"}}
sys.exit(status or ", ".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True
    )
    assert done.returncode == 0, done.stderr


# The key


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    first = key(tmp_path)
    assert (len(first), key(tmp_path)) == (32, first)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == [KEY_FILE]


@pytest.mark.parametrize("text", ["", "\n", "abcd", "not a key", "g" * 64, "ab" * 33])
def test_a_key_that_is_none_is_refused(tmp_path, text):
    (tmp_path / KEY_FILE).write_text(text)
    with pytest.raises(CourseError, match="64 hexadecimal digits") as error:
        key(tmp_path)
    assert "\n" not in str(error.value)


def test_no_hard_link_is_needed_for_a_key(tmp_path, monkeypatch):
    """Memory cards and shared folders have none."""

    def refuse(source, target, **options):
        raise OSError(errno.EPERM, "Operation not permitted", source)

    monkeypatch.setattr(os, "link", refuse)
    assert key(tmp_path) == key(tmp_path)
    assert os.listdir(tmp_path) == [KEY_FILE]


def test_whoever_asks_at_once_gets_the_same_key(tmp_path):
    program = f"""
from pathlib import Path
from autograder.course import key
print(key(Path({str(tmp_path)!r})).hex())
"""
    command = [sys.executable, "-c", program]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(4)
    ]
    said = {process.communicate()[0].decode().strip() for process in processes}
    assert said == {key(tmp_path).hex()}
    assert os.listdir(tmp_path) == [KEY_FILE]


def test_a_key_that_comes_from_another_process_is_waited_for(tmp_path, monkeypatch):
    draft = tmp_path / f"{KEY_FILE}.new"
    draft.touch()

    def sleep(seconds):
        draft.write_text("ab" * 32 + "\n")
        draft.rename(tmp_path / KEY_FILE)

    monkeypatch.setattr(course.time, "sleep", sleep)
    assert key(tmp_path) == bytes.fromhex("ab" * 32)


def test_a_key_whose_making_was_interrupted_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "PATIENCE", 0.0)
    (tmp_path / f"{KEY_FILE}.new").touch()
    with pytest.raises(CourseError, match=r"was interrupted: delete .*judge-key\.new$"):
        key(tmp_path)
    (tmp_path / f"{KEY_FILE}.new").unlink()
    assert len(key(tmp_path)) == 32


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(CourseError, match=r"No space left on device$"):
            key(tmp_path)
    assert os.listdir(tmp_path) == []
    assert len(key(tmp_path)) == 32


def test_a_key_that_cannot_be_made_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"be read or made: .*: No such file"):
        key(tmp_path / "no such folder")

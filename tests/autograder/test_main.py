"""The command line: what is no fault of the grader's is told in one line."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy.exc import DatabaseError, IntegrityError

from autograder import __main__ as module

ROOT = Path(__file__).resolve().parents[2]


def stop_with(monkeypatch, error):
    def grades(options):
        raise error

    monkeypatch.setattr(module, "_grades", grades)


def test_another_python_is_told_to_use_the_course_s_own(monkeypatch, capsys):
    lacking = ModuleNotFoundError("No module named 'tqdm.auto'", name="tqdm.auto")
    stop_with(monkeypatch, lacking)
    assert module.main(["grades"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"autograder: {sys.executable} has no tqdm: ")
    assert "`source .venv/bin/activate`" in line


def test_a_module_of_our_own_that_is_missing_is_our_fault(monkeypatch, capsys):
    stop_with(monkeypatch, ModuleNotFoundError("none", name="autograder.nowhere"))
    assert module.main(["grades"]) == 3
    assert "a fault of the grader's own" in capsys.readouterr().err


def test_a_gradebook_that_is_none_is_told(monkeypatch, capsys):
    cause = sqlite3.DatabaseError("file is not a database")
    stop_with(monkeypatch, DatabaseError("SELECT 1", {}, cause))
    assert module.main(["grades"]) == 2
    said = capsys.readouterr().err
    assert said == "autograder: gradebook.db cannot be used: file is not a database\n"
    stop_with(monkeypatch, IntegrityError("INSERT", {}, sqlite3.IntegrityError("two")))
    assert module.main(["grades"]) == 3


def test_a_reader_that_goes_away_is_no_fault():
    """Such as `head`."""
    program = (
        "import sys, os; from autograder import __main__ as m\n"
        "m._grades = lambda options: print('student\\n' * 100_000)\n"
        "sys.exit(m.main(['grades']))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (1, b"")

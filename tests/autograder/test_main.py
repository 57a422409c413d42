"""The command line: what is no fault of the grader's is told in one line."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
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


NAME = "J\N{LATIN SMALL LETTER U WITH DIAERESIS}rgen \N{GREEK SMALL LETTER THETA}"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8:strict"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_no_output_fails_for_its_encoding(encoding, stream):
    program = f"""
import sys
from autograder import __main__ as m
m._grades = lambda options: print({NAME!r}, file=sys.{stream})
sys.exit(m.main(["grades"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    name = encoding.partition(":")[0]
    said = NAME.encode(name, "backslashreplace") + os.linesep.encode()
    assert done.returncode == 0, done.stderr
    assert (done.stdout or done.stderr) == said


def test_a_refusal_is_told_whatever_its_letters(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", "03_adam", f"{NAME}.ipynb"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "autograder: J\\xfcrgen \\u03b8.ipynb cannot be read: No such file or"
        " directory\n"
    )

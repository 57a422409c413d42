"""The benchmark of the judge: that it runs, and that it counts rightly."""

import os
import re
import subprocess
import sys

import nbformat
import pytest

from autograder.course import ROOT
from benchmarks.courses import Courses, halves
from benchmarks.judge import goals, rounded, table
from benchmarks.record import RESULTS

TABLES = ("dask", "exercises", "chapter", "growth", "goals")


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_reduced_run_measures_everything_and_keeps_nothing():
    path = RESULTS / "judge.json"
    before = path.read_bytes()
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.judge", "--quick"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    # A table: its name, the heading, and lines of cells.
    shown = dict(re.findall(r"^(\w+)\n((?:.*  .*\n)+)", said.stdout, re.MULTILINE))
    assert tuple(shown) == TABLES
    graders = shown["exercises"].splitlines()
    assert "stock `nbgrader autograde`" in said.stdout
    assert len(graders) == 5
    assert path.read_bytes() == before


@pytest.mark.slow
def test_no_two_of_a_crowd_are_the_same_and_halves_are_all(tmp_path):
    crowd = Courses(tmp_path).crowd(70)
    assert len({nbformat.writes(notebook) for notebook in crowd.values()}) == 70
    one, other = halves(crowd)
    assert len(one) == len(other) == 35 and {**one, **other} == crowd


def found(**changes):
    """Measurements that reach every goal, but for some changes."""
    measured = {
        "chapter": [{"times_stock": 1.0}, {"times_stock": 12.0}],
        "exercises": [{"times_stock": 1.0}, {"times_stock": 6.0}],
        "growth": [{"each_more_ms": ms} for ms in (300.0, 100.0, 125.0)],
        "latency": {"p95": 1.5},
        "memory": {"judge": 500.0},
    }
    return list(goals(measured | changes))


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (0, {"chapter": [{"times_stock": 11.9}]}),
        (1, {"exercises": [{"times_stock": 5.9}]}),
        (2, {"growth": [{"each_more_ms": ms} for ms in (300.0, 100.0, 126.0)]}),
        (3, {"memory": {"judge": 501.0}}),
        (4, {"latency": {"p95": 1.51}}),
    ],
)
def test_each_goal_is_met_or_missed_for_itself(number, changes):
    assert all(goal["met"] for goal in found())
    assert [goal["met"] for goal in found(**changes)].index(False) == number
    assert sum(not goal["met"] for goal in found(**changes)) == 1


def test_what_is_written_down_has_three_digits():
    assert rounded({"a": [1234.6, 0.98765, 7], "b": True, "c": "x"}) == {
        "a": [1230.0, 0.988, 7],
        "b": True,
        "c": "x",
    }


def test_a_table_has_a_column_for_each_key():
    rows = [{"who": "a", "seconds": 1.5}, {"who": "bcd", "seconds": 10.0}]
    assert table(rows) == "who  seconds\n  a      1.5\nbcd     10.0"

"""Verdicts that are kept: found again whole, under a name that nobody can guess."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import verdicts as module
from autograder.course import CourseError
from autograder.exercises import load
from autograder.judge import Verdict
from autograder.judge.evaluate import without_marks
from autograder.judge.notebook import MAX_SIZE
from autograder.verdicts import Verdicts, fingerprint, handed_in, reach
from descentlab.report import Line, Report

ROOT = Path(__file__).resolve().parents[2]
DATA = b"a notebook"


def a_verdict(status: str = "partial") -> Verdict:
    """A verdict with something in every field, in characters of all kinds."""
    first, *others = load("03_adam").exercises
    lines = [Line(True, "values"), Line(False, "float32", "it is <float64> \ud800")]
    facts = [("call", "f(1)"), ("got", "nan")]
    advice, names = ["Mind the dtype: ∇θ."], ["no-square", "one-beta"]
    report = Report("2 of 4", False, lines, facts, advice, misconceptions=names)
    slow = status == "timeout"
    one = module.ExerciseVerdict(8 / 3, first.points, status, report, slow)
    rest = {e.name: without_marks(e, "missing", "no cell") for e in others}
    return Verdict("03_adam", {first.name: one, **rest})


def shown(verdict: Verdict):
    """All that anybody is ever shown of a verdict."""
    pages = [one.report._repr_html_() for one in verdict.exercises.values()]
    return verdict.to_json(), pages


@pytest.fixture
def reached(monkeypatch):
    """What the judge is asked for; it answers with a made-up verdict."""
    asked = []

    def grade(assignment, data, root):
        asked.append((assignment, data, root))
        return a_verdict("timeout" if b"slow" in data else "partial")

    monkeypatch.setattr(module, "grade", grade)
    return asked


def test_a_verdict_is_found_as_it_was_kept(tmp_path):
    Verdicts(tmp_path).keep("ab12", a_verdict())
    found = Verdicts(tmp_path).find("ab12")
    assert shown(found) == shown(a_verdict())


def test_a_notebook_is_judged_once(tmp_path, reached):
    name, first = Verdicts(tmp_path).on("03_adam", DATA)
    again, second = Verdicts(tmp_path).on("03_adam", DATA)
    assert reached == [("03_adam", DATA, tmp_path)]
    assert (name, shown(first)) == (again, shown(second))


def test_a_timeout_is_not_kept_for_the_next_run(tmp_path, reached):
    kept = Verdicts(tmp_path)
    for _ in range(2):
        _, verdict = kept.on("03_adam", b"slow")
        assert verdict.exercises["update_moments"].status == "timeout"
    assert len(reached) == 1
    Verdicts(tmp_path).on("03_adam", b"slow")
    assert len(reached) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"exercises": {"a": {}}}'])
def test_a_verdict_that_is_not_whole_is_none(tmp_path, text):
    verdicts = Verdicts(tmp_path)
    verdicts.keep("ab12", a_verdict())
    verdicts._path("ab12").write_text(text)
    assert verdicts.find("ab12") is None


def test_a_name_depends_on_all_that_a_verdict_does(tmp_path, monkeypatch):
    verdicts = Verdicts(tmp_path)
    names = [
        verdicts.name("03_adam", DATA),
        verdicts.name("02_rmsprop", DATA),
        verdicts.name("03_adam", DATA + b" "),
    ]
    monkeypatch.setattr(module, "fingerprint", lambda: "another judge")
    names.append(verdicts.name("03_adam", DATA))
    verdicts.key = bytes(32)
    names.append(verdicts.name("03_adam", DATA))
    assert len(set(names)) == 5


def test_the_fingerprint_changes_with_the_code_and_not_with_the_place(tmp_path):
    root = tmp_path / "elsewhere"
    for folder in ("autograder", "descentlab"):
        shutil.copytree(ROOT / folder, root / folder)

    def there():
        code = "from autograder.verdicts import fingerprint; print(fingerprint())"
        command = [sys.executable, "-c", code]
        return subprocess.check_output(command, cwd=root, text=True).strip()

    assert there() == fingerprint()
    with (root / "autograder" / "exercises" / "adam.py").open("a") as file:
        file.write("# changed\n")
    assert there() != fingerprint()


def test_what_is_no_notebook_is_rejected_with_the_reason(tmp_path):
    verdict = reach("03_adam", b"Dear team, ...", tmp_path)
    assert {one.status for one in verdict.exercises.values()} == {"rejected"}
    assert verdict.score == 0 and verdict.max_score == 16
    assert "its text is not JSON" in str(verdict.exercises["adam_step"].report)


def test_a_file_without_end_is_read_as_far_as_the_judge_cares(tmp_path):
    path = tmp_path / "03_adam.ipynb"
    with path.open("wb") as file:
        file.truncate(10 * MAX_SIZE)
    verdict = reach("03_adam", handed_in(path), tmp_path)
    assert "larger than 16 MiB" in str(verdict.exercises["adam_step"].report)


@pytest.mark.parametrize("linked", ["the notebook", "its folder"])
def test_a_link_to_what_another_wrote_is_not_followed(tmp_path, linked):
    solved = tmp_path / "source" / "03_adam" / "03_adam.ipynb"
    solved.parent.mkdir(parents=True)
    solved.write_text('{"cells": [], "nbformat": 4}')
    path = tmp_path / "submitted" / "eve" / "03_adam" / "03_adam.ipynb"
    if linked == "its folder":
        path.parent.parent.mkdir(parents=True)
        path.parent.symlink_to(solved.parent)
    else:
        path.parent.mkdir(parents=True)
        path.symlink_to(solved)
    assert path.exists()
    verdict = reach("03_adam", handed_in(path), tmp_path)
    assert verdict.exercises["adam_step"].status == "rejected"
    assert "its text is not JSON" in str(verdict.exercises["adam_step"].report)


def test_where_nothing_can_be_kept_it_is_said_in_one_line(tmp_path):
    verdicts = Verdicts(tmp_path)
    (tmp_path / ".verdicts").write_text("a file")
    with pytest.raises(CourseError, match=r"no verdict can be kept in .*\.verdicts: "):
        verdicts.keep("ab12", a_verdict())


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    verdicts = Verdicts(tmp_path)

    def full(self, *_, **__):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(CourseError, match="No space left on device"):
        verdicts.keep("ab12", a_verdict())
    assert not list(tmp_path.glob(".verdicts/*/*"))

"""The commands of nbgrader with our judge, over the ordinary folders."""

import json
import re
import secrets
import shutil
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from autograder import gradebook as module
from autograder.course import ROOT, open_course
from autograder.exercises import assignments, load
from autograder.gradebook import in_order, print_grades
from autograder.judge import NotebookError
from autograder.judge.evaluate import without_marks
from autograder.sample import cell_of
from tests.sandboxes import no_namespaces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sandbox,
    # Of nbgrader's own, about its database.
    pytest.mark.filterwarnings("ignore:Object of type"),
]

ASSIGNMENTS = tuple(assignments(ROOT))
FULL = {"update_moments": 4.0, "bias_correct": 4.0, "adam_step": 8.0}


def scores(course, assignment, student):
    """The marks of each exercise in the gradebook; None where there is none."""
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_submission(assignment, student)
        grades = [grade for notebook in found.notebooks for grade in notebook.grades]
        return {grade.name.removeprefix("check_"): grade.auto_score for grade in grades}


def check_outputs(course, assignment, student):
    """The one output of each check cell in an autograded notebook."""
    path = course.file("autograded", student, assignment, ".ipynb")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    found = {}
    for exercise in load(assignment).exercises:
        (found[exercise.name],) = cell_of(notebook, f"check_{exercise.name}").outputs
    return found


def text_of(page):
    """What one reads on an HTML page, without tags and runs of white space."""
    text = re.sub(r"<style.*?</style>|<[^>]*>", "", page.read_text(), flags=re.DOTALL)
    for entity, character in (
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, character)
    return " ".join(text.split())


@pytest.fixture(scope="module")
def graded(classroom, tmp_path_factory):
    """The sample class, graded by `nbgrader autograde`."""
    course = classroom.copy(tmp_path_factory.mktemp("graded"))
    for assignment in ASSIGNMENTS:
        log = course.run("nbgrader", "autograde", assignment)
        assert "Traceback" not in log and "ERROR" not in log, log
    return course


# The whole class


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_gradebook_has_the_scores_that_grade_gives(assignment, graded, verdicts):
    for student, verdict in verdicts[assignment].items():
        wanted = {name: one.score for name, one in verdict.exercises.items()}
        assert scores(graded, assignment, student) == wanted, student


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_check_cells_show_what_grade_says(assignment, graded, verdicts):
    for student, verdict in verdicts[assignment].items():
        shown = check_outputs(graded, assignment, student)
        for name, one in verdict.exercises.items():
            assert shown[name].data["text/html"] == one.report._repr_html_(), student
            assert shown[name].metadata["status"] == one.status
            names = shown[name].metadata["misconceptions"]
            assert names == list(one.misconceptions)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_file_that_is_no_notebook_gets_nothing_and_the_reason(assignment, graded):
    assert set(scores(graded, assignment, "not-a-notebook").values()) == {0.0}
    for output in check_outputs(graded, assignment, "not-a-notebook").values():
        assert "rejected" in output.data["text/html"]
        assert "its text is not JSON" in output.data["text/html"]


def test_the_table_tells_marks_and_what_stands_beside_them(graded):
    said = graded.run("autograder", "grades")
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line}
    assert rows["student"] == list(ASSIGNMENTS)
    points = [sum(e.points for e in load(name).exercises) for name in ASSIGNMENTS]
    full, adam = [f"{n} / {n}" for n in points], ASSIGNMENTS.index("03_adam")
    assert rows["all-right"] == " ".join(full).split()
    assert rows["all-right-late"] == " late ".join([*full, ""]).split()
    loop = [*full[:adam], "8 / 16 timeout", *full[adam + 1 :]]
    assert rows["endless-loop"] == " ".join(loop).split()
    rejected = [f"0 / {n} rejected" for n in points]
    assert rows["not-a-notebook"] == " ".join(rejected).split()
    # Adam's step has the most mistakes: who made its last handed in nothing before.
    last = max(len(e.misconceptions) for e in load("03_adam").exercises)
    assert "- 8 / 16" in " ".join(rows[f"mistake-{last}"])
    # No penalty is configured: none is claimed.
    assert "\nlate: handed in after the due date\n" in said and "penalty" not in said
    assert "missing:" not in said  # nobody's: not explained


def test_grading_again_leaves_alone_what_is_graded(graded):
    before = {
        path: path.stat().st_mtime_ns for path in graded.root.glob("autograded/*/*")
    }
    log = graded.run("nbgrader", "autograde", "02_rmsprop")
    assert "Skipping existing assignment" in log and "Sanitizing" not in log
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_the_formgraders_button_gives_the_same_scores(graded, tmp_path, monkeypatch):
    course = graded.copy(tmp_path)
    monkeypatch.chdir(course.root)
    api = open_course(course.root)
    for student in ("all-right", "changes-its-arguments", "mistake-05"):
        wanted = scores(course, "03_adam", student)
        result = api.autograde("03_adam", student, force=True, create=False)
        assert result["success"], result
        assert scores(course, "03_adam", student) == wanted


# Feedback


@pytest.fixture(scope="module")
def page_of(graded) -> Callable[[str], Path]:
    """Makes a student's feedback page on 03_adam."""

    def make(student: str) -> Path:
        path = graded.file("feedback", student, "03_adam", ".html")
        if not path.exists():
            command = ("generate_feedback", "03_adam", "--student", student)
            graded.run("nbgrader", *command)
        return path

    return make


def test_the_feedback_page_names_the_mistakes(page_of, papers):
    text = text_of(page_of("mistake-05"))
    for exercise in load("03_adam").exercises:
        mistake = exercise.misconceptions[4]
        advice = f"Looks like {mistake.name}: {mistake.sentence}"
        # On top, at a glance, and below the cell.
        assert text.count(advice) == 2


def test_the_feedback_page_leads_to_the_formulas_that_it_holds(page_of):
    page = page_of("mistake-05").read_text(encoding="utf-8")
    links = [exercise.link for exercise in load("03_adam").exercises]
    assert links == ["#Two-moments", "#The-correction", "#The-update"]
    for link in links:
        assert f"<a href='{link}'>chapter 03_adam, section Derivation" in page
        assert page.count(f'id="{link[1:]}"') == 1


def test_the_feedback_page_holds_no_answer(page_of, papers):
    untouched, solved = text_of(page_of("untouched")), text_of(page_of("all-right"))
    assert "replace that line by your code" in untouched
    for answer in papers["03_adam"].right.values():
        for line in answer.body:
            words = " ".join(line.split())
            assert words in solved and words not in untouched


def test_the_feedback_page_shows_one_number_of_one_case(page_of):
    text = text_of(page_of("mistake-05"))
    for exercise in load("03_adam").exercises:
        assert text.count(f"call{exercise.name}(") == 1
    assert len(re.findall(r"expected[\w ]+(\[\d+\])? = \S+got", text)) == 3


def test_a_students_text_cannot_write_into_the_summary():
    exercise = load("03_adam").exercises[0]
    verdict = without_marks(exercise, "error", "<script>")
    assert "&lt;script&gt;" in module._row("update_moments", verdict)


# What students run


def cut_down(notebook):
    """A notebook without the cells that the judge does not run."""
    notebook = deepcopy(notebook)
    locked = {"figure", "experiment", "scale"}
    notebook.cells = [
        cell
        for cell in notebook.cells
        if not locked & set(cell.metadata.get("tags", ()))
    ]
    return notebook


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("all-right", "Success! Your notebook passes all the tests"),
        ("mistake-01", "bias_correct is not right yet. Looks like exponent-missing: "),
    ],
)
def test_validate_runs_the_published_checks(student, said, class_work, released):
    path = released.root / f"{student}.ipynb"
    nbformat.write(cut_down(class_work["03_adam"][student]), path)
    assert said in released.run("nbgrader", "validate", str(path))


# Notebooks that are not as they should be


def graded_cell(notebook, name):
    return next(c for c in notebook["cells"] if grade_id(c) == name)


def grade_id(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def retype(cell, kind):
    cell["cell_type"] = kind
    del cell["outputs"], cell["execution_count"]


def no_kernel(notebook):
    notebook["metadata"] = {}


def language_r(notebook):
    notebook["metadata"] = {"language_info": {"name": "R"}}


def check_doubled(notebook):
    notebook["cells"].append(deepcopy(graded_cell(notebook, "check_adam_step")))


def solution_missing(notebook):
    notebook["cells"].remove(graded_cell(notebook, "bias_correct"))


def solution_retyped(notebook):
    retype(graded_cell(notebook, "bias_correct"), "markdown")


def check_retyped(notebook):
    retype(graded_cell(notebook, "check_bias_correct"), "raw")


def unlocked_with_other_points(notebook):
    check = graded_cell(notebook, "check_adam_step")["metadata"]
    check["nbgrader"] |= {"locked": False, "points": 800, "solution": True}
    step = graded_cell(notebook, "adam_step")["metadata"]
    step["nbgrader"] |= {"grade": True, "points": 100, "solution": False}


def check_edited(notebook):
    cell = graded_cell(notebook, "check_bias_correct")
    cell["source"] = "bias_correct = lambda *args: 8.0\n8.0"


def names_that_are_none(notebook):
    for cell, mark in zip(notebook["cells"], ("x", {"grade_id": 5}, []), strict=False):
        cell["metadata"]["nbgrader"] = mark


def half_a_character(notebook):
    graded_cell(notebook, "adam_step")["source"] = "# \ud800"


def no_outputs(notebook):
    for cell in notebook["cells"]:
        cell.pop("outputs", None)


def same_cell_ids(notebook):
    for cell in notebook["cells"]:
        cell["id"] = "same"


def another_figure(notebook):
    graded_cell(notebook, "figure-2")["source"] = "raise SystemExit"


def unknown_cell_type(notebook):
    cell = {"cell_type": "video", "metadata": {}, "source": "x"}
    notebook["cells"].insert(0, cell)


def exits(notebook):
    notebook["cells"].insert(1, code("import os; os._exit(0)"))


def raises_odd_text(notebook):
    notebook["cells"].insert(1, code("raise ValueError('\\ud800 \\x1b[31m <b>')"))


def code(source):
    new = nbformat.v4.new_code_cell(source)
    return dict(new)


STEPS_LEFT = {
    "update_moments": "passed",
    "bias_correct": "missing",
    "adam_step": "error",
}
PASSED = dict.fromkeys(FULL, "passed")
DAMAGES = {
    no_kernel: PASSED,
    language_r: dict.fromkeys(FULL, "rejected"),
    check_doubled: PASSED | {"adam_step": "rejected"},
    solution_missing: STEPS_LEFT,
    solution_retyped: STEPS_LEFT,
    check_retyped: PASSED,
    unlocked_with_other_points: PASSED,
    check_edited: PASSED,
    names_that_are_none: PASSED,
    half_a_character: PASSED | {"adam_step": "error"},
    no_outputs: PASSED,
    same_cell_ids: PASSED,
    another_figure: PASSED,
    unknown_cell_type: PASSED,
    exits: PASSED,
    raises_odd_text: PASSED,
}
FILES = {
    "empty": b"",
    "binary": bytes(range(256)),
    "no-cells": b'{"nbformat": 4, "cells": null}',
    "deep": b"[" * 100_000,
    "cells-of-numbers": b'{"nbformat": 4, "cells": [1, 2]}',
}


@pytest.fixture(scope="module")
def damaged(classroom, tmp_path_factory):
    """A class of damaged submissions, and two that are not, graded in one go."""
    course = classroom.copy(tmp_path_factory.mktemp("damaged"))
    given = course.submitted("03_adam")
    other = course.submitted("02_rmsprop")["all-right"]
    shutil.rmtree(course.root / "submitted")
    files = dict(FILES) | {"other-assignment": other}
    for damage in DAMAGES:
        notebook = json.loads(given["all-right"])
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        damage(notebook)
        files[damage.__name__] = json.dumps(notebook).encode()
    files |= {"a-first": given["all-right"], "z-last": given["all-right"]}
    for student, data in files.items():
        path = course.file("submitted", student, "03_adam", ".ipynb")
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    log = course.run("nbgrader", "autograde", "03_adam")
    assert "Traceback" not in log and "ERROR" not in log, log
    return course


def test_the_rest_of_the_class_is_graded_all_the_same(damaged):
    assert scores(damaged, "03_adam", "a-first") == FULL
    assert scores(damaged, "03_adam", "z-last") == FULL


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_notebook_gets_the_verdict_of_grade(damage, damaged):
    student = damage.__name__
    verdict = damaged.verdict("03_adam", damaged.submitted("03_adam")[student])
    found = {name: one.status for name, one in verdict.exercises.items()}
    assert found == DAMAGES[damage]
    wanted = {name: one.score for name, one in verdict.exercises.items()}
    assert scores(damaged, "03_adam", student) == wanted


@pytest.mark.parametrize("student", FILES)
def test_what_is_no_notebook_is_rejected_with_the_reason(student, damaged):
    with pytest.raises(NotebookError) as refusal:
        damaged.verdict("03_adam", damaged.submitted("03_adam")[student])
    for output in check_outputs(damaged, "03_adam", student).values():
        assert str(refusal.value) in output.data["text/html"]
    assert set(scores(damaged, "03_adam", student).values()) == {0.0}


def test_another_assignments_notebook_has_none_of_the_exercises(damaged):
    for output in check_outputs(damaged, "03_adam", "other-assignment").values():
        assert "no cell of this notebook carries the name" in output.data["text/html"]


def test_a_notebook_in_order_is_as_released_but_for_the_answers(papers):
    released = papers["03_adam"].released
    notebook = json.loads(nbformat.writes(papers["03_adam"].solved()))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    unlocked_with_other_points(notebook)
    check_edited(notebook)
    another_figure(notebook)
    restored = in_order(json.dumps(notebook).encode(), released)
    for cell, original in zip(restored.cells, released.cells, strict=True):
        assert cell.metadata == original.metadata
        if grade_id(original) not in FULL:
            assert cell.source == original.source


SCRIPTS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "# A heading <b onclick=alert(1)>to click</b>",
    "[a link](javascript:alert(1))",
    "[a link][1]\n\n[1]: &#106;avascript:alert(1)",
    "![a picture](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "```\n</code></pre>\n```\n<script>alert(1)</script>",
    "~~~\n\n</pre><svg onload=alert(1)>",
    "````\n```\n<iframe src=javascript:alert(1)>",
    "</div></body><script>alert(1)</script>",
    "a\r\n```\r<script>alert(1)</script>",
)


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_students_text_runs_nowhere(text, papers):
    data = {"nbformat": 4, "cells": [{"cell_type": "markdown", "source": text}]}
    first, *_ = in_order(json.dumps(data).encode(), papers["03_adam"].released).cells
    page = HTMLExporter().markdown2html({}, first.source)
    # One block of code: whatever looked like a tag or a link is its text.
    tags = re.findall("<[^>]*>", re.sub(" class=.language-[a-z]*.", "", page))
    assert tags == ["<pre>", "<code>", "</code>", "</pre>"]
    assert "alert(1)" in page


def test_text_of_the_chapter_stays_as_it_is(papers):
    released = papers["03_adam"].released
    notebook = json.loads(nbformat.writes(papers["03_adam"].solved()))
    notebook["cells"][0]["source"] = "My own title"
    own, *others = in_order(json.dumps(notebook).encode(), released).cells
    assert own.source == "```\nMy own title\n```"
    assert [cell.source for cell in others if cell.cell_type == "markdown"] == [
        cell.source for cell in released.cells[1:] if cell.cell_type == "markdown"
    ]


# When the judge cannot judge


def test_without_a_sandbox_it_refuses_in_one_line(classroom, tmp_path):
    course = classroom.copy(tmp_path / "course")
    start = no_namespaces()
    log = course.run("nbgrader", "autograde", "03_adam", status=1, start=start)
    assert len(log.splitlines()) == 1
    assert "no sandbox can be had here" in log
    assert not (course.root / "autograded").exists()
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        assert not gradebook.assignment_submissions("03_adam")


def test_without_a_release_it_refuses_in_one_line(classroom, tmp_path):
    course = classroom.copy(tmp_path)
    shutil.rmtree(course.root / "release")
    log = course.run("nbgrader", "autograde", "03_adam", status=1)
    assert "run `python -m autograder release 03_adam`" in log.splitlines()[-1]
    assert "Traceback" not in log
    assert not (course.root / "autograded").exists()


def grade_here(root):
    """`nbgrader autograde 03_adam --force`, in this process, where it can be broken."""
    api = open_course(root)
    api.coursedir.assignment_id = "03_adam"
    Autograde(coursedir=api.coursedir, parent=api, force=True).start()


def test_a_fault_of_the_graders_is_no_zero(classroom, tmp_path, monkeypatch, caplog):
    course = classroom.copy(tmp_path)
    monkeypatch.chdir(course.root)
    for path in (course.root / "submitted").iterdir():
        if path.name not in ("all-right", "mistake-05", "untouched"):
            shutil.rmtree(path)
    grade_here(course.root)
    assert scores(course, "03_adam", "mistake-05")["adam_step"] == 0.0

    # Handed in again, and new to the judge, whose fault shows with this one alone.
    unlucky = course.file("submitted", "mistake-05", "03_adam", ".ipynb")
    notebook = json.loads(unlucky.read_bytes())
    notebook["metadata"]["try"] = secrets.token_hex()
    unlucky.write_text(json.dumps(notebook))
    inside = import_module("autograder.judge.judge")
    take_apart = inside.take_apart

    def faulty(data, names):
        if data == unlucky.read_bytes():
            raise ZeroDivisionError("a bug in the judge")
        return take_apart(data, names)

    monkeypatch.setattr(inside, "take_apart", faulty)
    with pytest.raises(NbGraderException):
        grade_here(course.root)
    assert (
        "03_adam of mistake-05 is not graded, by a fault of the grader's and not of the"
        " student's (ZeroDivisionError)" in caplog.text
    )
    # Not even the marks of the time before stay: they are of another notebook.
    assert set(scores(course, "03_adam", "mistake-05").values()) == {None}
    assert not course.file("autograded", "mistake-05", "03_adam", ".ipynb").exists()
    assert scores(course, "03_adam", "all-right") == FULL
    assert set(scores(course, "03_adam", "untouched").values()) == {0.0}


def test_the_table_says_who_is_not_graded(classroom, tmp_path, capsys):
    course = classroom.copy(tmp_path)
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        gradebook.add_student("unlucky")
        gradebook.add_submission("03_adam", "unlucky")
    print_grades(course.root)
    rows = capsys.readouterr().out.splitlines()
    columns = ["not graded" if n == "03_adam" else "-" for n in ASSIGNMENTS]
    (row,) = (row.split() for row in rows if row.startswith("unlucky"))
    assert row == " ".join(["unlucky", *columns]).split()
    # Nor is anybody else, who has only handed in.
    (row,) = (row for row in rows if row.startswith("endless-loop "))
    assert row.count("not graded") >= 1
    assert rows[-1].startswith("not graded: `python -m autograder class ASSIGNMENT`")


def test_the_table_has_the_score_that_nbgrader_exports(graded, tmp_path, capsys):
    course = graded.copy(tmp_path)
    about = "03_adam", "03_adam"
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        found = gradebook.find_submission_notebook(*about, "all-right-late")
        found.late_submission_penalty = 6.0
        mark = gradebook.find_grade("check_adam_step", *about, "all-right")
        # As nbgrader leaves a person's mark when the submission is graded once more.
        mark.manual_score, mark.needs_manual_grade = 5.0, True
        gradebook.db.commit()
    print_grades(course.root)
    said = capsys.readouterr().out
    rows = {row.split()[0]: " ".join(row.split()) for row in said.splitlines() if row}
    assert "10 / 16 late, penalty" in rows["all-right-late"]
    assert "\npenalty: points for lateness are already taken off\n" in said
    assert "13 / 16 by hand" in rows["all-right"]
    assert "\nby hand: a mark given by hand may be for an earlier notebook" in said

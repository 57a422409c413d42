"""The sample class: who is in it, and that each gets the verdict that they deserve."""

from collections import Counter

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from autograder.course import ROOT, CourseError
from autograder.exercises import assignments, load
from autograder.sample import cell_of, functions, make_class

ASSIGNMENTS = ("01_gradient_descent", "02_rmsprop", "03_adam", "04_schedules")

STATUSES = {
    # student: the statuses in each assignment, where not all have passed
    "all-right": {},
    "all-right-late": {},
    "all-right-in-another-style": {},
    "all-right-but-warns": {},
    "all-right-but-prints-a-lot": {},
    "check-cells-deleted": {},
    "cell-doubled": {
        "01_gradient_descent": "rejected passed passed",
        "02_rmsprop": "rejected passed",
        "03_adam": "rejected passed passed",
        "04_schedules": "rejected passed passed passed passed passed",
    },
    "changes-its-arguments": {
        "01_gradient_descent": "partial partial partial",
        "02_rmsprop": "partial partial",
        # Adam's step, which hands its arguments on to update_moments, is all right.
        "03_adam": "partial passed passed",
        "04_schedules": "passed partial passed passed passed passed",
    },
    "endless-loop": {"03_adam": "passed passed timeout"},
    "hard-coded-decay": {
        "01_gradient_descent": "passed failed failed",
        "02_rmsprop": "failed passed",
        "03_adam": "failed passed failed",
        "04_schedules": "failed passed passed passed passed passed",
    },
    "makes-every-test-say-yes": {
        "01_gradient_descent": "failed failed failed",
        "02_rmsprop": "failed failed",
        "03_adam": "failed failed failed",
        "04_schedules": "failed failed failed failed failed failed",
    },
    "syntax-error": {
        # Descent calls the step whose cell has the error.
        "01_gradient_descent": "error passed error",
        "02_rmsprop": "error passed",
        "03_adam": "error passed error",
        "04_schedules": "error passed passed passed passed passed",
    },
    "untouched": {
        "01_gradient_descent": "error error error",
        "02_rmsprop": "error error",
        "03_adam": "error error error",
        "04_schedules": "error error error error error error",
    },
}


def written(exercise):
    """The exercise's misconceptions that have a source."""
    return [mistake for mistake in exercise.misconceptions if mistake.source]


def test_it_cannot_be_made_before_the_release(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "03_adam.md").touch()
    with pytest.raises(CourseError, match=r"no release/03_adam/03_adam\.ipynb: run"):
        make_class(tmp_path)
    assert not (tmp_path / "submitted").exists()


@pytest.mark.slow
def test_it_has_enough_students_and_says_so_in_one_line(released, tmp_path, capsys):
    course = released.copy(tmp_path)
    make_class(course.root)
    said = capsys.readouterr().out
    counts = [len(course.submitted(name)) for name in assignments(course.root)]
    assert min(counts) >= 16
    students = len(list((course.root / "submitted").iterdir()))
    assert said == (
        f"submitted/: {students} students, {sum(counts)} submissions,"
        f" {sum(counts)} of them new or changed\n"
    )


@pytest.mark.slow
def test_making_it_again_writes_nothing(classroom, tmp_path, capsys):
    course = classroom.copy(tmp_path)
    files = [path for path in course.root.glob("submitted/**/*") if path.is_file()]
    times = {path: path.stat().st_mtime_ns for path in files}
    make_class(course.root)
    said = capsys.readouterr()
    assert ", 0 of them new or changed" in said.out
    assert said.err == "".join(f"sample: {name}\n" for name in assignments(ROOT))
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.slow
def test_what_changed_is_written_again(classroom, tmp_path, capsys):
    course = classroom.copy(tmp_path)
    course.file("submitted", "untouched", "03_adam", ".ipynb").write_text("{}")
    make_class(course.root)
    assert ", 1 of them new or changed" in capsys.readouterr().out


@pytest.mark.slow
def test_a_due_date_that_the_instructor_set_stays(released, tmp_path):
    course = released.copy(tmp_path)
    mine = parse_utc("2030-01-01 12:00:00 UTC")
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment("03_adam", duedate=mine)
    make_class(course.root)
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as gradebook:
        assert gradebook.find_assignment("03_adam").duedate == mine
        assert gradebook.find_assignment("02_rmsprop").duedate is not None


@pytest.mark.slow
def test_a_gradebook_that_was_put_aside_is_asked_for(released, tmp_path):
    course = released.copy(tmp_path)
    (course.root / "gradebook.db").unlink()
    said = course.run("autograder", "sample", status=2)
    assert "is not in gradebook.db: run `python -m autograder release`" in said
    assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_misconception_is_handed_in_once(name, class_work):
    handed_in = Counter()
    for student, notebook in class_work[name].items():
        if not student.startswith("mistake-"):
            continue
        for exercise in load(name).exercises:
            source = cell_of(notebook, exercise.name).source
            for mistake in written(exercise):
                body = functions(mistake.source)[exercise.name].body
                if source.endswith("\n".join(body)):
                    handed_in[exercise.name, mistake.source] += 1
    wanted = Counter(
        (e.name, m.source) for e in load(name).exercises for m in written(e)
    )
    assert handed_in == wanted


@pytest.mark.slow
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_submissions_are_notebooks_as_students_save_them(name, class_work):
    for student, notebook in class_work[name].items():
        if student == "not-a-notebook":
            assert isinstance(notebook, str)
            continue
        nbformat.validate(notebook)
        assert all(
            "def " in cell_of(notebook, e.name).source for e in load(name).exercises
        )


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("student", STATUSES)
def test_each_student_gets_the_verdict_they_deserve(name, student, verdicts):
    found = verdicts[name][student].exercises.values()
    statuses = STATUSES[student].get(name, " ".join(["passed"] * len(found)))
    assert [verdict.status for verdict in found] == statuses.split()
    marks = {"passed": 1.0, "partial": None}
    for verdict in found:
        share = marks.get(verdict.status, 0.0)
        if share is None:
            assert 0 < verdict.score < verdict.max_score
        else:
            assert verdict.score == share * verdict.max_score


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_each_mistake_is_named_to_who_made_it(name, verdicts):
    students = [s for s in verdicts[name] if s.startswith("mistake-")]
    assert students
    for number, student in enumerate(sorted(students)):
        for exercise in load(name).exercises:
            verdict = verdicts[name][student].exercises[exercise.name]
            mistakes, told = written(exercise), str(verdict.report)
            # Where this student's earlier functions are wrong, those come first.
            earlier = exercise.uses and "the mistake is in your" in told
            if number >= len(mistakes):
                assert verdict.status == "passed" or earlier
                continue
            mistake = mistakes[number]
            assert verdict.score == 0.0, student
            if not earlier:
                assert verdict.misconceptions == [mistake.name], student
                assert mistake.sentence in told


@pytest.mark.slow
@pytest.mark.sandbox
def test_a_mistake_in_a_part_is_told_where_the_part_is_used(verdicts):
    verdict = verdicts["03_adam"]["hard-coded-decay"].exercises["adam_step"]
    assert "the mistake is in your update_moments" in str(verdict.report)


@pytest.mark.slow
@pytest.mark.sandbox
def test_an_untouched_exercise_is_told_so_whatever_it_would_call(verdicts):
    for verdict in verdicts["03_adam"]["untouched"].exercises.values():
        assert verdict.report.advice[0].startswith(
            "It still raises NotImplementedError"
        )

"""The judge behind nbgrader's own commands, and the gradebook as a table.

``nbgrader autograde`` and the formgrader's button use two classes of this module, as
``nbgrader_config.py`` says: an exporter that reads whatever was submitted, and a
preprocessor that takes the place of the one which would run the notebook.
"""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import (
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
)

from autograder.course import CourseError, gradebook_url
from autograder.exercises import UnknownAssignment, load
from autograder.folders import unfit
from autograder.judge import ExerciseVerdict, NotebookError, SandboxError, Verdict
from autograder.judge.notebook import grade_id_of, read
from autograder.judge.sandbox import Sandbox
from autograder.term import refuse_unfinished
from autograder.verdicts import NAMED, Verdicts, handed_in

NOTES = {
    "-": "nothing was handed in",
    "late": "handed in after the due date",
    "penalty": "points for lateness are already taken off",
    "by hand": "a mark given by hand may be for an earlier notebook: look at it again",
    "not graded": "`python -m autograder class ASSIGNMENT` grades it, or says why not",
    "error": "a cell or a function raised an error",
    "timeout": "a function did not end in time",
    "missing": "an exercise has no cell",
    "rejected": "not a notebook, or a cell that cannot be judged",
}
"""What the table of grades says beside the marks, and what that means."""

# Copied, since nbformat validates each new cell, and later all of them once more.
BLANK = {
    "code": new_code_cell(),
    "markdown": new_markdown_cell(),
    "raw": new_raw_cell(),
}
"""An empty cell of each kind."""

CELL = "padding: .1em 1.2em .1em 0; text-align: left; vertical-align: top"


class Owned(NotebookNode):
    """A notebook that was made to be exported, and may be changed on the way.

    nbconvert works on a copy of a copy, which takes a quarter of the time.
    """

    def __deepcopy__(self, memo: Any) -> Owned:
        return self


class SubmissionExporter(NotebookExporter):
    """Reads a submission, however damaged, as a notebook that nbgrader can handle."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        # Once, and before any submission is touched.
        try:
            refuse_unfinished(Path(self.converter.coursedir.root))
            self.verdicts = Verdicts(Path(self.converter.coursedir.root))
            self.probe()
            self.release = self.released(self.converter.coursedir.assignment_id)
        except (SandboxError, CourseError, UnknownAssignment) as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None

    def probe(self) -> None:
        """Make sure that submissions can be judged here."""
        Sandbox().close()

    @property
    def converter(self) -> Any:
        """The ``Autograde`` of nbgrader that owns this exporter."""
        return self.parent

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Export a notebook file; a student's own is put in order first.

        Whatever goes wrong here is no fault of the student's, whose file may hold
        anything: the submission stays without marks, and is to be graded again.
        """
        try:
            return self._export(filename, resources, **kwargs)
        except Exception as error:
            about = resources["nbgrader"]
            self.log.error(
                "%s of %s is not graded, by a fault of the grader's and not of the"
                " student's (%s)",
                *(about["assignment"], about["student"], type(error).__name__),
            )
            forget_marks(about)
            raise

    def released(self, assignment: str) -> Any:
        """The notebook that students got.

        Raises:
            UnknownAssignment, CourseError: if there is none.
        """
        load(assignment)
        coursedir = self.converter.coursedir
        folder = coursedir.format_path(coursedir.release_directory, ".", assignment)
        path = Path(folder, f"{assignment}.ipynb")
        advice = f"run `python -m autograder release {assignment}`"
        if not path.is_file():
            raise CourseError(f"{assignment} is not released: {advice}")
        try:
            notebook = nbformat.read(path, as_version=4)
        except ValueError:
            raise CourseError(f"{path} is no notebook: {advice}") from None
        points = {e.name: float(e.points) for e in load(assignment).exercises}
        there = {name: c.metadata.nbgrader.points for name, c in _checks(notebook)}
        if there != points:
            raise CourseError(
                f"release/{assignment} has other exercises or points than the judge:"
                f" {advice}"
            )
        return notebook

    @cached_property
    def paper(self) -> Any:
        """The released notebook with its graded cells as the gradebook has them.

        nbgrader would look into the gradebook for every submission; here all have
        these cells from this one.
        """
        names = dict.fromkeys(
            ("assignment", "notebook"), self.converter.coursedir.assignment_id
        )
        about = {**names, "db_url": self.converter.coursedir.db_url}
        overwrite = OverwriteCells(parent=self)
        return overwrite.preprocess(self.release, {"nbgrader": about})[0]

    def _export(self, filename: str, resources: Any, **kwargs: Any) -> Any:
        if not self.converter._sanitizing:
            return super().from_filename(filename, resources, **kwargs)
        self.data = handed_in(Path(filename))
        notebook = in_order(self.data, self.paper)
        return self.from_notebook_node(  # type: ignore[no-untyped-call]
            notebook, resources, **kwargs
        )


class Judge(NbGraderPreprocessor):
    """Writes the judge's verdict into the check cells, where nbgrader scores it."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Judge the notebook as it was submitted, not as it was put in order."""
        assignment = resources["nbgrader"]["assignment"]
        name, verdict = self.parent.verdicts.on(assignment, self.parent.data)
        for exercise, cell in _checks(nb):
            _write_verdict(cell, verdict.exercises[exercise])
        summary = nbformat.v4.new_markdown_cell(_summary(verdict))
        nb.cells.insert(0, summary)
        nb.metadata[NAMED] = name
        return nb, resources


class SaveMarks(SaveAutoGrades):
    """Saves the judge's marks; a person's stay, and are for the notebook they are for.

    nbgrader has a person look at their mark again after each grading. Here they do so
    if the notebook is another one than at the grading before.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save the marks, and note which notebook they are for."""
        about = resources["nbgrader"]
        folder = self.parent.verdicts.folder / "handed-in" / about["assignment"]
        note, digest = folder / about["student"], sha256(self.parent.data).hexdigest()
        self.same = note.is_file() and note.read_text(errors="replace") == digest
        nb, resources = super().preprocess(nb, resources)
        if not self.same:
            folder.mkdir(parents=True, exist_ok=True)
            note.write_text(digest)
        return nb, resources

    def _add_score(self, cell: Any, resources: Any) -> None:
        if not self.same:
            super()._add_score(cell, resources)
            return
        names = self.notebook_id, self.assignment_id, self.student_id
        name = cell.metadata.nbgrader["grade_id"]
        mark = self.gradebook.find_grade(name, *names)
        looked_at = mark.manual_score is not None and not mark.needs_manual_grade
        super()._add_score(cell, resources)
        if looked_at:
            mark.needs_manual_grade = False
            self.gradebook.db.commit()


def in_order(data: bytes, released: Any) -> Any:
    """A submission as a notebook whose every graded cell is there, once, as released.

    Only the text of solution cells and the cells that the student added come from the
    submission; text that is not the chapter's is to be shown as it was written. The
    gradebook needs that order; the judge reads the original.
    """
    try:
        submitted = read(data)
    except NotebookError:
        # What the judge says of it stands on top.
        return Owned(copy.deepcopy(released))  # type: ignore[no-untyped-call]
    known = {
        cell.metadata.nbgrader["grade_id"]: cell
        for cell in released.cells
        if "nbgrader" in cell.metadata
    }
    texts = {cell.source for cell in released.cells if cell.cell_type == "markdown"}
    cells = []
    for cell in submitted["cells"]:
        original = known.pop(grade_id_of(cell), None)
        restored = _restored(cell, original)
        if restored.cell_type == "markdown" and restored.source not in texts:
            restored.source = _as_written(restored.source)
        cells.append(restored)
    cells += [copy.deepcopy(cell) for cell in known.values()]
    metadata = copy.deepcopy(released.metadata)
    parts = {**released, "metadata": metadata, "cells": cells}
    return Owned(parts)  # type: ignore[no-untyped-call]


def forget_marks(about: Mapping[str, str]) -> None:
    """Take back what the judge gave a submission before; a person's marks stay.

    Args:
        about: what nbgrader calls ``resources["nbgrader"]``.
    """
    names = about["notebook"], about["assignment"], about["student"]
    with Gradebook(about["db_url"]) as gradebook:
        for mark in gradebook.find_submission_notebook(*names).grades:
            mark.auto_score = None
            mark.needs_manual_grade |= mark.manual_score is None
        gradebook.db.commit()


def print_grades(root: Path) -> None:
    """Print the gradebook: a line for each student, then what its words mean.

    Raises:
        CourseError: if there is no gradebook.
    """
    path = root / "gradebook.db"
    if not path.is_file():
        raise CourseError("there is no gradebook.db: nothing has been released yet")
    with Gradebook(gradebook_url(root)) as gradebook:
        rows = list(_rows(gradebook, root))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        print("   ".join(cells).rstrip())
    table = " ".join(cell for row in rows[1:] for cell in row[1:])
    used = [f"{note}: {words}" for note, words in NOTES.items() if note in table]
    print("\n" + "\n".join(used))


def _rows(gradebook: Any, root: Path) -> Iterator[tuple[str, ...]]:
    names = sorted(assignment.name for assignment in gradebook.assignments)
    yield ("student", *names)
    handed = {p.parts[-2:] for name in names for p in root.glob(f"submitted/*/{name}")}
    students = {student.id for student in gradebook.students}
    for student in sorted(students | {s for s, _ in handed if not unfit(s)}):
        cells = []
        for name in names:
            try:
                found = gradebook.find_submission(name, student)
            except MissingEntry:
                given = (student, name) in handed
                cells.append("not graded" if given else "    -")
            else:
                path = root / "autograded" / student / name / f"{name}.ipynb"
                cells.append(_result(found, _statuses(path)))
        yield (student, *cells)


def _result(found: Any, statuses: Mapping[str, str]) -> str:
    """Marks and notes of one submission."""
    notes = ["late"] if found.total_seconds_late > 0 else []
    penalty = sum(n.late_submission_penalty or 0.0 for n in found.notebooks)
    notes += ["penalty"] if penalty else []
    grades = [grade for notebook in found.notebooks for grade in notebook.grades]
    if any(g.needs_manual_grade and g.manual_score is not None for g in grades):
        notes.append("by hand")
    notes += [status for status in NOTES if status in statuses.values()]
    if any(g.auto_score is None and g.manual_score is None for g in grades):
        return ", ".join(["not graded", *notes])
    score = max(0.0, found.score - penalty)  # as nbgrader exports it
    return f"{round(score, 2):>5g} / {found.max_score:g}  {', '.join(notes)}"


def _statuses(path: Path) -> dict[str, str]:
    """The status of each exercise in an autograded notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError):
        # Not there, or cut short by a full disk.
        return {}
    return {
        name: output.metadata.get("status", "")
        for name, cell in _checks(notebook)
        for output in cell.outputs
    }


def _checks(notebook: Any) -> Iterator[tuple[str, Any]]:
    """A notebook's check cells, each with the name of its exercise."""
    for cell in filter(utils.is_grade, notebook.cells):
        yield cell.metadata.nbgrader["grade_id"].removeprefix("check_"), cell


def _write_verdict(cell: Any, verdict: ExerciseVerdict) -> None:
    """Put the score where nbgrader looks for it, and the report where people do."""
    # nbgrader gives a cell without output full marks: there is always this one.
    data = {
        "text/plain": repr(float(verdict.score)),
        "text/html": verdict.report._repr_html_(),
    }
    names = list(verdict.misconceptions)
    metadata = {"status": verdict.status, "misconceptions": names}
    output = nbformat.v4.new_output(
        "execute_result", data, execution_count=1, metadata=metadata
    )
    cell.outputs, cell.execution_count = [output], 1


def _summary(verdict: Verdict) -> str:
    """The whole verdict at a glance, as HTML: on top of a page as long as a chapter."""
    rows = [("exercise", "points", "status", "in short")]
    rows += [_row(*item) for item in verdict.exercises.items()]
    cells = ["".join(f"<td style='{CELL}'>{cell}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _row(name: str, verdict: ExerciseVerdict) -> tuple[str, str, str, str]:
    report = verdict.report
    return (
        f"<a href='#check_{name}'>{name}</a>",
        f"{round(verdict.score, 2):g} / {verdict.max_score:g}",
        verdict.status,
        html.escape(report.brief) if report.advice or not report.passed else "",
    )


def _as_written(text: str) -> str:
    """A student's own text, as Markdown that shows it letter by letter.

    Rendered, it could hold a script, or a link that is one: nbgrader's pages, the
    formgrader's too, would run it in the browser of whoever grades.
    """
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _restored(cell: Any, original: Any) -> Any:
    """A submitted cell with the metadata of the released one, or with none."""
    # JSON can hold half a character, which the file that nbgrader writes cannot.
    source = cell["source"].encode("utf-8", errors="replace").decode("utf-8")
    if original is None:
        return _own_cell(cell["cell_type"], source)
    restored = copy.deepcopy(original)
    if utils.is_solution(original):
        restored.source = source
    return restored


def _own_cell(kind: str, source: str) -> Any:
    """A cell of the student's own."""
    cell = copy.deepcopy(BLANK.get(kind, BLANK["raw"]))
    cell.source, cell.id = source, uuid4().hex[:8]
    return cell

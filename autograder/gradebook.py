"""The judge behind nbgrader's own commands, and the gradebook as a table.

``nbgrader autograde`` and the formgrader's button use two classes of this module, as
``nbgrader_config.py`` says: an exporter that reads whatever was submitted, and a
preprocessor that takes the place of the one which would run the notebook.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader import utils
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course import CourseError, key
from autograder.exercises import load
from autograder.grade import grade
from autograder.judge import NotebookError, SandboxError, Verdict
from autograder.judge.evaluate import without_marks
from autograder.judge.notebook import grade_id_of, read
from autograder.judge.sandbox import Sandbox


class SubmissionExporter(NotebookExporter):
    """Reads a submission, however damaged, as a notebook that nbgrader can handle."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        # Once, and before any submission is touched.
        try:
            key()
            Sandbox().close()
        except (SandboxError, CourseError) as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Export a notebook file; a student's own is put in order first."""
        converter: Any = self.parent
        if not converter._sanitizing:
            return super().from_filename(filename, resources, **kwargs)
        assignment = resources["nbgrader"]["assignment"]
        coursedir = converter.coursedir
        folder = coursedir.format_path(coursedir.release_directory, ".", assignment)
        released = nbformat.read(Path(folder, f"{assignment}.ipynb"), as_version=4)
        notebook = in_order(Path(filename).read_bytes(), released)
        return self.from_notebook_node(  # type: ignore[no-untyped-call]
            notebook, resources, **kwargs
        )


class Judge(NbGraderPreprocessor):
    """Writes the judge's verdict into the check cells, where nbgrader scores it."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Judge the notebook as it was submitted, not as it was put in order."""
        about = resources["nbgrader"]
        assignment = about["assignment"]
        coursedir = self.parent.parent.coursedir
        folder = coursedir.format_path(
            coursedir.submitted_directory, about["student"], assignment
        )
        data = Path(folder, f"{about['notebook']}.ipynb").read_bytes()
        verdict = _verdict(assignment, data)
        for cell in nb.cells:
            if utils.is_grade(cell):
                _write_verdict(cell, verdict)
        return nb, resources


def in_order(data: bytes, released: Any) -> Any:
    """A submission as a notebook whose every graded cell is there, once, as released.

    Only the text of solution cells and the cells that the student added come from the
    submission. The gradebook needs that order; the judge reads the original.
    """
    try:
        submitted = read(data)
    except NotebookError as error:
        notebook = copy.deepcopy(released)
        note = f"**The submitted file was not graded:** {error}."
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(note))
        return notebook
    known = {grade_id_of(cell): cell for cell in released.cells}
    known.pop("", None)
    cells = []
    for cell in submitted["cells"]:
        original = known.pop(grade_id_of(cell), None)
        cells.append(_restored(cell, original))
    cells += [copy.deepcopy(cell) for cell in known.values()]
    return nbformat.v4.new_notebook(cells=cells, metadata=released.metadata)


def print_grades(root: Path) -> None:
    """Print a line for each student and assignment in the gradebook."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        rows = list(_rows(gradebook))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        line = "  ".join(text.ljust(w) for text, w in zip(row, widths, strict=True))
        print(line.rstrip())


def _rows(gradebook: Any) -> Iterable[tuple[str, ...]]:
    names = sorted(assignment.name for assignment in gradebook.assignments)
    yield ("student", *names)
    for student in sorted(gradebook.students, key=lambda one: one.id):
        yield (student.id, *(_score(gradebook, name, student.id) for name in names))


def _score(gradebook: Any, assignment: str, student: str) -> str:
    try:
        found = gradebook.find_submission(assignment, student)
    except MissingEntry:
        return "-"
    text = f"{found.score:.4g} / {found.max_score:g}"
    return f"{text} (late)" if found.total_seconds_late > 0 else text


def _verdict(assignment: str, data: bytes) -> Verdict:
    """The verdict; a file that is no notebook has its exercises rejected."""
    try:
        return grade(assignment, data)
    except NotebookError as error:
        exercises = load(assignment).exercises
        rejected = {e.name: without_marks(e, "rejected", str(error)) for e in exercises}
        return Verdict(assignment, rejected)


def _write_verdict(cell: Any, verdict: Verdict) -> None:
    """Put the score where nbgrader looks for it, and the report where people do."""
    name = cell.metadata.nbgrader["grade_id"].removeprefix("check_")
    one = verdict.exercises[name]
    # nbgrader gives a cell without output full marks: there is always this one.
    data = {"text/plain": f"{one.score:.6g}", "text/html": one.report._repr_html_()}
    cell.outputs = [nbformat.v4.new_output("execute_result", data, execution_count=1)]
    cell.execution_count = 1


def _restored(cell: Any, original: Any) -> Any:
    """A submitted cell with the metadata of the released one, or with none."""
    if original is None:
        make: dict[str, Callable[..., Any]] = {
            "code": nbformat.v4.new_code_cell,
            "markdown": nbformat.v4.new_markdown_cell,
        }
        new = make.get(cell["cell_type"], nbformat.v4.new_raw_cell)
        return new(source=cell["source"])
    restored = copy.deepcopy(original)
    if utils.is_solution(original):
        restored.source = cell["source"]
    return restored

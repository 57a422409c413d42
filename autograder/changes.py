"""A chapter that changes in mid-term: the gradebook gets the cells that it has now.

nbgrader refuses cells that come or go once submissions are graded. Cells that are only
locked, such as figures, have no marks: they come and go without a word. A new exercise
begins without marks. One that goes takes the judge's marks along, which grading can
reach again, but never what a person gave: then nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbgrader.api import (
    Comment,
    Grade,
    GradeCell,
    MissingEntry,
    SolutionCell,
    SourceCell,
)

Cells = Mapping[str, Any]
"""A chapter's cells that nbgrader knows, by ``grade_id``, with all their metadata."""


def kept_by_hand(gradebook: Any, name: str, cells: Cells) -> dict[str, list[str]]:
    """The exercises that are gone and hold a person's marks or words, with whose."""
    found: dict[str, list[str]] = {}
    old = _graded(gradebook, name)
    for cell in _gone(old, cells) if old else ():
        if students := sorted({thing.student.id for thing in _by_hand(cell)}):
            found[cell.name.removeprefix("check_")] = students
    return found


def follow(gradebook: Any, name: str, cells: Cells) -> tuple[list[str], list[str]]:
    """Give a graded assignment the cells that its chapter has now, all or none.

    Args:
        gradebook: nbgrader's, open.
        name: the assignment, whose notebook has the same name.
        cells: what the chapter has now.

    Returns:
        The exercises that came, and those that went.
    """
    old = _graded(gradebook, name)
    if old is None:
        return [], []  # nbgrader starts it anew
    gone, came = list(_gone(old, cells)), list(_new(old, cells))
    gradebook.db.add_all(came)
    for cell in gone:
        for thing in _things(cell):
            gradebook.db.delete(thing)
    for cell in (*gone, *(c for c in old.source_cells if c.name not in cells)):
        gradebook.db.delete(cell)
    names = _exercises(came), _exercises(gone)
    gradebook.db.commit()
    return names


def _graded(gradebook: Any, name: str) -> Any:
    """The notebook as the gradebook has it, where something was submitted."""
    try:
        notebook = gradebook.find_notebook(name, name)
    except MissingEntry:
        return None
    return notebook if notebook.submissions else None


def _gone(old: Any, cells: Cells) -> Iterator[Any]:
    """The cells that hold marks or comments and are not what they were."""
    for role, known in (("grade", old.grade_cells), ("solution", old.solution_cells)):
        yield from (c for c in known if not cells.get(c.name, {}).get(role))


def _new(old: Any, cells: Cells) -> Iterator[Any]:
    """Add the cells that are new, with a place for each student's marks and words."""
    sources = {cell.name for cell in old.source_cells}
    graded = {cell.name for cell in old.grade_cells}
    solutions = {cell.name for cell in old.solution_cells}
    for name, mark in cells.items():
        about = {"name": name, "notebook": old}
        if name not in sources:
            yield SourceCell(**about, cell_type="code", locked=mark["locked"])
        if mark["grade"] and name not in graded:
            cell = GradeCell(**about, cell_type="code", max_score=mark["points"])
            for submission in old.submissions:
                Grade(cell=cell, notebook=submission, needs_manual_grade=True)
            yield cell
        if mark["solution"] and name not in solutions:
            cell = SolutionCell(**about)
            for submission in old.submissions:
                Comment(cell=cell, notebook=submission)
            yield cell


def _exercises(cells: Iterable[Any]) -> list[str]:
    """The exercises that have marks in some of these cells."""
    graded = [cell.name for cell in cells if isinstance(cell, GradeCell)]
    return [name.removeprefix("check_") for name in graded]


def _things(cell: Any) -> list[Any]:
    """What hangs on a cell: a grade or a comment for each submission."""
    return list(cell.grades if isinstance(cell, GradeCell) else cell.comments)


def _by_hand(cell: Any) -> Iterator[Any]:
    for thing in _things(cell):
        if isinstance(thing, Grade):
            given = thing.manual_score is not None or thing.extra_credit
        else:
            given = thing.manual_comment
        if given:
            yield thing

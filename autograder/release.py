"""From a chapter to the notebook that a student gets.

``chapters/NAME.md`` with the answers from ``solutions/`` becomes the instructor's
notebook ``source/NAME/NAME.ipynb``; nbgrader makes ``release/NAME/NAME.ipynb`` of it.
A chapter's cells carry tags only: nbgrader's metadata is made from them here. All
chapters are checked before anything is written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.answers import find_answers, solved
from autograder.chapter import LOCKED, Cell, Exercise, find_exercises, read_chapter
from autograder.course import open_course
from autograder.exercises import UnknownAssignment, assignments, load
from autograder.myst import Place, ReleaseError
from autograder.plain import UNBUILT, Page, split_at_headings
from autograder.progress import say
from autograder.runs import CACHE, Runs, made_from

if TYPE_CHECKING:
    from nbgrader.apps import NbGraderAPI

__all__ = ["ReleaseError", "release"]

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


@dataclass(frozen=True)
class Draft:
    """An assignment that is read and checked, and not yet written."""

    name: str
    notebook: NotebookNode
    """The instructor's, with the answers."""
    exercises: Sequence[Exercise]
    missing: Sequence[str]
    """What its text quotes from a run of its cells, where there is none that holds."""


def release(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """Make ``source/`` and ``release/`` for the named assignments, or for all.

    Args:
        root: the repository.
        names: assignments such as ``03_adam``.

    Returns:
        The students' notebooks.

    Raises:
        ReleaseError: with one line, if there is no such assignment, something in a
            chapter or in its answers is not as it must be, the book was built from
            another state of the chapter, or nbgrader refuses.
    """
    root = root.resolve()
    known = assignments(root)
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none in chapters/"
            raise ReleaseError(f"no assignment {name!r}: there is {there}")
    drafts = [draft(root, name) for name in dict.fromkeys(names or known)]
    _refuse_old_numbers(root, drafts)
    # Importing nbgrader takes a second: a mistake in a chapter is told before.
    course = open_course(root)
    for each in drafts:
        _refuse_loss(course, each)
    return [_publish(course, root, each) for each in drafts]


def draft(root: Path, name: str) -> Draft:
    """Read a chapter and its answers, and check them.

    Raises:
        ReleaseError: if something in them is not as it must be.
    """
    path = root / "chapters" / f"{name}.md"
    cells = read_chapter(root, path)
    exercises = find_exercises(cells)
    _check_points(name, exercises, cells[0].place)
    answers = find_answers(root, name, exercises)
    sources = {each.name: solved(each, answers[each.name]) for each in exercises}
    page = Page(root, path, glued_values(root, name))
    notebook = new_notebook(metadata=_METADATA)
    notebook.cells = list(_notebook_cells(cells, exercises, sources, page))
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number}"  # the same at each release
    return Draft(name, notebook, exercises, page.unbuilt)


def _refuse_old_numbers(root: Path, drafts: Iterable[Draft]) -> None:
    """Raise if the numbers of a book that was built are those of another chapter.

    Where no book was built at all, the notebooks are made without its numbers.
    """
    for each in (each for each in drafts if each.missing):
        count = f"{len(each.missing)} numbers of its text"
        if (root / CACHE).is_dir():
            raise ReleaseError(
                f"{each.name}: its code, or what it runs on, has changed since the book"
                f" was built, and with it {count}: run `make book`, then release again"
            )
        say(
            f"release: {each.name}: {count} read {UNBUILT!r}, since no book is built:"
            " run `make book`, then release again"
        )


def glued_values(root: Path, name: str) -> dict[str, str] | None:
    """What a chapter's cells glued when the book was built, as text.

    None where the book has not been built, or the run no longer holds: the chapter's
    code or something that it ran on has changed since.
    """
    if not (root / CACHE).is_dir():
        return None
    path = root / "chapters" / f"{name}.md"
    text = path.read_text(encoding="utf-8")
    reader = create_nb_reader(str(path), MdParserConfig(), NbParserConfig(), text)
    ran = Runs(root / CACHE).find(made_from(root, path, reader.read(text)))
    if ran is None:
        return None
    values = {}
    for output in (output for cell in ran.cells for output in cell.get("outputs", ())):
        glue = output.get("metadata", {}).get("scrapbook", {})
        mime = f"{glue.get('mime_prefix', '')}text/plain"
        if "name" in glue and mime in output.data:
            values[glue["name"]] = output.data[mime]
    return values


def _notebook_cells(
    cells: Sequence[Cell],
    exercises: Iterable[Exercise],
    sources: Mapping[str, str],
    page: Page,
) -> Iterator[NotebookNode]:
    """The instructor's cells: plain text cut at headings, and marked code."""
    marks = _marks(cells, exercises)
    for cell in cells:
        if cell.kind == "markdown":
            text = page.render(cell.source, cell.place)
            yield from map(new_markdown_cell, split_at_headings(text))
            continue
        metadata = {key: cell.metadata[key] for key in cell.metadata if key != "mystnb"}
        mark = marks.get(cell.place, {})
        if mark:
            metadata["nbgrader"] = mark
        source = sources.get(mark.get("grade_id", ""), cell.source)
        yield new_code_cell(source, metadata=metadata)
        if caption := _figure(cell).get("caption", "").strip():
            text = page.render(caption, _caption_place(cell))
            yield new_markdown_cell(f"**Figure.** {text}")
    if references := page.pending_references():
        yield new_markdown_cell(references)


def _marks(
    cells: Iterable[Cell], exercises: Iterable[Exercise]
) -> dict[Place, dict[str, Any]]:
    """Metadata for nbgrader, for each cell that has a role, by the cell's place."""
    marks: dict[Place, dict[str, Any]] = {}
    remaining, counts = iter(exercises), Counter[str]()
    for cell in (cell for cell in cells if cell.kind == "code"):
        if cell.role == "exercise":
            exercise = next(remaining)
            marks[cell.place] = _mark(exercise.name, solution=True)
        elif cell.role == "check":
            name = f"check_{exercise.name}"
            marks[cell.place] = _mark(name, locked=True, points=exercise.points)
        elif cell.role in LOCKED:
            counts[cell.role] += 1
            name = _figure(cell).get("name", f"{cell.role}-{counts[cell.role]}")
            name = re.sub(
                r"[^\w-]", "-", name, flags=re.ASCII
            )  # all that nbgrader takes
            if name in (mark["grade_id"] for mark in marks.values()):
                place = cell.find(r"^\s+name:")
                raise place.error(f"a second cell is called {name!r}: rename it")
            marks[cell.place] = _mark(name, locked=True)
    return marks


def _mark(
    grade_id: str, solution: bool = False, locked: bool = False, points: int = 0
) -> dict[str, Any]:
    """A cell's metadata in nbgrader's schema; a cell with points is graded."""
    mark = {"grade_id": grade_id, "grade": bool(points), "locked": locked}
    mark |= {"solution": solution, "task": False, "schema_version": 3}
    return mark | {"points": points} if points else mark


def _figure(cell: Cell) -> Mapping[str, Any]:
    """The figure's caption and name that MyST-NB would use, if any."""
    return (cell.metadata.get("mystnb") or {}).get("figure") or {}


def _caption_place(cell: Cell) -> Place:
    """Where a figure's caption begins, which may be below its key."""
    place = cell.find(r"^\s+caption:")
    below = re.search(r"^\s+caption:\s*[|>]", "\n".join(cell.lines), re.MULTILINE)
    return place.down(1) if below else place


def _check_points(name: str, exercises: Iterable[Exercise], place: Place) -> None:
    """Raise if the chapter and ``autograder/exercises`` differ in what is graded."""
    here = {each.name: each for each in exercises}
    try:
        there = {each.name: each.points for each in load(name).exercises}
    except UnknownAssignment:
        there = {}
    for function, exercise in here.items():
        points = there.get(function, "none")
        if exercise.points != points:
            raise exercise.check.find("points-").error(
                f"{function}: {exercise.points} points in the chapter, but {points} in"
                " autograder/exercises"
            )
    for function in sorted(there.keys() - here.keys()):
        raise place.error(
            f"{function}: {there[function]} points in autograder/exercises, but no"
            " exercise in the chapter"
        )


def _cells(new: Draft) -> dict[str, Any]:
    """What nbgrader will know of a draft's cells, by name."""
    marks = [cell.metadata.get("nbgrader") for cell in new.notebook.cells]
    return {mark["grade_id"]: mark for mark in marks if mark}


def _refuse_loss(course: NbGraderAPI, new: Draft) -> None:
    """Raise if an exercise went that a person has graded or commented on."""
    from autograder.changes import kept_by_hand

    with course.gradebook as gradebook:
        kept = kept_by_hand(gradebook, new.name, _cells(new))
    for exercise, students in kept.items():
        raise ReleaseError(
            f"{new.name}: {exercise} is gone from the chapter, but gradebook.db holds"
            f" marks or comments that were given by hand ({', '.join(students)}): bring"
            " it back, or take them out in the formgrader first"
        )


def _follow(course: NbGraderAPI, new: Draft) -> None:
    """Let cells come and go in the gradebook, which nbgrader by itself refuses."""
    from autograder.changes import follow

    with course.gradebook as gradebook:
        came, gone = follow(gradebook, new.name, _cells(new))
    words = [f"{name} is new" for name in came] + [f"{name} is gone" for name in gone]
    if words:
        say(
            f"release: {new.name}: {', '.join(words)}: grade what was handed in once"
            f" more (`python -m autograder class {new.name}`)"
        )


def _publish(course: NbGraderAPI, root: Path, new: Draft) -> Path:
    """Write the instructor's notebook, and let nbgrader make the student's of it."""
    source, target = (
        root / step / new.name / f"{new.name}.ipynb" for step in ("source", "release")
    )
    source.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new.notebook, source)
    _follow(course, new)
    result = course.generate_assignment(new.name)
    if not result["success"]:
        raise ReleaseError(f"{new.name}: nbgrader made no release: {_cause(result)}")
    _refuse_other_stubs(target, new.exercises)
    say(f"release: {new.name}")
    return target


def _cause(result: Mapping[str, Any]) -> str:
    """The first error that nbgrader reports; the last says only that there was one."""
    log: str = result.get("log", "") + result["error"]
    causes: list[str] = re.findall(
        r"^\s*([\w.]+(?:Error|Exception): .+)", log, re.MULTILINE
    )
    return causes[0] if causes else log.strip().splitlines()[-1]


def _refuse_other_stubs(path: Path, exercises: Iterable[Exercise]) -> None:
    """Raise if a student would get another stub than the chapter shows."""
    cells = nbformat.read(path, as_version=4).cells
    found = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in cells}
    for exercise in exercises:
        if found[exercise.name].source != exercise.stub.source:
            raise exercise.stub.place.error(
                f"nbgrader changed the stub of {exercise.name}: let"
                " ClearSolutions.code_stub in nbgrader_config.py end as the stub does"
            )

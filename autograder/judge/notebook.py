"""A student's notebook, taken apart; nothing that it claims about itself is believed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import nbformat

MAX_SIZE = 16 << 20
LOCKED = frozenset({"figure", "experiment", "scale"})
"""The tags of cells that the chapter brings and the judge does not run."""


class NotebookError(Exception):
    """Not a notebook that can be judged; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One code cell: ``exercise`` and ``check`` name the exercise that it belongs to."""

    number: int
    source: str
    exercise: str | None = None
    check: str | None = None

    @property
    def name(self) -> str:
        """What a traceback calls it, and a student would."""
        return f"<cell {self.exercise or self.number}>"


@dataclass(frozen=True)
class Submission:
    """The cells in order, and the exercises that cannot be judged, with the reason."""

    cells: Sequence[Cell]
    missing: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)


def read(data: bytes) -> nbformat.NotebookNode:
    """The notebook in some bytes.

    Raises
    ------
    NotebookError : where it is none.
    """
    if len(data) > MAX_SIZE:
        raise NotebookError(f"it is larger than {MAX_SIZE >> 20} MiB: clear its outputs")
    try:
        notebook = nbformat.reads(data.decode("utf-8"), as_version=4)
        cells = notebook.cells
        if not all(_well_formed(cell) for cell in cells):
            raise NotebookError("one of its cells is malformed")
    except NotebookError:
        raise
    except RecursionError:
        raise NotebookError("it is nested too deeply") from None
    except Exception as error:
        # nbformat and json raise many kinds of errors on what is not a notebook.
        raise NotebookError(f"it is not a notebook ({type(error).__name__})") from None
    return notebook


def take_apart(data: bytes, names: Sequence[str]) -> Submission:
    """Find the exercises ``names`` in a notebook's bytes.

    Raises
    ------
    NotebookError : where it is no notebook.
    """
    notebook = read(data)
    language = _language(notebook)
    if language not in ("", "python", "python3", "ipython"):
        reason = f"the notebook's language is {language}, not Python"
        return Submission([], rejected=dict.fromkeys(names, reason))
    missing, rejected = {}, {}
    for name in names:
        kinds = [c.cell_type for c in notebook.cells if _grade_id(c) == name]
        checks = [c for c in notebook.cells if _grade_id(c) == f"check_{name}"]
        if len(kinds) > 1 or len(checks) > 1:
            twice = name if len(kinds) > 1 else f"check_{name}"
            rejected[name] = f"two cells carry the name {twice}: remove one of them"
        elif not kinds:
            missing[name] = f"no cell of this notebook carries the name {name}"
        elif kinds != ["code"]:
            missing[name] = f"the cell {name} is a {kinds[0]} cell: make it a code cell"
    left = set(names) - set(missing) - set(rejected)
    return Submission(_cells(notebook, left), missing, rejected)


def _cells(notebook: nbformat.NotebookNode, names: Collection[str]) -> list[Cell]:
    """The cells to run, and the places where the exercises are judged."""
    cells = []
    unchecked = set(names)
    for number, cell in enumerate(notebook.cells, start=1):
        grade_id = _grade_id(cell)
        check = grade_id.removeprefix("check_") if grade_id.startswith("check_") else ""
        if check in names:
            cells.append(Cell(number, "", check=check))
            unchecked.discard(check)
        elif cell.cell_type == "code" and not check and not _tags(cell) & LOCKED:
            name = grade_id if grade_id in names else None
            cells.append(Cell(number, cell.source, exercise=name))
    # A check cell that was deleted: the function as it stands at the end.
    end = len(notebook.cells) + 1
    return cells + [Cell(end, "", check=name) for name in sorted(unchecked)]


def _well_formed(cell: Any) -> bool:
    return isinstance(cell.source, str) and isinstance(cell.cell_type, str)


def _grade_id(cell: Any) -> str:
    about = cell.get("metadata", {}).get("nbgrader", {})
    grade_id = about.get("grade_id", "") if isinstance(about, dict) else ""
    return grade_id if isinstance(grade_id, str) else ""


def _tags(cell: Any) -> set[str]:
    tags = cell.get("metadata", {}).get("tags", [])
    return {tag for tag in tags if isinstance(tag, str)} if type(tags) is list else set()


def _language(notebook: Any) -> str:
    """What the notebook says of its language; nothing where it does not."""
    about = notebook.get("metadata", {})
    for key, inner in (("language_info", "name"), ("kernelspec", "language")):
        value = about.get(key, {})
        value = value.get(inner, "") if isinstance(value, dict) else ""
        if isinstance(value, str) and value:
            return value.lower()
    return ""

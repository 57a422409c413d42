"""A student's notebook, taken apart; what it claims about itself is not believed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_SIZE = 16 << 20
MAX_PARTS = 500_000
"""Objects and lists in a notebook: as JSON they take far less memory than as Python."""
LOCKED = frozenset({"figure", "experiment", "scale"})
"""The tags of cells that the chapter brings; of those the judge makes imports alone."""


class NotebookError(Exception):
    """Not a notebook that can be judged; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One cell; ``exercise`` and ``check`` name the exercise that it belongs to.

    An ``offered`` one does not run: its imports are made once another cell uses them.
    """

    number: int
    source: str
    exercise: str | None = None
    check: str | None = None
    offered: bool = False

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


def read(data: bytes) -> dict[str, Any]:
    """The notebook in some bytes, as format 4 has it, each source one string.

    Raises:
        NotebookError: where it is none.
    """
    if len(data) > MAX_SIZE:
        raise NotebookError(
            f"it is larger than {MAX_SIZE >> 20} MiB: clear its outputs"
        )
    if data.count(b"{") + data.count(b"[") > MAX_PARTS:
        raise NotebookError(f"it has more than {MAX_PARTS} parts: clear its outputs")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except RecursionError:
        raise NotebookError("it is nested too deeply") from None
    except ValueError:
        raise NotebookError("it is not a notebook: its text is not JSON") from None
    if type(notebook) is dict and notebook.get("nbformat") in (1, 2, 3):
        notebook = _upgraded(data)
    if type(notebook) is not dict or type(notebook.get("cells")) is not list:
        raise NotebookError("it is not a notebook: it has no list of cells")
    notebook["cells"] = [_tidy(cell) for cell in notebook["cells"]]
    return notebook


def _upgraded(data: bytes) -> Any:
    """An older notebook, brought to format 4."""
    # Only here: importing nbformat takes longer than judging does.
    import nbformat

    try:
        return json.loads(json.dumps(nbformat.reads(data.decode(), 4)))
    except Exception as error:
        # An old notebook can be broken in any way; nbformat does not say in which.
        text = f"its old format cannot be read ({type(error).__name__})"
        raise NotebookError(text) from None


def _tidy(cell: Any) -> dict[str, Any]:
    """A cell with its source as one string."""
    if type(cell) is dict and type(cell.get("cell_type")) is str:
        source = cell.get("source")
        lines: list[Any] = source if type(source) is list else [source]
        if all(type(line) is str for line in lines):
            return {**cell, "source": "".join(lines)}
    raise NotebookError("it is not a notebook: one of its cells is malformed")


def take_apart(data: bytes, names: Sequence[str]) -> Submission:
    """Find the exercises ``names`` in a notebook's bytes.

    Raises:
        NotebookError: where it is no notebook.
    """
    notebook = read(data)
    language = _language(notebook)
    if language not in ("", "python", "python3", "ipython"):
        reason = f"the notebook's language is {language[:40]!r}, not Python"
        return Submission([], rejected=dict.fromkeys(names, reason))
    missing, rejected = {}, {}
    for name in names:
        kinds = [c["cell_type"] for c in notebook["cells"] if grade_id_of(c) == name]
        checks = [c for c in notebook["cells"] if grade_id_of(c) == f"check_{name}"]
        if len(kinds) > 1 or len(checks) > 1:
            twice = name if len(kinds) > 1 else f"check_{name}"
            rejected[name] = f"two cells carry the name {twice}: remove one of them"
        elif not kinds:
            missing[name] = f"no cell of this notebook carries the name {name}"
        elif kinds != ["code"]:
            kind = f"{kinds[0][:40]!r}"
            missing[name] = f"the cell {name} is of type {kind}: make it a code cell"
    left = set(names) - set(missing) - set(rejected)
    return Submission(_cells(notebook, left), missing, rejected)


def _cells(notebook: dict[str, Any], names: Collection[str]) -> list[Cell]:
    """The cells to run, and the places where the exercises are judged."""
    cells = []
    unchecked = set(names)
    for number, cell in enumerate(notebook["cells"], start=1):
        grade_id = grade_id_of(cell)
        check = grade_id.removeprefix("check_") if grade_id.startswith("check_") else ""
        if check in names:
            cells.append(Cell(number, "", check=check))
            unchecked.discard(check)
        elif cell["cell_type"] == "code" and not check:
            name = grade_id if grade_id in names else None
            offered = name is None and bool(_tags(cell) & LOCKED)
            cells.append(Cell(number, cell["source"], exercise=name, offered=offered))
    # A check cell that was deleted: the function as it stands at the end.
    end = len(notebook["cells"]) + 1
    return cells + [Cell(end, "", check=name) for name in sorted(unchecked)]


def grade_id_of(cell: dict[str, Any]) -> str:
    """The name that a cell carries for nbgrader; empty where it carries none."""
    grade_id = _within(cell, "metadata", "nbgrader", "grade_id")
    return grade_id if type(grade_id) is str else ""


def _tags(cell: dict[str, Any]) -> set[str]:
    tags = _within(cell, "metadata", "tags")
    return {tag for tag in tags if type(tag) is str} if type(tags) is list else set()


def _language(notebook: dict[str, Any]) -> str:
    """What the notebook says of its language; nothing where it does not."""
    for path in (("language_info", "name"), ("kernelspec", "language")):
        value = _within(notebook, "metadata", *path)
        if type(value) is str and value:
            return value.lower()
    return ""


def _within(item: Any, *keys: str) -> Any:
    """What lies under some keys, one inside the other; None where nothing does."""
    for key in keys:
        item = item.get(key) if type(item) is dict else None
    return item

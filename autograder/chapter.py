"""A chapter's cells, and the exercises that their tags make of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupytext.myst import MystMetadataParsingError, myst_to_notebook

from autograder.myst import Place

LOCKED = ("figure", "experiment", "scale")
"""Tags of cells that students see but do not edit, and that the judge does not run."""

ROLES = ("exercise", "check", *LOCKED)
"""The tags that give a cell its role; a cell has one of them at most."""


@dataclass(frozen=True)
class Cell:
    """A cell of a chapter, and where it begins."""

    kind: str
    """``markdown`` or ``code``."""
    source: str
    metadata: Mapping[str, Any]
    place: Place
    """Where its first line stands: of code, the fence."""
    lines: Sequence[str]
    """All of its lines in the file."""

    def find(self, pattern: str) -> Place:
        """The first line that matches; where none does, the cell's first one."""
        for number, line in enumerate(self.lines):
            if re.search(pattern, line):
                return self.place.down(number)
        return self.place

    def source_line(self, number: int) -> Place:
        """Where a line of its source stands, which are counted from 1."""
        source = self.source.splitlines()
        for start in range(len(self.lines) - len(source) + 1):
            if list(self.lines[start : start + len(source)]) == source:
                return self.place.down(start + number - 1)
        return self.place

    @property
    def tags_place(self) -> Place:
        """Where the tags stand."""
        return self.find("^:?tags:")

    @property
    def tags(self) -> list[str]:
        """The cell's tags, as the chapter lists them."""
        return list(self.metadata.get("tags") or ())

    @property
    def role(self) -> str:
        """The one tag of `ROLES` that the cell has, or nothing."""
        return next((role for role in ROLES if role in self.tags), "")


@dataclass(frozen=True)
class Exercise:
    """An exercise of a chapter: the cell with its stub, and what its check is worth."""

    name: str
    stub: Cell
    check: Cell
    points: int


def read_chapter(root: Path, path: Path) -> list[Cell]:
    """Cut a chapter into its cells; the first one has the chapter's title.

    Raises:
        ReleaseError: if the file is no MyST notebook, or the title is missing.
    """
    file = path.relative_to(root).as_posix()
    text = path.read_text(encoding="utf-8")
    try:
        notebook = myst_to_notebook(text, add_source_map=True)
    except MystMetadataParsingError as error:
        found = re.search(r"at line (\d+)", str(error))
        place = Place(file, int(found[1]) if found else 1)
        raise place.error(str(error)) from None
    lines = text.splitlines()
    starts = [
        # Of text jupytext says where the cell before it ends, and counts from zero.
        line if cell.cell_type != "markdown" else _next_line(lines, line)
        for cell, line in zip(
            notebook.cells, notebook.metadata["source_map"], strict=True
        )
    ]
    cells = []
    ends = [*starts[1:], len(lines) + 1]
    for cell, start, end in zip(notebook.cells, starts, ends, strict=True):
        place = Place(file, start)
        if cell.cell_type == "raw":
            raise place.error("a raw cell has no place in a student's notebook")
        own = lines[start - 1 : end - 1]
        cells.append(Cell(cell.cell_type, cell.source, cell.metadata, place, own))
    if not cells or not re.match(r"(\(.*\)=\s+)?# ", cells[0].source):
        raise Place(file, 1).error("a chapter begins with its title: # ...")
    return cells


def _next_line(lines: Sequence[str], after: int) -> int:
    """The number of the first line with text on it, behind so many."""
    return 1 + next(i for i in range(after, len(lines)) if lines[i].strip())


def find_exercises(cells: Sequence[Cell]) -> list[Exercise]:
    """Pair each stub with the check that follows it.

    Raises:
        ReleaseError: if a cell is tagged wrongly, a stub is not one, an exercise has no
            check right after it or the check no points, or two have one name.
    """
    exercises: list[Exercise] = []
    code = [cell for cell in cells if cell.kind == "code"]
    for cell, following in zip(code, [*code[1:], None], strict=True):
        _refuse_tags(cell)
        if cell.role != "exercise":
            continue
        name = stub_of(cell).name
        if name in (exercise.name for exercise in exercises):
            raise cell.place.error(f"a second exercise is called {name}: rename it")
        if following is None or following.role != "check":
            raise cell.place.error(
                f"exercise {name} has no check: let a cell tagged check and points-N"
                f" follow it, with check({name})"
            )
        points = _points(following, name)
        exercises.append(Exercise(name, cell, following, points))
    if sum(cell.role == "check" for cell in code) > len(exercises):
        raise _stray_check(code).place.error("a check without an exercise before it")
    return exercises


def stub_of(cell: Cell) -> ast.FunctionDef:
    """The function that an exercise's cell defines.

    Raises:
        ReleaseError: if it is anything but ``@exercise``, one function with nothing but
            a docstring, and ``raise NotImplementedError`` as its last line.
    """
    try:
        body = ast.parse(cell.source).body
    except SyntaxError as error:
        place = cell.source_line(error.lineno or 1)
        raise place.error(f"exercise: {error.msg}") from None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        raise cell.place.error("an exercise's cell defines one function and no more")
    stub = body[0]
    if [ast.unparse(decorator) for decorator in stub.decorator_list] != ["exercise"]:
        raise cell.place.error(
            f"exercise {stub.name}: decorate it with @exercise alone"
        )
    inside = [ast.unparse(statement) for statement in without_docstring(stub)]
    last = cell.source.rstrip().rpartition("\n")[2].strip()
    if inside != ["raise NotImplementedError"] or last != inside[0]:
        raise cell.place.error(
            f"exercise {stub.name}: below the docstring the stub is one line,"
            " raise NotImplementedError"
        )
    return stub


def without_docstring(function: ast.FunctionDef) -> list[ast.stmt]:
    """The statements of a function's body, its docstring left out."""
    return function.body[ast.get_docstring(function, clean=False) is not None :]


def _points(cell: Cell, name: str) -> int:
    """What a check cell is worth, once it is clear that it checks this function."""
    if list(_checked(cell.source)) != [name]:
        raise cell.place.error(f"the check that follows {name} must call check({name})")
    points = [tag.removeprefix("points-") for tag in cell.tags if "points-" in tag]
    if len(points) != 1 or not re.fullmatch("[1-9][0-9]*", points[0]):
        raise cell.tags_place.error(
            f"check of {name}: give it one tag points-N, N from 1"
        )
    return int(points[0])


def _refuse_tags(cell: Cell) -> None:
    """Raise if a code cell's tags do not agree, or do not fit what the cell does."""
    roles = [tag for tag in cell.tags if tag in ROLES]
    if len(roles) > 1:
        raise cell.tags_place.error(
            f"a cell has one of the tags {', '.join(roles)} only"
        )
    if cell.role != "check" and any(tag.startswith("points-") for tag in cell.tags):
        raise cell.tags_place.error("points-N belongs on a cell that is tagged check")
    if not roles and re.search(r"^@exercise\b", cell.source, re.MULTILINE):
        raise cell.place.error("a cell with @exercise needs the tag exercise")
    if cell.role != "check" and list(_checked(cell.source)):
        raise cell.place.error("a cell that calls check(...) needs the tag check")


def _checked(source: str) -> Iterator[str]:
    """The names that a cell hands to ``check``."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with a magic command
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "check":
            yield ", ".join(ast.unparse(argument) for argument in node.args)


def _stray_check(code: Sequence[Cell]) -> Cell:
    """The first check whose predecessor is no exercise."""
    before = [None, *code[:-1]]
    return next(
        cell
        for cell, above in zip(code, before, strict=True)
        if cell.role == "check" and (above is None or above.role != "exercise")
    )

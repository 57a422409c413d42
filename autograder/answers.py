"""The instructor's answers, and an exercise's cell with its answer in it."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.chapter import Exercise, stub_of, without_docstring
from autograder.myst import ReleaseError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
"""Between these lines nbgrader puts the stub in the answer's place."""


@dataclass(frozen=True)
class Answer:
    """A function of ``solutions/``."""

    file: str
    node: ast.FunctionDef
    lines: Sequence[str]

    @property
    def body(self) -> list[str]:
        """The lines below the signature and the docstring, comments included."""
        documented = self.node.body[0] not in without_docstring(self.node)
        if documented:
            start = self.node.body[0].end_lineno or 0
        else:
            start = self.node.body[0].lineno - 1
            while re.fullmatch(r"\s*(#.*)?", self.lines[start - 1]):
                start -= 1
        return list(self.lines[start : self.node.end_lineno])


def find_answers(
    root: Path, name: str, exercises: Sequence[Exercise]
) -> dict[str, Answer]:
    """The answers to an assignment's exercises, by the function's name.

    Raises:
        ReleaseError: if one is missing, or the module defines more than answers: a
            student's notebook would not have the rest.
    """
    path = root / "solutions" / f"{name.partition('_')[2]}.py"
    file = path.relative_to(root).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
    except FileNotFoundError:
        raise ReleaseError(f"{name} has no answers: write {file}") from None
    except SyntaxError as error:
        raise ReleaseError(f"{file}:{error.lineno}: {error.msg}") from None
    wanted = {exercise.name for exercise in exercises}
    found = {}
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            found[node.name] = Answer(file, node, text.splitlines())
        elif not _is_harmless(node):
            raise ReleaseError(
                f"{file}:{node.lineno}: only imports and the functions that {name} asks"
                " for may stand here, since a notebook would lack the rest"
            )
    for exercise in exercises:
        if exercise.name not in found:
            raise exercise.stub.place.error(f"{file} has no {exercise.name}: write it")
    return found


def solved(exercise: Exercise, answer: Answer) -> str:
    """The source of an exercise's cell with the answer where the stub raises.

    Raises:
        ReleaseError: if stub and answer differ in their parameters, or the answer's
            lines do not fit below the stub's signature.
    """
    stub = stub_of(exercise.stub)
    asked, given = _signature(stub), _signature(answer.node)
    if asked != given:
        raise exercise.stub.place.error(
            f"{exercise.name}{asked} in the stub, but {given} in {answer.file}"
        )
    above, _, last = exercise.stub.source.rstrip().rpartition("\n")
    indent = last[: len(last) - len(last.lstrip())]
    lines = [above, indent + BEGIN, *answer.body, indent + END]
    source = "\n".join(lines)
    if not _does_the_same(source, answer.node):
        raise ReleaseError(
            f"{answer.file}:{answer.node.lineno}: {exercise.name}: begin the body on a"
            f" line of its own, indented as the stub is, by {len(indent)} spaces"
        )
    return source


def _is_harmless(node: ast.stmt) -> bool:
    """Whether a statement is an import or a docstring."""
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def _signature(function: ast.FunctionDef) -> str:
    """Names, order and defaults of the parameters; annotations do not count."""
    arguments = copy.deepcopy(function.args)
    for node in ast.walk(arguments):
        if isinstance(node, ast.arg):
            node.annotation = None
    return f"({ast.unparse(arguments)})"


def _does_the_same(source: str, answer: ast.FunctionDef) -> bool:
    """Whether a cell's one function has the statements of the answer."""
    try:
        (function,) = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    assert isinstance(function, ast.FunctionDef)
    return _dump(function) == _dump(answer)


def _dump(function: ast.FunctionDef) -> list[str]:
    return [ast.dump(statement) for statement in without_docstring(function)]

"""What ties a notebook to the course: ``@exercise``, ``recall`` and ``glue``."""

from __future__ import annotations

import ast
import contextlib
import copy
import importlib
import json
import os
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

SOLUTIONS = "DESCENTLAB_SOLUTIONS"
"""While the book is built, this environment variable names the solutions' folder."""


class NotProvided(LookupError):
    """A function of an earlier chapter is not there; the message says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message alone, since no line is at fault."""
        return [str(self)]


def exercise(function: Function) -> Function:
    """Mark a function as the learner's answer to the exercise of its name.

    In a notebook the function stays as it is. While the book is built, the
    instructor's solution stands in for it, so that the page's figures can be drawn;
    the environment variable ``DESCENTLAB_SOLUTIONS`` alone decides that.
    """
    folder = os.environ.get(SOLUTIONS)
    return _solution(Path(folder), function.__name__) if folder else function


def recall(assignment: str, name: str) -> Callable[..., Any]:
    """Bring a function that the learner wrote in an earlier chapter.

    Args:
        assignment: the chapter's name, such as ``"02_rmsprop"``.
        name: the function's name, such as ``"rmsprop_step"``.

    Returns:
        The function from the notebook ``assignment.ipynb`` beside this one (in the same
        folder, or in ``../assignment/``). Of that notebook only the imports, the
        functions and the constants are run, no figure and no training.

    Raises:
        NotProvided: with one line that says how to provide the function.
    """
    folder = os.environ.get(SOLUTIONS)
    if folder:
        found: Callable[..., Any] = _solution(Path(folder), name)
        return found
    places = [
        Path(f"{assignment}.ipynb"),
        Path("..", assignment, f"{assignment}.ipynb"),
    ]
    for place in places:
        if place.is_file():
            return _from_notebook(place, name)
    raise NotProvided(
        f"recall needs {name} from chapter {assignment}: put your {assignment}.ipynb"
        " beside this notebook, or define the function in a cell above"
    )


def glue(name: str, value: Any, display: bool = False) -> None:
    """Give the book's prose a number that this notebook computed.

    Outside the book there is no prose to feed, and the call does nothing.
    """
    if os.environ.get(SOLUTIONS):
        importlib.import_module("myst_nb").glue(name, value, display=display)


def _solution(folder: Path, name: str) -> Any:
    """The function ``name`` from the one module in ``folder`` that defines it."""
    for path in sorted(folder.glob("*.py")):
        if f"def {name}(" in path.read_text(encoding="utf-8"):
            return runpy.run_path(str(path))[name]
    raise LookupError(f"no solution of {name} in {folder}: write it there")


def _from_notebook(path: Path, name: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {"np": np, "exercise": exercise}
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except OSError as error:
        raise NotProvided(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise NotProvided(f"{path} is not a notebook: {error!r}") from None
    for source in sources:
        _run_definitions(source, namespace)
    function: Callable[..., Any] | None = namespace.get(name)
    if not callable(function):
        raise NotProvided(f"{path} defines no function {name}: write it there first")
    code = getattr(function, "__code__", None)
    if code is not None and "NotImplementedError" in code.co_names:  # the stub
        raise NotProvided(
            f"{name} in {path} is not written yet: do that exercise first"
        )
    return function


def _run_definitions(source: str, namespace: dict[str, Any]) -> None:
    """Run a cell's imports, functions, classes and constants, one after the other."""
    for statement in _statements(source):
        if isinstance(statement, _DEFINITIONS) and not _calls(statement):
            code = compile(ast.Module([statement], []), "<notebook>", "exec")
            # Half-written code matters only if the function needs it, and then the
            # call says so.
            with contextlib.suppress(Exception):
                exec(code, namespace)


def _statements(source: str) -> Iterator[ast.stmt]:
    """A cell's statements, with imports of several names taken apart."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        try:
            body = ast.parse(_MAGIC.sub(r"\1pass", source)).body
        except (SyntaxError, ValueError):
            return
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for alias in statement.names:
                one = copy.copy(statement)
                one.names = [alias]
                yield one
        else:
            yield statement


_MAGIC = re.compile(r"^(\s*)(?:[\w, ]+=\s*[%!]|[%!?]|[\w.]+\?).*$", re.MULTILINE)
"""A line that means something to IPython, and nothing to Python."""

_DEFINITIONS = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef),
    *(ast.Assign, ast.AnnAssign),
)


def _calls(statement: ast.AST) -> bool:
    """Whether a definition calls something as it is made: it may train for a minute."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Lambda):
        return False
    parts = ast.iter_child_nodes(statement)
    return isinstance(statement, ast.Call) or any(map(_calls, parts))

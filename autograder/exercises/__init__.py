"""The exercises of the course, by assignment."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.judge import Exercise
from autograder.places import located


class UnknownAssignment(LookupError):
    """No such assignment; the message lists those that there are."""


@dataclass(frozen=True)
class Assignment:
    """The exercises of one chapter, in the chapter's order."""

    name: str
    exercises: Sequence[Exercise]


def assignments(root: Path) -> list[str]:
    """The names of the assignments: the numbered chapters of the course at ``root``."""
    return sorted(path.stem for path in (root / "chapters").glob("[0-9][0-9]_*.md"))


def load(name: str) -> Assignment:
    """The exercises of an assignment.

    Args:
        name: the chapter's stem, such as ``"03_adam"``.

    Raises:
        UnknownAssignment: where there is no such assignment.
    """
    match = re.fullmatch(r"\d\d_([a-z_]+)", name)
    path = Path(__file__).with_name(f"{match[1]}.py") if match else None
    if match is None or path is None or not path.is_file() or match[1] == "draw":
        raise UnknownAssignment(f"no assignment {name!r}: try one like '03_adam'")
    module = importlib.import_module(f"autograder.exercises.{match[1]}")
    if name != module.ASSIGNMENT:
        raise UnknownAssignment(f"no assignment {name!r}: it is {module.ASSIGNMENT!r}")
    return Assignment(name, [located(each, name) for each in module.EXERCISES])

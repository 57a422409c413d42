"""A new term: the class that is there is put away whole, and the next one begins.

The sample class that ``make course`` grades is put away in the same way.
"""

from __future__ import annotations

import re
from pathlib import Path

from autograder.classroom import alone
from autograder.course import CourseError

TERMS = "terms"
"""The folder of the classes that were put away; git ignores it."""
CLASS = ("submitted", "autograded", "feedback", "downloaded", "gradebook.db")
"""What belongs to one class. Key, verdicts and releases serve the next one too."""


def put_away(root: Path, name: str) -> Path:
    """Move a class to ``terms/NAME`` and leave an empty ``submitted/``.

    What was moved before an interruption stays there: the same again does the rest.

    Args:
        root: the course.
        name: how the class that is over is to be called.

    Returns:
        The folder that it lies in.

    Raises:
        CourseError: if the name is none, is taken, or something cannot be moved.
    """
    if not re.fullmatch(r"\w[\w. -]*", name):
        raise CourseError(f"{name!r} is no name for a folder: try one like 2026-autumn")
    target = root / TERMS / name
    with alone(root):
        there = [item for item in CLASS if (root / item).exists()]
        taken = [item for item in there if (target / item).exists()]
        if taken:
            raise CourseError(f"{target} has a class already: choose another name")
        try:
            target.mkdir(parents=True, exist_ok=True)
            for item in there:
                (root / item).rename(target / item)
            (root / "submitted").mkdir()
        except OSError as error:
            where = error.filename or target
            raise CourseError(f"{where} cannot be moved: {error.strerror}") from None
    return target

"""What lies in an assignment's folders: handed in, graded, told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from autograder.exercises import assignments
from autograder.outcomes import Outcome, read_outcome
from autograder.verdicts import FOLDER, NAMED, Verdicts, handed_in

NOTEBOOKS = (".ipynb", ".zip")
"""How the name of a file ends that a student may have meant to hand in."""


class FileFault(Exception):
    """A file of a submission that cannot be used; the message says what to do."""


class Folders:
    """One assignment's files in nbgrader's folders, by the student's name."""

    def __init__(self, root: Path, assignment: str, verdicts: Verdicts) -> None:
        self.root = root
        self.assignment = assignment
        self.verdicts = verdicts

    def file(self, folder: str, student: str) -> Path:
        """A student's notebook in one of the folders."""
        name = self.assignment
        return self.root / folder / student / name / f"{name}.ipynb"

    def students(self) -> list[str]:
        """Who has handed in."""
        return [s for s in self._all() if self.file("submitted", s).is_file()]

    def strays(self) -> list[str]:
        """What cannot be graded where it lies, each with a word on it."""
        return [*self._misnamed(), *self._misplaced(), *self._unfit()]

    def _misnamed(self) -> Iterator[str]:
        """Whose folder has no notebook of the right name, and what it has."""
        for student in self._all():
            file = self.file("submitted", student)
            if not file.is_file():
                found = sorted(p for p in file.parent.rglob("*") if not p.is_dir())
                names = [ascii_if_unfit(p.relative_to(file.parent)) for p in found[:3]]
                has = f" ({', '.join(names)})" if names else ""
                yield f"{student} has no {file.name}{has}"

    def _misplaced(self) -> Iterator[str]:
        """Notebooks in a folder that is not named like an assignment, or in none."""
        known, submitted = assignments(self.root), self.root / "submitted"
        for path in sorted(submitted.rglob("*")):
            parts = path.relative_to(submitted).parts
            own = len(parts) > 2 and parts[1] in known
            hidden = any(part.startswith(".") for part in parts)
            if path.suffix in NOTEBOOKS and not (own or hidden or path.is_dir()):
                file = ascii_if_unfit(path.relative_to(self.root))
                yield f"{file} is not in submitted/STUDENT/ASSIGNMENT/"

    def _unfit(self) -> Iterator[str]:
        for student in self._students():
            if unfit(student):
                yield f"submitted/{ascii(student)[1:-1]} is no name for a student"

    def recorded(self, student: str) -> Outcome | None:
        """What the autograded notebook says, if it is on what is handed in now.

        nbgrader writes it last: then the gradebook has heard of it.
        """
        submitted = self.file("submitted", student)
        autograded = self.file("autograded", student)
        try:
            notebook = json.loads(autograded.read_text(encoding="utf-8"))
            name = self.verdicts.name(self.assignment, handed_in(submitted))
            same = notebook["metadata"][NAMED] == name
            if same and _time(submitted) == _time(autograded):
                return read_outcome(notebook)
        except (OSError, ValueError, LookupError, TypeError):
            # Not there, or not whole: then it is written again.
            pass
        return None

    @property
    def by_hand(self) -> Path:
        """The file that keeps what a person had given when pages were written."""
        return self.root / FOLDER / f"by-hand-{self.assignment}.json"

    def told_by_hand(self) -> dict[str, list[str]]:
        """What a person had given, by student, when their pages were written."""
        try:
            return dict(json.loads(self.by_hand.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return {}  # then pages that hold such things are written once more

    def told(self, student: str) -> bool:
        """Whether a student's page is whole, and not older than the marks."""
        page = self.file("feedback", student).with_suffix(".html")
        marked = self.file("autograded", student)
        try:
            whole = page.read_bytes().rstrip().endswith(b"</html>")
            return whole and page.stat().st_mtime_ns >= marked.stat().st_mtime_ns
        except OSError:
            return False

    def _all(self) -> list[str]:
        """Who has a folder for the assignment."""
        return [student for student in self._students() if not unfit(student)]

    def _students(self) -> list[str]:
        paths = self.root.glob(f"submitted/*/{self.assignment}")
        return sorted(path.parent.name for path in paths if path.is_dir())


def unfit(name: str) -> bool:
    """Whether nbgrader cannot take a folder's name for a student's.

    That is one of bytes that are no UTF-8, as old archives have it, or in two lines.
    """
    return any(ord(sign) < 32 or "\ud800" <= sign <= "\udfff" for sign in name)


def ascii_if_unfit(path: Path) -> str:
    """A path that can be printed, in one line."""
    return ascii(str(path))[1:-1] if unfit(str(path)) else str(path)


def _time(notebook: Path) -> str | None:
    """When it was handed in, as the file beside it says."""
    try:
        return notebook.with_name("timestamp.txt").read_text(errors="replace").strip()
    except FileNotFoundError:
        return None

"""What lies in an assignment's folders: handed in, graded, told."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.outcomes import Outcome, read_outcome
from autograder.verdicts import NAMED, Verdicts, handed_in


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
        """Whose submission has no notebook of the right name."""
        return [s for s in self._all() if not self.file("submitted", s).is_file()]

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
        paths = self.root.glob(f"submitted/*/{self.assignment}")
        return sorted(path.parent.name for path in paths if path.is_dir())


def _time(notebook: Path) -> str | None:
    """When it was handed in, as the file beside it says."""
    try:
        return notebook.with_name("timestamp.txt").read_text(errors="replace").strip()
    except FileNotFoundError:
        return None

"""Verdicts on whatever was handed in, and those that were reached before."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from autograder.course import ROOT, CourseError, key
from autograder.exercises import load
from autograder.grade import grade
from autograder.judge import ExerciseVerdict, NotebookError, Verdict
from autograder.judge.evaluate import without_marks
from autograder.judge.notebook import MAX_SIZE
from autograder.judge.sandbox import PACKAGES
from descentlab.report import Line, Report

FOLDER = ".verdicts"
NAMED = "verdict"
"""Where an autograded notebook's metadata name the verdict that it holds."""
HERE = Path(__file__).resolve().parent


class Verdicts:
    """The verdicts kept in a course's folder.

    A verdict's name is a keyed hash of the notebook and of the judge: its checks, its
    own code, the versions of Python and of what a student's code may import. So a
    changed notebook or a changed check finds nothing and is judged anew, and nobody
    without the key can plant a verdict for a notebook of their own.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.folder = root / FOLDER
        self.key = key(root)
        self.fleeting: dict[str, Verdict] = {}

    def on(self, assignment: str, data: bytes) -> tuple[str, Verdict]:
        """The name of the verdict on a notebook's bytes, and the verdict.

        Raises:
            UnknownAssignment, SandboxError, CourseError: with one line each.
        """
        name = self.name(assignment, data)
        verdict = self.find(name)
        if verdict is None:
            verdict = reach(assignment, data, self.root)
            self.keep(name, verdict)
        return name, verdict

    def name(self, assignment: str, data: bytes) -> str:
        """The name of the verdict on a notebook's bytes."""
        # Reports say where in the chapter to look: equations may get other numbers.
        places = repr([(e.where, e.link) for e in load(assignment).exercises])
        about = [assignment, fingerprint(), places]
        message = b"\0".join([*(words.encode() for words in about), data])
        return hmac.new(self.key, message, hashlib.sha256).hexdigest()

    def find(self, name: str) -> Verdict | None:
        """The verdict of that name, if it is there and whole."""
        if name in self.fleeting:
            return self.fleeting[name]
        try:
            return _from_record(json.loads(self._path(name).read_text("utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            # Not there, or cut short by a full disk: then it is reached again.
            return None

    def keep(self, name: str, verdict: Verdict) -> None:
        """Keep a verdict, whole or not at all.

        One that ran out of time is known to this object alone: the machine may have
        been busy, and the next run is to try again.

        Raises:
            CourseError: if the disk does not take it.
        """
        if any(one.out_of_time for one in verdict.exercises.values()):
            self.fleeting[name] = verdict
            return
        path = self._path(name)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(asdict(verdict)), encoding="utf-8")
            draft.replace(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise CourseError(
                f"no verdict can be kept in {self.folder}: {reason}"
            ) from None
        finally:
            with suppress(OSError):
                draft.unlink()

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"


def reach(assignment: str, data: bytes, root: Path = ROOT) -> Verdict:
    """Judge what was handed in; a file that is no notebook has its exercises rejected.

    Raises:
        UnknownAssignment, SandboxError, CourseError: with one line each.
    """
    try:
        return grade(assignment, data, root)
    except NotebookError as error:
        exercises = load(assignment).exercises
        rejected = {e.name: without_marks(e, "rejected", str(error)) for e in exercises}
        return Verdict(assignment, rejected)


def handed_in(path: Path) -> bytes:
    """The bytes of a submission, as far as the judge cares: it takes none so long.

    A link is taken for the text that it is, and not followed: what it leads to, such as
    a neighbour's notebook or the solution, was not handed in.
    """
    for place in (path, path.parent):
        if place.is_symlink():
            return os.fsencode(os.readlink(place))
    with path.open("rb") as file:
        return file.read(MAX_SIZE + 1)


@cache
def fingerprint() -> str:
    """A hash of all that a verdict depends on, but for the notebook and the key."""
    versions = [platform.python_version(), *map(metadata.version, PACKAGES)]
    digest = hashlib.sha256(" ".join(versions).encode())
    folders = [HERE / "judge", HERE / "exercises", HERE / "reference"]
    folders.append(HERE.parent / "descentlab")
    paths = [path for folder in folders for path in folder.glob("*.py")]
    for path in sorted([*paths, HERE / "grade.py", HERE / "verdicts.py"]):
        code = path.read_bytes()
        digest.update(f"\0{path.parent.name}/{path.name} {len(code)}\0".encode() + code)
    return digest.hexdigest()


def _from_record(record: dict[str, Any]) -> Verdict:
    exercises = {
        name: ExerciseVerdict(**{**one, "report": _report(one["report"])})
        for name, one in record["exercises"].items()
    }
    return Verdict(record["assignment"], exercises)


def _report(record: dict[str, Any]) -> Report:
    lines = [Line(**line) for line in record["lines"]]
    facts = [(name, value) for name, value in record["facts"]]
    return Report(**{**record, "lines": lines, "facts": facts})

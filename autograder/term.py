"""A new term: the class that is there is put away whole, and the next one begins.

The sample class that ``make course`` grades is put away in the same way.

It is one step, though it takes many: what is to be done is written down first, in
``terms/.unfinished``, and crossed out as it is done. Whatever stops it, a full disk
or a power cut, the same command again does the rest, and until then no other command
touches the class.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from autograder.course import GRADEBOOK, CourseError, gradebook_url, open_course
from autograder.exercises import assignments
from autograder.lock import alone

TERMS = "terms"
"""The folder of the classes that were put away; git ignores it."""
PLAN = ".unfinished"
"""The file in that folder that says what is left to do."""
CLASS = (
    "submitted",
    "autograded",
    "feedback",
    "downloaded",
    # What SQLite keeps beside a gradebook whose writer was killed.
    *(f"{GRADEBOOK}{end}" for end in ("-journal", "-wal", "-shm", "")),
)
"""What belongs to one class. Key, verdicts and releases serve the next one too."""
UNMOVED = frozenset((errno.EXDEV, errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST))
"""Errors of a folder that cannot be renamed, and whose contents can be moved: it is on
another file system, or one is mounted there, or a part was moved before."""


@dataclass
class Plan:
    """What is left to do until a class is put away under a name."""

    name: str
    left: list[str]
    """What is still to be moved; then comes the new gradebook."""

    def write(self, root: Path) -> None:
        """Write it down, whole or not at all."""
        path = root / TERMS / PLAN
        draft = path.with_name(f"{PLAN}.part")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
            _to_disk(file)
        draft.replace(path)


def put_away(root: Path, name: str) -> Path:
    """Move a class to ``terms/NAME`` and begin a new one, with nothing handed in.

    If this is stopped at any moment, the same again does the rest.

    Args:
        root: the course.
        name: how the class that is over is to be called.

    Returns:
        The folder that it lies in.

    Raises:
        CourseError: if the name is none or is taken, another class is being put away,
            or something cannot be moved.
    """
    if not re.fullmatch(r"\w[\w. -]*", name):
        raise CourseError(f"{name!r} is no name for a folder: try one like 2026-autumn")
    with alone(root):
        plan = unfinished(root)
        if plan is not None and plan.name != name:
            raise CourseError(_unfinished_words(plan))
        target = root / TERMS / name
        try:
            _carry_out(plan or _new_plan(root, name), root, target)
        except OSError as error:
            where = error.filename or target
            raise CourseError(
                f"{where} cannot be moved: {error.strerror}; run `python -m autograder"
                f" term {name}` again for the rest"
            ) from None
    return target


def unfinished(root: Path) -> Plan | None:
    """The plan for a class that is not wholly put away, if there is one.

    Raises:
        CourseError: if it is there and cannot be read.
    """
    path = root / TERMS / PLAN
    try:
        return Plan(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise CourseError(f"{path} cannot be read: {error}") from None


def refuse_unfinished(root: Path) -> None:
    """Raise if a class is not wholly put away: its files are in two places."""
    plan = unfinished(root)
    if plan is not None:
        raise CourseError(_unfinished_words(plan))


def _unfinished_words(plan: Plan) -> str:
    return (
        f"the class {plan.name} is not wholly put away: run `python -m autograder term"
        f" {plan.name}` for the rest"
    )


def _new_plan(root: Path, name: str) -> Plan:
    target = root / TERMS / name
    there = [item for item in CLASS if (root / item).exists()]
    if any((target / item).exists() for item in there):
        raise CourseError(f"{target} has a class already: choose another name")
    plan = Plan(name, there)
    (root / TERMS).mkdir(exist_ok=True)
    plan.write(root)
    return plan


def _carry_out(plan: Plan, root: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    with tqdm(desc=plan.name, unit=" files", disable=None, leave=False) as bar:
        while plan.left:
            item = plan.left[0]
            _say(f"{item} goes to {TERMS}/{plan.name}/")
            # A link to a place elsewhere stays, as a mounted folder does.
            source, linked = (root / item).resolve(), (root / item).is_symlink()
            if source.exists():
                _move(source, target / item, bar.update, stays=linked)
            del plan.left[0]
            plan.write(root)
    (root / "submitted").mkdir(exist_ok=True)
    try:
        _begin_gradebook(root)
    except CourseError:
        # The plan has no part in mending this.
        (root / TERMS / PLAN).unlink()
        raise
    (root / TERMS / PLAN).unlink()


def _move(
    source: Path, target: Path, moved: Callable[[], object], stays: bool = False
) -> None:
    """Move a file or a folder, by its contents where it cannot be moved itself.

    At any moment all is in one of the two places, and this can be called again.

    Args:
        source: what is moved.
        target: where it goes; what is there of it already was moved before.
        moved: called after each file.
        stays: whether a folder is to be there afterwards, empty.
    """
    folder = source.is_dir() and not source.is_symlink()
    if not stays if folder else not os.path.lexists(target):
        try:
            source.rename(target)
            return
        except OSError as error:
            if error.errno not in UNMOVED:
                raise
    if not folder:
        _copy(source, target)
        moved()
        return
    target.mkdir(exist_ok=True)
    for child in sorted(source.iterdir()):
        _move(child, target / child.name, moved)
    with suppress(OSError):
        shutil.copystat(source, target)
    if not stays:
        try:
            source.rmdir()
        except OSError as error:
            if error.errno != errno.EBUSY:  # a file system is mounted there
                raise


def _copy(source: Path, target: Path) -> None:
    """Move a file to another file system: it is deleted once its copy is whole."""
    if not os.path.lexists(target):
        draft = target.with_name(".moving")
        draft.unlink(missing_ok=True)
        try:
            shutil.copyfile(source, draft, follow_symlinks=False)
            with suppress(OSError):
                # A page must not be older than its marks; permissions may be missing.
                shutil.copystat(source, draft, follow_symlinks=False)
            if not draft.is_symlink():
                with draft.open("rb") as file:
                    _to_disk(file)
            draft.replace(target)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            raise
    elif not _same(source, target):
        raise CourseError(
            f"{source} and {target} both exist and differ: move one of them elsewhere"
        )
    source.unlink()


def _same(source: Path, target: Path) -> bool:
    if source.is_symlink() or target.is_symlink():
        links = source.is_symlink() and target.is_symlink()
        return links and source.readlink() == target.readlink()
    return filecmp.cmp(source, target, shallow=False)


def _begin_gradebook(root: Path) -> None:
    """Make a gradebook that knows what is released, and nothing else.

    It is made beside its place, so what an interruption leaves there is made anew.

    Raises:
        CourseError: if nbgrader cannot take up some assignment; all else is done.
    """
    there = {name: root / "source" / name for name in assignments(root)}
    names = [name for name in there if (there[name] / f"{name}.ipynb").is_file()]
    if not names:
        return
    path, draft = root / GRADEBOOK, root / f"{GRADEBOOK}.new"
    course = open_course(root)
    fresh = not path.exists()  # else somebody opened the formgrader meanwhile
    if fresh:
        for part in root.glob(f"{draft.name}*"):
            part.unlink()
        course.coursedir.db_url = gradebook_url(root, draft.name)
    refused = []
    for number, name in enumerate(names, start=1):
        _say(f"{name} goes into the new gradebook ({number} of {len(names)})")
        if not course.generate_assignment(name)["success"]:
            refused.append(name)
    if fresh:
        draft.replace(path)
    if refused:
        lacking = " ".join(refused)
        raise CourseError(
            f"the class is put away, but nbgrader did not take up {lacking}: run"
            f" `python -m autograder release {lacking}`"
        )


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _say(line: str) -> None:
    tqdm.write(f"term: {line}", file=sys.stderr)

"""One command at a time writes to a course's class, on any file system.

The file system's own locks end with the process that holds them. Some network file
systems have none. There a folder that only one process can make takes their place; it
says who made it, so that what a killed process left behind is cleared away.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from autograder.course import NO_LOCKS, CourseError
from autograder.verdicts import FOLDER


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep other runs out, until the end of this process at the latest.

    Raises:
        CourseError: where another run is at work, or nothing can be written.
    """
    path = root / FOLDER / "lock"
    held = path.with_name("lock.held")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(exist_ok=True)
            file = stack.enter_context(path.open("w"))
            if not _locked(file):
                stack.callback(_give_back, _claim(held))
            elif not _free(held):
                # Its process met a file system whose locks did not work just then.
                raise CourseError(_words(held))
        except OSError as error:
            where = error.filename or path
            raise CourseError(f"{where} cannot be written: {error.strerror}") from None
        yield


def _locked(file: TextIO) -> bool:
    """Lock a file; whether its file system has locks.

    Raises:
        CourseError: where another process has locked it.
    """
    try:
        import fcntl
    except ImportError:
        return False  # Windows, where other commands need this module
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CourseError(
            "another `class` is at work in this course: wait until it is done"
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def _claim(folder: Path) -> Path:
    """Make the folder that stands for the lock, and put one's mark into it.

    A mark's name is its process's alone. So only one process can delete the mark of a
    process that is gone, and only that one deletes the folder: nobody's lock is broken
    by mistake.
    """
    _free(folder)
    try:
        folder.mkdir()
    except FileExistsError:
        raise CourseError(_words(folder)) from None
    mark = folder / f"{os.getpid()}-{os.urandom(4).hex()}"
    who = {"pid": os.getpid(), "host": platform.node(), "machine": _machine()}
    who["since"] = f"{datetime.now():%Y-%m-%d %H:%M}"
    try:
        mark.write_text(json.dumps(who), encoding="utf-8")
    except OSError:
        _give_back(mark)
        raise
    return mark


def _give_back(mark: Path) -> None:
    with suppress(OSError):
        mark.unlink(missing_ok=True)
        mark.parent.rmdir()


def _free(folder: Path) -> bool:
    """Whether nobody holds the lock; what a process left that is no more is deleted."""
    for mark in _marks(folder):
        who = _read(mark)
        gone = who.get("machine") == _machine() != "" and not _alive(who.get("pid"))
        if gone and not _deleted_by_us(mark):
            return False
    return not folder.exists()


def _deleted_by_us(mark: Path) -> bool:
    """Delete a mark and its folder, if no other process was first."""
    try:
        mark.unlink()
    except FileNotFoundError:
        return False
    mark.parent.rmdir()
    return True


def _words(folder: Path) -> str:
    """Who holds the lock, and what to do."""
    who = next(filter(None, map(_read, _marks(folder))), None)
    holder = f" (process {who['pid']} on {who['host']}, {who['since']})" if who else ""
    return (
        f"another `class` is at work in this course{holder}: wait until it is done; if"
        f" it was killed, delete {folder}"
    )


def _marks(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _read(mark: Path) -> dict[str, Any]:
    """What a mark says; nothing while it is being written."""
    try:
        return dict(json.loads(mark.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _machine() -> str:
    """This machine since it was started, as far as its processes see one another."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return f"{boot.read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _alive(pid: object) -> bool:
    try:
        os.kill(int(str(pid)), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True

"""Where the course lies, the secret that its inputs are drawn from, its nbgrader."""

from __future__ import annotations

import errno
import io
import os
import re
import secrets
import shutil
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from nbgrader.apps import NbGraderAPI

ROOT = Path(__file__).resolve().parents[1]
"""The repository: the folder that holds ``chapters/`` and ``autograder/``."""

KEY_FILE = ".judge-key"
KEY_SIZE = 32
PATIENCE = 5.0
"""Seconds in which another process makes the key."""
GRADEBOOK = "gradebook.db"

NO_LOCKS = frozenset((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP))
"""What a file system that has no locks answers when it is asked for one."""


class CourseError(Exception):
    """Something is wrong with the set-up; the message says what to do."""


def key(root: Path = ROOT) -> bytes:
    """The course's secret, made on first use and kept in ``.judge-key``.

    Inputs are drawn from it and from the notebook: who knows it can tell them in
    advance, and who loses it cannot repeat a verdict exactly.

    Raises:
        CourseError: where it can be neither read nor made.
    """
    path = root / KEY_FILE
    try:
        if not path.exists():
            _create(path)
        text = path.read_text(encoding="ascii").strip()
    except OSError as error:
        where = error.filename or path
        raise CourseError(
            f"the judge's key cannot be read or made: {where}: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        text = ""
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_SIZE}}}", text):
        raise CourseError(
            f"{path} holds no key, which is {2 * KEY_SIZE} hexadecimal digits: put the"
            " course's own back (with another one, notebooks meet other inputs)"
        )
    return bytes.fromhex(text)


def _create(path: Path) -> None:
    """Write a new key, whole or not at all, for this user's eyes only.

    Whoever makes the draft makes the key; others wait for it. No hard link is needed,
    which memory cards and shared folders do not have.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _await(path, draft)
        return
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(KEY_SIZE) + "\n")
            file.flush()
            os.fsync(descriptor)
        # Another process may have been done just before: its key stays.
        if not path.exists():
            draft.replace(path)
            return
    except OSError:
        draft.unlink()
        raise
    draft.unlink()


def _await(path: Path, draft: Path) -> None:
    """Wait for the key that another process makes.

    Raises:
        CourseError: if it does not come.
    """
    end = time.monotonic() + PATIENCE
    while not path.exists():
        if time.monotonic() > end:
            raise CourseError(
                f"the making of the judge's key was interrupted: delete {draft}"
            )
        time.sleep(0.01)


def gradebook_url(root: Path, name: str = GRADEBOOK) -> str:
    """The address of a course's gradebook, for nbgrader.

    Where the file system has no locks, SQLite locks with a folder, gradebook.db.lock.
    """
    path = str(root.resolve() / name)
    options = {} if has_locks(root) else {"vfs": "unix-dotfile"}
    if not options and not set("?%") & set(path):
        return f"sqlite:///{path}"
    from sqlalchemy import URL

    # SQLite's own form, in which a name may have any sign.
    url = URL.create(
        "sqlite", database=f"file:{quote(path)}", query={**options, "uri": "true"}
    )
    return url.render_as_string()


def gradebook_fault(root: Path, cause: object) -> str:
    """What to say of an error of the database's."""
    words = f"{GRADEBOOK} cannot be used: {cause}"
    lock = root / f"{GRADEBOOK}.lock"
    if lock.exists():
        # Where the file system has no locks, it outlives a process that was killed.
        words += f"; if nothing is at work, delete {lock.name}"
    return words


def has_locks(root: Path) -> bool:
    """Whether a course's file system can lock files; that of a network may not."""
    try:
        import fcntl
    except ImportError:
        return True  # Windows, which always can
    try:
        with (root / "nbgrader_config.py").open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in NO_LOCKS
    return True


def forgive_encodings() -> None:
    """Print what a terminal or a pipe has no letter for as a number, as Python does.

    Whatever is printed after this, no command fails for its encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def open_course(root: Path) -> NbGraderAPI:
    """nbgrader, as ``nbgrader_config.py`` sets it up for this repository.

    Raises:
        CourseError: if there is no such file.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        # By its whole name: in a folder's, traitlets would replace a $NAME.
        path = str(root.resolve() / "nbgrader_config.py")
        config = PyFileConfigLoader(path).load_config()
    except ConfigFileNotFound:
        message = f"no nbgrader_config.py in {root}: is it the course?"
        raise CourseError(message) from None
    if shutil.which("alembic") is None:
        # For a new gradebook nbgrader calls this command, which lies beside Python.
        scripts = sysconfig.get_path("scripts")
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return NbGraderAPI(config=config)

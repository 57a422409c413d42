"""Where the course lies, the secret that its inputs are drawn from, its nbgrader."""

from __future__ import annotations

import os
import secrets
import shutil
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbgrader.apps import NbGraderAPI

ROOT = Path(__file__).resolve().parents[1]
"""The repository: the folder that holds ``chapters/`` and ``autograder/``."""

KEY_FILE = ".judge-key"
KEY_SIZE = 32


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
        found = bytes.fromhex(path.read_text(encoding="ascii"))
        if len(found) != KEY_SIZE:
            raise ValueError(f"it has {len(found)} bytes")
        return found
    except (OSError, ValueError) as error:
        raise CourseError(
            f"the judge's key {path} cannot be read or made ({error}): make the folder"
            f" writable, or put {2 * KEY_SIZE} hexadecimal digits there"
        ) from None


def _create(path: Path) -> None:
    """Write a new key, whole or not at all, for this user's eyes only."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(KEY_SIZE) + "\n")
    try:
        # Another process may have been first: its key is as good, and stays.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def open_course(root: Path) -> NbGraderAPI:
    """nbgrader, as ``nbgrader_config.py`` sets it up for this repository.

    Raises:
        CourseError: if there is no such file.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        config = PyFileConfigLoader("nbgrader_config.py", str(root)).load_config()
    except ConfigFileNotFound:
        message = f"no nbgrader_config.py in {root}: is it the course?"
        raise CourseError(message) from None
    if shutil.which("alembic") is None:
        # For a new gradebook nbgrader calls this command, which lies beside Python.
        scripts = sysconfig.get_path("scripts")
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    return NbGraderAPI(config=config)

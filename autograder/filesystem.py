"""Others' tools in any folder: whatever it is called, and on any file system.

nbgrader and Sphinx's table of contents take whole paths for patterns, so that a course
in ``Kurs [DL]`` seems to be empty. And nbgrader sets permissions that a memory card or
a shared folder does not have.
"""

from __future__ import annotations

import errno
import glob
import os
import sys
from collections.abc import Callable
from functools import cache, wraps
from types import SimpleNamespace
from typing import Any

REFUSED = frozenset((errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP))
"""Errors of a file system that has no such permissions (or no such call)."""


@cache
def adapt_nbgrader() -> None:
    """Let nbgrader take names for names and do without permissions.

    ``nbgrader_config.py`` calls this, so it holds for nbgrader's own commands too.
    """
    import nbgrader.apps  # and with it all modules that search for files

    for name, module in list(sys.modules.items()):
        if name.startswith("nbgrader.") and getattr(module, "glob", None) is glob:
            take_names_for_names(module)
    converter = nbgrader.converters.base.BaseConverter
    converter.set_permissions = _if_known(converter.set_permissions)


def take_names_for_names(module: Any) -> None:
    """Let a module that searches with ``glob`` find files in a folder of any name."""
    module.glob = SimpleNamespace(glob=found, iglob=found)


def found(pattern: str, recursive: bool = False) -> list[str]:
    """The files that a pattern stands for, as ``glob.glob`` finds them.

    The beginning of the pattern that exists as it is written is no pattern. Names that
    consist of an asterisk, or of one before a suffix, always are: the tools' own are.
    """
    parts = pattern.split(os.sep)
    stars = (n for n, part in enumerate(parts) if part[:2] in ("*", "**", "*."))
    count = next(stars, len(parts))
    while count and not os.path.lexists(os.sep.join(parts[:count]) or os.sep):
        count -= 1
    if count == len(parts):
        return [pattern] if pattern else []
    above = os.sep.join([*parts[:count], ""]) if count else ""
    rest = os.path.join(*parts[count:])
    paths = glob.glob(rest, root_dir=above or None, recursive=recursive)
    return [above + path for path in paths]


def _if_known(set_permissions: Callable[..., None]) -> Callable[..., None]:
    """Let a method set permissions only where the file system knows any."""

    @wraps(set_permissions)
    def tolerant(*args: Any) -> None:
        try:
            set_permissions(*args)
        except OSError as error:
            if error.errno not in REFUSED:
                raise

    return tolerant

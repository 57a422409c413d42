"""How tests that run as root try something as an ordinary user."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import sandboxes


def as_nobody() -> list[str]:
    """The words that run a command as nobody, who can read this Python.

    Skips the test where nobody could not read the repository.
    """
    base = Path(sys.base_prefix)
    closed = [p for p in reversed(base.parents) if not p.stat().st_mode & 0o001]
    program, reason = sandboxes.found()
    if program is None:
        pytest.skip(reason)
    words = [program, "--dev-bind", "/", "/", "--cap-add", "ALL"]
    if closed:
        # A home directory that root keeps closed: Python alone is put there.
        words += ["--perms", "0755", "--tmpfs", str(closed[0])]
        for path in [p for p in reversed(base.parents) if closed[0] in p.parents]:
            words += ["--perms", "0755", "--dir", str(path)]
        words += ["--ro-bind", str(base), str(base)]
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    command = [*words, "--", *nobody]
    if subprocess.run([*command, "test", "-r", __file__]).returncode:
        pytest.skip("the repository lies where root alone can read it")
    return command

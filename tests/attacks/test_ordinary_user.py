"""The attacks and the walls once more, where the judge is no root's."""

import os
import subprocess
import sys

import pytest

from autograder.course import ROOT
from tests.nobody import as_nobody

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]


@pytest.mark.skipif(os.getuid() != 0, reason="the tests beside this one did it already")
def test_for_an_ordinary_user_all_holds_as_for_root(tmp_path):
    files = ("tests/attacks/test_attacks.py", "tests/attacks/test_walls.py")
    words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    done = subprocess.run(
        [*as_nobody(), *words],
        cwd=ROOT,
        env={**os.environ, "HOME": "/tmp"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "skipped" not in done.stdout, done.stdout[-5000:]

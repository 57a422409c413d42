"""What `make test` has built, and the Pythons of students who were given it."""

import functools
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from autograder.course import ROOT


@pytest.fixture(scope="session")
def wheel() -> Path:
    return built("_build/wheels", "descentlab-*.whl")


@pytest.fixture(scope="session")
def site() -> Path:
    return built("_build/html", "index.html").parent


@pytest.fixture(scope="session")
def package(wheel, tmp_path_factory) -> Path:
    """A folder that holds the learner's package as the wheel brings it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def built(folder: str, pattern: str) -> Path:
    """The newest file of that name, or a skip that says how to make it."""
    found = sorted((ROOT / folder).glob(pattern), key=lambda path: path.stat().st_mtime)
    if not found:
        pytest.skip(f"{folder}/{pattern} is not built: run make test")
    return found[-1]


# -- A student's Python ----------------------------------------------------------------

THIS = "this Python"
OTHERS = [v for v in ("3.11", "3.12", "3.13") if not sys.version.startswith(f"{v}.")]
PYTHONS = [THIS, *OTHERS]


@pytest.fixture(scope="session")
def student(wheel, tmp_path_factory):
    """One of `PYTHONS` with the wheel and Jupyter's kernel: no PyTorch, no more."""

    @functools.cache
    def made(version):
        folder = tmp_path_factory.mktemp("student")
        if version == THIS:
            return with_what_is_here(folder, wheel)
        return with_what_pip_finds(folder, wheel, version)

    return made


def with_what_is_here(folder, wheel):
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/*/site-packages")
    for found in needed_by("ipykernel", needed_by("matplotlib", {})).values():
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(found.locate_file(top))
    python = folder / "bin" / "python"
    # With its dependencies: what is there must be all that it asks for.
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python"]
    install = [*pip, python, "install", "--no-index", "--quiet", wheel]
    subprocess.run(install, check=True)
    return python


def needed_by(name, found):
    """The distributions that one needs, with itself, added to ``found``."""
    if name not in found:
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_by(requirement.name, found)
    return found


def with_what_pip_finds(folder, wheel, version):
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found = [*pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}")]
    if found[0] is None:
        pytest.skip(f"there is no Python {version} on this machine")
    if subprocess.run([found[0], "-m", "venv", folder]).returncode:
        pytest.skip(f"{found[0]} can make no virtual environment")
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--retries=0"]
    install = [*pip, "install", "--quiet", wheel, "ipykernel"]
    done = subprocess.run(install, capture_output=True, text=True)
    if "No matching distribution" in done.stderr:
        pytest.skip(f"pip finds no packages for Python {version}: is there a network?")
    assert done.returncode == 0, done.stderr
    return python

"""What `make test` has built: the book, the notebooks, the wheel."""

import zipfile
from pathlib import Path

import pytest

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

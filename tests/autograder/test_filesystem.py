"""Whatever a course's folder is called, and whatever its file system lacks."""

import errno
import glob
import os
from types import SimpleNamespace

import pytest
from nbgrader.converters.base import BaseConverter

from autograder.course import ROOT, gradebook_url, open_course
from autograder.filesystem import adapt_nbgrader, found
from autograder.gradebook import Gradebook

NAMES = (
    "Kurs [DL] (1) für Übungen",
    "50% Kurs #1? & 'a' \"b\" {x} ;*",
    "a[!b]*",
    "a?%41",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_folders_name_is_no_pattern(tmp_path, name):
    files = ("submitted/ada/x.ipynb", "submitted/[b] *c/x.ipynb", "source/./a/x.ipynb")
    for file in files:
        path = tmp_path / name / file
        path.parent.mkdir(parents=True)
        path.touch()
    # Another course, which the name would stand for as a pattern.
    other = tmp_path / "a%41" / "submitted" / "eve" / "x.ipynb"
    other.parent.mkdir(parents=True)
    other.touch()
    root = f"{tmp_path / name}"
    for pattern, wanted in {
        "submitted/*": ["submitted/[b] *c", "submitted/ada"],
        "submitted/*/*.ipynb": ["submitted/[b] *c/x.ipynb", "submitted/ada/x.ipynb"],
        "submitted/[b] *c/*.ipynb": ["submitted/[b] *c/x.ipynb"],
        "submitted/a*": ["submitted/ada"],
        # nbgrader compares the paths that it finds, dots and all.
        "source/./*": ["source/./a"],
        "source/./a": ["source/./a"],
        "submitted/nobody": [],
    }.items():
        paths = [os.path.join(root, path) for path in wanted]
        assert sorted(found(os.path.join(root, pattern))) == paths, pattern
    assert len(found(os.path.join(root, "**", "*.ipynb"), recursive=True)) == len(files)


def test_elsewhere_a_pattern_finds_what_it_always_found(tmp_path, monkeypatch):
    for name in ("a.py", "b.py", "c/d.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    for pattern in ("*.py", "?.py", "[ab].py", "*/d.py", "c", "", "none", "/*", "/"):
        assert sorted(found(pattern)) == sorted(glob.glob(pattern)), pattern


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_gradebook_lies_in_its_folder_whatever_that_is_called(tmp_path, name):
    root = tmp_path / name
    root.mkdir()
    (root / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    with Gradebook(gradebook_url(root)) as gradebook:
        gradebook.add_assignment("03_adam")
    assert (root / "gradebook.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with open_course(root).gradebook as gradebook:
        assert [a.name for a in gradebook.assignments] == ["03_adam"]


def test_a_file_system_without_permissions_is_none_to_stop_at(tmp_path, monkeypatch):
    """FAT has a file wholly or not at all; nbgrader wants it readable alone."""
    adapt_nbgrader()
    (tmp_path / "x").touch()
    converter = SimpleNamespace(
        log=SimpleNamespace(info=print),
        permissions=444,
        coursedir=SimpleNamespace(groupshared=False),
        _format_dest=lambda *names: str(tmp_path),
    )

    def refuse(code):
        def chmod(path, mode):
            raise OSError(code, os.strerror(code), path)

        monkeypatch.setattr(os, "chmod", chmod)

    refuse(errno.EPERM)
    BaseConverter.set_permissions(converter, "03_adam", "ada")
    refuse(errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        BaseConverter.set_permissions(converter, "03_adam", "ada")

"""What is published: a file for each assignment, written only where it changes."""

import json

import pytest

from autograder.exercises import load
from autograder.publish import publish


@pytest.fixture
def root(tmp_path):
    """A course of one chapter, with nothing published yet."""
    (tmp_path / "descentlab").mkdir()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "02_rmsprop.md").touch()
    return tmp_path


def test_a_file_for_each_assignment_and_a_line_when_it_is_made(root, capsys):
    (path,) = publish(root)
    assert capsys.readouterr().err == "publish: 02_rmsprop\n"
    assert path == root / "descentlab" / "published" / "02_rmsprop.json"
    names = [exercise.name for exercise in load("02_rmsprop").exercises]
    assert list(json.loads(path.read_text(encoding="utf-8"))) == names


def test_an_unchanged_file_is_left_alone(root):
    (path,) = publish(root)
    written = path.stat().st_mtime_ns
    publish(root)
    assert path.stat().st_mtime_ns == written
    path.write_text("{}")
    publish(root)
    assert path.read_text(encoding="utf-8") != "{}"


def test_a_chapter_that_is_gone_is_no_longer_published(root):
    (path,) = publish(root)
    stale = path.with_name("09_gone.json")
    stale.touch()
    publish(root)
    assert not stale.exists()

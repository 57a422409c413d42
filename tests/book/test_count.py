"""The count of pages, which needs no build."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.book import BookError, _count_pages

TOC = "format: jb-book\nroot: index\nchapters:\n- file: a/one\n- file: a/two.md\n"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text(TOC)
    (tmp_path / "a").mkdir()
    for name in ("index", "a/one", "a/two"):
        (tmp_path / f"{name}.html").touch()
    return tmp_path


def test_pages_are_counted(pages):
    assert _count_pages(pages, pages) == 3


def test_missing_page_is_named(pages):
    (pages / "a" / "two.html").unlink()
    with pytest.raises(BookError, match="no page was written for a/two"):
        _count_pages(pages, pages)

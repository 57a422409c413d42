"""A notebook taken apart: whatever is wrong with it is one line or a verdict."""

import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.judge.notebook import MAX_SIZE, NotebookError, take_apart
from tests.notebooks import IMPORTS, answer, cell, checked, document, notebook

NAMES = ("one", "two")
ONE = (answer("one", "def one(): pass"), checked("one"))
TWO = (answer("two", "def two(): pass"), checked("two"))


def apart(*cells: Any, **metadata: Any):
    return take_apart(notebook(*cells, **metadata), NAMES)


def refused(data: bytes) -> str:
    """Why some bytes are no notebook, in one line."""
    with pytest.raises(NotebookError) as refusal:
        take_apart(data, NAMES)
    text = str(refusal.value)
    assert text.isprintable()
    assert len(text) < 100
    return text


def order(submission) -> list[str]:
    """What the judge does, cell by cell."""
    words = []
    for one in submission.cells:
        if one.check:
            words.append(f"judge {one.check}")
        elif one.offered:
            words.append(f"offer {one.number}")
        else:
            words.append(f"run {one.exercise or one.number}")
    return words


# What is a notebook


def test_cells_in_order_and_checks_where_they_stand():
    found = apart(IMPORTS, *ONE, cell("helper = 1"), *TWO, cell("after = 1"))
    assert order(found) == (
        ["run 1", "run one", "judge one", "run 4", "run two", "judge two", "run 7"]
    )
    assert found.missing == found.rejected == {}


def test_text_and_chapter_cells_are_not_run():
    found = apart(
        cell("# Title", "markdown"),
        cell("x", "raw"),
        cell("import matplotlib.pyplot as plt", tags=["figure"]),
        cell("plt.plot()", tags=["experiment"]),
        cell("import torch", tags=["hide-input", "scale"]),
        *ONE,
        *TWO,
    )
    assert order(found)[:4] == ["offer 3", "offer 4", "offer 5", "run one"]


def test_what_a_notebook_says_of_points_and_locks_is_not_heard():
    changed = {"points": 1000, "locked": False, "grade": False, "solution": True}
    check_cell = checked("one", **changed)
    check_cell["source"] = "one = lambda: 'passed'"
    found = apart(answer("one", "def one(): pass", locked=True), check_cell, *TWO)
    assert order(found) == ["run one", "judge one", "run two", "judge two"]


def test_a_check_that_became_text_still_marks_the_place():
    retyped = {**checked("one"), "cell_type": "markdown"}
    assert order(apart(ONE[0], retyped, cell("one = None"), *TWO))[1] == "judge one"


def test_a_check_that_is_missing_is_made_up_at_the_end():
    found = apart(ONE[0], *TWO, cell("late = 1"))
    assert order(found) == ["run one", "run two", "judge two", "run 4", "judge one"]


def test_a_check_before_its_exercise_stays_there():
    assert order(apart(ONE[1], ONE[0], *TWO))[:2] == ["judge one", "run one"]


def test_an_exercise_that_a_student_tagged_is_run_all_the_same():
    tagged = answer("one", "def one(): pass")
    tagged["metadata"]["tags"] = ["figure"]
    assert order(apart(tagged, ONE[1], *TWO))[0] == "run one"


def test_cells_of_another_assignment_are_free_cells():
    found = apart(answer("three", "x = 1"), checked("three"), *ONE, *TWO)
    assert order(found)[:2] == ["run 1", "run one"]


def test_sources_may_be_lists_of_lines():
    lines = {**cell(""), "source": ["a = 1\n", "b = 2"]}
    assert apart(lines, *ONE, *TWO).cells[0].source == "a = 1\nb = 2"


def test_a_byte_order_mark_is_no_harm():
    data = b"\xef\xbb\xbf" + notebook(*ONE, *TWO)
    assert len(take_apart(data, NAMES).cells) == 4


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": None},
        {"kernelspec": {}, "language_info": {}},
        {"kernelspec": [], "language_info": "python"},
        {"language_info": {"name": 3}, "kernelspec": {"language": None}},
        {"language_info": {"name": "ipython"}},
        {"language_info": {"name": "Python"}},
        {"kernelspec": {"name": "no-such-kernel", "display_name": "\ud800"}},
    ],
    ids=str,
)
def test_without_a_kernel_it_is_taken_for_python(metadata):
    assert len(apart(*ONE, *TWO, **metadata).cells) == 4


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        {"nbgrader": None},
        {"nbgrader": []},
        {"nbgrader": {"grade_id": None}},
        {"nbgrader": {"grade_id": ["one"]}},
        {"nbgrader": {"grade_id": {"one": 1}}},
        {"tags": "figure"},
        {"tags": [["figure"], 3, None]},
        {"tags": {"figure": 1}},
    ],
    ids=str,
)
def test_malformed_metadata_is_no_metadata(metadata):
    odd = {**cell("a = 1"), "metadata": metadata}
    assert order(apart(odd, *ONE, *TWO))[0] == "run 1"


# Exercises that cannot be judged


def test_no_cell_is_missing():
    found = apart(*TWO)
    assert found.missing == {"one": "no cell of this notebook carries the name one"}
    assert order(found) == ["run two", "judge two"]


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading"])
def test_a_retyped_cell_is_missing(kind):
    found = apart({**ONE[0], "cell_type": kind}, ONE[1], *TWO)
    assert f"is of type '{kind}': make it a code cell" in found.missing["one"]
    assert "judge one" not in order(found)


def test_a_forged_type_is_shown_in_one_plain_line():
    found = apart({**ONE[0], "cell_type": "\x1b[2J\n" + "x" * 1000}, *TWO)
    assert found.missing["one"].isprintable()
    assert len(found.missing["one"]) < 200


@pytest.mark.parametrize(
    ("cells", "twice"),
    [
        ((*ONE, ONE[0]), "one"),
        ((*ONE, answer("one", "", solution=False)), "one"),
        ((*ONE, {**ONE[0], "cell_type": "markdown"}), "one"),
        ((*ONE, ONE[1]), "check_one"),
        ((ONE[0], ONE[1], {**ONE[1], "cell_type": "raw"}), "check_one"),
    ],
)
def test_a_doubled_cell_is_rejected(cells, twice):
    found = apart(*cells, *TWO)
    expected = f"two cells carry the name {twice}: remove one of them"
    assert found.rejected == {"one": expected}
    assert "judge two" in order(found)


@pytest.mark.parametrize("language", ["R", "julia", "\x1b[2J\ud800\n" + "x" * 1000])
def test_another_language_is_rejected(language):
    found = apart(*ONE, *TWO, language_info={"name": language})
    assert set(found.rejected) == set(NAMES)
    assert "not Python" in found.rejected["one"]
    assert found.rejected["one"].isprintable()
    assert len(found.rejected["one"]) < 150
    assert found.cells == []


def test_a_notebook_of_another_assignment_has_nothing():
    data = notebook(answer("three", ""), checked("three"))
    assert set(take_apart(data, NAMES).missing) == set(NAMES)


def test_an_empty_notebook_has_nothing():
    assert set(take_apart(notebook(), NAMES).missing) == set(NAMES)


# Not a notebook


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"print('hello')",
        b"<html>",
        b"%PDF-1.7\n\xff\xfe",
        b"\x00" * 100,
        bytes(range(256)),
        b"{",
        b'{"cells": [' + b"1" * 5000 + b"]}",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_not_json(data):
    assert "not a notebook" in refused(data)


@pytest.mark.parametrize(
    "content",
    [None, 3, "text", [], {}, {"cells": None}, {"cells": {}}, {"cells": "x"}],
    ids=str,
)
def test_no_cells(content):
    assert "no list of cells" in refused(json.dumps(content).encode())


@pytest.mark.parametrize(
    "odd",
    [
        None,
        3,
        [],
        {},
        {"cell_type": "code"},
        {"cell_type": None, "source": ""},
        {"cell_type": ["code"], "source": ""},
        {"cell_type": "code", "source": None},
        {"cell_type": "code", "source": 3},
        {"cell_type": "code", "source": {"0": "x"}},
        {"cell_type": "code", "source": ["x", None]},
        {"cell_type": "code", "source": [["x"]]},
    ],
    ids=str,
)
def test_a_malformed_cell(odd):
    assert "one of its cells is malformed" in refused(notebook(*ONE, odd))


@pytest.mark.parametrize("deep", [b"[", b'{"cells":', b'{"cells":[{"metadata":'])
def test_deep_nesting(deep):
    assert refused(deep * 100_000)


def test_deep_nesting_that_json_takes_is_taken():
    nested: list = []
    for _ in range(200):
        nested = [nested]
    assert len(apart(*ONE, {**cell("a = 1"), "metadata": nested}, *TWO).cells) == 5


def test_a_huge_file():
    assert "clear its outputs" in refused(b" " * (MAX_SIZE + 1))


@pytest.mark.parametrize("part", [b"{},", b"[[]],", b'{"a":0},'])
def test_a_file_that_would_swell_in_memory(part):
    parts = part * (MAX_SIZE // len(part) - 100)
    data = b'{"metadata": [' + parts + b'0], "cells": []}'
    assert len(data) <= MAX_SIZE
    assert "clear its outputs" in refused(data)


# Older and newer formats


def test_format_3_is_brought_up_to_date():
    data = nbformat.writes(
        nbformat.convert(nbformat.from_dict(document([IMPORTS, *ONE, *TWO])), 3), 3
    )
    assert "worksheets" in data
    found = take_apart(data.encode(), NAMES)
    assert [order(found)[1], found.cells[1].source] == ["run one", "def one(): pass"]
    assert "judge two" in order(found)


@pytest.mark.parametrize(
    "content",
    [
        {"nbformat": 3},
        {"nbformat": 3, "worksheets": None},
        {"nbformat": 3, "worksheets": [{"cells": None}]},
        {"nbformat": 3, "nbformat_minor": "x", "worksheets": [{}], "metadata": 1},
        {"nbformat": 2, "worksheets": [3]},
    ],
    ids=str,
)
def test_an_old_format_that_is_broken(content):
    assert "not a notebook" in (text := refused(json.dumps(content).encode())) or (
        "cannot be read" in text
    )


@pytest.mark.parametrize("version", [None, "4", 4.5, 5, 10**30, [], {}])
def test_what_it_says_of_its_version_does_not_matter(version):
    content = document([*ONE, *TWO]) | {"nbformat": version}
    assert len(take_apart(json.dumps(content).encode(), NAMES).cells) == 4


# Anything at all


KEYS = (
    "cells cell_type source metadata nbgrader grade_id tags nbformat worksheets"
    " language_info kernelspec language name input"
).split()
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(JSON)
def test_any_json_is_a_notebook_or_one_line(content):
    try:
        take_apart(json.dumps(content).encode(), NAMES)
    except NotebookError as error:
        assert "\n" not in str(error)


@given(st.lists(JSON, max_size=3), JSON)
def test_any_metadata_is_taken_apart(about_cells, about_notebook):
    odd = [{**cell("x"), "metadata": one} for one in about_cells]
    content = document([*odd, *ONE, *TWO]) | {"metadata": about_notebook}
    found = take_apart(json.dumps(content).encode(), NAMES)
    assert found.rejected or len(found.cells) == len(odd) + 4

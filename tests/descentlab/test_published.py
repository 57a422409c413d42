"""The published sheets: what is written comes back, bit by bit."""

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from descentlab.callbacks import BowlGradient
from descentlab.compare import Answer, Case, Raised, Seed, same
from descentlab.properties import PROPERTIES
from descentlab.published import (
    Mistake,
    Published,
    Sheet,
    pack,
    sheet_from,
    sheet_of,
    sheet_to,
    unpack,
)

ARRAYS = st.one_of(
    arrays(dtype, array_shapes(min_dims=0, min_side=0))
    for dtype in ("float64", "float32", "int64", "bool")
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    PLAIN | ARRAYS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=8,
)


def through_json(value):
    return json.loads(json.dumps(value))


@given(VALUES)
def test_values_come_back(value):
    assert same(unpack(through_json(pack(value))), value)


def test_a_numpy_number_comes_back_as_an_array():
    back = unpack(through_json(pack(np.float32(0.1))))
    assert same(back, np.array(0.1, dtype=np.float32))


def test_a_numpy_truth_value_comes_back_as_one():
    assert unpack(through_json(pack(np.True_))) is True


def test_a_callback_comes_back_and_computes_the_same():
    gradient = BowlGradient(steep=1 / 3, centre=0.2, pull=-0.1)
    back = unpack(through_json(pack((gradient, X))))[0]
    assert back == gradient
    assert same(back(X), gradient(X))


def test_a_seed_comes_back_as_one():
    back = unpack(through_json(pack((Seed(3), 3))))
    assert [type(value) for value in back] == [Seed, int]


def test_a_case_keeps_its_property():
    for through in (None, PROPERTIES["partition"]):
        case = Published(Case("value", "any", through=through), None, None, None)
        back = sheet_from(through_json(sheet_to(replace(SHEET, cases=(case,)))))
        assert back.cases[0].case.through is through


@pytest.mark.parametrize("value", [max, {1: 2}, {3}, 1j, b"bytes", (object(),)])
def test_only_data_is_published(value):
    with pytest.raises(TypeError, match=r"no published form for .*: use plain data"):
        pack(value)


X = np.array([0.1, 1e-300])
SHEET = Sheet(
    arguments={"x": None, "t": None},
    parts=("half", "double"),
    uses=("earlier",),
    cases=(
        Published(Case("value", "two", (X, 3), {"lr": 0.1}), (X, X), [X, X], X.dtype),
        Published(Case("dtype", "single", (X,)), X, 0.0, np.dtype("float32")),
        Published(
            Case("errors", "t = 0", (X, 0), raises="ValueError"), None, None, None
        ),
    ),
    mistakes=(
        Mistake("swapped", "The other way.", (Answer((X, -X)),)),
        Mistake("raises", "Not here.", (Answer(raised=Raised(("Exception",), "")),)),
    ),
)


def plain(sheet):
    """A sheet as values that can be compared."""
    cases = [
        (vars(item.case), item.expected, item.tolerance, item.dtype)
        for item in sheet.cases
    ]
    return repr((sheet.arguments, sheet.parts, sheet.uses, cases, sheet.mistakes))


def test_a_sheet_comes_back():
    back = sheet_from(through_json(sheet_to(SHEET)))
    assert plain(back) == plain(SHEET)
    assert same(back.cases[0].case.args[0], X)


def test_a_mistake_is_published_as_outputs():
    written = sheet_to(SHEET)["mistakes"]
    assert [set(mistake) for mistake in written] == [
        {"name", "sentence", "outputs"}
    ] * 2
    assert written[1]["outputs"] == ["raised"]


# -- Where sheets are found ------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that the package's data come from."""
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    (tmp_path / "published").mkdir()
    return tmp_path / "published"


def test_a_sheet_is_found_by_its_function(folder):
    for name in ("first", "second"):
        sheets = {name: sheet_to(replace(SHEET, uses=(name,)))}
        (folder / f"{name}.json").write_text(json.dumps(sheets))
    (folder / "notes.txt").write_text("no sheet")
    assert sheet_of("second").uses == ("second",)


def test_a_function_that_is_no_exercise(folder):
    (folder / "a.json").write_text("{}")
    with pytest.raises(LookupError, match="adm_step is no exercise of this course"):
        sheet_of("adm_step")


def test_nothing_published_yet(folder):
    with pytest.raises(LookupError, match="in the repository run make publish"):
        sheet_of("adam_step")
    folder.rmdir()
    with pytest.raises(LookupError, match="in the repository run make publish"):
        sheet_of("adam_step")


@pytest.mark.parametrize("name", ["rmsprop_step", "adam_step"])
def test_the_course_has_sheets(name):
    sheet = sheet_of(name)
    assert {item.case.group for item in sheet.cases} >= {"value", "dtype", "purity"}
    assert sheet.mistakes

"""check(): what a student reads of each kind of fault, as text and in a notebook."""

import io
import json
import math
import sys
from dataclasses import replace
from importlib import import_module, resources

import numpy as np
import pytest

from descentlab import check
from descentlab.callbacks import BowlGradient
from descentlab.check import check_report, general_advice, signature_advice
from descentlab.compare import Answer, Case, Fault, Raised
from descentlab.published import Mistake, Published, Sheet

# A small exercise: the half and the double of x, by another factor where one is given.
# ValueError for a factor of 0.


def split(x, by=2.0):
    if by == 0:
        raise ValueError("by must not be zero")
    return x / by, x * by


def item(group, label, *args, raises=None, dtype=None, **kwargs):
    case = Case(group, label, args, kwargs, raises)
    expected = None if raises else split(*args, **kwargs)
    return Published(case, expected, [1e-9, 1e-9], np.dtype(dtype) if dtype else None)


X = np.array([2.0, 4.0])
SHEET = Sheet(
    arguments={"x": None, "by": "2.0"},
    parts=("half", "double"),
    uses=(),
    cases=(
        item("value", "two numbers", X),
        item("value", "a factor", X, by=4.0),
        item("dtype", "float32", X.astype(np.float32), dtype="float32"),
        item("edges", "a 0-d array", np.array(3.0)),
        item("errors", "by = 0", X, raises="ValueError", by=0),
        item("purity", "called twice", X),
    ),
    mistakes=(
        Mistake(
            "swapped",
            "The halves come first.",
            (Answer((X * 2, X / 2)), Answer((X * 4, X / 4))),
        ),
        Mistake(
            "refuses-four",
            "Four is a factor like others.",
            (Answer((X / 2, X * 2)), Answer(raised=Raised(("Exception",), ""))),
        ),
    ),
)


@pytest.fixture(autouse=True)
def published(monkeypatch):
    """Let check() find the small exercise, and nothing else."""

    def sheet_of(name):
        if name != "split":
            raise LookupError(f"{name} is no exercise of this course")
        return SHEET

    monkeypatch.setitem(check.__globals__, "sheet_of", sheet_of)


def report_of(function):
    return check_report(function, SHEET)


def with_factor(function):
    """An answer that refuses 0, as the exercise asks, and is wrong elsewhere."""

    def split(x, by=2.0):
        if by == 0:
            raise ValueError("by must not be zero")
        return function(x, by)

    return split


# -- The report as a whole -------------------------------------------------------------


def test_report_of_a_right_answer():
    report = report_of(split)
    assert report.passed
    assert str(report) == (
        "split: all 6 published cases pass\n"
        "  [ok] values and state: 2 of 2\n"
        "  [ok] dtype: 1 of 1\n"
        "  [ok] edge cases: 1 of 1\n"
        "  [ok] errors: 1 of 1\n"
        "  [ok] purity: 1 of 1"
    )


def test_report_of_a_mistake_with_a_name():
    report = report_of(with_factor(lambda x, by: (x * by, x / by)))
    assert not report.passed
    assert str(report) == (
        "split: 5 of 6 published cases fail\n"
        "  [no] values and state: 0 of 2\n"
        "  [no] dtype: 0 of 1\n"
        "  [no] edge cases: 0 of 1\n"
        "  [ok] errors: 1 of 1\n"
        "  [no] purity: 0 of 1\n"
        "      case: two numbers\n"
        "      call: split(x=array([2., 4.]))\n"
        "  expected: half[0] = 1\n"
        "       got: half[0] = 4\n"
        "  Looks like swapped: The halves come first."
    )


def test_html_shows_the_same_words():
    report = report_of(with_factor(lambda x, by: (x * by, x / by)))
    html = report._repr_html_()
    for text in ["published cases fail", "values and state: 0 of 2", "half[0] = 4"]:
        assert text in html
    assert "Looks like swapped: The halves come first." in html


def test_a_mistake_that_raises_in_some_cases_is_named():
    def refuses(x, by=2.0):
        if by in (0, 4.0):
            raise ValueError(by)
        return x / by, x * by

    assert report_of(refuses).advice == [
        "Looks like refuses-four: Four is a factor like others."
    ]


def test_the_failure_that_is_shown_can_be_seen():
    # A difference in the eighth digit first, a plain one in the second case.
    report = report_of(with_factor(lambda x, by: (x / by * (1 + 1e-7 * by**9), x * by)))
    facts = dict(report.facts)
    assert facts["case"] == "a factor"
    assert facts["expected"] == "half[0] = 0.5"


def test_a_small_difference_is_shown_in_as_many_digits_as_it_takes():
    report = report_of(with_factor(lambda x, by: (x / by + 1e-8, x * by)))
    facts = dict(report.facts)
    assert facts["expected"] == "half[0] = 1"
    assert facts["got"] == "half[0] = 1.00000001"
    assert "The first digits are right" in " ".join(report.advice)


# -- Each kind of fault ----------------------------------------------------------------


def in_place(x, by):
    x *= by
    return x / by / by, x + 0


CALLS = []


def counted(x, by):
    CALLS.append(x)
    # Right at first, and wrong from the last case's second call on.
    return x / by + (len(CALLS) > 5), x * by


FAULTS = {
    "nothing": (lambda x, by: None, "returned None", "return hands it over"),
    "one result": (lambda x, by: x / by, "expected 2 results: half, double", ""),
    "three": (lambda x, by: (x, x, x), "3 results, expected 2: half, double", ""),
    "text": (lambda x, by: ("1", "2"), "half is an object of type str", ""),
    "part": (
        lambda x, by: (x / by, np.random.default_rng(0).shuffle(x)),
        "double is None",
        "works in place, as shuffle",
    ),
    "shape": (
        lambda x, by: (np.sum(x / by), x * by),
        "half has shape (), expected (2,)",
        "element by element",
    ),
    "lengths": (
        lambda x, by: (x[:-1] / by, x * by),
        "half has shape (1,), expected (2,)",
        "count what you put into it",
    ),
    "axes": (
        lambda x, by: (np.array([x]) / by, x * by),
        "half has shape (1, 2), expected (2,)",
        "more axes",
    ),
    "no number": (
        lambda x, by: (np.atleast_1d(x) / by, x * by),
        "half has shape (1,), expected ()",
        "One number is expected here",
    ),
    "dtype": (
        lambda x, by: (x / np.float64(by), x * np.float64(by)),
        "half has dtype float64, expected float32",
        "make scalars Python floats",
    ),
    "changed": (in_place, "it changed its argument number 1", "Work on a new array"),
    "unstable": (counted, "another answer the second time", "Keep nothing between"),
    "not yet": (
        lambda x, by: math.missing,
        "AttributeError: module 'math' has no attribute 'missing'",
        "",
    ),
}


@pytest.mark.parametrize(
    ("function", "happened", "advice"), FAULTS.values(), ids=FAULTS
)
def test_a_fault_is_told_and_explained(function, happened, advice):
    CALLS.clear()
    report = report_of(with_factor(function))
    assert not report.passed
    assert happened in dict(report.facts)["what happened"]
    assert advice in " ".join(report.advice)


def test_a_missing_error():
    report = report_of(lambda x, by=2.0: (x / (by or 1), x * by))
    assert dict(report.facts) == {
        "case": "by = 0",
        "call": "<lambda>(x=array([2., 4.]), by=0)",
        "what happened": "it returned a result where ValueError was expected",
    }
    assert report.advice[0].startswith("Test the argument first and raise the error")


def test_another_error():
    def asserting(x, by=2.0):
        assert by != 0, "by is zero"
        return x / by, x * by

    report = report_of(asserting)
    happened = "it raised AssertionError: by is zero, expected ValueError"
    assert dict(report.facts)["what happened"] == happened
    assert report.advice[0].startswith("Raise the error that the exercise names")


def test_an_error_of_the_formula_is_no_error_of_ones_own():
    def dividing(x, by=2.0):
        return x * (1 / by), x * by

    advice = report_of(dividing).advice[0]
    assert "before anything is computed" in advice
    assert "assert" not in advice


def test_a_way_that_ends_without_return():
    def forgetful(x, by):
        if by > 2:
            return x / by, x * by

    advice = " ".join(report_of(with_factor(forgetful)).advice)
    assert "Here it returns None" in advice
    assert "printing" not in advice


def test_numbers_that_were_cut_to_float32():
    def cut(x, by):
        return (x / by + 1e-7).astype(np.float32), x * by

    report = report_of(with_factor(cut))
    facts = dict(report.facts)
    assert facts["expected"] != facts["got"]
    assert report.advice[0].startswith("Your numbers have no more digits than float32")


def test_right_numbers_have_no_name_of_a_mistake():
    # The numbers of a mistake may be like the right ones, and their type another.
    like = Mistake("floats", "Sizes are whole.", tuple(split_answers()))
    sheet = replace(SHEET, mistakes=(like,))

    def scalar_refusing(x, by=2.0):
        if by == 0:
            raise ValueError("by must not be zero")
        return split(x[:], by)

    report = check_report(scalar_refusing, sheet)
    assert "a 0-d array" in dict(report.facts)["case"]
    assert "Looks like" not in str(report)


def split_answers():
    """The right answers to the cases of numbers."""
    return [Answer(i.expected) for i in SHEET.cases if i.case.group == "value"]


def test_an_untouched_stub():
    def stub(x, by=2.0):
        raise NotImplementedError

    report = report_of(stub)
    assert dict(report.facts)["what happened"] == "it raised NotImplementedError"
    assert report.advice == [
        "It still raises NotImplementedError: replace that line by your code."
    ]


def raising(action):
    """The exception of an action, as a report takes it."""
    try:
        action()
    except Exception as error:
        return Raised.of(error)
    raise AssertionError("it should have raised")


ARRAY = np.array([1.0, 2.0])


def endless():
    return endless()


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: bool(ARRAY), "no single truth value"),
        (lambda: ARRAY ^ 2, "In Python ^ is not a power"),
        (lambda: 1.5 ^ 2, "In Python ^ is not a power"),
        (lambda: math.sqrt(ARRAY), "math module takes one number"),
        (lambda: np.array([1, 2]).__imul__(0.5), "make it with dtype=float"),
        (lambda: len(np.array(1.0)), "A 0-d array has no length"),
        (lambda: np.zeros(0).max(), "no largest or smallest element"),
        (lambda: None + ARRAY, "Something is None there"),
        (lambda: undefined, "A name in the function is not defined"),  # noqa: F821
        (lambda: split(ARRAY, rate=1), "Compare the names and the order"),
        (lambda: import_module("no_such"), "no such package where this is graded"),
        (lambda: exec("if 1 raise"), "That is no Python"),
        (lambda: np.flaot, "NumPy has no such name"),
        (lambda: endless(), "calls itself, and does so without end"),
        (
            lambda: list(np.array(1.0)),
            "A 0-d array has no",
        ),
        (lambda: list(3), "A single number cannot be looped over"),
        (lambda: np.array([ARRAY, 1.0]), "take them one by one"),
        (lambda: np.hstack([ARRAY, ARRAY[None]]), "with ravel"),
        (lambda: ARRAY.reshape(2, 1) @ ARRAY.reshape(2, 1), "multiply matrices"),
        (lambda: np.dot(np.ones((2, 3)), np.ones((2, 3))), "multiply matrices"),
        (lambda: np.ones((3, 6)) - np.ones(3), "keepdims=True"),
        (lambda: np.array(1.0)[:], "[...] takes the whole"),
        (lambda: exec("x[x > 0] = 1", {"x": np.float64(1)}), "no elements to assign"),
        (lambda: exec("x[0] = 1", {"x": (1,)}), "A tuple cannot be changed"),
        (lambda: 0.1 - (1, 2), "take the results of a function apart"),
        (lambda: 0.1 * (1, 2), "take the results of a function apart"),
        (lambda: (1, 2).copy(), "take the results of a function apart"),
        (lambda: 0.1 * split, "A function stands there in place"),
        (lambda: 0.1 * BowlGradient(), "A function stands there in place"),
        (lambda: list(split), "A function stands there in place"),
    ],
)
def test_an_exception_is_explained(action, words):
    advice = general_advice(Fault("raised", ""), raising(action))
    assert words in " ".join(advice)
    assert len(advice) == 1


def test_a_loop_that_is_stopped_tells_which_case_it_was():
    def loops(x, by=2.0):
        if by == 0:
            raise KeyboardInterrupt  # as a reader's Ctrl-C does
        return split(x, by)

    with pytest.raises(KeyboardInterrupt, match=r"in the case .*by=0"):
        report_of(loops)


# -- The signature ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (lambda x, factor=2.0: x, "Its parameter by is missing or has another name."),
        (lambda x, by=3: x, "Its parameter by has default 3; the exercise has 2.0."),
        (lambda x, by: x, "Its parameter by has no default; the exercise has 2.0."),
        (
            lambda by=2.0, x=None: x,
            "Its parameters stand in another order; here it is x, by.",
        ),
    ],
)
def test_another_signature_is_told(function, sentence):
    assert check_report(function, SHEET).advice[0] == sentence


def test_many_other_parameters_are_told_in_one_sentence():
    wanted = {"theta": None, "grad": None, "lr": "0.001"}
    advice = signature_advice(wanted, {"x": None})
    assert advice == ["Its parameters are not the exercise's: theta, grad, lr."]


def test_the_same_default_may_be_written_otherwise():
    assert signature_advice({"by": "2.0"}, {"by": "2"}) == []


# -- An earlier function ---------------------------------------------------------------

USES = Sheet(
    arguments={"x": None},
    parts=("half",),
    uses=("split",),
    cases=(Published(Case("value", "a number", (4.0,)), 2.0, 0.0, None),),
    mistakes=(),
)


def half_with(split):
    """A function that calls an earlier one, in a notebook of its own."""
    notebook = {"split": split}
    exec("def half(x):\n    return split(x)[0]", notebook)
    return notebook["half"]


def test_a_wrong_earlier_function_is_named():
    report = check_report(half_with(lambda x, by=2.0: (x * by, x / by)), USES)
    assert report.advice == [
        "It calls your split, which fails its own check: mend that first."
    ]


def test_a_right_earlier_function_is_not():
    assert check_report(half_with(split), USES).passed
    notebook = {"split": split}
    exec("def half(x):\n    return split(x)[1]", notebook)
    assert check_report(notebook["half"], USES).advice == []


def test_an_earlier_function_that_is_not_called_is_not_blamed():
    notebook = {"split": lambda x, by=2.0: None}
    exec("def half(x):\n    return x", notebook)
    assert check_report(notebook["half"], USES).advice == []


# -- check() itself --------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_check_prints_whatever_letters_the_terminal_knows(monkeypatch, encoding):
    """A student's message may have any."""
    terminal = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", terminal)

    def split(x, by=2.0):
        raise RuntimeError("\N{GREEK SMALL LETTER THETA} ist für mich zu groß")

    with pytest.raises(AssertionError):
        check(split)
    terminal.flush()
    words = "\N{GREEK SMALL LETTER THETA} ist für mich zu groß"
    assert words.encode(encoding, "backslashreplace") in terminal.buffer.getvalue()


def test_check_prints_and_returns(capsys):
    assert check(split) is None
    assert capsys.readouterr().out == f"{report_of(split)}\n"


def test_check_raises_one_line(capsys):
    wrong = with_factor(lambda x, by: (x * by, x / by))
    with pytest.raises(AssertionError) as error:
        check(wrong)
    assert str(error.value).startswith("split is not right yet. Looks like swapped: ")
    assert "Looks like swapped" in capsys.readouterr().out


@pytest.mark.parametrize("thing", [math.sqrt, lambda x: x, 3, None])
def test_check_of_what_is_no_exercise(thing):
    with pytest.raises(LookupError, match="is no exercise of this course"):
        check(thing)


def test_check_shows_rich_html_in_a_notebook(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", shown.append)
    check(split)
    assert [report.headline for report in shown] == [report_of(split).headline]
    assert capsys.readouterr().out == ""


def test_a_report_has_no_letter_that_the_terminal_lacks(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr("sys.stdout", terminal)

    def split(x, by=2.0):
        raise OverflowError("θ is ∞")

    with pytest.raises(AssertionError):
        check(split)
    terminal.flush()
    assert rb"OverflowError: \u03b8 is \u221e" in terminal.buffer.getvalue()


# -- What is published -----------------------------------------------------------------


def leaves(value, keys=()):
    """Every plain value of some JSON, with the keys that lead to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*keys, key))
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, keys)
    else:
        yield keys, value


WORDS = {"arguments", "dtype", "group", "label", "name", "outputs", "parts", "raises"}
WORDS |= {"expected", "function", "kwargs", "link", "sentence", "through", "uses"}
WORDS |= {"where"}
"""Where a published sheet holds words, and not numbers."""


def test_published_sheets_hold_outputs_and_no_code():
    folder = resources.files("descentlab") / "published"
    files = [file for file in folder.iterdir() if file.name.endswith(".json")]
    assert files, "run make publish"
    for file in files:
        for keys, value in leaves(json.loads(file.read_text(encoding="utf-8"))):
            if isinstance(value, str):
                assert WORDS & set(keys)
                assert not any(
                    code in value for code in ("def ", "lambda", "np.", "\n")
                )
            else:
                assert value is None or isinstance(value, (bool, int, float))

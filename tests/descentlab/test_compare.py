"""How an answer is compared: what is right, and the first fault of what is not."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from descentlab.compare import (
    Answer,
    Case,
    Foreign,
    Raised,
    RemoteError,
    agrees,
    attempt,
    compare,
    describe,
    examine,
    same,
    shielded,
    used,
)

TWO = np.array([1.0, 2.0])


class Everything:
    """An object that claims to equal all others, and to be any array."""

    def __eq__(self, other):
        return True

    def __array__(self, *args, **kwargs):
        return TWO


class Subclass(np.ndarray):
    pass


# -- Numbers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (TWO, TWO),
        (TWO + 1e-9, TWO),
        (TWO.astype(np.float32), TWO),
        (np.array([1, 2]), TWO),
        (np.array(3.0), 3.0),
        (np.float64(3.0), 3.0),
        (np.float32(3.0), np.array(3.0)),
        (3, 3.0),
        (np.zeros((3, 0)), np.zeros((3, 0))),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
        (3, 3),
        (np.int32(3), 3),
        (True, True),
        (np.True_, True),
        (None, None),
        ("linear", "linear"),
        ((TWO, 3.0), (TWO, 3.0)),
        ([TWO, 3.0], (TWO, 3.0)),
        ((TWO, TWO), [TWO, TWO]),
    ],
)
def test_what_is_right(result, expected):
    assert compare(result, expected, tolerance(expected)) is None


def tolerance(expected):
    """A tolerance of the shape of some results."""
    if isinstance(expected, (tuple, list)):
        return [tolerance(part) for part in expected]
    return 1e-8


@pytest.mark.parametrize(
    ("result", "expected", "kind", "text"),
    [
        (TWO * [1, 1 + 1e-6], TWO, "value", "the result[1] is 2, expected 2"),
        (np.array([np.nan, 2.0]), TWO, "value", "the result[0] is nan, expected 1"),
        (np.array([1.0, np.inf]), TWO, "value", "the result[1] is inf, expected 2"),
        (TWO, TWO * [1, np.nan], "value", "the result[1] is 2, expected nan"),
        (-np.inf, np.inf, "value", "the result is -inf, expected inf"),
        (2.0, 3.0, "value", "the result is 2, expected 3"),
        (4, 3, "value", "the result is 4, expected 3"),
        (False, True, "value", "the result is False, expected True"),
        (1, True, "value", "the result is 1, expected True"),
        (None, True, "nothing", "the result is None, expected True"),
        (0.0, None, "value", "the result is 0.0, expected None"),
        ("sqrt", "linear", "value", "an object of type str, expected linear"),
        (None, TWO, "nothing", "the result is None"),
        (None, (TWO, TWO), "nothing", "it returned None"),
        (TWO[:1], TWO, "shape", "the result has shape (1,), expected (2,)"),
        (1.0, TWO, "shape", "the result has shape (), expected (2,)"),
        (TWO[None], TWO, "shape", "the result has shape (1, 2), expected (2,)"),
        ([1.0, 2.0], TWO, "structure", "the result is a list of 2, expected numbers"),
        ("1", 1.0, "structure", "an object of type str, expected numbers"),
        (True, 1.0, "structure", "the result is True, expected numbers"),
        (np.True_, 1.0, "structure", "expected numbers"),
        (TWO.astype(complex), TWO, "structure", "dtype complex128 and shape (2,)"),
        (TWO.astype(object), TWO, "structure", "dtype object and shape (2,)"),
        (TWO.view(Subclass), TWO, "structure", "Subclass of dtype float64"),
        (Everything(), TWO, "structure", "an object of type Everything"),
        (Everything(), (TWO, TWO), "structure", "an object of type Everything"),
        (Everything(), None, "value", "an object of type Everything"),
        (Everything(), True, "value", "an object of type Everything"),
        (Foreign("a generator"), TWO, "structure", "the result is a generator"),
        (3.0, 3, "not-whole", "the result is 3.0, expected an int"),
        (TWO, (TWO, TWO), "structure", "ndarray of dtype float64"),
        ((TWO,), (TWO, TWO), "structure", "it returned 1 results, expected 2: m, v"),
        ((TWO, TWO, TWO), (TWO, TWO), "structure", "3 results, expected 2: m, v"),
        ((TWO, None), (TWO, TWO), "nothing", "v is None"),
        ((TWO, TWO + 1), (TWO, TWO), "value", "v[0] is 2, expected 1"),
        (
            10**400,
            1.0,
            "value",
            "the result is",
        ),
    ],
)
def test_what_is_wrong(result, expected, kind, text):
    parts = ("m", "v") if isinstance(expected, tuple) else ()
    fault = compare(result, expected, tolerance(expected), parts=parts)
    assert fault.kind == kind
    assert text in fault.text


def test_a_named_tuple_is_a_tuple():
    pair = namedtuple("Pair", "m v")(TWO, TWO)
    assert compare(pair, (TWO, TWO), [1e-9, 1e-9]) is None


def test_a_named_tuple_whose_kind_each_call_makes_anew_is_one_too():
    def pair(x):
        return namedtuple("Pair", "m v")(x + 1, x + 2)

    case = Case("purity", "", (TWO,))
    assert fault_of(pair, case, (TWO + 1, TWO + 2), [1e-8, 1e-8]) is None


def test_a_wrong_element_is_located():
    expected = np.arange(6.0).reshape(2, 3)
    result = expected.copy()
    result[1, 2] = 7
    fault = compare(result, expected, 0.0, part="theta")
    assert (fault.part, fault.at, fault.expected, fault.got) == ("theta", (1, 2), 5, 7)
    assert fault.text == "theta[1, 2] is 7, expected 5"


def test_each_number_has_its_own_tolerance():
    allowed = np.array([0.1, 1e-9])
    assert compare(TWO * [1.05, 1], TWO, allowed) is None
    assert compare(TWO * [1, 1.05], TWO, allowed).at == (1,)


def test_the_dtype_counts_where_it_is_asked_for():
    fault = compare((TWO, TWO), (TWO, TWO), [0, 0], np.dtype("float32"), ("m", "v"))
    assert fault.kind == "dtype"
    assert fault.text == "m has dtype float64, expected float32"
    single = TWO.astype(np.float32)
    assert compare(single, TWO, 0.0, np.dtype("float32")) is None
    assert compare(np.float32(1.0), 1.0, 0.0, np.dtype("float32")) is None


def test_wrong_numbers_come_before_a_wrong_dtype():
    assert compare(TWO + 1, TWO, 0.0, np.dtype("float32")).kind == "value"


FLOATS = arrays(np.float64, array_shapes(min_dims=0), elements=st.floats(-1e9, 1e9))


@given(FLOATS)
def test_an_array_is_right_for_itself_and_for_nothing_else(array):
    assert compare(array, array, 0.0) is None
    assert compare(np.nextafter(array, np.inf), array, 0.0).kind == "value"
    assert compare(array[None], array, np.inf).kind == "shape"


# -- Cases -----------------------------------------------------------------------------


def test_attempt_hands_over_copies():
    given = np.zeros(2), [np.zeros(2)]

    def greedy(a, b):
        a += 1
        b[0] += 1
        return a

    answer = attempt(greedy, Case("value", "", given))
    assert answer.changed == (0, 1)
    np.testing.assert_array_equal(answer.result, [1, 1])
    np.testing.assert_array_equal(given[0], [0, 0])


def test_attempt_parts_arguments_that_are_one_array():
    def first_changes(a, b):
        a += 1
        return b

    answer = attempt(first_changes, Case("value", "", (TWO, TWO)))
    np.testing.assert_array_equal(answer.result, TWO)
    assert answer.changed == (0,)


def test_attempt_keeps_a_result_that_the_function_goes_on_using():
    buffer = np.zeros(2)

    def thrifty(x):
        buffer[:] = x
        return buffer, [buffer]

    first = attempt(thrifty, Case("value", "", (TWO,)))
    attempt(thrifty, Case("value", "", (-TWO,)))
    np.testing.assert_array_equal(first.result[0], TWO)
    np.testing.assert_array_equal(first.result[1][0], TWO)


def test_attempt_minds_no_warnings():
    case = Case("value", "", (np.array([0.0]),))
    with np.errstate(all="raise"):
        answer = attempt(lambda x: 1 / x, case)
    assert answer.raised is None
    assert np.isinf(answer.result)


def test_attempt_describes_an_exception():
    class Late(ValueError):
        pass

    def late():
        raise Late("too late\nby a day")

    raised = attempt(late, Case("value", "")).raised
    assert raised.kinds == ("Late", "ValueError", "Exception", "BaseException")
    assert str(raised) == "Late: too late"
    assert str(Raised(("ValueError",), "")) == "ValueError"


def test_an_exception_out_of_a_sandbox_keeps_its_place():
    raised = Raised(("NameError",), "x", line=3)

    def remote():
        raise RemoteError(raised)

    assert attempt(remote, Case("value", "")).raised is raised


def fault_of(function, case, expected=None, allowed=1e-8, **more):
    return examine(function, case, expected, allowed, **more)[1]


def refusing(error):
    def function(x):
        raise error

    return function


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (refusing(ValueError("no")), None),
        (refusing(UnicodeError("a ValueError too")), None),
        (refusing(TypeError("no")), "other-error"),
        (refusing(AssertionError), "other-error"),
        (lambda x: x, "silent"),
        (lambda x: ValueError("no"), "silent"),
        (lambda x: None, "silent"),
    ],
)
def test_where_an_error_is_right(function, kind):
    fault = fault_of(function, Case("errors", "", (0,), raises="ValueError"))
    assert (fault and fault.kind) == kind


def test_an_error_where_none_is_right():
    fault = fault_of(refusing(ValueError("no")), Case("value", "", (TWO,)), TWO)
    assert (fault.kind, fault.text) == ("raised", "it raised ValueError: no")


def test_the_dtype_counts_in_its_own_group_alone():
    for group, kind in [("value", None), ("edges", None), ("dtype", "dtype")]:
        case = Case(group, "", (TWO.astype(np.float32),))
        fault = fault_of(lambda x: x + np.float64(0), case, TWO, dtype=np.float32)
        assert (fault and fault.kind) == kind


def test_purity_counts_in_its_own_group_alone():
    def changing(x):
        x += 1
        return x

    for group, kind in [("value", None), ("purity", "changed")]:
        fault = fault_of(changing, Case(group, "", (TWO,)), TWO + 1)
        assert (fault and fault.kind) == kind


def test_a_function_that_remembers_is_not_pure():
    calls = []

    def counting(x):
        calls.append(x)
        return x + (len(calls) > 1)

    fault = fault_of(counting, Case("purity", "", (TWO,)), TWO)
    assert fault.kind == "unstable"


def test_a_function_that_fails_the_second_time_is_not_pure():
    calls = iter([TWO])
    fault = fault_of(lambda x: next(calls), Case("purity", "", (TWO,)), TWO)
    assert fault.kind == "unstable"


def test_a_function_that_hands_out_one_array_again_and_again_is_not_pure():
    buffer = np.empty(2)

    def keeping(x):
        return np.add(x, 1, out=buffer)

    for group, kind in [("value", None), ("purity", "unstable")]:
        fault = fault_of(keeping, Case(group, "", (TWO,)), TWO + 1)
        assert (fault and fault.kind) == kind


def test_arguments_that_an_exercise_forbids_are_no_fault_of_the_functions():
    def strict(x):
        if x[0] < 1:
            raise ValueError("too small")
        return x + 1

    assert fault_of(strict, Case("purity", "", (TWO,)), TWO + 1) is None


def test_a_pure_function_may_return_its_argument():
    assert fault_of(lambda x: x, Case("purity", "", (TWO,)), TWO) is None


# -- Likeness --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "other", "like"),
    [
        (TWO, TWO, True),
        (TWO + 1e-10, TWO, True),
        (TWO + 1e-7, TWO, False),
        ((TWO, TWO), (TWO, TWO), True),
        ((TWO, TWO), (TWO, -TWO), False),
        (TWO * 1e-20, TWO * 1e-20 * (1 + 1e-10), True),
        (TWO * 1e-20, TWO * 1.1e-20, False),
        (TWO * [np.inf, np.nan], TWO * [np.inf, np.nan], True),
        (np.zeros(0), np.zeros(0), True),
        (None, None, True),
        (None, TWO, False),
        (3, 3, True),
    ],
)
def test_answers_that_are_like_one_another(result, other, like):
    assert agrees(Answer(result), Answer(other)) == like


def test_errors_are_like_errors():
    value, name = (Answer(raised=Raised((k,), "")) for k in ("ValueError", "NameError"))
    assert agrees(value, name)
    assert not agrees(value, Answer(TWO))
    assert not agrees(Answer(TWO), value)


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (TWO, TWO.copy(), True),
        (TWO, TWO.astype(np.float32), False),
        (TWO, TWO[None], False),
        (TWO, [1.0, 2.0], False),
        (np.array([0.0]), np.array([-0.0]), False),
        (np.array([np.nan]), np.array([np.nan]), True),
        (np.float64(1), np.array(1.0), True),
        ((TWO, 1), (TWO, 1), True),
        ((TWO, 1), [TWO, 1], False),
        ((TWO,), (TWO, 1), False),
        (1, 1.0, False),
        (float("nan"), float("nan"), True),
        (max, min, True),
        (np.random.default_rng(1), np.random.default_rng(2), True),
    ],
)
def test_same_is_bit_by_bit(a, b, equal):
    assert same(a, b) == equal


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (TWO, "ndarray of dtype float64 and shape (2,)"),
        (np.float32(1), "float32 of dtype float32 and shape ()"),
        ((1, 2), "a tuple of 2"),
        ([], "a list of 0"),
        (None, "None"),
        (0.5, "0.5"),
        (Foreign("something else"), "something else"),
        ("a secret", "an object of type str"),
    ],
)
def test_describe(value, words):
    assert describe(value) == words


# -- Functions that a function calls ---------------------------------------------------


NOTEBOOK = """
def step(x):
    x += 1
    return x

def helper(x):
    return step(x)

def direct(x):
    return step(x)

def inside(x):
    return [step(y) for y in [x]][0]

def through(x):
    return helper(x)

def beside(x, step=None):
    return x + 1

def fails(x):
    return step(x) / None
"""


@pytest.fixture
def cells():
    namespace = {}
    exec(NOTEBOOK, namespace)
    return namespace


@pytest.mark.parametrize(
    ("name", "found"),
    [("direct", True), ("inside", True), ("through", True), ("beside", False)],
)
def test_used(cells, name, found):
    assert used(cells[name], ["sync", "step"]) == ["step"] * found


def test_what_is_no_function_uses_nothing():
    assert used(np.sqrt, ["step"]) == used(3, ["step"]) == []


@pytest.mark.parametrize("name", ["direct", "inside", "through"])
def test_a_shielded_function_keeps_its_arrays(cells, name):
    x = np.zeros(2)
    function = shielded(cells[name], ["step", "missing"])
    assert function.__name__ == name
    np.testing.assert_array_equal(function(x), [1, 1])
    np.testing.assert_array_equal(x, [0, 0])


def test_a_buffer_that_is_handed_out_again_and_again_does_no_harm(cells):
    buffer = np.zeros(1)
    cells["step"] = lambda x: np.add(x, 1, out=buffer)
    exec("def pair(): return [step(1.0), step(2.0)]", cells)
    np.testing.assert_array_equal(shielded(cells["pair"], ["step"])(), [[2], [3]])


def test_afterwards_the_notebook_is_as_before(cells):
    before = dict(cells)
    with pytest.raises(TypeError):
        shielded(cells["fails"], ["step"])(np.zeros(2))
    assert cells == before


# -- Several right answers, and lists in lists -----------------------------------------

FIRST = {"expected": [1.0, 2.0], "tolerance": [1e-9, 1e-9]}
OTHER = ([3.0, 4.0], [1e-9, 1e-9])


@pytest.mark.parametrize(
    ("result", "right"),
    [((1.0, 2.0), True), ([3.0, 4.0], True), ((1.0, 4.0), False), ((5.0, 6.0), False)],
)
def test_an_answer_agrees_with_one_expectation_as_a_whole(result, right):
    case = Case("value", "two numbers")
    _, fault = examine(lambda: result, case, **FIRST, others=[OTHER])
    assert (fault is None) == right


def test_a_fault_is_told_by_the_first_expectation():
    _, fault = examine(lambda: (3.0, 5.0), Case("value", ""), **FIRST, others=[OTHER])
    assert (fault.expected, fault.got) == (1.0, 3.0)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (([np.ones(2), np.zeros(1)], 1.0), "clipped[1][0] is 0, expected 1"),
        (([np.ones(2)], 1.0), "clipped has 1 items, expected 2"),
        ((np.ones(2), 1.0), "clipped is ndarray of dtype float64 and shape (2,)"),
        ((None, 1.0), "clipped is None"),
    ],
)
def test_lists_in_results_are_named_by_their_part(result, text):
    expected = ([np.ones(2), np.ones(1)], 1.0)
    fault = compare(result, expected, ([0.0, 0.0], 0.0), parts=("clipped", "norm"))
    assert fault.text.startswith(text)


def test_a_number_among_the_results_has_no_dtype():
    single = [np.ones(2, np.float32)], 1.5
    expected = [np.ones(2)], 1.5
    assert compare(single, expected, ([0.0], 0.0), np.dtype("float32")) is None

"""Play a case on a function, and say what is wrong with the answer.

The self-check in the notebook and the judge outside it use this one module, so that
the two cannot disagree about an answer.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from types import CodeType
from typing import Any

import numpy as np

from descentlab.callbacks import CALLBACKS

GROUPS = {
    "value": "values and state",
    "dtype": "dtype",
    "edges": "edge cases",
    "errors": "errors",
    "purity": "purity",
}
"""The groups of marks, the first of which must pass before any other counts."""

WHOLE = "the result"
"""What messages call a result that has no name of its own."""


class Seed(int):
    """Stands among a case's arguments for ``numpy.random.default_rng(seed)``."""

    def __repr__(self) -> str:
        return f"default_rng({int(self)})"

    def generator(self) -> np.random.Generator:
        """A fresh generator."""
        return np.random.default_rng(int(self))


@dataclass(frozen=True)
class Property:
    """What is compared where many results are right, as those of a random draw are.

    ``find(function, *args)`` calls the function as often as it takes, and puts what it
    finds into words, one text for each name in ``parts``: the same for all that is
    right.
    """

    name: str
    parts: tuple[str, ...]
    find: Callable[..., tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """One call of an exercise's function.

    ``group`` is the group of marks that it belongs to, ``label`` what a student reads
    of it, ``raises`` the name of the exception that is the right answer. Where
    ``through`` is given, that property of the function is compared, not its result.
    """

    group: str
    label: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    raises: str | None = None
    through: Property | None = None

    def play(self, function: Callable[..., Any]) -> Any:
        """Call the function; cases of many calls override this."""
        if self.through is not None:
            return self.through.find(function, *self.args, **self.kwargs)
        args = (x.generator() if isinstance(x, Seed) else x for x in self.args)
        return function(*args, **self.kwargs)


@dataclass(frozen=True)
class Raised:
    """An exception: the names of its class and bases, its message, its place."""

    kinds: tuple[str, ...]
    message: str
    line: int | None = None

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """Describe an exception; one that came out of a sandbox brings its own."""
        if isinstance(error, RemoteError):
            return error.raised
        kinds = tuple(base.__name__ for base in type(error).__mro__[:-1])
        message = str(error)
        for name in CALLBACKS:
            message = message.replace(f"'{name}'", "'function'")
        return cls(kinds, message)

    def __str__(self) -> str:
        first = self.message.strip().split("\n")[0][:200]
        return f"{self.kinds[0]}: {first}" if first else self.kinds[0]


class RemoteError(Exception):
    """What the student's function raised, on the other side of a pipe."""

    def __init__(self, raised: Raised) -> None:
        super().__init__(str(raised))
        self.raised = raised


@dataclass(frozen=True)
class Foreign:
    """Stands for a result that cannot leave its sandbox, such as an object array."""

    text: str


@dataclass(frozen=True)
class Answer:
    """What a function did with a case: its result, or what it raised.

    ``changed`` tells which arguments, by position, it changed in place.
    """

    result: Any = None
    raised: Raised | None = None
    changed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fault:
    """What is wrong with an answer.

    ``kind`` is one of ``raised``, ``silent`` (should have raised), ``other-error``,
    ``nothing``, ``structure``, ``not-whole``, ``shape``, ``dtype``, ``whole`` (a whole
    number where a float is right), ``value``, ``single`` (a value cut to float32),
    ``changed``, ``unstable``. ``part`` names the result concerned, ``at`` the index of
    the first wrong element.
    """

    kind: str
    text: str
    part: str = ""
    at: tuple[int, ...] = ()
    expected: Any = None
    got: Any = None


def attempt(function: Callable[..., Any], case: Case) -> Answer:
    """Play a case on a function, on copies of its arguments."""
    # One by one: arguments that are one array must not stay one.
    fresh = replace(case, args=tuple(copy.deepcopy(value) for value in case.args))
    try:
        # A student's warnings are neither right nor wrong.
        with np.errstate(all="ignore"):
            result = fresh.play(function)
    except Exception as error:
        return Answer(raised=Raised.of(error))
    pairs = enumerate(zip(case.args, fresh.args, strict=True))
    changed = tuple(i for i, (old, new) in pairs if not same(old, new))
    # A function that keeps its buffers would otherwise change this answer later.
    return Answer(result=_detached(result), changed=changed)


def examine(
    function: Callable[..., Any],
    case: Case,
    expected: Any,
    tolerance: Any,
    dtype: Any = None,
    parts: Sequence[str] = (),
    others: Sequence[tuple[Any, Any]] = (),
) -> tuple[Answer, Fault | None]:
    """Play a case and compare the answer with what is expected.

    Args:
        function: the student's.
        case: what to call it with.
        expected: the right results in float64; unused where an exception is right.
        tolerance: the difference allowed for each number, nested as the results are.
        dtype: what arrays must have where the case belongs to group ``dtype``, or a
            tuple with what each of the results must have; without one, floats of any
            size are right there.
        parts: the names of the results, for the message.
        others: further results that are as right as the first, each whole and with its
            own tolerance.
    """
    answer, fault = ask(function, case)
    if fault is None and case.raises is None:
        fault = appraise(answer, case, expected, tolerance, dtype, parts, others)
    return answer, fault


def ask(function: Callable[..., Any], case: Case) -> tuple[Answer, Fault | None]:
    """Play a case, and tell what is wrong before anyone looks at the numbers."""
    answer = attempt(function, case)
    if case.raises is not None:
        return answer, _missing_error(answer, case.raises)
    if answer.raised is not None:
        return answer, Fault("raised", f"it raised {answer.raised}")
    if case.group == "purity":
        return answer, _impurity(function, case, answer)
    return answer, None


def appraise(
    answer: Answer,
    case: Case,
    expected: Any,
    tolerance: Any,
    dtype: Any = None,
    parts: Sequence[str] = (),
    others: Sequence[tuple[Any, Any]] = (),
) -> Fault | None:
    """Compare an answer with what is expected: see ``examine``."""
    if case.through is not None:
        parts = case.through.parts
    wanted = (dtype or np.floating) if case.group == "dtype" else None
    fault = compare(answer.result, expected, tolerance, wanted, parts)
    for other in others if fault is not None else ():
        if compare(answer.result, *other, wanted, parts) is None:
            return None
    if fault is not None and fault.kind == "value" and _is_cut(answer, case, expected):
        return replace(fault, kind="single")
    return fault


def _is_cut(answer: Answer, case: Case, expected: Any) -> bool:
    """Whether numbers are wrong only in the digits that float32 does not have."""
    given, found = _float_sizes(case.args), _float_sizes(answer.result)
    if given != {8} or min(found, default=8) == 8:
        return False
    return compare(answer.result, expected, likeness(expected, 1e-6)) is None


def _float_sizes(value: Any) -> set[int]:
    """How many bytes the floats of all arrays in a value take."""
    if isinstance(value, (tuple, list)):
        return set().union(*map(_float_sizes, value))
    is_floating = (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f"
    )
    return {value.dtype.itemsize} if is_floating else set()


def compare(
    result: Any,
    expected: Any,
    tolerance: Any,
    dtype: Any = None,
    parts: Sequence[str] = (),
    part: str = WHOLE,
) -> Fault | None:
    """The first fault of a result, or ``None`` where it is right."""
    if isinstance(expected, (tuple, list)):
        return _compare_sequence(result, expected, tolerance, dtype, parts, part)
    if expected is None or isinstance(expected, (bool, np.bool_, str)):
        return _compare_exact(result, expected, part)
    return _compare_numbers(result, expected, tolerance, dtype, part)


def agrees(answer: Answer, other: Answer) -> bool:
    """Whether two functions did the same: like results, or both an error."""
    if answer.raised is not None or other.raised is not None:
        return bool(answer.raised and other.raised)
    return compare(answer.result, other.result, likeness(other.result)) is None


def likeness(result: Any, share: float = 1e-9) -> Any:
    """A tolerance for naming a mistake: a share of a result's largest number."""
    if isinstance(result, (tuple, list)):
        return [likeness(item, share) for item in result]
    if isinstance(result, (np.ndarray, np.generic, float)) and np.size(result):
        return share * np.max(np.abs(np.nan_to_num(result)))
    return 0.0


def used(function: Callable[..., Any], names: Sequence[str]) -> list[str]:
    """Those of some global names that a function uses, itself or through a helper."""
    namespace = getattr(function, "__globals__", {})
    found: set[str] = set()
    waiting = [getattr(function, "__code__", None)]
    while waiting:
        code = waiting.pop()
        if isinstance(code, CodeType):
            # A comprehension or an inner function is a constant of the outer one.
            waiting += [x for x in code.co_consts if isinstance(x, CodeType)]
            new = set(code.co_names) - found
            waiting += [getattr(namespace.get(x), "__code__", None) for x in new]
            found |= new
    return [name for name in names if name in found]


def shielded(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """A function that some other functions, called in it, cannot do any harm.

    Args:
        names: the global names of those. They get copies of their arguments, and their
            results are copied: what they write into is nobody else's.
    """
    if hasattr(function, "shielded"):
        # Beyond a pipe, the other side has to do it.
        remote: Callable[..., Any] = function.shielded(names)
        return remote
    namespace = getattr(function, "__globals__", {})

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        own = {x: namespace[x] for x in names if callable(namespace.get(x))}
        namespace.update({x: partial(_on_copies, f) for x, f in own.items()})
        try:
            return function(*args, **kwargs)
        finally:
            namespace.update(own)

    return call


def _on_copies(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return copy.deepcopy(function(*copy.deepcopy(args), **copy.deepcopy(kwargs)))


def same(a: Any, b: Any) -> bool:
    """Whether two arguments or results are the same, bit by bit."""
    if isinstance(a, (tuple, list)):
        if type(a) is not type(b) or len(a) != len(b):
            return False
        return all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, (np.ndarray, np.generic)):
        return (
            isinstance(b, (np.ndarray, np.generic))
            and a.dtype == b.dtype
            and a.shape == b.shape
            and a.tobytes() == b.tobytes()
        )
    if callable(a) or isinstance(a, np.random.Generator):
        return True
    return type(a) is type(b) and bool(a == b or a != a)


def _detached(result: Any) -> Any:
    if isinstance(result, np.ndarray):
        return result.copy()
    if isinstance(result, (tuple, list)):
        # A named tuple too: its kind may be made anew by each call.
        kind = tuple if isinstance(result, tuple) else list
        return kind(_detached(item) for item in result)
    return result


def _missing_error(answer: Answer, wanted: str) -> Fault | None:
    if answer.raised is None:
        return Fault("silent", f"it returned a result where {wanted} was expected")
    if wanted not in answer.raised.kinds:
        text = f"it raised {answer.raised}, expected {wanted}"
        return Fault("other-error", text)
    return None


def _impurity(function: Callable[..., Any], case: Case, answer: Answer) -> Fault | None:
    if answer.changed:
        which = ", ".join(str(i + 1) for i in answer.changed)
        text = f"it changed its argument number {which} in place"
        return Fault("changed", text, at=answer.changed)
    again = attempt(function, case)
    if again.raised is not None or not same(answer.result, again.result):
        text = "the same call gave another answer the second time"
        return Fault("unstable", text)
    # A case of many calls is one play of them, with arguments of its own.
    if type(case) is Case:
        kept = attempt(partial(_kept, function), case)
        if not same(answer.result, kept.result):
            text = "a later call changed what it had returned: make a new array"
            return Fault("unstable", text)
    return None


def _kept(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call's result as it is after another call, on other numbers."""
    other = tuple(_halved(copy.deepcopy(value)) for value in args)
    if hasattr(function, "kept"):
        # Beyond a pipe results are copies: there the other side has to look.
        return function.kept(other, *args, **kwargs)
    result = function(*args, **kwargs)
    # Whether the exercise allows these numbers is not asked.
    with suppress(Exception):
        function(*other, **kwargs)
    return result


def _halved(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_halved(item) for item in value)
    is_floating = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return value * value.dtype.type(0.5) if is_floating else value


def _compare_sequence(
    result: Any,
    expected: Any,
    tolerance: Any,
    dtype: Any,
    parts: Sequence[str],
    part: str,
) -> Fault | None:
    """Compare a tuple or a list with a tuple or a list, one as good as the other."""
    count, named = len(expected), _listed(parts)
    whole = part == WHOLE
    if result is None:
        said = "it returned None" if whole else f"{part} is None"
        return Fault("nothing", said, part)
    if not isinstance(result, (tuple, list)):
        said = f"it returned {describe(result)}, expected {count} results{named}"
        inner = f"{part} is {describe(result)}, expected a list of {count}"
        return Fault("structure", said if whole else inner)
    if len(result) != count:
        said = f"it returned {len(result)} results, expected {count}{named}"
        inner = f"{part} has {len(result)} items, expected {count}"
        return Fault("structure", said if whole else inner)
    for i, (item, want, allowed) in enumerate(
        zip(result, expected, tolerance, strict=True)
    ):
        inner = f"result {i + 1}" if whole else f"{part}[{i}]"
        name = parts[i] if i < len(parts) else inner
        own = dtype[i] if isinstance(dtype, tuple) else dtype
        fault = compare(item, want, allowed, own, part=name)
        if fault is not None:
            return fault
    return None


def _listed(parts: Sequence[str]) -> str:
    return f": {', '.join(parts)}" if parts else ""


def _compare_exact(result: Any, expected: Any, part: str) -> Fault | None:
    kinds = (bool, np.bool_) if isinstance(expected, (bool, np.bool_)) else (str,)
    right = result is None if expected is None else isinstance(result, kinds)
    if right and result == expected:
        return None
    if result is None:
        return Fault("nothing", f"{part} is None, expected {expected}", part)
    text = f"{part} is {describe(result)}, expected {expected}"
    return Fault("value", text, part, expected=expected, got=result)


def _compare_numbers(
    result: Any, expected: Any, tolerance: Any, dtype: Any, part: str
) -> Fault | None:
    """Compare an array or a number with an array or a number."""
    if result is None:
        return Fault("nothing", f"{part} is None", part)
    if isinstance(result, (bool, str)) or not _numeric(result):
        text = f"{part} is {describe(result)}, expected numbers"
        return Fault("structure", text, part)
    shape, got = np.shape(expected), np.shape(result)
    if got != shape:
        text = f"{part} has shape {got}, expected {shape}"
        return Fault("shape", text, part, expected=shape, got=got)
    if isinstance(expected, (int, np.integer)) and not _whole(result):
        text = f"{part} is {describe(result)}, expected an int"
        return Fault("not-whole", text, part)
    # A number that is computed from arrays may be a Python float: it has no dtype.
    wanted = None if type(expected) is float else dtype
    array = np.asarray(result)
    if wanted is np.floating and array.dtype.kind != "f":
        # Before the values: what was cut off explains them.
        text = f"{part} has dtype {array.dtype}, expected floats"
        return Fault("whole", text, part)
    fault = _compare_values(array, expected, tolerance, part)
    if fault is None and wanted is not None and not np.issubdtype(array.dtype, wanted):
        text = f"{part} has dtype {array.dtype}, expected {wanted}"
        return Fault("dtype", text, part)
    return fault


def _compare_values(
    result: np.ndarray, expected: Any, tolerance: Any, part: str
) -> Fault | None:
    try:
        got = result.astype(np.float64)
    except OverflowError:
        text = f"{part} is an int that no float can hold"
        return Fault("value", text, part, expected=float(expected), got=np.inf)
    want = np.asarray(expected, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        close = (np.abs(got - want) <= tolerance) | (got == want)
    close |= np.isnan(got) & np.isnan(want)
    if close.all():
        return None
    at = (
        tuple(int(i) for i in np.argwhere(~np.atleast_1d(close))[0])
        if want.ndim
        else ()
    )
    text = f"{part}{list(at) if at else ''} is {got[at]:.6g}, expected {want[at]:.6g}"
    return Fault("value", text, part, at, float(want[at]), float(got[at]))


def _numeric(result: Any) -> bool:
    """Whether it is a plain real number or a plain array of them."""
    if type(result) is np.ndarray or isinstance(result, np.generic):
        return result.dtype.kind in "iuf"
    return type(result) in (int, float)


def _whole(result: Any) -> bool:
    return type(result) is int or isinstance(result, np.integer)


def describe(value: Any) -> str:
    """A few words for a value: what it is, not all that it holds."""
    if isinstance(value, (np.ndarray, np.generic)):
        kind = type(value).__name__
        return f"{kind} of dtype {value.dtype} and shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Foreign):
        return value.text
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return f"an object of type {type(value).__name__}"

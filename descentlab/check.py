"""The self-check in the notebook: ``check(function)`` plays the published cases."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from descentlab.compare import (
    GROUPS,
    WHOLE,
    Answer,
    Case,
    Fault,
    Raised,
    agrees,
    compare,
    examine,
    shielded,
    used,
)
from descentlab.published import Mistake, Published, Sheet, sheet_of
from descentlab.report import Line, Report, show_call

Item = TypeVar("Item")

ADVICE = {
    "changed": "Work on a new array (theta - ..., not theta -= ...): the caller still"
    " needs the old one.",
    "unstable": "Keep nothing between calls: everything that the function needs comes"
    " in as an argument.",
    "dtype": "Something in the formula is a NumPy float64 and draws the float32 arrays"
    " up with it, such as np.sqrt of a number or np.zeros without a dtype: make scalars"
    " Python floats, with float(...), and give new arrays the dtype of theta.",
    "whole": "An array that is made like a whole-numbered one (zeros_like, full_like,"
    " copy) holds whole numbers too, and cuts off what is behind the point: give it"
    " dtype=float.",
    "silent": "Test the argument first and raise the error, with a message that says"
    " what was wrong.",
    "other-error": "Raise the error that the exercise names, with raise and before"
    " anything is computed: a caller can catch that one.",
    "assert": "Raise the error that the exercise names, with raise: a caller can"
    " catch that one, and an assert may be switched off.",
    "endless": "Is there a loop that never ends, or an array that grows and grows?",
    "nothing": "The function returns nothing: printing shows a value, return hands it"
    " over.",
    "nothing-here": "Here it returns None, elsewhere it does not: one way through the"
    " function ends without a return, or a test sends this call the wrong way.",
    "part-nothing": "One of the results is None: it comes from a function that has no"
    " return, or that works in place, as shuffle and sort do.",
    "not-bool": "The answer is True or False itself, of type bool.",
    "digits": "The first digits are right: is a constant rounded, a small number added,"
    " or something computed in float32?",
    "single": "Your numbers have no more digits than float32 has: keep the dtype of the"
    " arguments, here float64.",
    "structure": "Return arrays, all that the exercise names and in its order.",
    "not-whole": "A count is a whole number, of type int: neither range nor a slice"
    " takes a float, even where it is whole.",
    "shape": "Compare it with the shape that the exercise names. A formula that works"
    " element by element holds no sum, mean, dot product or fixed index.",
    "no-number": "One number is expected here, not an array.",
    "lengths": "The number of axes is right, their lengths are not: count what you put"
    " into it.",
    "axes": "It has more axes than the shape that the exercise names.",
}
"""One sentence for each kind of fault that means the same in every exercise."""

ERRORS = {
    "NotImplementedError": "It still raises NotImplementedError: replace that line by"
    " your code.",
    "NameError": "A name in the function is not defined: a slip of the pen, or a cell"
    " above that was not run.",
    "ZeroDivisionError": "Something divides by zero: which quantity can be zero, and"
    " what is the answer then?",
    "RecursionError": "The function calls itself, and does so without end.",
    "UnboundLocalError": "A variable is used before it has got a value.",
    "ModuleNotFoundError": "There is no such package where this is graded: NumPy and"
    " what comes with Python are enough for every exercise.",
    "SyntaxError": "That is no Python: look at this line, and at the end of the one"
    " above it.",
    "EOFError": "Nobody answers an input() where this is graded: all that the function"
    " needs comes in as an argument.",
    "OSError": "Files, programs and the network are not there where this is graded: all"
    " that the function needs comes in as an argument.",
    "TypeError": "Compare the names and the order of the arguments with the exercise,"
    " and what each operation is given.",
}
"""One sentence for an exception that the function should not have raised."""

MESSAGES = {
    "'numpy' has no attribute": "NumPy has no such name: a slip of the pen, or one that"
    " newer versions have dropped, such as np.float.",
    "truth value of an array": "A whole array has no single truth value, so if, and,"
    " min and max cannot ask it: let NumPy decide for each element.",
    "bitwise_xor": "In Python ^ is not a power: that is written **.",
    "unsupported operand type(s) for ^": "In Python ^ is not a power: that is written"
    " **.",
    "converted to Python scalars": "A function of the math module takes one number; the"
    " arguments are arrays: use its NumPy twin.",
    "Cannot cast ufunc": "An array of whole numbers takes in no fraction: make it with"
    " dtype=float.",
    "inhomogeneous": "Arrays of different shapes do not make one array: take them one"
    " by one.",
    "must have same number of dimensions": "Arrays of different shapes are not joined"
    " as they are: make each one-dimensional first, with ravel.",
    "mismatch in its core dimension": "@ and np.dot multiply matrices: where arrays are"
    " taken as vectors, multiply element by element and sum, or ravel them first.",
    "not aligned": "@ and np.dot multiply matrices: where arrays are taken as vectors,"
    " multiply element by element and sum, or ravel them first.",
    "could not be broadcast together": "The shapes of two arrays do not fit: print"
    " both. A mean or a sum along an axis keeps that axis with keepdims=True.",
    "too many indices for array": "The array has fewer axes than you index, a 0-d one"
    " has none: [...] takes the whole of any array.",
    "unsized object": "A 0-d array has no length: let NumPy work on all elements at"
    " once, without a loop.",
    "iteration over a 0-d array": "A 0-d array has no rows: let NumPy work on all"
    " elements at once, without a loop.",
    "zero-size array": "An empty array has no largest or smallest element: the formula"
    " needs none.",
    "need at least one array": "An empty list holds no array to join: what is the"
    " answer where there is nothing to add up?",
    "size 0 inputs": "An empty array has no first element to take a type from: tell"
    " np.vectorize with otypes=[float].",
    "NoneType": "Something is None there: a function that was called has no return, or"
    " works in place, as shuffle and sort do.",
    "'tuple' object does not support item assignment": "A tuple cannot be changed: make"
    " a new one.",
    "object does not support item assignment": "A single number has no elements to"
    " assign to, and a 0-d array becomes one in any arithmetic: np.where takes numbers"
    " and arrays alike.",
    "'tuple'": "Something is a tuple there: take the results of a function apart, as in"
    " a, b = f(x).",
    "multiply sequence": "Something is a tuple or a list there: take the results of a"
    " function apart, as in a, b = f(x).",
    "'function'": "A function stands there in place of what it returns: call it.",
    "object is not iterable": "A single number cannot be looped over: let NumPy work on"
    " numbers and arrays alike, without a loop.",
}
"""One sentence for words in an exception's message, more telling than its class."""


def check(function: Callable[..., Any]) -> None:
    """Play the published cases on your function and report what passed.

    Args:
        function: your answer to the exercise of its name.

    Raises:
        AssertionError: where a case fails; the report above it says what that means.
        LookupError: where the function is no exercise of this course.
    """
    __tracebackhide__ = True
    name = getattr(function, "__name__", type(function).__name__)
    report = check_report(function, sheet_of(name))
    _display(report)
    if not report.passed:
        # Where the report is not seen, as in nbgrader validate, this is all there is.
        said = report.advice[0] if report.advice else report.headline
        raise AssertionError(f"{name} is not right yet. {said}")


def check_report(function: Callable[..., Any], sheet: Sheet) -> Report:
    """Play a sheet's cases on a function.

    Where an earlier function, which it calls, is wrong, they are played again on copies
    of what that gets: a function is not to blame for what another does to its arrays.
    """
    report = _report(function, sheet)
    if report.passed:
        return report
    wrong = _wrong_earlier(function, sheet.uses)
    if not wrong:
        return report
    again = _report(shielded(function, wrong), sheet)
    if _groups_passed(again) > _groups_passed(report):
        return replace(again, advice=[shield_advice(wrong), *again.advice])
    return replace(report, advice=[*report.advice, earlier_advice(wrong)])


def _groups_passed(report: Report) -> int:
    return sum(line.passed for line in report.lines)


def _report(function: Callable[..., Any], sheet: Sheet) -> Report:
    name = function.__name__
    played = [(item, *_examine(function, item, sheet)) for item in sheet.cases]
    lines = group_lines((item.case, fault) for item, _, fault in played)
    wrong = sum(fault is not None for *_, fault in played)
    if not wrong:
        headline = f"{name}: all {len(played)} published cases pass"
        return Report(headline, True, lines)
    headline = f"{name}: {wrong} of {len(played)} published cases fail"
    values = [row for row in played if row[0].case.group == "value"]
    shown = values if any(fault for *_, fault in values) else played
    (item, answer), fault = clearest(((i, a), i.case, f) for i, a, f in shown)
    answers = [answer for _, answer, _ in values]
    of_numbers = item.case.group == "value"
    # What is right in all of them may be like a mistake that has another type.
    mistake = name_mistake(answers, sheet) if of_numbers else None
    advice = [
        *signature_advice(sheet.arguments, arguments_of(function)),
        *([mistake_advice(mistake.name, mistake.sentence)] if mistake else []),
        *general_advice(fault, answer.raised, any_result(a for _, a, _ in played)),
    ]
    facts = failure_facts(name, sheet.arguments, item.case, fault)
    if not of_numbers:
        return Report(headline, False, lines, facts, advice)
    advice += parts_advice(
        sheet.parts, [(a.result, i.expected, i.tolerance) for i, a, _ in values]
    )
    names = [mistake.name] if mistake else []
    return Report(headline, False, lines, facts, advice, sheet.where, sheet.link, names)


def clearest(wrong: Iterable[tuple[Item, Case, Fault | None]]) -> tuple[Item, Fault]:
    """The failure to show: one with small arguments, and seen at a glance.

    Args:
        wrong: what was played, its case and its fault. Those without one are left out,
            and of the others only the first group of marks counts.
    """
    faults = [(item, case, fault) for item, case, fault in wrong if fault]
    group = [row for row in faults if row[1].group == faults[0][1].group]
    seen = [row for row in group if _is_seen(row[2])]
    item, _, fault = min(seen or group, key=lambda row: _size(row[1]))
    return item, fault


def _is_seen(fault: Fault) -> bool:
    """Whether expected and got differ in their first digits."""
    numbers = fault.kind == "value" and isinstance(fault.expected, float)
    return not numbers or f"{fault.got:.4g}" != f"{fault.expected:.4g}"


def _size(case: Case) -> float:
    """How many numbers a call is given; a case of many calls shows none of them."""
    if not (case.args or case.kwargs):
        return np.inf
    return max(1, sum(_numbers(value) for value in case.args))


def _numbers(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        return sum(map(_numbers, value))
    return int(np.size(value))


def group_lines(played: Iterable[tuple[Case, Fault | None]]) -> list[Line]:
    """One line for each group of marks: how many of its cases pass."""
    faults: dict[str, list[Fault | None]] = {}
    for case, fault in played:
        faults.setdefault(case.group, []).append(fault)
    lines = []
    for group, title in GROUPS.items():
        if group in faults:
            total, good = len(faults[group]), faults[group].count(None)
            lines.append(Line(good == total, title, f"{good} of {total}"))
    return lines


def failure_facts(
    name: str, arguments: Iterable[str], case: Case, fault: Fault
) -> list[tuple[str, str]]:
    """What shows a failure: the case, the call, expected and got."""
    facts = case_facts(name, arguments, case)
    if fault.kind in ("value", "single"):
        part = fault.part.removeprefix("the ")
        where = f"{part}{list(fault.at) if fault.at else ''}"
        want, got = _side_by_side(fault.expected, fault.got)
        facts += [("expected", f"{where} = {want}"), ("got", f"{where} = {got}")]
    else:
        changed = [list(arguments)[i] for i in fault.at if fault.kind == "changed"]
        names = f": {', '.join(changed)}" if changed else ""
        facts.append(("what happened", f"{fault.text}{names}"))
    return facts


def case_facts(
    name: str, arguments: Iterable[str], case: Case
) -> list[tuple[str, str]]:
    """The case and its call; a case of many calls has its label alone."""
    if not (case.args or case.kwargs):
        return [("case", case.label)]
    call = show_call(name, arguments, case.args, case.kwargs)
    return [("case", case.label), ("call", call)]


def general_advice(
    fault: Fault, raised: Raised | None = None, some_result: bool = False
) -> list[str]:
    """What a fault means whatever the exercise.

    ``some_result`` says that the function does return something in other cases.
    """
    if fault.kind == "raised" and raised is not None:
        said = [text for words, text in MESSAGES.items() if words in raised.message]
        said += [ERRORS[kind] for kind in raised.kinds if kind in ERRORS]
        return said[:1]
    kind = _finer(fault, raised, some_result)
    return [ADVICE[kind]] if kind in ADVICE else []


def _finer(fault: Fault, raised: Raised | None, some_result: bool) -> str:
    """The kind of a fault, finer where that helps."""
    if fault.kind == "other-error" and raised and "AssertionError" in raised.kinds:
        return "assert"
    if fault.kind == "nothing" and fault.part not in ("", WHOLE):
        return "part-nothing"
    if fault.kind == "nothing" and some_result:
        return "nothing-here"
    if fault.kind == "shape" and fault.expected == ():
        return "no-number"
    if fault.kind == "shape" and len(fault.got) >= len(fault.expected):
        return "axes" if len(fault.got) > len(fault.expected) else "lengths"
    if isinstance(fault.expected, bool) and not isinstance(fault.got, bool | np.bool_):
        return "not-bool"
    if fault.kind == "value" and _is_nearly(fault.expected, fault.got):
        return "digits"
    return fault.kind


def _is_nearly(expected: Any, got: Any) -> bool:
    """Whether two numbers differ by no more than rounding in float32 would do."""
    floats = isinstance(expected, float) and isinstance(got, float)
    return floats and 0 < abs(got - expected) < 2e-7 * abs(expected)


def any_result(answers: Iterable[Answer]) -> bool:
    """Whether a function returned something at all."""
    return any(answer.result is not None for answer in answers)


def parts_advice(
    parts: Sequence[str], played: Iterable[tuple[Any, Any, Any]]
) -> list[str]:
    """Which of several results are right and which are not, where that is a help.

    Args:
        parts: the names of the results.
        played: of each case the answer's result, what was expected, the tolerance.
    """
    wrong = set()
    for result, expected, tolerance in played:
        if not isinstance(result, (tuple, list)) or len(result) != len(parts):
            return []
        triples = zip(parts, result, expected, tolerance, strict=True)
        wrong |= {part for part, *three in triples if compare(*three) is not None}
    right = [part for part in parts if part not in wrong]
    if not right or not wrong:
        return []
    are = "are" if len(right) > 1 else "is"
    rest = " and ".join(part for part in parts if part in wrong)
    right_ones = f"{' and '.join(right)} {are} right in every case"
    return [f"{right_ones}: look at what makes {rest}."]


def name_mistake(answers: Sequence[Answer], sheet: Sheet) -> Mistake | None:
    """The misconception that gives these very answers."""
    if all(answer.raised for answer in answers):
        return None
    for mistake in sheet.mistakes:
        if all(map(agrees, answers, mistake.answers)):
            return mistake
    return None


def arguments_of(function: Callable[..., Any]) -> dict[str, str | None]:
    """A function's parameters, each with its default as text where it has one."""
    return {
        name: None if parameter.default is parameter.empty else repr(parameter.default)
        for name, parameter in inspect.signature(function).parameters.items()
    }


def signature_advice(
    wanted: Mapping[str, str | None], found: Mapping[str, str | None] | None
) -> list[str]:
    """A sentence for each parameter that is missing or has another name or default.

    One more where they stand in another order. ``found`` is ``None`` where a function
    cannot tell its parameters.
    """
    if found is None:
        return []
    advice = []
    missing = [name for name in wanted if name not in found]
    if len(missing) > 2:
        return [f"Its parameters are not the exercise's: {', '.join(wanted)}."]
    for name, default in wanted.items():
        if name in missing:
            advice.append(f"Its parameter {name} is missing or has another name.")
        elif default is not None and not _same_default(found[name], default):
            shown = "no default" if found[name] is None else f"default {found[name]}"
            text = f"Its parameter {name} has {shown}; the exercise has {default}."
            advice.append(text)
    order = [name for name in found if name in wanted]
    if len(order) == len(wanted) and order != list(wanted):
        names = ", ".join(wanted)
        advice.append(f"Its parameters stand in another order; here it is {names}.")
    return advice


def _same_default(shown: str | None, default: str) -> bool:
    """Whether two defaults are the same, 1e-3 and 0.001 included."""
    try:
        return shown is not None and float(shown) == float(default)
    except ValueError:
        return shown == default


def earlier_advice(names: Sequence[str]) -> str:
    """A word where earlier functions, which a function calls, are wrong themselves."""
    verb = "fail their" if len(names) > 1 else "fails its"
    called = " and ".join(names)
    return f"It calls your {called}, which {verb} own check: mend that first."


def shield_advice(names: Sequence[str]) -> str:
    """A word to a function that is right but for what others do to its arrays."""
    return (
        f"Your {' or '.join(names)}, which it calls, changed arrays that others still"
        " need, and had to be given copies: mend that first."
    )


def mistake_advice(name: str, sentence: str) -> str:
    """How a misconception is told."""
    return f"Looks like {name}: {sentence}"


def _examine(
    function: Callable[..., Any], item: Published, sheet: Sheet
) -> tuple[Answer, Fault | None]:
    case, wanted = item.case, (item.expected, item.tolerance, item.dtype)
    try:
        return examine(function, case, *wanted, sheet.parts, item.others)
    except KeyboardInterrupt as interrupt:
        # Who stops a loop that does not end wants to know what set it going.
        call = show_call(function.__name__, sheet.arguments, case.args, case.kwargs)
        interrupt.args = (f"stopped in the case {case.label}: {call}",)
        raise


def _wrong_earlier(function: Callable[..., Any], uses: Sequence[str]) -> list[str]:
    """The earlier functions of the learner's that are used here and fail themselves."""
    namespace = getattr(function, "__globals__", {})
    there = [name for name in used(function, uses) if callable(namespace.get(name))]
    return [x for x in there if not check_report(namespace[x], sheet_of(x)).passed]


def _side_by_side(expected: Any, got: Any) -> tuple[str, str]:
    """Two values in as many digits as it takes to see that they differ."""
    if isinstance(expected, float):
        for digits in (6, 9, 12):
            pair = f"{expected:.{digits}g}", f"{got:.{digits}g}"
            if pair[0] != pair[1]:
                return pair
    return repr(expected), repr(got)


def _display(report: Report) -> None:
    """Rich in a notebook, plain text elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display(report)
    else:
        # A terminal or a pipe may not know all letters of a student's text.
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        print(str(report).encode(encoding, "backslashreplace").decode(encoding))

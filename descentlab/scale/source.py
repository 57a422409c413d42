"""A program as the text of a loop over elements, in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from descentlab.scale.operations import ATOM, FORMS
from descentlab.scale.tracer import Program

Text = tuple[str, int]
"""An expression, and how tightly it binds."""

WIDTH = 70
"""Characters from which on an expression becomes a line of its own."""

RESERVED = set(
    "np abs bool range float32 float64 bfloat16 array_at from_bfloat16 to_bfloat16"
    " table scalars begin end piece lot size i".split()
)
"""What the text of a loop uses itself, so that no array can have the name."""


def lines(
    program: Program,
    names: Sequence[str],
    scalar: Callable[[int, str], Text],
    stored: Sequence[str] = (),
) -> list[str]:
    """A program as lines of Python for element ``i`` of its arrays.

    First come all results, then all changes: no result sees another's change.

    Args:
        program: what to do.
        names: what the inputs are called.
        scalar: the expression for the scalar at a place, in a dtype.
        stored: the dtypes in which the arrays lie in memory, if they are not that in
            which the program computes.
    """
    uses = _uses(program)
    results = {node: f"{names[place]}_new" for place, node in program.results}
    stored = stored or [program.dtype(0)] * len(names)
    text: list[str] = []
    known: dict[int, Text] = {}
    taken = set(names)
    for node in sorted(uses):
        operation, operands, dtype = program.nodes[node]
        if operation == "scalar":
            known[node] = scalar(operands[0], dtype)
            continue
        if operation == "input":
            place = operands[0]
            read = _converted(f"{names[place]}[i]", stored[place], dtype)
            known[node] = read, ATOM
            if stored[place] == dtype:
                continue
        else:
            known[node] = _expression(operation, [known[each] for each in operands])
        expression = known[node][0]
        if node in results or uses[node] > 1 or len(expression) > WIDTH:
            name = _unused(results.get(node, f"x{len(text)}"), taken)
            text.append(f"{name} = {expression}")
            known[node] = name, ATOM
    for _, node in program.results:
        if known[node][0].endswith("[i]"):  # not yet read, and another may be written
            name = _unused(results[node], taken)
            text.append(f"{name} = {known[node][0]}")
            known[node] = name, ATOM
    for place, node in program.results:
        value = _converted(known[node][0], program.dtype(node), stored[place])
        text.append(f"{names[place]}[i] = {value}")
    return text


def _converted(text: str, have: str, wanted: str) -> str:
    """A number of one dtype as one of another."""
    if have == wanted:
        return text
    if have == "bfloat16":
        text = f"from_bfloat16({text})"
        return text if wanted == "float32" else f"{wanted}({text})"
    return f"to_bfloat16({text})" if wanted == "bfloat16" else f"{wanted}({text})"


def _uses(program: Program) -> Counter[int]:
    """How often each node stands in the text; only those that a result follows from."""
    uses = Counter(node for _, node in program.results)
    for node in range(len(program.nodes) - 1, -1, -1):
        operation, operands, _ = program.nodes[node]
        if uses[node] and operation not in ("input", "scalar"):
            for place, operand in enumerate(operands):
                uses[operand] += FORMS[operation].template.count(f"{{{place}}}")
    return +uses


def _expression(operation: str, operands: Sequence[Text]) -> Text:
    form = FORMS[operation]
    shown = [
        text if rank >= needed else f"({text})"
        for (text, rank), needed in zip(operands, form.needs, strict=True)
    ]
    return form.template.format(*shown), form.rank


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def source(
    name: str, program: Program, names: Sequence[str], stored: Sequence[str]
) -> str:
    """The text of the loop: a function ``(table, scalars, begin, end)``."""
    names = [f"{each}_" if each in RESERVED else each for each in names]
    scalars: dict[tuple[int, str], str] = {}

    def scalar(place: int, dtype: str) -> Text:
        name = _unused(f"s{len(scalars)}", set(names))
        return scalars.setdefault((place, dtype), name), ATOM

    body = lines(program, names, scalar, stored)
    count = len(names)
    arrays = [
        f"{each} = array_at(table[{place}, piece], size, {dtype})"
        for place, (each, dtype) in enumerate(zip(names, stored, strict=True))
    ]
    numbers = [
        f"{each} = {dtype}(scalars[lot, {place}])"
        for (place, dtype), each in scalars.items()
    ]
    of_piece = [
        f"lot, size = table[{count}, piece], table[{count + 1}, piece]",
        *arrays,
        *numbers,
        "for i in range(size):",
        *(f"    {line}" for line in body or ["pass"]),
    ]
    head = [f"def {name}(table, scalars, begin, end):"]
    loop = ["    for piece in range(begin, end):", *(f"        {x}" for x in of_piece)]
    return "\n".join(head + loop) + "\n"

"""Mutants: functions that differ from a right answer in one place.

A mutant that keeps its marks is a hole in the checks, unless it computes the same.
mutmut and cosmic-ray change a file and run a test suite anew for each change; wanted
here is the judge's verdict on one function, some thousands of times in a minute.
"""

from __future__ import annotations

import ast
import copy
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from autograder.exercises.mistakes import function_of
from autograder.judge import Exercise
from descentlab.compare import Case, examine

SEEDS = (1, 2, 3)
"""Draws of the inputs; each of them must find a mutant out."""

PATIENCE = 10
"""How many times as long as the oracle an answer may take, and longer by `LEAST`.

A mutant that takes longer counts as caught: the judge has a time limit, too. It is
processor time, so that a busy machine changes nothing.
"""

LEAST = 0.1
"""Seconds of processor time that every answer has."""

MEMORY = 2 << 30
"""Bytes that a mutant may ask for; beyond, it gets a MemoryError."""

KINDS: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.BinOp, ast.AugAssign, ast.UnaryOp), "operators"),
    **dict.fromkeys((ast.Compare, ast.BoolOp), "comparisons"),
    **dict.fromkeys((ast.If, ast.While, ast.IfExp, ast.comprehension), "conditions"),
    ast.Constant: "constants",
    ast.Name: "names",
    **dict.fromkeys((ast.Call, ast.Attribute), "calls"),
    **dict.fromkeys((ast.Subscript, ast.Slice), "indices"),
    **dict.fromkeys((ast.Tuple, ast.List, ast.arguments), "order"),
}
"""What kind of change that of a node is; all others are of "statements"."""

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
KIN = (
    "sqrt cbrt square abs",
    "exp expm1 exp2",
    "log log1p log2",
    "sin cos",
    "min max sum mean prod",
    "minimum maximum",
    "floor ceil rint",
    "all any",
    "isfinite isnan isinf",
    "zeros ones",
    "zeros_like ones_like",
    "std var",
    "ValueError TypeError",
)
"""Names that are taken for each other."""

SYMMETRIC = ("min", "max", "minimum", "maximum")
"""Functions whose arguments have no order."""


@dataclass(frozen=True)
class Mutant:
    """A changed answer; ``change`` shows the first line that differs, twice."""

    source: str
    kind: str
    change: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every answer whose last function differs from this one's in one place, once."""
    tree = ast.parse(source)
    original = ast.unparse(tree)
    function = tree.body[-1]
    names = variables(function)
    seen = {original}
    for node, put in list(places(function)):
        for other in changes(node, names):
            put(other)
            text = ast.unparse(tree)
            put(node)
            if text not in seen:
                seen.add(text)
                kind = KINDS.get(type(node), "statements")
                yield Mutant(text, kind, _difference(original, text))


def places(tree: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None]]]:
    """The nodes below a tree's root, each with what puts another in its place.

    The words of messages and docstrings are left out: nobody grades them.
    """
    if isinstance(tree, ast.Raise | ast.JoinedStr):
        return
    for field, value in ast.iter_fields(tree):
        inside = isinstance(value, list)
        for i, item in enumerate(value if inside else [value]):
            if isinstance(item, ast.AST) and not _is_docstring(item):
                put = partial(value.__setitem__, i) if inside else None
                yield item, put or partial(setattr, tree, field)
                yield from places(item)


def _is_docstring(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def variables(tree: ast.AST) -> list[str]:
    """The names of a function's parameters and local variables."""
    nodes = list(ast.walk(tree))
    names = {node.arg for node in nodes if isinstance(node, ast.arg)}
    stored = (n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Store))
    return sorted(names | {n.id for n in stored if isinstance(n, ast.Name)})


def changes(node: ast.AST, names: Sequence[str]) -> Iterator[ast.AST]:
    """The nodes that may stand in place of one."""
    other = partial(_with, node)
    match node:
        case ast.BinOp():
            yield from (other(op=op()) for op in ARITHMETIC if type(node.op) is not op)
            yield from (node.left, node.right)
        case ast.AugAssign():
            yield from (other(op=op()) for op in ARITHMETIC if type(node.op) is not op)
            yield from (ast.Assign([node.target], node.value, lineno=0), ast.Pass())
        case ast.UnaryOp():
            yield node.operand
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            yield other(op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
            yield from node.values
        case ast.If() | ast.While() | ast.IfExp():
            yield from (other(test=ast.Constant(value)) for value in (True, False))
            if not isinstance(node, ast.IfExp):
                yield ast.Pass()
        case ast.comprehension():
            yield other(ifs=[])
        case ast.Constant():
            yield from map(ast.Constant, _other_values(node.value))
        case ast.Name(id=name):
            yield from (other(id=x) for x in names if name in names)
            yield from (other(id=x) for x in _kin(name))
        case ast.Attribute(attr=name):
            yield from (other(attr=x) for x in _kin(name))
        case ast.Call():
            yield from _calls(node)
        case ast.Subscript() | ast.Slice():
            yield from _indices(node)
        case ast.Tuple(ctx=ast.Load()) | ast.List(ctx=ast.Load()):
            yield from (other(elts=elts) for elts in _rearranged(node.elts))
            yield from (other(elts=elts) for elts in _shortened(node.elts))
        case ast.arguments():
            yield from (other(args=args) for args in _rearranged(node.args))
        case ast.Raise(exc=ast.Call() as raised):
            yield other(exc=_with(raised, func=ast.Name("RuntimeError")))
            yield ast.Pass()
        case ast.Break() | ast.Continue():
            yield ast.Continue() if isinstance(node, ast.Break) else ast.Break()
        case ast.Assign(
            targets=[ast.Name(id=name)],
            value=ast.BinOp(left=ast.Name(id=old) as left, op=op, right=right),
        ) if old == name:
            yield from (ast.AugAssign(left, op, right), ast.Pass())
        case ast.stmt() if not isinstance(node, ast.FunctionDef):
            yield ast.Pass()


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    """A copy of a node with other fields."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _comparisons(node: ast.Compare) -> Iterator[ast.AST]:
    contrary = {ast.Is: ast.IsNot, ast.IsNot: ast.Is}
    contrary |= {ast.In: ast.NotIn, ast.NotIn: ast.In}
    for i, old in enumerate(node.ops):
        kinds = [contrary[type(old)]] if type(old) in contrary else COMPARISONS
        for kind in kinds:
            yield _with(node, ops=[*node.ops[:i], kind(), *node.ops[i + 1 :]])


def _other_values(value: Any) -> list[Any]:
    """Constants that may stand for one: none is the same, all are of its kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return ["", value.upper()]
    if isinstance(value, int):
        return [0, 1, 2, value + 1, value - 1, -value]
    if isinstance(value, float):
        return [0.0, 1.0, 2.0, *([value / 2, -value] if value else [])]
    return [0] if value is None else []


def _kin(name: str) -> list[str]:
    groups = [group.split() for group in KIN]
    return [x for group in groups if name in group for x in group]


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    """A call with arguments in another order or left out, or with itself left out."""
    if ast.unparse(node.func).rpartition(".")[2] not in SYMMETRIC:
        yield from (_with(node, args=args) for args in _rearranged(node.args))
    yield from (_with(node, args=args) for args in _shortened(node.args))
    yield from (_with(node, keywords=words) for words in _shortened(node.keywords))
    yield from (arg for arg in node.args if not isinstance(arg, ast.Starred))
    if isinstance(node.func, ast.Attribute):
        yield node.func.value


def _indices(node: ast.Subscript | ast.Slice) -> Iterator[ast.AST]:
    """An index, or the end of a range of indices, that is one off or left out."""
    fields = ["lower", "upper", "step"] if isinstance(node, ast.Slice) else ["slice"]
    for field in fields:
        index = getattr(node, field)
        if index is None or isinstance(index, ast.Slice | ast.Tuple):
            continue
        for op in (ast.Add(), ast.Sub()):
            moved = ast.BinOp(index, op, ast.Constant(1))
            yield _with(node, **{field: moved})
        if isinstance(node, ast.Slice):
            yield _with(node, **{field: None})
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value


def _rearranged(items: Sequence[Any]) -> Iterator[list[Any]]:
    """Two neighbours in the other order."""
    for i in range(len(items) - 1):
        yield [*items[:i], items[i + 1], items[i], *items[i + 2 :]]


def _shortened(items: Sequence[Any]) -> Iterator[list[Any]]:
    """One left out."""
    for i in range(len(items)):
        yield [*items[:i], *items[i + 1 :]]


def _difference(old: str, new: str) -> str:
    lines = zip(old.splitlines(), new.splitlines(), strict=False)
    was, became = next(pair for pair in lines if pair[0] != pair[1])
    return f"{was.strip()} -> {became.strip()}"


class Trial:
    """The judge's verdict on many answers to one exercise.

    What is expected is worked out once, for each of several draws of the inputs.
    """

    def __init__(self, exercise: Exercise, seeds: Sequence[int] = SEEDS) -> None:
        self.exercise = exercise
        self.draws = [list(self._draw(seed)) for seed in seeds]
        start = time.process_time()
        for draw in self.draws:
            for case, demands in draw:
                examine(exercise.reference, case, *demands)
        self.seconds = LEAST + PATIENCE * (time.process_time() - start)

    def _draw(self, seed: int) -> Iterator[tuple[Case, tuple[Any, ...]]]:
        for case in self.exercise.cases(np.random.default_rng(seed)):
            yield case, self.exercise.demands(case)

    def passes(self, source: str) -> bool:
        """Whether an answer has full marks with one of the draws at least."""
        try:
            function = function_of(source)
        except Exception:
            return False  # A default that divides by zero, for instance.
        return any(
            not any(examine(function, case, *demands)[1] for case, demands in draw)
            for draw in self.draws
        )

    def fates(self, sources: Sequence[str]) -> str:
        """What becomes of each answer, a letter each.

        ``p``: it passes; ``f``: it fails; ``t``: it is stopped, or ends the process.
        """
        found = ""
        while len(found) < len(sources):
            found += self._in_a_child(sources[len(found) :])
            # Whatever ends the child, the alarm or the mutant itself, is no pass.
            found += "t" * (len(found) < len(sources))
        return found

    def _in_a_child(self, sources: Sequence[str]) -> str:
        """The fates of answers as far as a child process gets with them."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self._tell(sources, writing)
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            told = pipe.read()
        os.waitpid(child, 0)
        return told

    def _tell(self, sources: Sequence[str], writing: int) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        warnings.simplefilter("ignore")
        # What the alarm does by default is to end the process, inside NumPy too.
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        for source in sources:
            signal.setitimer(signal.ITIMER_PROF, self.seconds)
            passes = self.passes(source)
            os.write(writing, b"p" if passes else b"f")

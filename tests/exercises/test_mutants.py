"""Every small change of a right answer must cost marks.

The mutants are made by machine: another operator, comparison, number or name, a
statement or a result left out. One that keeps its marks is a hole in the checks.
"""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import numpy as np
import pytest

from autograder.course import ROOT
from autograder.exercises.mistakes import function_of
from descentlab.compare import examine
from tests.exercises.forms import CHAPTERS

SEEDS = (1, 2)
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)

EQUIVALENT = {"if t < 0.5:": "t is a whole number, so this is t < 1"}
"""Changed lines that compute the same, each with the reason."""


def changes(node: ast.AST, names: list[str]) -> Iterator[Callable[[], object]]:
    """The ways to change one node of a tree in place."""
    match node:
        case ast.BinOp():
            for operator in OPERATORS:
                if not isinstance(node.op, operator):
                    yield partial(setattr, node, "op", operator())
        case ast.Compare():
            for comparison in COMPARISONS:
                if not isinstance(node.ops[0], comparison):
                    yield partial(setattr, node, "ops", [comparison()])
        case ast.Constant(value=int() | float() as number):
            for other in {0, 1, 2, number / 2} - {number}:
                yield partial(setattr, node, "value", other)
        case ast.Name():
            for name in names:
                if name != node.id:
                    yield partial(setattr, node, "id", name)
        case ast.Attribute(attr="sqrt"):
            for name in ("abs", "square", "cbrt"):
                yield partial(setattr, node, "attr", name)
        case ast.Tuple():
            yield node.elts.reverse
            for i in range(len(node.elts)):
                yield partial(node.elts.pop, i)
        case ast.FunctionDef() | ast.If():
            for i in range(len(node.body)):
                yield partial(node.body.__setitem__, i, ast.Pass())


def mutants(source: str) -> Iterator[str]:
    """Every function that differs from this one in one place."""
    names = variables(ast.parse(source))
    for place in count():
        for way in count():
            tree = ast.parse(source)
            nodes = list(code_of(tree))
            if place == len(nodes):
                return
            ways = list(changes(nodes[place], names))
            if way == len(ways):
                break
            ways[way]()
            yield ast.unparse(ast.fix_missing_locations(tree))


def code_of(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree, without the words of its messages."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not isinstance(child, ast.JoinedStr):
            yield from code_of(child)


def variables(tree: ast.AST) -> list[str]:
    """The names of a function's parameters and local variables."""
    nodes = list(ast.walk(tree))
    names = {node.arg for node in nodes if isinstance(node, ast.arg)}
    stored = (n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Store))
    return sorted(names | {n.id for n in stored if isinstance(n, ast.Name)})


def answers() -> Iterator:
    """Each exercise's solution, and the right answer that its misconceptions edit."""
    for stem, chapter in CHAPTERS.items():
        path = ROOT / "solutions" / f"{stem}.py"
        solutions = ast.parse(path.read_text(encoding="utf-8"))
        written = {node.name: node for node in solutions.body if hasattr(node, "name")}
        for exercise in chapter.EXERCISES:
            name = exercise.name
            # A solution may call the earlier ones of its chapter.
            before = [ast.unparse(written[use]) for use in exercise.uses]
            solution = ast.unparse(written[name])
            yield pytest.param(exercise, before, solution, id=f"{name}-solution")
            canonical = getattr(chapter, name.upper())
            yield pytest.param(exercise, [], canonical, id=f"{name}-canonical")


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("a + b", {"a - b", "a * b", "a / b", "a ** b", "b + b", "a + a"}),
        ("a < b", {"a <= b", "a > b", "a >= b", "a == b", "a != b", "b < b", "a < a"}),
        ("3", {"0", "1", "2", "1.5"}),
        ("(a, b)", {"(b, a)", "(b,)", "(a,)", "(b, b)", "(a, a)"}),
        ("a.sqrt()", {"b.sqrt()", "a.abs()", "a.square()", "a.cbrt()"}),
    ],
)
def test_what_a_mutant_is(line, changed):
    found = {m.splitlines()[1].strip() for m in mutants(f"def f(a, b):\n    {line}")}
    assert found == changed | {"pass"}


@pytest.mark.parametrize(("exercise", "context", "source"), list(answers()))
def test_every_mutant_is_found_out(exercise, context, source):
    played = [
        (case, exercise.demands(case))
        for seed in SEEDS
        for case in exercise.cases(np.random.default_rng(seed))
    ]

    def passes(source: str) -> bool:
        function = function_of("\n".join([*context, source]))
        return not any(examine(function, case, *demands)[1] for case, demands in played)

    assert passes(source)
    survivors = [mutant for mutant in mutants(source) if passes(mutant)]
    holes = [x for x in survivors if not any(line in x for line in EQUIVALENT)]
    assert not holes, "\n\n".join(holes)

"""Every small change of a right answer must cost marks, or be known to change nothing.

A change is listed in `equivalent.py` where it computes the same.
"""

import json

import pytest

from autograder.course import ROOT
from autograder.judge import Case, Exercise
from autograder.mutants import MEMORY, Trial, mutants
from tests.exercises.equivalent import EQUIVALENT
from tests.exercises.forms import EXERCISES, right_sources

ANSWERS = [
    pytest.param(exercise, source, id=f"{exercise.name}-{name}")
    for exercise in EXERCISES.values()
    for name, source in right_sources(exercise).items()
]


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (
            "a + b",
            {"a - b", "a * b", "a / b", "a // b", "a % b", "a ** b", "a", "b"}
            | {"b + b", "a + a"},
        ),
        ("a < b", {"a <= b", "a > b", "a >= b", "a == b", "a != b", "b < b", "a < a"}),
        ("a is b", {"a is not b", "a is a", "b is b"}),
        ("a and b", {"a or b", "a", "b", "a and a", "b and b"}),
        ("not a", {"a", "not b"}),
        ("3", {"0", "1", "2", "4", "-3"}),
        ("0.5", {"0.0", "1.0", "2.0", "0.25", "-0.5"}),
        ("a == 'sum'", {"a == ''", "a == 'SUM'"}),
        ("True", {"False"}),
        ("(a, b)", {"(b, a)", "(b,)", "(a,)", "(b, b)", "(a, a)"}),
        ("a.sqrt()", {"b.sqrt()", "a.abs()", "a.square()", "a.cbrt()", "a"}),
        (
            "max(a, b)",
            {"min(a, b)", "sum(a, b)", "mean(a, b)", "prod(a, b)"}
            | {"max(b)", "max(a)", "a", "b", "max(a, a)", "max(b, b)"},
        ),
        ("f(a, b)", {"f(b, a)", "f(a)", "f(b)", "f(a, a)", "f(b, b)"}),
        ("max(b=1)", {"max()", "max(b=0)", "max(b=2)", "max(b=-1)"}),
        ("a[b]", {"b[b]", "a[a]", "a[b + 1]", "a[b - 1]", "a"}),
        ("a[:b]", {"b[:b]", "a[:a]", "a[:b + 1]", "a[:b - 1]", "a[:]", "a"}),
        ("a = a - b", {"b = a - b", "a = b - b", "a = a - a", "a -= b", "a = a"}),
        ("raise ValueError(f'{a}')", {"raise RuntimeError(f'{a}')"}),
        ("a if b else 0", {"a if True else 0", "a if False else 0"}),
    ],
)
def test_what_a_mutant_is(line, changed):
    found = {
        mutant.source.splitlines()[1].strip()
        for mutant in mutants(f"def f(a, b):\n    {line}")
        if "def f(a, b)" in mutant.source
    }
    assert found >= changed | {"pass"}


def test_conditions_loops_and_parameters_change_too():
    source = "def f(a, b=1):\n    while a:\n        a = b\n        break\n    return a"
    found = {mutant.change for mutant in mutants(source)}
    assert found >= {
        "def f(a, b=1): -> def f(b, a=1):",
        "def f(a, b=1): -> def f(a, b=2):",
        "while a: -> while False:",
        "while a: -> pass",
        "break -> continue",
        "return a -> pass",
    }


def test_no_mutant_comes_twice_or_is_the_answer():
    source = "def f(a):\n    '''Words.'''\n    return a * a + 0 * a"
    texts = [mutant.source for mutant in mutants(source)]
    assert len(texts) == len(set(texts))
    assert source not in texts
    assert all("Words." in text for text in texts)


def trial():
    exercise = Exercise(
        name="double",
        points=1,
        reference=lambda x: 2 * x,
        parts=("x",),
        cases=lambda rng: [Case("value", "a number", (rng.uniform(),))],
        misconceptions=(),
        where="nowhere",
    )
    return Trial(exercise)


def test_what_hangs_dies_or_asks_for_too_much_is_caught():
    bodies = [
        *("return x + x", "return 3 * x", "return missing"),
        "while True: pass",
        f"return np.ones({MEMORY})",
        "import os; os._exit(0)",
        "return 2 * x",
    ]
    fates = trial().fates([f"def double(x):\n    {body}" for body in bodies])
    assert fates == "pfftftp"


def test_a_mutant_must_be_found_out_by_every_draw():
    draw = trial().draws[0][0][0].args[0]
    lucky = f"def double(x):\n    return 0 if x == {draw} else 2 * x"
    assert trial().fates([lucky]) == "p"


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "source"), ANSWERS)
def test_every_mutant_is_found_out(exercise, source):
    made = list(mutants(source))
    right, *fates = Trial(exercise).fates([source, *(x.source for x in made)])
    assert right == "p"
    known = EQUIVALENT.get(exercise.name, {})
    kept = {x.change for x, fate in zip(made, fates, strict=True) if fate == "p"}
    assert sorted(kept - known.keys()) == []


def test_every_equivalent_mutant_is_one():
    for name, reasons in EQUIVALENT.items():
        made = [
            mutant
            for source in right_sources(EXERCISES[name]).values()
            for mutant in mutants(source)
            if mutant.change in reasons
        ]
        assert {mutant.change for mutant in made} == reasons.keys()
        assert set(Trial(EXERCISES[name]).fates([x.source for x in made])) == {"p"}


def test_the_written_results_are_of_these_exercises():
    path = ROOT / "benchmarks" / "results" / "mutants.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [row["exercise"] for row in found["exercises"]] == list(EXERCISES)
    assert found["holes"] == []
    assert found["named_share"] >= 0.9

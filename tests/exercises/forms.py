"""The answers that the checks are tried on: right ones and wrong ones, each in a style.

The folders ``alternatives`` and ``wrong`` hold them, a file for each chapter; the
solutions count among the right ones.
"""

import ast
import importlib
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.course import ROOT
from autograder.exercises import assignments
from autograder.judge import Exercise
from descentlab.report import Report

CHAPTERS = {
    stem: importlib.import_module(f"autograder.exercises.{stem}")
    for stem in (name.partition("_")[2] for name in assignments(ROOT))
}
"""The modules of exercises, by the name that a chapter's files have."""

EXERCISES = {e.name: e for c in CHAPTERS.values() for e in c.EXERCISES}
GROUPS = {
    "wrong numbers": "value",
    "raises": "value",
    "right numbers, wrong dtype": "dtype",
    "fails at the edges": "edges",
    "right numbers, wrong about errors": "errors",
    "changes an argument": "purity",
}
"""What the sections of the folder ``wrong`` say, and the group of marks it costs."""

SYNONYMS = {
    "rate-ignored": {"lr-ignored", "rate-missing"},
    "decay-ignored": {"beta-ignored", "beta1-and-beta2-ignored"},
    "second-not-returned": {"state-not-returned"},
}
"""Where the judge has another name for what a docstring names."""

SENTENCES = {
    "nothing-returned": "The function returns nothing",
    "printed": "printing shows a value, return hands it over",
    "list-returned": "theta is a list of 2, expected numbers",
    "flattened": "works element by element",
    "rows-in-a-list": "the result is a list of",
    "no-steps-fails": "result has shape (2,), expected (1,)",
    "undefined-name": "not defined",
    "unassigned-state": "used before it has got a value",
    "caret-square": "In Python ^ is not a power",
    "scalar-only": "A function of the math module takes one number",
    "renamed-parameter": "Compare the names and the order of the arguments",
    "truth-of-array": "has no single truth value",
    "widened": "Something in the formula is a NumPy float64",
    "numpy-scalar-widens": "Something in the formula is a NumPy float64",
    "vector-only": "0-d array",
    "empty-fails": "An empty array has no largest or smallest element",
    "vectorize-empty": "np.vectorize with otypes=[float]",
    "nan-for-arrays": "result[0] = nan",
    "refuses-short-periods": "it raised ValueError",
    "whole-rates": "holds whole numbers too, and cuts off",
    "time-changed-in-place": "it changed its argument number 1 in place",
    "empty-list-fails": "An empty list holds no array to join",
    "division-by-zero": "Something divides by zero",
    "weights-changed-in-place": "it changed its argument number 1 in place",
    "gradient-changed-in-place": "it changed its argument number 2 in place",
    "gradients-changed-in-place": "it changed its argument number 1 in place",
    "list-changed-in-place": "it changed its argument number 1 in place",
    "state-changed-in-place": "in place",
    "start-changed-in-place": "in place",
    "tie-allowed": "expected: result = False",
    "no-check": "Test the argument first and raise the error",
    "zero-only": "Test the argument first and raise the error",
    "exception-returned": "Test the argument first and raise the error",
    "clamped": "Test the argument first and raise the error",
    "assertion-instead-of-value-error": "Raise the error that the exercise names",
    "wrong-exception": "Raise the error that the exercise names",
    "batches-as-lists": "got: batches = 'lists of numbers'",
    "float-indices": "got: batches = 'arrays of float64'",
    "empty-batch-of-nothing": "got: batches = 'of size 0'",
    "too-small": "got: batches = 'none'",
    "start-uncapped": "a start above the cap",
    "growth-by-logarithm": "it raised ZeroDivisionError",
    "scalar-covariance": "at least two dimensions",
    "guard-too-wide": "got: result = nan",
    "nothing-for-no": "Here it returns None, elsewhere it does not",
    "number-for-truth": "The answer is True or False itself",
    "cut-to-float32": "no more digits than float32 has",
}
"""What a report says of a mistake that any function can have, and so has no name."""


@dataclass(frozen=True)
class Form:
    """An answer to an exercise; ``section`` is the comment that it stands under."""

    function: Callable
    section: str

    @property
    def exercise(self) -> Exercise:
        return EXERCISES[self.function.__name__.partition("__")[0]]

    @property
    def mistake(self) -> str:
        """The name of what is wrong, as its docstring has it."""
        return self.function.__doc__.partition(":")[0]

    @property
    def group(self) -> str:
        """The group of marks that is lost."""
        found = [g for words, g in GROUPS.items() if self.section.startswith(words)]
        return found[0]


def forms(*folders: str) -> Iterator[Form]:
    """The answers in some folders, in the order of their files."""
    for folder in folders:
        for path in sorted(Path(ROOT, folder).glob("*.py")):
            names = runpy.run_path(str(path))
            section = ""
            for line in path.read_text(encoding="utf-8").splitlines():
                if line.startswith("# "):
                    section = line.partition(": ")[2]
                elif line.startswith("def ") and not line.startswith("def _"):
                    yield Form(names[line[4:].partition("(")[0]], section)


def is_told(form: Form, report: Report) -> bool:
    """Whether a report names what is wrong, or says what it means in any function."""
    if not report.misconceptions:
        return SENTENCES.get(form.mistake, "no sentence of its own") in str(report)
    names = {form.mistake} | SYNONYMS.get(form.mistake, set())
    found = report.misconceptions[0]
    return found in names and f"Looks like {found}: " in str(report)


RIGHT = list(forms("solutions", "tests/exercises/alternatives"))
WRONG = list(forms("tests/exercises/wrong"))


def right_sources(exercise: Exercise) -> dict[str, str]:
    """The right answers whose source mutants are made of: each ends in the function.

    The solution comes with what its module defines besides, since it may call that. The
    canonical answer, which the misconceptions edit, is there where it is another one.
    """
    name = exercise.name
    stem = next(s for s, c in CHAPTERS.items() if exercise in c.EXERCISES)
    module = ast.parse((ROOT / "solutions" / f"{stem}.py").read_text(encoding="utf-8"))
    module.body.sort(key=lambda node: getattr(node, "name", "") == name)
    found = {"solution": ast.unparse(module)}
    canonical = ast.parse(getattr(CHAPTERS[stem], name.upper()))
    if ast.unparse(canonical.body[-1]) != ast.unparse(module.body[-1]):
        found["canonical"] = ast.unparse(canonical)
    return found

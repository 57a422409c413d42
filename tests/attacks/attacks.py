"""The attacks of the Markdown files beside this one, and how they are judged."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.exercises import load
from autograder.judge import Limits, Times, Verdict, judge
from tests.notebooks import IMPORTS, answer, cell, checked, notebook

TARGET, OTHER = load("02_rmsprop").exercises
PLAIN = "def rmsprop_step(theta, grad, v, lr=1e-3, beta=0.9, eps=1e-8):\n"
RIGHT = "def effective_lr(v, lr=1e-3, eps=1e-8):\n    return lr / np.sqrt(v + eps)"
SOLVED = (
    f"{PLAIN}    v = beta * v + (1 - beta) * grad**2\n"
    "    return theta - lr * grad / np.sqrt(v + eps), v"
)
TOGETHER = {"lying_objects", "peeking", "remembering", "tampering"}
"""Kinds whose attacks do nothing to the process, and may share one notebook."""
SPOILING = "It spoils the other exercise too."
"""What an attack is said to do that breaks the attacker's own process for good."""


@dataclass(frozen=True)
class Attack:
    """One attack: its kind, its heading, the sentences below that, the code."""

    kind: str
    title: str
    prose: str
    source: str

    @property
    def notebook(self) -> str:
        """Attacks with the same are judged in one notebook."""
        return self.kind if self.kind in TOGETHER else f"{self.kind}: {self.title}"


def attacks() -> Iterator[Attack]:
    """The attacks of all the files in this folder."""
    for path in sorted(Path(__file__).parent.glob("*.md")):
        for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
            title, _, text = section.partition("\n")
            prose, source = re.fullmatch(
                r"(.*)```python\n(.*)\n```\s*", text, re.S
            ).groups()
            yield Attack(path.stem, title, prose.strip(), source)


ATTACKS = list(attacks())


def judged(data: bytes, exercises=(TARGET, OTHER)) -> Verdict:
    times = Times(cell=5, exercise=3, notebook=60)
    limits = Limits(memory=512 << 20, seconds=30, disk=8 << 20)
    return judge("02_rmsprop", exercises, data, bytes(32), times, limits)


def judged_together(group: list[Attack]) -> dict[Attack, tuple]:
    """The verdicts on some attacks in one notebook, each with that on the other."""
    targets = [replace(TARGET, name=f"rmsprop_step{i}") for i, _ in enumerate(group)]
    cells = []
    for attack, target in zip(group, targets, strict=True):
        source = re.sub(r"\brmsprop_step\b(?!\")", target.name, attack.source)
        cells += [answer(target.name, source), checked(target.name)]
    cells += [answer(OTHER.name, RIGHT), checked(OTHER.name)]
    found = judged(notebook(IMPORTS, *cells), [*targets, OTHER]).exercises
    pairs = zip(group, targets, strict=True)
    return {attack: (found[t.name], found[OTHER.name]) for attack, t in pairs}


FORGED = {"score": 6.0, "max_score": 6.0, "status": "passed"}
WRONG = answer("rmsprop_step", f"{PLAIN}    return theta, v")
OUTPUT = {
    "output_type": "execute_result",
    "data": {"text/plain": "6.0"},
    "metadata": {"nbgrader": FORGED},
    "execution_count": 1,
}


SOLVED_CELL = answer("rmsprop_step", SOLVED)
CHECK = checked("rmsprop_step", 6)
TAMPERED = {
    "outputs forged": [WRONG, {**CHECK, "outputs": [OUTPUT]}],
    "points raised": [WRONG, checked("rmsprop_step", 1_000_000)],
    "points without end": [WRONG, checked("rmsprop_step", float("inf"))],
    "points below zero": [WRONG, checked("rmsprop_step", -6)],
    "check renamed": [WRONG, checked("rmsprop_step", 6, grade_id="check_nothing")],
    "check rewritten": [WRONG, {**CHECK, "source": "6.0"}],
    "check made an answer": [WRONG, checked("rmsprop_step", 6, solution=True)],
    "check as text": [WRONG, {**CHECK, "cell_type": "markdown", "source": SOLVED}],
    "answer in the check": [WRONG, {**CHECK, "source": SOLVED}],
    "answer in the check's output": [WRONG, {**CHECK, "outputs": [{"text": SOLVED}]}],
    "outputs in the answer": [{**WRONG, "outputs": [OUTPUT]}, CHECK],
    "answer graded": [answer("rmsprop_step", PLAIN + "    6", grade=True, points=6)],
    "doubled answer": [answer("rmsprop_step", SOLVED, **FORGED), WRONG, CHECK],
    "doubled check": [answer("check_rmsprop_step", "6.0"), WRONG, CHECK],
    "schema forged": [answer("rmsprop_step", "", schema_version="passed")],
    "name of another kind": [answer("", SOLVED, grade_id=[1]), WRONG, CHECK],
    "name in other letters": [answer("RMSPROP_STEP", SOLVED), WRONG, CHECK],
    "name that looks alike": [answer("rmsprop_st\u0435p", SOLVED), WRONG, CHECK],
    "answer as text": [{**SOLVED_CELL, "cell_type": "markdown"}, CHECK],
    "hidden in a figure": [WRONG, cell(SOLVED, tags=["figure"]), CHECK],
    "hidden in a raw cell": [WRONG, cell(SOLVED, "raw"), CHECK],
    "hidden below": [WRONG, CHECK, cell(SOLVED)],
    "hidden in metadata": [answer("rmsprop_step", f"{PLAIN}    6", code=SOLVED), CHECK],
    "hidden in an attachment": [cell("", "markdown", attachments={"a.py": SOLVED})],
    "no cells": [],
}
"""Notebooks that were tampered with: by what was done, the cells of the exercise."""

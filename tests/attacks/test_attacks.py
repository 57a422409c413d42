"""Attacks on the judge: none earns a mark, none costs another exercise its marks.

Each Markdown file here is a kind of attack, each heading in it one attack, and the code
below the heading what the attacker writes in the cell of ``rmsprop_step``, without
knowing the formula. The notebook's other exercise is answered rightly.
"""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import pytest

from autograder.exercises import load
from autograder.judge import Limits, Times, Verdict, judge
from tests.notebooks import IMPORTS, answer, cell, checked, document, notebook

pytestmark = pytest.mark.sandbox

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


@pytest.fixture(scope="session")
def verdicts(request) -> Iterator[dict[Attack, Future]]:
    """The verdicts on the attacks that this run asks for, a few at a time."""
    items = [i for i in request.session.items if i.function is test_attack]
    asked = [item.callspec.params["attack"] for item in items]
    with ThreadPoolExecutor(4) as pool:
        futures = {}
        for _, group in groupby(asked, lambda attack: attack.notebook):
            together = list(group)
            future = pool.submit(judged_together, together)
            futures |= dict.fromkeys(together, future)
        yield futures


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.kind}: {a.title}")
def test_attack(verdicts, attack):
    target, other = verdicts[attack].result()[attack]
    assert target.score == 0, str(target.report)
    assert target.status in ("failed", "error", "timeout", "rejected")
    shown = str(target.report)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown) < 5_000
    if attack.prose != SPOILING:
        assert (other.status, other.score) == ("passed", 4.0), str(other.report)


def test_there_are_dozens_and_each_has_its_own_title():
    assert len(ATTACKS) >= 100
    assert len({attack.title for attack in ATTACKS}) == len(ATTACKS)


# The notebook itself


def test_an_honest_notebook_earns_everything():
    cells = answer("rmsprop_step", SOLVED), checked("rmsprop_step", 6)
    data = notebook(IMPORTS, *cells, answer(OTHER.name, RIGHT), checked(OTHER.name))
    assert judged(data).score == 10.0


FORGED = {"score": 6.0, "max_score": 6.0, "status": "passed"}
WRONG = answer("rmsprop_step", f"{PLAIN}    return theta, v")
OUTPUT = {
    "output_type": "execute_result",
    "data": {"text/plain": "6.0"},
    "metadata": {"nbgrader": FORGED},
    "execution_count": 1,
}


@pytest.mark.parametrize(
    "cells",
    [
        [WRONG, {**checked("rmsprop_step", 6), "outputs": [OUTPUT]}],
        [WRONG, checked("rmsprop_step", 1_000_000)],
        [WRONG, checked("rmsprop_step", 6, grade_id="check_nothing")],
        [WRONG, {**checked("rmsprop_step", 6), "source": "6.0"}],
        [{**WRONG, "outputs": [OUTPUT]}, checked("rmsprop_step", 6)],
        [answer("rmsprop_step", SOLVED, **FORGED), WRONG, checked("rmsprop_step", 6)],
        [answer("check_rmsprop_step", "6.0"), WRONG, checked("rmsprop_step", 6)],
        [answer("rmsprop_step", "", schema_version="passed")],
        [WRONG, cell(SOLVED, tags=["figure"]), checked("rmsprop_step", 6)],
        [WRONG, cell(SOLVED, "raw"), checked("rmsprop_step", 6)],
        [WRONG, checked("rmsprop_step", 6), cell(SOLVED)],
        [],
    ],
    ids=[
        *("outputs forged", "points raised", "check renamed", "check rewritten"),
        *("outputs in the answer", "doubled answer", "doubled check", "schema forged"),
        *("hidden in a figure", "hidden in a raw cell", "hidden below", "no cells"),
    ],
)
def test_tampering_with_the_notebook(cells):
    rest = answer(OTHER.name, RIGHT), checked(OTHER.name)
    verdict = judged(notebook(IMPORTS, *cells, *rest))
    assert verdict.exercises["rmsprop_step"].score == 0
    assert verdict.exercises[OTHER.name].score == 4.0
    assert verdict.max_score == 10.0


def test_a_verdict_written_into_the_notebook_is_not_read():
    content = document([WRONG, checked("rmsprop_step", 6)], **FORGED)
    verdict = judged(notebook(*content["cells"], **content["metadata"]))
    assert verdict.score == 0

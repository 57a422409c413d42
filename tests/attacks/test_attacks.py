"""Attacks on the judge: none earns a mark, none costs another exercise its marks.

Each Markdown file here is a kind of attack, each heading in it one attack, and the code
below the heading what the attacker writes in the cell of ``rmsprop_step``, without
knowing the formula. The notebook's other exercise is answered rightly.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby

import pytest

from tests.attacks.attacks import (
    ATTACKS,
    CHECK,
    FORGED,
    OTHER,
    RIGHT,
    SOLVED,
    SPOILING,
    TAMPERED,
    WRONG,
    Attack,
    judged,
    judged_together,
)
from tests.notebooks import IMPORTS, answer, checked, document, notebook

pytestmark = pytest.mark.sandbox


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


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.kind}: {a.title}")
def test_attack(verdicts, attack, record_property):
    target, other = verdicts[attack].result()[attack]
    record_property("attack", (attack.kind, target.score))
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


@pytest.mark.parametrize("cells", TAMPERED.values(), ids=TAMPERED)
def test_tampering_with_the_notebook(cells, record_property):
    rest = answer(OTHER.name, RIGHT), checked(OTHER.name)
    verdict = judged(notebook(IMPORTS, *cells, *rest))
    record_property("attack", ("notebook", verdict.exercises["rmsprop_step"].score))
    assert verdict.exercises["rmsprop_step"].score == 0
    assert verdict.exercises[OTHER.name].score == 4.0
    assert verdict.max_score == 10.0


def test_a_verdict_written_into_the_notebook_is_not_read():
    content = document([WRONG, CHECK], **FORGED)
    verdict = judged(notebook(*content["cells"], **content["metadata"]))
    assert verdict.score == 0

"""The page on the threat model: each of its lines names attacks that there are."""

import json
import re

import pytest

from autograder.course import ROOT
from tests.attacks.attacks import ATTACKS, TAMPERED
from tests.attacks.test_walls import WALLS

PAGE = (ROOT / "chapters" / "instructor" / "threat_model.md").read_text("utf-8")
CLAIMS = PAGE[PAGE.index("## What they may want") : PAGE.index("## What came of it")]
KNOWN = {
    *((attack.kind, attack.title) for attack in ATTACKS),
    *(("notebook", name) for name in TAMPERED),
    *(("wall", name) for name in WALLS),
}
NAME = re.compile(r"\*([a-z_]+): ([^*]+)\*")
NAMED = set(NAME.findall(PAGE))
LINES = re.findall(r"^- .*\n\n.*", CLAIMS, re.M)


def test_the_page_has_lines():
    assert len(LINES) > 20


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[2:40])
def test_each_line_names_attacks(line):
    assert NAME.search(line)


def test_whatever_is_named_is_tried():
    assert NAMED <= KNOWN


def test_each_family_and_each_wall_is_named():
    assert {family for family, _ in NAMED} == {family for family, _ in KNOWN}
    assert {name for family, name in NAMED if family == "wall"} == set(WALLS)


def test_the_result_on_the_page_is_of_these_attacks_and_walls():
    path = ROOT / "benchmarks" / "results" / "attacks.json"
    results = json.loads(path.read_text(encoding="utf-8"))
    assert results["attacks"] == len(ATTACKS) + len(TAMPERED)
    assert {wall["wall"] for wall in results["walls"]} == set(WALLS)
    assert (results["earned"], results["failed"]) == (0, 0)
    assert {wall["outcome"] for wall in results["walls"]} <= {
        "got through",
        "not as root",
    }

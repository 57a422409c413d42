"""Coverage and claims: nothing is missing, and each link leads somewhere."""

import re
from pathlib import Path

import pytest

from autograder.course import ROOT
from autograder.exercises import assignments, load
from experiments.lab import RESULTS, names

CHAPTERS = {name: ROOT / "chapters" / f"{name}.md" for name in assignments(ROOT)}
COVERAGE = (ROOT / "chapters" / "instructor" / "coverage.md").read_text("utf-8")
CLAIMS = (ROOT / "chapters" / "claims.md").read_text("utf-8")

ITEMS = {"01": 8, "02": 7, "03": 9, "04": 12, "05": 10, "06": 7, "07": 8, "08": 10}
"""How many items the subject has for each chapter, its claims among them."""

TABLE_ROW = re.compile(r"^\| (?!item |---)(.*) \|$", re.MULTILINE)
LABEL = re.compile(
    r"^\(([\w-]+)\)=$|^\$\$ \(([\w-]+)\)$|^ +name: ([\w-]+)$", re.MULTILINE
)
CLAIM = re.compile(r"\{admonition\} Claim\n(?::class: \w+\n)?(.*?)\n```", re.DOTALL)


def labels(*texts: str) -> set[str]:
    """What a page can refer to: sections, equations, figures."""
    return {"".join(found) for text in texts for found in LABEL.findall(text)}


@pytest.fixture(scope="module")
def known() -> set[str]:
    texts = [path.read_text("utf-8") for path in CHAPTERS.values()]
    return labels(*texts, CLAIMS)


def rows(chapter: str) -> list[list[str]]:
    """The cells of a chapter's table."""
    part = re.search(rf"^## {chapter} .*?(?=^## |\Z)", COVERAGE, re.M | re.S)
    found = TABLE_ROW.findall(part.group()) if part else []
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


def references(text: str) -> set[str]:
    """The labels that a text refers to."""
    refs = re.findall(r"\{ref\}`[^`<]*<([\w-]+)>`", text)
    return {*refs, *re.findall(r"\{eq\}`([\w-]+)`", text)}


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_item_is_there_and_no_cell_is_empty(name):
    table = rows(name[:2])
    assert len(table) == ITEMS[name[:2]]
    for row in table:
        assert len(row) == 5, row
        assert all(row), row
        assert references(row[1]), f"nothing taught: {row}"
        assert any(ref.startswith("fig-") for ref in references(row[3])), row


def test_every_link_of_both_pages_leads_somewhere(known):
    assert references(COVERAGE) | references(CLAIMS) <= known


def test_exercises_are_those_of_the_course():
    table = [row for name in CHAPTERS for row in rows(name[:2])]
    practised = {f for row in table for f in re.findall(r"`(\w+)`", row[2])}
    assert practised == {e.name for name in CHAPTERS for e in load(name).exercises}


def test_experiments_are_those_of_the_course():
    done = {path.stem for path in RESULTS.glob("*.json")}
    assert done <= set(re.findall(r"`(\w+)\.py`", COVERAGE)) <= set(names())
    assert set(re.findall(r"`experiments/(\w+)\.py`", CLAIMS)) <= set(names())


@pytest.mark.parametrize("path", CHAPTERS.values(), ids=lambda path: path.stem)
def test_each_claim_of_a_chapter_has_a_row(path: Path):
    for claim in CLAIM.findall(path.read_text("utf-8")):
        assert f"> {claim.strip()}\n" in CLAIMS


def test_each_claim_has_all_its_parts():
    parts = re.split(r"^\(claim-[\w-]+\)=$", CLAIMS, flags=re.M)
    overview, claims = parts[0], parts[1:]
    assert re.findall(r"<(claim-[\w-]+)>", overview) == re.findall(
        r"^\((claim-[\w-]+)\)=$", CLAIMS, re.M
    )
    for claim in claims:
        terms = re.findall(r"^(\w[\w ]*)\n: .", claim, re.M)
        assert terms == ["Origin", "Measured here", "Literature", "Verdict", "More"]


def test_measurements_come_from_the_chapters_runs():
    for claim in re.split(r"^## ", CLAIMS, flags=re.M)[1:]:
        measured = re.search(r"^Measured here\n: (.*)$", claim, re.M).group(1)
        assert ("{glue:text}" in measured) != ("*Cannot be tested here.*" in claim)

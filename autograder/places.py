"""Where a formula stands: in words, and as a link that a report can offer.

The book's address is ``html.baseurl`` in ``_config.yml``. Where it is given, links lead
to the equation in the book. Without one they lead to the section of the notebook, or of
the feedback page, that holds the equation: every student has that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from autograder.course import ROOT
from autograder.judge import Exercise

LABEL = re.compile(r"\$\$ ?\(([\w-]+)\)\s*$|^\s*:label: ([\w-]+)\s*$")
"""The line that labels an equation, in either of MyST's two forms."""
HEADING = re.compile(r"#{1,6} (.+?)\s*$")
CODE = re.compile(r"\s*(`{3,}|~{3,})(\{code-cell\}|\w)")
"""The first line of code; that of another directive has text below."""


@dataclass(frozen=True)
class Equation:
    """An equation of a chapter: its number there, and the heading that it is under."""

    number: int
    heading: str


def located(exercise: Exercise, assignment: str, root: Path = ROOT) -> Exercise:
    """The exercise with its formula's number and a link to it, where it names one."""
    found = equations(root / "chapters" / f"{assignment}.md").get(exercise.equation)
    if found is None:
        return exercise
    address = book_address(root)
    link = section_link(found)
    if address:
        link = f"{address}/chapters/{assignment}.html#equation-{exercise.equation}"
    where = f"{exercise.where}, equation ({found.number})"
    return replace(exercise, where=where, link=link)


def section_link(equation: Equation) -> str:
    """A link to an equation's section, within a notebook or a page made of it.

    JupyterLab and nbconvert make a heading's id of its words in the same way.
    """
    words = re.sub(r"[`*]", "", equation.heading).replace(" ", "-")
    return "#" + quote(words, safe="?/:@!$&'()*+,;=")


@cache
def equations(chapter: Path) -> dict[str, Equation]:
    """The labelled equations of a chapter, in order; Sphinx numbers just these."""
    if not chapter.is_file():
        return {}
    labels = dict(_labels(chapter.read_text(encoding="utf-8").splitlines()))
    return {
        label: Equation(number, heading)
        for number, (label, heading) in enumerate(labels.items(), start=1)
    }


def _labels(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The labels of equations, each with the last heading before it."""
    heading, code = "", ""
    for line in lines:
        if code:
            # A comment in code is no heading.
            code = "" if line.strip() == code else code
        elif opening := CODE.match(line):
            code = opening[1]
        elif label := LABEL.search(line):
            yield label[1] or label[2], heading
        elif words := HEADING.match(line):
            heading = words[1]


@cache
def book_address(root: Path = ROOT) -> str:
    """The public address of the book, without a stroke at the end; empty for none."""
    # Imported here: only who links to the book needs it.
    import yaml

    path = root / "_config.yml"
    settings = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return str(settings.get("html", {}).get("baseurl", "")).rstrip("/")

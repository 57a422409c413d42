"""Sphinx extension: numbers and formulas as they are printed.

- A number that a run has glued into a sentence comes as Python writes it. A page shows
  ``-0.8`` with a minus sign, ``2e-03`` as 0.002 and ``7e-15`` as a power of ten.
- A browser may break a line on either side of a formula. Brackets and punctuation
  that touch one stay with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

GLUED = "pasted-text"
"""The class that MyST-NB gives to a glued value."""

UNBROKEN = "unbroken"
"""The class of what stays on one line; ``_static/course.css`` says so."""

POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([-+]\d+)(?!\w)")
HYPHEN = re.compile(r"(?<![\w.)])-(?=\d)")
OPENING = re.compile(r"[(\[“‘]+\Z")
CLOSING = re.compile(r"[.,;:!?)\]”’]+")

SMALLEST = -3
"""The lowest power of ten that is written out as a decimal fraction."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
    app.connect("doctree-resolved", lambda app, doctree, docname: tidy(doctree))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def tidy(doctree: nodes.Element) -> None:
    """Set the glued numbers and the formulas of a page, in place."""
    for inline in list(doctree.findall(nodes.inline)):
        if GLUED in inline["classes"]:
            inline[:] = list(printed(inline.astext()))
    for formula in list(doctree.findall(nodes.math)):
        _keep_together(formula)


def printed(text: str) -> Iterator[nodes.Node]:
    """A value as one prints it, with minus signs and powers of ten."""
    text = HYPHEN.sub("\N{MINUS SIGN}", text)
    done = 0
    for found in POWER.finditer(text):
        digits, power = found[1], int(found[2])
        yield nodes.Text(text[done : found.start()])
        if SMALLEST <= power <= 0:
            yield nodes.Text(f"{Decimal(found[0]):f}")
        else:
            yield nodes.Text(f"{digits}\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}10")
            yield nodes.superscript("", f"{power}".replace("-", "\N{MINUS SIGN}"))
        done = found.end()
    yield nodes.Text(text[done:])


def _keep_together(formula: nodes.math) -> None:
    """Put a formula and what touches it into one element that has no break."""
    parent, at = formula.parent, formula.parent.index(formula)
    before, after = _text(parent, at - 1), _text(parent, at + 1)
    opening, closing = OPENING.search(before), CLOSING.match(after)
    if not (opening or closing):
        return
    unbroken = nodes.inline(classes=[UNBROKEN])
    parent[at] = unbroken
    if opening:
        parent[at - 1] = nodes.Text(before[: opening.start()])
        unbroken += nodes.Text(opening[0])
    unbroken += formula
    if closing:
        parent[at + 1] = nodes.Text(after[closing.end() :])
        unbroken += nodes.Text(closing[0])


def _text(parent: nodes.Element, at: int) -> str:
    """The text at a place among an element's children; none if there is no text."""
    inside = 0 <= at < len(parent)
    return str(parent[at]) if inside and isinstance(parent[at], nodes.Text) else ""

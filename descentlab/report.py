"""What a student reads of an exercise: one report, as plain text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from descentlab.callbacks import CALLBACKS

LOOK = "Where to look: "
MARKS = {True: ("ok", "✓", "#009e73"), False: ("no", "✗", "#d55e00")}
TEXT = 40
"""Per cent of the page's own text colour in that of a mark: whether the page is light
or dark, and whoever made it so, a mark is as far from its ground as it takes."""


@dataclass(frozen=True)
class Line:
    """One group of cases: whether it passed, and a word on it."""

    passed: bool
    title: str
    note: str = ""


@dataclass(frozen=True)
class Report:
    """The outcome of one exercise.

    ``lines`` tell what passed, ``facts`` show the first failure (the call, what was
    expected, what came), ``advice`` says what it probably means, ``where`` names the
    place in the chapter to look at, ``link`` is its address, if it has one.
    ``misconceptions`` are the names of the mistakes that it tells of, the most
    important first.
    """

    headline: str
    passed: bool
    lines: Sequence[Line] = ()
    facts: Sequence[tuple[str, str]] = ()
    advice: Sequence[str] = ()
    where: str = ""
    link: str = ""
    misconceptions: Sequence[str] = ()

    @property
    def brief(self) -> str:
        """What it comes to in one sentence, where something is wrong."""
        place = [f"{LOOK}{self.where}."] if self.where else []
        # Where nothing could be judged, the only line is the reason.
        return [*self.advice, *place, *(line.title for line in self.lines)][0]

    def __str__(self) -> str:
        rows = [self.headline]
        rows += [f"  [{MARKS[x.passed][0]}] {_joined(x)}" for x in self.lines]
        width = max((len(name) for name, _ in self.facts), default=0)
        rows += [f"  {name:>{width}}: {value}" for name, value in self.facts]
        rows += [f"  {sentence}" for sentence in self.advice]
        if self.where:
            rows.append(f"  {LOOK}{self.where}.")
        if self.link.startswith("http"):
            rows.append(f"  {self.link}")
        return "\n".join(rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        headline = html.escape(self.headline)
        rows = [f"<strong style='{_coloured(self.passed)}'>{headline}</strong>"]
        if self.lines:
            rows.append("<ul style='list-style: none; margin: .3em 0; padding: 0'>")
            rows += [_line(x) for x in self.lines]
            rows.append("</ul>")
        if self.facts:
            rows.append("<table style='margin: .3em 0; text-align: left'>")
            rows += [_fact(name, value) for name, value in self.facts]
            rows.append("</table>")
        rows += [f"<p style='margin: .3em 0'>{html.escape(x)}</p>" for x in self.advice]
        if self.where:
            rows.append(f"<p style='margin: .3em 0'>{LOOK}{self._place()}.</p>")
        border = f"border-left: 4px solid {MARKS[self.passed][2]}; padding: .4em .8em"
        return f"<div class='descentlab-report' style='{border}'>{''.join(rows)}</div>"

    def _place(self) -> str:
        where = html.escape(self.where)
        if not self.link:
            return where
        return f"<a href='{html.escape(self.link)}'>{where}</a>"


def _joined(line: Line) -> str:
    return f"{line.title}: {line.note}" if line.note else line.title


def _line(line: Line) -> str:
    word = "passed" if line.passed else "failed"
    style = _coloured(line.passed)
    sign = f"<span style='{style}' aria-label='{word}'>{MARKS[line.passed][1]}</span>"
    return f"<li style='margin: 0'>{sign} {html.escape(_joined(line))}</li>"


def _coloured(passed: bool) -> str:
    """The style of words in the colour of a mark."""
    return f"color: color-mix(in srgb, currentColor {TEXT}%, {MARKS[passed][2]})"


def _fact(name: str, value: str) -> str:
    cell = "style='text-align: left; padding: 0 .6em 0 0; vertical-align: top'"
    shown = f"<code style='white-space: pre-wrap'>{html.escape(value)}</code>"
    return f"<tr><th {cell}>{html.escape(name)}</th><td {cell}>{shown}</td></tr>"


def show_call(
    name: str, names: Iterable[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> str:
    """A call as a student would type it, large arrays shortened."""
    shown = [f"{key}={show(value)}" for key, value in zip(names, args, strict=False)]
    shown += [f"{key}={show(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(shown)})"


def show(value: Any) -> str:
    """A value in one line: arrays to six digits and at most eight elements."""
    if isinstance(value, np.ndarray):
        text = np.array2string(
            value,
            separator=", ",
            threshold=8,
            edgeitems=2,
            formatter={"float_kind": _number},
        )
        text = " ".join(text.split())
        plain = value.dtype == np.float64 and value.size
        return f"array({text})" if plain else f"array({text}, dtype={value.dtype})"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        inner = ", ".join(show(item) for item in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if type(value).__name__ in CALLBACKS:
        return str(value)
    if callable(value):
        return "<function>"
    return repr(value)


def _number(value: np.floating[Any]) -> str:
    """A float to six digits, with the point that NumPy prints."""
    text = f"{value:.6g}"
    return f"{text}." if text.lstrip("-").isdigit() else text

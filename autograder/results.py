"""Sphinx extension: what a run wrote to ``benchmarks/results/`` stands on a page.

A page names the file, and no number of a run is typed by hand::

    ```{results} mutants exercises
    exercise: exercise
    mutants.caught / mutants.all: mutants caught
    ```

    In all {result}`mutants.total.mutants.all` mutants; {result}`mutants.share:.0%`.

The directive makes a table of the list that ``mutants.json`` holds under the key
``exercises``: each line is a column, a key of the list's items (or several, with a
stroke between) and its heading. Below stands what the run was made with, unless the
option ``:undated:`` is there. With ``:counted: HEADING`` equal rows become one, and a
last column says how many there are.

The role shows one value, with a format if need be; ``:,`` groups thousands by a space,
as the chapters do. A page is read again when its file has changed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective, SphinxRole

from autograder.course import ROOT

FOLDER = ROOT / "benchmarks" / "results"


class ResultsError(SphinxError):
    """A page asks for a result that is not there."""

    category = "No such result"


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
    app.add_directive("results", ResultsTable)
    app.add_role("result", ResultsValue())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ResultsTable(SphinxDirective):
    """A table of one list in a file of results, and what it was made with."""

    required_arguments = 2
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "undated": directives.flag,
        "counted": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """The table and a line below it."""
        name, key = self.arguments
        data = _read(self.env, name)
        columns = [line.partition(":") for line in self.content if line.strip()]
        keys = [column[0].strip() for column in columns]
        header = [column[2].strip() or column[0].strip() for column in columns]
        items = _value(data, key, name)
        rows = [[_cell(item, k, name) for k in keys] for item in items]
        if "counted" in self.options:
            header.append(self.options["counted"])
            counts = Counter(map(tuple, rows))
            rows = [[*row, count] for row, count in counts.items()]
        made = [] if "undated" in self.options else [provenance(data)]
        table = _table(header, rows) if rows else nodes.paragraph(text="None.")
        return [table, *(nodes.paragraph(text=text) for text in made)]


class ResultsValue(SphinxRole):
    """One value of a file of results, as ``NAME.KEY.KEY`` or ``NAME.KEY:FORMAT``."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The value's text."""
        path, _, form = self.text.partition(":")
        name, _, key = path.partition(".")
        value = _value(_read(self.env, name), key, name)
        text = format(value, form) if form else _text(value)
        if form.startswith(","):
            text = text.replace(",", "\N{NO-BREAK SPACE}")
        return [nodes.Text(text)], []


def provenance(data: dict[str, Any]) -> str:
    """When a file of results was made, by which command and with what."""
    versions = ", ".join(f"{name} {v}" for name, v in data["versions"].items())
    by = f" by {data['command']}" if "command" in data else ""
    return f"Made on {data['date']}{by}, with {versions}."


def _read(env: BuildEnvironment, name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    env.note_dependency(str(path))
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(f"{env.docname}: {path.name}: {error}") from None
    return data


def _cell(item: dict[str, Any], keys: str, name: str) -> Any:
    """What stands under a key, or under several as ``a/b``."""
    values = [_value(item, key.strip(), name) for key in keys.split("/")]
    return values[0] if len(values) == 1 else "/".join(map(_text, values))


def _value(data: Any, key: str, name: str) -> Any:
    """What stands under ``a.b`` in nested dictionaries."""
    for part in key.split("."):
        if part not in data:
            raise ResultsError(f"{name}.json has no {key!r}, only {', '.join(data)}")
        data = data[part]
    return data


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> nodes.table:
    """A table; numbers and their heading stand to the right, backticks are code."""
    texts = [[_text(value) for value in row] for row in rows]
    # An empty cell says nothing of its column.
    right = [
        any(map(_is_number, column)) and all(map(_is_number, filter(None, column)))
        for column in zip(*texts, strict=True)
    ]
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in header))
    group["cols"] = len(header)
    group += nodes.thead("", _row(header, right))
    group += nodes.tbody("", *(_row(row, right) for row in texts))
    return nodes.table("", group, classes=["results"])


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(/-?[\d.]+)*", text) is not None


def _row(texts: Sequence[str], right: Sequence[bool]) -> nodes.row:
    return nodes.row("", *map(_entry, texts, right))


def _entry(text: str, right: bool) -> nodes.entry:
    paragraph = nodes.paragraph("", "", *_inlines(text))
    return nodes.entry("", paragraph, classes=["text-right"] if right else [])


def _inlines(text: str) -> Iterable[nodes.Node]:
    for i, piece in enumerate(re.split(r"`([^`]+)`", text)):
        yield nodes.literal("", piece) if i % 2 else nodes.Text(piece)


def _text(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return "" if value is None else str(value)

"""Author-year citations, on the book's pages and in plain Markdown.

Works that would be cited alike get a letter after the year, the same one everywhere:
Zhang et al. (2019a), (2019b). As a Sphinx extension this file gives them to the works
of the book; `Citations` writes them into a notebook.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pybtex.backends.markdown import Backend
from pybtex.backends.plaintext import Backend as PlainText
from pybtex.database import Entry, parse_file
from pybtex.style.formatting.plain import Style
from pybtex.style.sorting.author_year_title import SortingStyle
from sphinx.application import Sphinx

PLAIN = PlainText()
"""Text without markup. Pybtex's ``render_as("text")`` would look through the entry
points of all that is installed, for each name of each author."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
    # After sphinxcontrib-bibtex has read its files, which it does at priority 500.
    app.connect("builder-inited", _tell_apart_in_book, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _tell_apart_in_book(app: Sphinx) -> None:
    domain: Any = app.env.get_domain("cite")
    tell_apart(domain.bibdata.data.entries)


def tell_apart(entries: Mapping[str, Entry]) -> None:
    """Put a, b, ... behind the year of works whose authors and year look alike.

    The letters follow the order of a list of references. Entries that have theirs
    already, as from an earlier build, stay as they are.
    """
    alike = defaultdict(list)
    for entry in SortingStyle().sort(entries.values()):
        alike[_authors(entry), _year(entry)].append(entry)
    for works in alike.values():
        for place, entry in enumerate(works if len(works) > 1 else ()):
            entry.fields["year"] = f"{_year(entry)}{chr(ord('a') + place)}"


class _Backend(Backend):
    """Pybtex's Markdown without a backslash before each dot, dash and bracket."""

    def format_str(self, text: str) -> str:
        """Escape what would start emphasis, code, a link or a tag, and no more."""
        mathematics_or_special = re.compile(r"\$[^$]*\$|[\\`*_\[\]<]")
        return mathematics_or_special.sub(
            lambda found: found[0] if found[0][0] == "$" else f"\\{found[0]}", text
        )


class Citations:
    """The works that one notebook cites.

    Args:
        path: the BibTeX file; where there is none, no work is known.

    Attributes:
        cited: the keys that were cited so far, in order, each once.
    """

    def __init__(self, path: Path) -> None:
        found = parse_file(str(path)).entries if path.is_file() else {}
        self._entries: dict[str, Entry] = dict(found)
        tell_apart(self._entries)
        self.cited: list[str] = []

    def parenthetical(self, keys: list[str]) -> str:
        """``(Kingma and Ba, 2015; Hinton, 2012)``; an unknown key is a `KeyError`."""
        works = [self._entries[key] for key in keys]
        self._remember(keys)
        return f"({'; '.join(f'{_authors(work)}, {_year(work)}' for work in works)})"

    def textual(self, keys: list[str]) -> str:
        """``Kingma and Ba (2015), Hinton (2012)``; a `KeyError` as well."""
        works = [self._entries[key] for key in keys]
        self._remember(keys)
        return ", ".join(f"{_authors(work)} ({_year(work)})" for work in works)

    def references(self) -> str:
        """The works cited so far, in the alphabet's order, as a Markdown list."""
        works = [self._entries[key] for key in self.cited]
        works.sort(key=lambda work: (_authors(work).lower(), _year(work)))
        style = Style(abbreviate_names=True, sorting_style="none")
        backend = _Backend(encoding="utf-8")
        texts = [entry.text.render(backend) for entry in style.format_entries(works)]
        return "\n".join(f"- {' '.join(text.split())}" for text in texts)

    def _remember(self, keys: list[str]) -> None:
        self.cited += [key for key in dict.fromkeys(keys) if key not in self.cited]


def _authors(entry: Entry) -> str:
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [_family(person) for person in people]
    if not names:
        return str(entry.fields.get("title", entry.key))
    if len(names) > 2 or "others" in names[1:]:
        return f"{names[0]} et al."
    return " and ".join(names)


def _year(entry: Entry) -> str:
    return str(entry.fields.get("year", "n.d."))


def _family(person: Any) -> str:
    """The family name, with its particle, of a pybtex person."""
    names = [*person.rich_prelast_names, *person.rich_last_names]
    return " ".join(name.render(PLAIN) for name in names)

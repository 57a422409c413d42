"""Author-year citations and a list of references, in plain Markdown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pybtex.backends.markdown import Backend
from pybtex.database import Entry, parse_file
from pybtex.style.formatting.plain import Style


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
        self.cited: list[str] = []

    def parenthetical(self, keys: list[str]) -> str:
        """``(Kingma and Ba, 2015; Hinton, 2012)``; an unknown key is a `KeyError`."""
        works = [f"{self._authors(key)}, {self._year(key)}" for key in keys]
        self._remember(keys)
        return f"({'; '.join(works)})"

    def textual(self, keys: list[str]) -> str:
        """``Kingma and Ba (2015), Hinton (2012)``; a `KeyError` as well."""
        works = [f"{self._authors(key)} ({self._year(key)})" for key in keys]
        self._remember(keys)
        return ", ".join(works)

    def references(self) -> str:
        """The works cited so far, in the alphabet's order, as a Markdown list."""
        keys = sorted(
            self.cited, key=lambda k: (self._authors(k).lower(), self._year(k))
        )
        style = Style(abbreviate_names=True, sorting_style="none")
        formatted = style.format_entries([self._entries[key] for key in keys])
        backend = _Backend(encoding="utf-8")
        works = [" ".join(entry.text.render(backend).split()) for entry in formatted]
        return "\n".join(f"- {work}" for work in works)

    def _remember(self, keys: list[str]) -> None:
        self.cited += [key for key in dict.fromkeys(keys) if key not in self.cited]

    def _authors(self, key: str) -> str:
        people = self._entries[key].persons
        names = [_family(p) for p in people.get("author") or people.get("editor") or []]
        if not names:
            return str(self._entries[key].fields.get("title", key))
        if len(names) > 2 or "others" in names[1:]:
            return f"{names[0]} et al."
        return " and ".join(names)

    def _year(self, key: str) -> str:
        return str(self._entries[key].fields.get("year", "n.d."))


def _family(person: Any) -> str:
    """The family name, with its particle, of a pybtex person."""
    names = [*person.rich_prelast_names, *person.rich_last_names]
    return " ".join(name.render_as("text") for name in names)

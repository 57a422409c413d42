"""The cells of a section "At scale", and what they build on, without the chapter."""

from collections.abc import Iterable, Sequence
from symtable import symtable


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell makes, and those that it takes from other cells."""
    top = symtable(source, "cell", "exec")
    tables = [top]
    for table in tables:
        tables += table.get_children()
    made = {
        s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()
    }
    used = {s.get_name() for t in tables for s in t.get_symbols() if s.is_global()}
    return made, used - made


def with_what_they_need(cells: Sequence[str], wanted: Iterable[int]) -> list[int]:
    """The places of some cells and of all cells before them whose names they use."""
    kept: list[int] = []
    wanted, missing = set(wanted), set[str]()
    for place in reversed(range(len(cells))):
        made, used = names_of(cells[place])
        if place in wanted or made & missing:
            kept.insert(0, place)
            missing = (missing - made) | used
    return kept

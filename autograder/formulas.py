r"""TeX as HTML that needs neither a script nor a network, by KaTeX.

A page needs a formula's HTML, and once the style sheet of all of them::

    html = typeset(r"\theta - \eta\, g")
    page = f"<style>{styles(html)}</style>{html}"

KaTeX is JavaScript; mini-racer runs it in V8. Where a machine has no mini-racer, the
formulas stay TeX, and `script` is for the reader's browser to typeset them. Both of
them lie in ``katex/``, with the fonts.
"""

from __future__ import annotations

import atexit
import base64
import html
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.progress import say

FOLDER = Path(__file__).with_name("katex")

OPTIONS = {"output": "htmlAndMathml", "throwOnError": False, "strict": "ignore"}
"""MathML is what a screen reader reads; a mistake in TeX is shown in red."""

KEPT = 10_000
"""Formulas that are kept: a class has the same ones on each page, or a whole book."""

BROWSER = """
addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".tex")) {
    const [, dollars, tex] = place.textContent.match(/^(\\$+)([^]*?)\\$+$/);
    katex.render(tex, place, {displayMode: dollars == "$$", throwOnError: false});
  }
});
"""


@lru_cache(KEPT)
def typeset(tex: str, display: bool = False) -> str:
    """A formula as HTML, which `styles` makes look right.

    Args:
        tex: without the dollars around it.
        display: whether it stands on a line of its own.
    """
    engine = _engine(os.getpid())
    if engine is None:
        dollars = "$$" if display else "$"
        return f'<span class="tex">{dollars}{html.escape(tex)}{dollars}</span>'
    options = {**OPTIONS, "displayMode": display}
    return str(engine.call("katex.renderToString", tex, options))


def styles(*parts: str) -> str:
    """The style sheet of a page's formulas, with the fonts that they use inside.

    Empty where there are none.

    Args:
        parts: HTML that holds what `typeset` returned, in one piece or in several.
    """
    return _styles(_names(parts))


def script(*parts: str) -> str:
    """What the formulas need to be run in the browser; empty where they are typeset."""
    return f"{_read('katex.min.js')}{BROWSER}" if "tex" in _names(parts) else ""


@lru_cache(1)
def _engine(process: int) -> Any:
    """V8 with KaTeX, for this process: a fork cannot use its parent's. Or None."""
    try:
        from py_mini_racer import MiniRacer

        engine = MiniRacer()
        # Its end waits for a thread, which Python has stopped when modules are cleared.
        atexit.register(engine.close)
        engine.eval(_read("katex.min.js"))
    except Exception as error:  # whatever it is, a page is possible without
        say(f"formulas are left to the reader's browser: no mini-racer ({error})")
        return None
    return engine


def _names(parts: Iterable[str]) -> frozenset[str]:
    """The classes of all elements."""
    return frozenset[str]().union(*map(_classes, parts))


@lru_cache(KEPT)
def _classes(part: str) -> frozenset[str]:
    found = re.findall(r'class="([^"]*)"', part)
    return frozenset(name for names in found for name in names.split())


@lru_cache(16)
def _styles(classes: frozenset[str]) -> str:
    if classes.isdisjoint(("katex", "tex")):
        return ""
    used = set(_used(classes))

    def embedded(face: re.Match[str]) -> str:
        if "tex" not in classes and _font(face[0]) not in used:
            return ""
        file = re.search(r"fonts/[\w-]+\.woff2", face[0])
        assert file
        data = base64.b64encode((FOLDER / file[0]).read_bytes()).decode()
        source = f'src:url(data:font/woff2;base64,{data}) format("woff2")'
        return re.sub(r"src:[^;}]*", source, face[0])

    return re.sub(r"@font-face\{[^}]*\}", embedded, _read("katex.min.css"))


def _used(classes: frozenset[str]) -> Iterator[tuple[str, str, str]]:
    """The fonts of the rules that may apply where there are these classes."""
    for selectors, rule in re.findall(r"([^{}]+)\{([^{}]*)\}", _read("katex.min.css")):
        for selector in selectors.split(",") if "font" in rule else ():
            names = re.findall(r"\.([\w-]+)", selector)
            if names and classes.issuperset(names):
                yield _font(rule)


def _font(rule: str) -> tuple[str, str, str]:
    """Family, slope and weight, as a rule says them."""
    family = re.search(r"KaTeX_\w+", rule)
    slope = re.search(r"font-style:(\w+)", rule)
    weight = re.search(r"font-weight:(\w+)", rule)
    return (
        family[0] if family else "KaTeX_Main",
        slope[1] if slope else "normal",
        weight[1] if weight else "400",
    )


@lru_cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")

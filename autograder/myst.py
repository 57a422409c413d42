"""MyST read with its own parser: what stands where, so that it can be replaced.

No pattern of ours decides what is code, what is mathematics and what is a role.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from docutils.parsers.rst import Directive
from docutils.parsers.rst.directives import admonitions
from docutils.parsers.rst.states import MarkupError
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.token import Token
from mdit_py_plugins.dollarmath.index import math_inline_dollar
from mdit_py_plugins.myst_role.index import myst_role
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import DirectiveParsingResult, parse_directive_text
from myst_parser.parsers.mdit import create_md_parser
from sphinx.directives.patches import MathDirective
from sphinx.domains.std import Glossary
from sphinx_design.dropdown import DropdownDirective
from sphinxcontrib.bibtex.directives import BibliographyDirective


class ReleaseError(Exception):
    """A chapter that can't be released; the message is one line, for people."""


@dataclass(frozen=True)
class Place:
    """A line of a file of the repository, to be named when something is wrong there."""

    file: str
    line: int

    def down(self, lines: int) -> Place:
        """The place so many lines further down."""
        return replace(self, line=self.line + lines)

    def error(self, message: str) -> ReleaseError:
        """An error to be raised, which says where and what."""
        return ReleaseError(f"{self.file}:{self.line}: {' '.join(message.split())}")


DIRECTIVES: Mapping[str, type[Directive]] = {
    "note": admonitions.Note,
    "tip": admonitions.Tip,
    "warning": admonitions.Warning,
    "important": admonitions.Important,
    "admonition": admonitions.Admonition,
    "dropdown": DropdownDirective,
    "math": MathDirective,
    "glossary": Glossary,
    "bibliography": BibliographyDirective,
}
"""The directives that have a plain form, and the classes that know their options."""

_DIRECTIVE = re.compile(r"\{([^\s}]+)\}\s*(.*)")


class Edits:
    """Replacements in a text, found from left to right and made together at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._offsets = [0]
        for line in self._lines:
            self._offsets.append(self._offsets[-1] + len(line))
        self._edits: list[tuple[int, int, str]] = []

    def replace(self, token: Token, raw: str, new: str) -> None:
        """Replace the next ``raw`` in the lines of a token.

        A line break in ``raw`` may be followed by what quotes or indents the next line.
        """
        start, end = self._range(token)
        done = self._edits[-1][1] if self._edits else 0
        pattern = re.compile(re.escape(raw).replace("\\\n", r"\n[ \t>]*"))
        found = pattern.search(self._text, max(start, done), end)
        if found:  # else it is code in a table with an escaped bar, and stays
            self._edits.append((*found.span(), new))

    def replace_block(self, token: Token, new: str) -> None:
        """Put a block in the place of another, indented or quoted as that is."""
        start, end = self._range(token)
        first = self._prefix(token)
        further = re.sub(r"[^\s>]", " ", first)  # a list's mark is not repeated
        lines = new.splitlines() or [""]
        body = [first + lines[0], *(further + line for line in lines[1:])]
        # A directive may stand close to a paragraph; what it becomes would join it.
        if first == further and not self._blank(token, before=True):
            body.insert(0, further)
        if not self._blank(token, before=False):
            body.append(further)
        self._edits.append((start, end, "".join(f"{b.rstrip()}\n" for b in body)))

    def drop(self, token: Token) -> None:
        """Take a block's lines away; what stood around it stays apart."""
        apart = "" if self._blank(token, before=True) else "\n"
        self._edits.append((*self._range(token), apart))

    def quoted(self, token: Token) -> bool:
        """Whether a block stands in a block quote that the author wrote."""
        return ">" in self._prefix(token)

    def applied(self) -> str:
        """The text with all replacements, without blank lines around it."""
        pieces, done = [], 0
        for start, end, new in self._edits:
            pieces += [self._text[done:start], new]
            done = end
        return "".join([*pieces, self._text[done:]]).strip("\n").rstrip()

    def _range(self, token: Token) -> tuple[int, int]:
        first, last = token.map or (0, len(self._lines))
        last = min(last, len(self._lines))
        return self._offsets[first], self._offsets[last]

    def _blank(self, token: Token, *, before: bool) -> bool:
        """Whether the line before, or after, a block is blank or missing."""
        first, last = token.map or (0, 0)
        at = first - 1 if before else last
        return not 0 <= at < len(self._lines) or not self._lines[at].strip(" \t\n>")

    def _prefix(self, token: Token) -> str:
        """What stands before a block on its first line."""
        if not token.map or not token.markup or token.map[0] >= len(self._lines):
            return ""
        return self._lines[token.map[0]].partition(token.markup)[0]


def walk(text: str, place: Place) -> Iterator[tuple[Token, Place]]:
    """All blocks of a text, those inside directives included, in the page's order."""
    for token in PARSER.parse(text):
        where = place.down(token.map[0]) if token.map else place
        yield token, where
        if is_directive(token) and not token.info.startswith("{code-cell}"):
            name, parsed, body = parse_directive(token, where)
            if name != "math":
                yield from walk("\n".join(parsed.body), body)


def is_directive(token: Token) -> bool:
    """Whether a block is a directive, a code cell included."""
    return token.type == "colon_fence" or (
        token.type == "fence" and token.info.startswith("{")
    )


def parse_directive(
    token: Token, place: Place
) -> tuple[str, DirectiveParsingResult, Place]:
    """The name of a directive, its parts, and where its body begins."""
    match = _DIRECTIVE.match(token.info)
    name, first_line = match.groups() if match else (token.info, "")
    if name not in DIRECTIVES:
        known = ", ".join(sorted(DIRECTIVES))
        raise place.error(f"directive {{{name}}} has no plain form; these do: {known}")
    try:
        parsed = parse_directive_text(DIRECTIVES[name], first_line, token.content)
    except MarkupError as error:
        raise place.error(f"directive {{{name}}}: {error}") from None
    if parsed.warnings:
        raise place.error(f"directive {{{name}}}: {parsed.warnings[0].msg}")
    body_on_first_line = bool(first_line) and not parsed.arguments
    return name, parsed, place.down(parsed.body_offset + (not body_on_first_line))


def _spanning(
    rule: Callable[[StateInline, bool], bool],
) -> Callable[[StateInline, bool], bool]:
    """Let an inline rule note in its token where in the text it found it."""

    def noting(state: StateInline, silent: bool) -> bool:
        start, before = state.pos, len(state.tokens)
        found = rule(state, silent)
        if found and not silent:
            for token in state.tokens[before:]:
                if token.type != "text":
                    token.meta["span"] = (start, state.pos)
        return found

    return noting


def _parser() -> MarkdownIt:
    """MyST's parser with the syntax that Jupyter Book enables, and spans noted."""
    # amsmath only so that it can be refused: without it, it would pass for text.
    syntax = {"amsmath", "colon_fence", "dollarmath", "substitution", "tasklist"}
    parser = create_md_parser(MdParserConfig(enable_extensions=syntax), RendererHTML)
    parser.inline.ruler.at("myst_role", _spanning(myst_role))
    parser.inline.ruler.at("backticks", _spanning(backtick))
    parser.inline.ruler.at("math_inline", _spanning(math_inline_dollar()))
    return parser


PARSER = _parser()

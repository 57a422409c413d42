"""A chapter's MyST Markdown made plain, for the student's notebook.

JupyterLab, VS Code and Colab know no MyST. They agree on CommonMark with tables, on
``$`` and ``$$`` mathematics, on block quotes and on HTML's ``<details>``; so directives
and roles become these. What has no plain form is refused with its file and line.
MyST's own parser finds everything: no pattern of ours decides what is code, what is
mathematics, and what is a role.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils.parsers.rst import Directive
from docutils.parsers.rst.directives import admonitions
from docutils.parsers.rst.states import MarkupError
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.token import Token
from mdit_py_plugins.dollarmath.index import math_inline_dollar
from mdit_py_plugins.myst_role.index import myst_role
from myst_nb.core.variables import format_plain_text
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import DirectiveParsingResult, parse_directive_text
from myst_parser.parsers.mdit import create_md_parser
from sphinx.directives.patches import MathDirective
from sphinx.domains.std import Glossary
from sphinx.util.nodes import explicit_title_re
from sphinx_design.dropdown import DropdownDirective
from sphinxcontrib.bibtex.directives import BibliographyDirective

from autograder.citations import Citations


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

ROLES = ("eq", "cite", "cite:p", "cite:t", "term", "doc", "ref", "glue:text", "math")
"""The roles that have a plain form."""

UNBUILT = "(see the book)"
"""What stands for a number that no built book provides."""

_VANISHING = {"front_matter", "myst_target", "myst_line_comment", "myst_block_break"}
_PLAIN_BLOCKS = {"fence", "code_block", "heading_open", "heading_close", "hr"} | {
    "html_block",
    *(
        f"{name}_{end}"
        for name in ("paragraph", "blockquote", "bullet_list", "ordered_list")
        + ("list_item", "table", "thead", "tbody", "tr", "th", "td")
        for end in ("open", "close")
    ),
}
_PLAIN_INLINES = {"text", "softbreak", "hardbreak", "code_inline", "html_inline"} | {
    "math_inline",
    "myst_role",
    "image",
    *(f"{name}_{end}" for name in ("em", "strong", "link") for end in ("open", "close")),
}
_DIRECTIVE = re.compile(r"\{([^\s}]+)\}\s*(.*)")


class Page:
    """One chapter on its way to a notebook.

    Args:
        root: the repository.
        path: the chapter, which lies in ``root/chapters``.
        glued: what the built book glued, by name, as its cells display it.
    """

    def __init__(self, root: Path, path: Path, glued: Mapping[str, str]) -> None:
        self._root, self._path, self._glued = root, path, glued
        self._start = Place(path.relative_to(root).as_posix(), 1)
        self._citations = Citations(path.parent / "references.bib")
        self._listed: list[str] | None = None
        self._numbers = self._number(path.read_text(encoding="utf-8"))
        self.unbuilt: list[str] = []
        """The glued names that had no value, each once."""

    def render(self, text: str, place: Place, quoted: bool = False) -> str:
        """Make a text plain.

        Args:
            text: MyST Markdown.
            place: where its first line stands.
            quoted: whether it will stand in a block quote.
        """
        edits = _Edits(text)
        for token in PARSER.parse(text):
            where = place.down(token.map[0]) if token.map else place
            if token.type == "inline":
                for raw, new in self._inline(token, where):
                    edits.replace(token, raw, new)
            elif token.type in _VANISHING:
                edits.drop(token)
            elif new_block := self._block(token, where, quoted or edits.quoted(token)):
                edits.replace_block(token, new_block)
        plain = edits.applied()
        _verify(plain, place)
        return plain

    def pending_references(self) -> str:
        """The list of references, if works are cited and no directive has listed them."""
        if self._listed is not None or not self._citations.cited:
            return ""
        return f"## References\n\n{self._citations.references()}"

    def _number(self, text: str) -> dict[str, int]:
        """Number the labelled equations from 1 in the order of the page, as Sphinx does."""
        labels: dict[str, int] = {}
        for token, place in _walk(text, self._start):
            label = _label(token, place)
            if label in labels:
                raise place.error(f"a second equation is labelled {label!r}: rename it")
            if label:
                labels[label] = len(labels) + 1
        return labels

    def _block(self, token: Token, place: Place, quoted: bool) -> str | None:
        """The plain form of a block; None where it is plain already."""
        if token.type in ("math_block", "math_block_label"):
            return self._equation(token.content, token.info, place, quoted)
        if _is_directive(token):
            return self._directive(token, place, quoted)
        if token.type == "amsmath":
            raise place.error(r"write $$ \begin{aligned} ... \end{aligned} $$ instead")
        if token.type not in _PLAIN_BLOCKS:
            raise place.error(f"{_words(token)} have no plain form: write it otherwise")
        return None

    def _equation(self, latex: str, label: str, place: Place, quoted: bool) -> str:
        lines = [line.strip() for line in latex.strip().splitlines()]
        if "" in lines:
            raise place.error("blank line in an equation: write one $$ block for each")
        whole = re.fullmatch(r"\\begin\{(\w+)\}.*\\end\{\1\}", " ".join(lines))
        if any(r"\\" in line for line in lines) and not whole:
            lines = [r"\begin{aligned}", *lines, r"\end{aligned}"]  # as Sphinx does
        if label:
            lines.append(rf"\tag{{{self._numbers[label]}}}")
        if quoted:
            # JupyterLab would take the ">" of a second line for mathematics.
            return f"$$ {_one_line(lines)} $$"
        return "\n".join(["$$", *lines, "$$"])

    def _directive(self, token: Token, place: Place, quoted: bool) -> str:
        name, parsed, body = _parse_directive(token, place)
        title = parsed.arguments[0] if parsed.arguments else name.capitalize()
        text = "\n".join(parsed.body)
        if name == "math":
            return self._equation(text, parsed.options.get("label", ""), place, quoted)
        if name == "glossary":
            return self._glossary(parsed.body, body)
        if name == "bibliography":
            self._listed = list(self._citations.cited)
            return self._citations.references()
        if name == "dropdown" or "dropdown" in parsed.options.get("class", ()):
            return self._details(title, text, body, quoted, "open" in parsed.options)
        title = self.render(title, place)
        return _quote(f"**{title}**\n\n{self.render(text, body, quoted=True)}")

    def _details(
        self, title: str, text: str, place: Place, quoted: bool, is_open: bool
    ) -> str:
        summary = _TITLES.renderInline(self.render(title, place))
        start = "<details open>" if is_open else "<details>"
        body = self.render(text, place, quoted)
        return f"{start}\n<summary>{summary}</summary>\n\n{body}\n\n</details>"

    def _glossary(self, lines: list[str], place: Place) -> str:
        """A list with an entry for each term; a definition is indented below its term."""
        entries: list[str] = []
        for number, line in enumerate(lines):
            text = self.render(line.strip(), place.down(number))
            if not text:
                continue
            entries.append(f"  {text}" if line[0].isspace() else f"- **{text}**:")
        return "\n".join(entries)

    def _inline(self, token: Token, place: Place) -> Iterator[tuple[str, str]]:
        """Each piece of a text that has a span, in order, and what takes its place."""
        if re.search(r"^\s*\$\$", token.content, re.MULTILINE):
            raise place.error("leave a blank line before and after a $$ equation")
        for child in token.children or []:
            start, end = child.meta.get("span", (0, 0))
            where = place.down(token.content.count("\n", 0, start))
            _refuse_inline(child, where)
            raw = token.content[start:end]
            if child.type == "myst_role":
                yield raw, self._role(child.meta["name"], child.content, where)
            elif child.type == "math_inline":
                yield raw, f"${_one_line(child.content.splitlines())}$"
            elif raw:
                yield raw, raw

    def _role(self, name: str, content: str, place: Place) -> str:
        explicit = explicit_title_re.match(content)
        text, target = explicit.groups() if explicit else (content, content)
        match name:
            case "eq":
                return self._equation_number(content, place)
            case "cite" | "cite:p" | "cite:t":
                return self._citation(name, content, place)
            case "term":
                return text
            case "math":
                return f"${content}$"
            case "doc":
                return text if explicit else self._title(target, place)
            case "ref" if explicit:
                return text
            case "ref":
                raise place.error(f"give {{ref}} its words: {{ref}}`words <{content}>`")
            case "glue:text":
                return self._glue(content, place)
        raise place.error(f"role {{{name}}} has no plain form; these do: {_list(ROLES)}")

    def _equation_number(self, label: str, place: Place) -> str:
        if label not in self._numbers:
            raise place.error(
                f"no equation of this chapter is labelled {label!r}: label it,"
                " or name another chapter's formula in words"
            )
        return f"({self._numbers[label]})"

    def _citation(self, role: str, content: str, place: Place) -> str:
        keys = [key.strip() for key in content.split(",")]
        style = "textual" if role == "cite:t" else "parenthetical"
        try:
            text: str = getattr(self._citations, style)(keys)
        except KeyError as error:
            raise place.error(f"references.bib has no work {error.args[0]!r}") from None
        if self._listed is not None and set(keys) - set(self._listed):
            raise place.error("cited after {bibliography}: move the directive below")
        return text

    def _title(self, target: str, place: Place) -> str:
        """The title of another page, named as Sphinx names documents."""
        base = self._root if target.startswith("/") else self._path.parent
        path = base / f"{target.lstrip('/')}.md"
        if not path.is_file():
            raise place.error(f"there is no page {target!r} to refer to")
        tokens = PARSER.parse(path.read_text(encoding="utf-8"))
        for heading, inline in zip(tokens, tokens[1:], strict=False):
            if heading.type == "heading_open":
                return self.render(inline.content, place)
        raise place.error(f"the page {target!r} has no title")

    def _glue(self, content: str, place: Place) -> str:
        """The value of ``name`` or ``name:format``, formatted as MyST-NB does it."""
        name, colon, spec = content.rpartition(":")
        name, spec = (name, spec) if colon else (spec, "s")
        if name not in self._glued:
            self.unbuilt += [name] if name not in self.unbuilt else []
            return UNBUILT
        try:
            return format_plain_text(self._glued[name], spec)
        except ValueError as error:
            raise place.error(f"glued value {name!r}: {error}") from None


def split_at_headings(text: str) -> list[str]:
    """Cut a plain text before each heading, so that front ends can fold sections."""
    lines = text.splitlines()
    starts = [
        token.map[0]
        for token in PARSER.parse(text)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    cuts = [0, *(start for start in starts if start), len(lines)]
    pieces = ["\n".join(lines[a:b]).strip() for a, b in zip(cuts, cuts[1:], strict=False)]
    return [piece for piece in pieces if piece]


class _Edits:
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
        lines = new.splitlines()
        body = [first + lines[0]] if lines else []
        body += [(further + line).rstrip() for line in lines[1:]]
        self._edits.append((start, end, "".join(f"{line}\n" for line in body)))

    def drop(self, token: Token) -> None:
        """Take a block's lines away."""
        self._edits.append((*self._range(token), ""))

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

    def _prefix(self, token: Token) -> str:
        """What stands before a block on its first line."""
        if not token.map or not token.markup or token.map[0] >= len(self._lines):
            return ""
        return self._lines[token.map[0]].partition(token.markup)[0]


def _walk(text: str, place: Place) -> Iterator[tuple[Token, Place]]:
    """All blocks of a text, those inside directives included, in the page's order."""
    for token in PARSER.parse(text):
        where = place.down(token.map[0]) if token.map else place
        yield token, where
        if _is_directive(token) and not token.info.startswith("{code-cell}"):
            name, parsed, body = _parse_directive(token, where)
            if name != "math":
                yield from _walk("\n".join(parsed.body), body)


def _label(token: Token, place: Place) -> str:
    """The label of an equation; empty where there is none."""
    if token.type == "math_block_label":
        return token.info
    if _is_directive(token) and token.info.startswith("{math}"):
        return str(_parse_directive(token, place)[1].options.get("label", ""))
    return ""


def _is_directive(token: Token) -> bool:
    return token.type == "colon_fence" or (
        token.type == "fence" and token.info.startswith("{")
    )


def _parse_directive(
    token: Token, place: Place
) -> tuple[str, DirectiveParsingResult, Place]:
    """The name of a directive, its parts, and where its body begins."""
    match = _DIRECTIVE.match(token.info)
    name, first_line = match.groups() if match else (token.info, "")
    if name not in DIRECTIVES:
        known = _list(DIRECTIVES)
        raise place.error(f"directive {{{name}}} has no plain form; these do: {known}")
    try:
        parsed = parse_directive_text(DIRECTIVES[name], first_line, token.content)
    except MarkupError as error:
        raise place.error(f"directive {{{name}}}: {error}") from None
    if parsed.warnings:
        raise place.error(f"directive {{{name}}}: {parsed.warnings[0].msg}")
    body_on_first_line = bool(first_line) and not parsed.arguments
    return name, parsed, place.down(parsed.body_offset + (not body_on_first_line))


def _refuse_inline(token: Token, place: Place) -> None:
    """Raise for what would not show, or would lead nowhere, in a student's notebook."""
    if token.type not in _PLAIN_INLINES:
        raise place.error(f"{_words(token)} have no plain form: write it otherwise")
    if token.type == "link_open":
        address = str(token.attrs.get("href", ""))
        if urlsplit(address).scheme not in ("http", "https", "mailto"):
            raise place.error(
                f"link to {address!r}: a notebook has no such file beside it;"
                " use {doc}`words <page>`"
            )
    if token.type == "image":
        address = str(token.attrs.get("src", ""))
        if urlsplit(address).scheme not in ("http", "https"):
            raise place.error(
                f"image {address!r}: files do not travel with a notebook;"
                " draw it in a cell tagged figure"
            )


def _verify(plain: str, place: Place) -> None:
    """Raise if a text still holds MyST, in raw HTML for instance."""
    for token in PARSER.parse(plain):
        inlines = {child.type for child in token.children or []}
        raw = token.type == "html_block" and re.search(r"\{[\w:+-]+\}`", token.content)
        if _is_directive(token) or "myst_role" in inlines or raw:
            where = place.down(token.map[0]) if token.map else place
            raise where.error("MyST where it is not read: write the lines near otherwise")


def _one_line(lines: Iterable[str]) -> str:
    """LaTeX on one line, without the comments that would swallow the rest of it."""
    return " ".join(re.sub(r"(?<!\\)%.*", "", line).strip() for line in lines)


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _words(token: Token) -> str:
    """A parser's token type as words: ``footnote_ref`` is "footnote ref"."""
    return token.type.removesuffix("_open").replace("_", " ")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


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
    """MyST's parser with the syntax that Jupyter Book enables, and `_spanning` rules."""
    # amsmath only so that it can be refused: without it, it would pass for text.
    syntax = {"amsmath", "colon_fence", "dollarmath", "substitution", "tasklist"}
    parser = create_md_parser(MdParserConfig(enable_extensions=syntax), RendererHTML)
    parser.inline.ruler.at("myst_role", _spanning(myst_role))
    parser.inline.ruler.at("backticks", _spanning(backtick))
    parser.inline.ruler.at("math_inline", _spanning(math_inline_dollar()))
    return parser


def _title_parser() -> MarkdownIt:
    """Markdown to HTML for one line in ``<summary>``, where no Markdown is read."""
    parser = create_md_parser(
        MdParserConfig(enable_extensions={"dollarmath"}), RendererHTML
    )
    rules: dict[str, Any] = parser.renderer.rules  # type: ignore[attr-defined]
    rules["math_inline"] = lambda tokens, at, *_: f"${html.escape(tokens[at].content)}$"
    return parser


PARSER = _parser()
_TITLES = _title_parser()

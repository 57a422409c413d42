"""A chapter's MyST Markdown made plain, for the student's notebook.

JupyterLab, VS Code and Colab know no MyST. They agree on CommonMark with tables, on
``$`` and ``$$`` mathematics, on block quotes and on HTML's ``<details>``; so directives
and roles become these. What has no plain form is refused with its file and line.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_nb.core.variables import format_plain_text
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from sphinx.util.nodes import explicit_title_re

from autograder.citations import Citations
from autograder.myst import PARSER, Edits, Place, is_directive, parse_directive, walk

ROLES = ("eq", "cite", "cite:p", "cite:t", "term", "doc", "ref", "glue:text", "math")
"""The roles that have a plain form."""

UNBUILT = "(see the book)"
"""What stands for a number that no built book provides."""

_VANISHING = {"myst_target", "myst_line_comment", "myst_block_break"}
_PLAIN_BLOCKS = {
    *("paragraph", "heading", "blockquote", "bullet_list", "ordered_list", "list_item"),
    *("fence", "code_block", "html_block", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
_PLAIN_INLINES = {
    *("text", "softbreak", "hardbreak", "em", "strong", "link", "image"),
    *("code_inline", "html_inline", "math_inline"),
}


class Page:
    """One chapter on its way to a notebook.

    Args:
        root: the repository.
        path: the chapter, which lies in ``root/chapters``.
        glued: what the built book glued, by name, as its cells display it; None where
            there is no book of this chapter.
    """

    def __init__(
        self, root: Path, path: Path, glued: Mapping[str, str] | None = None
    ) -> None:
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
        edits = Edits(text)
        for token in PARSER.parse(text):
            where = place.down(token.map[0]) if token.map else place
            if token.type == "inline":
                for raw, new in self._inline(token, where):
                    edits.replace(token, raw, new)
            elif token.type in _VANISHING:
                edits.drop(token)
            else:
                block = self._block(token, where, quoted or edits.quoted(token))
                if block is not None:
                    edits.replace_block(token, block)
        plain = edits.applied()
        _verify(plain, place)
        return plain

    def pending_references(self) -> str:
        """The references, if works are cited and no directive has listed them."""
        if self._listed is not None or not self._citations.cited:
            return ""
        return f"## References\n\n{self._citations.references()}"

    def _number(self, text: str) -> dict[str, int]:
        """Number the labelled equations in the page's order, as Sphinx does."""
        labels: dict[str, int] = {}
        for token, place in walk(text, self._start):
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
        if is_directive(token):
            return self._directive(token, place, quoted)
        if token.type == "amsmath":
            raise place.error(r"write $$ \begin{aligned} ... \end{aligned} $$ instead")
        _refuse_unless(_PLAIN_BLOCKS, token, place)
        return None

    def _equation(self, latex: str, label: str, place: Place, quoted: bool) -> str:
        lines = [line.strip() for line in latex.strip().splitlines()]
        if "" in lines:
            raise place.error("blank line in an equation: write one $$ block for each")
        inner = re.compile(r"\\begin\{(\w+\*?)\}.*?\\end\{\1\}")
        if r"\\" in inner.sub("", " ".join(lines)):  # several lines, as Sphinx has it
            lines = [r"\begin{aligned}", *lines, r"\end{aligned}"]
        if label:
            lines.append(rf"\tag{{{self._numbers[label]}}}")
        if quoted:
            # JupyterLab would take the ">" of a second line for mathematics.
            return f"$$ {_one_line(lines)} $$"
        return "\n".join(["$$", *lines, "$$"])

    def _directive(self, token: Token, place: Place, quoted: bool) -> str:
        name, parsed, body = parse_directive(token, place)
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
        """A list of terms, each with the definition that is indented below it."""
        entries: list[str] = []
        for number, line in enumerate(lines):
            text = self.render(line.strip(), place.down(number))
            if not text:
                continue
            if line[0].isspace():
                entries.append(f"  {text}")
            elif entries and entries[-1].endswith("**:"):  # two terms, one definition
                entries[-1] = f"{entries[-1][:-1]}, **{text}**:"
            else:
                entries.append(f"- **{text}**:")
        return "\n".join(entries)

    def _inline(self, token: Token, place: Place) -> Iterator[tuple[str, str]]:
        """Each piece of a text that has a span, in order, and what takes its place."""
        if re.search(r"^\s*\$\$", token.content, re.MULTILINE):
            raise place.error("leave a blank line before and after a $$ equation")
        if re.search(r"^\s*`{3,}\{", token.content, re.MULTILINE):
            raise place.error("a fence's title can't hold a backtick: fence it by :::")
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
        known = ", ".join(sorted(ROLES))
        raise place.error(f"role {{{name}}} has no plain form; these do: {known}")

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
        for heading, inline in pairwise(tokens):
            if heading.type == "heading_open":
                return self.render(inline.content, place)
        raise place.error(f"the page {target!r} has no title")

    def _glue(self, content: str, place: Place) -> str:
        """The value of ``name`` or ``name:format``, formatted as MyST-NB does it."""
        name, colon, spec = content.rpartition(":")
        name, spec = (name, spec) if colon else (spec, "s")
        if self._glued is None:
            self.unbuilt += [name] if name not in self.unbuilt else []
            return UNBUILT
        if name not in self._glued:
            raise place.error(f"no cell of this chapter glues {name!r}")
        try:
            return str(format_plain_text(self._glued[name], spec))
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
    pieces = ["\n".join(lines[a:b]).strip() for a, b in pairwise(cuts)]
    return [piece for piece in pieces if piece]


def _label(token: Token, place: Place) -> str:
    """The label of an equation; empty where there is none."""
    if token.type == "math_block_label":
        return token.info
    if is_directive(token) and token.info.startswith("{math}"):
        return str(parse_directive(token, place)[1].options.get("label", ""))
    return ""


def _refuse_inline(token: Token, place: Place) -> None:
    """Raise for what would not show, or would lead nowhere, in a student's notebook."""
    _refuse_unless(_PLAIN_INLINES | {"myst_role"}, token, place)
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
        if is_directive(token) or "myst_role" in inlines or raw:
            where = place.down(token.map[0]) if token.map else place
            raise where.error("MyST in a place where it is not read: move it")


def _one_line(lines: Iterable[str]) -> str:
    """LaTeX on one line, without the comments that would swallow the rest of it."""
    return " ".join(re.sub(r"(?<!\\)%.*", "", line).strip() for line in lines)


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _refuse_unless(plain: Container[str], token: Token, place: Place) -> None:
    """Raise for syntax that is not among the plain."""
    syntax = re.sub("_(open|close)$", "", token.type)
    if syntax not in plain:
        words = syntax.replace("_", " ")  # footnote_ref becomes "footnote ref"
        raise place.error(f"{words} has no plain form: write it otherwise")


def _title_parser() -> MarkdownIt:
    """Markdown to HTML for one line in ``<summary>``, where no Markdown is read."""
    parser = create_md_parser(
        MdParserConfig(enable_extensions={"dollarmath"}), RendererHTML
    )
    rules: dict[str, Any] = parser.renderer.rules  # type: ignore[attr-defined]
    rules["math_inline"] = lambda tokens, at, *_: f"${tokens[at].content}$"
    return parser


_TITLES = _title_parser()

"""Feedback pages as nbgrader makes them, in a tenth of the time, and complete.

A feedback page is as long as its chapter, and most of it is the same for the whole
class: text and code that were rendered for one student are kept for the next. Formulas
are typeset here, so that a page which is sent by mail reads right without a network.
The formgrader takes its texts from here as well (``nbgrader_config.py``).
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

from jinja2 import DictLoader, pass_context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML, strip_files_prefix
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

from autograder.formulas import script, styles, typeset
from autograder.gradebook import Owned

KEPT = 1000
"""Cells whose rendering is kept: a chapter's, and those of the last few students."""

NO_MATHJAX = DictLoader({"mathjax.html.j2": "{% macro mathjax() %}{% endmacro %}"})
"""In place of nbconvert's template, which loads MathJax from another host."""


class Renderer(IPythonRenderer):
    """nbconvert's, which writes formulas as TeX for MathJax; here they are typeset."""

    def inline_math(self, body: str) -> str:
        """``$...$``."""
        return typeset(body)

    def block_math(self, body: str) -> str:
        """``$$...$$``."""
        return typeset(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        r"""``\begin{align}...\end{align}`` outside of any dollars."""
        return typeset(rf"\begin{{{name}}}{body}\end{{{name}}}", display=True)

    def block_html(self, html: str) -> str:
        """HTML, where a folded box's title may hold formulas.

        Nothing else in HTML does, and a verdict's table holds what a student wrote.
        """
        return super().block_html(
            re.sub("<summary>.*?</summary>", _title, html, flags=re.DOTALL)
        )


def _title(summary: re.Match[str]) -> str:
    return re.sub(
        r"\$([^$]+)\$", lambda tex: typeset(html.unescape(tex[1])), summary[0]
    )


@pass_context
def markdown2html(context: Any, source: str) -> str:
    """Jinja's filter for Markdown; the cell around it matters only for attachments.

    The first text of a page has before it what the formulas of all of them need, since
    no template but nbgrader's own can change a page's head.
    """
    attachments = context.get("cell", {}).get("attachments")
    text = _html(source, attachments) if attachments else _kept_html(source)
    return _needs(context) + text


def _needs(context: Any) -> str:
    resources = context["resources"]
    if resources.get("formulas"):
        return ""
    resources["formulas"] = "styled"
    cells = context["nb"].cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    comments = (cell.metadata.get("nbgrader", {}).get("comment") for cell in cells)
    parts = [_kept_html(text) for text in (*texts, *filter(None, comments))]
    code = script(*parts)
    return f"<style>{styles(*parts)}</style>{code and f'<script>{code}</script>'}"


def _html(source: str, attachments: Any = None) -> str:
    renderer = Renderer(escape=False, attachments=attachments)
    return MarkdownWithMath(renderer).render(source)


_kept_html = lru_cache(KEPT)(_html)

# It searches what has just been rendered.
_stripped = lru_cache(KEPT)(strip_files_prefix)


class FeedbackExporter(HTMLExporter):
    """nbconvert's exporter, which remembers, and reads no page a second time.

    When a page is done, ``HTMLExporter`` takes it apart again to describe images that
    lack a description and to let the keyboard reach JupyterLab's cells. A chapter's
    images have theirs, and nbgrader's template has no such cells.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.extra_loaders = [NO_MATHJAX]
        self.code = lru_cache(KEPT)(self._code)

    def from_notebook_node(  # type: ignore[override]
        self, nb: Any, resources: Any = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        """Export a notebook, as ``HTMLExporter`` does it up to the page."""
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        widgets = WidgetsDataTypeFilter(
            notebook_metadata=self._nb_metadata, parent=self, resources=resources
        )
        about = nb.metadata.get("language_info", {})
        lexer = about.get("pygments_lexer", about.get("name"))

        def highlighted(source: str, metadata: Any = None) -> str:
            return self.code(source, lexer)

        filters = {
            "highlight_code": highlighted,
            "filter_data_type": widgets,
            "strip_files_prefix": _stripped,
        }
        for name, apply in filters.items():
            self.register_filter(name, apply)  # type: ignore[no-untyped-call]
        # Read from its file for this page alone.
        own = Owned(nb)  # type: ignore[no-untyped-call]
        return TemplateExporter.from_notebook_node(self, own, resources, **kwargs)

    def _code(self, source: str, lexer: str | None) -> str:
        return str(Highlight2HTML(lexer, parent=self)(source))

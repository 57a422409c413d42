"""Feedback pages as nbgrader makes them, in a tenth of the time.

A feedback page is as long as its chapter, and most of it is the same for the whole
class: text and code that were rendered for one student are kept for the next.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter

from autograder.gradebook import Owned

KEPT = 1000
"""Cells whose rendering is kept: a chapter's, and those of the last few students."""


class FeedbackExporter(HTMLExporter):
    """nbconvert's exporter, which remembers, and reads no page a second time.

    When a page is done, ``HTMLExporter`` takes it apart again to describe images that
    lack a description and to let the keyboard reach JupyterLab's cells. A chapter's
    images have theirs, and nbgrader's template has no such cells.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.text = lru_cache(KEPT)(self._text)
        self.code = lru_cache(KEPT)(self._code)

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Markdown as HTML; the cell around it matters only for its attachments."""
        if context.get("cell", {}).get("attachments"):
            return str(super().markdown2html(context, source))
        return self.text(source)

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

        filters = {"highlight_code": highlighted, "filter_data_type": widgets}
        for name, apply in filters.items():
            self.register_filter(name, apply)  # type: ignore[no-untyped-call]
        # Read from its file for this page alone.
        own = Owned(nb)  # type: ignore[no-untyped-call]
        return TemplateExporter.from_notebook_node(self, own, resources, **kwargs)

    def _text(self, source: str) -> str:
        return str(super().markdown2html({}, source))

    def _code(self, source: str, lexer: str | None) -> str:
        return str(Highlight2HTML(lexer, parent=self)(source))

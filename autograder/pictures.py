"""Sphinx extension: figures of several panels stay readable on a phone.

The course's figures are 7 inches wide where they have one panel, or panels one below
the other, and wider where panels lie side by side. Those get a class of their own;
``_static/course.css`` keeps them at their size on a small screen, to be moved sideways.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.images import get_image_size

WIDE = "wide"
"""The class of a wide figure."""

SINGLE = 820
"""In pixels: one panel is 782 wide, the narrowest figure of two 837."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
    app.connect(
        "doctree-resolved", lambda app, doctree, docname: mark(doctree, app.srcdir)
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def mark(doctree: nodes.Element, folder: Path) -> None:
    """Give the wide figures of a page their class; their files lie below the folder."""
    for image in doctree.findall(nodes.image):
        if width(folder / image["uri"]) > SINGLE:
            image["classes"].append(WIDE)


def width(path: Path) -> int:
    """How many pixels wide a PNG is; 0 for any other file, or none."""
    size = get_image_size(str(path)) if path.suffix == ".png" else None
    return size[0] if size else 0

"""Feedback pages, and the formgrader's, for a reader without a network."""

import re
from copy import deepcopy
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbgrader.converters import GenerateFeedback
from nbgrader.server_extensions.formgrader import handlers

from autograder import feedback, formulas
from autograder.course import ROOT, open_course
from autograder.exercises import assignments
from autograder.feedback import FeedbackExporter
from autograder.gradebook import _as_written
from autograder.release import draft

pytestmark = pytest.mark.slow

FORMULA = 'class="katex"'


def graded(name):
    """An assignment's notebook without any marks."""
    notebook = draft(ROOT, name).notebook
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.nbgrader.score = 0.0
    return notebook


def exported(exporter, notebook):
    """A page of a notebook, as if it had been graded."""
    about = {"notebook": "x", "score": 0, "max_score": 1, "late_penalty": 0}
    resources = {"nbgrader": about, "index": 0, "total": 1}
    return exporter.from_notebook_node(deepcopy(notebook), resources)[0]


@pytest.fixture(scope="module")
def exporter():
    """What makes feedback pages, set up as nbgrader does it with our configuration."""
    course = open_course(ROOT)
    converter = GenerateFeedback(course.coursedir, parent=course)
    return FeedbackExporter(parent=converter, config=converter.config)


@pytest.fixture(scope="module")
def formgrader():
    """The formgrader's exporter, set up as its server does it."""
    config = deepcopy(open_course(ROOT).config)
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    return HTMLExporter(config=config)


def loaded(page):
    """The addresses of all that a browser would load for a page."""
    for tag in BeautifulSoup(page, "html.parser").find_all(True):
        names = ("src", "srcset", "data", "poster", "action")
        for name in (*names, *(["href"] if tag.name != "a" else [])):
            if tag.has_attr(name):
                yield tag[name]
    yield from re.findall(
        r"""(?:url\(|@import|\bimport\b.*?)\s*["']?([^"')\s]+)""", page
    )


def elsewhere(page):
    """Those of them that lie on another host."""
    return [a for a in loaded(page) if urlsplit(a).netloc or a.startswith("http")]


@pytest.mark.parametrize("name", assignments(ROOT))
def test_a_feedback_page_has_its_formulas_and_needs_no_other_host(name, exporter):
    page = exported(exporter, graded(name))
    assert page.count(FORMULA) > 20 and "katex-error" not in page
    assert "KaTeX_Math;font-style:italic;font-weight:400;src:url(data:" in page
    assert elsewhere(page) == []
    assert "MathJax" not in page


def test_what_would_be_loaded_is_found():
    page = (
        "<script src='https://a.org/x.js'></script><link href='//b.org/y.css'>"
        "<a href='https://c.org'>c</a><style>@import 'https://d.org/z.css';"
        "p {background: url(https://e.org/i.png)}</style><img src='data:x'>"
    )
    hosts = [urlsplit(address).netloc for address in elsewhere(page)]
    assert hosts == ["a.org", "b.org", "d.org", "e.org"]


def test_formulas_are_typeset_once_for_a_class(exporter, monkeypatch):
    notebook = graded("03_adam")
    first = exported(exporter, notebook)
    monkeypatch.setattr(feedback, "typeset", None)
    monkeypatch.setattr(formulas, "_engine", None)
    assert exported(exporter, notebook) == first


def test_a_folded_title_has_its_formulas_and_a_table_has_none():
    renderer = feedback._html
    title = renderer(
        "<details>\n<summary>Why $t < 1$ fails</summary>\n\nx\n\n</details>"
    )
    assert FORMULA in title and "$" not in re.sub("<annot.*?</annot", "", title)
    table = "<table><tr><td>'$\\rule{99em}{99em}$'</td></tr></table>"
    assert renderer(table).strip() == table


@pytest.mark.parametrize(
    "text", ["$x$", "$$x$$\n\n$$y$$", "```\n$$\nx\n$$", "~~~\n$x$"]
)
def test_what_a_student_wrote_is_not_typeset(text):
    page = feedback._html(_as_written(text))
    assert FORMULA not in page and page.count("$") == text.count("$")


def test_the_formgrader_shows_them_too(formgrader):
    page = exported(formgrader, graded("03_adam"))
    assert page.count(FORMULA) > 100
    assert page.count("KaTeX_Main;font-style:normal;font-weight:400;src:url(data:") == 1


def test_a_comment_may_hold_a_formula(exporter):
    notebook = graded("03_adam")
    cell = next(c for c in notebook.cells if c.metadata.get("nbgrader"))
    cell.metadata.nbgrader.comment = r"Look at $\mathfrak{c}_t$ again."
    page = exported(exporter, notebook)
    assert (
        "mathfrak" in page
        and "KaTeX_Fraktur;font-style:normal;font-weight:400;src" in page
    )


@pytest.mark.browser
def test_a_browser_loads_nothing_for_a_feedback_page(exporter, browser, tmp_path):
    file = tmp_path / "page.html"
    page = exported(exporter, graded("03_adam"))
    file.write_text(page, encoding="utf-8")
    tab = browser.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    fonts = "document.fonts.ready.then(all => [...all].map(f => [f.family, f.status]))"
    assert ["KaTeX_Math", "loaded"] in tab.evaluate(fonts)
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]
    tab.close()

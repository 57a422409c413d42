"""Formulas that need neither a script nor a network."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from nbconvert.filters.markdown_mistune import MarkdownWithMath

from autograder import formulas
from autograder.exercises import assignments
from autograder.feedback import Renderer
from autograder.formulas import script, styles, typeset
from autograder.release import draft

ROOT = Path(__file__).resolve().parents[2]

FACE = re.compile(r'font-family:"?KaTeX_(\w+)"?;font-style:(\w+);font-weight:(\w+);src')


@pytest.fixture
def no_v8(monkeypatch):
    """A machine that mini-racer has no wheel for."""
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    for kept in (formulas._engine, typeset):
        kept.cache_clear()
    yield
    for kept in (formulas._engine, typeset):
        kept.cache_clear()


def faces(page):
    """The fonts that a page brings."""
    return {" ".join(face) for face in FACE.findall(styles(page))}


def test_a_formula_is_there_for_eyes_and_for_screen_readers():
    html = typeset(r"\theta_t - \eta\,\hat m_t")
    assert "<math" in html and 'class="katex-html" aria-hidden="true"' in html
    assert "katex-display" not in html
    assert "katex-display" in typeset(r"x \tag{3}", display=True)


def test_a_mistake_in_tex_is_shown_and_does_not_raise():
    html = typeset(r"\frac{a")
    assert "katex-error" in html and r"\frac{a" in unescape(html)


def test_tex_can_bring_neither_a_script_nor_a_link():
    html = typeset(r"\href{javascript:alert(1)}{x} <script>alert(1)</script>")
    assert "<script" not in html and "href=" not in html


def test_a_page_brings_the_fonts_that_it_uses_and_no_other():
    plain = {"Main normal 400", "Math italic 400"}
    assert faces(typeset("x + 1")) == plain
    more = typeset(r"\mathbb{E} \mathbf{g} \Big( \sum_i", display=True)
    sizes = {"Size2 normal 400", "AMS normal 400", "Main normal 700"}
    assert plain | sizes <= faces(more) < faces('<p class="tex">')
    assert "url(fonts" not in styles(more)


def test_a_page_without_formulas_brings_nothing():
    assert styles("<p class='a'>words</p>") == script("<p>words</p>") == ""


def test_without_v8_the_browser_typesets(no_v8, capsys):
    html = typeset("a < b") + typeset("x", display=True)
    assert html == '<span class="tex">$a &lt; b$</span><span class="tex">$$x$$</span>'
    assert "katex" in script(html) and len(faces(html)) == 20
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("formulas are left to the reader's browser: no mini-racer")


def test_a_program_that_typesets_comes_to_its_end():
    program = "from autograder.formulas import typeset, styles; typeset('x')"
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    try:
        assert [one.wait(timeout=120) for one in running] == [0] * 4
    finally:
        for one in running:
            one.kill()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("v8", [True, False])
def test_a_browser_without_network_shows_them(v8, scheme, browser, request, tmp_path):
    if not v8:
        request.getfixturevalue("no_v8")
    parts = [typeset(r"\sum_i \mathbb{E}[x_i]", display=True), typeset("a < b")]
    head = f"<style>{styles(*parts)}</style><script>{script(*parts)}</script>"
    page = tmp_path / "page.html"
    page.write_text(
        f"<!doctype html><meta charset=utf-8>{head}{''.join(parts)}", encoding="utf-8"
    )
    context = browser.new_context(offline=True, color_scheme=scheme)
    tab = context.new_page()
    faults = []
    tab.on("pageerror", lambda error: faults.append(error))
    tab.on("requestfailed", lambda request: faults.append(request))
    tab.goto(page.as_uri())
    assert tab.locator(".katex-html").count() == 2
    loaded = "document.fonts.ready.then(all => [...all].map(f => [f.family, f.status]))"
    used = {name for name, status in tab.evaluate(loaded) if status == "loaded"}
    assert {f"KaTeX_{name}" for name in ("Main", "Math", "AMS", "Size2")} <= used
    assert not faults
    context.close()


@pytest.mark.parametrize("name", assignments(ROOT))
def test_each_formula_of_the_notebooks_is_one(name):
    render = MarkdownWithMath(Renderer(escape=False)).render
    cells = draft(ROOT, name).notebook.cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    page = "".join(map(render, texts))
    assert page.count('class="katex"') > 20
    errors = re.findall(r'class="katex-error" title="([^"]*)"', page)
    assert errors == []
    # Nothing is left that MathJax would have found.
    shown = re.sub(r"<(annotation|pre|code)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert "$" not in shown

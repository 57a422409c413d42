"""A page in a browser: without a network, on a phone, in the dark theme, on paper."""

from __future__ import annotations

import re

import pytest

from descentlab.report import Report

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def visit(browser, built):
    """Open the chapter with the figure; hold against it whatever it asks or reports."""
    file = built[0].root / "_build" / "html" / "chapters" / "02_rmsprop.html"
    troubles = []

    def visit(width: int = 1280, theme: str = "light"):
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=theme
        )
        page.on("requestfailed", lambda request: troubles.append(request.url))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda m: m.type == "error" and troubles.append(m.text))
        page.route(lambda url: not url.startswith("file:"), lambda route: route.abort())
        page.goto(file.as_uri())
        page.wait_for_selector("mjx-container")
        return page

    yield visit
    assert troubles == []


@pytest.mark.parametrize("width", [1280, 390])
def test_page_needs_no_network_and_fits(visit, width):
    page = visit(width)
    assert page.locator("mjx-container").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("mjx-merror").count() == 0


def test_figures_are_inverted_in_the_dark_theme_alone(visit):
    filters = [
        visit(theme=theme).evaluate(
            "getComputedStyle(document.querySelector('.cell_output img')).filter"
        )
        for theme in ("light", "dark")
    ]
    assert filters[0] == "none"
    assert filters[1].startswith("invert(")


def test_panels_side_by_side_keep_their_size_on_a_phone(visit):
    page = visit(width=390)
    one, two = (
        page.locator(f"#fig-rmsprop-{name}").evaluate(
            """figure => {
                figure.scrollLeft = 100
                const box = figure.lastElementChild.getBoundingClientRect()
                return [
                    figure.scrollLeft,
                    figure.querySelector("img").clientWidth,
                    box.left >= 0 && box.right <= innerWidth,
                ]
            }"""
        )
        for name in ("line", "panels")
    )
    assert one[0] == 0
    assert one[1] < 390
    assert two[0] == 100
    assert two[1] > 600
    assert two[2]  # the caption has stayed


REPORT = """html => {
    const output = document.createElement("div");
    output.className = "cell_output";
    output.innerHTML = `<div class="output text_html">${html}</div>`;
    document.querySelector(".bd-content article").append(output);
    const colours = (selector, name) =>
        getComputedStyle(document.querySelector(selector))[name];
    const box = ".text_html:has(.descentlab-report)";
    return [
        colours(box, "backgroundColor"), colours(box, "color"),
        colours("article p", "color"), colours(".descentlab-report strong", "color"),
    ];
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_has_the_colours_of_the_page(visit, theme):
    html = Report("step: 1 of 9 published cases fail", False)._repr_html_()
    ground, words, prose, headline = visit(theme=theme).evaluate(REPORT, html)
    assert ground == "rgba(0, 0, 0, 0)"
    assert words == prose
    # An orange, mixed with the words.
    red, green, blue = map(float, re.findall(r"[\d.]+", headline))
    assert red > green > blue
    assert (red > 0.7) == (theme == "dark")


def test_paper_is_light(visit):
    page = visit(theme="dark")
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(theme) == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(theme) == "dark"

"""The study notes on paper: one sheet of A4, both sides, and nothing cut off."""

import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PAPER = (210 - 2 * 10) / 25.4 * 96  # mm between the margins, in CSS pixels


@pytest.fixture
def sheet(site, browser):
    """The page as it is laid out for print, between the margins of A4."""
    page = browser.new_page(viewport={"width": round(PAPER), "height": 1000})
    page.goto((site / "chapters" / "study_notes.html").as_uri())
    page.wait_for_selector("mjx-container")
    page.wait_for_function("document.fonts.status === 'loaded'")
    yield page
    page.close()


def test_study_notes_print_on_one_sheet(sheet):
    pdf = sheet.pdf(format="A4")
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 2


def test_no_cell_of_the_printed_tables_is_cut(sheet):
    sheet.emulate_media(media="print")
    wide = sheet.evaluate(
        "[...document.querySelectorAll('#study-notes :is(th, td)')]"
        ".filter(cell => cell.scrollWidth > cell.clientWidth + 1)"
        ".map(cell => cell.textContent)"
    )
    assert wide == []

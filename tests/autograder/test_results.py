"""Results of a run on a page: tables and values, never typed by hand."""

import json
import re

import pytest
from sphinx.testing.util import SphinxTestApp

from autograder import results
from autograder.results import ResultsError

DATA = {
    "date": "2026-11-24",
    "command": "make things",
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
    "share": 0.925,
    "total": {"all": 40, "many": 12500},
    "things": [
        {"name": "`one`", "caught": 39, "of": {"all": 40}, "held": True},
        {"name": "two __dunder__ | bar", "caught": 0.5, "of": {"all": 1}, "held": None},
    ],
}
TABLE = """
```{results} things things
name: thing
caught / of.all: caught
of.all:
held: held
```
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A function that gives the HTML of a page that holds some text."""
    folder = tmp_path / "results"
    folder.mkdir()
    monkeypatch.setattr(results, "FOLDER", folder)
    (folder / "things.json").write_text(json.dumps(DATA))
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'autograder.results']"
    )

    def built(text):
        (source / "index.md").write_text(f"# Title\n\n{text}\n")
        app = SphinxTestApp("html", srcdir=source)
        try:
            app.build()
            return (app.outdir / "index.html").read_text()
        finally:
            app.cleanup()

    return built


def test_a_table_has_a_row_for_each_item_and_says_what_it_was_made_with(page):
    html = page(TABLE)
    cells = ["thing", "caught", "of.all", "held", "one", "39/40", "40", "yes"]
    places = [html.index(f">{cell}<") for cell in cells]
    assert places == sorted(places)
    assert "two __dunder__ | bar" in html
    assert "Made on 2026-11-24 by make things, with python 3.11.7, numpy 2.4.6." in html


def test_numbers_stand_to_the_right_with_their_heading(page):
    html = page(TABLE)
    right = re.findall(r'text-right"><p>([^<]*)', html)
    assert right == ["caught", "of.all", "39/40", "40", "0.5/1", "1"]


def test_equal_rows_can_be_counted(page):
    items = [{"name": "one"}, {"name": "two"}, {"name": "one"}]
    (results.FOLDER / "things.json").write_text(json.dumps({**DATA, "things": items}))
    text = "```{results} things things\n:undated:\n:counted: times\n\nname: thing\n```"
    cells = re.findall(r"<p>([^<]*)</p></t[hd]", page(text))
    assert cells == ["thing", "times", "one", "2", "two", "1"]


def test_a_table_of_nothing_says_so_and_the_date_can_be_left_out(page):
    text = "```{results} things nothings\n:undated:\n\nname:\n```"
    (results.FOLDER / "things.json").write_text(json.dumps({**DATA, "nothings": []}))
    html = page(text)
    assert "None." in html
    assert "Made on" not in html


def test_a_value_in_a_sentence(page):
    text = "{result}`things.share:.1%` of {result}`things.total.all` on time"
    assert "92.5% of 40 on" in page(text)


def test_a_large_number_is_grouped_as_in_the_chapters(page):
    assert "12\N{NO-BREAK SPACE}500 and 0.9" in page(
        "{result}`things.total.many:,` and {result}`things.share:.1f`"
    )


def test_a_page_is_made_again_when_its_results_are_new(page):
    assert "of 40." in page("{result}`things.date` of {result}`things.total.all`.")
    text = json.dumps({**DATA, "total": {"all": 41}})
    (results.FOLDER / "things.json").write_text(text)
    assert "of 41." in page("{result}`things.date` of {result}`things.total.all`.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{result}`other.share`", "other.json"),
        ("{result}`things.total.none`", "things.json has no 'total.none', only all"),
        ("```{results} things nothing\nname:\n```", "has no 'nothing', only date"),
        ("```{results} things things\nbirth:\n```", "has no 'birth', only name"),
    ],
)
def test_what_is_not_there_is_told(page, text, words):
    with pytest.raises(ResultsError, match=words):
        page(text)

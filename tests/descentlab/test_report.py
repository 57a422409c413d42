"""What a student reads: plain text, HTML, and values as they would type them."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from descentlab.report import MARKS, TEXT, Line, Report, show, show_call

REPORT = Report(
    headline="adam_step: 1 of 3 published cases fail",
    passed=False,
    lines=[Line(True, "values", "2 of 2"), Line(False, "purity")],
    facts=[("call", "adam_step(t=1)"), ("got", "theta[0] = 1 < 2")],
    advice=["Work on a new array.", "Or on a copy."],
    where="chapter <there> & here",
    link="https://x.org/03_adam.html?a=1&b='2'#equation-eq-adam",
)


class Words(HTMLParser):
    """Gathers the words of some HTML, and checks that every element is closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.words, self.labels, self.links = [], [], [], []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.labels += [value for name, value in attrs if name == "aria-label"]
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.strip())


def test_plain_text():
    assert str(REPORT) == repr(REPORT)
    assert str(REPORT) == (
        "adam_step: 1 of 3 published cases fail\n"
        "  [ok] values: 2 of 2\n"
        "  [no] purity\n"
        "  call: adam_step(t=1)\n"
        "   got: theta[0] = 1 < 2\n"
        "  Work on a new array.\n"
        "  Or on a copy.\n"
        "  Where to look: chapter <there> & here.\n"
        "  https://x.org/03_adam.html?a=1&b='2'#equation-eq-adam"
    )


def test_html_has_the_same_words():
    page = Words(REPORT._repr_html_())
    assert page.words == [
        "adam_step: 1 of 3 published cases fail",
        *("✓", "values: 2 of 2", "✗", "purity"),
        *("call", "adam_step(t=1)", "got", "theta[0] = 1 < 2"),
        *("Work on a new array.", "Or on a copy."),
        *("Where to look:", "chapter <there> & here", "."),
    ]
    assert page.labels == ["passed", "failed"]
    assert page.links == [REPORT.link]


def test_a_link_within_the_page_is_for_html_alone():
    report = replace(REPORT, link="#The-update")
    assert str(report).endswith("Where to look: chapter <there> & here.")
    assert Words(report._repr_html_()).links == ["#The-update"]


def test_a_place_without_a_link():
    report = replace(REPORT, link="")
    assert "Where to look: chapter <there> & here." in str(report)
    assert Words(report._repr_html_()).links == []


def test_in_brief():
    assert REPORT.brief == "Work on a new array."
    place = replace(REPORT, advice=[])
    assert place.brief == "Where to look: chapter <there> & here."
    assert replace(place, where="").brief == "values"


def luminance(colour):
    """The relative luminance of WCAG 2.2."""
    linear = np.where(
        colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4
    )
    return linear @ [0.2126, 0.7152, 0.0722]


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


@pytest.mark.parametrize("passed", [True, False])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("#212121", "#ffffff"),  # JupyterLab, light
        ("#ffffff", "#111111"),  # JupyterLab, dark
        ("#222832", "#ffffff"),  # the book, light
        ("#ced6dd", "#121212"),  # the book, dark
    ],
)
def test_a_mark_is_seen_on_a_light_page_and_on_a_dark_one(passed, text, ground):
    colour = MARKS[passed][2]
    style = f"color: color-mix(in srgb, currentColor {TEXT}%, {colour})"
    html = Report("headline", passed, [Line(passed, "values")])._repr_html_()
    assert html.count(style) == 2
    assert "background" not in html
    mixed = TEXT / 100 * rgb(text) + (1 - TEXT / 100) * rgb(colour)
    dim, bright = sorted([luminance(mixed), luminance(rgb(ground))])
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


def test_html_runs_nothing_that_a_student_wrote():
    evil = "<script>alert(1)</script>"
    report = Report(evil, False, [Line(False, evil, evil)], [(evil, evil)], [evil])
    html = report._repr_html_()
    assert "<script" not in html
    assert Words(html).words.count(evil) == 4


def test_a_headline_alone():
    report = Report("sgd_step: all 9 published cases pass", True)
    assert str(report) == "sgd_step: all 9 published cases pass"
    assert Words(report._repr_html_()).words == [str(report)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (np.array([1.0, -0.25]), "array([1., -0.25])"),
        (np.array([1 / 3, 1e-9]), "array([0.333333, 1e-09])"),
        (np.array([np.nan, np.inf]), "array([nan, inf])"),
        (np.array([1.0], np.float32), "array([1.], dtype=float32)"),
        (np.array(2.0), "array(2.)"),
        (np.zeros((0, 2)), "array([], dtype=float64)"),
        (np.array([1, 2]), "array([1, 2], dtype=int64)"),
        (np.eye(2), "array([[1., 0.], [0., 1.]])"),
        (np.arange(20.0), "array([0., 1., ..., 18., 19.])"),
        ((np.array([1.0]),), "(array([1.]),)"),
        ((1.0, 2.0), "(1, 2)"),
        ((), "()"),
        (1 / 3, "0.333333"),
        (300, "300"),
        (True, "True"),
        ((0.5, [1, None]), "(0.5, [1, None])"),
        (max, "<function>"),
    ],
)
def test_show(value, shown):
    assert show(value) == shown


def test_a_call_as_one_would_type_it():
    call = show_call("step", ("theta", "t", "lr"), (np.ones(2), 3), {"lr": 0.1})
    assert call == "step(theta=array([1., 1.]), t=3, lr=0.1)"

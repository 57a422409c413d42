"""Numbers and formulas on a page: signs, powers of ten, and what must not be parted."""

import pytest
from docutils import nodes

from autograder.typography import printed, tidy


def shown(text):
    """What ``printed`` makes of a text, with ^ before a superscript."""
    parts = [
        ("^" if isinstance(n, nodes.superscript) else "") + n.astext()
        for n in printed(text)
    ]
    return "".join(parts).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0.8 ± 1.4", "−0.8 ± 1.4"),
        ("+3.5 ± 1.5", "+3.5 ± 1.5"),
        ("7e-15", "7 · 10^−15"),
        ("-3.8e-06", "−3.8 · 10^−6"),
        ("2e+06", "2 · 10^6"),
        ("2e-03", "0.002"),
        ("6.8e-03", "0.0068"),
        ("1e-01 or 1e-04", "0.1 or 1 · 10^−4"),
        ("2026-11-24 with NumPy 2.4.6", "2026-11-24 with NumPy 2.4.6"),
        ("from 3 to 4, MNIST-1D, one-2", "from 3 to 4, MNIST-1D, one-2"),
    ],
)
def test_a_number_is_printed(text, expected):
    assert shown(text) == expected


def paragraph(*parts):
    made = nodes.paragraph()
    for part in parts:
        made += nodes.Text(part) if isinstance(part, str) else part
    return made


def test_only_what_was_glued_is_set_anew():
    glued = nodes.inline("", "-1", classes=["pasted-text"])
    page = paragraph("-1 and ", glued, nodes.inline("", "-1"))
    tidy(page)
    assert page.astext() == "-1 and −1-1"
    assert page[1]["classes"] == ["pasted-text"]


def test_a_formula_keeps_its_brackets_and_its_comma():
    page = paragraph("the rate (", nodes.math("", "x"), "), or ", nodes.math("", "y"))
    tidy(page)
    assert page.astext() == "the rate (x), or y"
    (unbroken,) = page.findall(nodes.inline)
    assert unbroken.astext() == "(x),"
    assert unbroken["classes"] == ["unbroken"]
    assert len(list(page.findall(nodes.math))) == 2


def test_commas_between_formulas_stay_with_the_first():
    page = paragraph(nodes.math("", "x"), ", ", nodes.math("", "y"), ".")
    tidy(page)
    assert [kept.astext() for kept in page.findall(nodes.inline)] == ["x,", "y."]
    assert page.astext() == "x, y."


def test_a_formula_alone_stays_as_it_is():
    page = paragraph(nodes.math("", "x"), " and ", nodes.math("", "y"))
    before = page.pformat()
    tidy(page)
    assert page.pformat() == before

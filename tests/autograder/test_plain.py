"""Every kind of MyST in chapters, and what a student's notebook shows for it."""

import re

import pytest

from autograder.myst import Place, ReleaseError
from autograder.plain import Page, split_at_headings

WORKS = r"""
@inproceedings{kingma2015, author = {Kingma, Diederik P. and Ba, Jimmy},
  title = {Adam}, booktitle = {ICLR}, year = {2015}}
@misc{hinton2012, author = {Hinton, G. and others},
  title = {Lecture 6e}, year = {2012}}
@article{muller2001, author = {van M{\"u}ller, K.}, title = {On $x_1$ and a_b},
  journal = {JMLR}, year = {2001}, url = {https://example.org/a_b}}
"""


@pytest.fixture
def page(tmp_path):
    """Makes the `Page` of a chapter that is this text."""
    folder = tmp_path / "chapters"
    folder.mkdir()
    (folder / "references.bib").write_text(WORKS, encoding="utf-8")
    (folder / "01_first.md").write_text("(sec-a)=\n# The {term}`first` one\n")

    def make(text, glued=None):
        path = folder / "02_page.md"
        path.write_text(text, encoding="utf-8")
        return Page(tmp_path, path, glued)

    return make


@pytest.fixture
def plain(page):
    def render(text, **glued):
        return page(text, glued).render(text, Place("chapters/02_page.md", 1))

    return render


@pytest.mark.parametrize(
    ("myst", "expected"),
    [
        # Equations: numbered where they have a label, in both ways of writing them.
        ("$$\na = b\n$$ (eq-a)", "$$\na = b\n\\tag{1}\n$$"),
        ("$$ a $$", "$$\na\n$$"),
        (
            "```{math}\n:label: eq-a\n\na\n```\n\n{eq}`eq-a`",
            "$$\na\n\\tag{1}\n$$\n\n(1)",
        ),
        (
            "$$\na &= b \\\\\nc &= d\n$$",
            "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n$$",
        ),
        (
            "$$\nx = \\begin{cases} 1 \\\\ 2 \\end{cases}\n$$",
            "$$\nx = \\begin{cases} 1 \\\\ 2 \\end{cases}\n$$",
        ),
        ("- a\n\n  $$\n  x\n  $$ (eq-a)", "- a\n\n  $$\n  x\n  \\tag{1}\n  $$"),
        # In a quote an equation, or a formula, must stand on one line.
        ("> a\n>\n> $$\n> x % why\n> y\n> $$", "> a\n>\n> $$ x y $$"),
        ("> a $x\n> y$ {term}`b\n> c`", "> a $x y$ b c"),
        # Admonitions.
        ("```{note}\nBe kind.\n```", "> **Note**\n>\n> Be kind."),
        (":::{tip}\n:class: x\nGo on.\n:::", "> **Tip**\n>\n> Go on."),
        (
            "```{admonition} What *goes* wrong with $x$\n:class: warning\n\n- `a`\n```",
            "> **What *goes* wrong with $x$**\n>\n> - `a`",
        ),
        (
            "````{important}\n```{note}\n$$\nx\n$$ (eq-a)\n```\n````",
            "> **Important**\n>\n> > **Note**\n> >\n> > $$ x \\tag{1} $$",
        ),
        ("a\n```{warning}\nb\n```\nc", "a\n\n> **Warning**\n>\n> b\n\nc"),
        ("1. a\n\n   ```{note}\n   b\n   ```", "1. a\n\n   > **Note**\n   >\n   > b"),
        # What is folded.
        (
            ":::{dropdown} Why `a` < $b_t$?\n"
            "Because {eq}`eq-a`.\n\n$$\nx\n$$ (eq-a)\n:::",
            "<details>\n<summary>Why <code>a</code> &lt; $b_t$?</summary>\n\n"
            "Because (1).\n\n$$\nx\n\\tag{1}\n$$\n\n</details>",
        ),
        (
            "```{dropdown} A\n:open:\nb\n```",
            "<details open>\n<summary>A</summary>\n\nb\n\n</details>",
        ),
        (
            ":::{dropdown} `lr` < $2/L$\n:class-container: quiz-choice\n\nNo.\n:::",
            "<details>\n<summary><code>lr</code> &lt; $2/L$</summary>\n\n"
            "No.\n\n</details>",
        ),
        (
            "```{tip}\n:class: dropdown\nb\n```",
            "<details>\n<summary>Tip</summary>\n\nb\n\n</details>",
        ),
        # Words that point somewhere.
        ("{cite}`kingma2015,hinton2012`", "(Kingma and Ba, 2015; Hinton et al., 2012)"),
        ("{cite:p}`kingma2015`", "(Kingma and Ba, 2015)"),
        (
            "{cite:t}`kingma2015` and {cite:t}`muller2001`",
            "Kingma and Ba (2015) and van Müller (2001)",
        ),
        ("{term}`bias`, {term}`biased <bias>`", "bias, biased"),
        ("{doc}`01_first`, {doc}`/chapters/01_first`", "The first one, The first one"),
        ("{doc}`there <01_first>`, {ref}`here <sec-a>`", "there, here"),
        ("{math}`x_1`", "$x_1$"),
        ("**{term}`a`** *[{term}`b`](https://x.org)*", "**a** *[b](https://x.org)*"),
        # What vanishes.
        ("(sec-a)=\n## A", "## A"),
        ("a\n% a comment\nb", "a\n\nb"),
        # What stays: code, even of MyST, tables, HTML, links.
        ("`` {eq}`a` `` {term}`b`", "`` {eq}`a` `` b"),
        ("```md\n{eq}`a`\n$$ x $$ (y)\n```", "```md\n{eq}`a`\n$$ x $$ (y)\n```"),
        (
            "| a | b |\n|---|---|\n| `\\|` | {term}`x` |\n| {term}`x` | {term}`x` |",
            "| a | b |\n|---|---|\n| `\\|` | x |\n| x | x |",
        ),
        ("<b>a</b> <https://x.org>", "<b>a</b> <https://x.org>"),
        (
            "```{glossary}\nbias\nskew\n  What is left.\n```",
            "- **bias**, **skew**:\n  What is left.",
        ),
    ],
)
def test_plain_form(plain, myst, expected):
    assert plain(myst) == expected


@pytest.mark.parametrize(
    ("myst", "message"),
    [
        ("a\n\n```{figure} x.png\n```", r":3: directive \{figure\} has no plain form"),
        ("a\n{numref}`x`", r":2: role \{numref\} has no plain form"),
        ("{eq}`eq-b`", ":1: no equation of this chapter is labelled 'eq-b'"),
        ("a\n{cite}`who`", ":2: references.bib has no work 'who'"),
        ("{ref}`sec-a`", r":1: give \{ref\} its words"),
        ("{doc}`09_none`", ":1: there is no page '09_none'"),
        ("{glue:text}`word:.2f`", ":1: glued value 'word'"),
        ("[a](01_first.md)", ":1: link to '01_first.md'"),
        ("![a](a.png)", ":1: image 'a.png'"),
        ("a[^1]\n\n[^1]: b", ":1: footnote ref has no plain form"),
        ("{{ x }}", ":1: substitution"),
        ("\\begin{align}\na\n\\end{align}", ":1: write"),
        ("a\n$$\nb\n$$", ":1: leave a blank line"),
        ("$$\na\n\nb\n$$", ":1: blank line in an equation"),
        ("$$ a $$ (eq-a)\n\n$$ b $$ (eq-a)", ":3: a second equation is labelled"),
        ("```{note}\n:colour: red\na\n```", r":1: directive \{note\}: Unknown option"),
        ("```{admonition}\na\n```", r":1: directive \{admonition\}: 1 argument"),
        ("```{dropdown} The `a`\nb\n```", ":1: a fence's title can't hold a backtick"),
        ("<div>\n{eq}`a`\n</div>", ":1: MyST in a place where it is not read"),
        # The line is right inside a directive too, with options and without.
        ("```{note}\n:class: x\n\na\n{bad}`x`\n```", r":5: role \{bad\}"),
        ("a\n\n```{note}\na\n{bad}`x`\n```", r":5: role \{bad\}"),
        ("a\n\n```{note} a\n{bad}`x`\n```", r":4: role \{bad\}"),
    ],
)
def test_refused(plain, myst, message):
    with pytest.raises(ReleaseError, match=rf"^chapters/02_page\.md{message}") as error:
        plain(myst, word="'abc'")
    assert "\n" not in str(error.value)


def test_equations_are_numbered_in_the_order_of_the_page(plain):
    text = """{eq}`eq-c`

$$ a $$ (eq-a)

$$ without $$

````{note}
:class: x

```{math}
:label: eq-b
b
```
````

$$ c $$ (eq-c)
"""
    assert [*map(int, re.findall(r"\\tag\{(\d)\}", plain(text)))] == [1, 2, 3]
    assert plain(text).startswith("(3)\n")


def test_glued_values_are_formatted_as_in_the_book(plain):
    text = "{glue:text}`loss:.2f` {glue:text}`share:.0%` {glue:text}`word`"
    assert plain(text, loss="0.1234", share="0.5", word="'abc'") == "0.12 50% abc"


def test_without_a_book_a_glued_value_sends_there(page):
    text = "{glue:text}`loss:.2f` {glue:text}`loss`"
    one = page(text)
    assert one.render(text, Place("x", 1)) == "(see the book) (see the book)"
    assert one.unbuilt == ["loss"]


def test_references_take_the_directive_s_place(plain):
    text = "{cite}`muller2001` {cite}`kingma2015`\n\n```{bibliography}\n:style: x\n```"
    assert plain(text).splitlines()[2:] == [
        "- D. P. Kingma and J. Ba. Adam. In *ICLR*. 2015.",
        "- K. van Müller. On $x_1$ and a\\_b. *JMLR*, 2001."
        " URL: [https://example.org/a\\_b](https://example.org/a_b).",
    ]


def test_references_come_at_the_end_without_a_directive(page):
    one = page("")
    one.render("{cite}`hinton2012`", Place("x", 1))
    assert one.pending_references().startswith("## References\n\n- G. Hinton")
    assert page("").pending_references() == ""


def test_a_citation_below_the_references_is_refused(plain):
    with pytest.raises(ReleaseError, match=":4: cited after"):
        plain("```{bibliography}\n```\n\n{cite}`hinton2012`")


def test_cells_are_cut_at_headings_of_the_page_alone():
    text = "# A\n\na\n\n## B\n\n```\n# no heading\n```\n\n- # nor this\n\n### C"
    assert [piece.split("\n")[0] for piece in split_at_headings(text)] == [
        "# A",
        "## B",
        "### C",
    ]

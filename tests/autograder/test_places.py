"""Where a formula stands: numbers, headings and links, as the pages have them."""

import re

import nbformat
import pytest
from nbconvert import HTMLExporter

from autograder import places
from autograder.course import ROOT
from autograder.exercises import assignments, load
from autograder.myst import Place
from autograder.places import book_address, equations, located, section_link
from autograder.plain import Page

CHAPTER = """\
# A *tiny* chapter

## First `step`s

$$
a
$$ (eq-tiny-first)

```{code-cell} ipython3
# A comment, and no heading.
```

```{note}
### Inside

$$
b
$$ (eq-tiny-second)
```

$$
c
$$

```python
# Nor is this one.
```

```{math}
:label: eq-tiny-third

d
```
"""

EXERCISES = [
    pytest.param(name, exercise, id=exercise.name)
    for name in assignments(ROOT)
    for exercise in load(name).exercises
]


@pytest.fixture
def course(tmp_path):
    """A course of one tiny chapter."""
    book_address.cache_clear()
    equations.cache_clear()
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "03_adam.md").write_text(CHAPTER)
    yield tmp_path
    book_address.cache_clear()


@pytest.fixture
def exercise():
    """An exercise whose formula is the tiny chapter's second."""
    adam = next(e for e in load("03_adam").exercises if e.name == "adam_step")
    return places.replace(adam, equation="eq-tiny-second", where="the note", link="")


def test_equations_have_their_number_and_their_heading(course):
    found = equations(course / "chapters" / "03_adam.md")
    assert {label: (e.number, e.heading) for label, e in found.items()} == {
        "eq-tiny-first": (1, "First `step`s"),
        "eq-tiny-second": (2, "Inside"),
        "eq-tiny-third": (3, "Inside"),
    }


def test_without_an_address_the_link_stays_on_the_page(course, exercise):
    found = located(exercise, "03_adam", course)
    assert (found.where, found.link) == ("the note, equation (2)", "#Inside")


@pytest.mark.parametrize("address", ["https://x.org/book", "https://x.org/book/"])
def test_with_an_address_the_link_leads_to_the_book(course, exercise, address):
    (course / "_config.yml").write_text(f"html:\n  baseurl: {address}\n")
    found = located(exercise, "03_adam", course)
    wanted = "https://x.org/book/chapters/03_adam.html#equation-eq-tiny-second"
    assert (found.where, found.link) == ("the note, equation (2)", wanted)


def test_an_exercise_that_names_no_equation_stays_as_it_is(course, exercise):
    other = places.replace(exercise, equation="")
    assert located(other, "03_adam", course) is other
    assert located(exercise, "04_schedules", course) is exercise


@pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)
def test_each_exercise_leads_to_a_formula_of_its_chapter(assignment, exercise):
    path = ROOT / "chapters" / f"{assignment}.md"
    # Raises where the chapter has no such label.
    number = Page(ROOT, path, {}).render(f"{{eq}}`{exercise.equation}`", Place("", 1))
    assert exercise.where.endswith(f", equation {number}")
    assert exercise.where.startswith(f"chapter {assignment}, section ")


@pytest.mark.parametrize(("assignment", "exercise"), EXERCISES)
def test_links_within_a_page_are_the_ids_that_nbconvert_makes(assignment, exercise):
    found = equations(ROOT / "chapters" / f"{assignment}.md")[exercise.equation]
    cell = nbformat.v4.new_markdown_cell(f"## {found.heading}")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    html, _ = HTMLExporter().from_notebook_node(notebook)
    (made,) = re.findall(r'<h2 id="([^"]+)"', html)
    assert section_link(found) == f"#{made}"

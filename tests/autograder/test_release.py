"""A small course from its chapter to the released notebook, with nbgrader itself."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_parser.config.main import MdParserConfig
from nbformat.v4 import new_output
from nbgrader.api import Gradebook

from autograder import release as module
from autograder.course import CourseError
from autograder.exercises import assignments
from autograder.release import ReleaseError, release
from autograder.runs import Runs, made_from

ROOT = Path(__file__).resolve().parents[2]

CHAPTER = '''\
---
jupytext:
  text_representation: {extension: .md, format_name: myst}
kernelspec: {name: python3, display_name: Anything}
---

(sec-demo)=
# A demonstration

Words with a {term}`term`, see {eq}`eq-demo`.

```{code-cell} ipython3
import numpy as np
from descentlab import check, exercise
```

## Your turn

$$
y = 2x
$$ (eq-demo)

```{code-cell} ipython3
:tags: [exercise]

@exercise
def double(x, factor=2e0):
    """Twice as much.

        y = 2 x
    """
    raise NotImplementedError
```

:::{dropdown} Hint
Multiply.
:::

```{code-cell} ipython3
:tags: [check, points-3]

check(double)
```

```{code-cell} ipython3
:tags: [exercise]

@exercise
def halve(x: float, *, by=2):
    # A comment of the stub's.
    raise NotImplementedError
```

```{code-cell} ipython3
:tags: [check, points-4]

check(halve)
```

```{code-cell} ipython3
---
tags: [figure]
mystnb:
  figure:
    caption: |
      What one sees, by {eq}`eq-demo`.
    name: fig-demo
  image:
    alt: A line.
---
import matplotlib.pyplot as plt
```

```{code-cell} ipython3
:tags: [figure]

plt.plot([1, double(1)]);
```

```{code-cell} ipython3
:tags: [scale]

glue("loss", 0.125)
```

The loss is {glue:text}`loss:.2f`.
'''

SOLUTIONS = '''\
"""Answers."""

import numpy as np


def double(x, factor=2.0):
    """Another docstring."""
    # Planted: the answer.
    result = factor * np.asarray(x)

    return result  # done


def halve(x, *, by=2):
    # Planted: by the other exercise.
    text = """
not indented"""
    return double(x) / by**2 + 0 * len(text)
'''


@dataclass
class Marks:
    name: str
    points: int


@dataclass
class Assignment:
    exercises: list[Marks]


class Course:
    """A course in a folder of its own, and what one does with it."""

    def __init__(self, root):
        self.root = root
        self.chapter = root / "chapters" / "07_demo.md"
        self.solutions = root / "solutions" / "demo.py"
        for path, text in ((self.chapter, CHAPTER), (self.solutions, SOLUTIONS)):
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")
        shutil.copy(ROOT / "nbgrader_config.py", root)

    def edit(self, path, old, new):
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def read(self, step):
        path = self.root / step / "07_demo" / "07_demo.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook

    def gradebook(self):
        path = self.root / "gradebook.db"
        return Gradebook(f"sqlite:///{path}", "deep-optimization")

    def code(self, step):
        """The code cells by their grade_id."""
        cells = [cell for cell in self.read(step).cells if cell.cell_type == "code"]
        return {
            cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in cells
        }


@pytest.fixture
def marks(monkeypatch):
    class Assignment:
        def __init__(self, name):
            assert name == "07_demo"
            self.exercises = [Marks("double", 3), Marks("halve", 4)]

    monkeypatch.setattr(module, "load", Assignment)


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    """An empty gradebook: to make one takes nbgrader seconds."""
    root = tmp_path_factory.mktemp("gradebook")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    module.open_course(root).gradebook.close()
    return root / "gradebook.db"


@pytest.fixture
def course(tmp_path, gradebook, marks):
    shutil.copy(gradebook, tmp_path)
    return Course(tmp_path)


def test_release_makes_both_notebooks_and_says_which(course, capsys):
    paths = release(course.root, ["07_demo"])
    assert paths == [course.root / "release" / "07_demo" / "07_demo.ipynb"]
    assert capsys.readouterr().out == ""
    here = {path.name for path in course.root.iterdir()}
    made = {"source", "release", "gradebook.db"}
    assert here == {"chapters", "solutions", "nbgrader_config.py"} | made


def test_a_student_gets_the_chapter_s_stub(course):
    release(course.root)
    cells = course.code("release")
    for name in ("double", "halve"):
        stub = cells[name].source
        assert stub in CHAPTER
        assert stub.startswith("@exercise\ndef")
        assert stub.endswith("raise NotImplementedError")


def test_a_student_gets_no_line_of_a_solution(course):
    release(course.root)
    text = (course.root / "release/07_demo/07_demo.ipynb").read_text(encoding="utf-8")
    inside = re.findall(r"^ +(\S.*)$", SOLUTIONS, re.MULTILINE)
    assert len(inside) > 5
    for line in ["Planted", "SOLUTION", "Another docstring", *inside]:
        assert line not in text


def test_the_instructor_gets_the_answer_below_the_stub_s_docstring(course):
    release(course.root)
    cells = course.code("source")
    assert cells["double"].source == (
        '@exercise\ndef double(x, factor=2e0):\n    """Twice as much.\n\n'
        '        y = 2 x\n    """\n    ### BEGIN SOLUTION\n'
        "    # Planted: the answer.\n    result = factor * np.asarray(x)\n\n"
        "    return result  # done\n    ### END SOLUTION"
    )
    assert 'text = """\nnot indented"""\n' in cells["halve"].source


def test_the_instructor_s_notebook_runs(course):
    release(course.root)
    names = {"exercise": lambda function: function}
    for name in ("double", "halve"):
        exec("import numpy as np\n" + course.code("source")[name].source, names)
    assert names["double"](3) == 6
    assert names["halve"](4) == 2


def test_tags_become_nbgrader_s_metadata(course):
    release(course.root)
    found = {}
    for name, cell in course.code("release").items():
        mark = cell.metadata.get("nbgrader", {})
        kind = [key for key in ("grade", "locked", "solution", "task") if mark.get(key)]
        found[name] = (kind, mark.get("points"), cell.metadata.get("tags"))
    assert found == {
        None: ([], None, None),
        "double": (["solution"], None, ["exercise"]),
        "check_double": (["grade", "locked"], 3, ["check", "points-3"]),
        "halve": (["solution"], None, ["exercise"]),
        "check_halve": (["grade", "locked"], 4, ["check", "points-4"]),
        "fig-demo": (["locked"], None, ["figure"]),
        "figure-2": (["locked"], None, ["figure"]),
        "scale-1": (["locked"], None, ["scale"]),
    }


def test_the_notebook_is_plain(course):
    release(course.root)
    notebook = course.read("release")
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert text == [
        "# A demonstration\n\nWords with a term, see (1).",
        "## Your turn\n\n$$\ny = 2x\n\\tag{1}\n$$",
        "<details>\n<summary>Hint</summary>\n\nMultiply.\n\n</details>",
        "**Figure.** What one sees, by (1).",
        "The loss is (see the book).",
    ]
    assert notebook.metadata == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    assert not any("mystnb" in cell.metadata for cell in notebook.cells)


def test_the_same_again_gives_the_same_bytes(course):
    release(course.root)
    paths = sorted(course.root.glob("*/07_demo/07_demo.ipynb"))
    before = [path.read_bytes() for path in paths]
    release(course.root)
    assert len(paths) == 2
    assert [path.read_bytes() for path in paths] == before


def test_each_assignment_is_told_as_it_is_made(course, capsys):
    release(course.root)
    assert capsys.readouterr().err.splitlines()[-1] == "release: 07_demo"


def test_without_a_book_the_numbers_are_missing_and_a_line_says_so(course, capsys):
    release(course.root)
    warning, _ = capsys.readouterr().err.splitlines()
    assert warning.startswith("release: 07_demo: 1 numbers of its text read '(see")
    assert warning.endswith("run `make book`, then release again")


@pytest.fixture
def built(course):
    """The course with a run of the chapter in the book's cache."""
    text = course.chapter.read_text(encoding="utf-8")
    path = str(course.chapter)
    reader = create_nb_reader(path, MdParserConfig(), NbParserConfig(), text)
    ran = reader.read(text)
    prefix = "application/papermill.record/"
    glue = {"scrapbook": {"name": "loss", "mime_prefix": prefix}}
    output = new_output(
        "display_data", data={f"{prefix}text/plain": "0.125"}, metadata=glue
    )
    ran.cells[-2].outputs = [output]
    origin = made_from(course.root, course.chapter, ran)
    Runs(course.root / module.CACHE).keep(ran, course.chapter, origin)
    return course


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A demonstration", "# A better demonstration"),
        ("What one sees", "What one should see"),
        ("[scale]", "[scale, hide-input]"),
        ("points-4", "points-5"),
    ],
)
def test_the_book_s_numbers_stay_where_its_run_still_holds(
    built, monkeypatch, old, new
):
    exercises = [Marks("double", 3), Marks("halve", 5 if "points" in old else 4)]
    monkeypatch.setattr(module, "load", lambda name: Assignment(exercises))
    built.edit(built.chapter, old, new)
    release(built.root)
    assert built.read("release").cells[-1].source == "The loss is 0.12."


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("chapter", '"loss", 0.125', '"loss", 0.25'),
        ("chapter", "[scale]", "[scale, skip-execution]"),
        ("solutions", "factor * np", "np.float64(factor) * np"),
    ],
)
def test_numbers_of_another_run_are_handed_out_to_nobody(built, file, old, new):
    release(built.root)
    before = built.read("release")
    built.edit(getattr(built, file), old, new)
    with pytest.raises(ReleaseError, match=r"^07_demo: its code.* run `make book`"):
        release(built.root)
    assert built.read("release") == before


def test_a_number_that_no_cell_glues_is_told_with_its_line(built):
    built.edit(built.chapter, "`loss:.2f`", "`lost:.2f`")
    line = CHAPTER.count("\n")
    with pytest.raises(ReleaseError, match=rf":{line}: no cell .* glues 'lost'"):
        release(built.root)


def test_a_gradebook_is_made_even_where_the_venv_is_not_on_the_path(
    course, monkeypatch
):
    (course.root / "gradebook.db").unlink()
    monkeypatch.setenv("PATH", os.defpath)
    assert release(course.root)
    assert (course.root / "gradebook.db").stat().st_size


def test_an_unknown_assignment_is_named_with_those_that_exist(course):
    with pytest.raises(ReleaseError, match="no assignment '08_none': there is 07_demo"):
        release(course.root, ["07_demo", "08_none"])
    assert not (course.root / "source").exists()


def test_a_folder_that_is_no_course_is_refused(course):
    (course.root / "nbgrader_config.py").unlink()
    with pytest.raises(CourseError, match=r"no nbgrader_config\.py"):
        release(course.root)


def _line(text):
    """The line of CHAPTER where this text begins."""
    return CHAPTER[: CHAPTER.index(text)].count("\n") + 1


def _fence(text):
    """The line of CHAPTER where the cell that holds this text begins."""
    return _line(CHAPTER[CHAPTER.rindex("```{code-cell}", 0, CHAPTER.index(text)) :])


DOUBLE, HALVE = _fence("def double"), _fence("def halve")
CHECK = _fence("check(double)")
FIGURE, PLOT, SCALE = _fence("fig-demo"), _fence("plt.plot"), _fence("glue(")
NAME, CAPTION = _line("name: fig-demo"), _line("What one sees")
WORDS = 10


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        # Exercises and checks.
        (
            "def halve(x: float, *, by=2)",
            "def double(x)",
            HALVE,
            "a second exercise is",
        ),
        (
            "[check, points-3]\n\ncheck(double)",
            "[]",
            DOUBLE,
            "exercise double has no check",
        ),
        (
            "check, points-3]",
            "check]",
            CHECK + 1,
            "check of double: give it one tag points",
        ),
        ("points-3", "points-0", CHECK + 1, "check of double: give it one tag points"),
        (
            "points-3",
            "points-2.5",
            CHECK + 1,
            "check of double: give it one tag points",
        ),
        (
            "points-3",
            "points-3, points-4",
            CHECK + 1,
            "check of double: give it one tag",
        ),
        (
            "points-4",
            "points-5",
            _line("[check, points-4"),
            "halve: 5 points in the chapter, but 4 in auto",
        ),
        ("check(double)", "check(halve)", CHECK, "the check that follows double must"),
        ("check(double)", "double(2)", CHECK, "the check that follows double must"),
        ("def double", "def triple", CHECK, "the check that follows triple must"),
        ("[scale]\n\nglue", "[check]\n\nglue", SCALE, "a check without an exercise"),
        # Stubs.
        (
            '    """\n    raise NotImplementedError',
            '    """',
            DOUBLE,
            "exercise double: b",
        ),
        (
            "NotImplementedError",
            "NotImplementedError()",
            DOUBLE,
            "exercise double: bel",
        ),
        ("raise NotImplementedError", "return x", DOUBLE, "exercise double: below"),
        (
            "def double(x,",
            "def double(x",
            _line("def double"),
            "exercise: invalid syntax",
        ),
        ("@exercise\ndef double", "def double", DOUBLE, "exercise double: dec"),
        (
            "@exercise\ndef double",
            "y = 1\n@exercise\ndef double",
            DOUBLE,
            "an exercise's",
        ),
        (
            "factor=2e0",
            "factor=3",
            DOUBLE,
            "double(x, factor=3) in the stub, but (x, fa",
        ),
        ("x, factor=2e0", "factor, x=2", DOUBLE, "double(factor, x=2) in the stub"),
        ("factor=2e0", "scale=2e0", DOUBLE, "double(x, scale=2.0) in the stub"),
        # Tags and names.
        (
            "[exercise]\n\n@exercise\ndef d",
            "[]\n\n@exercise\ndef d",
            DOUBLE,
            "a cell with",
        ),
        ("check, points-3]", "]", DOUBLE, "exercise double has no check"),
        ("[scale]", "[scale, figure]", SCALE + 1, "a cell has one of the tags"),
        ("[scale]", "[scale, points-3]", SCALE + 1, "points-N belongs on a cell"),
        ("plt.plot", "check(double); plt.plot", PLOT, "a cell that calls check"),
        ("name: fig-demo", "name: double", NAME, "a second cell is called 'double'"),
        (":tags: [scale]", ":tags: [scale", SCALE, "Code cell"),
        # Words.
        ("# A demonstration", "No title", 1, "a chapter begins with its title"),
        ("{term}", "{abbr}", WORDS, "role {abbr} has no plain form"),
        ("see {eq}`eq-demo`", "see {eq}`eq-x`", WORDS, "no equation of this chapter"),
        ("What one sees", "{abbr}`x`", CAPTION, "role {abbr}"),
        (
            "|\n      What one sees, by {eq}",
            "What, by {abbr}",
            CAPTION - 1,
            "role {abbr}",
        ),
    ],
)
def test_a_mistake_in_a_chapter_is_one_line(course, old, new, line, message):
    course.edit(course.chapter, old, new)
    with pytest.raises(ReleaseError) as error:
        release(course.root)
    assert str(error.value).startswith(f"chapters/07_demo.md:{line}: {message}")
    assert "\n" not in str(error.value)
    assert not (course.root / "source").exists()


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (
            "",
            f"chapters/07_demo.md:{DOUBLE}: solutions/demo.py has no double: write it",
        ),
        ("def other(x):\n    pass\n", "solutions/demo.py:1: only imports and the func"),
        ("LIMIT = 3\n", "solutions/demo.py:1: only imports and the functions"),
        ("def double((", "solutions/demo.py:1: "),
    ],
)
def test_a_mistake_in_the_answers_is_one_line(course, new, message):
    course.solutions.write_text(new, encoding="utf-8")
    with pytest.raises(ReleaseError) as error:
        release(course.root)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "body", [" return 2 * x", "\n  return 2 * x", '\n    "Doc."; return 2 * x']
)
def test_an_answer_that_does_not_fit_below_the_stub_is_refused(course, body):
    answers = (
        f"def double(x, factor=2.0):{body}\n\n\ndef halve(x, *, by=2):\n    pass\n"
    )
    course.solutions.write_text(answers, encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"^solutions/demo\.py:1: double: begin the"):
        release(course.root)


def test_missing_answers_are_named(course):
    course.solutions.unlink()
    with pytest.raises(ReleaseError, match=r"07_demo has no answers: write solutions/"):
        release(course.root)


THIRD = """
```{code-cell} ipython3
:tags: [exercise]

@exercise
def triple(x):
    raise NotImplementedError
```

```{code-cell} ipython3
:tags: [check, points-2]

check(triple)
```
"""


@pytest.fixture
def graded(course):
    """The course in mid-term: ada was graded, a person has added to it."""
    release(course.root)
    with course.gradebook() as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("07_demo", "ada")
        for name, score in (("check_double", 3.0), ("check_halve", 1.0)):
            mark = gradebook.find_grade(name, "07_demo", "07_demo", "ada")
            mark.auto_score, mark.needs_manual_grade = score, False
            if name == "check_halve":
                mark.manual_score, mark.extra_credit = 2.0, 0.5
        gradebook.find_comment(
            "halve", "07_demo", "07_demo", "ada"
        ).manual_comment = "Nearly."
        gradebook.db.commit()
    return course


def given(course):
    """What the gradebook holds of ada's: marks of the judge's, a person's, words."""
    with course.gradebook() as gradebook:
        (notebook,) = gradebook.find_submission("07_demo", "ada").notebooks
        marks = {
            g.name: (g.auto_score, g.manual_score, g.extra_credit)
            for g in notebook.grades
        }
        return marks, {c.name: c.manual_comment for c in notebook.comments}


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_figures_come_and_go_in_mid_term_and_all_marks_stay(graded, capsys):
    before = given(graded)
    graded.edit(graded.chapter, '"""Twice as much.', '"""Twice.')
    graded.edit(graded.chapter, "name: fig-demo", "name: fig-new")
    graded.edit(graded.chapter, "tags: [scale]", "tags: [experiment]")
    release(graded.root)
    names = {name for name in graded.code("release") if name}
    assert {"fig-new", "experiment-1"} < names
    assert not {"fig-demo", "scale-1"} & names
    assert '"""Twice.' in graded.code("release")["double"].source
    assert given(graded) == before
    with graded.gradebook() as gradebook:
        cells = gradebook.find_notebook("07_demo", "07_demo").source_cells
        assert {cell.name for cell in cells} == names
        assert all(cell.checksum and cell.source for cell in cells)
    assert "grade what was handed in once more" not in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_an_exercise_that_comes_in_mid_term_has_no_marks_yet(
    graded, monkeypatch, capsys
):
    marks, comments = given(graded)
    exercises = [Marks("double", 3), Marks("halve", 4), Marks("triple", 2)]
    monkeypatch.setattr(module, "load", lambda name: Assignment(exercises))
    graded.edit(graded.chapter, "\nThe loss is", f"{THIRD}\nThe loss is")
    text = graded.solutions.read_text()
    graded.solutions.write_text(f"{text}\n\ndef triple(x):\n    return 3 * x\n")
    release(graded.root)
    assert given(graded) == (
        marks | {"check_triple": (None, None, None)},
        comments | {"triple": None},
    )
    assert graded.code("release")["check_triple"].metadata["nbgrader"]["points"] == 2
    assert (
        "07_demo: triple is new: grade what was handed in once more"
        " (`python -m autograder class 07_demo`)\n"
    ) in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_an_exercise_goes_in_mid_term_unless_a_person_has_graded_it(
    graded, monkeypatch, capsys
):
    text = graded.chapter.read_text()
    second, figures = text.index("@exercise\ndef halve"), text.index("---\ntags: [fig")
    start, end = (text.rindex("```{code-cell}", 0, i) for i in (second, figures))
    graded.chapter.write_text(text[:start] + text[end:])
    answers = graded.solutions.read_text()
    graded.solutions.write_text(answers[: answers.index("\n\ndef halve")])
    exercises = [Marks("double", 3)]
    monkeypatch.setattr(module, "load", lambda name: Assignment(exercises))
    before = given(graded)
    with pytest.raises(ReleaseError, match=r"halve is gone .* by hand \(ada\): bring"):
        release(graded.root)
    assert given(graded) == before
    assert "halve" in graded.code("source") and "halve" in graded.code("release")

    with graded.gradebook() as gradebook:
        about = "07_demo", "07_demo", "ada"
        mark = gradebook.find_grade("check_halve", *about)
        mark.manual_score = mark.extra_credit = None
        gradebook.find_comment("halve", *about).manual_comment = None
        gradebook.db.commit()
    release(graded.root)
    assert given(graded) == ({"check_double": (3.0, None, None)}, {"double": None})
    assert "halve" not in graded.code("release")
    assert "07_demo: halve is gone: grade what" in capsys.readouterr().err


def test_nbgrader_s_own_refusal_is_one_line(course):
    config = course.root / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8")
    config.write_text(f"{text}\nc.ClearSolutions.end_solution_delimeter = 'never'")
    with pytest.raises(
        ReleaseError, match=r"^07_demo: nbgrader made no release: Runtime"
    ):
        release(course.root)


def test_a_code_stub_of_nbgrader_s_that_is_not_the_chapter_s_is_refused(course):
    course.edit(
        course.root / "nbgrader_config.py", "raise NotImpl", "# Here\\nraise NotImpl"
    )
    with pytest.raises(ReleaseError, match="nbgrader changed the stub of double"):
        release(course.root)


@pytest.mark.slow
@pytest.mark.parametrize("name", assignments(ROOT))
def test_each_chapter_of_this_course_becomes_a_plain_notebook(name):
    cells = module.draft(ROOT, name).notebook.cells
    assert cells[0].source.startswith("# ")
    myst = re.compile(r"\{[\w:-]+\}`|^\s*:::|```\{|^\(\S+\)=$", re.MULTILINE)
    for cell in cells:
        assert cell.cell_type == "code" or not myst.search(cell.source)

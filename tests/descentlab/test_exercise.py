"""@exercise, recall and glue: a notebook's ties to the course."""

import json
import subprocess
import sys
import types

import pytest
from IPython.core.interactiveshell import InteractiveShell

from descentlab import exercise, glue, recall
from descentlab.exercise import SOLUTIONS

ANSWER = """
@exercise
def rmsprop_step(theta, grad, v, lr=1e-3):
    return theta - lr * grad, v
"""


def notebook(path, *sources):
    """Write a notebook of code cells, between two of prose."""
    prose = {"cell_type": "markdown", "source": "# A title"}
    cells = [{"cell_type": "code", "source": s.splitlines(True)} for s in sources]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": [prose, *cells, prose]}), encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a student's notebook, with no book being built."""
    monkeypatch.delenv(SOLUTIONS, raising=False)
    here = tmp_path / "03_adam"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def solutions(tmp_path, monkeypatch):
    """A folder of solutions, with the book being built."""
    path = tmp_path / "solutions"
    path.mkdir()
    (path / "rmsprop.py").write_text(
        "RATE = 2\n\ndef double(x):\n    return RATE * x\n"
    )
    (path / "zeros.py").write_text("def double_zero(x):\n    return 0\n")
    monkeypatch.setenv(SOLUTIONS, str(path))
    return path


def double(x):
    raise NotImplementedError


# -- @exercise -------------------------------------------------------------------------


def test_exercise_leaves_a_function_as_it_is(folder):
    assert exercise(double) is double


def test_exercise_takes_the_solution_while_the_book_is_built(solutions):
    assert exercise(double)(21) == 42


def test_nothing_but_the_environment_variable_turns_solutions_on(
    folder, solutions, monkeypatch
):
    # All that a build may look like, but for the variable.
    monkeypatch.setitem(sys.modules, "sphinx", types.ModuleType("sphinx"))
    monkeypatch.syspath_prepend(solutions.parent)
    (folder / "solutions").symlink_to(solutions)
    for value in (None, ""):
        monkeypatch.delenv(SOLUTIONS, raising=False)
        if value is not None:
            monkeypatch.setenv(SOLUTIONS, value)
        assert exercise(double) is double
        with pytest.raises(LookupError):
            recall("02_rmsprop", "double")


def test_a_missing_solution_is_named(solutions):
    with pytest.raises(LookupError, match=r"no solution of triple in .*: write it"):
        exercise(types.FunctionType(double.__code__, {}, "triple"))


# -- recall ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", ["02_rmsprop.ipynb", "../02_rmsprop/02_rmsprop.ipynb"]
)
def test_recall_finds_the_notebook_beside_this_one(folder, place):
    notebook(folder / place, "from descentlab import check, exercise", ANSWER)
    assert recall("02_rmsprop", "rmsprop_step")(1.0, 2.0, 3.0, lr=0.25) == (0.5, 3.0)


def test_recall_prefers_the_same_folder(folder):
    notebook(folder / "02_rmsprop.ipynb", "def where(): return 'here'")
    notebook(folder.parent / "02_rmsprop/02_rmsprop.ipynb", "def where(): return 'up'")
    assert recall("02_rmsprop", "where")() == "here"


def test_recall_takes_the_solution_while_the_book_is_built(solutions):
    assert recall("02_rmsprop", "double")(21) == 42


@pytest.mark.parametrize(
    "other",
    [
        "def half(theta:\n    return",
        "%matplotlib inline\nimport numpy as np",
        "import no_such_module",
        "@exercise\ndef later(x):\n    raise NotImplementedError",
        "@undefined\ndef later(x):\n    return x",
        "raise SystemExit('a cell that ends everything')",
        "check(rmsprop_step)",
        "theta = train(steps=10**9)",
        "while True:\n    pass",
        "print(undefined)",
        "%%bash\nls | wc -l",
        "\x00",
        "",
    ],
)
def test_recall_is_not_spoiled_by_another_cell(folder, other, capsys):
    notebook(folder / "02_rmsprop.ipynb", other, ANSWER, other)
    assert recall("02_rmsprop", "rmsprop_step")(1.0, 2.0, 3.0, lr=0.25) == (0.5, 3.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("helper", "body"),
    [
        ("import math", "math.sqrt(x)"),
        ("from math import sqrt", "sqrt(x)"),
        ("POWER, OTHER = 1 / 2, -1", "x**POWER"),
        ("def root(x):\n    return x**0.5", "root(x)"),
        ("", "np.sqrt(x)"),
        ("root = lambda x: np.sqrt(x)", "root(x)"),
        ("POWER: float = 0.5", "x**POWER"),
        ("class Powers:\n    HALF = 0.5", "x**Powers.HALF"),
        ("%matplotlib inline\nimport math", "math.sqrt(x)"),
        ("%%time\nimport math\n!ls\nmath?\n?math", "math.sqrt(x)"),
        ("if True:\n    %time pass\nfiles = !ls\nimport math", "math.sqrt(x)"),
        ("import no_such_module, math", "math.sqrt(x)"),
        ("from math import no_such_name, sqrt", "sqrt(x)"),
        ("import asyncio\nawait asyncio.sleep(0)\nimport math", "math.sqrt(x)"),
    ],
)
def test_recall_brings_what_the_function_uses(folder, helper, body):
    notebook(folder / "a.ipynb", helper, f"def f(x):\n    return {body}")
    assert recall("a", "f")(9.0) == 3.0


def test_recall_reads_what_an_editor_of_windows_has_saved(folder):
    notebook(folder / "a.ipynb", "def f(x):\r\n    return x\r\n")
    text = (folder / "a.ipynb").read_text(encoding="utf-8")
    (folder / "a.ipynb").write_text(text, encoding="utf-8-sig", newline="\r\n")
    assert recall("a", "f")(9.0) == 9.0


def test_the_last_definition_counts(folder):
    first, last = (f"def f():\n    return {n}" for n in (1, 2))
    notebook(folder / "a.ipynb", first, last)
    assert recall("a", "f")() == 2


def test_recall_without_a_notebook_says_what_to_do(folder):
    with pytest.raises(LookupError) as error:
        recall("02_rmsprop", "rmsprop_step")
    assert str(error.value) == (
        "recall needs rmsprop_step from chapter 02_rmsprop: put your 02_rmsprop.ipynb"
        " beside this notebook, or define the function in a cell above"
    )


@pytest.mark.parametrize(
    "source", ["other = 1", "rmsprop_step = 1", "def step(): pass"]
)
def test_recall_of_a_function_that_is_not_there(folder, source):
    notebook(folder / "02_rmsprop.ipynb", source)
    with pytest.raises(LookupError, match="defines no function rmsprop_step: write it"):
        recall("02_rmsprop", "rmsprop_step")


def test_recall_of_an_exercise_that_is_still_to_do(folder):
    stub = "def rmsprop_step(theta):\n    raise NotImplementedError"
    notebook(folder / "02_rmsprop.ipynb", f"@exercise\n{stub}")
    message = r"rmsprop_step in 02_rmsprop\.ipynb is not written yet: do that"
    with pytest.raises(LookupError, match=message):
        recall("02_rmsprop", "rmsprop_step")


def test_a_notebook_shows_one_line_and_no_traceback(folder, capsys):
    shell = InteractiveShell()
    shell.run_cell("from descentlab import recall\nrecall('02_rmsprop', 'step')")
    shown = capsys.readouterr()
    assert (shown.out + shown.err).strip() == (
        "recall needs step from chapter 02_rmsprop: put your 02_rmsprop.ipynb beside"
        " this notebook, or define the function in a cell above"
    )


@pytest.mark.parametrize(
    "text",
    ["", "plain text", "[]", "{}", '{"cells": 3}', '{"cells": [{"source": "a = 1"}]}'],
)
def test_recall_from_a_file_that_is_no_notebook(folder, text):
    (folder / "02_rmsprop.ipynb").write_text(text)
    with pytest.raises(LookupError, match=r"02_rmsprop\.ipynb is not a notebook") as e:
        recall("02_rmsprop", "rmsprop_step")
    assert "\n" not in str(e.value)


# -- glue and the package itself -------------------------------------------------------


def test_glue_does_nothing_outside_the_book(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "myst_nb", None)  # importing it would fail
    assert glue("loss", 0.5) is None


def test_glue_hands_on_inside_the_book(solutions, monkeypatch):
    glued = []
    book = types.ModuleType("myst_nb")
    book.glue = lambda *args, **kwargs: glued.append((args, kwargs))
    monkeypatch.setitem(sys.modules, "myst_nb", book)
    glue("loss", 0.5)
    assert glued == [(("loss", 0.5), {"display": False})]


def test_the_first_import_needs_numpy_alone():
    code = (
        "import sys; from descentlab import check, exercise, recall;"
        "print({'matplotlib', 'torch', 'IPython'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "set()", run.stderr

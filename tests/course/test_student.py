"""A student's way: the released notebook, solved, far from the repository.

First on a machine as ours; then on machines that have little: no PyTorch, no compiler,
no home to write to, the letters of an old Windows, and other Pythons.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.chapter import read_chapter
from autograder.course import ROOT
from autograder.exercises import assignments
from autograder.sample import read_paper
from tests.course.cells import names_of, with_what_they_need
from tests.course.conftest import OTHERS, PYTHONS, THIS

pytestmark = pytest.mark.slow

ASSIGNMENTS = assignments(ROOT)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the notebooks, solved, one beside the other, as on Windows."""
    folder = tmp_path_factory.mktemp("desk") / "Kurs [DL] (1)" / r"C:\Users\Jürgen"
    folder.mkdir(parents=True)
    for name in ASSIGNMENTS:
        if not (ROOT / "release" / name).is_dir():
            pytest.skip(f"release/{name} is not made: run make test")
        text = nbformat.writes(read_paper(ROOT, name).solved())
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8", newline="\r\n")
    return folder


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_solved_notebook_runs_from_top_to_bottom(assignment, desk, package):
    notebook = nbformat.read(desk / f"{assignment}.ipynb", as_version=4)
    where = nbformat.v4.new_code_cell("import descentlab; descentlab.__file__")
    notebook.cells.insert(0, where)
    client = NotebookClient(notebook, timeout=600, resources=at(desk))
    # The wheel's package, not the repository's; no solutions but the student's.
    environment = {**os.environ, "PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    environment.pop("DESCENTLAB_SOLUTIONS", None)
    client.execute(env=environment)
    assert str(package) in where.outputs[0].data["text/plain"]
    assert_all_pass(notebook)


def at(folder):
    return {"metadata": {"path": str(folder)}}


def assert_all_pass(notebook):
    checks = [cell for cell in notebook.cells if "check" in tags(cell)]
    assert checks
    for cell in checks:
        shown = " ".join(output.data["text/plain"] for output in cell.outputs)
        assert "published cases pass" in shown


def tags(cell):
    return cell.metadata.get("tags", [])


# -- Machines that have little ---------------------------------------------------------


@pytest.fixture(params=["no HOME", "an unusable HOME"])
def bare(request, tmp_path):
    """An environment without programs, in the letters of an old Windows."""
    environment = {
        "LC_ALL": "C",
        "PATH": "",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "cp1252",
        "PYTHONUTF8": "0",
    }
    if request.param != "no HOME":
        (tmp_path / "file").touch()
        environment["HOME"] = str(tmp_path / "file" / "home")
    return environment


SCRIPT = """
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from descentlab import check, exercise, figures, problems, recall, trace

@exercise
def effective_lr(v, lr=1e-3, eps=1e-8):
    return lr / np.sqrt(v + eps)

check(effective_lr)

@exercise
def bias_correct(moment, beta, t):
    return moment / (1 - beta)

try:
    check(bias_correct)
except AssertionError as error:
    print(error)

@exercise
def sgd_step(theta, grad, lr):
    raise OverflowError("\N{GREEK SMALL LETTER THETA} \N{INFINITY}")

try:
    check(sgd_step)
except AssertionError as error:
    print(error)

valley = problems.Quadratic()
figure, ax = plt.subplots()
figures.landscape(ax, valley, (-2, 2), (-2, 2))
step = lambda theta, grad, lr: theta - lr * grad
figures.path(ax, trace(step, valley.grad, [1.0, 1.0], 5, lr=0.01), "step")
figure.savefig("path.png")
assert len(problems.course_text()) > 100_000
assert problems.digits()[0].shape == (1797, 8, 8)
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_check_figures_and_data_work_there(version, student, bare, desk, tmp_path):
    (tmp_path / "script.py").write_bytes(SCRIPT.replace("\n", "\r\n").encode())
    # Elsewhere pip finds other versions of the packages, which may warn by themselves.
    strict = ["-W", "error"] if version == THIS else []
    command = student(version), *strict, tmp_path / "script.py"
    printed = run(*command, cwd=desk, env=bare)
    assert re.match(r"effective_lr: all \d+ published cases pass", printed)
    assert "Looks like exponent-missing: " in printed
    assert "bias_correct is not right yet. Looks like exponent-missing" in printed
    assert r"OverflowError: \u03b8 \u221e" in printed
    assert (desk / "path.png").stat().st_size > 1000


ALONE = """
import importlib.util
for name in ("autograder", "solutions", "torch", "numba", "scipy", "nbgrader"):
    print(name, importlib.util.find_spec(name))
import descentlab
print(descentlab.__file__)
"""


@pytest.mark.parametrize("version", PYTHONS)
def test_nothing_of_the_course_was_within_reach(version, student, desk):
    python = student(version)
    *others, place = run(python, "-c", ALONE, cwd=desk, env={}).splitlines()
    assert all(line.endswith(" None") for line in others)
    assert Path(place).is_relative_to(python.parents[1])


def run(*command, **where):
    """What a command printed, with each line's end as it is here. It must succeed."""
    done = subprocess.run(command, capture_output=True, **where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode("cp1252")


PYTORCH = (
    "This section needs PyTorch, which is not installed here (pip install torch)."
    " The rest of the chapter works without it.\n"
)

MACHINES = [(THIS, name) for name in ASSIGNMENTS]
MACHINES += [(version, "05_stability") for version in OTHERS]


@pytest.mark.parametrize("bare", ["an unusable HOME"], indirect=True)
@pytest.mark.parametrize(("version", "assignment"), MACHINES)
def test_without_pytorch_run_all_goes_on(
    version, assignment, student, bare, desk, tmp_path, monkeypatch
):
    kernel = tmp_path / "kernels" / "student" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    arguments = [
        str(student(version)),
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}",
    ]
    kernel.write_text(json.dumps({"argv": arguments, "display_name": "A student's"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    notebook = shortened(nbformat.read(desk / f"{assignment}.ipynb", as_version=4))
    about = {"kernel_name": "student", "resources": at(desk), "timeout": 120}
    NotebookClient(notebook, **about).execute(env=bare)
    assert_all_pass(notebook)
    first, *others = [
        "".join(output.text for output in cell.outputs)
        for cell in notebook.cells
        if "scale" in tags(cell)
    ]
    assert first == PYTORCH
    assert set(others) <= {PYTORCH, ""}  # a cell that needs nothing runs


def shortened(notebook):
    """The checks, the sections "At scale" and what these build on: no long figures."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    wanted = [n for n, cell in enumerate(code) if {"scale", "check"} & set(tags(cell))]
    places = with_what_they_need([cell.source for cell in code], wanted)
    notebook.cells = [code[place] for place in places]
    return notebook


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_no_other_section_builds_on_pytorch(assignment):
    """So that what `shortened` leaves out does not lack it either."""
    made_by_scale, made = set(), set()
    for cell in read_chapter(ROOT, ROOT / "chapters" / f"{assignment}.md"):
        if cell.kind == "code":
            makes, takes = names_of(cell.source)
            if cell.role == "scale":
                made_by_scale |= makes - made
            else:
                assert not takes & made_by_scale, cell.place
                made |= makes
                made_by_scale -= makes

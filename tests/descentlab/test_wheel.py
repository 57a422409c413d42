"""The wheel of descentlab: complete, without secrets, and enough by itself."""

import ast
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from autograder.course import ROOT
from autograder.exercises import assignments, load

pytestmark = pytest.mark.slow

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def run(*command, cwd=None):
    """Run a command; what it printed. It must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built offline from a copy of the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT / "descentlab",
        folder / "descentlab",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    # What must stay out, were it to lie beside the package.
    for name in ("autograder", "solutions"):
        shutil.copytree(ROOT / name, folder / name)
    options = "--no-deps --no-build-isolation --no-index --quiet --wheel-dir dist"
    run(*PIP, "wheel", *options.split(), ".", cwd=folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel):
    """The wheel's files: their bytes, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# -- What it holds ---------------------------------------------------------------------


def test_it_holds_the_package_and_nothing_else(files):
    sources = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "descentlab").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    held = {name for name in files if ".dist-info/" not in name}
    assert held == sources
    assert any(name.startswith("descentlab/published/") for name in held)


def test_it_is_for_every_system(wheel, files):
    assert wheel.name.endswith("-py3-none-any.whl")
    (metadata,) = (files[name] for name in files if name.endswith("/METADATA"))
    needed = re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", metadata.decode(), re.M)
    assert sorted(needed) == ["matplotlib", "numpy"]


def test_it_holds_no_line_of_a_solution(files):
    lines = {
        line.strip()
        for path in (ROOT / "solutions").glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
    }
    # A loop over the steps is no secret: the package has one of its own.
    plain = ("for ", "import ", "from ")
    secret = {
        line for line in lines if set(line) & set("+-*/") and not line.startswith(plain)
    }
    assert len(secret) > 5
    for name, data in files.items():
        text = data.decode(errors="ignore")
        assert not [line for line in secret if line in text], name


def functions_of_the_checks():
    """The names of all functions in the modules of the exercises and the oracle."""
    for folder in ("exercises", "reference"):
        for path in (ROOT / "autograder" / folder).glob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef):
                    yield node.name


def test_it_holds_no_code_of_the_checks(files):
    exercises = {e.name for name in assignments(ROOT) for e in load(name).exercises}
    # Those of two words, which no sentence holds by chance.
    names = {name for name in functions_of_the_checks() if "_" in name.strip("_")}
    assert {"rmsprop_cases", "adam_step_from", "edge_shapes"} <= names
    secret = (names - exercises) | {"import autograder", "from autograder"}
    for name, data in files.items():
        text = data.decode(errors="ignore")
        assert not [word for word in secret if re.search(rf"\b{word}\b", text)], name


# -- By itself -------------------------------------------------------------------------


def needed_by(name, found):
    """The distributions that one needs, with itself, added to ``found``."""
    if name not in found:
        found[name] = distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed_by(requirement.name, found)
    return found


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """A Python that has NumPy, Matplotlib, what they need, and the wheel."""
    folder = tmp_path_factory.mktemp("student")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (packages,) = (folder / "venv").glob("lib/*/site-packages")
    for found in needed_by("matplotlib", needed_by("numpy", {})).values():
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(found.locate_file(top))
    # With its dependencies: what is there must be all that it asks for.
    run(*PIP, "--python", python, "install", "--no-index", "--quiet", wheel)
    return python


STUDENT = """
import numpy as np
from descentlab import check, exercise, recall

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
"""

FIGURES = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
from descentlab import figures, problems, trace

def step(theta, grad, lr):
    return theta - lr * grad

valley = problems.Quadratic()
figure, ax = plt.subplots()
figures.landscape(ax, valley, (-2, 2), (-2, 2))
figures.path(ax, trace(step, valley.grad, [1.0, 1.0], 5, lr=0.01), "step")
figure.savefig("path.png")
print(len(problems.course_text()) > 100_000, problems.digits()[0].shape)
"""

ALONE = """
import importlib.util
for name in ("autograder", "solutions", "torch", "IPython", "nbgrader"):
    print(name, importlib.util.find_spec(name))
import descentlab
print(descentlab.__file__)
"""


def test_check_works_there(python, tmp_path):
    printed = run(python, "-c", STUDENT, cwd=tmp_path)
    assert re.match(r"effective_lr: all \d+ published cases pass", printed)
    assert "Looks like exponent-missing: " in printed
    assert "bias_correct is not right yet. Looks like exponent-missing" in printed


def test_figures_and_data_work_there(python, tmp_path):
    printed = run(python, "-W", "error", "-c", FIGURES, cwd=tmp_path)
    assert printed == "True (1797, 8, 8)\n"
    assert (tmp_path / "path.png").stat().st_size > 1000


def test_nothing_of_the_course_was_within_reach(python, tmp_path):
    *others, place = run(python, "-c", ALONE, cwd=tmp_path).splitlines()
    assert all(line.endswith(" None") for line in others)
    assert Path(place).is_relative_to(Path(python).parents[1])

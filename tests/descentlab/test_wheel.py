"""The wheel of descentlab: complete, without secrets, and fit to be published."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib import import_module

import pytest
from packaging.requirements import Requirement

import descentlab
from autograder.course import ROOT
from autograder.exercises import assignments, load

pytestmark = pytest.mark.slow

README = ROOT / "descentlab" / "README.md"

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


@pytest.fixture(scope="module")
def metadata(files):
    """What the wheel says of itself; the description is the payload."""
    (text,) = (files[name] for name in files if name.endswith("/METADATA"))
    return message_from_bytes(text)


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


def test_it_is_for_every_system(wheel, metadata):
    assert wheel.name.endswith("-py3-none-any.whl")
    needed = [Requirement(line) for line in metadata.get_all("Requires-Dist")]
    always = [each.name for each in needed if each.marker is None]
    assert sorted(always) == ["matplotlib", "numpy"]


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


# -- What an index shows ---------------------------------------------------------------


def test_an_index_takes_it(wheel):
    checked = run(sys.executable, "-m", "twine", "check", "--strict", wheel)
    assert "PASSED" in checked


def test_it_describes_itself_and_not_the_course(metadata):
    assert metadata["Description-Content-Type"] == "text/markdown"
    described = metadata.get_payload(decode=True).decode()
    assert described.strip() == README.read_text(encoding="utf-8").strip()
    # An index shows it far from the repository.
    assert re.findall(r"\]\((?!https://)", described) == []
    assert "make course" not in described


def test_the_description_says_what_is_so(metadata):
    described = metadata.get_payload(decode=True).decode()
    (example,) = re.findall(r"```python\n(.*?)```", described, re.S)
    told = subprocess.run([sys.executable, "-c", example], capture_output=True)
    (shown,) = re.findall(r"```\n(Looks like .*?)\n```", described)
    assert shown in told.stdout.decode()
    names = re.findall(r"^\| `([\w.]+)[(`]", described, re.M)
    assert len(names) > 4
    for name in names:
        assert import_module(name) if "." in name else hasattr(descentlab, name)
    for extra in re.findall(r'"descentlab\[(\w+)\]"', described):
        assert extra in metadata.get_all("Provides-Extra")


def test_version_and_licences_are_those_of_the_sources(metadata):
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {descentlab.__version__}\n" in citation
    assert metadata["Version"] == descentlab.__version__
    data = (ROOT / "descentlab" / "data" / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"licensed under\s+\[(.*?)\]", data)
    names = ["BSD-3-Clause", *(name.replace(" ", "-") for name in named)]
    assert set(metadata["License-Expression"].split(" AND ")) == set(names)
    assert metadata.get_all("License-File") == ["LICENSE", "descentlab/data/README.md"]


def test_its_classifiers_are_the_pythons_that_it_takes(metadata):
    named = re.findall(
        r"Python :: (3\.\d+)$", "\n".join(metadata.get_all("Classifier")), re.M
    )
    assert named == ["3.11", "3.12", "3.13"]
    assert metadata["Requires-Python"] == f">={named[0]}"

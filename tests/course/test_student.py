"""A student's way: the released notebook, solved, far from the repository."""

import os

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.course import ROOT
from autograder.exercises import assignments
from autograder.sample import read_paper

pytestmark = pytest.mark.slow

ASSIGNMENTS = assignments(ROOT)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the notebooks, solved, one beside the other."""
    folder = tmp_path_factory.mktemp("desk")
    for name in ASSIGNMENTS:
        if not (ROOT / "release" / name).is_dir():
            pytest.skip(f"release/{name} is not made: run make test")
        nbformat.write(read_paper(ROOT, name).solved(), folder / f"{name}.ipynb")
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
    reports = [
        said(cell) for cell in notebook.cells if cell.source.startswith("check(")
    ]
    assert reports
    assert all("published cases pass" in report for report in reports)


def at(folder):
    return {"metadata": {"path": str(folder)}}


def said(cell):
    return " ".join(output.data["text/plain"] for output in cell.outputs)

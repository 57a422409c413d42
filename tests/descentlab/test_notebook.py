"""What a notebook shows where something is missing, in a kernel as students have it."""

import os

import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from autograder.course import ROOT

WITHOUT_PYTORCH = "import sys\nsys.modules['torch'] = None\nimport descentlab"
PYTORCH = (
    "This section needs PyTorch, which is not installed here (pip install torch)."
    " The rest of the chapter works without it.\n"
)
RECALL = (
    "recall needs adam_step from chapter 03_adam: put your 03_adam.ipynb beside this"
    " notebook, or define the function in a cell above\n"
)


def run_all(folder, *sources):
    """What each cell shows; an error ends it, as it ends Run All."""
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    outputs = [cell.outputs for cell in notebook.cells]
    return ["".join(output.text for output in shown) for shown in outputs]


def test_without_pytorch_its_cells_say_so_and_the_others_run(tmp_path):
    assert run_all(
        tmp_path,
        f"{WITHOUT_PYTORCH}\nkept = 'the rest'",
        "from descentlab.scale import clip, optimizer\nx = kept = optimizer()",
        "def fit(start=x):\n    return start\n\n\nfor step in range(3):\n    pass",
        "Adam = optimizer(lambda theta, grad, lr: theta)",
        "runs = {}\nruns['Adam'] = fit(Adam)",
        "import matplotlib.pyplot as plt\nplt.subplots()[1].plot(runs['Adam'])",
        "def clip_yours(parameters):\n    return clip(parameters)",
        "clip_yours([])",
        "x = 3\nprint(x)",
        "print(step)",
        "print(kept)",
    ) == ["", *[PYTORCH] * 5, "", PYTORCH, "3\n", PYTORCH, "the rest\n"]


def test_without_an_earlier_notebook_the_cells_that_need_it_say_so(tmp_path):
    assert run_all(
        tmp_path,
        "from descentlab import recall",
        "adam_step = recall('03_adam', 'adam_step')",
        "theta = adam_step(1.0)",
        "print(theta)",
        "print('the rest')",
    ) == ["", *[RECALL] * 3, "the rest\n"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("print(optimiser)", "NameError"),
        ("import no_such_package", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("{}['key']", "KeyError"),
    ],
)
def test_any_other_error_ends_run_all(source, error, tmp_path):
    missing = "from descentlab.scale import optimizer"
    with pytest.raises(CellExecutionError) as raised:
        run_all(tmp_path, WITHOUT_PYTORCH, missing, source)
    assert raised.value.ename == error
    assert source in raised.value.traceback


def test_who_handled_errors_before_still_does(tmp_path):
    """Colab adds a hint of its own to a missing package."""
    other = (
        "def show(shell, kind, value, tb, tb_offset=None):\n    print('hint:', value)\n"
        "get_ipython().set_custom_exc((ImportError,), show)"
    )
    with pytest.raises(CellExecutionError) as raised:
        run_all(tmp_path, other, WITHOUT_PYTORCH, "import no_such_package")
    assert "hint: No module named" in str(raised.value)

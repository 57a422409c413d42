"""The sections "At scale" on processors that can do less than this one.

The libraries are told to forget what newer processors bring, and so choose what they
would choose on an old one.
"""

import json
import os
import subprocess
import sys

import pytest

from autograder.chapter import read_chapter
from autograder.course import ROOT
from autograder.exercises import assignments
from tests.course.cells import with_what_they_need

pytestmark = pytest.mark.slow

PROCESSORS = {
    "this one": {},
    "AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "SSE4.1": {
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "ATEN_CPU_CAPABILITY": "default",
        "NUMBA_CPU_NAME": "generic",
    },
}

SHORTER = {
    "01_gradient_descent": {"steps=300": "steps=30", '"steps": 100': '"steps": 10'},
    "02_rmsprop": {"epochs=20": "epochs=2"},
    "03_adam": {"steps=400": "steps=40", '"steps": 100': '"steps": 10'},
    "04_schedules": {"steps=300": "steps=30"},
    "06_batch_size": {"while len(losses) < 200": "while len(losses) < 20"},
    "07_lookahead": {"steps=600": "steps=60", "np.arange(20, 601": "np.arange(20, 61"},
    "08_race": {"steps = 300": "steps = 50"},
}
"""Where cells train for long: the same with fewer steps."""

LEFT_OUT = (
    "Mixed precision is left out: PyTorch can't train this LSTM in bfloat16 here.\n"
)

RUN = """
import contextlib, io, json, sys, types

glued, printed, names = {}, io.StringIO(), {"__name__": "__main__"}

def glue(name, value, display):
    glued[name] = value

# The book's own takes seconds to import.
sys.modules["myst_nb"] = types.SimpleNamespace(glue=glue)
with contextlib.redirect_stdout(printed):
    for source in json.load(sys.stdin):
        exec(compile(source, source.partition("\\n")[0], "exec"), names)
print(json.dumps([glued, printed.getvalue()]))
"""


def scale_cells(assignment):
    """The sources of a chapter's cells tagged scale, and of what they build on."""
    cells = read_chapter(ROOT, ROOT / "chapters" / f"{assignment}.md")
    code = [cell for cell in cells if cell.kind == "code"]
    sources = [cell.source for cell in code]
    scale = [place for place, cell in enumerate(code) if cell.role == "scale"]
    return [sources[place] for place in with_what_they_need(sources, scale)]


def run(assignment, processor):
    """What the scale cells of a chapter glue and print, with the solutions."""
    sources = scale_cells(assignment)
    for long, short in SHORTER.get(assignment, {}).items():
        assert any(long in source for source in sources), f"it has no {long!r} now"
        sources = [source.replace(long, short) for source in sources]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(sources),
        cwd=ROOT,
        env={
            **os.environ,
            **PROCESSORS[processor],
            "DESCENTLAB_SOLUTIONS": str(ROOT / "solutions"),
            "MPLBACKEND": "agg",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("processor", ["AVX2", "SSE4.1"])
@pytest.mark.parametrize("assignment", [a for a in assignments(ROOT) if a[:2] != "05"])
def test_a_network_is_trained_there(assignment, processor):
    glued, _ = run(assignment, processor)
    assert glued


@pytest.mark.parametrize("processor", PROCESSORS)
def test_mixed_precision_trains_or_says_in_one_line_that_it_cannot(processor):
    glued, printed = run("05_stability", processor)
    assert float(glued["stability-scale-library"]) < 1e-4
    words = glued["stability-scale-mixed"]
    if printed:
        assert (printed, words) == (LEFT_OUT, "could not run")
        if processor == "this one":
            pytest.skip("this processor cannot train an LSTM in bfloat16")
    else:
        said, _, moved = words.rpartition(" ")
        assert said == "moved the loss by at most"
        assert float(moved) > 0  # were autocast off, the two runs would be the same

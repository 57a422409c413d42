"""Whole notebooks before the judge: what each deserves, and nothing but that."""

import math
import os
import re
import signal
import time
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from autograder.judge import Limits, Times, Verdict, judge
from autograder.judge.evaluate import Earlier, Trial, evaluate
from autograder.judge.sandbox import OutOfTime, Sandbox
from autograder.judge.verdict import STATUSES
from descentlab.compare import GROUPS
from tests.judge.course import EXERCISES, SOLVED
from tests.notebooks import IMPORTS, answer, cell, checked, notebook, submission

pytestmark = pytest.mark.sandbox

KEY = bytes(32)
TIMES = Times(cell=3, exercise=3, notebook=60)
SCALED, LOGARITHM, DESCENT = EXERCISES


def judged(data: bytes, exercises=EXERCISES, times: Times = TIMES, **more: Any):
    return judge("00_toy", exercises, data, KEY, times=times, **more)


def marks(verdict: Verdict) -> dict[str, tuple[str, float]]:
    return {n: (v.status, v.score) for n, v in verdict.exercises.items()}


def text(verdict: Verdict, name: str) -> str:
    return str(verdict.exercises[name].report)


def with_answer(name: str, source: str, *before: dict[str, Any]) -> Verdict:
    """A notebook where one answer is this, and the others are right."""
    verdict = judged(submission(SOLVED | {name: source}, *before))
    others = [v for n, v in verdict.exercises.items() if n != name]
    assert all(other.status == "passed" for other in others)
    return verdict


def only(source: str, *before: dict[str, Any], times: Times = TIMES) -> Verdict:
    """A notebook with the exercise ``scaled`` alone."""
    return judged(submission({"scaled": source}, *before), (SCALED,), times)


def side_by_side(sources: list[str]) -> dict[str, Any]:
    """Many answers to the exercise ``scaled``, judged in one notebook.

    Returns:
        The verdict on each source.
    """
    names = {f"scaled{i}": source for i, source in enumerate(sources)}
    answers = {n: re.sub(r"\bscaled\b", n, source) for n, source in names.items()}
    verdict = judged(submission(answers), [replace(SCALED, name=n) for n in names])
    return {names[name]: one for name, one in verdict.exercises.items()}


# The statuses


def test_right_answers_pass():
    verdict = judged(submission(SOLVED))
    assert marks(verdict) == {
        "scaled": ("passed", 4.0),
        "logarithm": ("passed", 2.0),
        "descent": ("passed", 4.0),
    }
    assert (verdict.score, verdict.max_score) == (10.0, 10.0)
    assert "all" not in text(verdict, "scaled") or verdict.score == 10


def test_right_numbers_in_the_wrong_dtype_are_partial():
    source = "def scaled(x, factor=2.0):\n    return np.float64(factor) * x"
    verdict = with_answer("scaled", source)
    one = verdict.exercises["scaled"]
    assert one.status == "partial"
    assert one.score == pytest.approx(4 * 8 / 9)
    assert "[no] dtype" in text(verdict, "scaled")


def test_an_argument_changed_in_place_is_partial():
    source = "def scaled(x, factor=2.0):\n    x *= x.dtype.type(factor)\n    return x"
    verdict = with_answer("scaled", source)
    assert verdict.exercises["scaled"].status == "partial"
    assert "in place" in text(verdict, "scaled")


def test_one_array_handed_out_again_and_again_is_partial():
    source = "kept = {}\ndef scaled(x, factor=2.0):\n"
    source += "    key = x.shape, x.dtype\n"
    source += "    out = kept.setdefault(key, np.empty_like(x))\n"
    source += "    return np.multiply(x, factor, out=out)"
    verdict = with_answer("scaled", source)
    assert verdict.exercises["scaled"].status == "partial"
    assert "a later call changed what it had returned" in text(verdict, "scaled")


def test_an_error_that_is_not_raised_is_partial():
    source = "def logarithm(x):\n    return np.log(x) if x > 0 else float('nan')"
    one = with_answer("logarithm", source).exercises["logarithm"]
    assert (one.status, one.score) == ("partial", pytest.approx(2 * 6 / 7))


def test_wrong_numbers_fail_and_the_mistake_has_a_name():
    verdict = with_answer("scaled", "def scaled(x, factor=2.0):\n    return 2.0 * x")
    one = verdict.exercises["scaled"]
    assert (one.status, one.score) == ("failed", 0.0)
    assert one.misconceptions == ["always-doubled"]
    assert "The factor is a parameter" in text(verdict, "scaled")


RAISING = {
    "def scaled(x, factor=2.0):\n    raise NotImplementedError": "replace that line",
    "def scaled(x, factor=2.0):\n    return facto * x": "'facto' is not defined",
    "def scaled(x, factor=2.0)\n    return x": "in line 1 SyntaxError",
    "1 / 0": "its cell raised in line 1 ZeroDivisionError",
    "import sys\nsys.exit()": "its cell raised in line 2 SystemExit",
    "def scale(x, factor=2.0): pass": "there is no function",
    "scaled = 3": "there is no function",
    "def scaled(y, f=2.0):\n    return f * y": "parameter factor is missing",
    "def scaled():\n    return 1": "parameter x is missing",
    "def scaled(x, factor):\n    return factor * x": "factor has no default",
}


@pytest.fixture(scope="module")
def raising():
    return side_by_side(list(RAISING))


@pytest.mark.parametrize("source", RAISING)
def test_what_raises_is_an_error(raising, source):
    one = raising[source]
    assert (one.status, one.score) == ("error", 0.0)
    assert RAISING[source] in str(one.report)


def test_a_default_that_differs_is_told():
    verdict = only("def scaled(x, factor=3.0):\n    return factor * x")
    assert "factor has default 3.0; the exercise has 2.0" in text(verdict, "scaled")


def test_what_is_missing_is_missing():
    verdict = judged(submission({n: s for n, s in SOLVED.items() if n != "scaled"}))
    assert marks(verdict) == {
        "scaled": ("missing", 0.0),
        "logarithm": ("passed", 2.0),
        "descent": ("passed", 4.0),
    }


def test_a_doubled_cell_is_rejected_and_the_rest_is_judged():
    pairs = [one for n, s in SOLVED.items() for one in (answer(n, s), checked(n))]
    verdict = judged(notebook(IMPORTS, *pairs, answer("scaled", SOLVED["scaled"])))
    assert marks(verdict)["scaled"] == ("rejected", 0.0)
    assert marks(verdict)["descent"] == ("passed", 4.0)


def test_a_result_that_is_not_taken_is_rejected():
    results = "{'x': x}", "x.astype(object)", "x * 1j", "iter(x)", "np.ma.array(x)"
    start = "def scaled(x, factor=2.0):\n    x = factor * x\n    return "
    for one in side_by_side([start + result for result in results]).values():
        assert (one.status, one.score) == ("rejected", 0.0)


def test_another_language_rejects_all_and_needs_no_sandbox(monkeypatch):
    monkeypatch.setenv("PATH", "")
    data = notebook(answer("scaled", "1"), language_info={"name": "R"})
    assert {v.status for v in judged(data).exercises.values()} == {"rejected"}


def test_the_object_for_json():
    doubled = "def scaled(x, factor=2.0):\n    return 2.0 * x"
    shown = judged(submission(SOLVED | {"scaled": doubled})).to_json()
    assert list(shown) == ["assignment", "score", "max_score", "exercises"]
    for one in shown["exercises"].values():
        assert list(one) == [
            *("score", "max_score", "status", "feedback", "misconceptions")
        ]
        assert (type(one["score"]), type(one["feedback"])) == (float, str)
        assert one["status"] in STATUSES
    names = {name: one["misconceptions"] for name, one in shown["exercises"].items()}
    assert names == {"scaled": ["always-doubled"], "logarithm": [], "descent": []}


# Loops and deaths

LOOP = "def scaled(x, factor=2.0):\n    while True:\n        pass"


@pytest.mark.parametrize(
    "source", [LOOP, "while True:\n    pass", "import time\ntime.sleep(1000)"]
)
def test_a_loop_is_a_timeout_and_the_others_are_judged(source):
    verdict = judged(
        submission(SOLVED | {"logarithm": source.replace("scaled", "logarithm")}),
        times=Times(cell=2, exercise=2, notebook=30),
    )
    assert marks(verdict) == {
        "scaled": ("passed", 4.0),
        "logarithm": ("timeout", 0.0),
        "descent": ("passed", 4.0),
    }
    assert "did not end within 2 seconds" in text(verdict, "logarithm")


@pytest.mark.parametrize(
    "death",
    [
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "os.closerange(0, 100)",
        "ctypes.string_at(0)",
    ],
)
def test_a_death_is_an_error_and_the_others_are_judged(death):
    imports = "import ctypes, os\n"
    called = f"{imports}def scaled(x, factor=2.0):\n    {death}\n    return factor * x"
    verdict = with_answer("scaled", called)
    assert marks(verdict)["scaled"] == ("error", 0.0)
    assert "Python did not survive it" in text(verdict, "scaled")


def test_a_death_in_the_cell_itself():
    verdict = with_answer("logarithm", "import os\nos._exit(0)")
    assert marks(verdict)["logarithm"] == ("error", 0.0)


@pytest.mark.parametrize("moment", ["start", "run", "describe", "call"])
def test_a_sandbox_that_is_killed_from_outside_costs_nothing(moment, monkeypatch):
    struck = []

    class Struck(Sandbox):
        def _greet(self, *args):
            self._strike("start")
            return super()._greet(*args)

        def _ask(self, header, *more):
            self._strike(header.get("op"))
            return super()._ask(header, *more)

        def _strike(self, now):
            if now == moment and not struck:
                struck.append(self.process.pid)
                os.kill(self.process.pid, signal.SIGKILL)

    data = submission(SOLVED)
    wanted = judged(data)
    module = import_module("autograder.judge.judge")
    monkeypatch.setattr(module, "Sandbox", Struck)
    assert judged(data) == wanted
    assert struck


def test_a_death_in_a_free_cell_spoils_nothing():
    death = cell("import os\nos._exit(1)")
    assert judged(submission(SOLVED, death)).score == 10.0


def test_an_exercise_that_dies_after_another_was_judged_leaves_its_marks():
    # The second run through the first cell fails; its verdict stands.
    once = "import os\nif os.path.exists('/nowhere'): pass\n" + SOLVED["scaled"]
    verdict = judged(
        submission(SOLVED | {"scaled": once, "logarithm": "import os\nos._exit(0)"})
    )
    assert marks(verdict)["scaled"] == ("passed", 4.0)


def test_a_free_cell_that_loops_spoils_nothing():
    verdict = judged(
        submission(SOLVED, cell("while True: pass")),
        times=Times(cell=2, exercise=3, notebook=30),
    )
    assert verdict.score == 10.0


def test_a_notebook_full_of_long_experiments_leaves_time(monkeypatch):
    monkeypatch.setattr(import_module("autograder.judge.judge"), "LEAST", 0.1)
    loops = [cell("import time\ntime.sleep(1000)") for _ in range(3)]
    start = time.monotonic()
    verdict = judged(
        submission(SOLVED, *loops), times=Times(cell=2, exercise=3, notebook=30)
    )
    assert verdict.score == 10.0
    # 2 + 1 + 0.5 seconds and four sandboxes, not the seconds of the loops.
    assert time.monotonic() - start < 100


def test_cells_after_the_last_check_are_not_run():
    pairs = [one for n, s in SOLVED.items() for one in (answer(n, s), checked(n))]
    start = time.monotonic()
    verdict = judged(notebook(IMPORTS, *pairs, cell("import time\ntime.sleep(1000)")))
    assert verdict.score == 10.0
    assert time.monotonic() - start < 500


def test_a_notebook_that_hangs_everywhere_ends_in_bounded_time():
    loop = "while True: pass"
    hanging = dict.fromkeys(SOLVED, loop)
    loops = [cell(loop) for _ in range(20)]
    start = time.monotonic()
    verdict = judged(
        submission(hanging, *loops), times=Times(cell=2, exercise=2, notebook=4)
    )
    # Not two seconds for each of the loops and exercises.
    assert time.monotonic() - start < 30
    assert {v.status for v in verdict.exercises.values()} == {"timeout"}
    assert "the notebook's time was used up" in text(verdict, "descent")


def test_what_comes_after_the_notebooks_time_is_not_blamed_itself():
    slow = "import time\ntime.sleep(1.5)\n"
    verdict = judged(
        submission({n: slow + s for n, s in SOLVED.items()}),
        times=Times(cell=3, exercise=3, notebook=2.5),
    )
    assert [v.status for v in verdict.exercises.values()] == (
        ["passed", "timeout", "timeout"]
    )
    for name in ("logarithm", "descent"):
        assert "the notebook's time was used up" in text(verdict, name)


def test_calls_that_each_end_but_together_take_too_long_are_a_timeout():
    slow = "import time\ndef logarithm(x):\n    time.sleep(1)\n    return np.log(x)"
    verdict = judged(
        submission(SOLVED | {"logarithm": slow}),
        times=Times(cell=3, exercise=1.5, notebook=60),
    )
    assert marks(verdict) == {
        "scaled": ("passed", 4.0),
        "logarithm": ("timeout", 0.0),
        "descent": ("passed", 4.0),
    }
    assert text(verdict, "logarithm").startswith("logarithm: 0 of 2 points (timeout)")
    # The first call took 1 of the 1.5 seconds.
    facts = dict(verdict.exercises["logarithm"].report.facts)
    assert facts["case"] == "below one"


ENDS = "while True: pass", "os._exit(0)"
WHERE = {
    "errors": ("logarithm", "x <= 0", 2 * 6 / 7),
    "edges": ("scaled", "x.size == 0", 4 * 8 / 9),
    "dtype": ("scaled", "x.dtype == np.float32", 4 * 8 / 9),
    "purity": ("scaled", "n == 12", 4 * 8 / 9),
}
"""A test that is true in a group of cases alone: of which exercise, and what is left
of its marks."""


def ending(name: str, end: str, *tests: str) -> str:
    """A right answer, but for calls in which it ends or never does."""
    head, body = SOLVED[name].removeprefix("@exercise\n").split("\n", 1)
    counted = "    global n\n    n += 1\n"
    traps = "".join(f"    if {test}:\n        {end}\n" for test in tests)
    return f"import os\nn = 0\n{head}\n{counted}{traps}{body}"


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("group", WHERE)
def test_what_ends_in_a_group_of_cases_costs_that_group(group, end):
    name, when, left = WHERE[group]
    verdict = judged(
        submission(SOLVED | {name: ending(name, end, when)}),
        times=Times(cell=3, exercise=1, notebook=60),
    )
    one = verdict.exercises.pop(name)
    assert (one.status, one.score) == ("partial", pytest.approx(left)), str(one.report)
    lost = [line.title for line in one.report.lines if not line.passed]
    assert lost == [GROUPS[group]]
    assert {v.status for v in verdict.exercises.values()} == {"passed"}
    # A busy machine can be the reason of a timeout alone.
    assert one.out_of_time == ("while" in end)


@pytest.mark.parametrize("end", ENDS)
def test_an_error_case_that_never_returns_says_what_it_should_have_done(end):
    source = ending("logarithm", end, "x <= 0")
    verdict = judged(
        submission(SOLVED | {"logarithm": source}),
        times=Times(cell=3, exercise=1, notebook=60),
    )
    hung, died = "it did not end within 1 seconds", "Python did not survive it"
    happened = hung if "while" in end else died
    report = verdict.exercises["logarithm"].report
    assert report.facts == [
        ("case", "x = 0"),
        ("call", "logarithm(x=0)"),
        ("what happened", f"{happened}, where ValueError was expected"),
    ]
    assert report.advice[0].startswith("Test the argument first and raise the error")


def test_a_call_that_never_returns_is_shown_before_others_of_its_group():
    source = "def logarithm(x):\n    while x < 0: pass\n    return np.log(abs(x) or 1)"
    verdict = judged(
        submission(SOLVED | {"logarithm": source}),
        times=Times(cell=3, exercise=1, notebook=60),
    )
    report = verdict.exercises["logarithm"].report
    assert report.lines[-1].note == "0 of 2"
    assert dict(report.facts)["case"].startswith("x = -1.")
    assert "did not end" in dict(report.facts)["what happened"]


def test_each_group_that_hangs_is_lost_and_no_other():
    traps = "x.size == 0", "x.dtype == np.float32"
    verdict = only(ending("scaled", ENDS[0], *traps), times=Times(3, 1, 60))
    one = verdict.exercises["scaled"]
    assert (one.status, one.score) == ("partial", pytest.approx(4 * 7 / 9))
    assert "a loop that never ends" in str(one.report)


def test_what_calls_a_wrong_earlier_function_may_hang_in_a_group_too():
    uses = replace(DESCENT, name="logarithm2", reference=LOGARITHM.reference)
    calling = replace(
        uses, cases=LOGARITHM.cases, composed=lambda logarithm: logarithm, parts=("y",)
    )
    silent = "def logarithm(x):\n    return np.log(abs(x) + (x == 0))"
    caller = "def logarithm2(x):\n    while x <= 0: pass\n    return logarithm(x)"
    data = submission({"logarithm": silent, "logarithm2": caller})
    verdict = judged(data, (LOGARITHM, calling), Times(3, 1, 60))
    one = verdict.exercises["logarithm2"]
    assert (one.status, one.score) == ("partial", pytest.approx(4 * 6 / 7))
    assert "It calls your logarithm" in str(one.report)


@pytest.mark.parametrize(
    "bomb", ["np.ones(1 << 40)", "y = [x]\n        while True: y += y"]
)
def test_a_memory_bomb_in_an_edge_case_costs_the_edges(bomb):
    source = ending("scaled", bomb, "x.size == 0")
    data = submission(SOLVED | {"scaled": source})
    one = judged(data, limits=Limits(memory=1 << 30)).exercises["scaled"]
    assert (one.status, one.score) == ("partial", pytest.approx(4 * 8 / 9))
    assert not one.out_of_time


def test_who_writes_into_the_judges_pipe_in_an_error_case_loses_all():
    noise = "os.write(4, b'garbage' * 1000)"
    source = ending("logarithm", noise, "x <= 0")
    verdict = with_answer("logarithm", source)
    assert marks(verdict)["logarithm"] == ("error", 0.0)
    assert "the judge's own pipe" in text(verdict, "logarithm")


def test_a_right_answer_has_not_run_out_of_time():
    verdict = judged(submission(SOLVED))
    assert not any(one.out_of_time for one in verdict.exercises.values())
    hanging = only("while True: pass", times=Times(1, 1, 30))
    assert hanging.exercises["scaled"].out_of_time


def test_a_hang_on_copies_of_arrays_takes_no_marks_away():
    ended = OutOfTime()
    trial = Trial(LOGARITHM, 1)

    def silent(x):
        return float(np.log(x)) if x > 0 else 0.0

    def hanging(x):
        raise ended

    silent.shielded = lambda names: hanging
    earlier = Earlier({}, ["another"])
    with pytest.raises(OutOfTime):
        trial.verdict(silent, earlier)
    assert trial.lose(ended, "it did not end")
    verdict = trial.verdict(silent, earlier)
    assert (verdict.status, verdict.score) == ("partial", pytest.approx(2 * 6 / 7))


@pytest.mark.parametrize("end", ["while True: pass", "os._exit(0)"])
def test_what_ended_in_a_call_is_told_with_the_call(end):
    source = "import os\ndef scaled(x, factor=2.0):\n"
    source += f"    if factor < 1:\n        {end}\n    return factor * x"
    shown = text(only(source, times=Times(cell=3, exercise=1, notebook=30)), "scaled")
    call = r"scaled\(x=array\(\[[\d., ]+\]\), factor=0\.3\)"
    assert re.search(rf"\n  case: a factor\n  call: {call}$", shown), shown


def test_what_ended_in_a_run_of_calls_is_told_with_its_case():
    source = "n = 0\ndef scaled(x, factor=2.0):\n    global n\n    n += factor == 0.7\n"
    source += "    while n > 2: pass\n    return factor * x"
    verdict = only(source, times=Times(cell=3, exercise=1, notebook=30))
    assert verdict.exercises["scaled"].report.facts == [("case", "five times")]


def test_what_ended_in_its_cell_has_no_case():
    verdict = only("while True: pass", times=Times(cell=1, exercise=1, notebook=30))
    assert not verdict.exercises["scaled"].report.facts


def test_a_callback_that_is_called_for_ever_is_a_timeout():
    source = "def descent(grad_fn, x0, steps):\n    while True:\n        grad_fn(x0)"
    verdict = judged(
        submission(SOLVED | {"descent": source}),
        times=Times(cell=3, exercise=1, notebook=30),
    )
    assert marks(verdict)["descent"] == ("timeout", 0.0)


# The same again


def test_the_same_notebook_has_the_same_verdict():
    data = submission(SOLVED | {"scaled": "def scaled(x, factor=2.0):\n    return x"})
    assert judged(data).to_json() == judged(data).to_json()


def test_another_notebook_has_other_inputs():
    wrong = "def scaled(x, factor=2.0):\n    return x"
    one, other = only(wrong), only(wrong + "\n")
    assert (
        dict(one.exercises["scaled"].report.facts)["call"]
        != (dict(other.exercises["scaled"].report.facts)["call"])
    )


def test_another_key_has_other_inputs():
    data = submission({"scaled": "def scaled(x, factor=2.0):\n    return x"})
    one, other = (judge("00_toy", (SCALED,), data, key) for key in (b"a", b"b"))
    assert text(one, "scaled") != text(other, "scaled")


# The function as it stands where its check stands


def test_the_function_counts_as_it_stands_at_its_check():
    good, bad = SOLVED["scaled"], "def scaled(x, factor=2.0):\n    return x"

    def status(*cells):
        verdict = judged(notebook(IMPORTS, *cells), (SCALED,))
        return verdict.exercises["scaled"].status

    assert status(answer("scaled", bad), cell(good), checked("scaled")) == "passed"
    assert status(answer("scaled", good), checked("scaled"), cell(bad)) == "passed"
    assert status(answer("scaled", good), cell(bad), checked("scaled")) == "failed"
    assert status(answer("scaled", good), cell(bad)) == "failed"
    assert status(checked("scaled"), answer("scaled", good)) == "error"


def test_a_check_cell_that_was_rewritten_is_not_run():
    forged = checked("scaled")
    forged["source"] = "scaled = lambda x, factor=2.0: factor * x"
    wrong = answer("scaled", "def scaled(x, factor=2.0):\n    return x")
    verdict = judged(notebook(IMPORTS, wrong, forged), (SCALED,))
    assert marks(verdict)["scaled"] == ("failed", 0.0)


# Free cells

HELPED = "def scaled(x, factor=2.0):\n    return times(x, factor)"
HELPER = "def times(x, y):\n    return y * x"


def test_helpers_and_imports_in_free_cells_count():
    assert only(HELPED, cell(HELPER)).score == 4.0
    source = "def scaled(x, factor=2.0):\n    return numpy.multiply(factor, x)"
    assert only(source, cell("import numpy")).score == 4.0


FAILING = (
    "1 / 0",
    "def broken(:",
    "import torch",
    "raise SystemExit",
    "recall('02_rmsprop', 'rmsprop_step')",
    "%%nonsense\nx",
    "!!",
    "input('name? ')",
    "from google.colab import drive\ndrive.mount('/content')",
    "check(lambda: 1)",
    "assert False",
    "x = '\ud800'",
    "\x00",
)


def test_free_cells_that_fail_spoil_nothing():
    assert only(SOLVED["scaled"], *map(cell, FAILING)).score == 4.0


def test_a_missing_package_spoils_nothing_that_stands_beside_it():
    first = cell("import torch\nimport seaborn as sns\nimport numpy as np")
    data = notebook(first, answer("scaled", SOLVED["scaled"][10:]), checked("scaled"))
    assert judged(data, (SCALED,)).score == 4.0


def test_a_package_that_is_missed_in_the_exercise_itself():
    unused = "import torch\n" + SOLVED["scaled"]
    assert only(unused).score == 4.0
    used = "import torch\ndef scaled(x, factor=2.0):\n    return torch.mul(x, factor)"
    verdict = only(used)
    assert marks(verdict)["scaled"] == ("error", 0.0)
    assert "No module named 'torch'" in text(verdict, "scaled")
    assert "no such package where this is graded" in text(verdict, "scaled")


def test_a_syntax_error_is_told_once_and_with_its_place():
    said = text(only("def scaled(x, factor=2.0):\n    return x +"), "scaled")
    assert "its cell raised in line 2 SyntaxError: invalid syntax\n" in said
    assert "look at this line" in said


def test_a_failed_free_cell_is_mentioned_where_it_may_be_the_reason():
    verdict = only(HELPED, cell("1 / 0\n" + HELPER))
    assert "cell number 2 failed: ZeroDivisionError" in text(verdict, "scaled")


def test_not_every_failed_cell_is_mentioned():
    failing = [cell("1 / 0") for _ in range(50)]
    assert text(only(HELPED, *failing), "scaled").count("failed:") == 3


def test_figure_cells_are_not_run():
    chapter = [
        cell("scaled = None\n1 / 0", tags=[tag])
        for tag in ("figure", "experiment", "scale")
    ]
    data = notebook(
        IMPORTS, answer("scaled", SOLVED["scaled"]), *chapter, checked("scaled")
    )
    assert judged(data, (SCALED,)).score == 4.0


def test_a_plot_in_the_exercise_finds_the_imports_of_the_figure_cell():
    figure = cell("import matplotlib.pyplot as plt\n1 / 0", tags=["figure"])
    source = SOLVED["scaled"] + "\n\nplt.plot(scaled(np.ones(3)))\nplt.show()"
    assert only(source, figure).score == 4.0


# Right answers in every dress


DRESSES = (
    "scaled = lambda x, factor=2.0: factor * x",
    "scaled = lambda x, factor=2.0: np.multiply(x, factor, dtype=x.dtype)",
    "from functools import partial\n"
    "def product(a, x, factor=2.0):\n    return factor * x\n"
    "scaled = partial(product, None)",
    "class Scaled:\n    def __call__(self, x, factor=2.0):\n"
    "        return factor * x\nscaled = Scaled()",
    "class Tools:\n    @staticmethod\n    def scaled(x, factor=2.0):\n"
    "        return factor * x\nscaled = Tools.scaled",
    "class Tools:\n    def scaled(self, x, factor=2.0):\n"
    "        return factor * x\nscaled = Tools().scaled",
    "import functools\ndef traced(f):\n    @functools.wraps(f)\n"
    "    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n"
    "    return inner\n@traced\ndef scaled(x, factor=2.0):\n    return factor * x",
    "def traced(f):\n    return lambda *args, **kwargs: f(*args, **kwargs)\n"
    "@traced\n@exercise\ndef scaled(x, factor=2.0):\n    return factor * x",
    "def scaled(x, /, factor=2.0):\n    return factor * x",
    "def scaled(x, *, factor=2.0):\n    return factor * x",
    "def scaled(x, factor=2.0, verbose=False):\n    return factor * x",
    "def scaled(*args, **kwargs):\n    return kwargs.get('factor', 2.0) * args[0]",
    "def scaled(x, factor=2.0) -> np.ndarray:\n    return factor * x",
    "from numpy.typing import NDArray\n"
    "def scaled(x: NDArray[np.floating], factor: float = 2.0) -> NDArray:\n"
    "    return factor * x",
    "def scaled(x: 'Array', factor: 'float' = 2.0) -> 'Array':\n    return factor * x",
    "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Step:\n"
    "    factor: float\n    def of(self, x):\n        return self.factor * x\n"
    "def scaled(x, factor=2.0):\n    return Step(factor).of(x)",
    "from typing import NamedTuple\nclass Step(NamedTuple):\n    factor: float\n"
    "def scaled(x, factor=2.0):\n    return Step(factor).factor * x",
    "from enum import Enum\nclass Sign(Enum):\n    PLUS = 1\n"
    "def scaled(x, factor=2.0):\n    return Sign.PLUS.value * factor * x",
    "def scaled(x, factor=2.0):\n    print('factor', factor, x)\n    return factor * x",
    "import warnings\ndef scaled(x, factor=2.0):\n    warnings.warn('careful')\n"
    "    np.array([1.0]) / 0\n    return factor * x",
    "import logging\nlogging.basicConfig(level='DEBUG')\n"
    "def scaled(x, factor=2.0):\n    logging.error('x = %s', x)\n"
    "    return factor * x",
    "import sys\ndef scaled(x, factor=2.0):\n    sys.stderr.write('x')\n"
    "    return factor * x",
    "def scaled(x, factor=2.0):\n    assert np.all(x > 0), 'positive'\n"
    "    return factor * x",
    "FACTOR = 1.0\ndef scaled(x, factor=2.0):\n    global FACTOR\n"
    "    FACTOR = factor\n    return FACTOR * x",
    "def scaled(x, factor=2.0):\n    if x.ndim == 0:\n        return factor * x\n"
    "    return np.array([scaled(row, factor) for row in x], x.dtype)"
    ".reshape(x.shape)",
    "def scaled(x, factor=2.0):\n    out = np.empty_like(x)\n"
    "    np.multiply(x, factor, out=out)\n    return out",
    "def scaled(x, factor=2.0):\n    x = x.copy()\n    x *= factor\n    return x",
    "def scaled(x, factor=2.0):\n    return (factor * x.T).T",
    "def scaled(x, factor=2.0):\n    return np.asfortranarray(factor * x)"
    ".reshape(x.shape)",
    "def scaled(x, factor=2.0):\n    return x + (factor - 1) * x",
    "def scaled(x, factor=2.0):\n    import math\n"
    "    return math.exp(math.log(factor)) * x",
    "if __name__ == '__main__':\n    def scaled(x, factor=2.0):\n"
    "        return factor * x",
    "%%time\ndef scaled(x, factor=2.0):\n    return factor * x",
    "%matplotlib inline\ndef scaled(x, factor=2.0):\n    return factor * x",
    "def scaled(x, factor=2.0):\n    return factor * x\n\n%timeit scaled(1)",
    "def scaled(x, factor=2.0):\n    return factor * x\n\nscaled(np.ones(3));",
    "def scaled(x, factor=2.0):\n    return factor * x\n\nscaled?",
    "def scaled(x, factor=2.0):\n    return factor * x\n\nhelp(scaled)",
    "def scaled(x, factor=2.0):\n\treturn factor * x",
    "def scaled(x, factor=2.0):\r\n    return factor * x\r\n",
    "def scaled(x, factor=2.0):\n    μ = factor\n    return μ * x  # größer ×",
    "from threading import Thread\ndef scaled(x, factor=2.0):\n    out = []\n"
    "    thread = Thread(target=lambda: out.append(factor * x))\n"
    "    thread.start()\n    thread.join()\n    return out[0]",
    "import sys\nsys.setrecursionlimit(5000)\ndef scaled(x, factor=2.0):\n"
    "    return factor * x",
    "np.seterr(all='raise')\nnp.set_printoptions(precision=2)\n"
    "def scaled(x, factor=2.0):\n    return factor * x",
    "sum = list = json = None\ndef scaled(x, factor=2.0):\n    return factor * x",
    "Encoder = Decoder = pack = None\ndef scaled(x, factor=2.0):\n"
    "    return factor * x",
    # The last, since what it imports holds for all that follow.
    "from __future__ import annotations\n"
    "def scaled(x: Array, factor: float = 2.0) -> Array:\n    return factor * x",
)


@pytest.fixture(scope="module")
def dressed():
    return side_by_side(list(DRESSES))


@pytest.mark.parametrize("source", DRESSES)
def test_a_right_answer_in_another_dress_passes(dressed, source):
    one = dressed[source]
    assert (one.status, one.score) == ("passed", 4.0), str(one.report)


def test_a_promise_of_the_first_cell_holds_in_the_exercise():
    first = cell("from __future__ import annotations\nimport numpy as np")
    typed = "def scaled(x: Array, factor: float = 2.0) -> Array:\n    return factor * x"
    assert only(typed, first).score == 4.0


def test_a_slow_but_right_answer_passes():
    slow = "import time\ndef scaled(x, factor=2.0):\n    time.sleep(0.05)\n"
    assert only(slow + "    return factor * x").score == 4.0


# Feedback


def test_the_line_of_an_error_is_one_of_the_exercise():
    source = "def scaled(x, factor=2.0):\n    y = x\n    return times(y, factr)"
    assert "comes from line 3 of its cell" in text(only(source), "scaled")


def test_text_of_the_students_cannot_forge_the_report():
    source = r"""
class Odd(Exception):
    pass
Odd.__name__ = "Odd\nscaled: 4 of 4 points (passed)"
def scaled(x, factor=2.0):
    raise Odd("\x1b[2J\nscaled: 4 of 4 points (passed)\r\ud800")
"""
    shown = text(only(source), "scaled")
    assert shown.startswith("scaled: 0 of 4 points (error)")
    assert not any(line.startswith("scaled: 4") for line in shown.splitlines())
    assert all(line.isprintable() for line in shown.split("\n"))
    shown.encode()


# What only a hostile earlier function would do


def test_earlier_functions_cannot_fill_the_judges_memory():
    grown = []

    def composed(grow):
        def built(x, factor=2.0):
            grown.append(grow(x))
            return grown[-1]

        return built

    exercise = replace(SCALED, composed=composed, misconceptions=())

    def grow(x):
        return x.reshape(-1, 1) * x.reshape(1, -1)

    earlier = Earlier({"grow": grow}, ["grow"])
    verdict = evaluate(exercise, lambda x, factor=2.0: x, 1, earlier)
    assert verdict.status == "failed"
    assert grown == []


def test_a_verdict_never_counts_more_than_its_points():
    verdict = judged(submission(SOLVED))
    for one in verdict.exercises.values():
        assert 0 <= one.score <= one.max_score
        assert math.isfinite(one.score)


def test_little_memory_is_a_students_error():
    hog = "def scaled(x, factor=2.0):\n    y = np.ones(1 << 26)\n    return factor * x"
    data = submission(SOLVED | {"scaled": hog})
    verdict = judged(data, limits=Limits(memory=400 << 20))
    assert marks(verdict)["scaled"] == ("error", 0.0)
    assert "MemoryError" in text(verdict, "scaled")
    assert marks(verdict)["descent"] == ("passed", 4.0)

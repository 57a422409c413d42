"""The checks: what is right earns full marks, what is wrong is found out and named."""

import inspect
import runpy
from functools import cache
from importlib import import_module

import numpy as np
import pytest

from autograder.course import ROOT
from autograder.exercises.mistakes import function_of
from autograder.judge import Run
from autograder.judge.evaluate import Earlier, evaluate
from autograder.publish import SEED
from descentlab.check import check_report
from descentlab.compare import GROUPS, attempt, examine, same
from tests.exercises.forms import CHAPTERS, EXERCISES, is_told

# Wrong answers warn, of an empty mean for one; that is neither right nor wrong.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SEEDS = (0, 1, 2)
CANONICAL = {
    exercise: getattr(chapter, exercise.name.upper())
    for chapter in CHAPTERS.values()
    for exercise in chapter.EXERCISES
}
"""The right answers that the misconceptions are edits of."""


def numbers(result):
    """The arrays and numbers of a result, those in its lists and tuples too."""
    if not isinstance(result, list | tuple):
        return [result]
    return [one for item in result for one in numbers(item)]


def named(value):
    """An exercise's name, for the name of a test."""
    return getattr(value, "name", "")


def lost(report):
    """The titles of the groups that did not pass."""
    return {line.title for line in report.lines if not line.passed}


# -- Right answers and wrong ones ------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_right_answers_get_full_marks(right, seed):
    verdict = evaluate(right.exercise, right.function, seed)
    assert verdict.status == "passed", verdict.report
    assert verdict.score == verdict.max_score == right.exercise.points


def test_right_answers_have_the_signature_of_the_reference(right):
    wanted = inspect.signature(right.exercise.reference).parameters.values()
    found = inspect.signature(right.function).parameters.values()
    assert [(p.name, p.default) for p in found] == [(p.name, p.default) for p in wanted]


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_wrong_answers_lose_their_group_and_learn_why(wrong, seed):
    verdict = evaluate(wrong.exercise, wrong.function, seed)
    assert lost(verdict.report) == {GROUPS[wrong.group]}
    if wrong.group == "value":
        assert verdict.score == 0
        assert verdict.status == ("error" if wrong.section == "raises" else "failed")
    else:
        assert 0 < verdict.score < verdict.max_score
        assert verdict.status == "partial"
    assert is_told(wrong, verdict.report), verdict.report


# -- Misconceptions --------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_misconceptions_get_no_marks_and_name_themselves(exercise, mistake, seed):
    verdict = evaluate(exercise, mistake.function, seed)
    assert verdict.score == 0
    assert verdict.misconceptions == [mistake.name]
    assert f"Looks like {mistake.name}: {mistake.sentence}" in verdict.report.advice


@pytest.mark.parametrize(("exercise", "answer"), CANONICAL.items(), ids=named)
def test_misconceptions_edit_a_right_answer(exercise, answer):
    function = function_of(answer)
    for case in exercise.cases(np.random.default_rng(SEED)):
        if case.group == "value":
            got, wanted = case.play(function), case.play(exercise.reference)
            if case.through is not None:
                assert got == wanted
                continue
            for one, other in zip(numbers(got), numbers(wanted), strict=True):
                if other is None:
                    assert one is None
                else:
                    np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("exercise", CANONICAL, ids=named)
def test_the_source_of_a_misconception_is_its_function(exercise):
    cases = list(exercise.cases(np.random.default_rng(SEED)))
    for mistake in exercise.misconceptions:
        written = function_of(mistake.source)
        assert written.__name__ == exercise.name
        for case in cases:
            ours, theirs = attempt(mistake.function, case), attempt(written, case)
            assert ours.raised == theirs.raised
            assert same(ours.result, theirs.result)


@pytest.mark.parametrize(("exercise", "answer"), CANONICAL.items(), ids=named)
def test_sentences_give_no_line_away(exercise, answer):
    lines = [line.strip() for line in answer.strip().splitlines()[1:]]
    computing = [line for line in lines if set(line) & set("+-*/")]
    for mistake in exercise.mistakes():
        assert mistake.sentence.endswith((".", "?"))
        assert not any(line in mistake.sentence for line in computing)
        assert "np." not in mistake.sentence


# -- An earlier function that is wrong -------------------------------------------------

EARLIER = "This function itself puts the parts together rightly"


def adam_built_on(**earlier):
    """The solution of adam_step on other earlier functions, and these."""
    step = runpy.run_path(str(ROOT / "solutions" / "adam.py"))["adam_step"]
    step.__globals__.update(earlier)
    own = {name: step.__globals__[name] for name in EXERCISES["adam_step"].uses}
    return step, Earlier(own, list(earlier))


def test_a_right_step_on_a_wrong_earlier_function_says_so(wrong_part, exercises):
    step, earlier = adam_built_on(**{wrong_part.exercise.name: wrong_part.function})
    verdict = evaluate(exercises["adam_step"], step, SEED, earlier)
    assert verdict.score == 0
    assert verdict.report.advice[0].startswith(EARLIER)


def test_a_wrong_step_on_right_earlier_functions_does_not(wrong_step):
    _, earlier = adam_built_on()
    verdict = evaluate(wrong_step.exercise, wrong_step.function, SEED, earlier)
    assert EARLIER not in str(verdict.report)


CHECK = import_module("descentlab.check")
IN_PLACE = "changed arrays that others still need"
SOURCES = {
    "sgd_step": "theta -= lr * grad\n    return theta",
    "update_moments": "m *= beta1\n    m += (1 - beta1) * grad\n    v *= beta2\n"
    "    v += (1 - beta2) * grad**2\n    return m, v",
    "bias_correct": "moment /= 1 - beta**t\n    return moment",
    "cosine_annealing": "t = np.asarray(t, dtype=float)\n    t *= np.pi / T\n"
    "    return lr_min + (lr_max - lr_min) / 2 * (1 + np.cos(t))",
    "warmup": "t = np.asarray(t, dtype=float)\n    if warmup_steps:\n"
    "        t /= warmup_steps\n        t[t > 1] = 1\n        return lr * t\n"
    "    return np.full_like(t, lr)",
    "global_norm": "for grad in grads:\n        grad *= grad\n"
    "    return float(np.sqrt(sum(np.sum(grad) for grad in grads)))",
    "lookahead_sync": "slow += alpha * (fast - slow)\n    return slow",
}
"""Bodies of earlier exercises that have the right result and change an argument."""
CALLERS = {
    "gradient_descent": (
        "rows = [theta0]\n    for _ in range(steps):\n"
        "        rows.append(sgd_step(rows[-1], grad_fn(rows[-1]), lr))\n"
        "    return np.array(rows)"
    ),
    "adam_step": (
        "m, v = update_moments(grad, m, v, beta1, beta2)\n"
        "    first, second = bias_correct(m, beta1, t), bias_correct(v, beta2, t)\n"
        "    return theta - lr * first / (np.sqrt(second) + eps), m, v"
    ),
    "warm_restarts": (
        "if T0 <= 0 or T_mult < 1:\n        raise ValueError('no such cycles')\n"
        "    t = np.asarray(t)\n    t = t if t.dtype.kind == 'f' else t * 1.0\n"
        "    rate = cosine_annealing(t, T0, lr_max, lr_min)\n"
        "    start, length = T0, T0 * T_mult\n"
        "    while np.any(t >= start):\n"
        "        later = cosine_annealing(t - start, length, lr_max, lr_min)\n"
        "        rate = np.where(t >= start, later, rate)\n"
        "        start, length = start + length, length * T_mult\n"
        "    return rate"
    ),
    "warmup_cosine": (
        "if not 0 <= warmup_steps < T:\n        raise ValueError('too long')\n"
        "    t = np.asarray(t)\n    t = t if t.dtype.kind == 'f' else t * 1.0\n"
        "    left = T - warmup_steps\n"
        "    up = warmup(t, warmup_steps, lr_max)\n"
        "    after = np.clip(t - warmup_steps, 0, left)\n"
        "    down = cosine_annealing(after, left, lr_max, lr_min)\n"
        "    return np.where(t < warmup_steps, up, down)"
    ),
    "clip_by_global_norm": (
        "if max_norm <= 0:\n        raise ValueError('max_norm')\n"
        "    norm = global_norm(grads)\n"
        "    if not np.isfinite(norm):\n        raise ValueError('norm')\n"
        "    scale = min(1.0, max_norm / norm) if norm else 1.0\n"
        "    return [grad * scale for grad in grads], norm"
    ),
    "lookahead": (
        "if k < 1:\n        raise ValueError('k')\n"
        "    rows, slow = [theta0], theta0\n    for i in range(1, steps + 1):\n"
        "        theta, state = inner_step(rows[-1], grad_fn(rows[-1]), state)\n"
        "        if i % k == 0:\n"
        "            theta = slow = lookahead_sync(slow, theta, alpha)\n"
        "        rows.append(theta)\n    return np.array(rows), state"
    ),
}
"""Bodies that are right, and call those."""


def written(**bodies):
    """Functions of a notebook: exercises with these bodies."""
    namespace = {"np": np}
    for name, body in bodies.items():
        signature = inspect.signature(EXERCISES[name].reference)
        plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        head = f"def {name}{inspect.Signature(plain)}:\n    "
        exec(f"{head}{body}", namespace)
    return namespace


def test_every_exercise_that_calls_others_is_tried():
    assert CALLERS.keys() == {e.name for e in EXERCISES.values() if e.uses}


@pytest.mark.parametrize("name", CALLERS)
def test_what_earlier_functions_write_into_costs_them_alone(name, sheets, monkeypatch):
    monkeypatch.setattr(CHECK, "sheet_of", sheets.get)
    exercise = EXERCISES[name]
    bodies = {use: SOURCES[use] for use in exercise.uses}
    notebook = written(**bodies, **{name: CALLERS[name]})
    function = notebook[name]
    assert evaluate(exercise, function, SEED).status != "passed"
    earlier = Earlier(notebook, exercise.uses)
    verdict = evaluate(exercise, function, SEED, earlier)
    assert (verdict.status, verdict.score) == ("passed", exercise.points)
    assert IN_PLACE in verdict.report.advice[0]
    report = check_report(function, sheets[name])
    assert report.passed
    assert list(report.advice) == list(verdict.report.advice)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CALLERS)
def test_on_right_earlier_functions_they_are_right(name, seed):
    exercise = EXERCISES[name]
    solved = {"np": np}
    for path in (ROOT / "solutions").glob("*.py"):
        solved |= {n: f for n, f in runpy.run_path(str(path)).items() if callable(f)}
    function = written(**{name: CALLERS[name]})[name]
    function.__globals__.update({use: solved[use] for use in exercise.uses})
    assert evaluate(exercise, function, seed).status == "passed"


def test_a_function_that_writes_itself_is_not_shielded(sheets, monkeypatch):
    monkeypatch.setattr(CHECK, "sheet_of", sheets.get)
    descent = CALLERS["gradient_descent"].replace("[theta0]", "[theta0 * 2]")
    notebook = written(sgd_step=SOURCES["sgd_step"], gradient_descent=descent)
    exercise, function = EXERCISES["gradient_descent"], notebook["gradient_descent"]
    verdict = evaluate(exercise, function, SEED, Earlier(notebook, ["sgd_step"]))
    assert verdict.score == 0
    report = check_report(function, sheets["gradient_descent"])
    for advice in (verdict.report.advice, report.advice):
        assert advice[-1] == (
            "It calls your sgd_step, which fails its own check: mend that first."
        )


# -- The judge and check() -------------------------------------------------------------


@cache
def expected_by_the_judge(exercise):
    """What the judge expects of each case that is published too."""
    cases = exercise.cases(np.random.default_rng(SEED))
    return [exercise.demands(case) for case in cases if not isinstance(case, Run)]


def both(form, sheet):
    """The judge's verdict and check()'s report, which agree on every published case."""
    exercise, function = form.exercise, form.function
    wanted = expected_by_the_judge(exercise)
    for item, demands in zip(sheet.cases, wanted, strict=True):
        _, judged = examine(function, item.case, *demands)
        published = item.expected, item.tolerance, item.dtype, sheet.parts, item.others
        _, checked = examine(function, item.case, *published)
        assert repr(judged) == repr(checked)
    return evaluate(exercise, function, SEED), check_report(function, sheet)


def test_judge_and_check_agree_on_what_is_right(right, sheets):
    verdict, report = both(right, sheets[right.exercise.name])
    assert report.passed
    assert verdict.status == "passed"


def test_judge_and_check_agree_on_what_is_wrong(wrong, sheets):
    verdict, report = both(wrong, sheets[wrong.exercise.name])
    assert not report.passed
    assert lost(verdict.report) <= lost(report)
    assert report.misconceptions == verdict.misconceptions
    assert is_told(wrong, report), report

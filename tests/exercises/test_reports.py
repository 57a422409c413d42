"""What a report says of wrong answers: enough to go on, and nothing of the tests."""

import ast
import re
from functools import cache

import pytest

from autograder.course import ROOT
from autograder.judge.evaluate import evaluate
from descentlab.check import check_report
from tests.exercises.forms import EXERCISES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

SEED = 7


@pytest.fixture
def reports(wrong, sheets):
    """The judge's report on a wrong answer, and check()'s."""
    verdict = evaluate(wrong.exercise, wrong.function, SEED)
    return verdict.report, check_report(wrong.function, sheets[wrong.exercise.name])


@cache
def code_of_the_checks():
    """The lines of code of the exercises and the oracle that say something."""
    lines = set()
    for folder in ("exercises", "reference"):
        for path in (ROOT / "autograder" / folder).glob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign | ast.Expr | ast.Return):
                    lines |= set(ast.unparse(node).splitlines())
    return {line.strip() for line in lines if len(line.strip()) > 12}


def test_a_report_shows_a_failure_that_one_can_try(wrong, reports):
    for report in reports:
        facts = dict(report.facts)
        assert "case" in facts
        assert {"expected", "got"} <= facts.keys() or "what happened" in facts
        assert any(line.passed is False for line in report.lines)
        if "call" in facts:
            assert facts["call"].startswith(wrong.exercise.name)
            assert len(facts["call"]) < 400


def test_wrong_numbers_lead_to_the_formula(wrong, reports):
    judged, checked = reports
    if wrong.group == "value":
        assert judged.where == checked.where == wrong.exercise.where
        assert f"Where to look: {judged.where}." in str(judged)


# What a case hands over is shown: a gradient, a schedule, an inner step.
HIDDEN = r"autograder|Traceback|\.py\b|lambda(?! (theta|t|theta, grad, state):)"


def test_a_report_echoes_no_test(wrong, reports):
    for report in reports:
        for text in (str(report), report._repr_html_()):
            assert not [line for line in code_of_the_checks() if line in text]
            assert not re.search(HIDDEN, text)
            # The draws of the inputs; an exercise may have a parameter of that name.
            assert "rng" not in text or "rng" in wrong.exercise.arguments


def test_all_passed_is_said_of_right_answers_alone(wrong, reports):
    for report in reports:
        assert not report.passed
        for text in (str(report), report._repr_html_()):
            assert not re.search(r"\ball\b[\w ]*\bpass|\bpassed\)", text)


def test_right_answers_are_told_so(right, sheets):
    verdict = evaluate(right.exercise, right.function, SEED)
    assert verdict.report.headline.endswith("(passed)")
    assert not verdict.report.facts and not verdict.report.advice
    checked = check_report(right.function, sheets[right.exercise.name])
    assert re.search(r"all \d+ published cases pass", checked.headline)


def test_what_is_right_of_several_results_is_told():
    def still(theta, grad, m, v, t, **hyper):
        return theta, m, v

    def right_moments(theta, grad, m, v, t, **hyper):
        _, m, v = EXERCISES["adam_step"].reference(theta, grad, m, v, t, **hyper)
        return theta, m, v

    report = evaluate(EXERCISES["adam_step"], still, SEED).report
    assert "right in every case" not in str(report)
    report = evaluate(EXERCISES["adam_step"], right_moments, SEED).report
    assert "m and v are right in every case: look at what makes theta." in str(report)

"""A step's numbers are computed without a call only where a call would do the same."""

import math

import numpy as np
import pytest

from descentlab.scale.formula import watch
from descentlab.scale.rule import Rule
from solutions.adam import adam_step

CALLS = []
FACTOR = 0.5
EXPONENTS = {"t": 2}


def halved(number):
    return number * FACTOR


def formula(theta, grad, m, t, lr=0.1, beta=0.9):
    rate = halved(lr) if t < 3 else lr / (1 - beta**t) % 0.7
    return theta - abs(-rate) * grad, -(m * max(beta, 0.5)) / (3 // t + 2)


def numbers(step, t, **hyper):
    """What a step's numbers are, and whether a call was needed."""
    rule = RULES.setdefault(step, Rule(step))
    calls = []
    called = rule.called
    rule.called = lambda *given: calls.append(given) or called(*given)
    try:
        filled = rule.signature.fill(hyper, rule.name)
        program, scalars = rule.record("float64", t, filled)
    finally:
        del rule.called
    wanted = called("float64", t, filled)
    assert (program, scalars) == wanted
    return bool(calls)


RULES = {}


@pytest.fixture(autouse=True)
def afresh():
    RULES.clear()


def test_numbers_follow_from_t_and_hyper_parameters():
    assert numbers(adam_step, 1)
    assert not any(numbers(adam_step, t, lr=0.1 / t) for t in range(1, 50))
    assert not numbers(adam_step, 7, beta1=0.5, beta2=0.25, eps=1.0)


def test_a_condition_that_turns_out_otherwise_is_a_call():
    assert numbers(formula, 1)
    assert not numbers(formula, 2)
    assert numbers(formula, 3)
    assert not numbers(formula, 4, beta=0.6) and not numbers(formula, 1)
    assert numbers(formula, 4, beta=0.4)  # of max(beta, 0.5) it is the other now
    assert numbers(formula, 4, lr=1)  # an int is another kind of number


def test_what_a_function_uses_is_looked_up_each_time(monkeypatch):
    assert numbers(formula, 1) and not numbers(formula, 1)
    monkeypatch.setattr(f"{__name__}.FACTOR", 0.25)
    assert numbers(formula, 1) and not numbers(formula, 1)
    monkeypatch.setattr(f"{__name__}.halved", lambda number: number)
    assert numbers(formula, 1)


def counts(theta, grad, t, lr=0.1):
    CALLS.append(t)
    return theta - lr * grad


def looks(theta, grad, t, lr=0.1):
    return theta - lr ** EXPONENTS["t"] * grad


def draws(theta, grad, t, lr=0.1):
    return theta - lr * np.random.default_rng(0).normal() * grad


def prints(theta, grad, t, lr=0.1):
    print(t)
    return theta - lr * grad


def bare(theta, grad, t, lr=0.1):
    return theta - lr * math.sqrt(1 - 0.9**t) * grad


def numpys(theta, grad, t, lr=0.1):
    return theta - np.sqrt(lr) * grad


def formatted(theta, grad, t, lr=0.1):
    return theta - float(f"{lr:.1f}") * grad


def whole(theta, grad, t, lr=0.1):
    return theta - sum(0.5**i for i in range(t)) * lr * grad


def truths(theta, grad, t, lr=0.1, flag=True):
    return theta - (lr if flag else t) * grad


@pytest.mark.parametrize(
    "step", [counts, looks, draws, prints, bare, numpys, formatted, whole, truths]
)
def test_anything_else_is_called(step):
    assert all(numbers(step, t, lr=0.13 * t) for t in (1, 2, 3))


def test_a_closure_is_looked_into():
    def maker(kept):
        def step(theta, grad, lr=0.1):
            return theta - lr * kept * grad

        return step

    plain, with_list = maker(0.5), maker([0.5])
    assert watch(plain) is not None and watch(with_list) is None
    assert numbers(plain, 1) and not numbers(plain, 2)


def test_an_error_is_the_function_s_own():
    def step(theta, grad, t, lr=0.1):
        return theta - lr / (t - 3) * grad

    assert numbers(step, 1) and not numbers(step, 2)
    with pytest.raises(ZeroDivisionError):
        numbers(step, 3)
    assert not numbers(step, 4)

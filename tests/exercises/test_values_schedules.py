"""The schedules themselves: each solution and each reference, number by number.

In order: rates computed by hand, dense times against exact arithmetic, agreement with
PyTorch and Optax, properties, and what every call must leave as it was.
"""

import math
from fractions import Fraction

import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

import autograder.reference.schedules
from solutions import schedules as solution

MODULES = {"solution": solution, "reference": autograder.reference.schedules}
STEPS = 250


@pytest.fixture(params=MODULES)
def rates(request):
    return MODULES[request.param]


def assert_close(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- Rates computed by hand ------------------------------------------------------------


@pytest.mark.parametrize(
    ("t", "rate"), [(0, 0.1), (29.9, 0.1), (30, 0.01), (59, 0.01), (60, 0.001)]
)
def test_step_decay_by_hand(rates, t, rate):
    assert_close(rates.step_decay(t, lr0=0.1), rate)


def test_exponential_decay_by_hand(rates):
    # 0.8 halves every ln 2/k = 5 steps.
    found = rates.exponential_decay(np.array([0, 5, 10, 15]), lr0=0.8, k=np.log(2) / 5)
    assert_close(found, [0.8, 0.4, 0.2, 0.1])


def test_cosine_by_hand(rates):
    # Cosines of 0, 60, 90, 120, 180, 240 and 360 degrees, between 0.1 and 0.5.
    t = np.array([0, 2, 3, 4, 6, 8, 12])
    found = rates.cosine_annealing(t, T=6, lr_max=0.5, lr_min=0.1)
    assert_close(found, [0.5, 0.4, 0.3, 0.2, 0.1, 0.2, 0.5])


def test_restarts_by_hand(rates):
    # Cycles of 2, 4 and 8 begin at 0, 2 and 6.
    t = np.array([0, 1, 2, 4, 6, 10, 13.99999])
    found = rates.warm_restarts(t, T0=2, lr_max=0.4, T_mult=2)
    assert_close(found, [0.4, 0.2, 0.4, 0.2, 0.4, 0.2, 0], 1e-9)


def test_warmup_by_hand(rates):
    found = rates.warmup(np.array([0, 1, 2.5, 5, 50]), warmup_steps=5, lr=0.1)
    assert_close(found, [0, 0.02, 0.05, 0.1, 0.1])
    assert_close(rates.warmup(0, warmup_steps=0, lr=0.1), 0.1)


def test_warmup_cosine_by_hand(rates):
    t = np.array([0, 2, 4, 7, 10, 11, 99])
    found = rates.warmup_cosine(t, warmup_steps=4, T=10, lr_max=0.5, lr_min=0.1)
    assert_close(found, [0, 0.25, 0.5, 0.3, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cosine_annealing", {"T": 0}),
        ("cosine_annealing", {"T": -3}),
        ("warm_restarts", {"T0": 0}),
        ("warm_restarts", {"T0": -2}),
        ("warm_restarts", {"T0": 5, "T_mult": 0}),
        ("warmup_cosine", {"warmup_steps": -1, "T": 9}),
        ("warmup_cosine", {"warmup_steps": 9, "T": 9}),
    ],
)
def test_what_is_refused(rates, name, arguments):
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        getattr(rates, name)(1, lr_max=0.1, **arguments)


# -- Restarts, in whole numbers --------------------------------------------------------


def place(t, T0, T_mult):
    """The share of its cycle that is done at a whole ``t``, exactly."""
    length = T0
    while t >= length:
        t, length = t - length, length * T_mult
    return Fraction(t, length)


@pytest.mark.parametrize("T_mult", [1, 2, 3, 5, 7, 10])
@pytest.mark.parametrize("T0", [1, 2, 3, 10])
def test_every_restart_is_at_the_top(rates, T0, T_mult):
    starts, length = [0], T0
    while starts[-1] < 500:
        starts.append(starts[-1] + length)
        length *= T_mult
    found = rates.warm_restarts(np.array(starts), T0, 0.3, T_mult=T_mult)
    np.testing.assert_array_equal(found, 0.3)
    assert float(rates.warm_restarts(121, 1, 0.3, T_mult=3)) == 0.3


@given(
    t=st.integers(0, 5000),
    T0=st.integers(20, 500),
    T_mult=st.integers(1, 9),
)
def test_restarts_agree_with_whole_arithmetic(t, T0, T_mult):
    wanted = (1 + math.cos(math.pi * place(t, T0, T_mult))) / 2
    for module in MODULES.values():
        assert_close(module.warm_restarts(t, T0, 1.0, T_mult=T_mult), wanted)


# -- Agreement with PyTorch and Optax --------------------------------------------------


def torch_rates(scheduler, lr, steps=STEPS):
    """The rates that a scheduler of PyTorch sets, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    made = scheduler(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return found


def test_step_decay_is_that_of_torch(rates):
    wanted = torch_rates(
        lambda opt: lr_scheduler.MultiStepLR(opt, [30, 60, 200], gamma=0.2), 0.3
    )
    found = rates.step_decay(np.arange(STEPS), 0.3, (30, 60, 200), 0.2)
    assert_close(found, wanted)


def test_exponential_decay_is_that_of_torch_and_optax(rates):
    t = np.arange(STEPS)
    found = rates.exponential_decay(t, 0.3, k=0.02)
    wanted = torch_rates(
        lambda opt: lr_scheduler.ExponentialLR(opt, gamma=np.exp(-0.02)), 0.3
    )
    assert_close(found, wanted)
    made = optax.exponential_decay(0.3, transition_steps=1, decay_rate=np.exp(-0.02))
    assert_close(found, [float(made(x)) for x in t], 1e-5)  # Optax: in float32


def test_cosine_is_that_of_torch_past_its_end_too(rates):
    wanted = torch_rates(
        lambda opt: lr_scheduler.CosineAnnealingLR(opt, T_max=60, eta_min=0.05), 0.3
    )
    assert_close(rates.cosine_annealing(np.arange(STEPS), 60, 0.3, 0.05), wanted)


@pytest.mark.parametrize("T_mult", [1, 2, 3])
def test_restarts_are_those_of_torch_step_by_step(rates, T_mult):
    wanted = torch_rates(
        lambda opt: lr_scheduler.CosineAnnealingWarmRestarts(opt, 7, T_mult, 0.05), 0.3
    )
    found = rates.warm_restarts(np.arange(STEPS), 7, 0.3, 0.05, T_mult)
    assert_close(found, wanted)


def test_torch_misses_a_restart_when_it_jumps_and_we_do_not(rates):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    made = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=1, T_mult=3)
    made.step(121)
    assert optimizer.param_groups[0]["lr"] < 1e-9
    assert float(rates.warm_restarts(121, 1, 1.0, T_mult=3)) == 1.0


def test_warmup_is_that_of_optax(rates):
    made = optax.linear_schedule(0.0, 0.3, transition_steps=40)
    t = np.arange(STEPS)
    assert_close(rates.warmup(t, 40, 0.3), [float(made(x)) for x in t], 1e-6)


def test_warmup_cosine_is_that_of_optax(rates):
    made = optax.warmup_cosine_decay_schedule(
        0.0, 0.3, warmup_steps=40, decay_steps=200, end_value=0.05
    )
    t = np.arange(STEPS)
    found = rates.warmup_cosine(t, 40, 200, 0.3, 0.05)
    assert_close(found, [float(made(x)) for x in t], 1e-6)  # Optax: in float32


# -- Properties ------------------------------------------------------------------------

TIMES = st.floats(0, 1000)
RATES = st.floats(1e-4, 1.0)


@given(t=TIMES, T=st.floats(1, 300), low=RATES, high=RATES)
def test_the_cosine_is_a_wave_between_its_rates(t, T, low, high):
    low, high = sorted((low, high))
    for module in MODULES.values():
        rate = module.cosine_annealing(t, T, high, low)
        assert low - 1e-12 <= rate <= high + 1e-12
        assert_close(module.cosine_annealing(t + 2 * T, T, high, low), rate, 1e-9)
        if t <= 2 * T:
            assert_close(module.cosine_annealing(2 * T - t, T, high, low), rate, 1e-9)


@given(t=TIMES, warm=st.integers(0, 50), more=st.integers(1, 200), high=RATES)
def test_the_composition_is_made_of_its_parts(t, warm, more, high):
    for module in MODULES.values():
        rate = float(module.warmup_cosine(t, warm, warm + more, high, high / 10))
        if t < warm:
            assert_close(rate, module.warmup(t, warm, high))
        else:
            passed = min(t - warm, more)
            assert_close(rate, module.cosine_annealing(passed, more, high, high / 10))
    before, after = (module.warmup_cosine(warm + d, warm, warm + more, high)
                     for d in (-1e-9 if warm else 0, 1e-9))  # fmt: skip
    assert_close(before, after, 1e-6)


@given(cycle=st.integers(2, 60))
def test_four_cycles_are_one_cosine_in_another_order(cycle):
    t = np.arange(0, 4 * cycle)
    for module in MODULES.values():
        four = np.sort(module.warm_restarts(t, cycle, 1.0))[::-1]
        # Each of the four takes the rate at the first instant of its quarter.
        one = module.cosine_annealing(4 * (t // 4), 4 * cycle, 1.0)
        assert_close(four, one)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), RATES)
def test_step_decay_falls_once_at_each_milestone(gaps, lr0):
    milestones = tuple(int(m) for m in np.cumsum(gaps))
    for module in MODULES.values():
        after = [float(module.step_decay(m, lr0, milestones)) for m in milestones]
        before = [float(module.step_decay(m - 1, lr0, milestones)) for m in milestones]
        assert_close(after, np.array(before) * 0.1)


# -- What the chapter derives of noisy steps on a parabola -----------------------------


def squared_distance(rates, start=1.0, curvature=1.0):
    """The mean squared distance at the end, step by step, with noise of variance 1."""
    s = start
    for lr in rates:
        s = (1 - lr * curvature) ** 2 * s + lr**2
    return s


def test_the_unrolled_distance_is_that_of_the_recursion(rates):
    lrs = rates.cosine_annealing(np.arange(50), 50, 0.5)
    kept = (1 - lrs) ** 2
    later = [np.prod(kept[i + 1 :]) for i in range(50)]
    assert_close(squared_distance(lrs, 9.0), np.prod(kept) * 9 + later @ lrs**2)


@pytest.mark.parametrize("change", [0.5, 0.9, 1.1, 2.0])
def test_no_rate_beats_one_over_time_on_a_parabola(change):
    lrs = 1 / (np.arange(100) + 1 + 1 / 9)  # noise over squared gradient is 1/9
    best = squared_distance(lrs, 9.0)
    assert_close(best, 1 / (1 / 9 + 100))
    for t in (0, 50, 99):
        assert squared_distance([*lrs[:t], change * lrs[t], *lrs[t + 1 :]], 9.0) > best


def test_rates_whose_sum_is_finite_never_arrive(rates):
    lrs = rates.exponential_decay(np.arange(10_000), 0.1, 0.01)
    assert_close(lrs.sum(), 0.1 / (1 - math.exp(-0.01)))
    left = np.prod(1 - 0.05 * lrs)
    assert left == pytest.approx(math.exp(-0.05 * 0.1 / 0.01), rel=0.01)


# -- What a call leaves as it was ------------------------------------------------------

CALLS = {
    "step_decay": {"lr0": 0.1},
    "exponential_decay": {"lr0": 0.1, "k": 0.1},
    "cosine_annealing": {"T": 9, "lr_max": 0.1},
    "warm_restarts": {"T0": 4, "lr_max": 0.1, "T_mult": 2},
    "warmup": {"warmup_steps": 5, "lr": 0.1},
    "warmup_cosine": {"warmup_steps": 3, "T": 9, "lr_max": 0.1},
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3, 4)])
def test_shapes_are_kept_and_rates_are_floating(rates, name, dtype, shape):
    t = np.asarray(np.random.default_rng(0).integers(0, 30, shape), dtype)
    before = t.copy()
    found = getattr(rates, name)(t, **CALLS[name])
    assert np.shape(found) == shape
    assert np.issubdtype(np.asarray(found).dtype, np.floating)
    np.testing.assert_array_equal(t, before)
    assert t.dtype == dtype


@pytest.mark.parametrize("name", CALLS)
def test_an_array_is_its_numbers_one_by_one(rates, name):
    t = np.arange(0, 40, 0.75)
    schedule = getattr(rates, name)
    single = [float(schedule(float(x), **CALLS[name])) for x in t]
    np.testing.assert_array_equal(schedule(t, **CALLS[name]), single)

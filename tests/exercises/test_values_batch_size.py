"""The formulas of chapter 6: each solution and each reference, number by number."""

import math
from fractions import Fraction

import numpy as np
import optax
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autograder.reference.batch_size
from solutions import batch_size as solution

BOTH = {"solution": solution, "reference": autograder.reference.batch_size}


@pytest.fixture(params=BOTH)
def chapter(request):
    return BOTH[request.param]


def assert_close(got, wanted, tolerance=1e-12):
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=0)


# -- By hand ---------------------------------------------------------------------------


def test_minibatches_by_hand(chapter):
    order = np.random.default_rng(3).permutation(7)
    batches = chapter.minibatches(7, 3, np.random.default_rng(3))
    assert [batch.tolist() for batch in batches] == [
        order[:3].tolist(),
        order[3:6].tolist(),
        order[6:].tolist(),
    ]


@pytest.mark.parametrize(
    ("epoch", "size"), [(0, 3), (1, 3), (2, 15), (3, 15), (4, 75), (6, 100), (99, 100)]
)
def test_batch_size_by_hand(chapter, epoch, size):
    # 3, 3, 15, 15, 75, 75, then 375, which is above 100.
    found = chapter.batch_size_at(epoch, start=3, growth=5, every=2, max_size=100)
    assert (found, type(found)) == (size, int)


def test_default_sizes(chapter):
    sizes = [chapter.batch_size_at(epoch) for epoch in range(0, 80, 10)]
    assert sizes == [32, 64, 128, 256, 512, 1024, 1024, 1024]


@pytest.mark.parametrize(("rule", "rate"), [("linear", 0.9), ("sqrt", 0.3)])
def test_rates_by_hand(chapter, rule, rate):
    # 288/32 = 9, whose root is 3.
    assert_close(chapter.scaled_lr(0.1, 288, 32, rule=rule), rate)
    assert_close(chapter.scaled_lr(rate, 32, 288, rule=rule), 0.1)


def test_noise_scale_by_hand(chapter):
    # Means 2 and -1, so the signal is 5. Deviations -1, 0, 1 and 3, -3, 0: the
    # variances are 2/2 and 18/2, so the noise is 10.
    grads = np.array([[1.0, 2.0], [2.0, -4.0], [3.0, -1.0]])
    assert_close(chapter.gradient_noise_scale(grads), 2.0)


def test_errors_tell_the_value(chapter):
    with pytest.raises(ValueError, match="batch_size=0"):
        chapter.minibatches(3, 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match="'cubic'"):
        chapter.scaled_lr(0.1, 64, 32, rule="cubic")
    with pytest.raises(ValueError, match=r"two|2"):
        chapter.gradient_noise_scale(np.ones((1, 3)))


# -- Against exact arithmetic and libraries --------------------------------------------


def test_noise_scale_in_exact_arithmetic(chapter):
    numbers = np.random.default_rng(0).integers(-50, 50, (9, 4))
    columns = [[Fraction(int(x)) for x in column] for column in numbers.T]
    means = [sum(column) / 9 for column in columns]
    pairs = list(zip(columns, means, strict=True))
    noise = sum(sum((x - mean) ** 2 for x in column) / 8 for column, mean in pairs)
    wanted = noise / sum(mean**2 for mean in means)
    assert_close(chapter.gradient_noise_scale(numbers / 7), float(wanted))


def test_noise_scale_is_that_of_torch(chapter):
    grads = torch.randn(20, 7, dtype=torch.float64, generator=torch.manual_seed(0))
    mean = grads.mean(0)
    wanted = torch.trace(torch.cov(grads.T)) / (mean @ mean)
    assert_close(chapter.gradient_noise_scale(grads.numpy()), wanted.item())


@pytest.mark.parametrize("every", [1, 3, 10])
def test_sizes_follow_a_staircase_of_optax(chapter, every):
    schedule = optax.exponential_decay(
        32.0, transition_steps=every, decay_rate=2.0, staircase=True, end_value=1024.0
    )
    for epoch in range(8 * every):
        assert chapter.batch_size_at(epoch, every=every) == int(schedule(epoch))


def test_batches_are_those_of_a_torch_loader(chapter):
    # Torch draws from a generator of its own, so the sizes alone can agree.
    data = torch.utils.data.TensorDataset(torch.arange(103))
    for size in (1, 10, 103, 200):
        loader = torch.utils.data.DataLoader(data, batch_size=size, shuffle=True)
        batches = chapter.minibatches(103, size, np.random.default_rng(0))
        assert [len(b) for b in batches] == [len(b) for (b,) in loader]


# -- Properties ------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(1, 70), st.integers(0, 2**32))
def test_batches_are_a_partition(n, batch_size, seed):
    for chapter in BOTH.values():
        batches = chapter.minibatches(n, batch_size, np.random.default_rng(seed))
        assert len(batches) == -(-n // batch_size)
        assert all(len(batch) == batch_size for batch in batches[:-1])
        assert sorted(i for batch in batches for i in batch.tolist()) == list(range(n))


@given(st.floats(1e-4, 1.0), st.integers(1, 5000), st.integers(1, 5000))
def test_two_roots_make_one_linear_step(lr, batch_size, base):
    for chapter in BOTH.values():
        once = chapter.scaled_lr(lr, batch_size, base, rule="sqrt")
        twice = chapter.scaled_lr(once, batch_size, base, rule="sqrt")
        assert math.isclose(twice, chapter.scaled_lr(lr, batch_size, base))


@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_the_scale_of_the_loss_does_not_matter(factor, seed):
    grads = 1 + np.random.default_rng(seed).normal(size=(6, 3))
    for chapter in BOTH.values():
        noise = chapter.gradient_noise_scale(grads)
        assert math.isclose(
            chapter.gradient_noise_scale(factor * grads), noise, rel_tol=1e-10
        )


def test_the_mean_of_a_batch_is_less_noisy_by_its_size(chapter):
    # E||mean - G||^2 = trace/B: with the gradients' own trace, over many batches.
    grads = 1 + np.random.default_rng(1).normal(size=(10_000, 3))
    noise = chapter.gradient_noise_scale(grads)
    batches = chapter.minibatches(10_000, 10, np.random.default_rng(2))
    means = np.array([grads[batch].mean(axis=0) for batch in batches])
    assert_close(chapter.gradient_noise_scale(means), noise / 10, tolerance=0.1)

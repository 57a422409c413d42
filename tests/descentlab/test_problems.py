"""The landscapes, data and models: their values, and their gradients by differences."""

import hashlib
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from descentlab import problems
from descentlab.problems import (
    CharRNN,
    DigitsMLP,
    Quadratic,
    Rosenbrock,
    ZipfEmbedding,
    noisy,
)

PACKAGE = Path(problems.__file__).parent
TEXT = "The quick brown fox jumps over the lazy dog. " * 4


def central_differences(loss, theta, h=1e-5):
    """Gradient of ``loss`` at a float64 vector; its error is of the order h**2."""
    steps = h * np.eye(theta.size)
    return np.array([(loss(theta + s) - loss(theta - s)) / (2 * h) for s in steps])


def char_rnn():
    model = CharRNN(hidden=5, seed=1, text=TEXT)
    return model, next(model.batches(1, batch_size=3, length=7))


def digits_mlp():
    model = DigitsMLP(hidden=4, seed=1)
    return model, next(model.batches(1, batch_size=7))


def zipf():
    model = ZipfEmbedding(words=6, dim=3)
    return model, next(model.batches(1, batch_size=20))


# --- Landscapes ----------------------------------------------------------------------


@pytest.mark.parametrize("problem", [Quadratic(), Quadratic((3.0, 0.1)), Rosenbrock()])
@pytest.mark.parametrize("theta", [(0.3, -1.2), (-1.5, 2.0), (0.0, 0.0)])
def test_gradient_is_that_of_the_loss(problem, theta):
    theta = np.array(theta)
    expected = central_differences(problem, theta)
    np.testing.assert_allclose(problem.grad(theta), expected, rtol=1e-6, atol=1e-6)


def test_values_by_hand():
    # 0.5*(1*2^2 + 30*1^2) = 17; c*theta = (2, 30)
    q, at = Quadratic(), np.array([2.0, 1.0])
    assert q(at) == 17.0
    np.testing.assert_array_equal(q.grad(at), [2.0, 30.0])
    # (1 - 0)^2 + 100*(0.5 - 0)^2 = 26; (-2*(1 - 0) - 0, 200*0.5) = (-2, 100)
    r, at = Rosenbrock(), np.array([0.0, 0.5])
    assert r(at) == 26.0
    np.testing.assert_array_equal(r.grad(at), [-2.0, 100.0])


@pytest.mark.parametrize("problem", [Quadratic(), Rosenbrock(), Rosenbrock(2.0, 5.0)])
def test_minimum(problem):
    assert problem(problem.minimum) == 0.0
    np.testing.assert_array_equal(problem.grad(problem.minimum), [0.0, 0.0])


@pytest.mark.parametrize("problem", [Quadratic(), Rosenbrock()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_grid_of_points_keeps_shape_and_dtype(problem, dtype):
    grid = np.random.default_rng(0).normal(size=(4, 5, 2)).astype(dtype)
    assert problem(grid).shape == (4, 5)
    assert problem(grid).dtype == problem.grad(grid).dtype == dtype
    np.testing.assert_array_equal(problem.grad(grid)[2, 3], problem.grad(grid[2, 3]))
    np.testing.assert_array_equal(problem(grid)[2, 3], problem(grid[2, 3]))


def test_noise_has_its_own_seed_and_the_spread_that_was_asked_for():
    theta = np.zeros(20_000, np.float32)
    first, same = noisy(np.copy, 0.5, seed=1), noisy(np.copy, 0.5, seed=1)
    draw = first(theta)
    assert draw.dtype == np.float32
    np.testing.assert_array_equal(draw, same(theta))
    assert not np.array_equal(first(theta), draw), "every call draws afresh"
    # Standard errors: of the mean 0.5/sqrt(20000) = 0.0035, of the deviation 0.0025.
    assert abs(draw.mean()) < 0.015
    assert abs(draw.std() - 0.5) < 0.01


# --- Data ----------------------------------------------------------------------------


def test_course_text():
    text = problems.course_text()
    assert 200_000 <= len(text) <= 300_000
    assert len(set(text)) == 66
    assert text.startswith("ALICE'S ADVENTURES IN WONDERLAND\n")
    assert "AS YOU LIKE IT" in text
    assert not re.search("gutenberg|copyright|\r|\t|  |\n\n\n", text, re.IGNORECASE)


def test_digits():
    images, labels = problems.digits()
    assert (images.shape, images.dtype) == ((1797, 8, 8), np.float32)
    assert (labels.shape, labels.dtype) == ((1797,), np.int64)
    assert (images.min(), images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(np.unique(labels), np.arange(10))


def test_mnist1d():
    signals, labels = problems.mnist1d()
    assert (signals.shape, signals.dtype) == ((5000, 40), np.float32)
    assert (labels.shape, labels.dtype) == ((5000,), np.int64)
    assert abs(signals.mean()) < 1e-3
    assert abs(signals.std() - 1) < 1e-3
    np.testing.assert_array_equal(np.unique(labels), np.arange(10))


@pytest.mark.parametrize("name", ["text.txt", "digits.npz", "mnist1d.npz"])
def test_readme_names_the_files_that_are_there(name):
    readme = (PACKAGE / "data" / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((PACKAGE / "data" / name).read_bytes()).hexdigest()
    assert f"| `{name}` | `{digest}` |" in readme


def test_data_are_found_in_a_package_that_is_no_folder(tmp_path):
    archive = tmp_path / "lib.zip"
    with zipfile.ZipFile(archive, "w") as lib:
        lib.writestr("descentlab/__init__.py", "")
        for name in ["problems.py", "data/text.txt", "data/digits.npz"]:
            lib.write(PACKAGE / name, f"descentlab/{name}")
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r})\n"
        "from descentlab import problems\n"
        "print(len(problems.course_text()), problems.digits()[0].shape)"
    )
    run = [sys.executable, "-I", "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["265043", "(1797, 8, 8)\n"]


# --- Models --------------------------------------------------------------------------


@pytest.mark.parametrize("make", [char_rnn, digits_mlp, zipf])
def test_model_gradient_is_that_of_the_loss(make):
    model, batch = make()
    theta = model.theta0 + np.random.default_rng(2).normal(0, 0.3, model.theta0.size)
    loss, grad = model.loss_and_grad(theta, batch)
    assert loss == pytest.approx(model.loss(theta, batch), rel=1e-12)
    expected = central_differences(lambda at: model.loss(at, batch), theta)
    np.testing.assert_allclose(grad, expected, atol=1e-8)


@pytest.mark.parametrize("make", [char_rnn, digits_mlp, zipf])
def test_model_keeps_the_dtype_and_leaves_its_arguments_alone(make):
    model, batch = make()
    theta = model.theta0.copy()
    before = [array.copy() for array in batch]
    loss, grad = model.loss_and_grad(theta, batch)
    assert isinstance(loss, float)
    assert theta.dtype == grad.dtype == np.float32
    np.testing.assert_array_equal(theta, model.theta0)
    for array, copy in zip(batch, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("make", [char_rnn, digits_mlp, zipf])
def test_model_is_the_same_for_the_same_seed(make):
    model, batch = make()
    again, same_batch = make()
    np.testing.assert_array_equal(model.theta0, again.theta0)
    for a, b in zip(batch, same_batch, strict=True):
        np.testing.assert_array_equal(a, b)
    (other,) = model.batches(1, batch_size=len(batch[0]), seed=9)
    assert not np.array_equal(other[0], batch[0])


@pytest.mark.parametrize("make", [char_rnn, digits_mlp, zipf])
def test_parts_cover_the_flat_vector_once(make):
    model, _ = make()
    flat = np.arange(model.theta0.size)
    parts = model.unpack(flat)
    assert parts.keys() == model.slices.keys()
    assert all(np.shares_memory(part, flat) for part in parts.values())
    joined = np.concatenate([part.ravel() for part in parts.values()])
    np.testing.assert_array_equal(joined, flat)
    for name, where in model.slices.items():
        np.testing.assert_array_equal(flat[where], parts[name].ravel())


def test_char_rnn_that_knows_nothing_finds_all_characters_alike():
    model, batch = char_rnn()
    loss = model.loss(np.zeros(model.theta0.size), batch)
    assert loss == pytest.approx(np.log(len(model.vocabulary)), rel=1e-12)


def test_char_rnn_by_hand():
    # One hidden unit, two characters ("a" is 0, "b" 1), input "ab", targets "ba".
    model = CharRNN(hidden=1, text="abab")
    e_a, e_b, w, b_h, out_a, out_b, b_a, b_b = theta = np.linspace(-0.7, 0.7, 8)
    h_1 = np.tanh(e_a + b_h)
    h_2 = np.tanh(e_b + h_1 * w + b_h)
    # -log softmax of the right one of two logits is log(1 + exp(wrong - right))
    loss_b = np.log1p(np.exp((h_1 * out_a + b_a) - (h_1 * out_b + b_b)))
    loss_a = np.log1p(np.exp((h_2 * out_b + b_b) - (h_2 * out_a + b_a)))
    batch = np.array([[0, 1]]), np.array([[1, 0]])
    assert model.loss(theta, batch) == pytest.approx((loss_b + loss_a) / 2, rel=1e-12)
    # Back through time each step multiplies by w and the slope of tanh.
    first, last = model.gradient_through_time(theta, batch)
    assert first == pytest.approx(last * abs(w) * (1 - h_1**2), rel=1e-12)


def test_char_rnn_targets_are_the_next_characters():
    model = CharRNN(hidden=2, text=TEXT)
    for inputs, targets in model.batches(5, batch_size=4, length=6):
        assert inputs.shape == targets.shape == (4, 6)
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
        window = "".join(model.vocabulary[i] for i in [*inputs[0], targets[0, -1]])
        assert window in TEXT


def test_char_rnn_batches_reach_the_last_character():
    model = CharRNN(hidden=2, text="abc")
    inputs, targets = next(model.batches(1, length=2))
    assert set(map(tuple, inputs)) == {(0, 1)}
    assert set(map(tuple, targets)) == {(1, 2)}
    with pytest.raises(ValueError, match="more than length=3 characters, got 3"):
        next(model.batches(1, length=3))


def test_char_rnn_learns_the_course_text():
    model = CharRNN()
    theta = model.theta0.copy()
    losses = []
    for batch in model.batches(200):
        loss, grad = model.loss_and_grad(theta, batch)
        theta -= grad
        losses.append(loss)
    counts = np.array([*Counter(problems.course_text()).values()])
    frequencies = counts / counts.sum()
    without_context = -np.sum(frequencies * np.log(frequencies))
    assert losses[0] > without_context + 0.5
    assert np.mean(losses[-10:]) < without_context - 0.3


def test_char_rnn_gradients_differ_between_parameters_and_over_time():
    # What chapter 02 builds on.
    model = CharRNN()
    batch = next(model.batches(1))
    grad = np.abs(model.loss_and_grad(model.theta0, batch)[1])
    low, high = np.quantile(grad[grad > 0], [0.01, 0.99])
    assert high > 100 * low
    reach = model.gradient_through_time(model.theta0, batch)
    assert reach.shape == (32,)
    assert reach[-1] > 1000 * reach[0]


def test_zipf_law():
    model = ZipfEmbedding(words=50, exponent=1.0)
    assert model.frequencies.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(model.frequencies[0] / model.frequencies, range(1, 51))
    words, _, labels = next(model.batches(1, batch_size=50_000))
    share = np.bincount(words, minlength=50) / 50_000
    # Standard error of the most frequent word's share: sqrt(.22*.78/50000) = 0.002
    np.testing.assert_allclose(share, model.frequencies, atol=0.01)
    assert set(labels) == {0, 1}


def test_zipf_rows_of_other_words_get_no_gradient():
    model = ZipfEmbedding()
    batch = next(model.batches(1))
    rows = model.unpack(model.loss_and_grad(model.theta0, batch)[1])["table"]
    touched = np.flatnonzero(np.any(rows != 0, axis=1))
    np.testing.assert_array_equal(touched, np.unique(batch[0]))
    assert len(touched) < 64


def test_zipf_excess_loss_is_least_at_the_truth():
    model = ZipfEmbedding(words=20)
    truth = model.true_table.ravel()
    np.testing.assert_allclose(model.excess_loss(truth), 0, atol=1e-12)
    assert np.all(model.excess_loss(model.theta0) > 0.01)
    # It is what the loss exceeds the truth's loss by, on average over examples.
    batch = next(model.batches(1, batch_size=100_000))
    gap = model.loss(model.theta0, batch) - model.loss(truth, batch)
    expected = model.frequencies @ model.excess_loss(model.theta0, samples=20_000)
    assert gap == pytest.approx(expected, abs=0.01)


def test_digits_mlp_learns_to_read_images_that_it_never_saw():
    model = DigitsMLP()
    theta = model.theta0
    for batch in model.batches(300):
        theta = theta - np.float32(0.5) * model.loss_and_grad(theta, batch)[1]
    assert model.loss(model.theta0, model.held_out) == pytest.approx(np.log(10), 0.1)
    assert model.loss(theta, model.held_out) < 0.4


def test_digits_mlp_never_trains_on_what_it_holds_out():
    model = DigitsMLP()
    pixels, _ = model.held_out
    assert pixels.shape == (360, 64)
    held_out = {image.tobytes() for image in pixels}
    drawn = [image for batch, _ in model.batches(200, seed=5) for image in batch]
    assert len({image.tobytes() for image in drawn}) > 1300
    assert held_out.isdisjoint(image.tobytes() for image in drawn)

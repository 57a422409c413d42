"""What the course minimises: landscapes to look at, data, and small NumPy models.

Everything is offline and, given its seed, the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from math import prod

import numpy as np

GradFn = Callable[[np.ndarray], np.ndarray]
Params = dict[str, np.ndarray]
CharBatch = tuple[np.ndarray, np.ndarray]  # inputs, targets
WordBatch = tuple[np.ndarray, np.ndarray, np.ndarray]  # words, contexts, labels
DigitBatch = tuple[np.ndarray, np.ndarray]  # pixels, labels


# --- Landscapes ----------------------------------------------------------------------


@dataclass(frozen=True)
class Quadratic:
    r"""The bowl :math:`L(\theta) = \frac{1}{2} \sum_i c_i \theta_i^2`.

    The largest over the smallest curvature is its condition number. Calling it gives
    the loss.

    Args:
        curvatures: the :math:`c_i`, the diagonal of the Hessian.
    """

    curvatures: tuple[float, ...] = (1.0, 30.0)

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Loss of each point of ``theta``, shape ``(..., n)``; result ``(...)``."""
        loss: np.ndarray = 0.5 * np.sum(theta * self.grad(theta), axis=-1)
        return loss

    def grad(self, theta: np.ndarray) -> np.ndarray:
        r"""Gradient :math:`c \odot \theta`, with the shape and dtype of ``theta``."""
        grad: np.ndarray = np.asarray(self.curvatures, dtype=theta.dtype) * theta
        return grad

    @property
    def minimum(self) -> np.ndarray:
        """The point of least loss, shape ``(n,)``."""
        return np.zeros(len(self.curvatures))


@dataclass(frozen=True)
class Rosenbrock:
    r"""The curved valley :math:`L(x, y) = (a - x)^2 + b (y - x^2)^2`.

    It is easy to reach the valley :math:`y = x^2` and slow to follow it to the minimum.
    Calling it gives the loss.

    Args:
        a: the minimum lies at :math:`(a, a^2)`.
        b: how steep the valley's walls are.

    References:
        H. H. Rosenbrock, "An automatic method for finding the greatest or least value
        of a function", The Computer Journal 3(3), 1960.
    """

    a: float = 1.0
    b: float = 100.0

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Loss of each point of ``theta``, shape ``(..., 2)``; result ``(...)``."""
        x, y = theta[..., 0], theta[..., 1]
        loss: np.ndarray = (self.a - x) ** 2 + self.b * (y - x**2) ** 2
        return loss

    def grad(self, theta: np.ndarray) -> np.ndarray:
        """Gradient, with the shape and dtype of ``theta``."""
        x, y = theta[..., 0], theta[..., 1]
        height = y - x**2  # above the valley's floor
        d_x = -2 * (self.a - x) - 4 * self.b * x * height
        return np.stack([d_x, 2 * self.b * height], axis=-1)

    @property
    def minimum(self) -> np.ndarray:
        """The point of least loss, shape ``(2,)``."""
        return np.array([self.a, self.a**2])


def noisy(grad_fn: GradFn, sigma: float, seed: int) -> GradFn:
    """A gradient as a minibatch would give it: the true one plus Gaussian noise.

    Args:
        grad_fn: the exact gradient.
        sigma: standard deviation of the noise in each coordinate.
        seed: starts a generator of its own, so two of these never share their noise.

    Returns:
        A function like ``grad_fn`` whose every call draws fresh noise.
    """
    rng = np.random.default_rng(seed)

    def noisy_grad(theta: np.ndarray) -> np.ndarray:
        grad = grad_fn(theta)
        noise = rng.normal(0.0, sigma, size=grad.shape)
        sample: np.ndarray = grad + noise.astype(grad.dtype)
        return sample

    return noisy_grad


# --- Data ----------------------------------------------------------------------------
# Sources and licences: data/README.md.


def course_text() -> str:
    """Two public-domain English texts, 265 043 characters of 66 kinds."""
    return files("descentlab").joinpath("data/text.txt").read_text(encoding="ascii")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits.

    Returns:
        images: float32 in [0, 1], shape ``(1797, 8, 8)``.
        labels: int64, 0 to 9, shape ``(1797,)``.
    """
    images, labels = _stored("digits.npz", "images", "labels")
    return images.astype(np.float32) / 16, labels.astype(np.int64)


def mnist1d() -> tuple[np.ndarray, np.ndarray]:
    """Ten digits as noisy signals, far harder than ``digits``.

    Returns:
        signals: float32, mean 0 and variance 1 over all, shape ``(5000, 40)``; by
            convention the first 4000 are for training, the rest for testing.
        labels: int64, 0 to 9, shape ``(5000,)``.

    References:
        S. Greydanus and D. Kobak, "Scaling down deep learning with MNIST-1D", ICML
        2024.
    """
    signals, labels = _stored("mnist1d.npz", "signals", "labels")
    return signals.astype(np.float32), labels.astype(np.int64)


def _stored(file: str, *names: str) -> list[np.ndarray]:
    """Arrays of one of the package's data files."""
    with files("descentlab").joinpath(f"data/{file}").open("rb") as stream:
        stored = np.load(stream)
        return [stored[name] for name in names]


# --- Models --------------------------------------------------------------------------
# Optimizers of the course see one flat vector of parameters; a model names its parts.


class CharRNN:
    r"""A recurrent network that guesses the next character.

    .. math::
        h_t = \tanh(E_{x_t} + h_{t-1} W_{hh} + b_h), \qquad
        p(x_{t+1}) = \mathrm{softmax}(h_t W_{hy} + b_y), \qquad h_0 = 0

    where row :math:`E_x` of ``W_xh`` belongs to character :math:`x`. It computes in the
    dtype of the parameters that it is given.

    Args:
        hidden: the number of hidden units.
        seed: of the initial parameters.
        text: what to learn, by default the course's text.

    Attributes:
        vocabulary: the characters of the text; a character's code is its index.
        slices: where each of W_xh, W_hh, b_h, W_hy and b_y lies in the flat vector.
        theta0: initial parameters, float32, uniform in +-1/sqrt(hidden) as in PyTorch.
    """

    def __init__(
        self, hidden: int = 64, seed: int = 0, text: str | None = None
    ) -> None:
        text = course_text() if text is None else text
        self.vocabulary = "".join(sorted(set(text)))
        code = {char: i for i, char in enumerate(self.vocabulary)}
        self._codes = np.array([code[char] for char in text])
        kinds = len(self.vocabulary)
        self._shapes = {
            "W_xh": (kinds, hidden),
            "W_hh": (hidden, hidden),
            "b_h": (hidden,),
            "W_hy": (hidden, kinds),
            "b_y": (kinds,),
        }
        self.slices = _slices(self._shapes)
        size = self.slices["b_y"].stop
        draw = np.random.default_rng(seed).uniform(-1, 1, size) / np.sqrt(hidden)
        self.theta0 = draw.astype(np.float32)

    def unpack(self, theta: np.ndarray) -> Params:
        """The parts of a flat vector by name, in their shapes, as views."""
        return _parts(theta, self.slices, self._shapes)

    def batches(
        self, n: int, batch_size: int = 32, length: int = 32, seed: int = 0
    ) -> Iterator[CharBatch]:
        """Windows of the text from random places.

        Another seed draws other windows of the same text: nothing is held out.

        Yields:
            ``n`` pairs of codes, inputs and targets, each of shape
            ``(batch_size, length)``; a target is the character after its input.

        Raises:
            ValueError: the text is too short for a window.
        """
        places = len(self._codes) - length
        if places < 1:
            raise ValueError(
                f"the text needs more than length={length} characters, "
                f"got {len(self._codes)}"
            )
        rng = np.random.default_rng(seed)
        for _ in range(n):
            starts = rng.integers(places, size=batch_size)
            windows = self._codes[starts[:, None] + np.arange(length + 1)]
            yield windows[:, :-1], windows[:, 1:]

    def loss(self, theta: np.ndarray, batch: CharBatch) -> float:
        """Mean cross-entropy of a batch, in nats per character."""
        inputs, targets = batch
        p = self.unpack(theta)
        states = self._states(p, inputs)
        return _cross_entropy(states[1:] @ p["W_hy"] + p["b_y"], targets.T)[0]

    def loss_and_grad(
        self, theta: np.ndarray, batch: CharBatch
    ) -> tuple[float, np.ndarray]:
        """The loss and its gradient, by backpropagation through the whole window.

        Args:
            theta: flat parameters, shape ``theta0.shape``.
            batch: what ``batches`` yields.

        Returns:
            The loss in nats per character and the flat gradient in theta's dtype.
        """
        inputs, targets = batch
        p = self.unpack(theta)
        states = self._states(p, inputs)
        logits = states[1:] @ p["W_hy"] + p["b_y"]
        loss, d_logits = _cross_entropy(logits, targets.T)
        deltas = self._deltas(p, states, d_logits)

        grad = np.zeros_like(theta)
        g = self.unpack(grad)
        np.add.at(g["W_xh"], inputs.T, deltas)
        g["W_hh"] += _summed_outer(states[:-1], deltas)
        g["b_h"] += deltas.sum(axis=(0, 1))
        g["W_hy"] += _summed_outer(states[1:], d_logits)
        g["b_y"] += d_logits.sum(axis=(0, 1))
        return loss, grad

    def gradient_through_time(self, theta: np.ndarray, batch: CharBatch) -> np.ndarray:
        """How far back the error of a window's last character is felt.

        Returns:
            Norm, over batch and hidden units, of the gradient of the last character's
            loss at the argument of tanh of each time step; shape ``(length,)``.
        """
        inputs, targets = batch
        p = self.unpack(theta)
        states = self._states(p, inputs)
        logits = states[-1] @ p["W_hy"] + p["b_y"]
        d_logits = np.zeros((len(states) - 1, *logits.shape), theta.dtype)
        d_logits[-1] = _cross_entropy(logits, targets[:, -1])[1]
        norms: np.ndarray = np.linalg.norm(
            self._deltas(p, states, d_logits), axis=(1, 2)
        )
        return norms

    def _states(self, p: Params, inputs: np.ndarray) -> np.ndarray:
        """h_0 to h_length, shape ``(length + 1, batch, hidden)``: time comes first."""
        drive = p["W_xh"][inputs.T] + p["b_h"]
        length, batch_size, hidden = drive.shape
        states = np.zeros((length + 1, batch_size, hidden), drive.dtype)
        for t in range(length):
            states[t + 1] = np.tanh(drive[t] + states[t] @ p["W_hh"])
        return states

    def _deltas(
        self, p: Params, states: np.ndarray, d_logits: np.ndarray
    ) -> np.ndarray:
        """Gradient at the arguments of tanh, shape ``(length, batch, hidden)``."""
        deltas = d_logits @ p["W_hy"].T  # what reaches h_t from its own guess
        slope = 1 - states[1:] ** 2
        deltas[-1] *= slope[-1]
        for t in range(len(deltas) - 2, -1, -1):
            deltas[t] += deltas[t + 1] @ p["W_hh"].T
            deltas[t] *= slope[t]
        return deltas


class ZipfEmbedding:
    r"""A table of word vectors whose rare rows seldom see a gradient.

    The word of rank :math:`r` is drawn with probability proportional to
    :math:`r^{-s}` (Zipf's law), together with a context
    :math:`x \sim \mathcal{N}(0, I)` and a label that is 1 with probability
    :math:`\sigma(u_r \cdot x)`, :math:`u_r` being that word's true vector. The model
    learns the table :math:`E` of the :math:`u_r` by logistic regression,

    .. math::
        L(E) = -\log p(y \mid \sigma(E_r \cdot x)).

    Args:
        words: the number of words, rows of the table.
        dim: the length of a word's vector, columns of the table.
        exponent: Zipf's :math:`s`, about 1 in natural languages.
        seed: of the true table.

    Attributes:
        frequencies: probability of each word, most frequent first, shape ``(words,)``.
        true_table: the :math:`u_r`, shape ``(words, dim)``.
        slices: the table's place in the flat vector: all of it.
        theta0: initial parameters, float32 zeros, shape ``(words * dim,)``.
    """

    def __init__(
        self, words: int = 1000, dim: int = 8, exponent: float = 1.0, seed: int = 0
    ) -> None:
        ranks = np.arange(1, words + 1)
        self.frequencies = ranks**-exponent / np.sum(ranks**-exponent)
        rng = np.random.default_rng(seed)
        # Logits then have standard deviation 2: labels that can be learnt, with noise.
        self.true_table = rng.normal(0, 2 / np.sqrt(dim), (words, dim))
        self.slices = _slices({"table": (words, dim)})
        self.theta0 = np.zeros(words * dim, np.float32)

    def unpack(self, theta: np.ndarray) -> Params:
        """The table of a flat vector, shape ``(words, dim)``, as a view."""
        return {"table": theta.reshape(self.true_table.shape)}

    def batches(
        self, n: int, batch_size: int = 64, seed: int = 0
    ) -> Iterator[WordBatch]:
        """Fresh examples.

        Yields:
            ``n`` triples: words ``(batch_size,)``, contexts ``(batch_size, dim)``,
            labels 0 or 1 ``(batch_size,)``.
        """
        rng = np.random.default_rng(seed)
        words, dim = self.true_table.shape
        for _ in range(n):
            drawn = rng.choice(words, size=batch_size, p=self.frequencies)
            contexts = rng.normal(size=(batch_size, dim))
            logits = np.sum(self.true_table[drawn] * contexts, axis=1)
            labels = (rng.random(batch_size) < _sigmoid(logits)).astype(int)
            yield drawn, contexts, labels

    def loss(self, theta: np.ndarray, batch: WordBatch) -> float:
        """Mean logistic loss of a batch, in nats."""
        return self.loss_and_grad(theta, batch)[0]

    def loss_and_grad(
        self, theta: np.ndarray, batch: WordBatch
    ) -> tuple[float, np.ndarray]:
        """The loss and its flat gradient: zero in the rows of words not drawn.

        Args:
            theta: flat parameters, shape ``theta0.shape``.
            batch: what ``batches`` yields.
        """
        words, contexts, labels = batch
        logits = np.sum(self.unpack(theta)["table"][words] * contexts, axis=1)
        loss = np.mean(np.logaddexp(0, logits) - labels * logits)
        error = (_sigmoid(logits) - labels) / len(words)
        grad = np.zeros_like(theta)
        rows = (error[:, None] * contexts).astype(theta.dtype)
        np.add.at(self.unpack(grad)["table"], words, rows)
        return float(loss), grad

    def excess_loss(self, theta: np.ndarray, samples: int = 512) -> np.ndarray:
        """How much worse each word is predicted than by its true vector, in nats.

        Args:
            theta: flat parameters, shape ``theta0.shape``.
            samples: the number of contexts to average over, the same on every call.

        Returns:
            Mean of KL(truth, model) over the contexts, shape ``(words,)``; 0 at the
            true table. Plotted by frequency it shows which words have been learnt.
        """
        table = self.unpack(theta)["table"].astype(float)
        contexts = np.random.default_rng(0).normal(size=(samples, table.shape[1]))
        model, truth = table @ contexts.T, self.true_table @ contexts.T
        cross_entropy = np.logaddexp(0, model) - _sigmoid(truth) * model
        entropy = np.logaddexp(0, truth) - _sigmoid(truth) * truth
        excess: np.ndarray = np.mean(cross_entropy - entropy, axis=1)
        return excess


class DigitsMLP:
    r"""A network with one hidden layer that reads handwritten digits.

    .. math::
        h = \tanh(x W_1 + b_1), \qquad p(y \mid x) = \mathrm{softmax}(h W_2 + b_2)

    where :math:`x` holds the 64 pixels of an image. It computes in the dtype of the
    parameters that it is given.

    Args:
        hidden: the number of hidden units.
        seed: of the initial parameters; the split of the images is always the same.

    Attributes:
        held_out: a batch of 360 images, a fifth of all, that ``batches`` never yields.
        slices: where each of W_1, b_1, W_2 and b_2 lies in the flat vector.
        theta0: initial parameters, float32, uniform in +-1/sqrt(inputs of the layer)
            as in PyTorch.
    """

    def __init__(self, hidden: int = 32, seed: int = 0) -> None:
        images, labels = digits()
        order = np.random.default_rng(0).permutation(len(labels))
        pixels, labels = images.reshape(len(labels), 64)[order], labels[order]
        self.held_out: DigitBatch = pixels[:360], labels[:360]
        self._pixels, self._labels = pixels[360:], labels[360:]
        self._shapes = {
            "W_1": (64, hidden),
            "b_1": (hidden,),
            "W_2": (hidden, 10),
            "b_2": (10,),
        }
        self.slices = _slices(self._shapes)
        size = self.slices["b_2"].stop
        draw = np.random.default_rng(seed).uniform(-1, 1, size)
        draw[: self.slices["b_1"].stop] /= np.sqrt(64)
        draw[self.slices["W_2"].start :] /= np.sqrt(hidden)
        self.theta0 = draw.astype(np.float32)

    def unpack(self, theta: np.ndarray) -> Params:
        """The parts of a flat vector by name, in their shapes, as views."""
        return _parts(theta, self.slices, self._shapes)

    def batches(
        self, n: int, batch_size: int = 32, seed: int = 0
    ) -> Iterator[DigitBatch]:
        """Images drawn at random, with replacement, from four fifths of all.

        Yields:
            ``n`` pairs: pixels ``(batch_size, 64)`` and labels ``(batch_size,)``.
        """
        rng = np.random.default_rng(seed)
        for _ in range(n):
            drawn = rng.integers(len(self._labels), size=batch_size)
            yield self._pixels[drawn], self._labels[drawn]

    def loss(self, theta: np.ndarray, batch: DigitBatch) -> float:
        """Mean cross-entropy of a batch, in nats per image."""
        return self.loss_and_grad(theta, batch)[0]

    def loss_and_grad(
        self, theta: np.ndarray, batch: DigitBatch
    ) -> tuple[float, np.ndarray]:
        """The loss and its flat gradient, in theta's dtype.

        Args:
            theta: flat parameters, shape ``theta0.shape``.
            batch: what ``batches`` yields.
        """
        pixels, labels = batch
        p = self.unpack(theta)
        hidden = np.tanh(pixels @ p["W_1"] + p["b_1"])
        loss, d_logits = _cross_entropy(hidden @ p["W_2"] + p["b_2"], labels)
        delta = d_logits @ p["W_2"].T * (1 - hidden**2)

        grad = np.zeros_like(theta)
        g = self.unpack(grad)
        g["W_1"] += pixels.T @ delta
        g["b_1"] += delta.sum(axis=0)
        g["W_2"] += hidden.T @ d_logits
        g["b_2"] += d_logits.sum(axis=0)
        return loss, grad


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function; tanh can't overflow where exp would."""
    y: np.ndarray = 0.5 * (1 + np.tanh(0.5 * x))
    return y


def _summed_outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Outer products of the last axes, summed over time and batch; shape ``(n, m)``.

    One product for each time step: a single large one goes to several threads, and on
    a busy machine waiting for them takes ten times as long as the work itself.
    """
    total: np.ndarray = (a.transpose(0, 2, 1) @ b).sum(axis=0)
    return total


def _slices(shapes: dict[str, tuple[int, ...]]) -> dict[str, slice]:
    """Consecutive places in one flat vector for arrays of these shapes."""
    ends = np.cumsum([prod(shape) for shape in shapes.values()]).tolist()
    return dict(zip(shapes, map(slice, [0, *ends[:-1]], ends), strict=True))


def _parts(
    theta: np.ndarray, slices: dict[str, slice], shapes: dict[str, tuple[int, ...]]
) -> Params:
    """The arrays that lie in a flat vector, as views."""
    return {name: theta[slices[name]].reshape(shapes[name]) for name in shapes}


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean cross-entropy of softmax(logits) and its gradient in the logits.

    Args:
        logits: shape ``(..., classes)``.
        targets: the right classes, shape ``(...)``.
    """
    right = targets[..., None]
    # The largest logit becomes 0, so that exp can't overflow.
    shifted = logits - logits.max(axis=-1, keepdims=True)
    probs = np.exp(shifted)
    total = probs.sum(axis=-1, keepdims=True)
    loss = np.mean(np.log(total) - np.take_along_axis(shifted, right, axis=-1))
    probs /= total
    d_right = np.take_along_axis(probs, right, axis=-1) - 1
    np.put_along_axis(probs, right, d_right, axis=-1)
    return float(loss), probs / targets.size

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
        return 0.5 * np.sum(theta * self.grad(theta), axis=-1)

    def grad(self, theta: np.ndarray) -> np.ndarray:
        r"""Gradient :math:`c \odot \theta`, with the shape and dtype of ``theta``."""
        return np.asarray(self.curvatures, dtype=theta.dtype) * theta

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
        return (self.a - x) ** 2 + self.b * (y - x**2) ** 2

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
        noise = rng.normal(0.0, sigma, size=np.shape(grad))
        return grad + noise.astype(grad.dtype)

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
    with files("descentlab").joinpath("data/digits.npz").open("rb") as file:
        stored = np.load(file)
        images, labels = stored["images"], stored["labels"]
    return images.astype(np.float32) / 16, labels.astype(np.int64)


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
        return {
            name: theta[self.slices[name]].reshape(shape)
            for name, shape in self._shapes.items()
        }

    def batches(
        self, n: int, batch_size: int = 32, length: int = 32, seed: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Windows of the text from random places.

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

    def loss(self, theta: np.ndarray, batch: tuple[np.ndarray, np.ndarray]) -> float:
        """Mean cross-entropy of a batch, in nats per character."""
        inputs, targets = batch
        p = self.unpack(theta)
        states = self._states(p, inputs)
        return _cross_entropy(states[1:] @ p["W_hy"] + p["b_y"], targets.T)[0]

    def loss_and_grad(
        self, theta: np.ndarray, batch: tuple[np.ndarray, np.ndarray]
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
        g["W_hh"] += np.tensordot(states[:-1], deltas, axes=((0, 1), (0, 1)))
        g["b_h"] += deltas.sum(axis=(0, 1))
        g["W_hy"] += np.tensordot(states[1:], d_logits, axes=((0, 1), (0, 1)))
        g["b_y"] += d_logits.sum(axis=(0, 1))
        return loss, grad

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


def _slices(shapes: dict[str, tuple[int, ...]]) -> dict[str, slice]:
    """Consecutive places in one flat vector for arrays of these shapes."""
    ends = np.cumsum([prod(shape) for shape in shapes.values()]).tolist()
    return dict(zip(shapes, map(slice, [0, *ends[:-1]], ends), strict=True))


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

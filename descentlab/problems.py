"""What the course minimises: landscapes to look at, data, and small NumPy models.

Everything is offline and, given its seed, the same on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

GradFn = Callable[[np.ndarray], np.ndarray]


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

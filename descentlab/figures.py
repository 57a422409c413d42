"""The course's pictures, in one style.

Importing this module sets Matplotlib's defaults. Each optimizer has one colour and one
line style in every chapter: the colours are those of Okabe and Ito, told apart by
colour-blind readers, the line styles and end markers survive a print in grey.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from numpy.typing import ArrayLike


class _Look(NamedTuple):
    color: str
    line: Any  # a Matplotlib line style
    end: str  # the marker where a path ends


_LOOKS = {
    "sgd": _Look("#0072B2", (0, (4, 2)), "s"),
    "momentum": _Look("#E69F00", (0, (6, 2, 1, 2)), "D"),
    "rmsprop": _Look("#009E73", (0, (1.5, 1.5)), "^"),
    "adam": _Look("#D55E00", "solid", "o"),
    "adamw": _Look("#CC79A7", (0, (5, 1.5, 1, 1.5, 1, 1.5)), "v"),
    "reference": _Look("#000000", (0, (1, 3)), "X"),
}
COLORS = {name: look.color for name, look in _LOOKS.items()}
# Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom.
_T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


class Landscape(Protocol):
    """A loss over the plane: see ``Quadratic`` and ``Rosenbrock`` in ``problems``."""

    def __call__(self, theta: np.ndarray) -> np.ndarray:
        """Loss of each point of ``theta``, shape ``(..., 2)``; result ``(...)``."""

    @property
    def minimum(self) -> np.ndarray:
        """The point of least loss, shape ``(2,)``."""


def style() -> None:
    """Set Matplotlib's defaults to the course's style.

    The background is opaque white: the book's dark theme inverts whole pictures.
    """
    plt.rcParams.update(
        {
            "figure.figsize": (7.0, 4.0),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "axes.facecolor": "white",
            "axes.prop_cycle": cycler(
                color=list(COLORS.values()),
                linestyle=[look.line for look in _LOOKS.values()],
            ),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#D9D9D9",
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "font.size": 11,
            "legend.fontsize": 10,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
        }
    )


def landscape(
    ax: Axes,
    problem: Landscape,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int = 12,
) -> None:
    """Contours of a loss over the plane, evenly spaced in its logarithm.

    Args:
        ax: where to draw; its limits become ``xlim`` and ``ylim``.
        problem: called with points of shape ``(..., 2)``; its minimum gets a star.
        xlim: range of the first coordinate.
        ylim: range of the second coordinate.
        levels: the number of contours.
    """
    x, y = np.linspace(*xlim, 241), np.linspace(*ylim, 241)
    excess = problem(np.stack(np.meshgrid(x, y), axis=-1)) - problem(problem.minimum)
    # Four decades: below them lies only the floor of the valley, where paths end.
    rings = np.geomspace(excess.max() * 1e-4, excess.max(), levels)
    ax.contourf(x, y, excess, rings, cmap="Greys", alpha=0.12, norm="log", extend="min")
    ax.contour(x, y, excess, rings, colors="#8C8C8C", linewidths=0.7)
    (star,) = ax.plot(*problem.minimum, "*", color="black", linestyle="none")
    star.set(markersize=11, zorder=3, label="minimum")  # above the ends of paths
    ax.set(xlim=xlim, ylim=ylim, xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    ax.grid(False)


def path(
    ax: Axes, trajectory: ArrayLike, label: str, optimizer: str | None = None
) -> None:
    """The way an optimizer took: a line from a hollow circle to a filled marker.

    Args:
        ax: where to draw, usually over a ``landscape``.
        trajectory: the parameters after each step, shape ``(steps + 1, 2)``.
        label: for the legend.
        optimizer: a key of ``COLORS``; without it, the next colour of the cycle.

    Raises:
        ValueError: the trajectory has another shape, or the optimizer has no colour.
    """
    points = np.asarray(trajectory)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise ValueError(
            f"path draws a trajectory of shape (steps + 1, 2), got {points.shape}"
        )
    look = _look(optimizer)
    end = _LOOKS[optimizer].end if optimizer else "o"
    # The legend repeats line and end marker, which tell paths apart in grey.
    (line,) = ax.plot(*points.T, marker=end, markevery=[-1], label=label, **look)
    line.set(markersize=8, markeredgecolor="white")
    # Its colour and line style are given, so that it takes no turn of the cycle.
    (start,) = ax.plot(*points[0], "o", color=line.get_color(), linestyle="none")
    start.set(markersize=8, markerfacecolor="white")


def curves(
    ax: Axes,
    series: Mapping[str, ArrayLike],
    xlabel: str,
    ylabel: str,
    logy: bool = False,
    x: ArrayLike | None = None,
) -> None:
    """Several quantities over the same axis, with a legend.

    Args:
        ax: where to draw.
        series: label and values of each curve. An optimizer's name as label ("Adam")
            gets that optimizer's colour; other labels get the colours that are left,
            six curves in all.
        xlabel: label of the horizontal axis.
        ylabel: label of the vertical axis.
        logy: a logarithmic vertical axis.
        x: the horizontal axis, by default 0, 1, 2, ...
    """
    named = {label.lower() for label in series} & COLORS.keys()
    free = iter([name for name in COLORS if name not in named])
    for label, values in series.items():
        look = _look(label.lower() if label.lower() in named else next(free, None))
        y = np.asarray(values)
        ax.plot(np.arange(len(y)) if x is None else x, y, label=label, **look)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if logy:
        ax.set_yscale("log")
    ax.legend()


def band(
    ax: Axes, x: ArrayLike, runs: ArrayLike, label: str, optimizer: str | None = None
) -> None:
    """Mean of several runs and the 95 % interval of that mean, Student's t.

    The interval says how well the mean is known, not how far single runs spread.

    Args:
        ax: where to draw.
        x: the horizontal axis, shape ``(n,)``.
        runs: one row a run (seed), shape ``(runs, n)``, at least two runs.
        label: for the legend.
        optimizer: a key of ``COLORS``; without it, the next colour of the cycle.

    Raises:
        ValueError: fewer than two runs, or the optimizer has no colour.
    """
    values = np.asarray(runs)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(
            f"band needs runs of shape (runs, n) with at least 2 runs, "
            f"got {values.shape}: an interval needs a second seed"
        )
    mean, half = interval(values)
    (line,) = ax.plot(x, mean, label=label, **_look(optimizer))
    ax.fill_between(
        x, mean - half, mean + half, color=line.get_color(), alpha=0.2, linewidth=0
    )


def interval(runs: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Mean over runs and half the width of its 95 % interval, Student's t.

    Args:
        runs: one entry (a number or an array) a run, at least two runs.

    Returns:
        Mean and half width, each of the shape of one entry.

    Raises:
        ValueError: fewer than two runs.
    """
    values = np.asarray(runs, dtype=float)
    if values.ndim == 0 or len(values) < 2:
        raise ValueError(
            f"interval needs at least 2 runs, got shape {values.shape}: "
            "run a second seed"
        )
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return values.mean(axis=0), _t_95(len(values) - 1) * error


def _look(optimizer: str | None) -> dict[str, Any]:
    """Colour and line style of an optimizer; nothing (the cycle decides) for None."""
    if optimizer is None:
        return {}
    if optimizer not in COLORS:
        raise ValueError(
            f"optimizer must be one of {', '.join(COLORS)}, got {optimizer!r}"
        )
    return {"color": COLORS[optimizer], "linestyle": _LOOKS[optimizer].line}


def _t_95(dof: int) -> float:
    """Two-sided 95 % quantile of Student's t, right to 0.003."""
    if dof <= len(_T_95):
        return _T_95[dof - 1]
    # Cornish-Fisher expansion around the normal quantile (Abramowitz and Stegun 26.7.5)
    z = 1.959964
    return z + (z**3 + z) / (4 * dof) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * dof**2)


style()

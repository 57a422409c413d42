"""The course's pictures: what they draw, and in which look."""

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from descentlab import figures
from descentlab.problems import Quadratic, Rosenbrock


@pytest.fixture
def ax():
    with mpl.rc_context():
        figures.style()
        figure = Figure()
        yield figure.subplots()
        figure.savefig(BytesIO())  # what was drawn can be rendered


def drawn(ax):
    """Label -> line of everything that a legend would show."""
    handles, labels = ax.get_legend_handles_labels()
    return dict(zip(labels, handles, strict=True))


def test_style_is_white_and_large_enough_to_read():
    figures.style()
    for name in ["figure.facecolor", "savefig.facecolor", "axes.facecolor"]:
        assert mpl.rcParams[name] == "white"
    for name in ["font.size", "legend.fontsize", "xtick.labelsize", "ytick.labelsize"]:
        assert mpl.rcParams[name] >= 10


def test_looks_differ_in_colour_and_in_line(ax):
    for name in figures.COLORS:
        figures.path(ax, np.eye(2), name, name)
    lines = drawn(ax).values()
    assert len({line.get_color() for line in lines}) == len(figures.COLORS)
    assert len({line.get_marker() for line in lines}) == len(figures.COLORS)
    dashes = [look["linestyle"] for look in mpl.rcParams["axes.prop_cycle"]]
    assert len(set(dashes)) == len(figures.COLORS)


@pytest.mark.parametrize("problem", [Quadratic(), Rosenbrock(), Quadratic((1.0, 1.0))])
def test_landscape(ax, problem):
    figures.landscape(ax, problem, (-2, 2), (-1, 3))
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-1, 3))
    star = drawn(ax)["minimum"]
    np.testing.assert_array_equal(star.get_xydata(), [problem.minimum])
    levels = ax.collections[-1].levels
    assert len(levels) == 12
    np.testing.assert_allclose(np.diff(np.log(levels)), np.log(1e4) / 11)


def test_path(ax):
    trajectory = np.array([[0.0, 1.0], [0.5, 0.5], [0.2, 0.1]])
    figures.path(ax, trajectory, "Adam, lr 0.1", "adam")
    line = drawn(ax)["Adam, lr 0.1"]
    assert line.get_color() == figures.COLORS["adam"]
    np.testing.assert_array_equal(line.get_xydata(), trajectory)
    start = ax.lines[-1]
    np.testing.assert_array_equal(start.get_xydata(), trajectory[:1])


def test_paths_without_an_optimizer_take_the_colours_in_turn(ax):
    for i in range(3):
        figures.path(ax, [[0, i], [1, i]], f"run {i}")
    colors = [line.get_color() for line in drawn(ax).values()]
    assert colors == list(figures.COLORS.values())[:3]


def test_path_that_leaves_the_landscape_does_not_move_it(ax):
    figures.landscape(ax, Quadratic(), (-1, 1), (-1, 1))
    figures.path(ax, [[0, 0], [50, 1e6], [np.nan, np.inf]], "diverges", "sgd")
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-1, 1))


@pytest.mark.parametrize("shape", [(5,), (5, 3), (0, 2)])
def test_path_wants_points_of_the_plane(ax, shape):
    with pytest.raises(ValueError, match=r"shape \(steps \+ 1, 2\), got"):
        figures.path(ax, np.zeros(shape), "x")


@pytest.mark.parametrize(
    "draw", [figures.path, lambda *a: figures.band(a[0], [0], *a[1:])]
)
def test_unknown_optimizer(ax, draw):
    with pytest.raises(ValueError, match=r"one of sgd, momentum, .*, got 'Adam'"):
        draw(ax, [[1, 2], [3, 4]], "Adam", "Adam")


def test_curves_know_optimizers_by_name(ax):
    series = {"target": [3, 3], "Adam": [2, 1], "RMSprop": [4, 2], "theory": [1, 1]}
    figures.curves(ax, series, "step", "loss", logy=True)
    colors = {label: line.get_color() for label, line in drawn(ax).items()}
    assert colors["Adam"] == figures.COLORS["adam"]
    assert colors["RMSprop"] == figures.COLORS["rmsprop"]
    assert len(set(colors.values())) == 4
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == (
        "step",
        "loss",
        "log",
    )
    assert ax.get_legend() is not None


def test_curves_over_a_given_axis(ax):
    figures.curves(ax, {"a": [5.0, 6.0]}, "t", "y", x=[1, 2])
    np.testing.assert_array_equal(drawn(ax)["a"].get_xydata(), [[1, 5], [2, 6]])
    assert ax.get_yscale() == "linear"


# Two-sided 95 % points of Student's t, from any printed table.
@pytest.mark.parametrize(
    ("runs", "t"), [(2, 12.706), (3, 4.303), (11, 2.228), (12, 2.201), (31, 2.042)]
)
def test_band_is_students_interval_of_the_mean(ax, runs, t):
    values = np.random.default_rng(0).normal(size=(runs, 4))
    figures.band(ax, np.arange(4), values, "Adam", "adam")
    line = drawn(ax)["Adam"]
    np.testing.assert_allclose(line.get_ydata(), values.mean(axis=0))
    (area,) = ax.collections
    upper = area.get_paths()[0].vertices[:, 1].max()
    sem = values.std(axis=0, ddof=1) / np.sqrt(runs)
    expected = (values.mean(axis=0) + t * sem).max()
    assert upper == pytest.approx(expected, abs=0.003 * sem.max() + 1e-9)


@pytest.mark.parametrize("shape", [(4,), (1, 4)])
def test_band_of_one_run_is_refused(ax, shape):
    with pytest.raises(ValueError, match="at least 2 runs"):
        figures.band(ax, np.arange(4), np.zeros(shape), "one seed")


def test_interval_by_hand():
    # Mean 2, standard deviation 1, so the error is 1/sqrt(3); t(2 degrees) = 4.303.
    mean, half = figures.interval([1.0, 2.0, 3.0])
    assert mean == 2.0
    assert half == pytest.approx(4.303 / np.sqrt(3), rel=1e-4)


@pytest.mark.parametrize("runs", [[], [1.0], 1.0])
def test_interval_of_one_run_is_refused(runs):
    with pytest.raises(ValueError, match="second seed"):
        figures.interval(runs)

"""Pictures, by what is in their artists."""

import re
import sys

import numpy as np
import pytest
from artists import HISTORY, LINE, X, Y, bowl, line, square

import gdcore as gd
from gdcore import plot

PICTURES = [
    lambda ax=None: plot.losses(HISTORY, ax),
    lambda ax=None: plot.gradient_flow(LINE, X, Y, "mse", ax),
    lambda ax=None: plot.decision_boundary(LINE, X, Y, ax),
    lambda ax=None: plot.activations(LINE, X, ax),
    lambda ax=None: plot.descent(square, [2.0, -1.0], ax),
    lambda ax=None: plot.descent(bowl, [[0.0, 1.0], [1.0, -1.0]], ax),
    lambda ax=None: plot.loss_slice(LINE, X, Y, "mse", ax),
    lambda ax=None: plot.loss_plane(LINE, X, Y, "mse", ax),
    lambda ax=None: HISTORY.plot(ax),
    lambda ax=None: gd.schedules.StepDecay(0.1, 5).plot(ax=ax),
    lambda ax=None: gd.find_learning_rate(LINE, X, Y, "mse").plot(ax),
    lambda ax=None: gd.check_gradients(LINE, X, Y, "mse").plot(ax),
]


@pytest.mark.parametrize("draw", PICTURES)
def test_without_matplotlib_one_sentence_says_what_to_install(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"^plot needs matplotlib \(.*\): pip install 'gdcore\[plot\]'$"):
        draw()


@pytest.mark.parametrize("draw", PICTURES)
def test_axes_are_used_named_and_returned(draw, pyplot):
    _, both = pyplot.subplots(1, 2)
    assert draw(both[0]) is both[0]
    assert both[0].get_xlabel()
    assert both[0].get_ylabel()
    assert not both[1].has_data()
    figures = len(pyplot.get_fignums())
    assert draw().figure is not both[0].figure
    assert len(pyplot.get_fignums()) == figures + 1
    with pytest.raises(TypeError, match="ax must be a matplotlib Axes, got ndarray: pass one of a figure's axes"):
        draw(both)


@pytest.mark.parametrize("draw", PICTURES)
def test_no_colours(draw, pyplot):
    ax = draw()
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]
    assert pixels.min() < 50
    assert (np.ptp(pixels, axis=-1) == 0).all()


# curves and the model


def test_losses(pyplot):
    ax = plot.losses(HISTORY)
    np.testing.assert_array_equal(line(ax, "loss"), [[0, 1], [3, 2]])
    np.testing.assert_array_equal(line(ax, "val_loss"), [[0, 1], [4, 1]])
    np.testing.assert_array_equal(line(ax, "best val_loss, epoch 1"), [[1], [1]])
    names = ["loss", "val_loss", "best val_loss, epoch 1"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names
    assert ax.get_title() == "enough"


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("all 2 epochs were run", "2 epochs"),
        ("", "2 epochs"),
        ("all 7 steps were made", "2 epochs"),
        (
            "val_loss has not improved for 5 epochs: the best, 36, was in epoch 0; its parameters were restored",
            "val_loss has not improved for 5 epochs",
        ),
        ("lbfgs: ABNORMAL", "lbfgs: ABNORMAL"),
        ("word " * 30, "word " * 9 + "word…"),
    ],
)
def test_titles_are_short(pyplot, reason, title):
    assert gd.History([3.0, 2.0], stop_reason=reason).plot().get_title() == title


@pytest.mark.parametrize(
    ("losses", "val_losses", "best"),
    [
        ([3.0, 1.0, 2.0], [], "best loss, epoch 1"),
        ([3.0, 2.0, 1.0], [1.0, 0.5, 0.7], "best val_loss, epoch 1"),
        ([3.0, np.nan, 2.0], [], "best loss, epoch 2"),
        ([np.inf, np.nan], [], None),
        ([], [], None),
    ],
)
def test_the_best_epoch_is_marked(pyplot, losses, val_losses, best):
    ax = gd.History(losses, val_losses).plot()
    marked = [line.get_label() for line in ax.lines if line.get_marker() == "*"]
    assert marked == ([best] if best else [])


MEASURED = gd.History([3.0, 2.0], [4.0, 1.0], metrics={"r2": [0.1, 0.5], "val_r2": [0, 0.4], "mae": [1.0, 0.5]})


def test_metrics_have_an_axis_of_their_own(pyplot):
    ax = MEASURED.plot(metrics=("r2", "mae"))
    [right] = [other for other in ax.figure.axes if other is not ax]
    np.testing.assert_array_equal(line(right, "r2")[1], [0.1, 0.5])
    np.testing.assert_array_equal(line(right, "val_r2")[1], [0, 0.4])
    np.testing.assert_array_equal(line(right, "mae")[1], [1, 0.5])
    assert right.get_ylabel() == "r2, mae"
    names = ["loss", "val_loss", "best val_loss, epoch 1", "r2", "val_r2", "mae"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == names
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in (*ax.lines, *right.lines)}
    assert len(looks) == 6
    assert [other.get_label() for other in MEASURED.plot(metrics="val_r2").figure.axes[1].lines] == ["val_r2"]


@pytest.mark.parametrize(
    ("history", "metrics", "kind", "message"),
    [
        (MEASURED, "r22", ValueError, "holds no metric 'r22'; it holds r2, val_r2, mae; did you mean 'r2'?"),
        (HISTORY, "r2", ValueError, "the history holds no metrics, and so not 'r2': pass metrics='r2' to fit"),
        (MEASURED, 3, TypeError, "metrics must be a name or several, got 3"),
    ],
)
def test_metrics_that_are_not_there(pyplot, history, metrics, kind, message):
    with pytest.raises(kind, match=re.escape(message)):
        history.plot(metrics=metrics)
    assert not pyplot.get_fignums()


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([225.0, 8.0, 1.0], "log"),
        ([1.0, 1e3, 1e9], "log"),
        ([225.0, 1.0, 0.0], "log"),
        ([3.0, np.inf, 0.01], "log"),
        ([3.0, 2.0, 1.0], "linear"),
        ([225.0, 1.0, -1.0], "linear"),
        ([3.0, np.inf], "linear"),
        ([0.0, 0.0], "linear"),
        ([], "linear"),
    ],
)
def test_wide_losses_are_drawn_on_a_log_scale(pyplot, losses, scale):
    for history in (gd.History(losses), gd.History(losses[:1], losses)):
        ax = history.plot()
        assert ax.get_yscale() == scale
        assert ax.get_ylabel() == ("loss (log scale)" if scale == "log" else "loss")


def test_a_range_test_shows_its_fall_where_the_end_is_far_above(pyplot):
    losses = np.array([200.0, 100.0, 10.0, 5.0, 50.0, 4.0, 1e6])
    curve = np.where(losses < 5, 6.0, losses)
    ax = gd.RangeTest(np.geomspace(1e-3, 1, 7), losses, curve, 0.01, "enough").plot()
    low, high = ax.get_ylim()
    assert low < 4
    assert high == 4 + 196 / 0.25
    assert ax.get_ylabel() == "loss (cut off above 788)"


@pytest.mark.parametrize(
    ("losses", "suggestion", "name"),
    [
        ([200.0, 100.0, 5.0, 300.0], 0.01, "loss"),
        ([2.0, 2.0, 3.0, 1e6], None, "loss (log scale)"),
        ([], None, "loss"),
    ],
)
def test_a_range_test_is_whole_otherwise(pyplot, losses, suggestion, name):
    losses = np.array(losses)
    ax = gd.RangeTest(np.geomspace(1e-3, 1, len(losses)), losses, losses, suggestion, "enough").plot()
    assert ax.get_ylabel() == name
    assert ax.get_ylim()[1] > losses.max(initial=0)


def test_gradient_flow(pyplot, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    net = gd.MLP([3, 4, 5, 1], activation="sigmoid", seed=0, dtype="float64")
    ax = plot.gradient_flow(net, X, y, "mse")
    weights = [view for name, view in net.parameters(net.loss_and_grad(X, y, "mse")[1]) if "weight" in name]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [np.sqrt((w**2).mean()) for w in weights])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["dense0", "dense1", "dense2"]
    assert (ax.get_yscale(), ax.get_xlabel()) == ("log", "layer")


@pytest.mark.parametrize("outputs", [1, 3])
def test_decision_boundary(pyplot, outputs):
    """The line x0 = 1, beside which the model decides otherwise, lies between two areas."""
    net = gd.LinearModel(2, outputs, dtype="float64")
    net.params[:] = [1, 0, -1] if outputs == 1 else [0, 1, -9, 0, 0, 0, 0, -1, -9]
    ax = plot.decision_boundary(net, X, Y)
    low, high = (path.get_extents() for path in ax.collections[0].get_paths()[:2])
    np.testing.assert_allclose([low.x1, high.x0], 1, atol=3.3 / 199)
    np.testing.assert_allclose(ax.collections[2].get_offsets(), X[:1])
    np.testing.assert_allclose(ax.collections[3].get_offsets(), X[1:])


def test_many_classes_look_different(pyplot, rng):
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 6
    ax = plot.decision_boundary(gd.MLP([2, 8, 6], seed=0), X, y)
    looks = {
        (scatter.get_paths()[0].vertices.tobytes(), scatter.get_facecolor().tobytes()) for scatter in ax.collections[2:]
    }
    assert len(looks) == 6
    assert len({hatch for hatch in ax.collections[0].hatches}) == 6


BESIDE = [
    lambda: HISTORY.plot(),
    lambda: MEASURED.plot(metrics="r2"),
    lambda: plot.decision_boundary(LINE, X, Y),
    lambda: plot.activations(LINE, X),
    lambda: plot.descent(square, [2.0, -1.0]),
    lambda: plot.descent(bowl, [[0.0, 1.0], [1.0, -1.0]]),
    lambda: plot.loss_plane(LINE, X, Y, "mse"),
    lambda: plot.loss_slice(LINE, X, Y, "mse"),
    lambda: gd.find_learning_rate(LINE, X, Y, "mse").plot(),
    lambda: gd.check_gradients(LINE, X, Y, "mse").plot(),
]


@pytest.mark.parametrize("draw", BESIDE)
def test_legends_cover_nothing(pyplot, draw):
    """The legend stands below the axes and their labels, inside of the figure."""
    ax = draw()
    ax.figure.canvas.draw()
    legend, labels, whole = (part.get_window_extent() for part in (ax.get_legend(), ax.xaxis.label, ax.figure))
    assert legend.y1 <= labels.y0 + 1 < ax.get_window_extent().y0
    assert legend.y0 >= -1
    assert -1 <= legend.x0 < legend.x1 <= whole.width + 1


def test_a_legend_stays_in_a_figure_that_makes_no_room(pyplot):
    figure, both = pyplot.subplots(1, 2)
    HISTORY.plot(both[0])
    figure.canvas.draw()
    legend, axes = both[0].get_legend().get_window_extent(), both[0].get_window_extent()
    assert axes.y0 < legend.y0 < legend.y1 < axes.y1


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda: plot.loss_plane(LINE, X, Y, "mse"), "mean_squared_error"),
        (lambda: plot.descent(bowl, [[0.0, 1.0], [1.0, -1.0]]), "fun(x)"),
    ],
)
def test_contours_have_a_bar_of_greys(pyplot, draw, name):
    ax = draw()
    [bar] = [other for other in ax.figure.axes if other is not ax]
    assert bar.get_ylabel() == name
    low, high = bar.get_ylim()
    assert low < high


def test_activations(pyplot, rng):
    X = rng.normal(size=(50, 2))
    net = gd.Sequential(gd.Standardize.from_data(X), gd.Dense(2, 6, "tanh"), gd.Dropout(0.5), gd.Dense(6, 1), seed=0)
    ax = plot.activations(net, X, bins=7)
    heights, edges = np.histogram(net.predict(X), 7, density=True)
    found = ax.patches[1].get_xy()
    np.testing.assert_allclose(found[1:-1:2, 1], heights, rtol=1e-5)
    np.testing.assert_allclose(np.unique(found[:, 0]), np.unique(edges), rtol=1e-5)
    assert np.abs(ax.patches[0].get_xy()[:, 0]).max() <= 1
    assert ax.patches[0].get_linestyle() != ax.patches[1].get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["dense0, tanh", "dense1, identity"]


@pytest.mark.parametrize(
    "draw",
    [lambda ax: plot.losses(HISTORY, ax), lambda ax: gd.schedules.StepDecay(0.1, 1).plot(3, ax)],
    ids=["epochs", "steps"],
)
def test_epochs_and_steps_are_whole_numbers(pyplot, draw):
    ax = draw(pyplot.subplots()[1])
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    ax = pyplot.subplots()[1]
    ax.set_xticks([0.0, 0.5])
    assert draw(ax).get_xticks().tolist() == [0.0, 0.5]  # whoever has chosen ticks keeps them


TRACELESS = gd.minimize(bowl, [0.0, 0.0], max_steps=1)
ERRORS = [
    (plot.losses, ([1.0],), TypeError, "history must be a gdcore.History"),
    (plot.gradient_flow, ("net", X, Y, "mse"), TypeError, "model must be a gdcore.Sequential"),
    (plot.ParamsTrace, ("net",), TypeError, "model must be a gdcore.Sequential"),
    (plot.decision_boundary, (gd.LinearModel(3), X, Y), ValueError, "needs a model of 2 features, got one of 3"),
    (plot.descent, (3, [[0.0, 0.0]]), TypeError, "fun must be callable, got 3"),
    (plot.descent, (bowl, TRACELESS), ValueError, "result without a trace: pass trace=True to minimize"),
    (plot.descent, (bowl, np.zeros((4, 3))), ValueError, "moves in 3 numbers; descent draws 1 or 2: take loss_plane"),
    (plot.descent, (bowl, []), ValueError, r"path has shape \(0,\); expected \(steps, n\)"),
    (plot.descent, (bowl, [[0.0, np.nan]]), ValueError, "path contains NaN"),
    (plot.descent, (lambda x: np.nan, [[0.0, 0.0]]), ValueError, "nowhere finite in the window: pass window="),
    (plot.descent, (lambda x: x, [[0.0, 0.0]]), TypeError, "fun must return a number"),
    (plot.loss_function(LINE, X, Y, "mse"), (np.zeros(2),), ValueError, r"x has shape \(2,\); expected \(3,\)"),
    (plot.loss_function, (gd.Sequential(gd.Log1p(2), gd.Dense(2, 1)), -X - 1, Y, "mse"), ValueError, "above -1"),
]
OPTIONS = [
    (plot.descent, (bowl, [[0.0, 0.0]]), {"window": [(0, 1)]}, TypeError, r"window must hold 2 pairs \(low, high\)"),
    (plot.descent, (square, [0.0]), {"window": (0, 1)}, TypeError, r"window must hold 1 pair \(low, high\)"),
    (plot.descent, (square, [0.0]), {"window": [(1, 0)]}, ValueError, "with low < high"),
    (plot.descent, (square, [0.0]), {"resolution": 1}, ValueError, "resolution must be >= 2, got 1"),
    (plot.loss_slice, (LINE, X, Y, "mse"), {"direction": [1.0]}, ValueError, r"shape \(1, 1\); expected \(1, 3\)"),
    (plot.loss_slice, (LINE, X, Y, "mse"), {"direction": [0.0] * 3}, ValueError, "a direction is zero"),
    (plot.loss_slice, (LINE, X, Y, "mse"), {"seed": -1}, ValueError, "seed must be >= 0"),
    (plot.loss_plane, (LINE, X, Y, "mse"), {"directions": [[1.0, 2, 3], [2, 4, 6]]}, ValueError, "are parallel"),
    (plot.loss_plane, (LINE, X, Y, "mse"), {"path": [[1.0, 2.0]]}, ValueError, "record it with ParamsTrace"),
    (plot.loss_plane, (LINE, X, Y, "mse"), {"levels": 1}, ValueError, "levels must be >= 2, got 1"),
]


@pytest.mark.parametrize(
    ("call", "arguments", "options", "kind", "message"), [(*row[:2], {}, *row[2:]) for row in ERRORS] + OPTIONS
)
def test_bad_arguments(pyplot, call, arguments, options, kind, message):
    with pytest.raises(kind, match=message):
        call(*arguments, **options)
    assert not pyplot.get_fignums()

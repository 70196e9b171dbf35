"""Paths of descents, upon curves and contours, by what is in their artists."""

import numpy as np
import pytest
from artists import bowl, line, lines_of_contours, square

import gdcore as gd
from gdcore import plot
from gdcore.plot.surface import contour_levels


@pytest.mark.parametrize("start", [2.0, [2.0], [[2.0]]])
@pytest.mark.parametrize("form", ["result", "trace", "places"])
def test_steps_upon_a_curve(pyplot, start, form):
    fun = square if np.ndim(start) == 0 else lambda a: (square(a)[0].item(), square(a)[1])
    result = gd.minimize(fun, start, optimizer=gd.SGD(0.1), max_steps=9, trace=True)
    ax = plot.descent(fun, {"result": result, "trace": result.trace, "places": result.trace.x}[form], resolution=7)
    grid, values = ax.lines[0].get_xydata().T
    np.testing.assert_allclose(values, square(grid)[0])
    assert grid[0] < result.trace.x.min() < result.trace.x.max() < grid[-1]
    assert len(grid) == 7
    across, up = line(ax, "path, 10 points")
    np.testing.assert_array_equal(across, result.trace.x.ravel())
    np.testing.assert_allclose(up, result.trace.fun)
    np.testing.assert_array_equal(line(ax, "start")[:, 0], [across[0], up[0]])
    np.testing.assert_array_equal(line(ax, "end")[:, 0], [across[-1], up[-1]])


@pytest.mark.parametrize("gives", ["value", "pair"])
def test_steps_upon_contours(pyplot, gives):
    """Where a contour line runs the function has its height, up to what lies between the grid's points."""
    result = gd.minimize(bowl, [-1.0, 2.0], optimizer=gd.SGD(0.1), max_steps=30, trace=True)
    ax = plot.descent(bowl if gives == "pair" else lambda x: bowl(x)[0], result)
    for level, points in lines_of_contours(ax):
        np.testing.assert_allclose(bowl(points.T)[0], level, atol=3 * (2.6 / 100) ** 2)
    np.testing.assert_array_equal(line(ax, "path, 31 points"), result.trace.x.T)
    np.testing.assert_array_equal(line(ax, "end")[:, 0], result.x)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x[0]", "x[1]")


@pytest.mark.parametrize("path", [[[-1.0, 2.0], [3.0, -2.0]], [[1.0, -1.0]]], ids=["through the middle", "one place"])
def test_heights_stand_neither_upon_the_path_nor_over_the_edges(pyplot, path):
    window = np.array([[-2.0, 4.0], [-4.0, 3.0]])
    ax = plot.descent(bowl, path, window=window, levels=20)
    low, width = window[:, 0], np.ptp(window, axis=1)
    along = (np.linspace(path[0], path[-1], 200) - low) / width
    labels = [(np.array(text.get_position()) - low) / width for text in ax.texts]
    assert len(labels) >= 3
    for at in labels:
        assert np.minimum(at, 1 - at).min() >= 0.05
        assert np.linalg.norm(along - at, axis=1).min() >= 0.05


def test_the_window_is_what_was_asked_for(pyplot):
    ax = plot.descent(bowl, [[0.0, 0.0]], window=[(-1, 2), (-3, 4)])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 2), (-3, 4))
    assert plot.descent(square, [2.0], window=[(-1, 2)]).get_xlim() == (-1, 2)


def test_the_window_has_room_around_a_straight_path(pyplot):
    ax = plot.descent(bowl, [[0.0, 0.5], [1.0, 0.5]])
    assert ax.get_xlim() == (-0.15, 1.15)
    assert ax.get_ylim() == pytest.approx((0.425, 0.575))
    assert plot.descent(square, [2.0]).get_xlim() == (1, 3)


def test_what_is_not_finite_is_left_out(pyplot):
    ax = plot.descent(lambda x: np.log(x[0]) + x[1] ** 2 if x[0] > 0 else np.nan, [[1.0, 0.0]], window=[(-1, 1)] * 2)
    assert min(points[:, 0].min() for _, points in lines_of_contours(ax)) > 0


def test_the_function_may_write_into_its_argument(pyplot):
    def fun(x):
        x *= x
        return float(x.sum())

    path = np.array([[1.0, 2.0], [0.5, 1.0]])
    np.testing.assert_array_equal(line(plot.descent(fun, path), "path"), [[1, 0.5], [2, 1]])
    np.testing.assert_allclose(plot.descent(fun, path[:, :1]).lines[1].get_xydata(), [[1, 1], [0.5, 0.25]])


def test_a_constant_has_no_contours(pyplot):
    ax = plot.descent(lambda x: 1.0, [[0.0, 0.0], [1.0, 1.0]])
    assert not ax.collections
    assert line(ax, "path").shape == (2, 2)


def test_levels_are_squared_quantiles():
    values = np.arange(101.0)
    np.testing.assert_allclose(contour_levels(values, 3), 100 * np.array([1, 4, 9]) / 16)
    assert not len(contour_levels(np.ones(9), 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_models_path(pyplot, rng, dtype):
    X, y = rng.normal(size=(30, 1)), rng.normal(size=(30, 1))
    net = gd.LinearModel(1, seed=0, dtype=dtype)
    trainer = gd.Trainer(net.copy(), "mse", gd.SGD(0.1), batch_size=30)
    expected = [net.params.copy()]
    for _ in range(5):
        trainer.step(X, y)
        expected.append(trainer.model.params.copy())
    trace = plot.ParamsTrace(net)
    history = net.fit(X, y, loss="mse", optimizer=gd.SGD(0.1), epochs=5, batch_size=30, callbacks=trace)
    np.testing.assert_allclose(trace.x, expected, rtol=8 * np.finfo(dtype).eps)
    value = plot.loss_function(net, X, y, "mse", l2=0.5)
    penalty = 0.25 * trace.x[:-1, 0] ** 2
    np.testing.assert_allclose([value(x) for x in trace.x[:-1]], history.loss + penalty, rtol=8 * np.finfo(dtype).eps)
    ax = plot.descent(value, trace)
    np.testing.assert_array_equal(line(ax, "path, 6 points"), trace.x.T)

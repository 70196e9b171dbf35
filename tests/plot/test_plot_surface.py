"""Slices and planes of a loss, by what is in their artists."""

import numpy as np
import pytest
from artists import EPS, line, lines_of_contours

import gdcore as gd
from gdcore import plot


@pytest.fixture
def case(rng):
    """A network with biases, and its data."""
    net = gd.MLP([3, 5, 2], activation="relu", seed=0, dtype="float64")
    net.params[:] = rng.normal(size=net.n_params)
    return net, rng.normal(size=(20, 3)), rng.normal(size=(20, 2)), "huber"


def moved(case, step):
    """The loss of a copy whose parameters have been moved."""
    net, *data = case
    copy = net.copy()
    copy.params += step
    return copy.loss(*data)


def test_slice_along_a_direction(pyplot, case, rng):
    direction, before = rng.normal(size=case[0].n_params), case[0].params.copy()
    ax = plot.loss_slice(*case, direction=direction, window=(-0.5, 2), resolution=6)
    steps, values = ax.lines[0].get_xydata().T
    np.testing.assert_allclose(steps, [-0.5, 0, 0.5, 1, 1.5, 2])
    np.testing.assert_allclose(values, [moved(case, t * direction) for t in steps], rtol=100 * EPS)
    np.testing.assert_allclose(line(ax, "the model")[:, 0], [0, moved(case, 0)], rtol=100 * EPS)
    np.testing.assert_array_equal(case[0].params, before)


def test_random_slices_do_not_see_the_scale_of_a_layer(pyplot, case):
    """Relu lets a factor of one layer be taken back by the next one: the function is the same, so is the picture."""
    values = plot.loss_slice(*case, seed=3).lines[0].get_ydata()
    for name, factor in (("dense0.weight", 8), ("dense0.bias", 8), ("dense1.weight", 1 / 8)):
        dict(case[0].parameters())[name] *= factor
    np.testing.assert_allclose(plot.loss_slice(*case, seed=3).lines[0].get_ydata(), values, rtol=1000 * EPS)
    assert np.ptp(values) > 0.01
    assert np.abs(plot.loss_slice(*case, seed=4).lines[0].get_ydata() - values).max() > 0.01


def test_random_steps_are_as_long_as_the_weights(pyplot):
    """At -1 or 1 one weight is doubled or gone: a model w x with y = 0 has the loss (1 + t)^2 (w x)^2 or its mirror."""
    net = gd.LinearModel(1, bias=False, seed=0, dtype="float64")
    ends = plot.loss_slice(net, [[1.0]], [0.0], "mse", resolution=2).lines[0].get_ydata()
    np.testing.assert_allclose(sorted(ends), [0, 4 * net.params[0] ** 2], atol=100 * EPS)


def test_plane_of_two_directions(pyplot, case, rng):
    plane = rng.normal(size=(2, case[0].n_params)) / 4
    before = case[0].params.copy()
    ax = plot.loss_plane(*case, directions=plane, resolution=81)
    for level, points in lines_of_contours(ax):
        found = [moved(case, point @ plane) for point in points[::10]]
        np.testing.assert_allclose(found, level, rtol=2e-3)
    np.testing.assert_array_equal(line(ax, "the model"), [[0], [0]])
    np.testing.assert_array_equal(case[0].params, before)


def test_path_in_a_plane(pyplot, case, rng):
    """Of a path that lies in the plane, no step is changed."""
    net = case[0]
    plane, steps = rng.normal(size=(2, net.n_params)), rng.normal(size=(6, 2))
    ax = plot.loss_plane(*case, directions=plane, path=net.params + steps @ plane, resolution=5)
    np.testing.assert_allclose(line(ax, "path, 6 points"), steps.T, rtol=1000 * EPS)
    ax = plot.loss_plane(*case, directions=plane, path=net.params + np.array([[2.0, 4], [3, 4]]) @ plane, resolution=5)
    assert (ax.get_xlim(), ax.get_ylim()) == (pytest.approx((-0.45, 3.45)), pytest.approx((-0.6, 4.6)))


def test_principal_directions_of_a_path(pyplot, case, rng):
    """The longest axis first; lengths are kept, and the start lies on the positive side of both."""
    net = case[0]
    axes = np.linalg.qr(rng.normal(size=(net.n_params, 2)))[0].T
    steps = np.array([[-3.0, 0.5], [3.0, 0.5], [2.0, -0.5], [-2.0, -0.5]])
    ax = plot.loss_plane(*case, path=net.params + steps @ axes, resolution=5)
    np.testing.assert_allclose(line(ax, "path"), (steps * [-1, 1]).T, rtol=1000 * EPS)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "principal direction 0 of the path (96%)",
        "principal direction 1 of the path (4%)",
    )
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert low < -3 < 3 < high
    assert bottom < -0.5 < 0.5 < top

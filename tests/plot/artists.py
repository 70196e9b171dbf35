"""What the tests of pictures draw, and how they find its artists."""

import numpy as np

import gdcore as gd

EPS = np.finfo(float).eps
HISTORY = gd.History([3.0, 2.0], [4.0, 1.0], stop_reason="enough")
LINE = gd.LinearModel(2, seed=0, dtype="float64")
X, Y = np.array([[0.0, 0.0], [2.0, 1.0], [3.0, 5.0]]), np.array([0, 1, 1])


def bowl(x):
    """A quadratic of two numbers whose minimum is at (1, -1)."""
    a, b = x
    return 3 * (a - 1) ** 2 + (b + 1) ** 2, np.array([6 * (a - 1), 2 * (b + 1)])


def square(a):
    return (3 + 3 * a) ** 2, 18 * (a + 1)


def line(ax, label):
    """x and y of the line of that name."""
    [found] = [line for line in ax.lines if line.get_label().startswith(label)]
    return np.array(found.get_xydata()).T


def lines_of_contours(ax):
    """(height, points (k, 2)) for each piece of each contour line."""
    areas, lines = ax.collections[:2]
    assert (areas.filled, lines.filled) == (True, False)
    pieces = [
        (level, polygon)
        for level, path in zip(lines.levels, lines.get_paths(), strict=True)
        for polygon in path.to_polygons(closed_only=False)
    ]
    assert len(pieces) > 5
    return pieces

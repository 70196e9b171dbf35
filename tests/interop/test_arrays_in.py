"""Inputs by DLPack and by the buffer protocol."""

import array
import ctypes

import numpy as np
import pytest

import gdcore as gd
from interop.exchanged import Exchanged


class Iterated(Exchanged):
    def __iter__(self):
        raise AssertionError("read number by number")


class Elsewhere(Exchanged):
    def __dlpack__(self, **options):
        raise BufferError("the array is on a GPU")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
@pytest.mark.parametrize("wrap", [Exchanged, Iterated, memoryview])
def test_exchanged_arrays_are_inputs_and_targets(wrap, dtype, rng):
    net = gd.MLP([3, 4, 1], seed=0)
    X = (10 * rng.random((20, 3))).astype(dtype)
    y = np.arange(20, dtype=dtype)
    assert (net.predict(wrap(X)) == net.predict(X)).all()
    assert (net.predict(wrap(X[::2])) == net.predict(X[::2])).all()
    assert net.loss(wrap(X), wrap(y), "mse") == net.loss(X, y, "mse")
    other = gd.MLP([3, 4, 1], seed=0)
    net.fit(X, y, "mse", epochs=2, seed=0)
    other.fit(wrap(X), wrap(y), "mse", epochs=2, seed=0)
    assert (net.params == other.params).all()


def test_buffers_of_python():
    net = gd.MLP([3, 4, 1], seed=0)
    numbers = array.array("d", [1, 2, 3, 4, 5, 6])
    want = net.predict([[1, 2, 3], [4, 5, 6]])
    assert (net.predict(memoryview(numbers).cast("B").cast("d", (2, 3))) == want).all()
    assert (net.predict(((ctypes.c_float * 3) * 2)((1, 2, 3), (4, 5, 6))) == want).all()
    assert net.loss([[1, 2, 3], [4, 5, 6]], array.array("f", [0, 1]), "mse") > 0


def test_what_cannot_be_read_is_named():
    X = np.ones((2, 3), np.float32)
    net = gd.LinearModel(3)
    with pytest.raises(TypeError, match=r"X is an? .*Elsewhere that NumPy cannot read: the array is on a GPU"):
        net.predict(Elsewhere(X))
    with pytest.raises(ValueError, match="X contains NaN in row 0, column 0"):
        net.predict(Exchanged(X * np.nan))
    with pytest.raises(ValueError, match="X has 2 features"):
        net.predict(Exchanged(X[:, :2]))


def test_the_array_itself_is_unchanged(rng):
    X = rng.normal(size=(30, 3)).astype(np.float32)
    before = X.copy()
    gd.LinearModel(3).fit(Exchanged(X), np.ones(30), "mse", epochs=3)
    assert (before == X).all()

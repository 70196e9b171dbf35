"""Differences of a model's loss in compiled code where a step ends at a kink, or beyond it."""

import numpy as np
import pytest
import reference

import gdcore as gd
from gdcore.layers.layer import layer_table


def test_patterns_at_a_kink(kernels):
    """relu(w x) with w = 0: both sides differ from the point itself and from one another; further out is the same."""
    dtype = kernels.PRECISION
    layers = gd.MLP([1, 1, 1], "relu").layers
    params = np.array([0, 0, 1, 0], dtype)
    network = kernels.Network(layer_table(layers, dtype), params, 1, False)
    probe = kernels.Probe(
        network, "mean_squared_error", 0.0, (np.ones((1, 1), dtype), np.ones((1, 1), dtype), None, None)
    )
    places = np.array([-1, -0.5, 0, 0.5, 1], dtype)
    change, noise, patterns = np.empty(5), np.empty(5), np.empty(5, np.uint64)
    probe.at(np.zeros(5, np.int64), places, change, noise, patterns)
    np.testing.assert_array_equal(change, [0, 0, 0, -0.75, -1])
    assert patterns[0] == patterns[1] != patterns[2] == 0 != patterns[3] == patterns[4] != patterns[0]


def test_a_step_that_ends_at_a_kink(kernels):
    """A hidden unit's z becomes 0 in one row of many: a sign changes there, and the change is that of both pieces."""
    dtype, rows = kernels.PRECISION, 70
    X = np.linspace(1, 3, rows).astype(dtype)[:, None]
    X[33] = 0.5
    for activation, below in (
        ("relu", 0.0),
        ("leaky_relu", 0.01),
        ("identity", 1.0),
        (gd.LeakyReLU(0.25), 0.25),
        (gd.LeakyReLU(-0.5), -0.5),
    ):
        layers = gd.MLP([1, 1, 1], activation).layers
        params = np.array([1, 0, 1, 0], dtype)  # z = x
        network = kernels.Network(layer_table(layers, dtype), params, 1, False)
        probe = kernels.Probe(network, "mean_squared_error", 0.0, (X, np.zeros((rows, 1), dtype), None, None))
        steps = np.array([-0.25, -0.5, -0.75], dtype)  # of the bias: short of the kink, to it, beyond
        change, noise, patterns = np.empty(3), np.empty(3), np.empty(3, np.uint64)
        probe.at(np.ones(3, np.int64), steps, change, noise, patterns)
        z = X.astype(float) + steps.astype(float)
        want = np.mean(np.where(z > 0, z, below * z) ** 2 - X.astype(float) ** 2, axis=0)
        np.testing.assert_allclose(change, want, rtol=100 * np.finfo(dtype).eps)
        kinked = activation != "identity"
        assert [bool(pattern) for pattern in patterns] == [False, kinked, kinked]
        assert len(set(patterns.tolist())) == (3 if kinked else 1)


@pytest.mark.parametrize(("activation", "kink"), [("relu6", 6), ("hardtanh", 1), ("hard_swish", 3)])
def test_a_step_that_ends_at_a_kink_away_from_0(kernels, activation, kink):
    """The same of an upper kink, which one row of many reaches from below."""
    dtype, rows = kernels.PRECISION, 70
    X = np.linspace(-3, 0.25, rows).astype(dtype)[:, None] * 0.25 + kink - 1
    X[33] = kink - 0.5
    params = np.array([1, 0, 1, 0], dtype)
    network = kernels.Network(layer_table(gd.MLP([1, 1, 1], activation).layers, dtype), params, 1, False)
    probe = kernels.Probe(network, "mean_squared_error", 0.0, (X, np.zeros((rows, 1), dtype), None, None))
    steps = np.array([0.25, 0.5, 0.75], dtype)
    change, noise, patterns = np.empty(3), np.empty(3), np.empty(3, np.uint64)
    probe.at(np.ones(3, np.int64), steps, change, noise, patterns)
    after, before = (reference.activation(activation, X.astype(float) + by)[0] for by in (steps.astype(float), 0))
    np.testing.assert_allclose(change, np.mean(after**2 - before**2, axis=0), rtol=500 * np.finfo(dtype).eps)
    assert [bool(pattern) for pattern in patterns] == [False, True, True]
    assert len(set(patterns.tolist())) == 3

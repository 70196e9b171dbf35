"""Models that every way out is tried on, with data for them, and how near an answer must be."""

import numpy as np

import gdcore as gd

ACTIVATIONS = (*(row.name for row in gd.ACTIVATIONS), gd.LeakyReLU(0.3), gd.LeakyReLU(-0.5))


def drawn(net, rng, size=0.7):
    """The model with other parameters, biases too."""
    net.params = (size * rng.normal(size=net.n_params)).astype(net.dtype)
    return net


def with_activation(activation, dtype, rng):
    return drawn(gd.Sequential(gd.Dense(4, 7, activation), gd.Dense(7, 3, activation), dtype=dtype), rng)


def scaled(dtype, rng):
    """Every scaling layer, dropout, a layer without bias, scaled targets; and data that it takes."""
    X = np.exp(rng.normal(size=(50, 4))) * [1e-3, 1.0, 30.0, 1e4]
    first = gd.Log1p.from_data(X)
    Z = np.log1p(X)
    second = gd.Standardize.from_data(Z)
    third = gd.MinMax.from_data((Z - second.mean) / second.std, low=-1.0)
    net = gd.Sequential(
        first,
        second,
        third,
        gd.Dense(4, 9, "tanh", bias=False),
        gd.Dropout(0.3),
        gd.Dense(9, 5, gd.LeakyReLU(0.1)),
        gd.Dense(5, 2),
        gd.ScaledTarget((100.0, -3.0), (20.0, 0.5)),
        dtype=dtype,
    )
    return drawn(net, rng), X


def near(found, wanted, dtype):
    """Whether outputs agree to 1e-6 of the largest in their column, or of 1; in float64 to 1e-13."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    bound = 1e-6 if dtype == "float32" else 1e-13
    return (
        found.shape == wanted.shape
        and (np.abs(found - wanted) <= bound * np.maximum(1, np.abs(wanted).max(axis=0))).all()
    )

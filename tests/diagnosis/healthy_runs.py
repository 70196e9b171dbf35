"""Runs of which a diagnosis has nothing to say."""

import numpy as np
from diagnosis_cases import blobs, followed, line_data

import gdcore as gd
from gdcore.datasets import load_digits


def regression(activation, optimizer, batch_size=16, epochs=60, dtype="float32", sizes=(16, 16)):
    X, y = line_data(400)
    X, Xv, y, yv = X[:200], X[200:], y[:200], y[200:]
    net = gd.MLP([3, *sizes, 1], activation, seed=0, dtype=dtype)
    history = net.fit(
        X, y, loss="mse", optimizer=optimizer, batch_size=batch_size, epochs=epochs, validation_data=(Xv, yv)
    )
    return gd.diagnose(net, X, y, "mse", history, optimizer=optimizer)


def classes(loss, optimizer, epochs=60, layers=(16,)):
    X, y = blobs(240)
    binary = loss == "bce"
    y = y % 2 if binary else y
    net = gd.MLP([2, *layers, 1 if binary else 3], "relu", seed=0)
    history = net.fit(X, y, loss=loss, optimizer=optimizer, epochs=epochs)
    return gd.diagnose(net, X, y, loss, history, optimizer=optimizer)


def digits(optimizer, activation="relu", epochs=12):
    X, y, X_test, y_test = load_digits()
    X, y = X[:400], y[:400]
    net = gd.MLP([64, 32, 10], activation, seed=0)
    history = net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=epochs, validation_data=(X_test, y_test))
    return gd.diagnose(net, X, y, "cross_entropy", history, optimizer=optimizer)


def untrained(activation, depth):
    X, y = line_data()
    net = gd.MLP([3, *[32] * depth, 1], activation, seed=0)
    return gd.diagnose(net, X, y, "mse")


def noise_alone(optimizer):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 6)), rng.normal(size=(300, 1))
    return followed(gd.MLP([6, 16, 1], "tanh", seed=0), X, y, "mse", optimizer, epochs=40)


def learned_by_saturated_units():
    rng = np.random.default_rng(0)
    X = 3 * rng.normal(size=(400, 12))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    return followed(gd.MLP([12, 12, 3], "tanh", seed=0), X, y, "cross_entropy", gd.SGD(0.05, momentum=0.9), epochs=40)


def constant_target(value, n=50):
    X, _ = line_data(n)
    return followed(gd.LinearModel(3, seed=0), X, np.full((n, 1), value), "mse", gd.SGD(0.1), epochs=300, batch_size=n)


def few_digits():
    X, y, *_ = load_digits()
    return gd.diagnose(gd.MLP([64, 32, 10], seed=0), X[:20], y[:20], "cross_entropy")


HEALTHY = [
    *[lambda name=row.name: regression(name, gd.Adam(0.01)) for row in gd.ACTIVATIONS],
    *[
        lambda rule=rule: regression("tanh", rule)
        for rule in (
            gd.SGD(0.05),
            gd.SGD(0.02, momentum=0.9),
            gd.SGD(0.02, momentum=0.9, nesterov=True),
            gd.RMSprop(0.005),
            gd.Adagrad(0.1),
            gd.AdamW(0.01),
            gd.SGD(gd.schedules.Cosine(0.1, 780)),
        )
    ],
    lambda: regression("tanh", gd.SGD(0.1), batch_size=200, epochs=300),
    lambda: regression("tanh", gd.SGD(0.05), dtype="float64"),
    lambda: regression("identity", gd.SGD(0.1), sizes=()),
    lambda: classes("cross_entropy", gd.Adam(0.01)),
    lambda: classes("cross_entropy", gd.SGD(0.1), epochs=200),
    lambda: classes("cross_entropy", gd.SGD(0.1), layers=()),
    lambda: classes("bce", gd.Adam(0.01)),
    lambda: digits(gd.Adam(0.003)),
    lambda: digits(gd.SGD(0.1), "tanh"),
    lambda: digits(gd.SGD(0.05, momentum=0.9), "sigmoid"),
    lambda: untrained("relu", 8),
    lambda: untrained("tanh", 8),
    lambda: untrained("selu", 4),
    lambda: untrained("sigmoid", 1),
    lambda: noise_alone(gd.SGD(gd.schedules.Cosine(0.02, 400))),
    lambda: noise_alone(gd.Adam(0.001)),
    lambda: constant_target(0.0),
    lambda: constant_target(5.0),
    lambda: constant_target(1e6, 1),
    few_digits,
    learned_by_saturated_units,
]

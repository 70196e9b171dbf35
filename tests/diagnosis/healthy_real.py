"""Runs on data sets that ship with other packages, five folds of each, of which a diagnosis finds no problem."""

import numpy as np
import pytest

import gdcore as gd

FOLDS = 5


def scikit(name):
    found = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")()
    return found.data, found.target


def stats(name, target):
    frame = getattr(pytest.importorskip("statsmodels.api").datasets, name).load_pandas().data.dropna().astype(float)
    return frame.drop(columns=target).to_numpy()[:2000], frame[target].to_numpy()[:2000]


def standardized(A, rows):
    deviation = A[rows].std(axis=0)
    return (A - A[rows].mean(axis=0)) / np.where(deviation > 1e-9, deviation, 1.0)


REAL = {
    "diabetes": (lambda: scikit("diabetes"), "mse", (16,), 40),
    "breast_cancer": (lambda: scikit("breast_cancer"), "bce", (16,), 30),
    "wine": (lambda: scikit("wine"), "cross_entropy", (16,), 40),
    "iris": (lambda: scikit("iris"), "cross_entropy", (16,), 60),
    "digits": (lambda: scikit("digits"), "cross_entropy", (32,), 15),
    "engel": (lambda: stats("engel", "foodexp"), "mae", (16,), 80),
    "fair": (lambda: stats("fair", "rate_marriage"), "huber", (16,), 15),
    "randhie": (lambda: stats("randhie", "mdvis"), "poisson", (16,), 15),
    "statecrime": (lambda: stats("statecrime", "murder"), "mse", (16,), 150),
}
"""Loader, loss, hidden layers, epochs."""
RULES = (
    gd.Adam(0.01),
    gd.SGD(0.05),
    gd.SGD(0.02, momentum=0.9),
    gd.RMSprop(0.005),
    gd.AdamW(gd.schedules.Exponential(0.01, 0.97, per="epoch")),
)
"""The optimizer of each fold."""
ACTIVATIONS = ("relu", "tanh", "silu", "elu", "sigmoid")


def run(name, fold):
    """The diagnosis of one fold's training."""
    load, loss, hidden, epochs = REAL[name]
    X, y = load()
    order = np.random.default_rng(0).permutation(len(X))
    test = order[fold::FOLDS]
    rows = np.setdiff1d(order, test)
    X = standardized(X, rows)
    if loss in ("mse", "mae", "huber"):
        y = standardized(y, rows)
    outputs = int(y.max()) + 1 if loss == "cross_entropy" else y[0].size
    net = gd.MLP([X.shape[1], *hidden, outputs], ACTIVATIONS[fold], seed=fold)
    rule = RULES[fold]
    history = net.fit(
        X[rows],
        y[rows],
        loss=loss,
        optimizer=rule,
        epochs=epochs,
        batch_size=16,
        validation_data=(X[test], y[test]),
        stop=gd.EarlyStopping(patience=20),
        seed=fold,
        clip_norm=1.0 if loss == "poisson" else None,
    )
    return gd.diagnose(net, X[rows], y[rows], loss, history, optimizer=rule)

"""The loss of each output by itself over an epoch."""

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels.sparse_rows import SparseRows
from gdcore.training import output_sums


def problem(n, n_in, k, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in)) * (rng.random((n, n_in)) < 0.4)
    return X, np.where(rng.random((n, k)) < 0.4, 1.0, -1.0)


def sparse(X):
    rows, columns = np.nonzero(X)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(X)))]).astype(np.int64)
    return SparseRows(np.ascontiguousarray(X[rows, columns]), columns.astype(np.int32), starts, X.shape[1])


def values_of(loss, z, y):
    return {"hinge": np.maximum(0, 1 - z * y), "mse": (z - y) ** 2}[loss]


PRECISIONS = ["float32", "float64"]
SIZES = [(60, 5, 3, 1), (60, 30, 4, 1), (60, 5, 3, 3), (50, 30, 20, 7), (40, 12, 600, 1), (4000, 20, 4, 4000)]
"""Rows, features, outputs and rows of a batch: tiny ones, several blocks of outputs, groups of blocks."""


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("loss", ["hinge", "mse"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_sums_are_those_of_single_steps(size, loss, bias, dtype):
    n, n_in, k, batch = size
    X, y = (array.astype(dtype) for array in problem(n, n_in, k))
    weight = np.random.default_rng(1).uniform(0.1, 2.0, n).astype(dtype)
    options = {"l2": 0.02, "clip_norm": 1e9}
    rate = gd.SGD(0.2 if loss == "hinge" else 0.02)
    eps = np.finfo(dtype).eps
    for rows in (X, sparse(X)):
        net = gd.LinearModel(n_in, k, bias=bias, dtype=dtype, seed=1)
        by_steps, losses, squares, order = net.copy(), 0.0, 0.0, np.arange(n)
        steps = gd.Trainer(by_steps, loss, rate, **options)
        trainer = gd.Trainer(net, loss, rate, batch_size=batch, shuffle=False, **options)
        sums = trainer.sum_outputs()
        assert not sums.losses.any()
        for first in range(0, n, batch):
            at = order[first : first + batch]
            squares = squares + np.square(by_steps.params[: n_in * k].astype(float)).reshape(n_in, k).sum(0)
            losses = losses + values_of(loss, by_steps.predict(X[at]).astype(float), y[at]).sum(0)
            steps.step(X[at], y[at], weight[at] / weight.mean())
        trainer.epoch(rows, y, weight)
        np.testing.assert_allclose(sums.losses, losses / n, rtol=200 * eps, atol=200 * eps)
        if batch == 1:
            np.testing.assert_allclose(sums.squares, squares / n, rtol=2000 * eps, atol=200 * eps)


@pytest.mark.parametrize("rates", [{"dense0": 0.1}, {"dense0.bias": 0.1}, {"dense0": 0.5, "dense0.bias": 4.0}], ids=str)
def test_norms_follow_the_rate_of_the_weights(rates):
    X, y = problem(60, 5, 3)
    options = {"l2": 0.02, "layer_rates": rates, "shuffle": False, "batch_size": 1}
    net = gd.LinearModel(5, 3, dtype="float64", seed=1)
    by_steps, squares = net.copy(), 0.0
    steps, trainer = (gd.Trainer(each, "mse", gd.SGD(0.05), **options) for each in (by_steps, net))
    sums = trainer.sum_outputs()
    for i in range(60):
        squares = squares + np.square(by_steps.params[:15]).reshape(5, 3).sum(0)
        steps.step(X[i : i + 1], y[i : i + 1])
    trainer.epoch(X, y)
    np.testing.assert_allclose(sums.squares, squares / 60, rtol=1e-12)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_sums_begin_anew_with_each_epoch_and_change_no_bit(dtype):
    X, y = (array.astype(dtype) for array in problem(70, 9, 4))
    nets = [gd.LinearModel(9, 4, dtype=dtype, seed=1) for _ in range(2)]
    trainers = [gd.Trainer(net, "hinge", gd.SGD(0.1), batch_size=2, l2=0.01, seed=3) for net in nets]
    sums = trainers[0].sum_outputs()
    means = [[trainer.epoch(X, y) for _ in range(3)] for trainer in trainers]
    assert means[0] == means[1]
    assert (nets[0].params == nets[1].params).all()
    np.testing.assert_allclose(sums.losses.mean(), means[0][-1], rtol=100 * np.finfo(dtype).eps)


def test_an_epoch_in_parts_has_the_sums_of_a_whole_one():
    X, y = problem(50, 6, 3)
    found = []
    for parts in ((50,), (20, 7, 23)):
        trainer = gd.Trainer(gd.LinearModel(6, 3, dtype="float64", seed=1), "hinge", gd.SGD(0.1), batch_size=1, seed=3)
        sums = trainer.sum_outputs()
        for steps in parts:
            trainer.fit(X, y, max_steps=steps)
        found.append((sums.losses, sums.squares))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-13)


def test_sums_do_not_depend_on_threads():
    X, y = problem(6000, 40, 5)
    found = []
    for threads in (1, 3):
        trainer = gd.Trainer(gd.LinearModel(40, 5, dtype="float64", seed=1), "hinge", gd.SGD(0.1), batch_size=3000)
        sums = trainer.sum_outputs()
        with gd.num_threads(threads):
            trainer.epoch(X, y)
        found.append(sums.losses)
    assert (found[0] == found[1]).all()


def test_a_refused_step_adds_nothing():
    X, y = problem(20, 6, 3)
    X[11, 0] = 1e200
    trainer = gd.Trainer(
        gd.LinearModel(6, 3, dtype="float64", seed=1), "mse", gd.SGD(0.01), batch_size=1, shuffle=False
    )
    sums = trainer.sum_outputs()
    with pytest.raises(gd.DivergedError):
        trainer.epoch(X, y)
    before = sums.losses
    trainer = gd.Trainer(
        gd.LinearModel(6, 3, dtype="float64", seed=1), "mse", gd.SGD(0.01), batch_size=1, shuffle=False
    )
    sums = trainer.sum_outputs()
    trainer.epoch(X[:11], y[:11])
    np.testing.assert_allclose(before, sums.losses, rtol=1e-14)


@pytest.mark.parametrize(
    ("model", "loss", "match"),
    [
        (gd.LinearModel(3, 1), "mse", "needs several outputs of one dense layer"),
        (gd.MLP([3, 4, 2]), "mse", "needs several outputs of one dense layer"),
        (gd.Sequential(gd.Dense(3, 2, "tanh")), "mse", "without activation"),
        (gd.LinearModel(3, 2), "cross_entropy", "each output has a loss of its own"),
        (gd.LinearModel(3, 2), lambda z, y: (0.0, z), "each output has a loss of its own"),
    ],
)
def test_what_has_no_sums_of_outputs(model, loss, match):
    with pytest.raises(ValueError, match=match):
        gd.Trainer(model, loss, gd.SGD(0.1)).sum_outputs()


def test_new_sums_leave_the_first_ones():
    X, y = problem(20, 3, 2)
    trainer = gd.Trainer(gd.LinearModel(3, 2), "mse", gd.SGD(0.01), batch_size=1)
    first = trainer.sum_outputs()
    trainer.epoch(X, y)
    before = first.losses
    second = trainer.sum_outputs()
    assert isinstance(second, output_sums.OutputSums)
    trainer.epoch(X[:10], y[:10])
    np.testing.assert_array_equal(first.losses, before)
    assert (second.losses != before).all()


def test_sums_are_not_begun_within_a_fit():
    X, y = problem(20, 3, 2)
    trainer = gd.Trainer(gd.LinearModel(3, 2), "mse", gd.SGD(0.01))

    class Sum(gd.Callback):
        def on_epoch_end(self, state):
            trainer.sum_outputs()

    with pytest.raises(RuntimeError, match="sum_outputs"):
        trainer.fit(X, y, epochs=2, callbacks=Sum())


def test_the_kernels_refuse_sums_that_do_not_fit():
    run = gd.Trainer(gd.LinearModel(3, 3), "mse", gd.SGD(0.1))._run
    for shape in ((2, 3), (3, 4), (1, 4)):
        with pytest.raises(ValueError, match=r"sums must have shape \(2, 4\)"):
            run.sum_outputs(np.zeros(shape))
    with pytest.raises(ValueError, match="one linear layer"):
        gd.Trainer(gd.Sequential(gd.Dense(3, 2, "tanh")), "mse", gd.SGD(0.1))._run.sum_outputs(np.zeros((2, 3)))

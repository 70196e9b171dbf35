"""A step's gradient goes into the update strip by strip, or is kept where it has to be clipped: the same step.

The gradient has the same bits. The update's loops end elsewhere, and the ends may round otherwise by an ulp.
"""

import numpy as np
import pytest

import gdcore as gd
from gdcore.optimizers import OPTIMIZERS

NEVER = 1e30  # a norm that no gradient here reaches, so that the gradient is kept and not clipped


def trained(widths, batch, *, optimizer, dtype, steps=4, threads=1, clip_norm=None, **options):
    rng = np.random.default_rng(5)
    X = rng.standard_normal((steps * batch, widths[0])).astype(dtype)
    y = np.tanh(rng.standard_normal((steps * batch, widths[-1]))).astype(dtype)
    net = gd.MLP(widths, "tanh", dropout=0.1, seed=1, dtype=dtype)
    trainer = gd.Trainer(net, "mse", optimizer, batch_size=batch, shuffle=False, seed=2, clip_norm=clip_norm, **options)
    with gd.num_threads(threads):
        for start in range(0, len(X), batch):
            trainer.step(X[start : start + batch], y[start : start + batch])
    return net.params, trainer


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_streamed_step_is_the_kept_one(optimizer, dtype):
    for widths in ([70, 67, 5], [5, 300, 33, 1], [600, 9]):
        for options in ({}, {"l1": 1e-4, "l2": 1e-3}):
            streamed, one = trained(widths, 33, optimizer=optimizer(), dtype=dtype, **options)
            kept, other = trained(widths, 33, optimizer=optimizer(), dtype=dtype, clip_norm=NEVER, **options)
            eps = float(np.finfo(dtype).eps)
            np.testing.assert_allclose(streamed, kept, rtol=0, atol=50 * eps * np.abs(kept).max())
            assert (streamed != kept).mean() < 0.05
            assert one._run.gradient_norm == pytest.approx(other._run.gradient_norm, rel=100 * eps)


@pytest.mark.parametrize("widths", [[70, 67, 5], [3, 4, 2], [300, 1]], ids=str)
def test_a_batch_of_one_is_the_kept_step(widths):
    for optimizer in (gd.SGD(0.1), gd.SGD(0.1, momentum=0.9), gd.Adam(0.01)):
        for l2 in (0.0, 1e-2):
            streamed, one = trained(widths, 1, optimizer=optimizer, dtype="float64", l2=l2)
            kept, other = trained(widths, 1, optimizer=optimizer, dtype="float64", l2=l2, clip_norm=NEVER)
            np.testing.assert_allclose(streamed, kept, rtol=1e-12, atol=1e-13)
            assert one._run.gradient_norm == pytest.approx(other._run.gradient_norm, rel=1e-12)


@pytest.mark.parametrize("batch", [500, 600], ids=["one part of the sum", "two parts"])
def test_deep_sums_and_several_threads(batch):
    widths = [400, 300, 20]
    one, _ = trained(widths, batch, optimizer=gd.SGD(0.1), dtype="float32", steps=2)
    for threads in (2, 3):
        some, _ = trained(widths, batch, optimizer=gd.SGD(0.1), dtype="float32", steps=2, threads=threads)
        np.testing.assert_array_equal(one, some)
    kept, _ = trained(widths, batch, optimizer=gd.SGD(0.1), dtype="float32", steps=2, clip_norm=NEVER)
    np.testing.assert_array_equal(one, kept)


def test_a_refused_step_changes_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 100)).astype("float32"), rng.standard_normal((8, 60)).astype("float32")
    for optimizer in (gd.SGD(0.1), gd.Adam(0.1)):
        net = gd.MLP([100, 60], seed=0)
        trainer = gd.Trainer(net, "mse", optimizer)
        trainer.step(X, y)
        before = net.params.copy()
        with pytest.raises(gd.DivergedError):
            trainer.step(X * np.float32(1e30), y * np.float32(1e15))
        np.testing.assert_array_equal(net.params, before)
        assert np.isfinite(trainer.step(X, y))


@pytest.mark.parametrize(("rows", "shorter"), [(456, 455), (300, 292), (200, 129), (512, 257)])
def test_a_shorter_batch_may_take_more_scratch(isa, rows, shorter):
    """A group of panels holds more columns where the sums are shorter."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((rows + shorter, 150)).astype("float32")
    ends = []
    for first in (rows, shorter):
        net = gd.MLP([150] * 7 + [290, 1], "tanh", seed=0)
        trainer = gd.Trainer(net, "mse", gd.SGD(0.01))
        trainer.step(X[:first], X[:first, :1].copy())
        trainer.step(X[rows:], X[rows:, :1].copy())
        again = gd.Trainer(net.copy(), "mse", gd.SGD(0.01))
        assert again.step(X[rows:], X[rows:, :1].copy()) == trainer.step(X[rows:], X[rows:, :1].copy())
        ends.append(net.params)
    assert np.isfinite(ends).all()

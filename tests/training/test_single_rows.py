"""Steps on one row, which leave out numbers that are 0: the same as on that row twice."""

import numpy as np
import pytest

import gdcore as gd

WIDTHS = (
    [1, 40, 3],
    [7, 5, 9, 2],
    [40, 100, 100, 10],
    [3, 16, 17, 33, 1],
    [65, 130, 70, 15],
    [300, 64, 4],
    [9, 260, 131, 3],
)


def after_steps(rows: int, widths: list[int], activation: str, dtype: str, optimizer, X: np.ndarray):
    """Return the parameters and the predictions of one row after a step on each row, so many times in its batch."""
    net = gd.MLP(widths, activation=activation, dtype=dtype, seed=1)
    trainer = gd.Trainer(net, "mse", optimizer)
    for x in X:
        trainer.step(np.repeat(x[None], rows, axis=0), np.ones((rows, widths[-1]), dtype))
    return net.params.copy(), np.concatenate([net.predict(x[None]) for x in X])


@pytest.mark.parametrize("zeros", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.01), gd.SGD(0.01, momentum=0.9), gd.Adam(0.001)])
@pytest.mark.parametrize("activation", ["relu", "relu6", "tanh"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", WIDTHS)
def test_one_row_is_that_row_twice(widths, dtype, activation, optimizer, zeros):
    rng = np.random.default_rng(2)
    X = (rng.normal(size=(4, widths[0])) * (rng.random((4, widths[0])) >= zeros)).astype(dtype)
    close = {"rtol": 0, "atol": 2e-5 if dtype == "float32" else 1e-13}
    if isinstance(optimizer, gd.Adam):  # whose steps have one size, however small the gradient
        close["atol"] *= 100
    single, double = (after_steps(rows, widths, activation, dtype, optimizer, X) for rows in (1, 2))
    np.testing.assert_allclose(single[0], double[0], **close)
    np.testing.assert_allclose(single[1], double[1], rtol=0, atol=100 * close["atol"])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_is_not_finite_changes_nothing(activation):
    net = gd.MLP([40, 100, 10], activation=activation, dtype="float32", seed=1)
    trainer, before = gd.Trainer(net, "mse", gd.SGD(0.01)), net.params.copy()
    x = np.zeros((1, 40), "float32")
    x[0, 7] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        trainer.step(x, np.ones((1, 10), "float32"))
    x[0, 7] = 1e38
    with pytest.raises(gd.DivergedError):
        trainer.step(x, np.full((1, 10), 1e38, "float32"))
    assert np.array_equal(net.params, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [2, 5, 16, 33, 130])
def test_zeros_that_are_left_out_change_no_bit(outputs, dtype, isa):
    """A row without zeros, whose numbers are all read, and the same one among zeros, which are left out."""
    rng = np.random.default_rng(outputs)
    for n in (30, 61):  # more than tiny.pxi takes
        at = np.sort(rng.choice(2 * n, n, replace=False))
        x, among, weights = (
            rng.normal(size=(1, n)).astype(dtype),
            np.zeros((1, 2 * n), dtype),
            rng.normal(size=(2 * n, outputs)),
        )
        among[0, at] = x
        whole, few = (gd.LinearModel(width, outputs, dtype=dtype, seed=0) for width in (2 * n, n))
        whole.params[: weights.size] = weights.ravel()
        few.params[: n * outputs] = weights[at].ravel()
        few.params[n * outputs :] = whole.params[weights.size :] = rng.normal(size=outputs)
        assert np.array_equal(whole.predict(among), few.predict(x))
        for net, row in ((whole, among), (few, x)):
            gd.Trainer(net, "mse", gd.SGD(0.1)).step(row, np.ones((1, outputs)))
        moved = whole.params[: weights.size].reshape(-1, outputs)
        assert np.array_equal(moved[at].ravel(), few.params[: n * outputs])
        left = np.setdiff1d(np.arange(2 * n), at)
        assert np.array_equal(moved[left], weights[left].astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_a_number_stands_in_a_row_changes_no_bit(dtype, isa):
    """Outputs that are alike stay alike, whether a whole vector takes their weights, or an end of the row."""
    rng = np.random.default_rng(3)
    x, column = rng.normal(size=(1, 35)), rng.normal(size=(35, 1))
    for zeros in (0, 12):
        x[0, :zeros] = 0
        for outputs in range(2, 70):
            net = gd.LinearModel(35, outputs, dtype=dtype, seed=0)
            net.params[: 35 * outputs] = np.broadcast_to(column, (35, outputs)).ravel()
            gd.Trainer(net, "mse", gd.SGD(0.1)).step(x.astype(dtype), np.ones((1, outputs)))
            moved = net.params[: 35 * outputs].reshape(35, outputs)
            assert np.array_equal(moved, np.broadcast_to(moved[:, :1], moved.shape)), outputs

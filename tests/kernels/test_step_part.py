"""A part of a step: gradients of parts sum up to the step's, and `apply_gradient` makes the step of the sum."""

from itertools import pairwise

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import load
from gdcore._kernels.sparse_rows import SparseRows

N, CUTS = 37, (0, 5, 5, 20, 37)  # one part is empty

NETS = {
    "plain": lambda dtype: gd.MLP([6, 9, 3], activation="tanh", seed=1, dtype=dtype),
    "dropout": lambda dtype: gd.MLP([6, 20, 20, 3], activation="relu", dropout=0.4, seed=1, dtype=dtype),
    "input dropout": lambda dtype: gd.Sequential(gd.Dropout(0.3), gd.Dense(6, 3), seed=1, dtype=dtype),
    "norm": lambda dtype: gd.Sequential(gd.Dense(6, 8), gd.LayerNorm(8), gd.Dense(8, 3), seed=1, dtype=dtype),
    "linear": lambda dtype: gd.LinearModel(6, 3, seed=1, dtype=dtype),
}


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def eps(dtype):
    return float(np.finfo(dtype).eps)


def data(dtype, rng):
    X = rng.standard_normal((N, 6)).astype(dtype)
    return X, rng.integers(0, 3, N), rng.random(N).astype(dtype) + dtype.type(0.1)


def summed(state, given, order, factor):
    total, loss = np.zeros_like(state.grads), 0.0
    for first, end in pairwise(CUTS):
        if first < end:
            part = np.zeros_like(total)
            loss += load(state.stack.dtype).step_part(state.run, given, order[first:end], first, factor, part)
            total += part
    return total, loss


@pytest.fixture(params=NETS)
def net(request, isa, dtype):
    return NETS[request.param](dtype.name)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_parts_make_the_step(net, dtype, eps, rng, weighted, sparse):
    X, y, weight = data(dtype, rng)
    order = rng.permutation(N)
    one, other = (gd.Trainer(net.copy(), "cross_entropy", gd.SGD(0.1), batch_size=N, seed=3, l2=0.01) for _ in "ab")
    states = [trainer._state for trainer in (one, other)]
    if sparse:
        rows, columns = np.nonzero(np.abs(X) > 0.8)
        starts = np.searchsorted(rows, np.arange(N + 1)).astype(np.int64)
        X = SparseRows(X[rows, columns], columns.astype(np.int32), starts, 6)
    given = (X, None, y, weight if weighted else None)
    factor = 1 / weight.astype(float).sum() if weighted else 1 / N
    total, loss = summed(states[1], given, order, factor)
    states[0].run.begin_epoch(N, 1)
    states[0].run.epoch(given, order, N)
    assert loss * factor == pytest.approx(states[0].run.loss_sum / states[0].run.total_weight, rel=64 * eps)
    states[1].run.begin_epoch(N, 1)
    states[1].grads[:] = total
    states[1].run.apply_gradient(True, loss * factor, 1 / factor)
    np.testing.assert_allclose(one.model.params, other.model.params, rtol=0, atol=64 * eps)
    assert other.steps_done == other.epochs_done == 1
    assert states[1].run.gradient_norm == pytest.approx(states[0].run.gradient_norm, rel=256 * eps)


def test_masks_go_by_the_place_in_the_step(isa, dtype, rng):
    trainer = gd.Trainer(NETS["dropout"](dtype.name), "cross_entropy", seed=3)
    X, y, _ = data(dtype, rng)
    order = np.array([4])

    def gradient(place):
        grads = np.zeros_like(trainer._state.grads)
        load(dtype.name).step_part(trainer._state.run, (X, None, y, None), order, place, 1.0, grads)
        return grads

    assert np.array_equal(gradient(2), gradient(2))
    assert not np.array_equal(gradient(2), gradient(3))


def test_a_frozen_layer_has_no_part(isa, dtype, rng):
    net = NETS["plain"](dtype.name)
    trainer = gd.Trainer(net, "cross_entropy", layer_rates={"dense0": 0}, seed=3)
    X, y, _ = data(dtype, rng)
    total, _ = summed(trainer._state, (X, None, y, None), np.arange(N), 1 / N)
    frozen = sum(value.size for name, value in net.parameters(total) if name.startswith("dense0"))
    assert not total[:frozen].any()
    assert total[frozen:].any()


def test_outputs_and_their_gradient_take_a_place(isa, dtype, eps, rng):
    """A custom loss goes by it."""
    trainer = gd.Trainer(NETS["dropout"](dtype.name), lambda z, y: (0.0, z), seed=3)
    state = trainer._state
    X = data(dtype, rng)[0]
    key = state.run.next_key()
    whole = state.network.outputs(X, key)
    part = state.network.outputs(X[20:], key, 20)
    for all_rows, rows in zip(whole, part, strict=True):
        np.testing.assert_allclose(rows, all_rows[20:], rtol=32 * eps, atol=32 * eps)
    delta = np.ones_like(part[-1])
    grads = [np.zeros_like(state.grads) for _ in "ab"]
    state.network.gradient_from(X[20:], delta, grads[0], key, 20)
    state.network.outputs(X, key)
    state.network.gradient_from(X, np.vstack([np.zeros((20, 3), dtype), delta]), grads[1], key)
    np.testing.assert_allclose(*grads, rtol=64 * eps, atol=64 * eps)


def test_labels_that_are_not_visited_are_not_looked_at(isa, dtype, rng):
    """A part is short, whatever the number of all rows."""
    trainer = gd.Trainer(NETS["plain"](dtype.name), "cross_entropy", seed=3)
    X, y, _ = data(dtype, rng)
    y[4] = 3
    grads = np.zeros_like(trainer._state.grads)
    part = load(dtype.name).step_part
    part(trainer._state.run, (X, None, y, None), np.array([3, 5]), 0, 1.0, grads)
    for order in (np.array([3, 4]), None):
        with pytest.raises(ValueError, match="y has label 3 in row 4"):
            part(trainer._state.run, (X, None, y, None), order, 0, 1.0, grads)

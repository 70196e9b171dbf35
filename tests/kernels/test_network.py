"""Networks against the reference: forward, loss, gradient, penalty, blocks of rows, on every compiled variant."""

import itertools

import numpy as np
import pytest
import reference
from cases import RECORDS, draw_targets
from hypothesis import example, given, settings
from hypothesis import strategies as st

import gdcore as gd

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]
KINKED = {row.name for row in gd.ACTIVATIONS if row.kinks}
MSE = gd.MeanSquaredError()
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
each_loss = pytest.mark.parametrize("loss", RECORDS, ids=repr)


def stack(sizes, activation, last="identity", bias=True):
    n = len(sizes) - 1
    return [gd.Dense(sizes[i], sizes[i + 1], last if i == n - 1 else activation, bias) for i in range(n)]


def draw_params(layers, rng, dtype):
    """Outputs of each layer about as large as its inputs; biases are not zero."""
    scale = [np.full(layer.n_params, layer.in_features**-0.5) for layer in layers if isinstance(layer, gd.Dense)]
    return (np.concatenate(scale) * rng.normal(size=sum(map(len, scale)))).astype(dtype)


def bind(kernels, layers, params, rows, trains=True, blocks=True):
    table, width = [], next(layer for layer in layers if isinstance(layer, gd.Dense)).in_features
    for layer in layers:
        if isinstance(layer, gd.Dense):
            own = layer.l1, layer.l2, layer.max_norm
            table.append(("dense", layer.in_features, layer.out_features, layer.bias, layer.activation, *own))
            width = layer.out_features
        else:
            table.append(("dropout", width, layer.rate))
    return kernels.Network(tuple(table), params, rows, trains, blocks)


def samples(loss, rng, dtype, n, n_in, n_out, probabilities=False):
    """X and y rounded to the precision, y as the kernels take it and as the reference does."""
    X, y = rng.normal(size=(n, n_in)).astype(dtype), draw_targets(loss, rng, n, n_out, probabilities)
    if y.ndim == 1:
        return X, (None, y), y
    return X, (y.astype(dtype), None), y.astype(dtype).astype(float)


def terms(layers, params, X, y, loss, weight):
    """What the sums of outputs and gradients are made of, in absolute values: (n, k) and (n_params,)."""
    flat = [gd.Dense(d.in_features, d.out_features, bias=d.bias) for d in layers]
    inputs, factors, z = reference.forward(layers, params, X)
    _, delta = reference.loss(loss.name, loss.option(), z, y, weight)
    share = (1 if weight is None else weight[:, None] * len(X) / weight.sum()) / (len(X) * (y.ndim == 1 or z.shape[1]))
    delta = np.abs(delta) + share
    slopes = [np.maximum(np.abs(f), 1) for f in factors]  # a slope is a difference of terms of size 1: 1 - a^2
    *before, last = reference.split(layers, np.abs(params))
    sizes = [np.abs(X)]  # what a layer's input is made of, its own inputs' rounding included
    for x, part in zip(inputs[1:], before, strict=True):
        sizes.append(np.maximum(np.abs(x), reference.dense(sizes[-1], *part)))
    return reference.dense(sizes[-1], *last), reference.backward(flat, np.abs(params), sizes, slopes, delta)


def near_a_kink(layers, loss, params, X, y, width):
    """Whether rounding may put a number on the other side of a kink, where slopes jump."""
    x, gaps = X, [np.inf]
    for layer, (weight, bias) in zip(layers, reference.split(layers, params), strict=True):
        z = reference.dense(x, weight, bias)
        x = reference.ACTIVATIONS[layer.activation](z)[0]
        gaps += [np.abs(z).min()] if layer.activation in KINKED else []
    jumps = loss.kinks(x, y) if loss.kink else None
    if jumps is not None:
        gaps.append(np.abs(jumps).min())
    return min(gaps) < width


def check_gradient(kernels, layers, loss, n, seed, weighted=False, probabilities=False):
    """Outputs, loss and gradient of n random rows against the reference; the bound is roundings times terms."""
    dtype, rng = kernels.PRECISION, np.random.default_rng(seed)
    eps, n_in, n_out = float(np.finfo(dtype).eps), layers[0].in_features, layers[-1].out_features
    params = draw_params(layers, rng, dtype)
    X, (target, labels), y = samples(loss, rng, dtype, n, n_in, n_out, probabilities)
    weight = (0.1 + rng.random(n)).astype(dtype) if weighted else None
    option = float(np.dtype(dtype).type(loss.option()))
    exact = params.astype(float), X.astype(float)
    roundings = 8 * len(layers) + sum(layer.in_features + layer.out_features for layer in layers)

    net = bind(kernels, layers, params, n)
    grad = np.full(len(params), np.nan, dtype)
    kept = params.copy(), X.copy()
    out = net.predict(X)
    value = net.loss(loss.name, option, X, target, labels, weight, 0, grad)
    assert value == net.loss(loss.name, option, X, target, labels, weight)
    np.testing.assert_array_equal(params, kept[0])
    np.testing.assert_array_equal(X, kept[1])

    wide_weight = None if weight is None else weight.astype(float)
    want, want_grad = reference.loss_and_grad(layers, *exact, y, loss.name, option, wide_weight)
    size, grad_size = terms(layers, *exact, y, loss, wide_weight)
    np.testing.assert_array_less(np.abs(out - reference.forward(layers, *exact)[2]), roundings * eps * (1 + size.max()))
    if near_a_kink(layers, loss, *exact, y, 30 * eps * roundings):
        return
    assert value == pytest.approx(want, abs=roundings * eps * (1 + abs(want) + size.max() ** 2))
    views = reference.split(layers, grad.astype(float) - want_grad), reference.split(layers, grad_size)
    for error, bound in zip(*views, strict=True):
        assert np.abs(error[0]).max() <= (roundings + n) * eps * bound[0].max()
        if error[1] is not None:
            assert np.abs(error[1]).max() <= (roundings + n) * eps * bound[1].max()


widths = st.one_of(st.just(1), st.integers(1, 70), st.sampled_from([15, 16, 17, 31, 32, 33, 63, 64, 65]))


@each_activation
@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(widths, min_size=2, max_size=4),
    n=st.one_of(st.integers(1, 40), st.integers(150, 300)),
    loss=st.sampled_from(RECORDS),
    last=st.sampled_from(["identity", "tanh"]),
    bias=st.booleans(),
    weighted=st.booleans(),
    probabilities=st.booleans(),
    seed=st.integers(0, 99),
)
@example(  # the first sum nearly cancels
    sizes=[21, 1, 1, 1], n=1, loss=MSE, last="identity", bias=False, weighted=False, probabilities=False, seed=0
)
def test_loss_and_gradient_are_the_references(
    kernels, activation, sizes, n, loss, last, bias, weighted, probabilities, seed
):
    check_gradient(kernels, stack(sizes, activation, last, bias), loss, n, seed, weighted, probabilities)


@each_activation
@each_loss
def test_every_activation_with_every_loss(kernels, activation, loss):
    check_gradient(kernels, stack([5, 17, 3], activation), loss, 23, 1, weighted=True)
    check_gradient(kernels, stack([3, 1, 1], activation), loss, 23, 1)


@pytest.mark.parametrize("n", [40, 100, 600])
def test_a_gradient_from_a_given_delta_is_summed_by_shares(kernels, n):
    """Shares of the first weight have 192 rows, the last one 3."""
    layers, dtype, rng = stack([579, 200, 3], "tanh"), kernels.PRECISION, np.random.default_rng(0)
    params, X = draw_params(layers, rng, dtype), rng.normal(size=(n, 579)).astype(dtype)
    net = bind(kernels, layers, params, n, blocks=False)
    delta = rng.normal(size=net.outputs(X)[-1].shape).astype(dtype)
    grad = np.full(len(params), np.nan, dtype)
    net.gradient_from(X, delta, grad)
    inputs, slopes, _ = reference.forward(layers, params.astype(float), X.astype(float))
    want = reference.backward(layers, params.astype(float), inputs, slopes, delta.astype(float))
    assert np.abs(grad - want).max() <= 100 * np.finfo(dtype).eps * np.abs(want).max()


@pytest.mark.parametrize("sizes", [[1, 1], [1, 16, 1], [3, 1, 5], [70, 70], [8, 33, 1, 2]], ids=str)
@pytest.mark.parametrize("loss", [MSE, gd.BinaryCrossEntropy(), gd.CrossEntropy()], ids=repr)
def test_more_rows_than_a_block(kernels, sizes, loss):
    layers = stack(sizes, "tanh")
    block = bind(kernels, layers, draw_params(layers, np.random.default_rng(0), kernels.PRECISION), 1 << 16).block
    assert 192 <= block < 1 << 16
    for n in (block - 1, block, block + 1, 2 * block + 5):
        check_gradient(kernels, layers, loss, n, n, weighted=n % 2 == 0)


def test_rows_do_not_depend_on_their_neighbours(kernels, rng):
    """A row's outputs have the same bits alone, in a batch and in another block."""
    dtype, layers = kernels.PRECISION, stack([7, 70, 33, 3], "gelu")
    net = bind(kernels, layers, draw_params(layers, rng, dtype), 1 << 16, trains=False)
    X = rng.normal(size=(net.block + 100, 7)).astype(dtype)
    whole = net.predict(X)
    for start, n in itertools.product((0, 1, 50, net.block - 3), (1, 2, 5, 13)):
        np.testing.assert_array_equal(net.predict(X[start : start + n]), whole[start : start + n])


def test_a_network_remembers_nothing(kernels, rng):
    """The same call gives the same bits after calls with other rows, longer, shorter, bad."""
    dtype, layers = kernels.PRECISION, stack([9, 13, 70, 2], "silu")
    params = draw_params(layers, rng, dtype)
    net = bind(kernels, layers, params, 300)
    X, y = rng.normal(size=(50, 9)).astype(dtype), rng.normal(size=(50, 2)).astype(dtype)

    def gradient():
        grad = np.full(len(params), np.nan, dtype)
        return net.loss("mean_squared_error", 0, X, y, None, None, 0, grad), *grad

    first = gradient()
    for n, number in ((1, 1), (300, 1e3), (7, np.nan), (300, np.inf)):
        rows = np.full((n, 9), number, dtype), np.zeros((n, 2), dtype)
        net.loss("mean_squared_error", 0, *rows, None, None, 0, np.empty(len(params), dtype))
        np.testing.assert_array_equal(gradient(), first)
    params *= 2
    assert gradient() != first
    params /= 2
    np.testing.assert_array_equal(gradient(), first)


@pytest.mark.parametrize("sizes", [[64, 128, 10], [300, 300], [5, 1, 7]], ids=str)
def test_the_number_of_threads_changes_no_bit(kernels, sizes, rng):
    dtype, layers, found = kernels.PRECISION, stack(sizes, "gelu"), []
    params = draw_params(layers, rng, dtype)
    X, y = rng.normal(size=(3000, sizes[0])).astype(dtype), rng.normal(size=(3000, sizes[-1])).astype(dtype)
    before = kernels.get_num_threads()
    try:
        for threads in (1, 2, 3, 7):
            kernels.set_num_threads(threads)
            net, grad = bind(kernels, layers, params, len(X)), np.empty(len(params), dtype)
            value = net.loss("mean_squared_error", 0, X, y, None, None, 0, grad)
            found.append(np.array([value, *grad, *net.predict(X).ravel()]))
    finally:
        kernels.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_extreme_logits_reach_the_gradient_finite(kernels, rng):
    dtype, layers = kernels.PRECISION, stack([3, 4], "identity")
    params, X = rng.choice([-1e4, 1e4], 16).astype(dtype), rng.choice([0.5, 1, 2], (30, 3)).astype(dtype)
    for loss in (gd.CrossEntropy(), gd.BinaryCrossEntropy(), gd.Hinge(), gd.LogCosh(), gd.Huber(), gd.SquaredHinge()):
        y = draw_targets(loss, rng, 30, 4)
        target, labels = (None, y) if y.ndim == 1 else (y.astype(dtype), None)
        y, grad = y if y.ndim == 1 else target.astype(float), np.empty(16, dtype)
        value = bind(kernels, layers, params, 30).loss(loss.name, loss.option(), X, target, labels, None, 0, grad)
        want, want_grad = reference.loss_and_grad(
            layers, params.astype(float), X.astype(float), y, loss.name, loss.option()
        )
        eps = float(np.finfo(dtype).eps)
        assert value == pytest.approx(want, rel=64 * eps)
        np.testing.assert_allclose(grad, want_grad, rtol=64 * eps, atol=64 * eps * np.abs(want_grad).max())


@each_activation
@pytest.mark.parametrize("where", ["X", "weight", "bias"])
def test_nan_in_is_nan_out(kernels, activation, where, rng):
    dtype, layers = kernels.PRECISION, stack([3, 5, 2], activation)
    params, X = draw_params(layers, rng, dtype), rng.normal(size=(20, 3)).astype(dtype)
    if where == "X":
        X[7, 1] = np.nan
    params[{"weight": [4], "bias": [16], "X": []}[where]] = np.nan
    net, grad = bind(kernels, layers, params, 20), np.empty(len(params), dtype)
    out = net.outputs(X)[-1]
    rows = [7] if where == "X" else slice(None)
    assert np.isnan(out[rows]).all()
    assert np.isnan(net.loss("mean_squared_error", 0, X, np.zeros((20, 2), dtype), None, None, 0, grad))
    if where == "X":
        assert np.isfinite(np.delete(out, 7, axis=0)).all()
    assert not np.isfinite(grad).all()


@pytest.mark.parametrize("bias", [True, False])
def test_penalty_is_on_weights_alone(kernels, bias, rng):
    last = gd.Dense(1, 2, bias=bias, l1=0.0, l2=0.75)  # in the model's place
    dtype, layers = kernels.PRECISION, [gd.Dropout(0.5), *stack([70, 33, 1], "tanh", bias=bias), last]
    params = draw_params(layers, rng, dtype)
    params[:5] = 0
    net, before = bind(kernels, layers, params, 8), rng.normal(size=len(params)).astype(dtype)
    for l1, l2 in ((0.0, 0.25), (0.5, 0.0), (0.125, 0.5)):
        want, want_grad = reference.penalty(layers, params.astype(float), l1, l2)
        grad = before.copy()
        assert net.penalty(l1, l2, grad) == pytest.approx(want, rel=64 * float(np.finfo(dtype).eps))
        np.testing.assert_allclose(grad, before + want_grad, atol=8 * np.finfo(dtype).eps)
        assert net.penalty(l1, l2) == net.penalty(l1, l2, before.copy())


DROPPING = [
    gd.Dropout(0.25),
    gd.Dense(6, 17, "tanh"),
    gd.Dropout(0.5),
    gd.Dropout(0.1),
    gd.Dense(17, 3),
    gd.Dropout(0.3),
]


def masks_of(kernels, layers, X, key):
    """The masks that the kernels draw, from where a dropout layer's output is zero."""
    params = draw_params(layers, np.random.default_rng(1), kernels.PRECISION)
    outputs = [X, *bind(kernels, layers, params, len(X), blocks=False).outputs(X, key)]
    masks = []
    for layer, (before, after) in zip(layers, itertools.pairwise(outputs), strict=True):
        if isinstance(layer, gd.Dropout):
            masks.append(np.where(after != 0, 1 / (1 - layer.rate), 0))
            np.testing.assert_allclose(after, before * masks[-1], rtol=1e-6)
    return masks


def test_dropout_takes_part_in_the_gradient(kernels, rng):
    dtype, eps = kernels.PRECISION, float(np.finfo(kernels.PRECISION).eps)
    X, y = rng.normal(size=(40, 6)).astype(dtype), rng.normal(size=(40, 3)).astype(dtype)
    params = draw_params(DROPPING, rng, dtype)
    net, grad = bind(kernels, DROPPING, params, 40), np.empty(len(params), dtype)
    for key in (1, 2, 2**63):
        masks = masks_of(kernels, DROPPING, X, key)
        value = net.loss("mean_squared_error", 0, X, y, None, None, key, grad)
        exact = params.astype(float), X.astype(float), y.astype(float)
        want, want_grad = reference.loss_and_grad(DROPPING, *exact, "mean_squared_error", masks=masks)
        assert value == pytest.approx(want, rel=100 * eps)
        np.testing.assert_allclose(grad, want_grad, atol=100 * eps * np.abs(want_grad).max())
    value = net.loss("mean_squared_error", 0, X, y, None, None, 0, grad)
    assert value == pytest.approx(reference.loss_and_grad(DROPPING, *exact, "mean_squared_error")[0], rel=100 * eps)


def test_dropout_masks_are_fresh_fair_and_independent_of_blocks(kernels):
    """Layers, keys, rows and units draw apart; a row's mask is the same in every block."""
    dtype, rate = kernels.PRECISION, 0.3
    layers = [gd.Dropout(rate), gd.Dropout(rate), gd.Dense(50, 1)]
    net = bind(kernels, layers, np.ones(51, dtype), 4000, blocks=False)
    ones = np.ones((4000, 50), dtype)
    first, both, _ = net.outputs(ones, 7)
    np.testing.assert_array_equal(np.unique(first), np.array([0, 1 / (1 - rate)], dtype))
    n = first.size
    for kept, share in ((first > 0, 1 - rate), (both > 0, (1 - rate) ** 2)):
        assert abs(kept.mean() - share) < 5 * (share * (1 - share) / n) ** 0.5
    for a, b in ((first[1:], first[:-1]), (first[:, 1:], first[:, :-1]), (first, net.outputs(ones, 8)[0])):
        correlation = np.corrcoef(a.ravel(), b.ravel())[0, 1]
        assert abs(correlation) < 5 / n**0.5
    np.testing.assert_array_equal(net.outputs(ones[:300], 7)[0], first[:300])

    cut = bind(kernels, [*layers[:2], gd.Dense(50, 1)], np.ones(51, dtype), 4000)
    assert cut.block < 4000
    value = cut.loss("mean_absolute_error", 0, ones, np.zeros((4000, 1), dtype), None, None, 7)
    assert value == pytest.approx(both.astype(float).sum(axis=1).mean() + 1, rel=100 * float(np.finfo(dtype).eps))


def test_outputs_and_gradient_from_are_the_loss_in_two_parts(kernels, rng):
    dtype = kernels.PRECISION
    for layers, key in ((stack([6, 17, 3], "gelu"), 0), (DROPPING, 0), (DROPPING, 9), (stack([6, 1], "tanh"), 0)):
        params, k = draw_params(layers, rng, dtype), 1 if len(layers) == 1 else 3
        X, y = rng.normal(size=(40, 6)).astype(dtype), rng.normal(size=(40, k)).astype(dtype)
        net, delta = bind(kernels, layers, params, 40), np.empty((40, k), dtype)
        whole, parts = np.empty(len(params), dtype), np.full(len(params), np.nan, dtype)
        value = net.loss("mean_squared_error", 0, X, y, None, None, key, whole)
        outputs = net.outputs(X, key)
        assert len(outputs) == sum(isinstance(layer, gd.Dense) or key != 0 for layer in layers)
        assert kernels.loss_rows("mean_squared_error", 0, outputs[-1], y, None, None, delta) == value
        net.gradient_from(X, delta, parts, key)
        np.testing.assert_array_equal(parts, whole)


def test_what_does_not_fit_is_refused(kernels, rng):
    """The last line of defence: memory is never touched outside the arrays."""
    dtype, layers = kernels.PRECISION, stack([3, 4, 2], "tanh")
    params = draw_params(layers, rng, dtype)
    net, small = bind(kernels, layers, params, 8), bind(kernels, layers, params, 8, trains=False)
    X, y = np.zeros((8, 3), dtype), np.zeros((8, 2), dtype)
    labels = np.zeros(8, np.int64)
    mse, ce = ("mean_squared_error", 0), ("cross_entropy", 0)
    calls = [
        lambda: bind(kernels, layers, params[:-1].copy(), 8),
        lambda: net.loss(*mse, X[:0], y[:0]),
        lambda: net.loss(*mse, X[:, :2].copy(), y),
        lambda: net.loss(*mse, X, y[:, :1].copy()),
        lambda: net.loss(*mse, X, y[:7]),
        lambda: net.loss(*mse, X),
        lambda: net.loss(*mse, X, None, labels),
        lambda: net.loss(*ce, X, None, labels[:7]),
        lambda: net.loss(*ce, X, None, labels + 2),
        lambda: net.loss(*ce, X, None, labels - 1),
        lambda: net.loss(*mse, X, y, None, np.ones(7, dtype)),
        lambda: net.loss(*mse, X, y, None, None, 0, np.zeros(3, dtype)),
        lambda: small.loss(*mse, X, y, None, None, 0, params.copy()),
        lambda: net.predict(X[:, :2].copy()),
        lambda: net.predict(X[:0]),
        lambda: net.predict(X * np.nan),
        lambda: net.gradient_from(X, y[:, :1].copy(), params.copy()),
        lambda: small.gradient_from(X, y, params.copy()),
        lambda: net.penalty(1, 1, np.zeros(3, dtype)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"."):
            call()

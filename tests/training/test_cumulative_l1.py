"""The cumulative l1 penalty of plain gradient descent: Tsuruoka's formula, step by step, wherever steps are made."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
import reference
from reference.training import clip_scale, gradient_norm, order_of

import gdcore as gd
from gdcore._kernels.sparse_rows import SparseRows

RNG = np.random.default_rng(3)
N = 60
EPS = {"float32": 1e-4, "float64": 1e-11}
RATE = 0.05


def cumulative(rate=RATE, **options):
    return gd.SGD(rate, cumulative_l1=True, **options)


def factors_of(net, rates):
    """A factor on the rate of each parameter."""
    found = np.ones(net.n_params)
    for block in net.stack.blocks:
        found[block.place] = rates.get(block.layer, 1) * rates.get(block.name, 1)
    return found


def expected(net, X, y, o, *, epochs=3, batch_size=1, seed=0, l1=0.0, l2=0.0, clip_norm=None, layer_rates=None):
    """Parameters and mean gradient norms of mean squared errors, with u and q of every parameter kept as they are."""
    params, u, q, t, norms = net.params.astype(float), 0.0, np.zeros(net.n_params), 0, []
    factors = factors_of(net, layer_rates or {})
    for epoch in range(epochs):
        order, found = order_of(epoch, len(X), seed), []
        for first in range(0, len(X), batch_size):
            rows = order[first : first + batch_size]
            _, grad = reference.data_loss_and_grad(
                net.layers, params, X[rows], y[rows], "mean_squared_error", 0.0, np.ones(len(rows))
            )
            trained = factors != 0
            grad, own_l1, own_l2 = (trained * a for a in (grad, *reference.strengths(net.layers, params, l1, l2)))
            whole = grad + own_l1 * np.sign(params) + own_l2 * params
            scale = clip_scale(whole, clip_norm)
            rate = factors * (o.learning_rate(t) if callable(o.learning_rate) else o.learning_rate)
            z = params - rate * (scale * (grad + own_l2 * params) + o.weight_decay * params)
            u = u + rate * scale * own_l1
            params = np.where(z > 0, np.maximum(0, z - (u + q)), np.where(z < 0, np.minimum(0, z + (u - q)), 0))
            params = np.where(own_l1 > 0, params, z)
            q += params - z
            t += 1
            found.append(gradient_norm(whole))
        norms.append(np.mean(found))
    return params, norms


def problem(n_in, n_out, dtype="float64"):
    X = RNG.normal(size=(N, n_in)) / np.sqrt(n_in)
    y = X[:, :3] @ RNG.normal(size=(min(n_in, 3), n_out)) + 0.1 * RNG.normal(size=(N, n_out))
    return X.astype(dtype), y.astype(dtype)


def made(sizes, dtype="float64", own=()):
    pairs = list(pairwise(sizes))
    own = own or ({},) * len(pairs)
    kinds = ["tanh"] * (len(pairs) - 1) + ["identity"]
    layers = [gd.Dense(*pair, kind, **options) for pair, kind, options in zip(pairs, kinds, own, strict=True)]
    return gd.Sequential(*layers, dtype=dtype, seed=1)


def assert_expected(net, X, y, o, *, other=(), **options):
    """Train, compare, and return the parameters; `other` are options that change nothing but the way steps are made."""
    start = net.copy()
    settings = {"batch_size": 1, "seed": 0, **options}
    history = gd.Trainer(net, "mse", o, **settings, **dict(other)).fit(X, y, epochs=3)
    params, norms = expected(start, np.asarray(X, float), np.asarray(y, float), o, **settings)
    eps = EPS[net.dtype]
    np.testing.assert_allclose(net.params, params, rtol=eps, atol=eps * np.abs(params).max())
    np.testing.assert_allclose(history.gradient_norm, norms, rtol=10 * eps)
    if net.dtype == "float64":
        np.testing.assert_array_equal(net.params == 0, params == 0)
    return params


PENALTIES = [{"l1": 0.1}, {"l1": 0.08, "l2": 0.05}]


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 1), (17, 1), (130, 1), (1100, 1), (6, 3), (40, 17), (8, 9, 2)], ids=str)
def test_every_way_to_make_a_step(sizes, dtype, penalties, isa):
    """The loop of linear models, narrow networks, gradients that stream and those that are kept."""
    X, y = problem(sizes[0], sizes[-1], dtype)
    zeros = 0
    for batch_size in (1, 7, N):
        for other in ({}, {"clip_value": 1e6}, {"clip_norm": 1e6}):
            params = assert_expected(
                made(sizes, dtype), X, y, cumulative(), other=other, batch_size=batch_size, **penalties
            )
            zeros += (params == 0).sum()
    assert sizes[0] == 1 or zeros > 0


OPTIONS = {
    "decay": {"o": cumulative(weight_decay=0.1)},
    "a schedule": {"o": cumulative(gd.schedules.InverseScaling(0.2, 0.5))},
    "clipped": {"clip_norm": 0.3},
    "hardly clipped": {"clip_norm": 1.5},
    "layers' rates": {"layer_rates": {"dense0": 0.3, "dense1": 2.0, "dense0.bias": 0.1}},
    "a frozen layer": {"layer_rates": {"dense1": 0.0}},
}


@pytest.mark.parametrize("case", OPTIONS)
@pytest.mark.parametrize("own", [(), ({"l1": 0.05}, {"l1": 0.0, "l2": 0.1})], ids=["the model's", "the layers'"])
@pytest.mark.parametrize("sizes", [(7, 5, 2), (30, 40, 20), (20, 1)], ids=str)
def test_options(case, own, sizes):
    options = dict(OPTIONS[case])
    if len(sizes) == 2:
        if "layer_rates" in options:
            options["layer_rates"] = {"dense0": 0.3, "dense0.bias": 0.1}
        own = own[:1]
    X, y = problem(sizes[0], sizes[-1])
    o = options.pop("o", cumulative())
    for batch_size in (1, 7):
        assert_expected(made(sizes, own=own), X, y, o, batch_size=batch_size, l1=0.02, l2=0.01, **options)


def test_without_l1_and_by_default_nothing_changes():
    X, y = problem(9, 1)
    found = []
    for o, l1 in ((gd.SGD(RATE), 0.0), (cumulative(), 0.0), (gd.SGD(RATE), 0.02), (cumulative(), 0.02)):
        net = made((9, 1))
        net.fit(X, y, "mse", optimizer=o, batch_size=1, epochs=3, seed=0, l1=l1, l2=0.01)
        found.append(net.params)
    assert np.array_equal(found[0], found[1])
    assert not np.allclose(found[2], found[3], rtol=1e-3)


def test_a_penalty_that_single_precision_rounds_to_0():
    X, rows = drawn()
    rows, found = SparseRows(rows.values.astype("float32"), rows.indices, rows.starts, 200), []
    for data in (X.astype("float32"), rows):
        for options in ({}, {"clip_value": 1e6}):
            net = made((200, 1), "float32")
            net.params[:9] = 0
            net.fit(data, np.ones(N, "float32"), "mse", optimizer=cumulative(), batch_size=1, l1=1e-60, **options)
            found.append(net.params)
    np.testing.assert_allclose(found[1:], [found[0]] * 3, rtol=1e-4, atol=1e-6)


# Sparse rows


def drawn(k=200, entries=4):
    columns = np.sort(np.stack([RNG.choice(k - 1, entries, replace=False) for _ in range(N)]), axis=1)
    columns[::5] = columns[0]  # some columns come often, some rarely, and the last one never
    starts = np.arange(0, N * entries + 1, entries)
    rows = SparseRows(RNG.normal(size=N * entries), columns.ravel().astype(np.int32), starts, k)
    return rows.toarray(), rows


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("widths", [(1,), (3,), (5, 2)], ids=str)
def test_sparse_rows(widths, penalties, dtype, isa):
    """Rows of the weight that wait come to the same, with their zeros, and so do the norms of all steps."""
    X, rows = drawn()
    rows = SparseRows(rows.values.astype(dtype), rows.indices, rows.starts, 200)
    y = RNG.normal(size=(N, widths[-1])).astype(dtype)
    for batch_size in (1, 3):
        for rates in ({}, {"dense0": 0.5, "dense0.bias": 0.1}):
            found = []
            for data in (X.astype(dtype), rows):
                net, options = made((200, *widths), dtype), {"batch_size": batch_size, "seed": 5, "layer_rates": rates}
                trainer = gd.Trainer(net, "mse", cumulative(0.1), **options, **penalties)
                history = trainer.fit(data, y, epochs=4)
                found.append((net.params, history.loss, history.gradient_norm, trainer.optimizer_state.slots[0]))
            for dense, sparse in zip(*found, strict=True):
                eps = EPS[dtype]
                np.testing.assert_allclose(sparse, dense, rtol=eps, atol=eps * np.abs(dense).max())
            if dtype == "float64":
                np.testing.assert_array_equal(found[0][0] == 0, found[1][0] == 0)
            assert (found[0][0] == 0).mean() > 0.1


@pytest.mark.parametrize("penalties", [{"l1": 1e-5}, {"l1": 1e-6, "l2": 1e-3}, {"l1": 1e-4, "l2": 3.0}], ids=str)
def test_many_steps_between_two_touches(penalties):
    """A window of steps ends within an epoch, and the product of the factors by which weights shrink gets small."""
    k, n = 50, 20_000
    columns = RNG.integers(0, 3, n) + 40 * (RNG.random(n) < 1e-3)
    rows = SparseRows(RNG.normal(size=n), columns.astype(np.int32), np.arange(n + 1), k)
    y, found = RNG.normal(size=n), []
    for X in (rows.toarray(), rows):
        net = gd.LinearModel(k, dtype="float64", seed=2)
        history = net.fit(X, y, "mse", optimizer=cumulative(), epochs=2, batch_size=1, seed=0, **penalties)
        found.append((net.params, history.loss, history.gradient_norm))
    for dense, sparse in zip(*found, strict=True):
        np.testing.assert_allclose(sparse, dense, rtol=1e-9, atol=1e-9 * np.abs(dense).max())


def test_weights_written_between_two_epochs_pay_what_they_owe():
    """A weight that was 0 for long and is set from outside owes much, and pays it in the first step."""
    X, rows = drawn()
    y, found = RNG.normal(size=N), []
    for data in (X, rows):
        net = made((200, 1))
        trainer = gd.Trainer(net, "mse", cumulative(0.1), batch_size=1, l1=0.02, l2=0.01, seed=0)
        trainer.epoch(data, y)
        for size in (0.01, 5.0):
            net.params[::2] = np.where(np.arange(len(net.params[::2])) % 2, size, -size)
            trainer.epoch(data, y)
            found.append((net.params.copy(), trainer.optimizer_state.slots[0].copy(), trainer._run.norm_sum))
    for dense, sparse in zip(found[:2], found[2:], strict=True):
        for a, b in zip(dense, sparse, strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-10)


# The state


@pytest.mark.parametrize("sizes", [(9, 1), (9, 3), (9, 20, 2)], ids=str)
def test_a_training_goes_on_bit_for_bit(sizes, tmp_path):
    X, y = problem(sizes[0], sizes[-1])

    def trainer():
        options = {"batch_size": 2, "l1": 0.02, "l2": 0.01, "average": gd.Polyak(), "seed": 0}
        return gd.Trainer(made(sizes), "mse", cumulative(gd.schedules.InverseScaling(0.1)), **options)

    whole, parts = trainer(), trainer()
    whole.fit(X, y, max_steps=120)
    parts.fit(X, y, max_steps=43)
    parts.save(tmp_path / "run.gdc")
    resumed = trainer()
    resumed.load_state_dict(parts.state_dict())
    for one in (parts, resumed, pickle.loads(pickle.dumps(parts)), gd.Trainer.load(tmp_path / "run.gdc")):
        assert one.optimizer_state.optimizer.cumulative_l1
        one.fit(X, y, max_steps=120 - 43)
        for name in ("params", "averaged"):
            theirs, mine = (getattr(t if name == "averaged" else t.model, name) for t in (whole, one))
            assert np.array_equal(theirs, mine)
        assert np.array_equal(one.optimizer_state.slots, whole.optimizer_state.slots)


def test_steps_are_those_of_epochs():
    for sizes in ((9, 1), (9, 3)):
        X, y = problem(sizes[0], sizes[-1])
        nets = made(sizes), made(sizes)
        trainers = [gd.Trainer(net, "mse", cumulative(), batch_size=3, l1=0.02, shuffle=False) for net in nets]
        trainers[0].epoch(X, y)
        for first in range(0, N, 3):
            trainers[1].step(X[first : first + 3], y[first : first + 3])
        assert np.array_equal(nets[0].params, nets[1].params)


def test_a_refused_step_adds_no_rate():
    X, rows = drawn()
    y = RNG.normal(size=N)
    y[40] = 1e200
    for data in (X, rows):
        for options in ({}, {"clip_value": 1e6}):
            net = made((200, 1))
            trainer = gd.Trainer(net, "mse", cumulative(), batch_size=1, shuffle=False, l1=1e-3, **options)
            with pytest.raises(gd.DivergedError, match="the loss is not finite"):
                trainer.fit(data, y, epochs=3)
            assert trainer.steps_done == 40
            np.testing.assert_allclose(trainer.optimizer_state.scalars, [40 * RATE, 0], rtol=1e-12)


def test_long_runs_in_single_precision_do_not_lose_count():
    """The penalty of each step is far below the rounding of the sum of all."""
    net = gd.LinearModel(3, dtype="float32", bias=False, seed=0)
    net.params[:] = 0.5, -0.5, 0.25
    trainer = gd.Trainer(net, "mse", cumulative(1e-3), batch_size=1, l1=0.1)
    state = trainer.state_dict()
    state["optimizer"]["scalars"][0] = 1e5
    state["optimizer"]["slots"][:] = -1e5, 1e5, -1e5
    trainer.load_state_dict(state)
    X, y = np.zeros((2000, 3), "float32"), np.zeros((2000, 1), "float32")
    trainer.fit(X, y, epochs=1)
    np.testing.assert_allclose(net.params, [0.3, -0.3, 0.05], atol=2e-3)


def test_batches_summed_and_a_loss_in_python():
    X, y = problem(9, 2)

    def squares(outputs, targets):
        return float(np.mean((outputs - targets) ** 2)), 2 * (outputs - targets) / outputs.size

    found = []
    for loss, options in (("mse", {"batch_size": 6}), ("mse", {"batch_size": 3, "accumulate": 2}), (squares, {})):
        net = made((9, 2))
        settings = {"batch_size": 6, "seed": 0, "l1": 0.02, "epochs": 3, **options}
        net.fit(X, y, loss, optimizer=cumulative(), **settings)
        found.append(net.params)
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-10, atol=1e-14)


def test_threads_do_not_show():
    X, y = problem(100, 40)
    found = []
    for threads in (1, 2, 3):
        with gd.num_threads(threads):
            net = made((100, 300, 40))
            net.fit(X, y, "mse", optimizer=cumulative(), epochs=3, batch_size=20, l1=1e-3, seed=0)
            found.append(net.params.tobytes())
    assert found[0] == found[1] == found[2]


# What it is good for


def test_single_rows_leave_zeros_and_come_to_the_same_minimum():
    X = RNG.normal(size=(400, 50))
    y = X[:, :3] @ [1.0, -2.0, 1.5] + 0.3 * RNG.normal(size=400)
    found = {}
    for name, o in (
        ("proximal", gd.SGD(gd.schedules.InverseScaling(0.02, 0.5))),
        ("cumulative", cumulative(gd.schedules.InverseScaling(0.02, 0.5))),
    ):
        net = gd.LinearModel(50, dtype="float64", seed=0)
        net.fit(X, y, "mse", optimizer=o, epochs=50, batch_size=1, l1=0.1, seed=0)
        found[name] = net.params[:-1]
    exact = gd.LinearModel(50, dtype="float64", seed=0)
    exact.fit(X, y, "mse", optimizer=gd.SGD(0.1), epochs=500, batch_size=400, l1=0.1)
    zeros = {name: (params == 0).mean() for name, params in found.items()}
    assert zeros["cumulative"] > 0.5 > 0.2 > zeros["proximal"]
    np.testing.assert_allclose(found["cumulative"], exact.params[:-1], atol=0.02)


def test_full_batches_come_to_the_minimum():
    X, y = problem(12, 1)
    found = []
    for o in (gd.SGD(0.5), cumulative(0.5)):
        net = gd.LinearModel(12, dtype="float64", seed=0)
        net.fit(X, y, "mse", optimizer=o, epochs=3000, batch_size=N, l1=0.02)
        found.append(net.params)
    np.testing.assert_allclose(*found, atol=1e-9)
    assert np.array_equal(found[0] == 0, found[1] == 0)


def test_the_record():
    assert repr(cumulative(0.1)) == "SGD(0.1, cumulative_l1=True)"
    assert gd.OPTIMIZERS.from_dict(cumulative().to_dict()) == cumulative()
    assert cumulative().slot_names() == ("l1_received",)
    with pytest.raises(ValueError, match=r"cumulative_l1=True needs momentum == 0, got momentum=0\.9: leave one"):
        gd.SGD(0.1, momentum=0.9, cumulative_l1=True)
    with pytest.raises(TypeError, match="cumulative_l1 must be True or False"):
        gd.SGD(0.1, cumulative_l1="yes")

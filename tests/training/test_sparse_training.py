"""Training on sparse inputs: what dense ones give, whether or not rows of the first weight wait for their penalties."""

import itertools

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels.sparse_rows import SparseRows
from gdcore.optimizers import OPTIMIZERS

N, FEATURES, ENTRIES = 70, 200, 4


def drawn(rng, k=FEATURES):
    """A dense matrix of few entries in each row, and the same as SparseRows."""
    columns = np.sort(np.stack([rng.choice(k - 1, ENTRIES, replace=False) for _ in range(N)]), axis=1)
    columns[::5] = columns[0]  # some columns come often, some rarely, and the last one never
    starts = np.arange(0, N * ENTRIES + 1, ENTRIES)
    rows = SparseRows(rng.normal(size=N * ENTRIES), columns.ravel().astype(np.int32), starts, k)
    return rows.toarray(), rows


def trained(
    X, y, widths=(3,), *, loss="cross_entropy", dtype="float64", optimizer=None, before=(), epochs=4, **options
):
    """Parameters and what a fit has recorded."""
    sizes = [FEATURES, *widths]
    layers = [
        gd.Dense(*pair, "tanh" if i < len(widths) - 1 else "identity")
        for i, pair in enumerate(itertools.pairwise(sizes))
    ]
    net = gd.Sequential(*before, *layers, seed=1, dtype=dtype)
    data = X if isinstance(X, np.ndarray) else SparseRows(X.values.astype(dtype), X.indices, X.starts, X.shape[1])
    options = {"batch_size": 2, "seed": 5, "epochs": epochs, "validation_split": 0.2, **options}
    history = net.fit(data, y, loss, optimizer=optimizer or gd.SGD(0.1), **options)
    return net.params, history.loss, history.val_loss, history.gradient_norm, history.clipped_steps


def assert_same(dense, sparse, rtol):
    for expected, found in zip(dense, sparse, strict=True):
        expected, found = np.asarray(expected), np.asarray(found)
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * max(np.abs(expected).max(), 1e-3))


PENALTIES = [{}, {"l2": 0.05}, {"l1": 0.01}, {"l1": 0.01, "l2": 0.02}]


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("batch", [1, 2, 3, 70])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_plain_descent_under_penalties(penalties, batch, dtype, isa, rng):
    X, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    options = {"dtype": dtype, "batch_size": batch, "sample_weight": rng.integers(0, 3, N), **penalties}
    for widths in ((3,), (9, 3)):
        assert_same(trained(X, y, widths, **options), trained(rows, y, widths, **options), 3e4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("loss", gd.LOSSES, ids=lambda kind: kind.name)
def test_every_loss(loss, penalties, rng):
    X, rows = drawn(rng)
    y = {"class": rng.integers(0, 2, N), "sign": rng.choice([-1.0, 1.0], (N, 2)), "unit": rng.random((N, 2))}.get(
        loss.target, rng.poisson(2.0, (N, 2)).astype(float)
    )
    options = {"loss": loss(), "optimizer": gd.SGD(0.02), **penalties}
    assert_same(trained(X, y, (2,), **options), trained(rows, y, (2,), **options), 1e-9)


OPTIONS = {
    "clipped by norm": {"clip_norm": 0.5},
    "hardly clipped": {"clip_norm": 2.0},
    "never clipped": {"clip_norm": 1e10},
    "clipped by value": {"clip_value": 0.05},
    "averaged": {"average": gd.EMA(0.9)},
    "decayed": {"optimizer": gd.SGD(0.1, weight_decay=0.05)},
    "momentum": {"optimizer": gd.SGD(0.05, momentum=0.9, nesterov=True)},
    "a rate so high that weights turn round": {"optimizer": gd.SGD(2.5), "epochs": 2},
    "a schedule": {"optimizer": gd.SGD(gd.schedules.InverseScaling(0.2, 0.3))},
    "a layer's own rate": {"layer_rates": {"dense0": 0.5}},
    "a bias's own rate": {"layer_rates": {"dense0.bias": 0.01}},
    "a frozen first layer": {"layer_rates": {"dense0": 0.0}},
    "batches summed": {"accumulate": 2},
    "dropout": {"before": (gd.Dropout(0.3),)},
    "in order": {"shuffle": False, "drop_last": True},
    "the mean gradient watched": {"stop": gd.GradientNormThreshold(1e-9, of="epoch")},
}


@pytest.mark.parametrize("penalties", PENALTIES, ids=str)
@pytest.mark.parametrize("case", OPTIONS)
def test_options(case, penalties, rng):
    X, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    options = {**OPTIONS[case], **penalties}
    if case.startswith("a rate so high"):
        options["l2"] = 0.5
    assert_same(trained(X, y, (5, 3), **options), trained(rows, y, (5, 3), **options), 1e-8)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_every_optimizer(optimizer, rng):
    X, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    for penalties in PENALTIES:
        options = {"optimizer": optimizer(), "epochs": 2, **penalties}
        assert_same(trained(X, y, **options), trained(rows, y, **options), 1e-7)


def test_weights_become_0_in_the_same_steps(rng):
    """Under a strong l1 most weights die, some while no batch touches them."""
    X, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    options = {"l1": 0.05, "batch_size": 1, "epochs": 6}
    dense, sparse = trained(X, y, **options), trained(rows, y, **options)
    assert_same(dense, sparse, 1e-9)
    np.testing.assert_array_equal(dense[0] == 0, sparse[0] == 0)
    assert (dense[0] == 0).mean() > 0.5


def test_many_steps_pass_between_two_touches(rng):
    """A window of steps ends within an epoch, and the product of the factors by which weights shrink gets small."""
    k, n = 50, 20_000
    columns = rng.integers(0, 3, n) + 40 * (rng.random(n) < 1e-3)
    rows = SparseRows(rng.normal(size=n), columns.astype(np.int32), np.arange(n + 1), k)
    y = rng.normal(size=n)
    for penalties in ({"l2": 1e-3}, {"l2": 0.3}, {"l2": 3.0}, {"l1": 1e-6, "l2": 1e-4}):
        found = []
        for X in (rows.toarray(), rows):
            net = gd.LinearModel(k, dtype="float64", seed=2)
            history = net.fit(X, y, "mse", optimizer=gd.SGD(0.05), epochs=2, batch_size=1, seed=0, **penalties)
            found.append((net.params, history.loss, history.gradient_norm))
        assert_same(*found, 1e-9)


def test_a_step_that_is_not_finite_changes_nothing(rng):
    X, rows = drawn(rng)
    y = rng.normal(size=N)
    y[40] = 1e200
    for options in ({}, {"l1": 1e-3, "l2": 1e-3}):
        found = []
        for data in (X, rows):
            net = gd.LinearModel(FEATURES, seed=0, dtype="float64")
            trainer = gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=1, shuffle=False, **options)
            with pytest.raises(gd.DivergedError, match="the loss is not finite") as caught:
                trainer.fit(data, y, epochs=3)
            found.append((net.params.copy(), caught.value.batch))
            assert trainer.steps_done == 40
        assert found[0][1] == found[1][1] == 40
        np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-12, atol=1e-14)


def test_epochs_go_on_bit_for_bit_and_a_state_can_be_saved_between_them(rng):
    _, rows = drawn(rng)
    y = rng.integers(0, 3, N)

    def trainer():
        net = gd.MLP([FEATURES, 3], seed=0)
        return gd.Trainer(net, "cross_entropy", gd.SGD(0.1), batch_size=1, l1=1e-3, l2=1e-3, seed=1)

    whole, parts, resumed = trainer(), trainer(), trainer()
    whole.fit(rows, y, epochs=4)
    parts.fit(rows, y, epochs=1)
    resumed.load_state_dict(parts.state_dict())
    for one in (parts, resumed):
        one.fit(rows, y, epochs=3)
        assert np.array_equal(one.model.params, whole.model.params)


def test_a_fit_that_ends_within_an_epoch_goes_on(rng):
    """Rows that waited are rounded once more there, unless nothing made them wait."""
    _, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    for penalties in ({}, {"l1": 1e-3, "l2": 1e-3}):
        found = []
        for steps in ((140,), (33, 107)):
            net = gd.MLP([FEATURES, 3], seed=0, dtype="float64")
            trainer = gd.Trainer(net, "cross_entropy", gd.SGD(0.1), batch_size=1, seed=1, **penalties)
            for count in steps:
                history = trainer.fit(rows, y, max_steps=count)
            found.append((net.params, history.loss[-1]))
        assert_same(*found, 1e-12)
        assert penalties or np.array_equal(found[0][0], found[1][0])


def test_threads_do_not_show(rng):
    _, rows = drawn(rng)
    y = rng.integers(0, 3, N)
    found = []
    for threads in (1, 2, 4):
        with gd.num_threads(threads):
            found.append(trained(rows, y, (9, 3), l1=1e-3, l2=1e-3)[0].tobytes())
    assert found[0] == found[1] == found[2]


def test_the_sum_of_an_epochs_gradients(rng):
    X, rows = drawn(rng)
    y, found = rng.integers(0, 3, N), []
    for data in (X, rows):
        net = gd.MLP([FEATURES, 3], seed=0, dtype="float64")
        run = gd.Trainer(net, "cross_entropy", gd.SGD(0.1), l1=1e-3, l2=1e-2)._run
        total = np.zeros(net.n_params)
        run.begin_epoch(N, N)
        run.epoch((data, None, y, None), None, 1, total=total)
        found.append((total, net.params, run.norm_sum, run.loss_sum))
    assert_same(*found, 1e-10)


def test_a_loss_in_python(rng):
    X, rows = drawn(rng)
    y = rng.normal(size=(N, 2))

    def half_mse(outputs, targets):
        return float(np.mean((outputs - targets) ** 2)) / 2, (outputs - targets) / outputs.size

    options = {"loss": half_mse, "l2": 0.01, "before": (gd.Dropout(0.2),)}
    assert_same(trained(X, y, (2,), **options), trained(rows, y, (2,), **options), 1e-9)


@pytest.mark.parametrize("options", [{"l2": 1.0}, {"l1": 0.05, "l2": 1.0}, {"weight_decay": 1.0}], ids=repr)
@pytest.mark.parametrize("hidden", [False, True])
def test_rates_that_reach_what_no_row_can_wait_for(hidden, options):
    X = np.hstack([np.eye(3)[[0, 1, 2, 0, 1, 2] * 3], np.zeros((18, 97))])
    found = []
    for rows in (X, pytest.importorskip("scipy.sparse").csr_array(X)):
        net = gd.MLP([100, 3, 1] if hidden else [100, 1], dtype="float64", seed=0)
        net.params += 0.5
        rates = gd.schedules.Cosine(1.5, 18, warmup=6, start_factor=0.1)
        decay = {key: value for key, value in options.items() if key == "weight_decay"}
        penalties = {key: value for key, value in options.items() if key != "weight_decay"}
        trainer = gd.Trainer(net, "mse", gd.SGD(rates, **decay), batch_size=1, shuffle=False, **penalties)
        history = trainer.fit(rows, np.linspace(0, 1, 18), epochs=1)
        found.append((net.params.copy(), history.loss, history.gradient_norm))
    for dense, lazy in zip(*found, strict=True):
        np.testing.assert_allclose(lazy, dense, rtol=1e-9, atol=1e-12)

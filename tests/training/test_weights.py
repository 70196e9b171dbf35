"""Weights of samples in a step: a batch divides by its rows times the mean weight of all data, whatever its size."""

import numpy as np
import pytest
from cases import RECORDS, draw_targets

import gdcore as gd

N, K = 46, 3
SEED = 3
BATCHES = [(1, False), (7, False), (7, True), (16, True), (45, False), (N, False)]
"""Sizes, and whether a last batch that is not full is left out."""
each_loss = pytest.mark.parametrize("loss", RECORDS, ids=lambda loss: loss.name)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def problem(loss, dtype="float64", n=N, sizes=(4, 6), shift=0.0):
    rng = np.random.default_rng(SEED)
    net = gd.MLP([*sizes, K], "tanh", dtype=dtype, seed=SEED)
    X = rng.normal(size=(n, sizes[0])).astype(dtype)
    y = draw_targets(loss, rng, n, K)
    weight = (rng.random(n) * 10 ** rng.uniform(-2, 2, n)).astype(dtype)
    weight[rng.random(n) < 0.2] = 0
    return net, X, y if loss.target == "class" else y.astype(dtype), weight + dtype_of(dtype)(shift)


def dtype_of(name):
    return np.dtype(name).type


def steps_of_an_epoch(trainer, X, y, weight, rows):
    """Number of rows and gradient of each step, all at the same parameters: the rate is 1, and each step taken back."""
    kept, found = trainer.model.params.astype(float), []
    while sum(n for n, _ in found) < rows:
        trainer.fit(X, y, max_steps=1, sample_weight=weight)
        size = min(trainer.batch_size * trainer.accumulate, rows - sum(n for n, _ in found))
        found.append((size, kept - trainer.model.params))
        trainer.model.params = kept
    return found


@each_loss
@each_dtype
@pytest.mark.parametrize(("batch_size", "drop_last"), BATCHES)
def test_the_mean_of_an_epochs_gradients_is_the_full_one(loss, dtype, batch_size, drop_last):
    """By their rows, in the kernels' own order of the samples, and in steps of several fits."""
    net, X, y, weight = problem(loss, dtype)
    for shuffle in (False, True):
        trainer = gd.Trainer(net, loss, gd.SGD(1.0), batch_size=batch_size, drop_last=drop_last, shuffle=shuffle)
        rows = N - N % batch_size if drop_last else N
        if shuffle and rows < N:
            continue  # which rows are left out is the seed's
        sizes, grads = zip(*steps_of_an_epoch(trainer, X, y, weight, rows), strict=True)
        assert trainer.epochs_done == 1
        assert sum(sizes) == rows
        found = np.average(grads, axis=0, weights=sizes)
        _, want = net.loss_and_grad(X[:rows], y[:rows], loss, sample_weight=weight[:rows])
        want = want * (weight[:rows].mean(dtype=float) / weight.mean(dtype=float))
        scale = max(np.abs(grads).max(), np.abs(net.params).max())  # a step's rounding is that of the parameters
        np.testing.assert_allclose(found, want, rtol=0, atol=20 * np.finfo(dtype).eps * scale)


WAYS = [((70, 64), 60, 7), ((4, 6), 9000, 4000), ((300, 200), 900, 800)]


@each_dtype
@pytest.mark.parametrize(("sizes", "n", "batch_size"), WAYS)
def test_the_same_where_steps_are_streamed_and_batches_shared_out(isa, sizes, n, batch_size, dtype):
    net, X, y, weight = problem(gd.MeanSquaredError(), dtype, n, sizes)
    trainer = gd.Trainer(net, "mse", gd.SGD(1.0), batch_size=batch_size)
    rows, grads = zip(*steps_of_an_epoch(trainer, X, y, weight, n), strict=True)
    want = net.loss_and_grad(X, y, "mse", sample_weight=weight)[1]
    scale = max(np.abs(grads).max(), np.abs(net.params).max())
    atol = 100 * np.finfo(dtype).eps * scale
    np.testing.assert_allclose(np.average(grads, axis=0, weights=rows), want, rtol=0, atol=atol)


OPTIMIZERS = [gd.SGD(0.1, momentum=0.9), gd.Adam(0.01), gd.RMSprop(0.01), gd.Adagrad(0.05)]


@each_loss
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.name)
def test_a_weight_is_a_number_of_copies_in_a_full_batch(isa, loss, optimizer):
    """2: the row twice; 0: the row left out. Parameters, losses and gradients' norms of a fit, to roundoff."""
    net, X, y, _ = problem(loss)
    twin, copies = net.copy(), np.random.default_rng(0).integers(0, 4, N)
    options = {"loss": loss, "optimizer": optimizer, "epochs": 5, "batch_size": 4 * N, "l1": 1e-3, "l2": 0.01}
    found = net.fit(X, y, sample_weight=copies, **options)
    want = twin.fit(X.repeat(copies, axis=0), y.repeat(copies, axis=0), **options)
    np.testing.assert_allclose(net.params, twin.params, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.loss, want.loss, rtol=1e-10)
    np.testing.assert_allclose(found.gradient_norm, want.gradient_norm, rtol=1e-9)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "hinge"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_weight_is_a_number_of_copies_in_expectation(loss, batch_size):
    """A shuffled epoch's first gradient, over 1000 seeds: within 5 standard errors of that of all rows and copies.

    By chance an entry is farther off once in 1.7 million; the plain mean, which weights that cancel lead to, is.
    """
    loss, seeds = gd.losses.get_loss(loss), 1000
    net, X, y, _ = problem(loss)
    copies = np.digitize(X[:, 0], [-0.5, 0, 0.5])
    want = net.loss_and_grad(X.repeat(copies, axis=0), y.repeat(copies, axis=0), loss)[1]
    kept, grads = net.params.copy(), []
    for seed in range(seeds):
        trainer = gd.Trainer(net, loss, gd.SGD(1.0), batch_size=batch_size, seed=seed)
        trainer.fit(X, y, max_steps=1, sample_weight=copies)
        grads.append(kept - net.params)
        net.params = kept
    errors = np.std(grads, axis=0) / np.sqrt(seeds)
    assert (np.abs(np.mean(grads, axis=0) - want) <= 5 * errors + 1e-12).all()
    assert (np.abs(net.loss_and_grad(X, y, loss)[1] - want) > 5 * errors).any()


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_an_epoch_over_weights_moves_as_one_over_copies(loss):
    """Mean parameters of 300 seeds after an epoch of small steps; copies and rows take as many steps."""
    loss, ends = gd.losses.get_loss(loss), {}
    start, X, y, _ = problem(loss, n=40)
    every, copies = np.arange(40), np.arange(40) % 4  # 60 rows, as copies
    for name, rows, weight, batch_size in (("weights", every, copies, 4), ("copies", every.repeat(copies), None, 6)):
        ends[name] = []
        for seed in range(300):
            net = start.copy()
            trainer = gd.Trainer(net, loss, gd.SGD(1e-3), batch_size=batch_size, seed=seed)
            trainer.fit(X[rows], y[rows], epochs=1, sample_weight=weight)
            ends[name].append(net.params - start.params)
        assert trainer.steps_done == 10
    means = {name: np.mean(moves, axis=0) for name, moves in ends.items()}
    errors = np.sqrt(sum(np.var(moves, axis=0) for moves in ends.values()) / 300)
    size = np.abs(means["copies"]).max()
    assert (np.abs(means["weights"] - means["copies"]) <= 5 * errors + 1e-3 * size).all()
    assert errors.max() < 0.05 * size


@each_loss
@each_dtype
def test_equal_weights_are_none_and_only_ratios_count(isa, loss, dtype):
    """Bit for bit, for powers of two, of any size that the precision holds; a batch may have no weight at all."""
    net, X, y, weight = problem(loss, dtype)

    def fitted(weight, **options):
        own = net.copy()
        history = own.fit(X, y, loss=loss, optimizer="adam", batch_size=7, epochs=2, sample_weight=weight, **options)
        return own.params, history.loss, history.gradient_norm

    for options in ({}, {"clip_norm": 0.3, "l2": 0.1}):
        for given, same in ((None, np.ones(N)), (weight, weight * 2.0**20), (weight, weight * 2.0**-60)):
            for one, other in zip(fitted(given, **options), fitted(same, **options), strict=True):
                np.testing.assert_array_equal(one, other)


def test_the_reported_loss_is_the_weighted_mean_over_all_rows():
    for loss in RECORDS:
        for dtype in ("float32", "float64"):
            net, X, y, weight = problem(loss, dtype)
            want = pytest.approx(net.loss(X, y, loss, sample_weight=weight), rel=50 * float(np.finfo(dtype).eps))
            for batch_size in (1, 7, N):
                options = {"loss": loss, "optimizer": gd.SGD(1e-30), "batch_size": batch_size, "epochs": 1}
                assert net.fit(X, y, sample_weight=weight, **options).loss == [want]


@each_loss
@each_dtype
def test_a_step_by_hand_weighs_relative_to_one(isa, loss, dtype):
    """It follows sum (w g) / rows, and returns the rows' weighted mean loss."""
    net, X, y, weight = problem(loss, dtype)
    kept = net.params.copy()
    for rows in (slice(0, 1), slice(0, 9), slice(N)):
        batch = X[rows], y[rows]
        w = weight[rows] + dtype_of(dtype)(0.1)
        value, grad = net.loss_and_grad(*batch, loss, sample_weight=w)
        for size in (1, 0.001, 1000):
            trainer = gd.Trainer(net, loss, gd.SGD(1.0 / size))
            found = trainer.step(*batch, sample_weight=w * dtype_of(dtype)(size))
            assert found == pytest.approx(value, rel=20 * float(np.finfo(dtype).eps))
            moved, want = kept - net.params, grad * w.mean(dtype=float)
            atol = 20 * np.finfo(dtype).eps * max(np.abs(want).max(), np.abs(net.params).max())
            np.testing.assert_allclose(moved, want, rtol=0, atol=atol)
            net.params = kept
    plain = gd.Trainer(net, loss, "adam")
    plain.step(X, y)
    one = net.params.copy()
    net.params = kept
    gd.Trainer(net, loss, "adam").step(X, y, np.ones(N))
    np.testing.assert_array_equal(net.params, one)


def test_an_epoch_is_its_steps_by_hand():
    net, X, y, weight = problem(gd.Huber())
    twin = net.copy()
    gd.Trainer(net, "huber", "adam", batch_size=8, shuffle=False).epoch(X, y, weight)
    by_hand = gd.Trainer(twin, "huber", "adam")
    for first in range(0, N, 8):
        rows = slice(first, first + 8)
        by_hand.step(X[rows], y[rows], weight[rows] / weight.mean())
    np.testing.assert_allclose(net.params, twin.params, rtol=1e-10)


@each_loss
def test_accumulated_batches_are_one_of_all_their_rows(loss):
    nets = [problem(loss)[0] for _ in range(2)]
    _, X, y, weight = problem(loss)
    for net, options in zip(nets, ({"batch_size": 4, "accumulate": 3}, {"batch_size": 12}), strict=True):
        net.fit(X, y, loss=loss, optimizer="adam", epochs=3, sample_weight=weight, **options)
    np.testing.assert_array_equal(nets[0].params, nets[1].params)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_epoch_left_and_gone_on_with_has_the_same_bits(isa, shuffle, drop_last, batch_size):
    """The mean weight is that of all data, not of what is left of the epoch."""
    nets = [problem(gd.CrossEntropy())[0] for _ in range(3)]
    _, X, y, weight = problem(gd.CrossEntropy(), shift=0.5)
    weight[: N // 2] *= 100  # the rest has another mean
    options = {"batch_size": batch_size, "shuffle": shuffle, "drop_last": drop_last, "seed": 5}
    trainers = [gd.Trainer(net, "cross_entropy", "adam", **options) for net in nets]
    whole = trainers[0].fit(X, y, epochs=2, sample_weight=weight)
    for _ in range(2):
        for steps in (1, 2):
            trainers[1].fit(X, y, max_steps=steps, sample_weight=weight)
        parted = trainers[1].fit(X, y, epochs=1, sample_weight=weight)
    np.testing.assert_array_equal(nets[1].params, nets[0].params)
    assert parted.loss[-1] == whole.loss[-1]
    trainers[1].fit(X, y, max_steps=3, sample_weight=weight)
    trainers[2].load_state_dict(trainers[1].state_dict())
    for trainer in trainers[1:]:
        trainer.epoch(X, y, weight)
    np.testing.assert_array_equal(nets[2].params, nets[1].params)


def test_a_batch_without_weight_moves_nothing_and_says_nothing():
    net, X, y, weight = problem(gd.MeanSquaredError())
    weight[:14] = 0
    kept = net.params.copy()
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=7, shuffle=False)
    history = trainer.fit(X, y, max_steps=2, sample_weight=weight)
    np.testing.assert_array_equal(net.params, kept)
    assert history.gradient_norm == [0]
    assert history.loss == [0]
    history = trainer.fit(X, y, epochs=1, sample_weight=weight)
    twin = problem(gd.MeanSquaredError())[0]
    rest = gd.Trainer(twin, "mse", gd.SGD(0.1 * 46 / 32), batch_size=7, shuffle=False)  # by its own, larger mean
    want = rest.fit(X[14:], y[14:], epochs=1, sample_weight=weight[14:])
    np.testing.assert_allclose(net.params, twin.params, rtol=1e-12)
    assert history.loss == pytest.approx(want.loss, rel=1e-12)


def test_sums_of_weights_are_taken_in_double():
    """In float32 a sum that begins with 1e8 would take no notice of ones behind it."""
    net = gd.LinearModel(1, bias=False, weight_init="zeros")
    n = 2001
    weight = np.r_[1e8, np.full(n - 1, 1.0)]
    trainer = gd.Trainer(net, "mse", gd.SGD(0.5), batch_size=1, shuffle=False)
    trainer.fit(np.ones((n, 1)), np.ones(n), max_steps=1, sample_weight=weight)
    assert net.params[0] == pytest.approx(weight[0] / weight.mean(), rel=2e-7)


@pytest.mark.parametrize(
    ("dtype", "weight", "message"),
    [
        ("float64", [1e308, 1e308, 1e308], "sample_weight makes weights that sum to inf; expected a sum from 1e-280"),
        ("float64", [1e-300, 0, 0], "sample_weight makes weights that sum to 1e-300; expected"),
        ("float32", [0, 0, 0], "sample_weight sums to 0"),
        ("float32", [1e-60, 0, 0], "sample_weight sums to 0"),
    ],
)
def test_a_sum_that_cannot_be_divided_by_is_refused(dtype, weight, message):
    net = gd.LinearModel(1, dtype=dtype, seed=0)
    for call in (net.fit, net.loss):
        with pytest.raises(ValueError, match=message):
            call(np.ones((3, 1)), np.ones(3), loss="mse", sample_weight=weight)


SIZES = [("float32", 3e38), ("float32", 1e-44), ("float64", 1e250), ("float64", 1e-250)]


@pytest.mark.parametrize(("dtype", "size"), SIZES)
def test_weights_of_any_size_train(dtype, size):
    X, y = np.linspace(-1, 1, 20)[:, None], np.linspace(-3, 3, 20)
    net = gd.LinearModel(1, bias=False, dtype=dtype, weight_init="zeros")
    net.fit(X, y, loss="mse", optimizer=gd.SGD(0.5), epochs=50, batch_size=4, sample_weight=np.full(20, size))
    assert net.params[0] == pytest.approx(3, rel=1e-5)


@each_dtype
@pytest.mark.parametrize("n", [1, 5])
def test_an_epoch_of_a_part_takes_the_mean_weight_of_all_data(n, dtype):
    """Relative to 1 it is `step`, also where one batch holds all rows; another mean divides the gradient."""
    X, y, weight = np.ones((n, 2), dtype), np.arange(1, n + 1, dtype=dtype), np.arange(2, n + 2, dtype=dtype)
    moved = []
    for mean in (None, 1.0, 4.0):
        net = gd.LinearModel(2, weight_init="zeros", dtype=dtype)
        trainer = gd.Trainer(net, "mse", gd.SGD(0.01), batch_size=n)
        if mean is None:
            trainer.step(X, y, weight)
        else:
            trainer.epoch(X, y, weight, mean_weight=mean)
        moved.append(net.params.copy())
    np.testing.assert_allclose(moved[1], moved[0], rtol=8 * np.finfo(dtype).eps)
    np.testing.assert_allclose(moved[2], moved[0] / 4, rtol=8 * np.finfo(dtype).eps)
    with pytest.raises(ValueError, match="mean_weight must be > 0, got 0"):
        trainer.epoch(X, y, weight, mean_weight=0)

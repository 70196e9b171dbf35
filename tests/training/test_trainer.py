"""What a step, an epoch and a fit mean, against the reference and by invariants, on every instruction set."""

import inspect

import numpy as np
import pytest
from reference import training as reference_training

import gdcore as gd
from gdcore._kernels import SUPPORTED, using

each_optimizer = pytest.mark.parametrize("optimizer", gd.OPTIMIZERS)
SEED = 5


def problem(n=50, dtype="float64", classes=3):
    """A net, rows, real targets and labels."""
    rng = np.random.default_rng(1)
    net = gd.MLP([4, 17, classes], "tanh", dtype=dtype, seed=SEED)
    X = rng.normal(size=(n, 4)).astype(dtype)
    return net, X, rng.normal(size=(n, classes)).astype(dtype), rng.integers(0, classes, n)


def order_of(epoch, n, seed=SEED):
    return reference_training.order_of(epoch, n, seed)


def test_a_models_fit_takes_what_a_trainer_and_its_fit_take():
    made, fitted, short = (
        {name: entry.default for name, entry in inspect.signature(call).parameters.items() if name != "self"}
        for call in (gd.Trainer.__init__, gd.Trainer.fit, gd.Sequential.fit)
    )
    assert made.pop("model") is made.pop("loss") is inspect.Parameter.empty
    assert short.pop("loss") is None  # an error that looks at y names those that go with it
    assert {**made, **fitted} == short


@each_optimizer
@pytest.mark.parametrize("loss", [gd.MeanSquaredError(), gd.CrossEntropy(0.1)], ids=repr)
@pytest.mark.parametrize(("batch_size", "l1", "l2"), [(16, 1e-3, 1e-2), (7, 0.0, 0.0), (1, 1e-3, 1e-2), (1, 0.0, 0.0)])
def test_fit_is_the_references(isa, optimizer, loss, batch_size, l1, l2):
    """Order, weights, penalties, clipping and update, over three epochs with a last batch that is not full."""
    net, X, targets, labels = problem()
    y, o, weight = labels if loss.target == "class" else targets, optimizer(), np.random.default_rng(2).random(50)
    options = {"batch_size": batch_size, "l1": l1, "l2": l2, "clip_norm": 0.3}
    want, expected = reference_training.fit(net, X, y, loss, o, epochs=3, weight=weight, seed=SEED, **options)
    history = gd.Trainer(net, loss, o, **options).fit(X, y, epochs=3, sample_weight=weight)
    np.testing.assert_allclose(net.params, want, rtol=1e-11, atol=1e-12)
    for name, values in expected.items():
        np.testing.assert_allclose(getattr(history, name), values, rtol=1e-11)


@pytest.mark.parametrize("clip_norm", [1e-7, 1e-6, 1e-3, 0.5, 1.0, 1.0 + 5e-7, 1e3])
@pytest.mark.parametrize("norm", [1e-7, 1e-6, 1.0, 1e3])
def test_clipping_is_the_references(isa, norm, clip_norm):
    net = gd.LinearModel(1, bias=False, dtype="float64", weight_init="zeros")
    trainer = gd.Trainer(net, lambda z, y: (0.0, np.full_like(z, norm)), gd.SGD(1.0), clip_norm=clip_norm)
    trainer.step([[1.0]], [0.0])
    assert net.params[0] == pytest.approx(-norm * reference_training.clip_scale(np.array([norm]), clip_norm), rel=1e-14)


def test_step_returns_the_loss_before_the_update_without_penalties(isa):
    net, X, y, _ = problem()
    before = net.loss(X, y, "mse")
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1), l1=0.1, l2=0.1, batch_size=8)
    assert trainer.step(X, y) == pytest.approx(before, rel=1e-14)
    assert net.loss(X, y, "mse") < before
    assert trainer.steps_done == trainer.optimizer_state.step_count == 1
    assert trainer.epochs_done == 0


@pytest.mark.parametrize("rows", [1, 2, 50])
@pytest.mark.parametrize("strength", [0.0, 0.1])
def test_step_follows_the_gradient(isa, rows, strength):
    net, X, y, _ = problem()
    net = gd.Sequential(*net.layers, dtype="float64", seed=0)
    _, grad = net.loss_and_grad(X[:rows], y[:rows], "mse", l2=strength)
    want = net.params - 0.5 * grad
    for name, view in net.parameters(want):
        if name.endswith("weight"):
            view[...] = reference_training.soft(view, 0.5 * strength)
    trainer = gd.Trainer(net, "mse", gd.SGD(0.5), l1=strength, l2=strength)
    trainer.step(X[:rows], y[:rows])
    np.testing.assert_allclose(net.params, want, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 100, 1001])
def test_the_order_is_a_permutation_fixed_by_seed_and_epoch(n):
    first = order_of(0, n)
    np.testing.assert_array_equal(np.sort(first), np.arange(n))
    np.testing.assert_array_equal(first, order_of(0, n))
    if n >= 100:
        for other in (order_of(1, n), order_of(0, n, seed=SEED + 1)):
            assert (other == first).mean() < 0.1
            assert abs(np.corrcoef(other, first)[0, 1]) < 5 / n**0.5


def test_every_place_is_equally_likely():
    n, runs = 6, 6000
    counts = np.zeros((n, n))
    for epoch in range(runs):
        counts[np.arange(n), order_of(epoch, n)] += 1
    chi_squared = ((counts - runs / n) ** 2 / (runs / n)).sum()  # 25 degrees of freedom
    assert 8 < chi_squared < 60


def seen_batches(**options):
    """The rows of each batch over two epochs of ten samples, as a custom loss sees them."""
    batches, X = [], np.arange(10.0)[:, None]

    def loss(outputs, y):
        batches.append(y.ravel().astype(int).tolist())
        return 0.0, np.zeros_like(outputs)

    trainer = gd.Trainer(gd.LinearModel(1, dtype="float64", seed=SEED), loss, **options)
    for _ in range(2):
        trainer.epoch(X, X)
    return batches


def test_an_epoch_visits_every_sample_once_in_batches():
    batches = seen_batches(batch_size=4)
    orders = [order_of(epoch, 10).tolist() for epoch in range(2)]
    assert batches == [order[at : at + 4] for order in orders for at in (0, 4, 8)]
    assert seen_batches(batch_size=4, shuffle=False) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] * 2
    assert seen_batches(batch_size=4, shuffle=False, drop_last=True) == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2
    assert seen_batches(batch_size=99, shuffle=False, drop_last=True) == [list(range(10))] * 2
    assert [sorted(batch) for batch in seen_batches(batch_size=99)] == [list(range(10))] * 2


@pytest.mark.parametrize("drop_last", [False, True])
def test_the_compiled_epoch_makes_the_same_batches(isa, drop_last):
    """Step by step over the rows of the order: the same bits; the mean is over samples."""
    (net, X, y, _), (twin, *_) = problem(), problem()
    trainer = gd.Trainer(net, "mse", gd.Adam(0.01), batch_size=16, drop_last=drop_last)
    by_hand = gd.Trainer(twin, "mse", gd.Adam(0.01))
    mean, rows = trainer.epoch(X, y), order_of(0, 50)
    parts = [rows[at : at + 16] for at in range(0, 48 if drop_last else 50, 16)]
    losses = [by_hand.step(X[part], y[part]) for part in parts]
    assert mean == pytest.approx(np.average(losses, weights=[len(part) for part in parts]), rel=1e-14)
    np.testing.assert_array_equal(net.params, twin.params)
    assert trainer.steps_done == len(parts)


def test_more_rows_per_batch_than_there_are_is_one_batch(isa):
    (net, X, y, _), (twin, *_) = problem(), problem()
    trainer = gd.Trainer(net, "mse", batch_size=10**9, drop_last=True)
    value = trainer.epoch(X, y)
    assert value == pytest.approx(gd.Trainer(twin, "mse").step(X, y), rel=1e-14)
    assert trainer.steps_done == 1
    np.testing.assert_array_equal(net.params, twin.params)


def test_the_seed_fixes_every_bit(isa):
    """Initial weights, order and masks; a trainer's own seed fixes the last two."""

    def run(seed, trainers=None):
        _, X, _, labels = problem(dtype="float32")
        net = gd.MLP([4, 17, 3], "relu", dropout=0.3, seed=seed)
        gd.Trainer(net, "cross_entropy", gd.Adam(0.01), batch_size=8, seed=trainers).fit(X, labels, epochs=5)
        return net.params

    np.testing.assert_array_equal(run(SEED), run(SEED))
    np.testing.assert_array_equal(run(SEED), run(SEED, trainers=SEED))
    for other in (run(6), run(SEED, trainers=6), run(None)):
        assert (other != run(SEED)).mean() > 0.9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instruction_sets_agree_to_rounding(dtype):
    found = []
    for name in SUPPORTED:
        with using(name):
            net, X, y, _ = problem(dtype=dtype)
            gd.Trainer(net, "mse", gd.SGD(0.1), batch_size=8).fit(X, y, epochs=5)
        found.append(net.params)
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1000 * np.finfo(dtype).eps)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_a_weight_is_a_number_of_copies(isa, loss):
    """Of weights whose mean is 1: those of a step by hand count relative to 1."""
    (net, X, targets, labels), (twin, *_) = problem(), problem()
    y, copies = labels if loss == "cross_entropy" else targets, np.arange(50) % 4
    trainer, other = gd.Trainer(net, loss, "adam"), gd.Trainer(twin, loss, "adam")
    for _ in range(5):
        value = trainer.step(X, y, sample_weight=copies / copies.mean())
        assert value == pytest.approx(other.step(X.repeat(copies, axis=0), y.repeat(copies, axis=0)), rel=1e-13)
    np.testing.assert_allclose(net.params, twin.params, rtol=1e-10, atol=1e-13)


def custom_mse(outputs, y):
    y = y.reshape(outputs.shape)
    return float(np.mean((outputs - y) ** 2)), 2 * (outputs - y) / outputs.size


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_custom_loss_trains_as_the_built_in_does(isa, dropout):
    nets, histories = [], []
    for loss in ("mse", custom_mse):
        _, X, y, _ = problem(n=700)
        nets.append(gd.MLP([4, 17, 3], "gelu", dropout=dropout, dtype="float64", seed=SEED))
        options = {"batch_size": 300, "l1": 1e-4, "l2": 1e-3, "clip_norm": 0.5, "drop_last": True}
        trainer = gd.Trainer(nets[-1], loss, "adam", **options)
        histories.append(trainer.fit(X, y, epochs=4, validation_data=(X[:9], y[:9])))
    np.testing.assert_allclose(nets[1].params, nets[0].params, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(histories[1].loss, histories[0].loss, rtol=1e-12)
    np.testing.assert_allclose(histories[1].val_loss, histories[0].val_loss, rtol=1e-9)
    ours, theirs = (net.loss_and_grad(X, y, loss, l2=0.1) for net, loss in zip(nets, ("mse", custom_mse), strict=True))
    assert ours[0] == pytest.approx(theirs[0], rel=1e-9)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6, atol=1e-10)


@each_optimizer
@pytest.mark.parametrize("loss", ["mse", custom_mse], ids=["built-in", "custom"])
def test_a_second_fit_goes_on_where_the_first_stopped(optimizer, loss):
    (net, X, y, _), (twin, *_) = problem(dtype="float32"), problem(dtype="float32")
    trainer, whole = (gd.Trainer(m, loss, optimizer(), batch_size=16, seed=3) for m in (net, twin))
    losses = trainer.fit(X, y, epochs=3).loss + trainer.fit(X, y, epochs=2).loss
    assert losses == whole.fit(X, y, epochs=5).loss
    np.testing.assert_array_equal(net.params, twin.params)
    assert trainer.epochs_done == 5


def test_dropout_drops_in_training_and_nowhere_else(isa):
    """With inputs of 1 and weights of 1 the output counts the units that stayed, scaled up."""
    n, rate = 4000, 0.25
    net = gd.Sequential(gd.Dropout(rate), gd.Dense(10, 1, bias=False, weight_init="ones"), seed=SEED)
    X, seen = np.ones((n, 10)), []

    def loss(outputs, y):
        seen.append(outputs.ravel().copy())
        return 0.0, np.zeros_like(outputs)

    np.testing.assert_array_equal(net.predict(X), 10)
    trainers = [gd.Trainer(net, loss, batch_size=n, seed=seed) for seed in (1, 1, 2)]
    for trainer in trainers:
        trainer.step(X, np.zeros(n))
        trainer.step(X, np.zeros(n))
    kept = seen[0] * (1 - rate)
    np.testing.assert_allclose(kept, kept.round(), atol=1e-4)
    assert kept.mean() / 10 == pytest.approx(1 - rate, abs=5 * (rate * (1 - rate) / (10 * n)) ** 0.5)
    assert kept.var() == pytest.approx(10 * rate * (1 - rate), rel=0.15)
    np.testing.assert_array_equal(seen[0], seen[2])
    for other in (1, 4):
        assert (seen[0] != seen[other]).mean() > 0.5
    np.testing.assert_array_equal(net.predict(X), 10)
    assert net.loss(X, np.zeros(n), "mae") == pytest.approx(10, rel=1e-14)
    first, again, other = (net.loss(X, np.zeros(n), "mae", dropout_seed=seed) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [gd.SGD(0.1), gd.SGD(0.05, momentum=0.9, nesterov=True)], ids=repr)
def test_least_squares_reaches_the_known_minimiser(isa, dtype, optimizer):
    rng = np.random.default_rng(0)
    X, y, l2 = rng.normal(size=(60, 5)), rng.normal(size=(60, 2)), 0.1
    ones = np.hstack([X, np.ones((60, 1))])
    want = np.linalg.solve(ones.T @ ones / 60 + l2 * np.diag([1, 1, 1, 1, 1, 0]), ones.T @ y / 60)
    net = gd.LinearModel(5, 2, dtype=dtype, seed=0)
    gd.Trainer(net, "mse", optimizer, batch_size=60, l2=l2).fit(X, y, epochs=600)
    np.testing.assert_allclose(net.params, want.ravel(), atol=100 * np.finfo(dtype).eps)


def test_inputs_are_not_written(isa):
    net, X, y, labels = problem(dtype="float32")
    net = gd.MLP([4, 9, 3], dropout=0.5, seed=0)
    weight = np.ones(50, "float32")
    arrays = [X, y, labels, weight]
    copies = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    for loss, target in (("mse", y), ("cross_entropy", labels), (custom_mse, y)):
        given = None if loss is custom_mse else weight
        trainer = gd.Trainer(net, loss, batch_size=8)
        trainer.step(X, target)
        trainer.step(X, target, given)
        trainer.fit(X, target, epochs=2, sample_weight=given, validation_data=(X, target))
        net.loss_and_grad(X, target, loss, sample_weight=given, dropout_seed=1)
    net.predict(X)
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_learning_rate_may_be_set_between_steps(isa):
    net, X, y, _ = problem()
    trainer = gd.Trainer(net, "mse", gd.SGD(0.1))
    trainer.learning_rate = 0.25
    want = net.params - 0.25 * net.loss_and_grad(X, y, "mse")[1]
    trainer.step(X, y)
    assert trainer.learning_rate == 0.25
    np.testing.assert_allclose(net.params, want, rtol=1e-13)


def test_model_fit_is_a_trainers():
    (net, X, y, _), (twin, *_) = problem(), problem()
    options = {"batch_size": 16, "shuffle": False, "drop_last": True, "l1": 0.01, "l2": 0.1, "clip_norm": 1, "seed": 4}
    options |= {"accumulate": 2}
    weight = np.linspace(0, 1, 50)
    stop = gd.EarlyStopping(1)
    history = net.fit(
        X, y, loss="mse", optimizer="adam", epochs=4, sample_weight=weight, validation_data=(X, y), stop=stop, **options
    )
    same = gd.Trainer(twin, "mse", "adam", **options).fit(
        X, y, epochs=4, sample_weight=weight, validation_data=(X, y), stop=[stop]
    )
    np.testing.assert_array_equal(net.params, twin.params)
    assert (history.loss, history.val_loss) == (same.loss, same.val_loss)


def test_repr_reads_like_the_call():
    net, *_ = problem()
    plain = gd.Trainer(net, "mse", "adam")
    assert repr(plain) == f"Trainer({net!r}, MeanSquaredError(), Adam(0.001), batch_size=32, seed={SEED})"
    full = gd.Trainer(net, "mae", gd.SGD(0.1), batch_size=4, shuffle=False, drop_last=True, l1=1, l2=2, clip_norm=3)
    assert repr(eval(repr(full), vars(gd))) == repr(full)


@pytest.mark.parametrize("n_in", [1, 128, 256, 512])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_custom_losss_gradient_for_widths_of_every_stride(n_in, dtype):
    """Inputs whose rows are a power of two apart are brought together first."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, n_in)).astype(dtype), rng.normal(size=(40, 3)).astype(dtype)
    net = gd.MLP([n_in, 7, 3], "tanh", seed=0, dtype=dtype)
    value, grad = net.loss_and_grad(X, y, lambda z, y: (((z - y) ** 2).mean(), 2 * (z - y) / z.size))
    want, expected = net.loss_and_grad(X, y, "mse")
    eps = float(np.finfo(dtype).eps)
    assert value == pytest.approx(want, rel=20 * eps)
    np.testing.assert_allclose(grad, expected, rtol=0, atol=100 * eps * np.abs(expected).max())

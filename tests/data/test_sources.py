"""Sources: training and prediction from files that are read block by block."""

import itertools
import os
import pickle

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.reading import Order, reading

N, K = 1000, 5
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, K)).astype(np.float32)
Y = (X @ np.arange(K) + 0.5).astype(np.float32)
LABELS = (X @ RNG.normal(size=(K, 3))).argmax(axis=1)
SMALL = {"window_rows": 256, "block_rows": 50}


@pytest.fixture
def npy(tmp_path):
    """Save arrays in files of their own and return the source of them."""
    count = itertools.count()

    def save(X=X, y=Y, **options):
        folder = tmp_path / f"data{next(count)}"
        folder.mkdir()
        np.save(folder / "X.npy", X)
        if y is not None:
            np.save(folder / "y.npy", y)
        return gd.data.Npy(folder / "X.npy", None if y is None else folder / "y.npy", **options)

    return save


def net(loss="mse", dtype="float32"):
    return gd.MLP([K, 8, 3 if loss == "cross_entropy" else 1], activation="tanh", seed=0, dtype=dtype)


def trainer(loss="mse", **options):
    return gd.Trainer(net(loss), loss, gd.Adam(0.01), seed=3, **options)


# How much is read at a time


@pytest.mark.parametrize(("window_bytes", "larger"), [({}, 2**23), ({"window_bytes": 2**25}, 2**25)])
def test_a_small_source_is_one_window_and_a_larger_one_has_small_windows(window_bytes, larger):
    row = 4 * 100 + 16
    whole = 2**25 // row
    assert reading(whole, 100, **window_bytes).window_rows == whole
    found = reading(whole + 1, 100, **window_bytes)
    assert found.window_rows == larger // row
    assert found.block_rows == -(-found.window_rows // 16)


def test_a_window_of_decoded_rows_is_larger_than_one_of_rows_as_they_are(npy):
    X = np.zeros((2**21 // 10, 50), np.float32)  # 42 MB
    as_they_are, decoded = npy(X, X[:, 0]).reading.window_rows, gd.data.Rows(X).reading.window_rows
    assert decoded // 4 == as_they_are < len(X) // 4


# The order


def rows_of(order, samples=None):
    """Return the rows of an epoch in their order, as its windows give them."""
    samples = order.n if samples is None else samples
    found = []
    for index in range(-(-samples // order.window)):
        part = order.part(index, samples)
        rows = np.concatenate([np.arange(first, end) for first, end in part.pieces])
        assert part.start == sum(map(len, found))
        assert part.rows == len(rows) <= order.window
        assert all(end - first <= order.block for first, end in part.pieces)
        found.append(rows if part.order is None else rows[part.order])
    return np.concatenate(found)


@pytest.mark.parametrize(
    ("n", "window", "block"), [(10, 4, 2), (1000, 256, 50), (997, 64, 64), (7, 3, 1), (100, 30, 7)]
)
def test_every_row_comes_once(n, window, block):
    for seed in (None, 0, 2**64 - 1):
        for epoch in range(3):
            np.testing.assert_array_equal(np.sort(rows_of(Order(n, window, block, seed, epoch))), np.arange(n))
    np.testing.assert_array_equal(rows_of(Order(n, window, block, None, 0)), np.arange(n))


def test_the_order_is_another_one_for_each_seed_and_epoch():
    known = [tuple(rows_of(Order(100, 32, 8, seed, epoch))) for seed in range(4) for epoch in range(4)]
    assert len(set(known)) == len(known)
    assert known == [tuple(rows_of(Order(100, 32, 8, seed, epoch))) for seed in range(4) for epoch in range(4)]


def test_windows_are_shuffled_each_in_its_own_way():
    order = Order(1000, 100, 20, 1, 0)
    found = {tuple(order.part(index, 1000).order) for index in range(10)}
    assert len(found) == 10


def test_blocks_and_rows_are_mixed():
    """Neighbours of the source fall apart, and the parts of a window are spread over the source."""
    n, window, block = 10_000, 1000, 50
    rows = rows_of(Order(n, window, block, 1, 0))
    assert (np.abs(np.diff(rows)) == 1).mean() < 0.01
    first = rows[:window]
    assert len(np.unique(first // block)) == window // block
    assert first.max() - first.min() > n / 2


def test_a_last_batch_that_is_left_out_is_another_one_in_each_epoch():
    left = {frozenset(range(10)) - set(rows_of(Order(10, 4, 2, 0, epoch), 8).tolist()) for epoch in range(9)}
    assert len(left) > 2


# Training


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_window_that_covers_the_source_gives_the_bits_of_arrays(npy, loss, shuffle):
    y = LABELS if loss == "cross_entropy" else Y
    one, other = trainer(loss, shuffle=shuffle), trainer(loss, shuffle=shuffle)
    expected = one.fit(X, y, epochs=3, validation_data=(X, y), metrics=["accuracy"] if loss != "mse" else ["r2"])
    found = other.fit(npy(y=y), epochs=3, validation_data=npy(y=y), metrics=["accuracy"] if loss != "mse" else ["r2"])
    np.testing.assert_array_equal(other.model.params, one.model.params)
    assert found.loss == expected.loss
    assert found.val_loss == expected.val_loss
    assert found.metrics == expected.metrics


@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "custom"])
@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 7}, {"accumulate": 3}, {"drop_last": True, "batch_size": 33}, {"batch_size": 300}]
)
def test_windows_train_as_arrays_in_the_same_order(npy, loss, options):
    """An epoch from windows has the bits of an unshuffled epoch over the rows in the order of the windows."""
    y = LABELS if loss == "cross_entropy" else Y[:, None] if loss == "custom" else Y
    kind = (lambda z, t: (float(((z - t) ** 2).mean()), 2 * (z - t) / z.size)) if loss == "custom" else loss
    of = gd.Trainer(net(loss), kind, gd.Adam(0.01), seed=3, **options)
    size = of.batch_size * of.accumulate
    window = max(1, 256 // size) * size
    for epoch in range(2):
        rows = rows_of(Order(N, window, 50, 3, epoch), N - N % of.batch_size if of.drop_last else N)
        arrays = gd.Trainer(of.model.copy(), kind, gd.Adam(0.01), seed=3, shuffle=False, **options)
        state = of.state_dict()
        arrays.load_state_dict({**state})
        expected = arrays.epoch(X[rows], y[rows])
        assert of.epoch(npy(y=y, **SMALL)) == pytest.approx(expected, rel=1e-12)
        np.testing.assert_array_equal(of.model.params, arrays.model.params)


def test_shuffle_false_keeps_the_order_of_the_file(npy):
    one, other = trainer(shuffle=False), trainer(shuffle=False)
    assert one.epoch(X, Y) == other.epoch(npy(**SMALL))
    np.testing.assert_array_equal(one.model.params, other.model.params)


@pytest.mark.parametrize("stop", [1, 7, 8, 9, 31, 32, 33, 50])
def test_a_fit_resumes_within_an_epoch_bit_for_bit(npy, stop):
    source = npy(**SMALL)
    whole, cut = trainer(), trainer()
    whole.fit(source, max_steps=70)
    cut.fit(source, max_steps=stop)
    cut = pickle.loads(pickle.dumps(cut))
    cut.fit(pickle.loads(pickle.dumps(source)), max_steps=70 - stop)
    assert cut.steps_done == whole.steps_done == 70
    np.testing.assert_array_equal(cut.model.params, whole.model.params)


def test_what_a_fit_measures_is_that_of_arrays(npy):
    source, criterion = npy(**SMALL), gd.EarlyStopping(3)
    of = trainer()
    history = of.fit(
        source, epochs=2, validation_data=source, metrics=["r2", "mae"], stop=criterion, record="layer_gradient_norm"
    )
    known = of.model.evaluate(X, Y, ["r2", "mae"])
    assert history.val_loss[-1] == pytest.approx(known["loss"], rel=1e-6)
    assert history.metrics["r2"][-1] == history.metrics["val_r2"][-1] == pytest.approx(known["r2"], rel=1e-6)
    grad = of.model.loss_and_grad(X, Y, "mse")[1]
    norms = {name: np.linalg.norm(view) for name, view in of.model.parameters(grad)}
    expected = np.hypot(norms["dense0.weight"], norms["dense0.bias"])
    assert history.layer_gradient_norm["dense0"][-1] == pytest.approx(expected, rel=1e-4)


def test_criteria_go_on_with_the_same_source_alone(npy):
    source, stop = npy(**SMALL), gd.EarlyStopping(3, min_delta=1e9)
    of = trainer()
    assert of.fit(source, epochs=2, stop=stop).epochs == 2
    assert of.fit(source, epochs=5, stop=stop).epochs == 2  # it has waited for one epoch before
    of = trainer()
    of.fit(source, epochs=2, stop=stop)
    assert of.fit(npy(X + 1, **SMALL), epochs=5, stop=stop).epochs == 4


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("stored", ["float16", "float32", "float64", ">f4", "int16"])
def test_any_precision_is_converted(npy, dtype, stored):
    given = (X * 100).astype(stored)
    source = npy(given, **SMALL)
    one, other = (gd.Trainer(net(dtype=dtype), "mse", gd.SGD(1e-4), seed=3, shuffle=False) for _ in range(2))
    assert one.epoch(source) == other.epoch(given.astype(dtype), Y)
    np.testing.assert_array_equal(one.model.params, other.model.params)


def test_a_model_fits_and_learns(npy):
    of = net()
    history = of.fit(npy(**SMALL), loss="mse", optimizer=gd.Adam(0.02), epochs=40, validation_data=(X, Y))
    assert history.val_loss[-1] < 0.05 * history.val_loss[0]
    assert history.hint == "" or "X" not in history.hint


def test_targets_in_their_own_units(npy):
    y = 1000 + 100 * Y
    of = gd.Sequential(gd.Dense(K, 1), gd.ScaledTarget.from_data(y), seed=0)
    of.fit(npy(y=y, **SMALL), loss="mse", optimizer=gd.SGD(0.05), epochs=20)
    assert np.abs(of.predict(npy(y=y, **SMALL))[:, 0] - y).max() < 1


# Other objects


class Sequence:
    """Has a length and slices, and nothing else."""

    def __init__(self, values):
        self.values, self.read = values, []

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        self.read.append((rows.start, rows.stop))
        return self.values[rows].tolist()


def test_anything_with_a_length_and_slices(npy):
    X_of, y_of = Sequence(X), Sequence(Y)
    one, other = trainer(), trainer()
    assert one.epoch(gd.data.Rows(X_of, y_of, **SMALL)) == other.epoch(npy(**SMALL))
    np.testing.assert_array_equal(one.model.params, other.model.params)
    assert max(end - first for first, end in X_of.read) <= 50


def test_a_source_of_ones_own():
    class Own(gd.data.Source):
        n_samples, n_features, reading = N, K, gd.data.Reading(256, 50)

        def read(self, first, end):
            return X[first:end], Y[first:end]

        def place(self, row, of):
            return f"{of} of my own", row

    one, other = trainer(), trainer()
    assert one.epoch(Own()) == other.epoch(gd.data.Rows(X, Y, **SMALL))
    np.testing.assert_array_equal(one.model.params, other.model.params)


# Predictions and losses


@pytest.mark.parametrize("options", [{}, SMALL, {"window_rows": 256, "block_rows": 77}])
def test_predictions_and_losses_are_those_of_arrays(npy, tmp_path, options):
    of, source = net(), npy(**options)
    expected = of.predict(X)
    np.testing.assert_array_equal(of.predict(source), expected)
    np.testing.assert_array_equal(of.predict(npy(y=None, **options)), expected)
    assert of.loss(source, loss="mse", l2=0.1) == pytest.approx(of.loss(X, Y, "mse", l2=0.1), rel=1e-6)
    assert of.evaluate(source, metrics="r2", loss="mse")["r2"] == pytest.approx(
        of.evaluate(X, Y, ["r2"], loss="mse")["r2"]
    )
    mapped = of.predict(source, out=tmp_path / "out.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)
    assert [name for name in os.listdir(tmp_path) if not name.startswith("data")] == ["out.npy"]
    np.testing.assert_array_equal(of.predict(X, tmp_path / "out.npy"), expected)


def test_an_error_leaves_the_old_predictions(npy, tmp_path):
    of, bad = net(), X.copy()
    of.predict(npy(), out=tmp_path / "out.npy")
    before = (tmp_path / "out.npy").read_bytes()
    bad[777, 3] = np.nan
    with pytest.raises(ValueError, match="NaN in row 777"):
        of.predict(npy(bad, **SMALL), out=tmp_path / "out.npy")
    assert (tmp_path / "out.npy").read_bytes() == before
    assert [name for name in os.listdir(tmp_path) if not name.startswith("data")] == ["out.npy"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_a_disk_that_is_full(npy, tmp_path, monkeypatch):
    real = open
    monkeypatch.setattr(
        "builtins.open",
        lambda path, mode="r", **more: real("/dev/full", "wb") if mode == "xb" else real(path, mode, **more),
    )
    with pytest.raises(OSError, match="No space left") as caught:
        net().predict(npy(**SMALL), out=tmp_path / "out.npy")
    assert caught.value.filename == str(tmp_path / "out.npy")
    assert not (tmp_path / "out.npy").exists()

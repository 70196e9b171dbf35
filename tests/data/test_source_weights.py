"""Sample weights, class weights and validation splits of sources: what arrays give, from files."""

import pickle

import numpy as np
import pytest

import gdcore as gd

N, K = 1000, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, K)).astype(np.float32)
Y = (X @ np.arange(K) + 0.5).astype(np.float32)
LABELS = np.minimum((np.abs(X[:, 0]) * 1.5).astype(np.int64), 2)
WEIGHT = RNG.exponential(size=N) * (RNG.random(N) > 0.2)
SMALL = {"window_rows": 256, "block_rows": 50}
TARGETS = {"mse": Y, "cross_entropy": LABELS, "binary_cross_entropy": (LABELS > 0) * 1.0, "hinge": np.sign(Y)}
LOSSES = list(TARGETS)


@pytest.fixture
def made(tmp_path):
    """Make a source of one of the kinds that hold weights."""

    def make(kind="Npy", y=Y, weight=WEIGHT, **options):
        if kind == "Rows":
            return gd.data.Rows(X, y, weight, **options)
        if kind == "Npy":
            paths = {}
            for name, values in (("X", X), ("y", y), ("weight", weight)):
                paths[name] = None if values is None else tmp_path / f"{name}.npy"
                if values is not None:
                    np.save(paths[name], values)
            return gd.data.Npy(**paths, **options)
        if kind == "Shards":
            cuts = [(0, 100), (100, 101), (101, N)]
            folder = tmp_path / "shards"
            return gd.data.write_shards(folder, [(X[a:b], y[a:b], weight[a:b]) for a, b in cuts], **options)
        pa = pytest.importorskip("pyarrow")
        table = pa.table({**{f"x{i}": X[:, i] for i in range(K)}, "y": y, "w": weight})
        if kind == "Csv":
            pytest.importorskip("pyarrow.csv").write_csv(table, tmp_path / "t.csv")
            return gd.data.Csv(tmp_path / "t.csv", "y", weight="w", **options)
        pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "t.parquet", row_group_size=90)
        return gd.data.Arrow(tmp_path / "t.parquet", "y", weight="w", **options)

    return make


KINDS = ["Npy", "Rows", "Shards", "Arrow", "Csv"]


def trainer(loss="mse", dtype="float32", **options):
    net = gd.MLP([K, 8, 3 if loss == "cross_entropy" else 1], activation="tanh", seed=0, dtype=dtype)
    return gd.Trainer(net, loss, gd.Adam(0.01), seed=3, **options)


def same_fit(one, other, rtol=0.0, atol=0.0):
    """Check that two trainers with their histories agree."""
    (of, history), (known, expected) = one, other
    np.testing.assert_allclose(of.model.params, known.model.params, rtol=rtol, atol=atol)
    assert history.loss == pytest.approx(expected.loss, rel=rtol, abs=0)
    assert history.val_loss == pytest.approx(expected.val_loss, rel=rtol, abs=0)
    assert set(history.metrics) == set(expected.metrics)
    for name, values in expected.metrics.items():
        assert history.metrics[name] == pytest.approx(values, rel=rtol, abs=0)


CALLS = [{}, {"class_weight": "balanced"}, {"class_weight": {1: 3.5}}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_that_covers_the_source_gives_the_bits_of_arrays(made, kind):
    one, other = trainer(), trainer()

    found = one.fit(made(kind), epochs=2, metrics=["r2"], validation_split=0.2)
    expected = other.fit(X, Y, sample_weight=WEIGHT, epochs=2, metrics=["r2"], validation_split=0.2)
    same_fit((one, found), (other, expected), *([1e-5, 1e-6] if kind == "Csv" else []))


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy", "hinge"])
@pytest.mark.parametrize("call", [*CALLS, {"class_weight": "balanced", "validation_split": 0.1}])
@pytest.mark.parametrize("weight", [WEIGHT, None])
def test_class_weights_of_a_window_that_covers_the_source_are_those_of_arrays(made, loss, call, weight):
    y = TARGETS[loss]
    one, other = trainer(loss), trainer(loss)
    source = made(y=y, weight=weight)
    given = {} if "validation_split" in call else {"validation_data": source}
    known = {} if "validation_split" in call else {"validation_data": (X, y) if weight is None else (X, y, weight)}
    found = one.fit(source, epochs=2, metrics="accuracy", **call, **given)
    expected = other.fit(X, y, sample_weight=weight, epochs=2, metrics="accuracy", **call, **known)
    same_fit((one, found), (other, expected))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("loss", "call"), [("mse", {}), *((loss, call) for loss in LOSSES[1:] for call in CALLS)])
def test_windows_train_as_arrays_do_in_the_order_of_the_file(made, loss, call, dtype):
    """Losses, gradients and metrics of a source larger than its window are those of arrays, to roundoff."""
    y = TARGETS[loss]
    metrics = "r2" if loss == "mse" else "accuracy"
    one, other = (trainer(loss, dtype, shuffle=False) for _ in range(2))
    source = made("Rows", y, WEIGHT, **SMALL)
    options = {"epochs": 3, "metrics": metrics, "record": "layer_gradient_norm", **call}
    found = one.fit(source, validation_data=source, **options)
    expected = other.fit(X, y, sample_weight=WEIGHT, validation_data=(X, y, WEIGHT), **options)
    rtol, atol = (1e-11, 1e-12) if dtype == "float64" else (2e-4, 2e-5)
    same_fit((one, found), (other, expected), rtol, atol)
    for layer, norms in expected.layer_gradient_norm.items():
        assert found.layer_gradient_norm[layer] == pytest.approx(norms, rel=1e-9 if dtype == "float64" else 1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source_larger_than_its_window(made, kind):
    one, other = (trainer(dtype="float64") for _ in range(2))
    source = made(kind, **SMALL)
    known = gd.data.Rows(X, Y, WEIGHT, window_rows=256, block_rows=source.reading.block_rows)
    found, expected = (of.fit(data, epochs=2) for of, data in ((one, source), (other, known)))
    same_fit((one, found), (other, expected), *([1e-5, 1e-6] if kind == "Csv" else []))
    net = one.model
    assert net.loss(source, loss="mse") == pytest.approx(net.loss(X, Y, "mse", sample_weight=WEIGHT), rel=1e-6)
    measured = net.evaluate(source, loss="mse", metrics="mae")
    known = net.evaluate(X, Y, loss="mse", metrics="mae", sample_weight=WEIGHT)
    assert measured == pytest.approx(known, rel=1e-6)
    assert len(one.model.predict(source)) == N


@pytest.mark.parametrize("stop", [1, 8, 9, 31, 32, 33])
def test_a_weighted_fit_resumes_within_an_epoch_bit_for_bit(made, stop):
    source = made(y=LABELS, **SMALL)
    whole, cut = trainer("cross_entropy"), trainer("cross_entropy")
    whole.fit(source, max_steps=70, class_weight="balanced")
    cut.fit(source, max_steps=stop, class_weight="balanced", record="progressive")
    cut = pickle.loads(pickle.dumps(cut))
    cut.fit(pickle.loads(pickle.dumps(source)), max_steps=70 - stop, class_weight="balanced")
    np.testing.assert_array_equal(cut.model.params, whole.model.params)


def test_what_weights_count_relative_to(made):
    source = made("Rows", **SMALL)
    one, other = (trainer(dtype="float64", shuffle=False) for _ in range(2))
    assert one.epoch(source, mean_weight=1.0) == pytest.approx(other.epoch(X, Y, WEIGHT, mean_weight=1.0), rel=1e-12)
    np.testing.assert_allclose(one.model.params, other.model.params, rtol=1e-11)


def test_weights_of_1_change_nothing(made):
    one, other = trainer(), trainer()
    one.fit(made("Rows", weight=np.ones(N), **SMALL), epochs=2)
    other.fit(made("Rows", weight=None, **SMALL), epochs=2)
    np.testing.assert_allclose(one.model.params, other.model.params, rtol=1e-4, atol=1e-6)


def test_blocks_without_weight_are_left_out(made):
    weight = WEIGHT.copy()
    weight[:100] = weight[500:900] = 0
    one, other = (trainer(dtype="float64", shuffle=False) for _ in range(2))
    source = made("Rows", weight=weight, **SMALL)
    found = one.fit(source, epochs=2, validation_data=source, record=["layer_gradient_norm", "progressive"])
    expected = other.fit(X, Y, sample_weight=weight, epochs=2, validation_data=(X, Y, weight))
    same_fit((one, found), (other, expected), 1e-11, 1e-12)


class Counted:
    """Slices of an array, and how many rows of it were read."""

    def __init__(self, values):
        self.values, self.rows = values, 0

    def __len__(self):
        return len(self.values)

    def __getitem__(self, rows):
        self.rows += len(self.values[rows])
        return self.values[rows]


def test_x_is_not_read_for_weights_and_classes():
    inputs, labels, weights = Counted(X), Counted(LABELS), Counted(WEIGHT)
    trainer("cross_entropy").fit(gd.data.Rows(inputs, labels, weights, **SMALL), epochs=1, class_weight="balanced")
    assert inputs.rows < 2 * N
    assert labels.rows > 2 * N


def test_a_source_of_ones_own_may_have_weights():
    class Own(gd.data.Source):
        n_samples, n_features, reading = N, K, gd.data.Reading(256, 50)

        def read(self, first, end):
            return X[first:end], LABELS[first:end]

        def read_weights(self, first, end):
            return WEIGHT[first:end]

        def place(self, row, of):
            return f"{of} of my own", row

    one, other = trainer("cross_entropy"), trainer("cross_entropy")
    one.fit(Own(), epochs=2, class_weight="balanced")
    other.fit(gd.data.Rows(X, LABELS, WEIGHT, **SMALL), epochs=2, class_weight="balanced")
    np.testing.assert_array_equal(one.model.params, other.model.params)


def put(row, value):
    changed = WEIGHT.copy()
    changed[row] = value
    return changed


WRONG = [
    (put(817, -1.0), ValueError, r"weight\.npy: sample_weight has -1 in row 817; weights must be >= 0"),
    (put(818, np.nan), ValueError, r"weight\.npy: sample_weight contains NaN in row 818"),
    (np.zeros(N), ValueError, r"weight\.npy: sample_weight sums to 0; at least one weight must be > 0"),
    (WEIGHT[:, None], ValueError, r"weight\.npy: sample_weight has shape \(\d+, 1\); expected \(\d+,\)"),
    (
        WEIGHT[1:],
        ValueError,
        r"X\.npy has 1000 rows, .*weight\.npy 999; expected as many: pass the numbers of",
    ),
    (WEIGHT.astype("U5"), TypeError, r"weight\.npy holds entries of dtype <U5; expected real numbers"),
]


@pytest.mark.parametrize(("weight", "error", "message"), WRONG)
@pytest.mark.parametrize("options", [SMALL, {}])
def test_weights_that_are_wrong_are_named_by_file_and_row(made, weight, error, message, options):
    with pytest.raises(error, match=message):
        trainer().fit(made(weight=weight, **options), epochs=1)


def test_class_weights_that_do_not_fit(made):
    source = made("Rows", LABELS, **SMALL)
    of = trainer("cross_entropy")
    with pytest.raises(ValueError, match="class_weight names the class 3; known: 0, 1, 2"):
        of.fit(source, epochs=1, class_weight={3: 1.0})
    with pytest.raises(ValueError, match="class_weight leaves no sample with a weight above 0"):
        of.fit(source, epochs=1, class_weight={0: 0, 1: 0, 2: 0})
    ones = gd.data.Rows(X, np.zeros(N, int), **SMALL)
    with pytest.raises(ValueError, match="validation_data: class_weight leaves no sample with a weight above 0"):
        of.fit(source, epochs=1, class_weight={0: 0}, validation_data=ones)
    with pytest.raises(ValueError, match="class_weight needs labels, or one output"):
        trainer().fit(made("Rows", **SMALL), epochs=1, class_weight="balanced")
    assert of.steps_done == 0
    with pytest.raises(ValueError, match="validation_data and validation_split were both given"):
        of.fit(made("Rows", LABELS), epochs=1, validation_split=0.1, validation_data=source)


def test_a_custom_loss_has_no_weights(made):
    def loss(outputs, y):
        return float(((outputs - y) ** 2).mean()), 2 * (outputs - y) / y.size

    for options in (SMALL, {}):
        with pytest.raises(TypeError, match=r"sample_weight does not go with a custom loss: weight the values inside"):
            gd.Trainer(gd.LinearModel(K), loss).fit(made(y=Y[:, None], **options), epochs=1)


def test_columns_of_weights(tmp_path):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": X[:, 0], "y": Y, "w": WEIGHT, "name": ["x"] * N})
    pytest.importorskip("pyarrow.parquet").write_table(table, tmp_path / "t.parquet", row_group_size=90)
    found = gd.data.Arrow(tmp_path / "t.parquet", "y", ["a"], weight="w")
    for first, end in ((0, N), (85, 95), (89, 91), (180, 270)):
        np.testing.assert_array_equal(found.read_weights(first, end), WEIGHT[first:end])
        np.testing.assert_array_equal(found.read_targets(first, end), Y[first:end])
        np.testing.assert_array_equal(found.read(first, end)[0], X[first:end, :1])
    with pytest.raises(ValueError, match=r"weight names 'v', which is no column of"):
        gd.data.Arrow(tmp_path / "t.parquet", "y", ["a"], weight="v")
    with pytest.raises(ValueError, match=r"features has the weight, 'w': leave it out"):
        gd.data.Arrow(tmp_path / "t.parquet", "y", ["a", "w"], weight="w")
    with pytest.raises(TypeError, match=r"has string in column 'name'; expected numbers: encode it$"):
        gd.data.Arrow(tmp_path / "t.parquet", "y", ["a"], weight="name")

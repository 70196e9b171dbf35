"""Sources of Parquet, Arrow and text files, by pyarrow."""

import gzip
import os
import pickle

import numpy as np
import pytest

import gdcore as gd

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
ipc = pytest.importorskip("pyarrow.ipc")
csv = pytest.importorskip("pyarrow.csv")

N = 1000
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)).astype(np.float32)
Y = X.sum(axis=1)
LABELS = (X[:, 0] > 0).astype(np.int64)
TABLE = pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": Y, "kind": LABELS, "name": ["x"] * N})
FEATURES = ["a", "b", "c"]
SMALL = {"window_rows": 256}


def write(path, table=TABLE, rows=90):
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows)
    elif path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        with ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=rows)
    return path


def source(path, **options):
    options = {"target": "price", "features": FEATURES, **SMALL, **options}
    return (gd.data.Csv if path.suffix in (".csv", ".gz") else gd.data.Arrow)(path, **options)


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".feather", ".csv"])
def test_a_table_is_read_as_its_arrays_are(tmp_path, ending):
    found = source(write(tmp_path / f"t{ending}"))
    assert (found.n_samples, found.n_features, found.columns) == (N, 3, ("a", "b", "c"))
    for first, end in ((0, N), (89, 91), (90, 180), (300, 301), (500, 899)):
        np.testing.assert_allclose(found.read(first, end)[0], X[first:end], rtol=1e-6)
        np.testing.assert_allclose(found.read(first, end)[1], Y[first:end], rtol=1e-6)
    one, other = (gd.Trainer(gd.MLP([3, 4, 1], seed=0), "mse", batch_size=16, seed=1) for _ in range(2))
    known = gd.data.Rows(X, Y, block_rows=found.reading.block_rows, **SMALL)
    assert one.fit(found, epochs=2).loss == pytest.approx(other.fit(known, epochs=2).loss, rel=1e-5)
    assert one.model.feature_names == ("a", "b", "c")
    if ending != ".csv":
        assert found.reading.block_rows == 90
        np.testing.assert_array_equal(one.model.params, other.model.params)
    np.testing.assert_array_equal(one.model.predict(pickle.loads(pickle.dumps(found))), one.model.predict(found))


def test_several_files_and_targets(tmp_path):
    paths = [write(tmp_path / "0.parquet", TABLE[:333]), write(tmp_path / "1.arrow", TABLE[333:])]
    found = gd.data.Arrow(paths, ["price", "a"], ["b", "c"], **SMALL)
    np.testing.assert_array_equal(found.read(300, 400)[0], X[300:400, 1:])
    np.testing.assert_array_equal(found.read(300, 400)[1], np.stack([Y, X[:, 0]], 1)[300:400])
    assert found.place(333, "X") == (str(paths[1]), 0)
    assert found.place(332, "X") == (str(paths[0]), 332)
    labels = gd.data.Arrow(paths, "kind", FEATURES, **SMALL)
    assert labels.read(0, 3)[1].dtype.kind == "i"
    net = gd.MLP([3, 8, 2], seed=0)
    assert net.fit(labels, loss="cross_entropy", epochs=20, metrics="accuracy").metrics["accuracy"][-1] > 0.9


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".csv"])
def test_missing_entries_are_named(tmp_path, ending):
    values = X[:, 1].tolist()
    values[517] = None
    found = source(write(tmp_path / f"t{ending}", TABLE.set_column(1, "b", pa.array(values, pa.float32()))))
    with pytest.raises(ValueError, match=rf"t\{ending}: X contains NaN in row 517, column 1; remove or impute it"):
        gd.LinearModel(3).fit(found, loss="mse", epochs=1)


def test_columns_of_any_kind_of_number(tmp_path):
    kinds = [pa.int64(), pa.float64(), pa.int8(), pa.bool_(), pa.uint16(), pa.decimal128(9, 2)]
    from decimal import Decimal

    column = [1, 0, 1, 1]
    given = [[bool(v) for v in column] if pa.types.is_boolean(k) else column for k in kinds]
    given[-1] = [Decimal(v) for v in column]
    table = pa.table({str(i): pa.array(v, k) for i, (v, k) in enumerate(zip(given, kinds, strict=True))})
    found = gd.data.Arrow(write(tmp_path / "t.parquet", table))
    np.testing.assert_array_equal(found.read(0, 4)[0], np.tile(np.array(column)[:, None], 6))


WRONG = [
    ({"target": "prize"}, ValueError, r"target names 'prize', which is no column of .*; did you mean 'price'\?"),
    ({"target": "name"}, TypeError, "has string in column 'name'; expected numbers: encode it"),
    ({"features": None}, TypeError, "has string in column 'name'; expected numbers: encode it, or leave it out of"),
    ({"features": ["a", "price"]}, ValueError, "features has the target, 'price': leave it out"),
    ({"features": []}, ValueError, "has no columns besides the target"),
    ({"features": 3}, TypeError, "features must be one or several, got 3"),
    ({"window_rows": 0}, ValueError, "window_rows must be >= 1"),
]


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
@pytest.mark.parametrize("ending", [".parquet", ".csv"])
def test_columns_that_are_wrong(tmp_path, options, error, message, ending):
    with pytest.raises(error, match=message):
        source(write(tmp_path / f"t{ending}"), **options)


def test_files_that_are_wrong(tmp_path):
    with pytest.raises(FileNotFoundError):
        gd.data.Arrow(tmp_path / "none.parquet")
    with pytest.raises(FileNotFoundError):
        gd.data.Csv(tmp_path / "none.csv")
    path = write(tmp_path / "t.parquet")
    os.truncate(path, 5000)
    with pytest.raises(ValueError, match=r"t\.parquet is not a Parquet or Arrow file that can be read"):
        source(path)
    other = write(tmp_path / "b.parquet", TABLE.drop_columns(["b"]))
    with pytest.raises(ValueError, match=r"b\.parquet lacks the column 'b'; expected those of the first file"):
        gd.data.Arrow([write(tmp_path / "a.parquet"), other], "price", FEATURES)
    with pytest.raises(TypeError, match="files must be a path or a list of paths, got 3"):
        gd.data.Arrow(3)
    with pytest.raises(TypeError, match="files must be paths, got 3 among them"):
        gd.data.Arrow([3])
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3\n")
    with pytest.raises(ValueError, match=r"t\.csv is not a table of numbers \(.*Row #3.*\): mend that line"):
        gd.data.Csv(tmp_path / "t.csv")


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_a_file_that_changes(tmp_path, ending):
    found = source(write(tmp_path / f"t{ending}"))

    class Change(gd.Callback):
        def on_epoch_end(self, end):
            write(tmp_path / f"t{ending}", TABLE[:100])

    with pytest.raises(ValueError, match=rf"t\{ending} has changed since it was opened"):
        gd.LinearModel(3).fit(found, loss="mse", epochs=2, callbacks=Change())


def test_the_files_of_a_text_are_deleted_with_the_source_or_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = write(tmp_path / "t.csv", TABLE.drop_columns(["name"]))
    with gzip.open(tmp_path / "t.csv.gz", "wb") as file:
        file.write(text.read_bytes())
    found = gd.data.Csv(tmp_path / "t.csv.gz", "price")
    assert len([name for name in os.listdir(tmp_path) if name.startswith("gdcore-")]) == 1
    assert found.n_features == 4
    del found
    assert not [name for name in os.listdir(tmp_path) if name.startswith("gdcore-")]
    gd.data.Csv(text, "price", folder=tmp_path / "kept")
    assert gd.data.Shards(tmp_path / "kept").n_samples == N


def test_a_group_is_decoded_once_an_epoch(tmp_path, monkeypatch):
    """Although windows end within groups, and in a random order of them."""
    found = source(write(tmp_path / "t.parquet"), window_rows=200)
    read, decoded = pq.ParquetFile.read_row_group, []

    def counted(file, index, **options):
        decoded.append(index)
        return read(file, index, **options)

    trainer = gd.Trainer(gd.LinearModel(3, seed=0), "mse", batch_size=20, seed=0)
    trainer.fit(found, epochs=1)
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    for _ in range(5):
        decoded.clear()
        trainer.epoch(found)
        assert 10 <= len(decoded) <= 14  # of 12 groups: the first rows are read before, one group may still be there

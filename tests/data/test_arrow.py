"""Sources of Parquet, Arrow and text files, by pyarrow."""

import gzip
import os
import pickle
import threading

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.table_file import TableFile

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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_made_in_the_models_precision(tmp_path, dtype):
    """With the bits of the array, whatever the columns' types."""
    columns = {
        "a": X[:, 0].astype(np.float64) / 3,
        "b": RNG.integers(-(2**40), 2**40, N),
        "c": X[:, 2].astype(np.float16),
        "d": X[:, 1] > 0,
        "e": RNG.integers(0, 2**63, N).astype(np.uint64),
    }
    path = tmp_path / "kinds.parquet"
    pq.write_table(pa.table({**columns, "y": Y}), path, row_group_size=90)
    expected = np.column_stack(list(columns.values())).astype(dtype)
    found = gd.data.Arrow(path, "y", window_rows=200)
    rows = np.empty((N, 5), dtype)
    X_found, _ = found.read_into(0, N, rows)
    assert X_found is rows
    np.testing.assert_array_equal(rows, expected)


def test_a_number_beyond_the_models_precision_is_named(tmp_path):
    columns = {"a": np.ones(N), "b": np.ones(N), "y": np.ones(N)}
    columns["b"][617] = 1e300
    pq.write_table(pa.table(columns), tmp_path / "large.parquet", row_group_size=90)
    found = gd.data.Arrow(tmp_path / "large.parquet", "y", window_rows=200)
    with pytest.raises(ValueError, match=r"large\.parquet: X .*row 617"):
        gd.Trainer(gd.LinearModel(2, seed=0), "mse", batch_size=20, seed=0).fit(found, epochs=1)


def test_the_next_group_is_decoded_while_rows_are_made(tmp_path, monkeypatch):
    """By another thread, and never more than one ahead."""
    found = source(write(tmp_path / "t.parquet"))
    read, decoded = pq.ParquetFile.read_row_group, []

    def noted(file, index, **options):
        decoded.append((index, threading.current_thread()))
        return read(file, index, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", noted)
    pieces = [(first, min(first + 90, N)) for first in range(0, N, 90)]
    rows = np.empty((N, 3), np.float32)
    arrays = [(first, end, rows[first:end]) for first, end in pieces]
    for i, (part, targets) in enumerate(found.read_pieces(arrays)):
        first, end = pieces[i]
        np.testing.assert_array_equal(part, X[first:end])
        np.testing.assert_array_equal(targets, Y[first:end])
        assert i + 1 <= len(decoded) <= i + 2
    np.testing.assert_array_equal(rows, X)
    assert [index for index, _ in decoded] == list(range(len(pieces)))
    assert threading.current_thread() not in {thread for _, thread in decoded}
    ahead = found.read_pieces(arrays)
    next(ahead)
    ahead.close()
    assert not readers()


@pytest.mark.parametrize("rows", [90, 1000])
def test_weights_and_several_targets_are_read_beside_the_thread_that_decodes(tmp_path, rows):
    table = TABLE.append_column("w", pa.array(1 + np.abs(X[:, 2])))
    path = write(tmp_path / "t.parquet", table, rows)
    options = {"window_rows": 200, "block_rows": 40}
    tables = gd.data.Arrow(path, ["price", "a"], ["b", "c"], weight="w", **options)
    arrays = gd.data.Rows(X[:, 1:], np.stack([Y, X[:, 0]], axis=1), 1 + np.abs(X[:, 2]), **options)
    one, other = (gd.Trainer(gd.MLP([2, 4, 2], seed=0), "mse", batch_size=16, seed=1) for _ in range(2))
    assert one.fit(tables, epochs=3).loss == other.fit(arrays, epochs=3).loss
    np.testing.assert_array_equal(one.model.params, other.model.params)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (
            pa.ArrowInvalid("no such page\nmore"),
            ValueError,
            r"t\.parquet is not a .* read \(no such page\)",
        ),
        (
            OSError("Unexpected end of stream"),
            ValueError,
            r"t\.parquet is not a .* \(Unexpected end of stream\)",
        ),
        (
            OSError(5, "Input/output error"),
            OSError,
            r"t\.parquet cannot be read \(Input/output error\): ",
        ),
    ],
)
def test_a_group_that_cannot_be_decoded_names_its_file_and_leaves_no_thread(
    tmp_path, error, expected, message, monkeypatch
):
    found, read = source(write(tmp_path / "t.parquet")), pq.ParquetFile.read_row_group

    def fails(file, index, **options):
        if index == 7:
            raise error
        return read(file, index, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", fails)
    with pytest.raises(expected, match=message) as caught:
        gd.LinearModel(3, seed=0).fit(found, loss="mse", epochs=2)
    assert type(caught.value) is expected
    assert not readers()


@pytest.mark.parametrize("compression", ["snappy", "none", "zstd"])
def test_a_damaged_page_names_its_file(tmp_path, compression):
    path = tmp_path / "t.parquet"
    pq.write_table(TABLE, path, row_group_size=90, compression=compression)
    at = pq.ParquetFile(path).metadata.row_group(5).column(1)
    first = at.dictionary_page_offset or at.data_page_offset
    content = bytearray(path.read_bytes())
    content[first : first + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.parquet is not a Parquet or Arrow file that can be .*: write"):
        gd.LinearModel(3, seed=0).fit(source(path), loss="mse", epochs=1)


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
@pytest.mark.parametrize("how", ["truncated", "removed", "written"])
def test_a_file_that_changes_while_a_group_is_decoded(tmp_path, ending, how, monkeypatch):
    """Truncated between the look at the file and the reading, even: a mapped file would kill the process."""
    path = write(tmp_path / f"t{ending}")
    found, group = source(path), TableFile.group

    def changed(file, index, names):
        if index == 6:
            if how == "truncated":
                os.truncate(path, 1500)
            elif how == "removed":
                path.unlink()
            else:
                write(path, TABLE[:500])
        return group(file, index, names)

    monkeypatch.setattr(TableFile, "group", changed)
    error, message = ValueError, rf"t\{ending} has changed since it was opened; open it again"
    if how == "removed":
        error, message = FileNotFoundError, rf"there is no file .*t\{ending}: pass the path of a Parquet or Arrow file"
    with pytest.raises(error, match=message):
        gd.Trainer(gd.LinearModel(3, seed=0), "mse", gd.SGD(0.1), batch_size=16, seed=0).fit(found, epochs=2)
    assert not readers()


def test_what_is_kept_of_a_group_is_no_part_of_the_file(tmp_path):
    path = write(tmp_path / "t.arrow")
    found = source(path)
    kept = found.read(0, 40)[0]  # the rest of the group is kept
    with open(path, "r+b") as file:
        file.write(bytes(os.path.getsize(path)))
    np.testing.assert_array_equal(kept, X[:40])
    np.testing.assert_array_equal(found.read(40, 90)[0], X[40:90])
    with pytest.raises(ValueError, match="has changed since it was opened"):
        found.read(90, 100)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "gdcore-reader"]

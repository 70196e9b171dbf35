"""What is wrong with a source is said in one sentence, with the file, the row and the column."""

import os
import re
import sys

import numpy as np
import pytest

import gdcore as gd
from gdcore.data.paths import unreadable

N = 300
X = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
Y = X.sum(axis=1)
SMALL = {"window_rows": 64, "block_rows": 16}


@pytest.fixture
def save(tmp_path):
    def save(name, array, **options):
        np.save(tmp_path / name, array, **options)
        return tmp_path / name

    return save


def fit(source, loss="mse", **options):
    net = gd.MLP([3, 4, 3 if loss == "cross_entropy" else 1], seed=0)
    return gd.Trainer(net, loss, gd.SGD(0.01), batch_size=8, seed=0).fit(source, epochs=2, **options)


def put(array, row, column, value):
    changed = array.copy()
    changed[(row, column) if column is not None else row] = value
    return changed


FILES = [
    (
        X.astype(object),
        TypeError,
        "holds Python objects, which are never loaded; expected real numbers: save",
    ),
    (X.astype("U4"), TypeError, "holds entries of dtype <U4; expected real numbers"),
    (X.astype(complex), TypeError, "holds entries of dtype complex128; expected real numbers"),
    (np.zeros(3, [("a", float)]), TypeError, "holds .*; expected real numbers"),
    (np.asfortranarray(X), ValueError, r"is in Fortran order, .* save numpy.ascontiguousarray\(array\)"),
    (Y, ValueError, r"has shape \(300,\); expected \(n_samples, n_features\)"),
    (np.zeros((0, 3)), ValueError, "has no rows; expected at least one sample"),
    (np.zeros((3, 0)), ValueError, r"has shape \(3, 0\)"),
    (np.array(1.0), ValueError, "has no rows"),
    (np.zeros((2, 3, 4)), ValueError, r"has shape \(2, 3, 4\); .*: save X.reshape\(len\(X\), -1\)"),
]


@pytest.mark.parametrize(("array", "error", "message"), FILES)
def test_files_that_hold_something_else(save, array, error, message):
    path = save("X.npy", array, allow_pickle=True)
    with pytest.raises(error, match=rf"X\.npy {message}"):
        gd.data.Npy(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"^there is no file .*none\.npy: pass the path of a file of numpy\.save$"
    ) as caught:
        gd.data.Npy(tmp_path / "none.npy")
    assert caught.value.errno == 2
    assert caught.value.__cause__ is None
    with pytest.raises(FileNotFoundError, match=rf"^there is no file none\.npy in {re.escape(os.getcwd())}: pass"):
        gd.data.Npy("none.npy")
    with pytest.raises(IsADirectoryError, match=r"is a folder: pass .*, or gdcore\.data\.Shards\(folder\)$"):
        gd.data.Npy(tmp_path)
    for content in (b"", b"no npy file at all", b"\x93NUMPY\x01\x00\xff\xff{'", b"\x93NUMPY\x09\x00"):
        (tmp_path / "X.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r"X\.npy is not a \.npy file that can be read .*: write it"):
            gd.data.Npy(tmp_path / "X.npy")
    np.savez(tmp_path / "X.npz", X=X)
    with pytest.raises(ValueError, match=r"X\.npz is not a \.npy file"):
        gd.data.Npy(tmp_path / "X.npz")


def test_a_truncated_file(save):
    path = save("X.npy", X)
    size = os.path.getsize(path)
    os.truncate(path, size - 5)
    with pytest.raises(ValueError, match=f"truncated: it has {size - 5} bytes where its header promises {size}"):
        gd.data.Npy(path)


def test_other_lengths(save):
    with pytest.raises(ValueError, match=r"X\.npy has 300 rows, .*y\.npy 299; expected as many"):
        gd.data.Npy(save("X.npy", X), save("y.npy", Y[1:]))
    with pytest.raises(ValueError, match="X has 300 rows, y 299; expected as many"):
        gd.data.Rows(X, Y[1:])


WRONG_ENTRIES = [
    (put(X, 217, 2, np.nan), Y, "mse", r"X\.npy: X contains NaN in row 217, column 2; remove or impute it"),
    (put(X, 0, 0, np.inf), Y, "mse", r"X\.npy: X contains infinity in row 0, column 0; remove or clip it"),
    (
        put(X.astype(float), 299, 1, 1e300),
        Y,
        "mse",
        r"X\.npy: X has a number in row 299, column 1 too large",
    ),
    (X, put(Y, 218, None, np.nan), "mse", r"y\.npy: y contains NaN in row 218; remove or impute it"),
    (X, put(np.zeros(N, int), 219, None, 3), "cross_entropy", r"y\.npy: y has label 3 in row 219; expected 0 … 2"),
    (X, put(np.ones(N), 220, None, -1), "poisson", r"y\.npy: y has -1 in row 220; targets of this loss must be >= 0"),
]


@pytest.mark.parametrize(("inputs", "targets", "loss", "message"), WRONG_ENTRIES)
@pytest.mark.parametrize("options", [SMALL, {}])
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_entry_that_is_wrong_is_named_by_file_row_and_column(save, inputs, targets, loss, message, options, shuffle):
    source = gd.data.Npy(save("X.npy", inputs), save("y.npy", targets), **options)
    net = gd.MLP([3, 4, 3 if loss == "cross_entropy" else 1], seed=0)
    with pytest.raises(ValueError, match=message) as caught:
        gd.Trainer(net, loss, batch_size=8, shuffle=shuffle, seed=0).fit(source, epochs=1)
    assert caught.value.__cause__ is None
    with pytest.raises(ValueError, match=message):
        net.loss(source, loss=loss)


def test_what_does_not_fit_the_model_is_seen_at_once(save):
    path, targets = save("X.npy", X), save("y.npy", Y)
    source = gd.data.Npy(path, targets, **SMALL)
    with pytest.raises(ValueError, match=r"X\.npy: X has 3 features, but the model expects 4"):
        gd.LinearModel(4).fit(source, loss="mse")
    with pytest.raises(ValueError, match="the source has 3 features, but the model expects 4"):
        gd.LinearModel(4).predict(source)
    with pytest.raises(ValueError, match=r"the source has no targets: pass y to it, as in gdcore\.data\.Npy"):
        fit(gd.data.Npy(path, **SMALL))
    with pytest.raises(TypeError, match=r"y\.npy: y has dtype float32; expected integer class labels"):
        fit(source, "cross_entropy")


def change(path):
    with open(path, "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00")
    os.utime(path, ns=(1, 1))


CHANGES = {
    "written": change,
    "shrunk": lambda path: os.truncate(path, os.path.getsize(path) // 2),
    "replaced": lambda path: (np.save(f"{path}.new.npy", X[::-1]), os.replace(f"{path}.new.npy", path)),
}


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("which", ["X.npy", "y.npy"])
def test_a_file_that_changes_while_it_is_read(save, how, which):
    paths = {"X.npy": save("X.npy", X), "y.npy": save("y.npy", Y)}
    source = gd.data.Npy(*paths.values(), **SMALL)

    class Change(gd.Callback):
        def on_epoch_end(self, end):
            CHANGES[how](paths[which])

    with pytest.raises(
        ValueError, match=rf"{which.replace('.', '[.]')} has changed since it was opened; open it again"
    ):
        fit(source, callbacks=Change())


def test_calls_that_take_arrays_say_which_take_sources(save):
    source = gd.data.Npy(save("X.npy", X), save("y.npy", Y), **SMALL)
    net = gd.LinearModel(3, seed=0)
    net.fit(X, Y > 0, "bce", epochs=1)
    calls = [
        lambda: net.classify(source),
        lambda: net.score(source, Y),
        lambda: net.loss_and_grad(source, Y, "mse"),
        lambda: gd.Trainer(net, "mse").step(source, Y),
        lambda: gd.diagnose(net, source, Y, "mse"),
        lambda: gd.Log1p.from_data(source),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"^X is a source, which fit, .* take; pass an array here, such as X\.read"):
            call()


def test_a_sequence_that_changes():
    values = X.tolist()
    source = gd.data.Rows(values, Y, **SMALL)
    del values[-9:]
    with pytest.raises(ValueError, match=r"X\[\d+:300\] has \d+ rows; expected \d+: open it again if it has changed"):
        fit(source)


OPTIONS = [
    ({"window_rows": 0}, ValueError, "window_rows must be >= 1, got 0"),
    ({"window_rows": 2.5}, TypeError, "window_rows must be an integer, got 2.5"),
    ({"block_rows": 0}, ValueError, "block_rows must be >= 1, got 0"),
    ({"block_rows": 65, "window_rows": 64}, ValueError, "block_rows must be <= window_rows, 64, got 65"),
    ({"order": "random"}, ValueError, "order must be 'blocks' or 'rows', got 'random'"),
    (
        {"order": "rows", "window_rows": 64},
        ValueError,
        "order='rows' needs all 300 rows in one window, which holds 64: one by one, rows come from a disk a hundred "
        "times slower than in blocks; pass order='blocks', which shuffles blocks, then the rows of several, or window",
    ),
]


@pytest.mark.parametrize(("options", "error", "message"), OPTIONS)
def test_options_that_are_wrong(save, options, error, message):
    path = save("X.npy", X)
    for make in (lambda: gd.data.Npy(path, **options), lambda: gd.data.Rows(X, **options)):
        with pytest.raises(error, match=message):
            make()


@pytest.mark.parametrize("name", ["Arrow", "Csv"])
def test_a_library_that_is_missing_is_named(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=rf"gdcore\.data\.{name} needs pyarrow .*: pip install 'gdcore\[data\]'"):
        getattr(gd.data, name)("t.parquet")


def test_all_rows_are_shuffled_where_a_window_holds_them(save):
    source = gd.data.Npy(save("X.npy", X), save("y.npy", Y), order="rows")
    assert fit(source).epochs == 2


CALLS = [
    (
        {"sample_weight": Y},
        TypeError,
        r"a source holds the weights, got sample_weight, .*: pass them to the source",
    ),
    ({"class_weight": "balanced"}, ValueError, r"class_weight needs labels, or one output whose targets are 0 and 1"),
    (
        {"validation_split": 0.1},
        ValueError,
        "validation_split takes rows at random places of all 300, of which a window of the source holds 64: pass "
        "validation_data=, another source or arrays, or window_rows=300 to the source if memory holds them",
    ),
    ({"y": Y}, TypeError, "a source holds the targets, got y, a ndarray .* besides: leave it out"),
    ({"optimizer": "lbfgs"}, TypeError, "lbfgs takes all data at once, so it needs arrays, not a source"),
]


@pytest.mark.parametrize(("options", "error", "message"), CALLS)
def test_arguments_that_do_not_go_with_a_source(save, options, error, message):
    pytest.importorskip("scipy") if "optimizer" in options else None
    source = gd.data.Npy(save("X.npy", X), save("y.npy", Y), **SMALL)
    net = gd.LinearModel(3, seed=0)
    with pytest.raises(error, match=message):
        net.fit(source, loss="mse", epochs=1, **options)


def test_calls_that_go_wrong(save, tmp_path):
    source = gd.data.Npy(save("X.npy", X), save("y.npy", Y), **SMALL)
    net = gd.LinearModel(3, seed=0)
    with pytest.raises(TypeError, match=r"^fit needs a loss: loss='mse' for numbers, .* for class labels$"):
        net.fit(source)
    with pytest.raises(TypeError, match=r"^loss needs a loss"):
        net.loss(source)
    with pytest.raises(TypeError, match="a source holds the targets, got y"):
        net.loss(source, Y, "mse")
    with pytest.raises(TypeError, match="dropout_seed needs arrays"):
        net.loss(source, loss="mse", dropout_seed=1)
    with pytest.raises(TypeError, match=r"out must be the path of a \.npy file, got 3"):
        net.predict(source, out=3)
    with pytest.raises(ValueError, match=r"out must end with \.npy, got 'out\.csv'"):
        net.predict(source, out="out.csv")
    with pytest.raises(FileNotFoundError) as caught:
        net.predict(source, out=tmp_path / "none" / "out.npy")
    assert caught.value.filename == str(tmp_path / "none" / "out.npy")
    with pytest.raises(TypeError, match=r"X must have a length and be sliceable, as an array is, got 3"):
        gd.data.Rows(3)
    with pytest.raises(ValueError, match=r"class_weight|validation"):
        net.fit(X, Y, "mse", epochs=1, class_weight={0: 1.0}, validation_data=source)


def is_refused(source, out):
    before = out.read_bytes()
    with pytest.raises(ValueError, match=rf"^out {str(out)!r} is a file that the source reads: choose another one$"):
        gd.LinearModel(3, seed=0).predict(source, out=out)
    assert out.read_bytes() == before


def test_predictions_replace_no_file_that_is_read(save, tmp_path):
    A, Ay = save("A.npy", X), save("Ay.npy", Y)
    shards = gd.data.write_shards(tmp_path / "shards", [(X, Y), (X, Y)])
    link = tmp_path / "link.npy"
    link.symlink_to(A)
    for out in (A, Ay, link):
        is_refused(gd.data.Npy(A, Ay), out)
        is_refused(gd.data.Rows(np.load(A, mmap_mode="r"), np.load(Ay, mmap_mode="r")), out)
    for name in ("X00001.npy", "y00000.npy"):
        is_refused(shards, tmp_path / "shards" / name)
    assert not os.path.exists(tmp_path / "other.npy")
    assert len(gd.LinearModel(3, seed=0).predict(shards, out=tmp_path / "other.npy")) == 2 * N


def test_predictions_replace_no_table_that_is_read(tmp_path):
    pytest.importorskip("pyarrow")
    from pyarrow import csv, parquet, table

    columns = table({name: X[:, i] for i, name in enumerate("abc")})
    csv.write_csv(columns, tmp_path / "t.csv")
    parquet.write_table(columns, tmp_path / "t.parquet")
    for name in ("t.csv", "t.parquet"):
        (tmp_path / f"{name}.npy").symlink_to(tmp_path / name)
    is_refused(gd.data.Arrow(tmp_path / "t.parquet"), tmp_path / "t.parquet.npy")
    text = gd.data.Csv(tmp_path / "t.csv", folder=tmp_path / "kept")
    is_refused(text, tmp_path / "t.csv.npy")
    is_refused(text, tmp_path / "kept" / "X00000.npy")


PATHS = [
    (3, TypeError, r"X must be the path of a file of numpy\.save, got 3: pass text or a pathlib\.Path$"),
    (None, TypeError, r"X must be the path of a file of numpy\.save, got None"),
    (b"X.npy", TypeError, r"X must be the path of a file of numpy\.save, got b'X\.npy'"),
    (X, TypeError, r"X must be the path of a file of numpy\.save, got an array: pass gdcore\.data\.Rows\(X, y\)$"),
    ("", ValueError, r"X must be the path of a file of numpy\.save, got '': pass its name$"),
    ("X\0.npy", ValueError, r"X must be the path of a file of numpy\.save, got 'X\\x00\.npy'"),
]


@pytest.mark.parametrize(("path", "error", "message"), PATHS)
def test_paths_that_are_none(path, error, message):
    with pytest.raises(error, match=message):
        gd.data.Npy(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other numbers for these")
def test_a_path_through_a_file(save):
    path = save("X.npy", X)
    with pytest.raises(NotADirectoryError, match="has a file where it names a folder: pass the path of a file of"):
        gd.data.Npy(path / "y.npy")
    with pytest.raises(NotADirectoryError, match="is a file, not a folder: pass the path of a folder that gdcore"):
        gd.data.Shards(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user may read everything")
def test_a_file_that_may_not_be_read(save):
    path = save("X.npy", X)
    path.chmod(0)
    with pytest.raises(PermissionError, match=r"X\.npy may not be read by this user: change its permissions, or pass"):
        gd.data.Npy(path)


def test_every_error_of_the_system_is_a_sentence():
    for code in (13, 5):
        error = unreadable("X.npy", OSError(code, os.strerror(code)), "a file")
        assert type(error) is type(OSError(code, ""))
        assert error.errno == code
        assert str(error).startswith("X.npy ")
        assert "Errno" not in str(error)


def test_a_file_that_is_removed_while_it_is_read(save):
    path, targets = save("X.npy", X), save("y.npy", Y)
    source = gd.data.Npy(path, targets, **SMALL)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"^there is no file .*X\.npy: pass the path of a file of numpy\.save$"):
        fit(source)


def test_folders_that_hold_no_shards(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^there is no folder .*none: pass the path of a folder that"):
        gd.data.Shards(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"has no manifest\.json, which lists the files of its rows: write one"):
        gd.data.Shards(tmp_path)
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"manifest\.json is a folder: pass the path of a manifest"):
        gd.data.Shards(tmp_path)
    with pytest.raises(TypeError, match="folder must be the path of a folder, got 3"):
        gd.data.Shards(3)


@pytest.mark.parametrize("name", ["Arrow", "Csv"])
def test_tables_that_are_not_there(tmp_path, name):
    pytest.importorskip("pyarrow")
    of = getattr(gd.data, name)
    with pytest.raises(FileNotFoundError, match=r"^there is no file .*t\.csv: pass the path of a"):
        of(tmp_path / "t.csv")
    with pytest.raises(IsADirectoryError, match="is a folder: pass the path of a"):
        of(tmp_path)
    with pytest.raises(TypeError, match=r"must be (a path or a list of paths|the path of a text of columns), got 3"):
        of(3)

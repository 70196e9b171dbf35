"""What holds for every kind of source: resuming, errors, processes, and the libraries whose objects it reads."""

import gc
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

import gdcore as gd

N, K = 600, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, K)).astype(np.float32)
Y = (X @ np.arange(K) + 0.5).astype(np.float32)
SMALL = {"window_rows": 128, "block_rows": 20}
KINDS = ["Npy", "Shards", "Rows", "memmap", "Own", "parquet", "arrow", "Csv"]


class Own(gd.data.Source):
    """A class of a user's."""

    n_samples, n_features, reading = N, K, gd.data.Reading(128, 20)

    def __init__(self, X, y):
        self.X, self.y = X, y

    def read(self, first, end):
        return self.X[first:end], self.y[first:end]

    def place(self, row, of):
        return f"my {of}", row


@pytest.fixture
def made(tmp_path):
    """Make a source of a kind; its files stand in `tmp_path`."""

    def make(kind, X=X, y=Y):
        if kind in ("Npy", "memmap"):
            np.save(tmp_path / "X.npy", X)
            np.save(tmp_path / "y.npy", y)
            if kind == "Npy":
                return gd.data.Npy(tmp_path / "X.npy", tmp_path / "y.npy", **SMALL)
            return gd.data.Rows(*(np.load(tmp_path / name, mmap_mode="r") for name in ("X.npy", "y.npy")), **SMALL)
        if kind == "Shards":
            cuts = [(0, 250), (250, 251), (251, N)]
            return gd.data.write_shards(tmp_path / "shards", [(X[a:b], y[a:b]) for a, b in cuts], **SMALL)
        if kind == "Rows":
            return gd.data.Rows(X, y, **SMALL)
        if kind == "Own":
            return Own(X, y)
        pa = pytest.importorskip("pyarrow")
        table = pa.table({**{f"x{i}": X[:, i] for i in range(K)}, "y": y})
        path = tmp_path / f"t.{kind.lower()}"
        if kind == "Csv":
            pytest.importorskip("pyarrow.csv").write_csv(table, path)
            return gd.data.Csv(path, "y", folder=tmp_path / "csv", **SMALL)
        if kind == "parquet":
            pytest.importorskip("pyarrow.parquet").write_table(table, path, row_group_size=70)
        else:
            with pytest.importorskip("pyarrow.ipc").new_file(path, table.schema) as file:
                file.write_table(table, max_chunksize=70)
        return gd.data.Arrow(path, "y", **SMALL)

    return make


def trainer(loss="mse"):
    return gd.Trainer(gd.MLP([K, 8, 1], activation="tanh", seed=0), loss, gd.Adam(0.01), batch_size=16, seed=3)


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "gdcore-reader"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stop", [3, 8, 37, 38, 41])
def test_a_fit_resumes_within_an_epoch_bit_for_bit(made, tmp_path, kind, stop):
    """From a file of the trainer, with a source that another process might have opened."""
    source = made(kind)
    whole, cut = trainer(), trainer()
    expected = whole.fit(source, max_steps=90)
    cut.fit(source, max_steps=stop)
    cut.save(tmp_path / "run.gdc")
    cut = gd.Trainer.load(tmp_path / "run.gdc")
    found = cut.fit(source if kind == "memmap" else pickle.loads(pickle.dumps(source)), max_steps=90 - stop)
    assert found.loss[-1] == expected.loss[-1]
    np.testing.assert_array_equal(cut.model.params, whole.model.params)


FIRST_FILES = {"Npy": "X.npy", "Shards": "shards/X00002.npy", "memmap": "X.npy", "Csv": "csv/X00000.npy"}
FIRST_FILES |= {"parquet": "t.parquet", "arrow": "t.arrow"}


CHANGES = [(kind, how) for kind in FIRST_FILES for how in ("shrinks", "is written", "is replaced", "is removed")]
CHANGES = [(kind, how) for kind, how in CHANGES if kind != "memmap" or how == "shrinks"]
"""A map shows what is written, and keeps what is replaced or removed."""


@pytest.mark.parametrize(("kind", "how"), CHANGES)
def test_a_file_that_changes_while_it_is_read(made, tmp_path, kind, how):
    """The fit ends with one error, which names the file, and the training goes on when it is right again."""
    source, path = made(kind), tmp_path / FIRST_FILES[kind]
    content, times = path.read_bytes(), os.stat(path)

    class Change(gd.Callback):
        def on_epoch_end(self, end):
            if how == "shrinks":
                os.truncate(path, len(content) // 3)
            elif how == "is written":
                with open(path, "r+b") as file:
                    file.seek(len(content) // 2)
                    file.write(b"\0")
                os.utime(path, ns=(0, 0))
            elif how == "is replaced":
                (tmp_path / "new").write_bytes(content)
                os.replace(tmp_path / "new", path)
            else:
                path.unlink()

    of, known = trainer(), trainer()
    name = path.name.replace(".", r"\.")
    error, message = ValueError, rf"{name}(: X)? has changed since it was opened; open it again when it is written to"
    if how == "is removed":
        error, message = FileNotFoundError, rf"there is no file .*{name}: pass the path of"
    with pytest.raises(error, match=message) as caught:
        of.fit(source, epochs=3, callbacks=Change())
    assert type(caught.value) is error
    assert not readers()
    if kind == "memmap":
        return
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = {"Npy": lambda: gd.data.Npy(tmp_path / "X.npy", tmp_path / "y.npy", **SMALL)}
    again |= {"Shards": lambda: gd.data.Shards(tmp_path / "shards", **SMALL)}
    again |= {"Csv": lambda: gd.data.Shards(tmp_path / "csv", **SMALL)}
    source = again.get(kind, lambda: gd.data.Arrow(path, "y", **SMALL))()
    of.fit(source, max_steps=100 - of.steps_done)
    known.fit(source, max_steps=100)
    np.testing.assert_array_equal(of.model.params, known.model.params)


PLACES = {"Npy": ("X.npy", 431), "Shards": ("X00002.npy", 180), "Rows": ("Rows(X)", 431), "memmap": ("Rows(X)", 431)}
PLACES |= {"Own": ("my X", 431), "parquet": ("t.parquet", 431), "arrow": ("t.arrow", 431), "Csv": ("t.csv", 431)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_is_no_number_is_named_by_file_row_and_column(made, kind):
    wrong = X.copy()
    wrong[431, 2] = np.nan
    source = made(kind, wrong)
    name, row = PLACES[kind]
    ends = f"{name}: X contains NaN in row {row}, column 2; remove or impute it"
    model = gd.MLP([K, 8, 1], seed=0)
    for call in (
        lambda: trainer().fit(source, epochs=2),
        lambda: model.loss(source, loss="mse"),
        lambda: model.predict(source),
        lambda: gd.Standardize.from_data(source),
        lambda: trainer().fit(X, Y, epochs=1, validation_data=source),
    ):
        with pytest.raises(ValueError, match="contains NaN") as caught:
            call()
        assert str(caught.value).endswith(ends), str(caught.value)
        assert not readers()


class Fails:
    """Has a length and slices; one slice raises."""

    def __init__(self, error, good):
        self.error, self.good, self.count = error, good, 0

    def __len__(self):
        return N

    def __getitem__(self, rows):
        self.count += 1
        if self.count > self.good:
            raise self.error
        return X[rows]


@pytest.mark.parametrize("good", [2, 3, 9, 31, 33, 40])
@pytest.mark.parametrize(
    "error", [KeyError("lost"), RuntimeError("no more"), ZeroDivisionError(), MemoryError("full"), SystemExit("bye")]
)
def test_an_exception_of_an_object_ends_the_fit_with_its_message(error, good):
    of, known = trainer(), trainer()
    with pytest.raises(type(error)) as caught:
        of.fit(gd.data.Rows(Fails(error, good), Y, **SMALL), epochs=3)
    assert caught.value is error
    assert not readers()
    of.fit(gd.data.Rows(X, Y, **SMALL), max_steps=100 - of.steps_done)
    known.fit(gd.data.Rows(X, Y, **SMALL), max_steps=100)
    np.testing.assert_array_equal(of.model.params, known.model.params)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("kind", ["Npy", "Rows", "Own", "parquet"])
def test_a_process_that_is_forked_while_a_block_is_read(made, kind):
    """It has no reading thread, and reads for itself; the fit goes on."""
    source = gd.data.Arrow(made(kind).files[0], ["y"], **SMALL) if kind == "parquet" else made(kind, y=Y[:, None])
    model, statuses = gd.MLP([K, 8, 1], seed=0), []
    expected = model.loss(source, loss="mse")

    def loss(outputs, targets):
        if len(statuses) < 3:
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    right = model.loss(source, loss="mse") == expected
                    status = 0 if right and trainer().fit(source, epochs=2).epochs == 2 else 2
                finally:
                    os._exit(status)
            statuses.append(os.waitpid(child, 0)[1])
        return float(((outputs - targets) ** 2).mean()), 2 * (outputs - targets) / outputs.size

    assert trainer(loss).fit(source, epochs=2).epochs == 2
    assert statuses == [0, 0, 0]
    assert not readers()


class Shaped:
    """Has a shape and slices, and no length, as an array of zarr."""

    def __init__(self, values):
        self.values, self.shape = values, values.shape

    def __getitem__(self, rows):
        return self.values[rows]


def test_an_object_with_a_shape_and_no_length():
    one, other = trainer(), trainer()
    assert (
        one.fit(gd.data.Rows(Shaped(X), Shaped(Y), **SMALL), epochs=2).loss
        == other.fit(gd.data.Rows(X, Y, **SMALL), epochs=2).loss
    )
    with pytest.raises(ValueError, match="X has 600 rows, y 599; expected as many"):
        gd.data.Rows(Shaped(X), Shaped(Y[1:]))
    for shape in ((), None, 3):
        shaped = Shaped(X)
        shaped.shape = shape
        with pytest.raises(TypeError, match="X must have a length and be sliceable, as an array is, got"):
            gd.data.Rows(shaped)


@pytest.mark.parametrize("library", ["h5py", "zarr"])
def test_arrays_of_other_libraries(tmp_path, library):
    lib = pytest.importorskip(library)
    if library == "h5py":
        with lib.File(tmp_path / "t.h5", "w") as file:
            file.create_dataset("X", data=X, chunks=(20, K), compression="gzip")
            file["y"] = Y
        opened = lib.File(tmp_path / "t.h5")
        arrays = opened["X"], opened["y"]
    else:
        arrays = lib.array(X, chunks=(20, K)), lib.array(Y, chunks=(100,))
    source, known = gd.data.Rows(*arrays, **SMALL), gd.data.Rows(X, Y, **SMALL)
    one, other = trainer(), trainer()
    assert (
        one.fit(source, epochs=2, validation_data=source).val_loss
        == other.fit(known, epochs=2, validation_data=known).val_loss
    )
    np.testing.assert_array_equal(one.model.predict(source, out=tmp_path / "out.npy"), other.model.predict(known))
    assert gd.Standardize.from_data(source) == gd.Standardize.from_data(known)
    assert not readers()
    if library == "h5py":
        opened.close()
        with pytest.raises((OSError, RuntimeError, ValueError)):
            one.fit(source, epochs=1)
        assert not readers()


FULL = """
import resource, signal, sys
import numpy as np
import gdcore as gd
source = gd.data.Npy("X.npy", "y.npy", window_rows=128, block_rows=20)
model = gd.MLP([4, 8, 1], seed=0)
model.predict(source, out="out.npy")
before = open("out.npy", "rb").read()
model.params = model.params + 1
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    model.predict(source, out="out.npy")
except OSError as error:
    print(type(error).__name__, error.filename, open("out.npy", "rb").read() == before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of a file's size is Linux's")
def test_a_disk_that_takes_no_more_keeps_the_old_predictions(made, tmp_path):
    made("Npy")
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "OSError out.npy True\n", done.stderr
    assert sorted(os.listdir(tmp_path)) == ["X.npy", "out.npy", "y.npy"]


def test_a_disk_that_is_full_leaves_no_part_of_a_text(made, tmp_path, monkeypatch):
    made("Csv")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        gd.data.Csv(tmp_path / "t.csv", "y")
    gc.collect()
    assert not os.listdir(tmp_path / "temporary")

"""Arguments of `read_table`, `Settings` and `train` that are wrong: what is said, and what to pass instead."""

import numpy as np
import pytest

import gdcore as gd
from gdcore.tables import Settings, Table, read_table, train

TABLE = Table.from_columns({"x": [1.0, 2.0] * 5, "y": [0.5, 0.25] * 5})
BAD = [
    (lambda: read_table("none.csv"), FileNotFoundError, "there is no file none.csv: check its name and folder; the cu"),
    (lambda: read_table("/none/none.csv"), FileNotFoundError, "there is no file /none/none.csv: check its name and f"),
    (lambda: read_table("folder"), IsADirectoryError, "folder is no file (Is a directory): add a file's name"),
    (lambda: read_table(""), ValueError, "path must be the path of a table, got '': pass its name"),
    (lambda: read_table("a\0"), ValueError, "path must be the path of a table, got 'a\\x00': pass its name"),
    (lambda: read_table(np.ones(3)), TypeError, "path must be the path of a table, got a ndarray of shape (3,): pass"),
    (lambda: read_table("a.csv", delimiter="::"), ValueError, "delimiter must be one character, got '::': pass ','"),
    (lambda: read_table("a.csv", encoding="utf-99"), LookupError, "unknown encoding 'utf-99': pass one of Python's"),
    (lambda: read_table("a.csv", header=1), TypeError, "header must be True or False, got 1"),
    (lambda: gd.load("none.gdc"), FileNotFoundError, "there is no file none.gdc: check its name and folder; the curr"),
    (lambda: gd.Trainer.load("folder"), IsADirectoryError, "folder is no file (Is a directory): add a file's name"),
    (lambda: Settings(imputes=True), TypeError, "Settings() has no argument 'imputes'; did you mean 'impute'?"),
    (lambda: Settings(hidden=3), TypeError, "hidden must be a tuple of widths, such as (64, 64), got 3: () is a lin"),
    (lambda: Settings(hidden=(3, 0)), ValueError, "hidden[1] must be >= 1, got 0"),
    (lambda: Settings(rate=-1), ValueError, "rate must be > 0, got -1"),
    (lambda: Settings(epochs=0), ValueError, "epochs must be >= 1, got 0"),
    (lambda: Settings(batch_size=2.5), TypeError, "batch_size must be an integer, got 2.5"),
    (lambda: Settings(impute="yes"), TypeError, "impute must be True or False, got 'yes'"),
    (
        lambda: Settings(forced=("x",)),
        TypeError,
        "forced must be a gdcore.tables.Forced, got ('x',): pass Forced(drop=",
    ),
    (lambda: train(TABLE), TypeError, "train(table, target, settings, validation) needs target"),
    (lambda: train(TABLE, "y", setting=None), TypeError, "train() has no argument 'setting'; did you mean 'settings'"),
]


@pytest.mark.parametrize(("call", "exception", "said"), BAD)
def test_bad_arguments(call, exception, said, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(exception) as error:
        call()
    assert type(error.value) is exception
    assert str(error.value).startswith(said)
    if isinstance(error.value, OSError):
        assert error.value.errno

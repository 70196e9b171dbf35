"""Sources of several files, and layers that are fitted on sources."""

import json
import os
from itertools import pairwise

import numpy as np
import pytest

import gdcore as gd

N = 500
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype(np.float32) * [1, 10, 0, 1e-3] + [0, 1e4, 7, 0]
Y = X.sum(axis=1)
CUTS = [0, 100, 101, 350, N]
SMALL = {"window_rows": 64, "block_rows": 30}


def parts(X=X, y=Y):
    return [(X[a:b], None if y is None else y[a:b]) for a, b in pairwise(CUTS)]


def test_shards_are_one_source(tmp_path):
    source = gd.data.write_shards(tmp_path / "new" / "folder", parts(), **SMALL)
    whole = gd.data.Rows(X, Y, **SMALL)
    assert (source.n_samples, source.n_features) == X.shape
    for first, end in ((0, N), (99, 102), (100, 101), (349, 351), (360, 400)):
        np.testing.assert_array_equal(source.read(first, end)[0], X[first:end])
        np.testing.assert_array_equal(source.read(first, end)[1], Y[first:end])
    nets = [gd.Sequential(gd.Standardize.from_data(X), gd.Dense(4, 1), seed=0) for _ in range(2)]
    histories = [net.fit(data, loss="mse", epochs=2) for net, data in zip(nets, (source, whole), strict=True)]
    assert histories[0].loss == histories[1].loss
    np.testing.assert_array_equal(nets[0].predict(gd.data.Shards(tmp_path / "new" / "folder")), nets[1].predict(X))


@pytest.mark.parametrize("kinds", [("float32",) * 3, ("float32", "float64", "int8"), ("float64",) * 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_are_read_into_an_array_of_the_files_precision(tmp_path, kinds, dtype):
    values = np.arange(60).reshape(20, 3)
    cuts = [(0, 7), (7, 8), (8, 20)]
    parts = [(values[a:b].astype(kind), values[a:b, 0]) for (a, b), kind in zip(cuts, kinds, strict=True)]
    source = gd.data.write_shards(tmp_path / "kinds", parts)
    for first, end in ((0, 20), (6, 9), (7, 8), (8, 20), (0, 7), (19, 20)):
        array = np.full((end - first, 3), -1, dtype)
        X, y = source.read_into(first, end, array)
        np.testing.assert_array_equal(X, values[first:end])
        np.testing.assert_array_equal(y, values[first:end, 0])
        within = {kind for (a, b), kind in zip(cuts, kinds, strict=True) if a < end and b > first}
        assert (X is array) == (within == {dtype})


def test_a_wrong_entry_is_named_by_its_shard(tmp_path):
    bad = X.copy()
    bad[120, 2] = np.nan
    source = gd.data.write_shards(tmp_path, parts(bad), **SMALL)
    with pytest.raises(ValueError, match=r"X00002\.npy: X contains NaN in row 19, column 2"):
        gd.LinearModel(4).fit(source, loss="mse", epochs=1)
    with pytest.raises(ValueError, match=r"X00002\.npy: X contains NaN in row 19, column 2"):
        gd.Standardize.from_data(source)
    y = Y.copy()
    y[499] = np.inf
    source = gd.data.write_shards(tmp_path / "y", parts(y=y))
    with pytest.raises(ValueError, match=r"y00003\.npy: y contains infinity in row 149"):
        gd.LinearModel(4).fit(source, loss="mse", epochs=1)


def entry(**changes):
    return {"X": "X00000.npy", "y": "y00000.npy", "rows": 100, **changes}


MANIFESTS = [
    ("{", "manifest.json is not JSON"),
    (json.dumps([1]), "has no list of shards; expected"),
    (json.dumps({"shards": []}), "has no list of shards"),
    (json.dumps({"shards": [{"X": "X00000.npy"}]}), "has {'X': 'X00000.npy'} as shard 0"),
    (json.dumps({"shards": [entry(z=1)]}), "as shard 0"),
    (json.dumps({"shards": [entry(X="../X.npy")]}), "names '../X.npy' in shard 0, which is no file of the folder"),
    (json.dumps({"shards": [entry(y="/etc/passwd")]}), "names '/etc/passwd' in shard 0"),
    (json.dumps({"shards": [entry(X=3)]}), "names 3 in shard 0"),
    (json.dumps({"shards": [entry(), {"X": "X00001.npy", "rows": 1}]}), "in others, as shard 1, none"),
    (json.dumps({"shards": [entry(rows=99)]}), "X00000.npy has 100 rows, but the manifest says 99"),
    (json.dumps({"shards": [entry(y="y00001.npy")]}), "X00000.npy has 100 rows, .*y00001.npy 1; expected as many"),
]


@pytest.mark.parametrize(("text", "message"), MANIFESTS)
def test_manifests_that_are_wrong(tmp_path, text, message):
    gd.data.write_shards(tmp_path, parts())
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        gd.data.Shards(tmp_path)


def test_files_that_are_wrong(tmp_path):
    with pytest.raises(FileNotFoundError):
        gd.data.Shards(tmp_path)
    gd.data.write_shards(tmp_path, parts())
    with pytest.raises(FileExistsError, match="The folder has shards already"):
        gd.data.write_shards(tmp_path, parts())
    os.truncate(tmp_path / "X00001.npy", 130)
    with pytest.raises(ValueError, match=r"X00001\.npy is truncated"):
        gd.data.Shards(tmp_path)
    np.save(tmp_path / "X00001.npy", np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"X00001\.npy has 3 features, .*X00000\.npy 4; expected as many in"):
        gd.data.Shards(tmp_path)
    (tmp_path / "X00001.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"X00001\.npy"):
        gd.data.Shards(tmp_path)
    with pytest.raises(TypeError, match=r"parts must be pairs \(X, y\), got 3 as part 0"):
        gd.data.write_shards(tmp_path / "a", [3])
    with pytest.raises(ValueError, match="parts has no rows"):
        gd.data.write_shards(tmp_path / "b", [])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_scaling_layers_are_fitted_in_one_pass(dtype, offset):
    given = (X + offset).astype(dtype)
    source = gd.data.Rows(given, **SMALL)
    found, known = gd.Standardize.from_data(source), gd.Standardize.from_data(given)
    eps = np.finfo(float).eps
    np.testing.assert_allclose(found.mean, known.mean, rtol=20 * eps, atol=50 * eps)
    np.testing.assert_allclose(found.std, known.std, rtol=N * eps)
    assert found.std[2] == known.std[2] == 1.0  # of the constant column
    assert gd.MinMax.from_data(source, -1.0) == gd.MinMax.from_data(given, -1.0)


def test_a_source_within_a_window_has_the_layer_of_its_array():
    assert gd.Standardize.from_data(gd.data.Rows(X)) == gd.Standardize.from_data(X)

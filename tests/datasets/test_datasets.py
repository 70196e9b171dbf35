"""The digits: what the file holds, the split, and errors. The regression problem: its formula, its noise."""

import csv
import doctest
import gzip
import hashlib
import math
import re
from importlib import resources

import numpy as np
import pytest

import gdcore.datasets
from gdcore.datasets import friedman, load_digits, synthetic

CLASS_COUNTS = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
FOLDER = resources.files("gdcore.datasets")


@pytest.fixture(scope="module")
def rows():
    """The file's rows, read without the code under test: (1797, 65) integers."""
    text = gzip.decompress(FOLDER.joinpath("digits.csv.gz").read_bytes()).decode("ascii")
    return np.array([[int(cell) for cell in row] for row in csv.reader(text.splitlines())])


def as_rows(X, y):
    return np.column_stack([np.asarray(X, dtype=np.float64) * 16, y])


def sorted_rows(table):
    return table[np.lexsort(table.T)]


def test_the_file_is_the_one_the_licence_describes():
    packed = FOLDER.joinpath("digits.csv.gz").read_bytes()
    licence = FOLDER.joinpath("digits_license.txt").read_text(encoding="utf-8")
    sums = [hashlib.sha256(data).hexdigest() for data in (packed, gzip.decompress(packed))]
    assert sums == re.findall(r"\b[0-9a-f]{64}\b", licence)
    assert sums[1] == "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
    for part in ("10.24432/C50P49", "Alpaydin", "Kaynak", "1998", "CC BY 4.0", "/licenses/by/4.0/"):
        assert part in licence


def test_the_file_holds_1797_images_of_ten_digits(rows):
    assert rows.shape == (1797, 65)
    assert rows[:, :-1].min() == 0
    assert rows[:, :-1].max() == 16
    np.testing.assert_array_equal(np.bincount(rows[:, -1]), CLASS_COUNTS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_and_layout(dtype):
    digits = load_digits(dtype=dtype)
    assert digits._fields == ("X", "y", "X_test", "y_test")
    for X, y in ((digits.X, digits.y), (digits.X_test, digits.y_test)):
        assert X.shape == (y.size, 64)
        assert X.dtype == dtype
        assert y.dtype == np.int64
        for array in (X, y):
            assert array.flags.c_contiguous
            assert array.flags.writeable
            assert array.flags.owndata
        assert X.min() == 0
        assert X.max() == 1


def test_float32_is_the_default_and_as_exact_as_float64():
    digits, double = load_digits(), load_digits(dtype="float64")
    assert digits.X.dtype == np.float32
    for single_array, double_array in zip(digits, double, strict=True):
        np.testing.assert_array_equal(single_array, double_array)


@pytest.mark.parametrize("test_size", [1e-9, 0.01, 0.2, 0.5, 0.9, 1 - 1e-9])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_sets_are_a_partition_of_the_file(rows, test_size, seed):
    digits = load_digits(test_size=test_size, seed=seed)
    together = np.concatenate([as_rows(digits.X, digits.y), as_rows(digits.X_test, digits.y_test)])
    np.testing.assert_array_equal(sorted_rows(together), sorted_rows(rows))


def test_no_image_is_in_both_sets(rows):
    assert len(np.unique(rows, axis=0)) == len(rows)
    digits = load_digits()
    train = {row.tobytes() for row in digits.X}
    assert not train & {row.tobytes() for row in digits.X_test}


@pytest.mark.parametrize("test_size", [0.01, 0.2, 1 / 3, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_split_is_stratified(test_size, seed):
    digits = load_digits(test_size=test_size, seed=seed)
    held_out = np.bincount(digits.y_test, minlength=10)
    assert np.abs(held_out - test_size * CLASS_COUNTS).max() <= 0.5
    np.testing.assert_array_equal(held_out + np.bincount(digits.y, minlength=10), CLASS_COUNTS)


def test_either_set_keeps_an_image_of_every_digit():
    np.testing.assert_array_equal(np.bincount(load_digits(test_size=1e-9).y_test), np.ones(10))
    np.testing.assert_array_equal(np.bincount(load_digits(test_size=1 - 1e-9).y), np.ones(10))


def test_the_seed_fixes_the_split():
    for first, again in zip(load_digits(seed=3), load_digits(seed=3), strict=True):
        np.testing.assert_array_equal(first, again)
    first, other = load_digits(seed=3), load_digits(seed=4)
    held_out = [{row.tobytes() for row in digits.X_test} for digits in (first, other)]
    assert len(held_out[0] & held_out[1]) < 0.4 * len(held_out[0])


def test_both_sets_are_shuffled(rows):
    line = {tuple(row): i for i, row in enumerate(rows)}
    digits = load_digits()
    for X, y in ((digits.X, digits.y), (digits.X_test, digits.y_test)):
        lines = np.array([line[tuple(row)] for row in as_rows(X, y)])
        ascents = np.mean(np.diff(lines) > 0)
        assert abs(ascents - 0.5) < 5 * math.sqrt(1 / 12 / y.size)
        assert abs(np.corrcoef(y, np.arange(y.size))[0, 1]) < 5 / math.sqrt(y.size)


def test_a_caller_may_change_what_it_got():
    load_digits().X[:] = -1
    assert load_digits().X.min() == 0


@pytest.mark.parametrize(
    ("arguments", "exception", "message"),
    [
        ({"test_size": 1.5}, ValueError, "test_size must be in (0, 1), got 1.5"),
        ({"test_size": 0}, ValueError, "test_size must be in (0, 1), got 0"),
        ({"test_size": 1.0}, ValueError, "test_size must be in (0, 1), got 1.0"),
        ({"test_size": -0.2}, ValueError, "test_size must be in (0, 1), got -0.2"),
        ({"test_size": math.nan}, ValueError, "test_size must be finite, got nan"),
        ({"test_size": "0.2"}, TypeError, "test_size must be a number, got '0.2'"),
        ({"dtype": "float16"}, ValueError, "dtype must be 'float32' or 'float64', got 'float16'"),
        ({"dtype": None}, ValueError, "dtype must be 'float32' or 'float64', got None"),
        ({"seed": -1}, ValueError, "seed must be >= 0, got -1"),
        ({"seed": 1.0}, TypeError, "seed must be an integer, got 1.0"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
    ],
)
def test_errors(arguments, exception, message):
    with pytest.raises(exception, match=f"^{re.escape(message)}$"):
        load_digits(**arguments)


@pytest.mark.parametrize("module", [gdcore.datasets, synthetic])
def test_examples_run(module):
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_friedman_is_its_formula(dtype):
    X, y = friedman(500, 7, noise=0.0, dtype=dtype, seed=3)
    assert (X.shape, y.shape, X.dtype, y.dtype) == ((500, 7), (500, 1), dtype, dtype)
    a, b, c, d, e = X[:, :5].T.astype(float)
    np.testing.assert_allclose(
        y[:, 0], 10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e, rtol=50 * np.finfo(dtype).eps
    )
    assert 0 <= X.min() < 0.01 < 0.99 < X.max() < 1


def test_friedmans_noise():
    quiet, noisy, again, other = (
        friedman(20_000, noise=noise, dtype="float64", seed=seed) for noise, seed in ((0, 0), (2, 0), (2, 0), (2, 1))
    )
    np.testing.assert_array_equal(quiet.X, noisy.X)
    noise = noisy.y - quiet.y
    assert abs(noise.mean()) < 0.06
    assert noise.std() == pytest.approx(2, rel=0.03)
    np.testing.assert_array_equal(noisy.y, again.y)
    assert np.all(noisy.y != other.y)


@pytest.mark.parametrize(
    ("arguments", "exception", "message"),
    [
        ({"n_samples": 0}, ValueError, "n_samples must be >= 1, got 0"),
        ({"n_features": 4}, ValueError, "n_features must be >= 5, got 4"),
        ({"noise": -1.0}, ValueError, "noise must be >= 0, got -1.0"),
        ({"dtype": "int8"}, ValueError, "dtype must be 'float32' or 'float64', got 'int8'"),
        ({"seed": 0.5}, TypeError, "seed must be an integer, got 0.5"),
    ],
)
def test_friedmans_errors(arguments, exception, message):
    with pytest.raises(exception) as error:
        friedman(**arguments)
    assert str(error.value) == message

"""Columns of a table, turned into rows by a kernel."""

import numpy as np
import pytest

from gdcore.data.columns import to_rows

RNG = np.random.default_rng(0)
KINDS = ("float32", "float64", "int8", "int64", "uint16", "uint64", "float16", "int32", ">i4", ">f8")


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 1), (5, 63), (3000, 64), (2500, 65), (70, 200), (9000, 7), (40, 3000), (257, 16)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kinds", [KINDS, None])
def test_columns_become_rows(shape, dtype, kinds):
    expected = RNG.integers(-100, 100, shape)
    if kinds:
        expected = np.abs(expected)
    columns = [column.astype(kinds[i % len(kinds)] if kinds else dtype) for i, column in enumerate(expected.T)]
    found = np.full((shape[0] + 2, shape[1]), -1, dtype)
    assert to_rows(columns, found[1:-1])
    np.testing.assert_array_equal(found[1:-1], expected)
    assert (found[[0, -1]] == -1).all()


@pytest.mark.usefixtures("isa")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_may_have_any_step_and_stand_anywhere(dtype):
    bytes_of = np.arange(8 * 501 + 1, dtype=np.uint8)
    columns = [
        np.arange(500.0)[::-1],
        np.arange(1000, dtype=dtype)[::2],
        bytes_of[1:4001].view("float64") * 0 + 7,
        np.frombuffer(b"\0" + np.arange(500.0).tobytes(), np.float64, offset=1),
        np.broadcast_to(np.float64(3), 500),
    ]
    found = np.empty((500, 5), dtype)
    to_rows(columns, found)
    np.testing.assert_array_equal(found, np.column_stack(columns).astype(dtype))


@pytest.mark.usefixtures("isa")
def test_a_number_that_becomes_infinite_is_told_and_infinities_are_not():
    columns = [np.ones(700), np.ones(700)]
    columns[0][[3, 5]] = np.inf, np.nan
    found = np.empty((700, 2), np.float32)
    assert to_rows(columns, found)
    np.testing.assert_array_equal(found, np.column_stack(columns).astype(np.float32))
    for row in (0, 300, 699):
        large = columns[1].copy()
        large[row] = -1e39
        assert not to_rows([columns[0], large], found)
        assert to_rows([columns[0], large], np.empty((700, 2)))

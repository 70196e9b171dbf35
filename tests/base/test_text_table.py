"""Tables as text: columns align, nothing trails, and markup is escaped."""

import pytest

from gdcore.base.text_table import columns, html, line, markdown, ruled


def test_tables_align():
    assert ruled(("a", "b", "c"), [("xx", "1", "left"), ("y", "22", "")]) == [
        "a    b  c",
        "------------",
        "xx   1  left",
        "y   22",
    ]


def test_columns_are_as_wide_as_their_longest_cells():
    assert columns([("a", "long", "1"), ("bbb", "", "22")], right=(2,)) == ["a    long   1", "bbb        22"]
    assert columns([]) == []


def test_fixed_widths_without_a_gap():
    assert line(("a", "b", ""), (3, 4, 5), right=range(1, 3), gap="") == "a     b"
    assert line(("too long", "b"), (3, 3), right=(1,), gap="") == "too long  b"


def test_a_row_with_a_missing_cell_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        columns([("a", "b"), ("c",)])


def test_markup():
    assert markdown(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    assert markdown(("a", "b"), [], right=(1,)) == "| a | b |\n| --- | --: |\n"
    assert "<td>&lt;b&gt;</td>" in html(("a",), [("<b>",)])

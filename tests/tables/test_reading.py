"""Tables from files: every kind, every oddity, and messages that name the line."""

import gzip
import io
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from messy_table import messy

from gdcore.tables import Table, TableError, read_table


@pytest.fixture
def written(tmp_path):
    def write(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_a_messy_file(written):
    table = read_table(written(messy()))
    assert table.names == ("id", "size", "city", "built", "country", "column 6", "size (2)", "price", "comment")
    assert len(table) == 120
    assert table.lines[:4].tolist() == [3, 4, 5, 6]
    assert table.lines[10:13].tolist() == [13, 16, 17]  # two empty lines between
    assert np.isnan(table.columns["size"][3])
    assert table.columns["city"][5] is None
    assert 'Ort, der "Stadt"' in table.columns["city"]
    assert "Köln" in table.columns["city"]
    assert table.notes == (
        "column 6, which has no name, is called 'column 6'",
        "a second column 'size' is called 'size (2)'",
    )


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,x\n2,y\n", "data.csv"),
        ("a;b\n1;x\n2;y\n", "data.csv"),
        ("a\tb\n1\tx\n2\ty\n", "data.tsv"),
        ("a|b\n1|x\n2|y\n", "data.txt"),
        ("a,b\r\n1,x\r\n2,y", "data.csv"),
        ("\n  \na , b\n 1 , x \n\n2,y\n", "data.csv"),
        ("\ufeffa,b\n1,x\n2,y\n", "data.csv"),
        ("\ufeffa,b\n1,x\n2,y\n".encode("utf-16-le"), "data.csv"),
        (gzip.compress(b"a\tb\n1\tx\n2\ty\n"), "data.tsv.gz"),
    ],
)
def test_forms_of_one_table(content, name, written):
    table = read_table(written(content, name))
    assert table.names == ("a", "b")
    assert table.columns["a"].tolist() == [1, 2]
    assert table.columns["b"] == ["x", "y"]


def test_a_decimal_comma_between_semicolons(written):
    table = read_table(written("a;b\n1,5;2\n-3;4\n"))
    assert table.columns["a"].tolist() == [1.5, -3]
    assert table.notes == ("a: the comma is read as the decimal sign, '1,5' is 1.5",)


@pytest.mark.parametrize(("one", "small"), [("1,234", "950"), ("-12.345", "0")])
def test_separators_of_thousands_are_refused(one, small, written):
    with pytest.raises(TableError, match=rf"data.csv, line 3, column 'a' is '{one}', and others are as '{small}': .*"):
        read_table(written(f"b;a\n2;{small}\n3;{one}\n4;\n"))


@pytest.mark.parametrize(
    "values", [("1,234", "5,678"), ("1.234", "5.678"), ("0.125", "1"), ("1.234", "5.6", "7"), ("1.234", "1000")]
)
def test_three_decimals_are_no_thousands(values, written):
    expected = [float(value.replace(",", ".")) for value in values]
    assert read_table(written("a;b\n" + "".join(f"{one};x\n" for one in values))).columns["a"].tolist() == expected
    assert read_table(written("a,b\n1.234,2\n950,3\n")).columns["a"].tolist() == [1.234, 950]  # commas part fields


@pytest.mark.parametrize("mark", ";,\t")
def test_codes_stay_texts(mark, written):
    table = read_table(written(f"a{mark}b\n01067{mark}2\n10115{mark}4\n{mark}3\n"))
    assert table.columns["a"] == ["01067", "10115", None]
    assert table.columns["b"].tolist() == [2, 4, 3]


def test_latin_1(written):
    path = written("a,b\n1,Köln\n".encode("latin-1"))
    with pytest.raises(TableError, match=r"data.csv, line 2 is not utf-8: byte 0xf6; pass the encoding"):
        read_table(path)
    assert read_table(path, encoding="latin-1").columns["b"] == ["Köln"]


def test_a_field_over_several_lines_counts_them(written):
    table = read_table(written('a,b\n1,"x\ny"\n2,z\n'))
    assert table.lines.tolist() == [2, 4]


def test_without_a_line_of_names(written):
    path = written("1,2\n3,4\n")
    with pytest.raises(TableError, match=r"begins with numbers \(1 first\) where names are due: .*--no-header"):
        read_table(path)
    assert read_table(path, header=False).names == ("column 1", "column 2")


@pytest.mark.parametrize("text", ["1_000", "0x10", "1e"])
def test_what_is_no_number(text):
    assert Table.from_columns({"a": [text]}).columns["a"] == [text]


@pytest.mark.parametrize("text", ["", "NA", "n/a", "NaN", "null", "None", "?", " "])
def test_what_is_missing(text):
    assert np.isnan(Table.from_columns({"a": ["1", text]}).columns["a"][1])


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "data.csv is empty: it needs a line of names"),
        ("\n\n", "data.csv is empty"),
        ("a,b\n", "has a line of names and no rows below it"),
        ("a,b\n1,2\n3\n", "data.csv, line 3 has 1 field, but the line of names has 2: correct it"),
        ("a,b\n1,2,3\n", "data.csv, line 2 has 3 fields, but the line of names has 2"),
        (b"a,b\n1,\0\n", "is no text: it has zero bytes"),
        (gzip.compress(b"a,b\n1,2\n")[:-9], "is damaged: gzip says"),
        (b"\x93NUMPY\x01\x00", "cannot be read as arrays of NumPy"),
    ],
)
def test_files_that_are_no_table(content, match, written):
    with pytest.raises(TableError, match=match):
        read_table(written(content))


def test_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
    assert read_table(tmp_path / "a.npy").names == ("x0", "x1")
    np.savez(tmp_path / "a.npz", X=np.eye(3), y=np.array(["a", "b", "a"]))
    table = read_table(tmp_path / "a.npz")
    assert table.names == ("X0", "X1", "X2", "y")
    assert table.columns["y"] == ["a", "b", "a"]
    np.save(tmp_path / "bad.npy", np.array([{}], dtype=object))
    with pytest.raises(TableError, match="cannot be read as arrays of NumPy"):
        read_table(tmp_path / "bad.npy")
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    with pytest.raises(TableError, match="an array 'x' of 3 axes"):
        read_table(tmp_path / "cube.npy")


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_arrow(ending, tmp_path):
    path = tmp_path / f"a.{ending}"
    if find_spec("pyarrow") is None:
        path.write_bytes(b"PAR1" if ending == "parquet" else b"ARROW1")
        with pytest.raises(ImportError, match=r"gdcore\[data\]"):
            read_table(path)
        return
    import pyarrow
    from pyarrow import feather, parquet

    written = pyarrow.table({"a": [1, None], "b": ["x", "y"]})
    (parquet.write_table if ending == "parquet" else feather.write_feather)(written, str(path))
    table = read_table(path)
    assert np.isnan(table.columns["a"][1])
    assert table.columns["b"] == ["x", "y"]


def test_the_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n1,2\n")))
    table = read_table("-")
    assert table.source == "standard input"
    assert table.names == ("a", "b")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(TableError, match="standard input is closed"):
        read_table("-")


def test_a_data_frame_is_a_table():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, None], "b": ["x", None], "c": [True, False]})
    table = Table.from_columns(frame)
    assert table.columns["b"] == ["x", None]
    assert table.columns["c"].tolist() == [1, 0]
    frame = pandas.DataFrame(
        {
            "when": pandas.to_datetime(["2024-01-31", None]),
            "whole": pandas.array([3, None], dtype="Int64"),
            "kind": pandas.Categorical(["b", "a"]),
            "text": pandas.array(["x", None], dtype="string"),
        }
    )
    table = Table.from_columns(frame)
    assert table.columns["when"] == ["2024-01-31 00:00:00", None]
    assert table.columns["whole"][0] == 3
    assert np.isnan(table.columns["whole"][1])
    assert table.columns["kind"] == ["b", "a"]
    assert table.columns["text"] == ["x", None]


def test_an_unknown_column_is_answered_with_the_nearest():
    with pytest.raises(TableError, match="table has no column 'prise'; it has 'price'; did you mean 'price'"):
        Table.from_columns({"price": [1]}).column("prise")

"""Every way to misuse the verbs on tables: one line, and the status."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from table_folder import enter, run, trained

import gdcore as gd


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)


def broken(text):
    return lambda: Path("bad.csv").write_text(text)


@pytest.mark.parametrize(
    ("before", "arguments", "said"),
    [
        (None, ["train", "none.csv", "--target", "y"], "there is no file none.csv: check its name and folder"),
        (None, ["train", "houses.csv"], "--target is missing: name the column to predict; houses.csv has id, size"),
        (None, ["train", "houses.csv", "--target", "prize"], "no column 'prize'; it has 'id'"),
        (None, ["train", "houses.csv", "--target", "price"], "2 missing values ('size' 1, 'city' 1; the first in line"),
        (None, ["train", ".", "--target", "price"], "Is a directory"),
        (
            broken("a,b\n1,2\n3\n"),
            ["train", "bad.csv", "--target", "b"],
            "bad.csv, line 3 has 1 field, but the line of",
        ),
        (
            broken("a,b\n" + "1.5,2\n" * 20 + "x,2\n"),
            ["train", "bad.csv", "--target", "b", "--task", "regression"],
            "column 'b', the target, is 2 in every row",
        ),
        (
            broken("a,b\n" + "1.5,2.5\n2,3\n" * 20 + "x,2\n"),
            ["train", "bad.csv", "--target", "b", "--validation", "0"],
            "bad.csv, line 42, column 'a' is 'x', where nearly all other rows have numbers: correct it, leave it empty",
        ),
        (
            None,
            ["train", "kinds.csv", "--target", "kind", "--loss", "mse"],
            "the loss mse does not suit a classification",
        ),
        (None, ["train", "kinds.csv", "--target", "kind", "--loss", "msee"], "unknown loss 'msee'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--optimizer", "adm"], "did you mean 'adam'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--activation", "rlu"], "did you mean 'relu'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--drop", "y"], "no column 'y'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--drop", "x"], "no column to learn from (x: as you asked)"),
        (None, ["train", "kinds.csv", "--target", "kind", "--out", "no/m.gdc"], "there is no folder"),
        (None, ["train", "kinds.csv", "--target", "kind", "--out", "."], "is a folder: add a file's name"),
        (None, ["train", "kinds.csv", "--target", "kind", "--encoding", "utf-99"], "unknown --encoding 'utf-99'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--delimiter", "ab"], "must be one character or tab"),
        (
            None,
            ["train", "kinds.csv", "--target", "kind", "--validation", "1.5"],
            "must be a share in [0, 1) such as 0.2",
        ),
        (None, ["train", "kinds.csv", "--target", "kind", "--lr", "-1"], "must be a number > 0, got '-1'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--epochs", "0"], "must be a whole number >= 1, got '0'"),
        (None, ["train", "kinds.csv", "--target", "kind", "--hidden", "8,x"], "must be a whole number >= 1, got 'x'"),
        (
            None,
            ["train", "kinds.csv", "--target", "kind", "--hidden", "64x64"],
            "takes widths with commas, such as 64,64",
        ),
        (None, ["train", "kinds.csv", "--target", "kind", "--hidden", "100000,100000"], "no memory for 10,000,500,002"),
        (None, ["train", "kinds.csv", "--target", "kind", "--threads", "99999"], "99999"),
        (None, ["predict", "none.gdc", "new.csv"], "there is no file none.gdc"),
        (None, ["predict", "-", "new.csv"], "MODEL must be a file, not '-'"),
        (None, ["predict", "new.csv", "new.csv"], "new.csv does not begin as files of gdcore do"),
        (
            lambda: gd.LinearModel(2).save("m.gdc"),
            ["predict", "m.gdc", "new.csv"],
            "m.gdc holds a Sequential without the",
        ),
        (trained, ["predict", "model.gdc", "kinds.csv"], "kinds.csv has no column 'size'; it has 'x', 'kind'"),
        (
            trained,
            ["predict", "model.gdc", "new.csv", "--proba"],
            "'price' is a number, which has no class probabilities",
        ),
        (trained, ["export", "model.gdc", "--to", "c", "--out", "no/m.h"], "there is no folder"),
        (None, ["export", "-", "--to", "c"], "MODEL must be a file"),
        (None, ["check", "none.gdc", "new.csv"], "there is no file none.gdc"),
    ],
)
def test_errors_are_one_line_with_status_2(before, arguments, said, capsys):
    if before is not None:
        before()
        capsys.readouterr()
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    line = printed.err.strip().splitlines()[-1]
    assert said in line
    assert line.startswith(f"gdcore {arguments[0]}: ")
    assert "Traceback" not in printed.err
    assert not Path("model.gdc").exists() or before is trained


def test_a_training_that_diverges_has_status_1(capsys):
    assert run("train", "houses.csv", "--target", "price", "--impute", "--lr", "1e30", "--optimizer", "sgd") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("gdcore train: training diverged")
    assert last.endswith("; nothing was saved: pass a smaller --lr")


@pytest.mark.parametrize("validation", ["0.2", "0"])
def test_a_training_that_only_makes_it_worse_has_status_1_too_and_replaces_no_model(validation, capsys):
    trained("houses.csv", "price")
    before = Path("model.gdc").read_bytes()
    capsys.readouterr()
    arguments = ["train", "houses.csv", "--target", "price", "--impute", "--lr", "50", "--no-preflight"]
    assert run(*arguments, "--validation", validation, "--epochs", "12") == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "diverged" in line]
    assert line.startswith("gdcore train: training diverged: the loss rose from ")
    assert line.endswith("and the scores are no better than the baseline's; nothing was saved: pass a smaller --lr")
    assert " at a rate of 50, " in line
    assert Path("model.gdc").read_bytes() == before


@pytest.mark.parametrize(("validation", "rate"), [("0.2", "0.7"), ("0", "1")])
def test_a_loss_that_rose_a_little_with_scores_far_below_the_baseline_has_status_1_too(validation, rate, capsys):
    rng = np.random.default_rng(0)
    columns = {f"x{j}": rng.normal(size=400) for j in range(10)}
    columns["y"] = 150 + 20 * columns["x0"] + 70 * rng.normal(size=400)
    names = list(columns)
    lines = [",".join(f"{columns[name][i]:.6g}" for name in names) for i in range(400)]
    Path("sick.csv").write_text("\n".join([",".join(names), *lines]))
    trained("sick.csv", "y")
    before = Path("model.gdc").read_bytes()
    capsys.readouterr()
    arguments = ["train", "sick.csv", "--target", "y", "--lr", rate, "--epochs", "5", "--no-preflight"]
    assert run(*arguments, "--validation", validation) == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "diverged" in line]
    assert "the loss rose from " in line
    assert Path("model.gdc").read_bytes() == before


def test_a_negative_loss_that_fell_has_not_diverged_even_where_nothing_can_be_learned(capsys):
    rng = np.random.default_rng(0)
    rows = [f"{x:.6g},{count}" for x, count in zip(rng.normal(size=300), rng.poisson(40, 300), strict=True)]
    Path("counts.csv").write_text("\n".join(["x,count", *rows]))
    arguments = ["--task", "regression", "--loss", "poisson", "--no-preflight", "--seed", "24"]
    assert run("train", "counts.csv", "--target", "count", *arguments) == 0
    assert Path("model.gdc").exists()


def test_a_folder_that_cannot_be_written_to_is_told_before_the_training(monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert run("train", "none.csv", "--target", "kind") == 2
    assert "cannot be written to: pass --out with a file elsewhere" in capsys.readouterr().err


def test_a_disk_that_is_full_loses_no_file(monkeypatch, capsys):
    trained("kinds.csv", "kind")
    before = Path("model.gdc").read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("train", "kinds.csv", "--target", "kind", "--epochs", "2", "--lr", "0.1") == 2
    assert "No space left on device" in capsys.readouterr().err
    assert Path("model.gdc").read_bytes() == before


def made(path, content=b"", link=None):
    def make():
        trained("kinds.csv", "kind")
        if link is not None:
            link("kinds.csv", path)
        elif content:
            Path(path).write_bytes(content)

    return make


LOST = "which would be lost: pass another --out"


@pytest.mark.parametrize(
    ("before", "arguments", "said"),
    [
        (made("-"), ["train", "kinds.csv", "--target", "kind", "--out", "kinds.csv"], LOST),
        (made("-"), ["train", "kinds.csv", "--target", "kind", "--out", "./kinds.csv"], LOST),
        (made("s", link=os.symlink), ["train", "kinds.csv", "--target", "kind", "--out", "s"], "as kinds.csv, which"),
        (made("h", link=os.link), ["train", "kinds.csv", "--target", "kind", "--out", "h"], "as kinds.csv, which"),
        (
            made("-"),
            ["train", "houses.csv", "--target", "x", "--validation", "kinds.csv", "--out", "kinds.csv"],
            "--out kinds.csv is a file that this command reads, which would be lost: pass another --out",
        ),
        (
            made("text", b"my notes"),
            ["train", "kinds.csv", "--target", "kind", "--out", "text"],
            "text exists and is no file of gdcore: pass another --out, or delete it first",
        ),
        (
            made("t", b"\x02\0\0\0\0\0\0\0{}"),
            ["train", "kinds.csv", "--target", "kind", "--out", "t"],
            "is no file of gdcore",
        ),
        (made("-"), ["predict", "model.gdc", "kinds.csv", "--out", "kinds.csv"], LOST),
        (made("-"), ["predict", "model.gdc", "kinds.csv", "--json", "--out", "model.gdc"], LOST),
        (made("-"), ["export", "model.gdc", "--to", "c", "--out", "model.gdc"], LOST),
    ],
)
def test_no_command_replaces_what_it_reads(before, arguments, said, capsys):
    before()
    capsys.readouterr()
    files = {path: path.read_bytes() for path in Path().iterdir()}
    assert run(*arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"gdcore {arguments[0]}: ")
    assert said in line
    assert {path: path.read_bytes() for path in Path().iterdir()} == files


def test_a_model_and_an_empty_file_are_replaced(capsys):
    trained("kinds.csv", "kind")
    trained("kinds.csv", "kind")
    Path("empty").touch()
    trained("kinds.csv", "kind", "--out", "empty")
    assert gd.load("empty").target.name == "kind"


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="needs /dev/stdin")
def test_the_standard_input_is_not_replaced():
    trained("kinds.csv", "kind")
    before = Path("kinds.csv").read_bytes()
    command = [sys.executable, "-m", "gdcore", "predict", "model.gdc", "-", "--out", "kinds.csv"]
    environment = {**os.environ, "PYTHONPATH": str(Path(gd.__file__).parent.parent)}
    with open("kinds.csv", "rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, env=environment, timeout=60, check=False)
    assert done.returncode == 2
    assert b"is the same file as the standard input, which would be lost" in done.stderr
    assert Path("kinds.csv").read_bytes() == before

"""The verbs on tables: what they print and write, their exit statuses, and every way to misuse them."""

import csv
import gzip
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import types
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from interruptible import interruptible
from messy_table import messy
from table_folder import QUICK, enter, run, trained

import gdcore as gd
from gdcore.cli import main as cli
from gdcore.cli import table_parsers
from gdcore.cli.export import ENDINGS
from gdcore.tables import read_table
from gdcore.tables.target import TASKS

ROOT = Path(gd.__file__).parent.parent
COMMAND = [sys.executable, "-m", "gdcore"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)


def test_from_a_raw_table_to_a_prediction(capsys):
    assert run("train", "houses.csv", "--target", "price", "--impute") == 0
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    for said in (
        "houses.csv: 120 rows, 9 columns",
        "price: regression (the target is a number)",
        "size: 1 missing value filled by",
        "country (it is 'DE' in every row)",
        "pre-flight clear",
        "(by the range test)",
        "root mean squared error",
        "gdcore predict model.gdc NEW_DATA",
    ):
        assert said in " ".join(printed.split())
    assert run("predict", "model.gdc", "new.csv") == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert len(rows) == 20
    assert list(rows[0]) == ["price"]
    assert "city: 'Köln' was not seen in training" in said.err
    model = gd.load("model.gdc")
    expected = model.predict(read_table("new.csv"))
    np.testing.assert_array_equal([np.float32(row["price"]) for row in rows], expected.astype(np.float32))


def test_classes(capsys):
    trained("kinds.csv", "kind")
    capsys.readouterr()
    assert run("predict", "model.gdc", "kinds.csv", "--proba", "--out", "found.csv") == 0
    assert capsys.readouterr().out == ""
    with open("found.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["kind", "probability of no", "probability of yes"]
    assert {row["kind"] for row in rows} == {"no", "yes"}
    assert run("predict", "model.gdc", "kinds.csv", "--proba", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == ["no", "yes"]
    assert np.shape(found["probabilities"]) == (60, 2)
    assert run("evaluate", "model.gdc", "kinds.csv", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    right = np.mean(
        [row["kind"] == kind for row, kind in zip(rows, read_table("kinds.csv").columns["kind"], strict=True)]
    )
    assert found["model"]["accuracy"] == right
    assert run("evaluate", "model.gdc", "kinds.csv") == 0
    assert "always" in capsys.readouterr().out


def test_json_says_all_and_nothing_else_is_printed(capsys):
    trained()
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == {"name": "price", "task": "regression", "classes": []}
    assert found["left_out"]["comment"] == "every row has a text of its own"
    assert found["scores"].keys() == found["baseline_scores"].keys()
    assert found["out"] == "model.gdc"
    assert run("info", "model.gdc", "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert {name: again[name] for name in again if name in found} == {
        name: found[name] for name in again if name in found
    }


@pytest.mark.parametrize("columns", ["80", "40", "10", "300"])
def test_what_is_printed_fits_the_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", columns)
    assert run("train", "houses.csv", "--target", "price", "--impute", "--lr", "0.01", "--epochs", "3") == 0
    assert run("info", "model.gdc") == 0
    assert run("diagnose", "model.gdc", "houses.csv") == 0  # the row without a price is left out
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= max(min(int(columns), 100), 30)


def test_info_of_other_files_and_none(capsys):
    gd.MLP([2, 3, 1], seed=0).save("net.gdc")
    assert run("info", "net.gdc") == 0
    assert "Dense(2, 3, 'relu')" in capsys.readouterr().out
    assert run("info", "net.gdc", "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "Sequential"
    assert run("info", "--json") == 0
    assert "config" in json.loads(capsys.readouterr().out)


def test_check_and_diagnose(capsys):
    trained("kinds.csv", "kind")
    capsys.readouterr()
    assert run("check", "model.gdc", "kinds.csv") == 0
    assert "gradient check: pass" in capsys.readouterr().out
    assert run("check", "model.gdc", "kinds.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "pass"
    status = run("diagnose", "model.gdc", "kinds.csv", "--json")
    found = json.loads(capsys.readouterr().out)
    assert status == (0 if found["ok"] else 1)
    model, table = gd.load("model.gdc"), read_table("kinds.csv")
    X = model.preparation.transform(table).X.astype("float32")
    y = model.target.encode(table)
    expected = gd.diagnose(model.net, X, y, "cross_entropy", model.history, feature_names=model.preparation.inputs)
    assert list(found["findings"]) == list(expected.kinds)
    assert run("diagnose", "model.gdc", "kinds.csv") == status
    assert "diagnosis" in capsys.readouterr().out


def test_rows_without_a_target_are_left_out_by_every_command(capsys):
    trained()
    capsys.readouterr()
    note = "note: price: 1 row without a value, left out (line 10 first)"
    for command in ("evaluate", "check", "diagnose"):
        assert run(command, "model.gdc", "houses.csv") in ((0, 1) if command == "diagnose" else (0,))
        assert capsys.readouterr().err.count(note) == 1
    assert gd.load("model.gdc").evaluate(read_table("houses.csv")).rows == 119
    trained("kinds.csv", "kind")
    Path("bad.csv").write_text("x,kind\n1,\n2,\n")
    assert run("evaluate", "model.gdc", "bad.csv") == 2
    assert "bad.csv, line 2, column 'kind', the target, has no value" in capsys.readouterr().err


def test_numbers_far_from_all_others_are_told(capsys):
    rng = np.random.default_rng(0)
    sizes = rng.uniform(40, 200, 100)
    rows = [f"{size:.1f},{3 * size:.1f}" for size in sizes]
    Path("sizes.csv").write_text("size,price\n" + "\n".join(rows) + "\n")
    assert run("train", "sizes.csv", "--target", "price", *QUICK) == 0
    assert "a wrong entry?" not in capsys.readouterr().out
    Path("new.csv").write_text("size,price\n210,630\n9000,27000\n")
    for command in ("predict", "evaluate"):
        assert run(command, "model.gdc", "new.csv") == 0
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"gdcore {command}: note: size: 9,000 (line 3 first, 1 row) lies ")
    rows[41] = f"{sizes[41] * 1e6:.0f},{3 * sizes[41]:.1f}"
    Path("sizes.csv").write_text("size,price\n" + "\n".join(rows) + "\n")
    assert run("train", "sizes.csv", "--target", "price", *QUICK) == 0
    found = " ".join(capsys.readouterr().out.split())
    assert re.search(r"note size: [\d,]+ \(line 43\) lies [\d,]+ times as far from the median", found)
    assert found.count("a wrong entry?") == 1


def test_what_is_told_of_the_rows_stands_in_the_document_of_the_predictions_too(capsys):
    trained("kinds.csv", "kind")
    Path("far.csv").write_text("x\n0.5\n1e6\n")
    capsys.readouterr()
    assert run("predict", "model.gdc", "far.csv", "--json") == 0
    printed = capsys.readouterr()
    [note] = json.loads(printed.out)["notes"]
    assert note in printed.err
    assert "1e+06" in note or "1,000,000" in note


def test_few_rows_are_told(capsys):
    Path("few.csv").write_text("x,y\n1.5,2.5\n2.5,3.5\n3.5,7.5\n")
    assert run("train", "few.csv", "--target", "y", *QUICK) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "note 2 rows to learn from: with fewer than 10 the answers to new rows are guesses" in printed
    assert "note 1 row to validate on: the scores of fewer than 2 say nothing" in printed


def test_the_scores_say_that_their_rows_chose_the_epoch(capsys):
    said = "these rows also chose the epoch that is kept: on new rows expect a little less"
    for share, times in (("0.2", 1), ("0", 0)):
        assert run("train", "kinds.csv", "--target", "kind", "--validation", share, *QUICK) == 0
        assert " ".join(capsys.readouterr().out.split()).count(said) == times


def test_a_model_without_use_is_compared_with_the_mean(capsys):
    rng = np.random.default_rng(0)
    Path("noise.csv").write_text("x,y\n" + "".join(f"{x:.4f},{y:.4f}\n" for x, y in rng.normal(size=(60, 2))))
    assert run("train", "noise.csv", "--target", "y", "--no-preflight", "--lr", "0.0001", "--epochs", "1") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "the model is no better than the answer that sees no inputs, mean " in printed


def test_filled_values_are_told_once_and_dates_as_dates(capsys):
    rows = [f"{i % 7 + 0.5},{'' if i % 10 == 3 else f'2024-01-{i % 28 + 1:02d}'},{i % 11 + 0.25}" for i in range(100)]
    Path("dates.csv").write_text("x,day,y\n" + "\n".join(rows) + "\n")
    assert run("train", "dates.csv", "--target", "y", "--impute", *QUICK) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note") and "missing" in line]
    assert len(notes) == 1
    assert "day: 10 missing values filled by 2024-01-1" in notes[0]


def test_a_diagnosis_with_a_problem_has_status_1(capsys):
    trained("kinds.csv", "kind")
    model = gd.load("model.gdc")
    model.net.params[:] *= 30
    gd.save(model, "model.gdc")
    assert run("diagnose", "model.gdc", "kinds.csv") == 1
    assert "problem" in capsys.readouterr().out


def test_export_to_c(capsys):
    trained()
    assert run("export", "model.gdc", "--to", "c") == 0
    assert "city=Bonn" in capsys.readouterr().out
    text = Path("model.h").read_text(encoding="utf-8")
    assert text.startswith("/* Inputs and outputs:\n   x[0]  size\n")
    assert re.search(r"x\[\d+\]  built \(days since 1970-01-01\)\n", text)
    assert text.endswith(gd.interop.to_c(gd.load("model.gdc").net, "model"))
    gd.MLP([2, 3, 1], seed=0).save("net.gdc")
    assert run("export", "net.gdc", "--to", "c", "--out", "1 net.h", "--json") == 0
    assert "model_1_net" in Path("1 net.h").read_text(encoding="utf-8")


@pytest.mark.parametrize(("form", "library"), [("onnx", "onnxruntime"), ("torch", "torch")])
def test_export_to_libraries(form, library, capsys):
    trained()
    capsys.readouterr()
    status = run("export", "model.gdc", "--to", form)
    if find_spec(library) is None:
        assert status == 2
        assert f"gdcore[{form}]" in capsys.readouterr().err
        return
    assert status == 0
    model = gd.load("model.gdc")
    X = model.preparation.transform(read_table("new.csv")).X.astype("float32")
    if form == "onnx":
        import onnxruntime

        [found] = onnxruntime.InferenceSession("model.onnx").run(None, {"X": X})
    else:
        import torch

        found = torch.load("model.pt", weights_only=False)(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(found, model.net.predict(X), rtol=1e-4)


@pytest.mark.parametrize("name", ["houses.csv.gz", "houses.tsv", "houses.npz"])
def test_other_files(name, capsys):
    if name.endswith(".gz"):
        Path(name).write_bytes(gzip.compress(Path("kinds.csv").read_bytes()))
    elif name.endswith(".tsv"):
        Path(name).write_text(Path("kinds.csv").read_text().replace(",", "\t"))
    else:
        table = read_table("kinds.csv")
        np.savez(name, x=table.columns["x"], kind=np.array(table.columns["kind"]))
    trained(name, "kind")
    first = json.loads(capsys.readouterr().out)["scores"]
    trained("kinds.csv", "kind")
    assert json.loads(capsys.readouterr().out)["scores"] == first


def test_validation_on_a_file_and_on_nothing(capsys):
    trained("kinds.csv", "kind", "--validation", "kinds.csv")
    assert json.loads(capsys.readouterr().out)["validation_rows"] == 60
    trained("kinds.csv", "kind", "--validation", "0")
    found = json.loads(capsys.readouterr().out)
    assert (found["validation_rows"], found["scored_on"]) == (0, "training rows")


def test_a_process_reads_the_standard_input_in_an_ascii_locale(folder):
    environment = {**ENVIRONMENT, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    more = ["--target", "price", "--impute", "--epochs", "3", "--lr", "0.01"]
    done = subprocess.run(
        [*COMMAND, "train", "-", *more], input=messy(), capture_output=True, env=environment, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.decode("ascii")) == (0, done.stderr.decode("ascii"))
    assert b"standard input: 120 rows" in done.stdout
    done = subprocess.run(
        [*COMMAND, "info", "model.gdc"], capture_output=True, env=environment, timeout=60, check=False
    )
    assert b"K?ln" in done.stdout


def test_a_reader_that_leaves(folder):
    trained("kinds.csv", "kind")
    command = " ".join([*COMMAND, "predict", "model.gdc", "kinds.csv"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, env=ENVIRONMENT, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.strip() in ("0", "141")
    assert done.stderr == ""


def test_ctrl_c_saves_the_best_so_far(folder):
    Path("large.csv").write_bytes(messy(20_000))
    more = [
        "--target",
        "price",
        "--impute",
        "--lr",
        "0.0001",
        "--epochs",
        "5000",
        "--no-preflight",
        "--patience",
        "5000",
    ]
    code = f"from gdcore.cli.main import main\nraise SystemExit(main({['train', 'large.csv', *more]!r}))"
    process = subprocess.Popen(
        interruptible(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    with process:
        for line in process.stdout:
            if line.startswith("training"):
                break
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        printed, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "interrupted after" in " ".join(printed.split())
    assert "saved       model.gdc" in printed
    assert gd.load("model.gdc").facts["interrupted"]


def test_the_parser_knows_what_the_verbs_take():
    assert table_parsers.TASKS == TASKS
    assert set(table_parsers.FORMATS) == set(ENDINGS)


def test_the_help_tells_the_exit_statuses(capsys):
    assert run("--help") == 0
    assert "3 where it cannot decide" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("verb", ["train", "predict", "evaluate", "diagnose", "export"])
def test_every_verb_is_described(verb, capsys):
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    printed = capsys.readouterr().out
    usage, description, *_ = printed.split("\n\n")
    assert usage.startswith(f"usage: gdcore {verb}")
    assert description[0].isupper()
    assert "--json" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert cli.main([]) == 0
    assert f"\n    {verb} " in capsys.readouterr().out


@pytest.mark.parametrize(("name", "target"), [("diabetes", "target"), ("breast_cancer", "target"), ("iris", "target")])
def test_data_of_scikit_learn(name, target, capsys):
    datasets = pytest.importorskip("sklearn.datasets")
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    frame.to_csv("data.csv", index=False)
    assert run("train", "data.csv", "--target", target, "--json", "--no-preflight") == 0
    found = json.loads(capsys.readouterr().out)
    main = "r2" if name == "diabetes" else "accuracy"
    assert found["scores"][main] > {"diabetes": 0.4, "breast_cancer": 0.9, "iris": 0.85}[name]
    assert found["scores"][main] > found["baseline_scores"][main] + 0.25


def test_a_shell_is_answered_by_argcomplete(monkeypatch):
    asked = []

    class Completed(Exception):
        pass

    def autocomplete(parser):
        asked.append(parser.prog)
        raise Completed

    monkeypatch.setenv("_ARGCOMPLETE", "1")
    monkeypatch.setitem(sys.modules, "argcomplete", None)
    assert run("info") == 0
    monkeypatch.setitem(sys.modules, "argcomplete", types.SimpleNamespace(autocomplete=autocomplete))
    with pytest.raises(Completed):
        run("info")
    assert asked == ["gdcore"]

"""What the command line says of tables and trainings that are nearly right, and to programs that read its JSON."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from table_folder import QUICK, enter, run, trained

import gdcore as gd
from gdcore.bench import command
from gdcore.cli import judge
from gdcore.cli import train as train_verb
from gdcore.tables import TableError, read_table
from gdcore.tables.numbers import epochs_from_1, figure, ordinal, score_text


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)


def write(name, head, rows):
    Path(name).write_text("\n".join([head, *rows, ""]), encoding="utf-8")


def values(n=60, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def train(capsys, name, *more, target="y"):
    status = run("train", name, "--target", target, *QUICK, *more)
    printed = capsys.readouterr()
    return status, " ".join(printed.out.split()), printed.err


# Tables


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            lambda i: f"{i % 28 + 1:02d}.10.2021",
            "d (its dates, such as '{first}', may begin with the day or the month: write 2021-10-03 to use it)",
        ),
        (
            lambda i: f"{i % 3 + 1}/2/21",
            "d: dates such as '{first}' are taken for categories: write 2021-10-03",
        ),
        (lambda i: f'"{i},{i % 7}"', "with decimal commas, as '{first}' is: write {plain}, or put semicolons between"),
        (lambda i: f'"{i + 1},{i:03d}"', "with more than digits, as '{first}' is: write them plainly to use it"),
    ],
)
def test_a_column_that_is_written_otherwise_is_told_with_its_remedy(cells, said, capsys):
    write("t.csv", "x,d,y", [f"{x:.3f},{cells(i)},{x:.3f}" for i, x in enumerate(values())])
    status, out, _ = train(capsys, "t.csv")
    assert status == 0
    told = [cells(i).strip('"') for i in range(60)]
    assert any(said.format(first=one, plain=one.replace(",", ".")) in out for one in told)


def test_a_target_with_decimal_commas_is_refused_with_the_remedy(capsys):
    write("t.tsv", "x\ty", [f"{x:.3f}\t{i},{i % 7}" for i, x in enumerate(values())])
    status, _, error = train(capsys, "t.tsv")
    assert status == 2
    assert "has numbers written with decimal commas, as '0,0' is: write 0.0, or put semicolons between" in error
    write("t.csv", "x;y", [f"{x:.3f};{i},{i % 7}" for i, x in enumerate(values())])
    assert train(capsys, "t.csv")[0] == 0


@pytest.mark.parametrize(
    "rows", [["1,a", '2,"b', "3,c"], ['1,"a', "2,b", '3,"c d"'], ["1,a", '1,"a', *["2," + "b" * 50] * 9]]
)
def test_a_quote_that_is_not_closed_is_named_with_its_row(rows, monkeypatch):
    monkeypatch.setattr("gdcore.tables.delimited.MAX_FIELD", 150)
    write("t.csv", "x,d", rows)
    at = 2 + next(i for i, row in enumerate(rows) if row.count('"') == 1)
    with pytest.raises(TableError, match=rf't\.csv, line {at} has a quote \("\) that is not closed'):
        read_table("t.csv")


def test_texts_of_several_lines_are_read():
    Path("t.csv").write_text('x,d\n1,"a\nb ""c"""\n2,"d"e\n', encoding="utf-8")  # the last one is not strict, but clear
    assert read_table("t.csv").columns["d"] == ['a\nb "c"', "de"]


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        (1e300, "and a network computes with numbers up to 1e+30: correct it, or divide the column by a power of 10"),
        (1e-300, "and a network computes with numbers from 1e-30 on: multiply the column by a power of 10"),
    ],
)
@pytest.mark.parametrize("where", ["b", "y"])
def test_sizes_beyond_the_precision_are_told_by_the_columns_name(scale, said, where, capsys):
    rows = [f"{x},{x * (scale if where == 'b' else 1)},{x * (scale if where == 'y' else 1)}" for x in values()]
    write("t.csv", "a,b,y", rows)
    status, _, error = train(capsys, "t.csv")
    assert status == 2
    assert f"column '{where}'" in error
    assert said in error
    assert "dtype" not in error


def test_a_part_without_a_class_is_told(capsys):
    x = values()
    write("t.csv", "x,y", [f"{one:.3f},{'rare' if i == 7 else 'p' if one > 0 else 'q'}" for i, one in enumerate(x)])
    status, out, _ = train(capsys, "t.csv")
    assert status == 0
    assert "y: no row of 'rare' to validate on, so the scores say nothing of it" in out
    write("t.csv", "x,y", [f"{one:.3f},{'p' if one > 0 else 'q'}" for one in x])
    assert "no row of" not in train(capsys, "t.csv")[1]


# Trainings


def test_what_takes_seconds_is_told_before_it_begins(monkeypatch, capsys):
    """The file, the model and what is tried stand there before the pre-flight and the search for a rate begin."""
    told = []

    def seen(function):
        def looked(*given, **options):
            told.append(capsys.readouterr().out)
            return function(*given, **options)

        return looked

    for place, name in ((train_verb, "read_data"), (train_verb, "preflight"), (train_verb.Problem, "find_rate")):
        monkeypatch.setattr(place, name, seen(getattr(place, name)))
    monkeypatch.setattr(train_verb, "LARGE", 1000)
    arguments = ["train", "houses.csv", "--target", "price", "--impute", "--epochs", "1"]
    assert run(*arguments) == 0
    reading, looking, rates = told
    assert re.fullmatch(r"reading +houses.csv, [\d,]+ bytes\n", reading)
    assert "houses.csv: 120 rows, 9 columns" in looking
    assert looking.rpartition("\nmodel ")[2].splitlines()[1].startswith("trying      a few hundred steps of copies")
    assert re.search(r"\ntrying +learning rates, each by short trainings of copies", rates.rpartition("  ok ")[2])
    capsys.readouterr()
    assert run(*arguments, "--no-preflight", "--lr", "0.01") == 0
    assert "trying" not in capsys.readouterr().out
    told.clear()
    assert run(*arguments, "--json") == 0
    assert told == ["", "", ""]


def test_the_command_line_counts_epochs_from_1(capsys):
    status, out, _ = train(capsys, "kinds.csv", "--patience", "2", target="kind")
    assert status == 0
    reason = gd.load("model.gdc").facts["stop_reason"]
    assert epochs_from_1(reason) in out
    assert run("info", "model.gdc") == 0
    assert epochs_from_1(reason) in " ".join(capsys.readouterr().out.split())
    assert "val_loss" not in epochs_from_1(reason)


def test_json_counts_epochs_from_1(capsys):
    options = ("--impute", "--lr", "0.1", "--epochs", "300", "--no-preflight", "--json")
    assert run("train", "houses.csv", "--target", "price", *options) == 0
    assert re.search(r"was in the \d+(st|nd|rd|th) epoch", json.loads(capsys.readouterr().out)["stop_reason"])


def test_a_divergence_is_told_in_the_words_of_the_command(capsys):
    assert run("train", "kinds.csv", "--target", "kind", "--optimizer", "sgd", "--lr", "1e30", "--no-preflight") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("gdcore train: training diverged in the 1st epoch: ")
    assert line.endswith("at a rate of 1e+30; nothing was saved: pass a smaller --lr")
    assert "learning_rate" not in line


def test_rows_that_the_model_was_trained_on_are_told(capsys):
    trained("kinds.csv", "kind")
    capsys.readouterr()
    assert run("evaluate", "model.gdc", "kinds.csv") == 0
    assert (
        "note: the model was trained on a file of this name and of as many rows, kinds.csv: " in capsys.readouterr().err
    )
    rows = Path("kinds.csv").read_text().splitlines()
    Path("new.csv").write_text("\n".join(rows[:30]))
    assert run("evaluate", "model.gdc", "new.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["notes"] == []


def test_no_diagnosis_asks_for_more_epochs_after_early_stopping():
    X, y = gd.datasets.friedman(300)
    net = gd.MLP([10, 64, 1], seed=0)
    losses = [1 / (1 + i) for i in range(40)]
    kinds = {}
    for reason in ("all 40 epochs were run", "val_loss has not improved for 3 epochs: the best, 0.1, was in epoch 36"):
        history = gd.History(losses, losses, [0.1] * 40, reason)
        kinds[reason[:3]] = gd.diagnose(net, X, y, "mse", history).kinds
    assert "still falling" in kinds["all"]
    assert "still falling" not in kinds["val"]


def test_a_diagnosis_of_many_rows_looks_at_some_and_says_so(monkeypatch, capsys):
    trained("kinds.csv", "kind")
    capsys.readouterr()
    monkeypatch.setattr(judge, "DIAGNOSED_ROWS", 20)
    assert run("diagnose", "model.gdc", "kinds.csv") in (0, 1)
    assert "20 of the 60 rows were looked at, evenly spaced" in capsys.readouterr().err


# Numbers


def test_numbers():
    assert [figure(x) for x in (0.0, 12.3456, 999.96, 1234.4, 9999.9, 1e6, -2500.0, float("inf"))] == [
        "0", "12.35", "1,000", "1,234", "10,000", "1,000,000", "-2,500", "inf",
    ]  # fmt: skip
    assert [score_text("r2", x) for x in (-1e-6, 0.5, 1.0, 0.99996, float("nan"))] == [
        "0.0000", "0.5000", "1.0000", "0.99996", "nan",
    ]  # fmt: skip
    assert [score_text("r2", x) for x in (0.99992146, 0.9999999, -0.99999, -5.188e11)] == [
        "0.99992", "0.99999", "-1.0000", "-5.188e+11",
    ]  # fmt: skip
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 21, 111)] == ["1st", "2nd", "3rd", "4th", "11th", "21st", "111th"]


# JSON


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["train", "none.csv", "--target", "y", "--json"], 2),
        (["train", ".", "--target", "y", "--json"], 2),
        (["train", "kinds.csv", "--lr", "x", "--json"], 2),
        (["predict", "--json"], 2),
        (["trian", "--json"], 2),
        (["check", "none.py:x", "--json"], 2),
        (
            [
                "train",
                "kinds.csv",
                "--target",
                "kind",
                "--optimizer",
                "sgd",
                "--lr",
                "1e30",
                "--no-preflight",
                "--json",
            ],
            1,
        ),
    ],
)
def test_errors_are_documents_too(arguments, status, capsys):
    assert run(*arguments) == status
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    [line] = printed.err.splitlines()
    assert found["status"] == status
    assert line.endswith(found["error"])


def test_claims_as_a_document(capsys):
    assert run("claims", "2", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    [document] = found["documents"]
    assert document["number"] == 2
    claims = [claim for section in document["sections"] for claim in section["claims"]]
    assert len(claims) == sum(found["verdicts"].values()) > 0
    assert {"name", "said", "measured", "verdict", "values"} == set(claims[0])


def test_the_demo_as_a_document(monkeypatch, capsys):
    monkeypatch.setattr("gdcore.cli.demo.show_speed", lambda: True)
    assert run("demo", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is True
    assert [part["name"] for part in found["parts"]] == ["training", "gradient check", "speed", "scale"]
    assert all(part["text"] for part in found["parts"] if part["name"] != "speed")


def test_the_benchmark_as_a_document(monkeypatch, capsys):
    monkeypatch.setattr(command, "_measure", lambda *_: print("a table") or ({"suites": []}, True))
    assert run("bench", "train", "--quick", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"suites": []}
    assert printed.err == "a table\n"
    with pytest.raises(SystemExit):
        command.main(["--json", "--merge"])


# Shells


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gdcore tr", {"train"}),
        ("gdcore train --rep", {"--report"}),
        ("gdcore train x.csv --activation sel", {"selu"}),
        ("gdcore train x.csv --task r", {"regression"}),
    ],
)
def test_a_shell_completes_by_argcomplete(line, expected):
    pytest.importorskip("argcomplete")
    code = "from gdcore.cli.main import main; import sys; sys.exit(main())"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    path = os.pathsep.join([str(Path(gd.__file__).parent.parent), *sys.path])
    environment = {**os.environ, **asked, "PYTHONPATH": path, "_ARGCOMPLETE_STDOUT_FILENAME": "answers"}
    subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=True)
    assert {one.strip() for one in Path("answers").read_text().split("\n")} == expected

"""The command `gdcore claims`, its prompt, its pictures and the scripts."""

import dataclasses
import doctest
import importlib
import io
import re
import runpy
import sys
from pathlib import Path

import pytest

import gdcore as gd
import gdcore.claims
from gdcore.claims import DOCUMENTS, layout, pictures, prompt, report, scale, vanishing
from gdcore.claims.claim import Picture
from gdcore.cli import main as cli

SCRIPTS = sorted((Path(gd.__file__).parent.parent / "examples" / "claims").glob("*.py"))


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("0.25", "  0.25 -> 0.5497"),
        ("0.1 0.4", "  0.1 -> 0.1942\n  0.4 -> 0.7776"),
        ("1", "  1 -> 0.9914    (it has learned numbers from 0.025 to 0.5)"),
        ("", prompt.WANTED),
        ("half", f"'half' is not a number: {prompt.WANTED}"),
        ("0.1 0,2", f"'0,2' is not a number: {prompt.WANTED}"),
        ("1_0", f"'1_0' is not a number: {prompt.WANTED}"),
        ("nan", f"'nan' is not finite: {prompt.WANTED}"),
        ("1e999", f"'1e999' is not finite: {prompt.WANTED}"),
    ],
)
def test_prompt_answers(line, printed):
    assert prompt.answer(vanishing.trained().model, line) == printed


def test_command_prints_the_documents_asked_for_and_asks(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.25\nx\n"))
    assert cli.main(["claims", "4", "2", "--ask"]) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if line.startswith("Document")] == [
        "Document 2 of 4: The loss (3 + 3A)² and its steps",
        "Document 4 of 4: Is my gradient vanishing?",
    ]
    assert "19 claims and questions: holds 12, does not hold 1, depends 3, answered 3; " in printed
    assert printed.count("\nnumber: ") == 3  # the end of the input is the third
    assert "0.25 -> 0.5497" in printed
    assert "'x' is not a number" in printed


def test_nobody_is_asked_where_the_input_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.25\n"))
    monkeypatch.setattr(report, "DOCUMENTS", [dataclasses.replace(document, sections=()) for document in DOCUMENTS])
    assert cli.main(["claims"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("Document ") == 4
    assert "number: " not in printed


@pytest.mark.parametrize("argument", ["0", "5", "two"])
def test_command_knows_four(argument, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["claims", argument])
    assert end.value.code == 2
    assert f"must be 1, 2, 3 or 4, got '{argument}'" in capsys.readouterr().err


def test_pictures_need_matplotlib_before_anything_is_measured(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["claims", "2", "--plot", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "gdcore[plot]" in err


def test_a_folder_that_cannot_be_made(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "pictures"):
        assert cli.main(["claims", "2", "--plot", str(path)]) == 2
        said = f"gdcore claims: --plot {path} is no folder and none can be made there: {pictures.REMEDY}\n"
        assert capsys.readouterr() == ("", said)


def test_every_picture_is_drawn(sections):
    matplotlib = pytest.importorskip("matplotlib.figure")
    drawn = [picture for those in sections.values() for part in those for picture in part.pictures]
    assert len({picture.name for picture in drawn}) == len(drawn) >= 10
    for picture in drawn:
        ax = matplotlib.Figure().subplots()
        picture.draw(ax)
        assert ax.lines, picture.name
        assert ax.get_xlabel(), picture.name
        assert ax.get_ylabel(), picture.name


def test_curves_hold_their_data():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    ax = figure.subplots()
    series = {"one": [1.0, 0.5], "two": [3.0, 2.0, 1.0]}
    pictures.curves(ax, series, "step", "loss", log=True)
    assert {line.get_label(): line.get_ydata().tolist() for line in ax.lines} == series
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "loss", "log")


def test_curves_that_are_the_same_are_both_seen():
    ax = pytest.importorskip("matplotlib.figure").Figure().subplots()
    pictures.curves(ax, {"one": [1.0] * 40, "two": [1.0] * 40}, "step", "loss")
    marked = [set(range(40)[line.get_markevery()[0] :: line.get_markevery()[1]]) for line in ax.lines]
    assert all(marked)
    assert not marked[0] & marked[1]
    assert len({line.get_marker() for line in ax.lines}) == 2


def test_a_picture_is_written_under_its_name(tmp_path):
    pytest.importorskip("matplotlib")
    seen = []
    assert pictures.write(Picture("mine", seen.append), tmp_path) == tmp_path / "mine.png"
    assert len(seen) == 1


def test_the_docs_show_what_is_printed():
    page = (SCRIPTS[0].parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^      the document says.*\n(?:      .*\n)+", page, re.MULTILINE)
    assert {line.strip() for line in shown.splitlines()} <= {
        line.strip() for line in layout.claims_text(scale.gradients().claims).splitlines()
    }


def test_numbers_that_no_document_has():
    with pytest.raises(ValueError, match=r"^number must be <= 4, got 5$"):
        gdcore.claims.reproduce(5)


def test_a_script_for_every_document():
    assert [path.stem for path in SCRIPTS] == sorted(document.name for document in DOCUMENTS)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_run(path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(gdcore.claims, "reproduce", asked.append)
    runpy.run_path(str(path), run_name="__main__")
    assert [DOCUMENTS[number - 1].name for number in asked] == [path.stem]
    shown = {
        "scale": "gradient -10001",
        "descent": "all 200 steps were made",
        "tables": "held-out accuracy",
        "vanishing": "note: converged",
    }
    assert shown[path.stem] in capsys.readouterr().out


@pytest.mark.parametrize("name", ["claim", "tables.rates", "layout", "report", "prompt"])
def test_examples_run(name):
    failed, attempted = doctest.testmod(importlib.import_module(f"gdcore.claims.{name}"))
    assert attempted > 0
    assert failed == 0

"""The commands of docs/command_line.md run, and print what the page shows.

Numbers of a training may differ in their last digits: processors round otherwise.
"""

import re
import shlex
from pathlib import Path

import pytest

import gdcore as gd
from gdcore.cli import main as cli

PAGE = (Path(gd.__file__).parent.parent / "docs" / "command_line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]\d+)?")


TOLERANCE = 0.01


def words(text):
    return NUMBER.sub("#", text).split()


def numbers(text):
    return [float(found.rstrip(".,").replace(",", "")) for found in NUMBER.findall(text)]


def test_the_commands_of_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    printed, commands, names = "", [], {}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, "command_line.md", "exec"), names)
            capsys.readouterr()
        elif language == "text":
            assert words(printed)[: len(words(text))] == words(text)
            shown = numbers(text)
            assert numbers(printed)[: len(shown)] == pytest.approx(shown, rel=TOLERANCE)
            for line in text.splitlines():
                assert "loss" in line or text.startswith("price") or line in printed.splitlines()
        for line in text.splitlines() if language == "sh" else ():
            program, *arguments = shlex.split(line)
            assert program == "gdcore"
            commands.append(arguments[0])
            assert cli.main(arguments) in ((0, 1) if arguments[0] == "diagnose" else (0,))
            printed = capsys.readouterr().out
    assert commands == ["train", "predict", "evaluate", "info", "check", "diagnose", "export"]
    assert gd.load("model.gdc").facts["scores"]["r2"] > 0.9


def test_the_page_names_every_verb_on_tables():
    for verb in ("train", "predict", "evaluate", "info", "check", "diagnose", "export"):
        assert f"gdcore {verb} " in PAGE

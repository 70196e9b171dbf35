"""The commands and calls of docs/report.md run, in their order, and write the pages that it names."""

import re
import shlex
from pathlib import Path

import pytest

import gdcore as gd
from gdcore.cli import main as cli
from gdcore.report import about, quality, verdicts

PAGE = (Path(gd.__file__).parent.parent / "docs" / "report.md").read_text(encoding="utf-8")


def test_the_commands_of_the_page(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    commands, names = [], {}
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        if language == "python":
            exec(compile(text, "report.md", "exec"), names)
        for line in text.splitlines() if language == "sh" else ():
            _, *arguments = shlex.split(line)
            commands.append(arguments[0])
            assert cli.main(arguments) == 0
            assert Path(arguments[-1]).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert commands == ["train", "evaluate"]


def test_the_numbers_of_rows_are_those_of_the_code():
    rows = re.findall(r"\| up to ([\d,]*\d)\b", PAGE)
    preflight = 2000
    numbers = [quality.MOST_ROWS, quality.PERMUTED, preflight, verdicts.CHECKED_ROWS, verdicts.DIAGNOSED]
    assert rows == [f"{n:,}" for n in numbers]
    assert about.MOST_COLUMNS >= 100

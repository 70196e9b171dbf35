"""The examples in the docstrings of the room and of what prints it."""

import doctest
import importlib
import pkgutil

import pytest

import gdcore.tables
from gdcore.cli import output
from gdcore.diagnosis import compare, preflight

NAMES = [f"gdcore.tables.{found.name}" for found in pkgutil.iter_modules(gdcore.tables.__path__)]
NAMES += [output.__name__, preflight.__module__, compare.__module__]
WITHOUT = {"delimited", "saving"}


@pytest.mark.parametrize("name", NAMES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    found = doctest.testmod(importlib.import_module(name))
    assert (found.attempted > 0) == (name.rpartition(".")[2] not in WITHOUT)
    assert found.failed == 0

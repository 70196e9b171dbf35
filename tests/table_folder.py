"""A folder with tables for the command line, and calls of it."""

from pathlib import Path

import numpy as np
from messy_table import messy

from gdcore.cli import main as cli

QUICK = ["--lr", "0.01", "--epochs", "15", "--no-preflight"]


def enter(tmp_path, monkeypatch):
    """Go into a folder with a messy table, new rows and a small one of classes, in a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("houses.csv").write_bytes(messy(skip_level="Köln"))
    new = messy(20, seed=1)
    Path("new.csv").write_bytes(new)
    rng = np.random.default_rng(0)
    rows = [f"{x:.3f},{'yes' if x > 0 else 'no'}" for x in rng.normal(size=60)]
    Path("kinds.csv").write_text("x,kind\n" + "\n".join(rows) + "\n")


def run(*arguments):
    try:
        return cli.main([str(one) for one in arguments])
    except SystemExit as end:
        return end.code


def trained(data="houses.csv", target="price", *more):
    assert run("train", data, "--target", target, "--impute", "--json", *QUICK, *more) == 0

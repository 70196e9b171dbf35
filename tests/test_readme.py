"""What the README says is so: its code runs, its tables are the registries, its commands exist."""

import re
import tomllib

import pytest
from readme_tables import README, TABLES, block, fill

import gdcore as gd

TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_there_is_code():
    assert BLOCKS


def run(source, capsys):
    """The names that a block leaves, and what it prints."""
    names: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), names)
    return names, capsys.readouterr().out


def test_the_example_runs(capsys):
    names, printed = run(BLOCKS[0], capsys)
    assert "gradient check: pass" in printed
    assert float(re.findall(r"held-out accuracy: ([\d.]+)", printed)[0]) > 0.97
    assert names["history"].epochs == 20


def test_the_scaled_example_runs(capsys):
    names, printed = run(BLOCKS[1], capsys)
    assert float(re.findall(r"R\^2: ([\d.]+)", printed)[0]) > 0.85
    assert names["net"].predict(names["X"]).mean() == pytest.approx(names["price"].mean(), rel=0.02)
    assert len(BLOCKS) == 2


def test_example_is_short():
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) <= 15


@pytest.mark.parametrize("made", TABLES, ids=lambda made: made.__name__)
def test_tables_are_the_registries(made):
    [found] = block(made.__name__).findall(TEXT)
    assert found == made(), "run python tests/readme_tables.py"


def test_filling_changes_nothing():
    assert fill(TEXT) == TEXT


def test_each_registry_has_its_rows():
    registries = {"activations": gd.ACTIVATIONS, "losses": gd.LOSSES, "optimizers": gd.OPTIMIZERS,
                  "schedules": gd.SCHEDULES, "metrics": gd.METRICS, "initializers": gd.INITIALIZERS,
                  "averages": gd.AVERAGES}  # fmt: skip
    for made in TABLES:
        assert len(made().splitlines()) == 2 + len(registries[made.__name__])


def test_benchmark_says_where_it_was_measured():
    [found] = block("benchmark").findall(TEXT)
    assert re.search(r"one core of an? .+, .*NumPy \d", found)
    assert len(re.findall(r"^\|.*us.*\|$", found, re.MULTILINE)) >= 3


def test_commands_exist():
    project = tomllib.loads((README.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "pip install . && gdcore demo" in TEXT
    assert project["scripts"]["gdcore"] == "gdcore.cli.main:main"
    assert 'pip install -e ".[test]" && pytest' in TEXT
    assert any(line.startswith("pytest") for line in project["optional-dependencies"]["test"])

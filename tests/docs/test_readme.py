"""What the README and docs/reference.md say is so: code, output, tables and commands."""

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

import gdcore as gd
from gdcore.layers.layer import Layer

ROOT = Path(gd.__file__).parent.parent
README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", TEXT, re.DOTALL | re.MULTILINE)
MAX_LINES = 130
NUMBER = re.compile(r"[-+]?\d[\d.]*(?:e[-+]\d+)?")


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = imported(ROOT / "docs" / "make_tables.py")
PAGE = tables.PAGE.read_text(encoding="utf-8")


def words(text):
    """The text without what may differ from one processor to another: numbers, and the spaces that align them."""
    return NUMBER.sub("#", text).split()


def test_numbers_are_left_out_and_words_are_not():
    assert words("loss 1.5e-3 at 12:  pass") == words("loss 7 at 3: pass")
    assert words("loss 1.5e-3: pass") != words("loss 1.5e-3: fail")


def test_the_code_prints_what_is_shown(capsys):
    names: dict[str, object] = {"__name__": "readme"}
    shown = []
    for source, output in BLOCKS:
        exec(compile(source, "README.md", "exec"), names)
        printed = capsys.readouterr().out
        assert words(printed) == words(output)
        shown.append(printed)
    assert float(re.findall(r"accuracy on the test images: ([\d.]+)", shown[0])[0]) > 0.96
    assert "gradient check: fail (3 entries, 1 beyond" in shown[1]
    assert "diverging" in shown[2]
    one, four = names["params"]
    assert one.shape == four.shape == (10 * 512 + 512 + 512 + 1,)


def test_the_first_example_is_short():
    assert len([line for line in BLOCKS[0][0].splitlines() if line.strip()]) <= 12


def test_the_readme_is_short():
    assert len(TEXT.splitlines()) <= MAX_LINES


def test_what_is_linked_is_there():
    for page in (README, *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^):#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_the_index_lists_every_page_once():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    links = re.findall(r"^- \[.+\]\((\w+\.md)\)", index, re.MULTILINE)
    assert sorted(links) == sorted(page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md")


def test_contributing_names_files_that_are_there():
    kernels = {path.name for path in (ROOT / "src").rglob("*.*")}
    tests = {path.name for path in (ROOT / "tests").rglob("*.py")}
    named = re.findall(r"`([\w./-]+\.(?:py|pyx|pxi|h|md))`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(named) > 20
    for name in named:
        folder = ROOT / "gdcore" / "losses" if name == "classification.py" else ROOT
        assert (folder / name).exists() or name in kernels | tests, f"CONTRIBUTING.md names {name}"


@pytest.mark.parametrize("made", tables.TABLES, ids=lambda made: made.__name__)
def test_tables_are_the_registries(made):
    [found] = tables.block(made.__name__).findall(PAGE)
    assert found == made(), "run python docs/make_tables.py"


def test_filling_changes_nothing():
    assert tables.fill(PAGE) == PAGE


def test_each_registry_has_its_rows():
    registries = {
        "layers": get_args(Layer),
        "activations": gd.ACTIVATIONS,
        "losses": gd.LOSSES,
        "optimizers": gd.OPTIMIZERS,
        "schedules": gd.SCHEDULES,
        "metrics": gd.METRICS,
        "initializers": gd.INITIALIZERS,
        "averages": gd.AVERAGES,
    }
    for made in tables.TABLES:
        assert len(made().splitlines()) == 2 + len(registries[made.__name__])


def test_benchmark_says_where_it_was_measured():
    [found] = tables.block("benchmark").findall(TEXT)
    assert re.search(r"one core of an? .+, .*NumPy \d", found)
    assert len(re.findall(r"^\|.*us.*\|$", found, re.MULTILINE)) >= 3


def test_commands_exist():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "\n    pip install . && gdcore demo\n" in TEXT
    assert project["scripts"]["gdcore"] == "gdcore.cli.main:main"
    assert '\n    pip install -e ".[test]" && pytest\n' in TEXT
    assert any(line.startswith("pytest") for line in project["optional-dependencies"]["test"])


def test_the_docs_train_on_prices_in_their_own_units(capsys):
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "training"}
    exec(compile(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0], "training.md", "exec"), names)
    assert float(re.findall(r"R\^2: ([\d.]+)", capsys.readouterr().out)[0]) > 0.85
    assert names["net"].predict(names["X"]).mean() == pytest.approx(names["price"].mean(), rel=0.02)

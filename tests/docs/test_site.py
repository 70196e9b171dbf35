"""The site: every public name is documented and has its page, and the gallery draws what it says.

Sphinx itself builds the site in `.ci/run`, where a warning is an error. What is tested here needs no Sphinx.
"""

import ast
import importlib.util
import re
import textwrap
from pathlib import Path

import pytest

import gdcore as gd

DOCS = Path(gd.__file__).parent.parent / "docs"
GALLERY = sorted((DOCS / "gallery").glob("plot_*.py"))
FEWEST_EXAMPLES = 10


def site_module(name):
    """Import a module of docs/site/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_site_{name}", DOCS / "site" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS / "site"))  # its modules import one another
        spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def public():
    return site_module("public")


@pytest.fixture(scope="module")
def documented(public):
    pytest.importorskip("sklearn")  # the room of its estimators is among them
    return public.documented()


def test_every_public_name_has_a_docstring(documented):
    assert len(documented) > 400
    assert not [name for name, text in documented.items() if not text.strip()]


def test_every_public_name_is_in_a_group_or_room(public):
    rooms = public.rooms()
    assert {"data", "datasets", "interop", "metrics", "plot", "schedules", "sklearn", "tables"} <= set(rooms)
    names = [name for group in public.groups().values() for name in group]
    assert sorted(names + [room for room in rooms if room in gd.__all__]) == sorted(gd.__all__)


def test_what_is_no_docstring_is_seen(public):
    class Bare:
        pass

    assert public.doc_of(Bare) == public.doc_of(3) == public.doc_of(lambda: None) == ""
    assert public.doc_of(gd.LOSSES).startswith("Every loss")
    assert "fit" in public.methods(gd.Trainer)
    assert "count" not in public.methods(type(gd.LOSSES))  # of tuple


# The gallery


def test_the_gallery_has_enough_examples_with_titles():
    assert len(GALLERY) >= FEWEST_EXAMPLES
    for path in GALLERY:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        title, line = text.splitlines()[:2]
        assert line == "=" * len(title), path.name
        assert len(text.splitlines()) > 3, f"{path.name} says nothing of its picture"


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_an_example_draws_axes_with_titles_and_labels(path, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    monkeypatch.chdir(tmp_path)
    pyplot.close("all")
    try:
        exec(compile(path.read_text(encoding="utf-8"), path.name, "exec"), {"__name__": "__main__"})
        figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
        assert figures
        for figure in figures:
            bars = {ax for ax in figure.axes if ax.get_label() == "<colorbar>"}
            assert len(bars) < len(figure.axes)
            for ax in figure.axes:
                if ax in bars:
                    assert ax.get_ylabel()
                    continue
                assert ax.get_title()
                outer = ax.get_subplotspec()
                assert ax.get_xlabel() or not (outer is None or outer.is_last_row())
                assert ax.get_ylabel() or not (outer is None or outer.is_first_col())
    finally:
        pyplot.close("all")
    assert not list(tmp_path.iterdir())


# Links, on a page that Sphinx reads


def test_links_are_turned_to_pages_downloads_or_text():
    pytest.importorskip("sphinx")
    sources = site_module("sources")
    text = "[a](../docs/many.md#folds) [b](results/train.png) [c](../examples) ![d](results/train.png) [e](#here)"
    assert sources.turned(text, "benchmarks/README.md", "site/benchmarks") == (
        "[a](../many.md#folds) {download}`b <../../benchmarks/results/train.png>` c "
        "![d](../../benchmarks/results/train.png) [e](#here)"
    )
    text = "[a](../benchmarks/README.md#x) [b](many.md)\n```python\nx[0](y)\n```\n"
    assert sources.turned(text, "docs/training.md", "training") == (
        "[a](site/benchmarks.md#x) [b](many.md)\n```python\nx[0](y)\n```\n"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Adam", "gdcore.Adam"),
        ("gd.Adam(1e-3)", "gdcore.Adam"),
        ("gdcore.schedules.Cosine", "gdcore.schedules.Cosine"),
        ("Cosine", "gdcore.schedules.Cosine"),
        ("Trainer.fit", "gdcore.Trainer.fit"),
        ("fit_many", "gdcore.fit_many"),
        ("gd.data", "gdcore.data"),
        ("data", None),
        ("class_weight", None),
        ("gd.nothing", None),
        ("a + b", None),
    ],
)
def test_code_is_a_link_where_it_names_something(written, meant):
    pytest.importorskip("sklearn")
    nodes = pytest.importorskip("docutils.nodes")
    crosslinks = site_module("crosslinks")
    assert crosslinks.own_target(written, nodes.literal(written, written), crosslinks.known()) == meant


def test_formulas_are_no_markup():
    pytest.importorskip("sphinx")
    prose = site_module("prose")
    assert prose.escaped("|z - y| of `|a|` and val_ or 2 * x") == r"\|z - y\| of `|a|` and val\_ or 2 * x"
    lines = ["a |b|", "", ">>> a | b", "c | d", "", "e::", "", "    |f|", "", "|g|"]
    prose.escape_docstring(None, "", "", None, None, lines)
    assert lines == [r"a \|b\|", "", ">>> a | b", "c | d", "", "e::", "", "    |f|", "", r"\|g\|"]


def test_a_table_in_the_docstring_of_a_module_is_a_literal_block():
    pytest.importorskip("sphinx")
    prose = site_module("prose")
    lines = ["Some |words|:", "    a   *b*", "", "    c", "and more", "::", "", "    d"]
    prose.escape_docstring(None, "module", "", None, None, lines)
    expected = [r"Some \|words\|:", "", "::", "", "    a   *b*", "", "    c", "", "and more", "::", "", "    d"]
    assert lines == expected


def test_every_page_has_one_place_in_the_menu():
    menu = re.findall(r"^   (?:.*<)?([\w/]+)>?$", (DOCS / "index.rst").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(menu) == len(set(menu))
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in (*DOCS.glob("*.md"), *DOCS.glob("site/*.md"))
    }
    assert set(menu) - pages == {"api/index", "auto_gallery/index"}


def test_the_first_page_shows_code_that_runs(capsys):
    text = (DOCS / "index.rst").read_text(encoding="utf-8")
    [code] = re.findall(r"code-block:: python\n\n((?:      .*\n|\n)+)", text)
    exec(compile(textwrap.dedent(code), "index.rst", "exec"), {})
    *_, accuracy = capsys.readouterr().out.split()
    assert float(accuracy) > 0.95

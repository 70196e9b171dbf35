"""The code in docs/ runs, in its order."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import gdcore as gd

NEEDED = {"pictures.md": "matplotlib", "report.md": "matplotlib", "sklearn.md": "sklearn"}
LIBRARIES = {
    "from_pytorch.md": ("torch",),
    "gradients.md": ("jax", "torch"),
    "interop.md": ("torch", "sklearn", "onnxruntime"),
    "large_data.md": ("pyarrow",),
    "training.md": ("scipy",),
}
"""Pages with blocks that need a library each; those run after the first block of their page."""
WITHOUT_CODE = {"index.md"}
MAX_BYTES = 60_000

DOCS = Path(gd.__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def code(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name in NEEDED:
        needed = pytest.importorskip(NEEDED[page.name])
        if NEEDED[page.name] == "matplotlib":
            needed.use("Agg")
            from matplotlib import pyplot

            request.addfinalizer(lambda: pyplot.close("all"))
    names: dict[str, object] = {"__name__": page.stem}
    blocks = code(page)
    assert bool(blocks) != (page.name in WITHOUT_CODE)
    for source in blocks:
        if not any(library in source for library in LIBRARIES.get(page.name, ())):
            exec(compile(source, page.name, "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()


@pytest.mark.parametrize(("page", "library"), [(page, each) for page in LIBRARIES for each in LIBRARIES[page]])
def test_code_of_a_library_runs_after_the_first_block_of_its_page(page, library, tmp_path, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    first, *blocks = code(DOCS / page)
    names: dict[str, object] = {}
    exec(compile(first, page, "exec"), names)
    missing = [each for each in LIBRARIES[page] if find_spec(each) is None]
    blocks = [source for source in blocks if library in source]
    assert blocks
    blocks = [source for source in blocks if not any(each in source for each in missing)]
    for source in blocks:
        exec(compile(source, page, "exec"), names)


def test_the_pictures_command_tells_what_it_does_and_does_nothing():
    pytest.importorskip("matplotlib")
    files = {path: path.stat().st_mtime_ns for path in (DOCS / "images").iterdir()}
    command = [sys.executable, str(DOCS / "make_pictures.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "overwrites docs/images/" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in (DOCS / "images").iterdir()} == files


def test_every_picture_is_shown_and_small():
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    shown = [name for text in texts for name in re.findall(r"!\[[^]]+\]\(images/(.+?)\)", text)]
    files = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert sorted(shown) == sorted(files)
    assert max(files.values()) <= MAX_BYTES

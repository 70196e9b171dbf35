"""The code in docs/ runs, in its order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import gdcore as gd

NEEDED = {"pictures.md": "matplotlib"}
MOST_BYTES = 60_000

DOCS = Path(gd.__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page, request):
    if page.name in NEEDED:
        pytest.importorskip(NEEDED[page.name]).use("Agg")
        from matplotlib import pyplot

        request.addfinalizer(lambda: pyplot.close("all"))
    names: dict[str, object] = {"__name__": page.stem}
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for source in blocks:
        exec(compile(source, page.name, "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()


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
    assert max(files.values()) <= MOST_BYTES

"""The code in docs/ runs, in its order."""

import re
from pathlib import Path

import pytest

import gdcore as gd

DOCS = Path(gd.__file__).parent.parent / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page):
    names: dict[str, object] = {"__name__": page.stem}
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    for source in blocks:
        exec(compile(source, page.name, "exec"), names)
    for name, value in names.items():
        if name.startswith("test_"):
            value()

"""Run the pages of an extra as its user does: `python run_pages.py EXTRA DOCS`, where wheel and extra are installed.

Blocks that import a library of another extra are left out.
"""

import ast
import os
import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

PAGES = {
    "sklearn": ("sklearn", ("sklearn.md", "interop.md")),
    "onnx": ("onnxruntime", ("interop.md",)),
    "torch": ("torch", ("interop.md", "gradients.md")),
    "plot": ("matplotlib", ("pictures.md",)),
}
"""Extra -> the library that it stands for, and the pages that need it."""


def imported(source: str) -> set[str]:
    """The top-level names of what a block imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def run(page: Path, library: str) -> None:
    """Run the blocks of a page, of which some use the library: they import it, or the page is about it."""
    names: dict[str, object] = {"__name__": page.stem}
    ran = with_it = 0
    for source in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        wanted = imported(source)
        if all(find_spec(name) for name in wanted):
            exec(compile(source, page.name, "exec"), names)
            ran, with_it = ran + 1, with_it + (library in wanted)
    assert with_it or library == "matplotlib", f"no block of {page.name} imports {library}"
    print(f"{page.name}: {ran} blocks ran, {with_it} of them import {library}")


def main(extra: str, docs: Path) -> None:
    """Run the pages of an extra outside the repository."""
    library, pages = PAGES[extra]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for page in pages:
            run(docs / page, library)
        os.chdir(docs)


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    main(sys.argv[1], Path(sys.argv[2]).resolve())

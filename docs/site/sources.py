"""Lets Sphinx read what a forge reads: pages of the repository outside docs/, and links to any file of it.

Design
------
- benchmarks/README.md, CHANGELOG.md and CONTRIBUTING.md stand where their readers look for them. Pages in docs/site/
  of one line each stand for them, and their text is put in when they are read.
- A link to a file is relative to the page's own place in the repository. One to a page becomes a link to that page,
  one to another file a download, and one to a folder its text alone.
"""

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "site/benchmarks": "benchmarks/README.md",
    "site/changelog": "CHANGELOG.md",
    "site/contributing": "CONTRIBUTING.md",
}
"""The page of the site -> the file of the repository that is its text."""

INDEX, OTHERS = "index", ".. every other page\n"
"""The first page, and the mark in it for the pages that it does not name."""

LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^():#\s]*)(#[^()\s]*)?\)")
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^():#\s]+)\)")


def read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put in the text from elsewhere, and turn its links."""
    path = f"docs/{docname}.md"
    if docname == INDEX:
        named = set(re.findall(r"^   (?:.*<)?(\w+)>?$", source[0], re.MULTILINE))
        others = sorted(page for page in app.env.found_docs if "/" not in page and page not in named | {INDEX})
        source[0] = source[0].replace(f"   {OTHERS}", "".join(f"   {page}\n" for page in others))
    if docname in ELSEWHERE:
        path = ELSEWHERE[docname]
        app.env.note_dependency(str(ROOT / path))
        source[0] = (ROOT / path).read_text(encoding="utf-8")
    if (ROOT / path).suffix == ".md" and (ROOT / path).exists():
        source[0] = turned(source[0], path, docname)


def turned(text: str, path: str, docname: str) -> str:
    """Return the text of a file of the repository with links that hold from a page of the site."""
    here = dirname(f"docs/{docname}")
    pages = {file: name for name, file in ELSEWHERE.items()}

    def place(target: str) -> str:
        return normpath(f"{dirname(path)}/{target}").lstrip("/")

    def image(found: re.Match[str]) -> str:
        return f"![{found[1]}]({relpath(place(found[2]), here)})"

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if not target:
            return found[0]
        file = place(target)
        if file in pages:
            return f"[{words}]({relpath(f'docs/{pages[file]}.md', here)}{anchor})"
        if file == "docs/index.md":
            return words
        if file.startswith("docs/") and file.endswith(".md"):
            return f"[{words}]({relpath(file, here)}{anchor})"
        if (ROOT / file).is_file():
            return f"{{download}}`{words.replace('`', '')} <{relpath(file, here)}>`"
        return words

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else LINK.sub(link, IMAGE.sub(image, part)) for part in parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Install the reading."""
    app.connect("source-read", read)
    return {"parallel_read_safe": True}

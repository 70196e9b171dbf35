"""Check the links of a built site, `python check_links.py DIRECTORY`: each leads to a page, and to a place on it.

Links to other hosts are counted and not followed. What a page loads must be part of the site, which is read without a
network too.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FEWEST_PAGES = 150
"""A site of fewer pages lacks its reference."""
MOST_LINES = 50
"""That are printed: a page missing from the menu is missing on every page."""
NOT_LINKED = {"search.html", "genindex.html", "py-modindex.html"}
"""Pages that Sphinx makes, whose links it makes too."""


class Page(HTMLParser):
    """The places of a page, what it links to and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places, self.links, self.loads = {""}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element's id, link or source."""
        found = {name: value for name, value in attributes if value}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("img", "script", "iframe") and "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and "stylesheet" in found.get("rel", ""):
            self.loads.append(found["href"])


def main(directory: Path) -> int:
    """Print what is broken, and return the exit status."""
    pages = {path.resolve(): Page(path) for path in directory.rglob("*.html")}
    broken, within, outside = [], 0, 0
    for path, page in pages.items():
        where = path.relative_to(directory.resolve())
        for target in (*page.links, *page.loads):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                outside += 1
                if target in page.loads and parts.scheme != "data":
                    broken.append(f"{where} loads {target} from another host")
                continue
            within += 1
            aim = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not aim.is_file():
                broken.append(f"{where} links {target}, which is not there")
            elif aim in pages and aim.name not in NOT_LINKED and unquote(parts.fragment) not in pages[aim].places:
                broken.append(f"{where} links {target}: {aim.name} has no such place")
    print(f"{len(pages)} pages, {within} links within, {outside} to other hosts, {len(broken)} broken")
    print("\n".join(broken[:MOST_LINES]))
    if len(pages) < FEWEST_PAGES:
        print(f"a site of {len(pages)} pages lacks its reference")
    return int(bool(broken) or len(pages) < FEWEST_PAGES)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

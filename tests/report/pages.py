"""A page of HTML as its elements, and what every report must keep to."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "path", "use"}


class Page(HTMLParser):
    """Names, attributes and texts of a page's elements; a tag that is not closed fails."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        if name not in VOID:
            assert self.open.pop() == name

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, name):
        return [attributes for found, attributes in self.elements if found == name]

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


def sound(text):
    """Return a page after checking its form: ids, links, headers, pictures, nothing from elsewhere."""
    found = Page(text)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found.elements:
        assert not set(attributes) & {"src", "srcset", "onload", "onclick"}
        for link in (attributes.get("href"), attributes.get("xlink:href")):
            assert link is None or (link.startswith("#") and link[1:] in ids)
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids
        assert "url(#" not in (attributes.get("clip-path") or "") or attributes["clip-path"][5:-1] in ids
    names = {name for name, _ in found.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "image"}
    assert all(one.get("scope") in ("col", "row") for one in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table"))
    assert len(found.all("h1")) == 1
    assert all(one.get("role") == "img" and one.get("aria-labelledby") for one in found.all("svg"))
    assert len(found.all("desc")) == len(found.all("svg"))
    assert found.all("html") == [{"lang": "en"}]
    return found

"""HTML that is safe by how it is made: every text is escaped unless a function of this file has made it.

Design
------
`Html` marks what may stand in the page as it is. A column called `<script>` is a str, so it is escaped wherever it
goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import final

VOID = ("meta", "br", "hr")


@final
@dataclass(frozen=True)
class Html:
    """Markup that stands in the page as it is.

    Parameters
    ----------
    text : str
    """

    text: str


Child = Html | str | None
"""What stands within an element; None is left out."""


def element(name: str, *children: Child, **attributes: str | int | None) -> Html:
    """Return an element; `class_` is the attribute class, `aria_label` aria-label, and None leaves one out.

    Examples
    --------
    >>> element("p", "1 < 2", element("b", "yes"), class_="note").text
    '<p class="note">1 &lt; 2<b>yes</b></p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{joined(children).text}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Return several pieces one after the other."""
    return Html("".join(one.text if isinstance(one, Html) else escape(one) for one in children if one is not None))


def table(
    caption: str, header: Sequence[Child], rows: Iterable[Sequence[Child]], numbers: Sequence[int] = (), kind: str = ""
) -> Html:
    """Return a table whose first cells are the headers of their rows; it scrolls by itself where it is too wide.

    Parameters
    ----------
    caption : str
    header : sequence of str or Html
    rows : iterable of sequences of str or Html
        Each as long as the header.
    numbers : sequence of int, default ()
        Columns that stand right.
    kind : str, default ""
        The class of the table.
    """
    right = {column: "number" for column in numbers}
    head = element("tr", *(element("th", one, scope="col", class_=right.get(i)) for i, one in enumerate(header)))
    body = []
    for first, *rest in rows:
        cells = [element("td", one, class_=right.get(i + 1)) for i, one in enumerate(rest)]
        body.append(element("tr", element("th", first, scope="row"), *cells))
    made = element(
        "table", element("caption", caption), element("thead", head), element("tbody", *body), class_=kind or None
    )
    return element("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def facts(rows: Iterable[tuple[str, Child]]) -> Html:
    """Return names and what is to be said of each."""
    pairs = [element("div", element("dt", name), element("dd", what)) for name, what in rows]
    return element("dl", *pairs)


def note(text: Child) -> Html:
    """Return a paragraph that qualifies what stands around it."""
    return element("p", text, class_="note")


def mark(ok: bool | None, text: str) -> Html:
    """Return a word with a sign and a colour: good, bad, or neither."""
    sign, kind = {True: ("✓ ", "good"), False: ("✗ ", "bad"), None: ("• ", "plain")}[ok]
    return element("span", element("span", sign, aria_hidden="true"), text, class_=f"mark {kind}")

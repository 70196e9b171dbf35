"""The report: documents, sections, verdicts, as they are measured; the pictures; the prompt."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import Any

from ..base import checks
from ..base.terminal import is_terminal
from . import descent, scale, tables, vanishing
from .claim import VERDICTS, Document, Section
from .layout import WIDTH, claims_text, table_text
from .pictures import folder, write
from .prompt import ask_numbers

DOCUMENTS = scale.DOCUMENT, descent.DOCUMENT, tables.DOCUMENT, vanishing.DOCUMENT
"""In the order in which `gdcore claims` numbers them, from 1."""


def reproduce(*numbers: int, plot: str | Path | None = None, ask: bool | None = None) -> None:
    """Measure and print the claims of some documents.

    Parameters
    ----------
    *numbers : int
        1 to 4; by default all.
    plot : str or Path, optional
        A folder for the pictures, made where it is missing.
    ask : bool, optional
        Whether the fourth document's network takes numbers from the standard input at the end; by default where that
        is a terminal.

    Raises
    ------
    TypeError, ValueError
        For numbers that no document has.
    ImportError
        For `plot`, where matplotlib is not installed, before anything is measured.

    Examples
    --------
    >>> reproduce(2, ask=False)  # doctest: +ELLIPSIS
    <BLANKLINE>
    Document 2 of 4: The loss (3 + 3A)² and its steps
    ...
    """
    began = time.perf_counter()
    directory = None if plot is None else folder(Path(plot))
    chosen = _chosen(numbers)
    verdicts: Counter[str] = Counter()
    for number in chosen:
        document = DOCUMENTS[number - 1]
        _print_title(number, document)
        for section in document.sections:
            verdicts += _print_section(section(), directory)
    counts = ", ".join(f"{verdict} {verdicts[verdict]}" for verdict in VERDICTS if verdicts[verdict])
    print(f"\n{verdicts.total()} claims and questions: {counts}; {time.perf_counter() - began:.1f} s")
    if len(DOCUMENTS) in chosen and (is_terminal(sys.stdin) if ask is None else ask):
        ask_numbers(vanishing.trained().model)


def measured(*numbers: int, plot: str | Path | None = None) -> dict[str, Any]:
    """Measure the claims of some documents and return them, ready for JSON.

    Parameters
    ----------
    *numbers, plot
        As in `reproduce`.

    Returns
    -------
    dict
        The documents with their sections; each has its claims, tables and the files of its pictures.

    Examples
    --------
    >>> measured(2)["documents"][0]["number"]
    2
    """
    began = time.perf_counter()
    directory = None if plot is None else folder(Path(plot))
    documents = []
    verdicts: Counter[str] = Counter()
    for number in _chosen(numbers):
        document = DOCUMENTS[number - 1]
        sections = []
        for make in document.sections:
            found = make()
            verdicts.update(claim.verdict for claim in found.claims)
            pictures = [] if directory is None else [str(write(one, directory)) for one in found.pictures]
            sections.append(
                {
                    "title": found.title,
                    "claims": [asdict(claim) for claim in found.claims],
                    "tables": [asdict(table) for table in found.tables],
                    "pictures": pictures,
                }
            )
        documents.append({"number": number, "title": document.title, "summary": document.summary, "sections": sections})
    return {"documents": documents, "verdicts": dict(verdicts), "seconds": time.perf_counter() - began}


def _chosen(numbers: tuple[int, ...]) -> list[int]:
    """Return the numbers of the documents that are asked for: all of them where none is."""
    known = range(1, len(DOCUMENTS) + 1)
    return sorted({checks.integer("number", number, 1, len(DOCUMENTS)) for number in numbers}) or list(known)


def _print_title(number: int, document: Document) -> None:
    title = f"Document {number} of {len(DOCUMENTS)}: {document.title}"
    print(f"\n{title}\n{'=' * len(title)}\n\n{fill(document.summary, WIDTH)}", flush=True)


def _print_section(section: Section, directory: Path | None) -> Counter[str]:
    """Print a section and return how often it has each verdict."""
    print(f"\n{section.title}\n")
    for table in section.tables:
        print(table_text(table), end="\n\n")
    print(claims_text(section.claims), flush=True)
    if directory is not None:
        for picture in section.pictures:
            print(f"\n  {write(picture, directory)}")
    return Counter(claim.verdict for claim in section.claims)

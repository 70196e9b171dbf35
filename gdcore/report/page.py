"""The page: its sections in order, as one file that needs no network and no script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._version import __version__
from ..diagnosis import Diagnosis
from ..gradcheck import GradientReport
from ..io.atomic import write_file
from ..tables.numbers import score_text
from ..tables.scores import scores
from .about import data_section, model_section, training_section
from .answers import answers_of
from .html import Html, element, joined
from .picture import need
from .quality import answers_section, hardest_section, importance_section, label, ranked_inputs
from .style import CSS
from .subject import Subject
from .verdicts import (
    cards,
    checked,
    diagnosed,
    diagnosis_section,
    gradient_section,
    preflight_section,
    settings_section,
)

GENERATOR = "gdcore"
MARK = f'<meta name="generator" content="{GENERATOR}'
"""By this a report is told from other pages, which are not replaced."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""A browser that reads the page loads nothing and runs nothing, whatever stands in it."""


class Section(NamedTuple):
    """A part of the page, with the name that links lead to."""

    name: str
    title: str
    content: Html | None


def writable(path: str | os.PathLike[str]) -> str:
    """Return the path of a page, after making sure that it can be written and no other page is lost.

    Raises
    ------
    ValueError
        For a folder, a folder that is not there, and a file that is no report.
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{target} is a folder: add a file's name, such as {target / 'report.html'}")
    if not target.resolve().parent.is_dir():
        raise ValueError(f"there is no folder {target.resolve().parent} for {target.name}: create it first")
    if not os.access(target.resolve().parent, os.W_OK):
        raise ValueError(f"the folder {target.resolve().parent} cannot be written to: pass a file elsewhere")
    if target.is_file() and target.stat().st_size and MARK.encode() not in target.read_bytes()[:4096]:
        raise ValueError(f"{target} exists and is no report of gdcore: pass another name, or delete it first")
    return os.fspath(path)


def write_page(subject: Subject, path: str | os.PathLike[str]) -> str:
    """Write the report on a subject and return the file's name.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        For a file that cannot be written, or that is no report.
    """
    need("a report")
    name = writable(path)
    with np.errstate(over="ignore", invalid="ignore"):  # a model that has diverged has a page too
        text = page(subject)
    write_file(name, [text.encode()])
    return name


def page(subject: Subject) -> str:
    """Return the page on a subject."""
    gradient, diagnosis = checked(subject), diagnosed(subject)
    sections = [one for one in _sections(subject, gradient, diagnosis) if one.content is not None]
    links = element("ul", *(element("li", element("a", one.title, href=f"#{one.name}")) for one in sections))
    head = joined(
        [
            element("meta", charset="utf-8"),
            element("meta", name_="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name_="generator", content=f"{GENERATOR} {__version__}"),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
            element("title", subject.title),
            element("style", Html(CSS)),
        ]
    )
    body = joined(
        [
            element(
                "header",
                element("h1", subject.title),
                cards(subject, gradient, diagnosis, _first(subject)),
                element("nav", links, aria_label="Sections"),
            ),
            element("main", *(_section(one) for one in sections)),
            element(
                "footer", element("p", f"Written by gdcore {__version__}. The page needs no network and no script.")
            ),
        ]
    )
    made = element("html", element("head", head), element("body", body), lang="en")
    return f"<!DOCTYPE html>\n{made.text}\n"


def _section(one: Section) -> Html:
    return element(
        "section",
        element("h2", one.title, id=f"{one.name}-head"),
        one.content,
        id=one.name,
        aria_labelledby=f"{one.name}-head",
    )


def _sections(subject: Subject, gradient: GradientReport | None, diagnosis: Diagnosis | None) -> list[Section]:
    ranked = ranked_inputs(subject)
    make: list[tuple[str, str, Callable[[Subject], Html | None]]] = [
        ("data", "Data", data_section),
        ("model", "Model", model_section),
        ("training", "Training", training_section),
        ("quality", "Answers", answers_section),
        ("hardest", "Hardest rows", lambda one: hardest_section(one, ranked)),
        ("columns", "What each column brings", lambda one: importance_section(one, ranked)),
        ("preflight", "Pre-flight", preflight_section),
    ]
    found = [Section(name, title, content(subject)) for name, title, content in make]
    if gradient is not None:
        found.append(Section("gradient", "Gradient check", gradient_section(gradient)))
    if diagnosis is not None:
        found.append(Section("diagnosis", "Diagnosis", diagnosis_section(subject, diagnosis)))
    found.append(Section("settings", "Settings and versions", settings_section(subject)))
    return found


def _first(subject: Subject) -> tuple[str, str, str] | None:
    """Return the score that is told first: its name, the model's, and that of an answer without inputs."""
    net, loss, judged, target = subject.net, subject.loss, subject.judged, subject.target
    if net is None or loss is None or judged is None or target is None or judged.answers.ndim > 1:
        return None
    name = "r2" if target.task == "regression" else "accuracy"
    own = scores(target, judged.answers, answers_of(net, loss, target, judged.rows.X))[name]
    told = f"{label(name)}, {judged.name}"
    if subject.baseline is None:
        return told, score_text(name, own), ""
    trivial = scores(target, judged.answers, np.full(len(judged.answers), subject.baseline))[name]
    return told, score_text(name, own), f"{score_text(name, trivial)} without inputs"

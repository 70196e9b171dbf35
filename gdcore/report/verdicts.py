"""Sections on the checks: gradient, pre-flight, diagnosis; and the settings that make the model again."""

from __future__ import annotations

import math
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from .._version import __version__
from ..base.config import show_config
from ..diagnosis import Diagnosis, diagnose
from ..diagnosis.finding import shown
from ..gradcheck import GradientReport, check_gradients
from ..models.sequential import Sequential
from ..tables.numbers import epochs_from_1, evidence_from_1
from .html import Child, Html, element, facts, joined, mark, note, table
from .subject import Subject, of_all, some

CHECKED_ROWS, DIAGNOSED = 64, 5000
FEWEST, WORK = 128, 50_000_000
"""A diagnosis looks at as many rows as make so many products of a row and a parameter, but not at fewer than these."""
LARGE = 50_000
"""From so many parameters on the gradient is checked along directions, which takes seconds."""
WORDS = {"pass": True, "fail": False}


def checked(subject: Subject) -> GradientReport | None:
    """Return the check of the gradient, on a few rows: every parameter has its bound on few rows as on many.

    None where the loss is not finite, which the diagnosis tells.
    """
    rows = subject.training
    if subject.net is None or subject.loss is None or rows is None:
        return None
    large = subject.net.n_params > LARGE
    which = some(len(rows.X), CHECKED_ROWS // 4 if large else CHECKED_ROWS)
    X, y = rows.X[which], rows.y[which]
    if not math.isfinite(subject.net.loss(X, y, subject.loss)):
        return None
    return check_gradients(subject.net, X, y, subject.loss, mode="directions" if large else "auto")


def diagnosed(subject: Subject) -> Diagnosis | None:
    """Return the diagnosis, on at most `DIAGNOSED` rows, and on fewer for a large network."""
    rows = subject.training
    if subject.net is None or subject.loss is None or rows is None:
        return None
    which = some(len(rows.X), rows_to_diagnose(subject.net))
    history = subject.history if subject.history.epochs else None
    names = [f"{one.name}" for one in subject.inputs]
    known = names if len(names) == subject.net.in_features else None
    return diagnose(subject.net, rows.X[which], rows.y[which], subject.loss, history, feature_names=known)


def rows_to_diagnose(net: Sequential) -> int:
    """Return the largest number of rows that the diagnosis of a network looks at."""
    return min(DIAGNOSED, max(FEWEST, WORK // max(net.n_params, 1)))


def gradient_section(report: GradientReport) -> Html:
    """Return what the check of the gradient found."""
    found = report.to_dict()
    said: list[tuple[str, Child]] = [
        ("verdict", mark(WORDS.get(report.verdict), report.verdict)),
        ("mode", f"{report.mode}: {report.why}"),
        (
            "entries",
            f"{found['entries']:,}, {found['failed']:,} beyond their bounds, {found['inconclusive']:,} inconclusive",
        ),
        (
            "worst entry",
            f"{found['worst']}: {found['analytic']:.5g} by the program differs from differences of the loss by "
            f"{abs(found['numeric'] - found['analytic']):.2g}; their roundoff and truncation allow "
            f"{found['bound']:.2g}",
        ),
    ]
    said += [("causes", "; ".join(report.causes))] if report.causes else []
    return joined(
        [
            note(f"The gradient is compared with differences of the loss, in float64, on at most {CHECKED_ROWS} rows."),
            facts(said),
        ]
    )


def preflight_section(subject: Subject) -> Html | None:
    """Return the pre-flight's lines."""
    if subject.preflight is None:
        return None
    head = ("check", "verdict", "what was found", "remedy")
    rows = [
        (one.name, mark(one.ok, "ok" if one.ok else "look"), one.summary, one.remedy)
        for one in subject.preflight.checks
    ]
    n = 3 if subject.preflight.ok else 4  # without a remedy its column would only make the table wide
    return joined(
        [
            note("Made before the training, on a copy of the model."),
            table("Pre-flight", head[:n], [row[:n] for row in rows]),
        ]
    )


def diagnosis_section(subject: Subject, found: Diagnosis) -> Html:
    """Return the findings, problems first."""
    n = 0 if subject.training is None else len(subject.training.X)
    most = DIAGNOSED if subject.net is None else rows_to_diagnose(subject.net)
    items = []
    for one in sorted(found.findings, key=lambda finding: not finding.problem):
        numbers = "; ".join(f"{name}: {shown(value)}" for name, value in evidence_from_1(one.evidence).items())
        items.append(
            element(
                "li",
                mark(False if one.problem else None, one.kind),
                f": {epochs_from_1(one.summary)}",
                element("div", numbers, class_="note") if numbers else None,
                element("div", element("b", "Remedy: "), one.remedy) if one.remedy else None,
            )
        )
    said = note(f"Looked at {of_all(min(n, most), n, 'rows that the model was trained on')}.")
    if not items:
        return joined([said, element("p", mark(True, "no problem found"))])
    return joined([said, element("ul", *items, class_="findings")])


def settings_section(subject: Subject) -> Html:
    """Return what makes the model again: settings, versions, the command."""
    config = show_config()
    machine = [
        ("gdcore", __version__),
        ("instruction set", config["instruction set"].partition(" ")[0]),
        ("threads", config["threads"].partition(" ")[0]),
        ("NumPy", np.__version__),
        ("matplotlib", _version("matplotlib")),
        ("Python", f"{platform.python_version()} ({sys.platform}, {platform.machine()})"),
    ]
    parts: list[Child] = []
    if subject.command:
        parts += [element("h3", "To make this model again"), element("pre", element("code", subject.command))]
        parts.append(
            note(
                "With the same data, version and instruction set the model is the same, bit for bit, for any number of "
                "threads."
            )
        )
    parts += [element("h3", "Settings"), facts(subject.settings)] if subject.settings else []
    parts += [element("h3", "Versions"), facts(machine)]
    return joined(parts)


def cards(
    subject: Subject, gradient: GradientReport | None, diagnosis: Diagnosis | None, scores: tuple[str, str, str] | None
) -> Html:
    """Return the page's first rows: how good, why it ended, and the verdict of each check."""
    said: list[tuple[str, Child]] = []
    if scores is not None:
        name, own, trivial = scores
        said.append((name, joined([own, element("span", trivial, class_="sub") if trivial else None])))
    if subject.history.epochs:
        why = element("span", epochs_from_1(subject.history.stop_reason), class_="sub")
        said.append(
            ("training", joined([f"{subject.history.epochs:,} epoch{'s' * (subject.history.epochs > 1)}", why]))
        )
    if subject.preflight is not None:
        failed = sum(not one.ok for one in subject.preflight.checks)
        said.append(
            ("pre-flight", mark(not failed, "clear" if not failed else f"{failed} of {len(subject.preflight.checks)}"))
        )
    if gradient is not None:
        said.append(("gradient check", mark(WORDS.get(gradient.verdict), gradient.verdict)))
    if diagnosis is not None:
        n = len(diagnosis.problems)
        said.append(("diagnosis", mark(not n, f"{n} problem{'s' * (n > 1)}" if n else "no problem")))
    return element("dl", *(element("div", element("dt", a), element("dd", b)) for a, b in said), class_="cards")


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"

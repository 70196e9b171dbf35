"""The result of a diagnosis, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, final


@final
@dataclass(frozen=True)
class Finding:
    """One result of `diagnose`.

    Attributes
    ----------
    kind : str
        One of those that `gdcore.diagnose` lists.
    summary : str
        What was found, as a sentence.
    evidence : dict
        Numbers, and lists of them, by name.
    remedy : str
        What to do; empty where there is nothing to do.
    problem : bool
        Whether something is wrong.

    Examples
    --------
    >>> Finding("converged", "the gradient is zero", {"gradient_norm": 1e-12}, problem=False).kind
    'converged'
    """

    kind: str
    summary: str
    evidence: Mapping[str, Any]
    remedy: str = ""
    problem: bool = True


@final
@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The findings of `diagnose`; `print` shows problems first, then notes.

    Attributes
    ----------
    findings : tuple of Finding

    Examples
    --------
    >>> print(Diagnosis((Finding("too slow", "the rate is small", {"learning_rate": 1e-6}, "take 0.1"),)))
    diagnosis: 1 problem
    - too slow: the rate is small
        learning_rate: 1e-06
        remedy: take 0.1
    """

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that need action."""
        return tuple(finding for finding in self.findings if finding.problem)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the findings."""
        return tuple(finding.kind for finding in self.findings)

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return summary, evidence and remedy by kind, ready for JSON."""
        return {
            finding.kind: {
                "summary": finding.summary,
                "evidence": dict(finding.evidence),
                "remedy": finding.remedy,
                "problem": finding.problem,
            }
            for finding in self.findings
        }

    def _title(self) -> str:
        n = len(self.problems)
        return f"diagnosis: {n} problem{'s' * (n > 1)}" if n else "diagnosis: no problem found"

    def __repr__(self) -> str:
        lines = [self._title()]
        for finding in sorted(self.findings, key=lambda finding: not finding.problem):
            lines.append(f"{'-' if finding.problem else 'note:'} {finding.kind}: {finding.summary}")
            lines += [f"    {name}: {shown(value)}" for name, value in finding.evidence.items()]
            if finding.remedy:
                lines.append(f"    remedy: {finding.remedy}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{'' if finding.problem else 'note: '}{escape(finding.kind)}</th>"
            f"<td>{escape(finding.summary)}</td><td>"
            + "<br>".join(f"{escape(name)}: {escape(shown(value))}" for name, value in finding.evidence.items())
            + f"</td><td>{escape(finding.remedy)}</td></tr>"
            for finding in sorted(self.findings, key=lambda finding: not finding.problem)
        )
        head = "<tr><th>finding</th><th>what</th><th>evidence</th><th>remedy</th></tr>"
        return f"<p>{self._title()}</p>" + (f"<table>{head}{rows}</table>" if rows else "")


MAX_SHOWN = 12


def shown(value: object) -> str:
    """Return a number, or the first few of several, as text."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        more = f", … {len(value)} in all" if len(value) > MAX_SHOWN else ""
        return ", ".join(map(shown, value[:MAX_SHOWN])) + more
    if isinstance(value, dict):
        return "; ".join(f"{key}: {shown(entry)}" for key, entry in value.items())
    return str(value)

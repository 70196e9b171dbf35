"""What is counted.

Design
------
- A mistake is visible where it moves an entry by more than the bound that gdcore's report states there for the right
  gradient, and what that gradient is off already. What is smaller is below the bound: it is counted as well, and apart.
- Where a parameter stands on several kinks at once, what backward says need be no derivative at all: its rejection is
  no false alarm, and is counted apart.
- Counts of several seeds, and of several processes, are added.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, final

from .cases import Case
from .checkers import Answer

MADE, FOUND, VISIBLE, FOUND_VISIBLE = "made", "found", "visible", "found of the visible"
CHECKS, ALARMS, UNCLEAR, ERRORS, SECONDS = "checks", "false alarms", "unclear", "errors", "seconds"
AT_KINKS, REJECTED_AT_KINKS = "right gradients at several kinks", "rejected at several kinks"
RIGHT, ENTRIES, INCONCLUSIVE = "right gradients", "entries", "inconclusive entries"
BETWEEN = " | "
MAX_NAMED = 20
"""Alarms and misses that are named, of each checker."""


@final
@dataclass
class Tally:
    """Counts, and what went wrong.

    Attributes
    ----------
    cases : int
    of_checkers, of_mutations, of_scales : Counter
        By (checker, precision, quantity), with a mutation or a loss's scale in the third place.
    named : list of dict
        False alarms, misses of what is visible, and errors: checker, what, case, mutation, why.
    """

    cases: int = 0
    of_checkers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    of_mutations: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    of_scales: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    named: list[dict[str, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Take another one's counts too."""
        self.cases += other.cases
        self.of_checkers.update(other.of_checkers)
        self.of_mutations.update(other.of_mutations)
        self.of_scales.update(other.of_scales)
        for row in other.named:
            self.name(**row)

    def name(self, checker: str, what: str, case: str, mutation: str = "", why: str = "") -> None:
        """Keep what went wrong."""
        if sum(row["checker"] == checker and row["what"] == what for row in self.named) < MAX_NAMED:
            self.named.append({"checker": checker, "what": what, "case": case, "mutation": mutation, "why": why})

    def of(self, checker: str, quantity: str, dtype: str = "") -> float:
        """A checker's count, over both precisions or in one."""
        return sum(
            n
            for (name, d, what), n in self.of_checkers.items()
            if (name, what) == (checker, quantity) and dtype in ("", d)
        )

    def on(self, checker: str, mutation: str, quantity: str, dtype: str = "") -> int:
        """A checker's count on a mutation, "" for all of them."""
        return sum(
            n
            for (name, d, made, what), n in self.of_mutations.items()
            if (name, what) == (checker, quantity) and mutation in ("", made) and dtype in ("", d)
        )

    def at(self, checker: str, scale: str, quantity: str, dtype: str) -> int:
        """A checker's count at a scale of the loss."""
        return self.of_scales[checker, dtype, scale, quantity]

    def right(self, checker: str, case: Case, seen: Answer, several: bool) -> None:
        """Count what was said of a right gradient."""
        key, counts = (checker, case.dtype), self.of_checkers
        counts[*key, AT_KINKS if several else RIGHT] += 1
        counts[*key, REJECTED_AT_KINKS if several else ALARMS] += seen.rejects
        counts[*key, UNCLEAR] += seen.unclear
        if not several:
            self.of_scales[*key, f"{case.scale:g}", RIGHT] += 1
            self.of_scales[*key, f"{case.scale:g}", ALARMS] += seen.rejects
        if seen.rejects:
            self.name(checker, REJECTED_AT_KINKS if several else "false alarm", case.label)
        if seen.unclear:
            self.name(checker, "unclear", case.label)
        if seen.report is not None:
            verdicts = seen.report.entries["verdict"]
            counts[*key, ENTRIES] += len(verdicts)
            counts[*key, INCONCLUSIVE] += int((verdicts == "inconclusive").sum())

    def wrong(self, checker: str, case: Case, mutation: str, seen: Answer, visible: bool) -> None:
        """Count what was said of a wrong gradient."""
        keys = [
            (self.of_mutations, (checker, case.dtype, mutation)),
            (self.of_scales, (checker, case.dtype, f"{case.scale:g}")),
        ]
        for counts, key in keys:
            counts[*key, MADE] += 1
            counts[*key, FOUND] += seen.rejects
            counts[*key, VISIBLE] += visible
            counts[*key, FOUND_VISIBLE] += visible and seen.rejects
        if visible and not seen.rejects:
            self.name(checker, "missed", case.label, mutation)

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "cases": self.cases,
            "of_checkers": written(self.of_checkers),
            "of_mutations": written(self.of_mutations),
            "of_scales": written(self.of_scales),
            "named": self.named,
        }


def written(counts: Counter[Any]) -> dict[str, float]:
    """Counts with one text for each key."""
    return {BETWEEN.join(key): n for key, n in sorted(counts.items())}


def from_dict(found: dict[str, Any]) -> Tally:
    """What `to_dict` made."""

    def counts(name: str) -> Counter[Any]:
        return Counter({tuple(key.split(BETWEEN)): n for key, n in found[name].items()})

    return Tally(found["cases"], counts("of_checkers"), counts("of_mutations"), counts("of_scales"), found["named"])

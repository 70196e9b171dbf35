"""Results as tables (head, rows), for the terminal and for the documentation."""

import statistics
from collections.abc import Sequence

from gdcore.bench.table import duration, three_digits

from .kinds import KINDS
from .tally import BASE, NOTABLE, Result, others, quartiles

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def of(results: Sequence[Result], models: str) -> list[Result]:
    """Return the results of the networks, or of the linear models."""
    return [result for result in results if result.models == models]


def signed(difference: float) -> str:
    """Return a difference of scores with its sign and four decimals; "0" where it is none.

    Examples
    --------
    >>> signed(0.01234), signed(-0.5), signed(0.0)
    ('+0.0123', '-0.5000', '0')
    """
    return f"{difference:+.4f}" if round(difference, 4) else "0"


def datasets(results: Sequence[Result]) -> Table:
    """A row for each data set: gdcore's median score and time of a fit, the others' beside them."""
    names = others(results)
    head = ["data set", "from", "rows, features", "score", f"{BASE}'s", *(f"minus {name}'s" for name in names)]
    head += [f"{BASE}'s time", *(f"{name}'s" for name in names)]
    rows = []
    for result in results:
        mine = result.fits[BASE]
        took_part = [name if name in result.fits else "" for name in names]
        rows.append(
            [
                result.dataset,
                result.package,
                f"{result.rows:,}, {result.features}",
                result.score,
                f"{statistics.median(mine.scores):.4f}",
                *(signed(result.difference(name)) if name else "-" for name in took_part),
                duration(statistics.median(mine.seconds)),
                *(f"{three_digits(result.ratio(name))}x" if name else "-" for name in took_part),
            ]
        )
    return head, rows


def summary(results: Sequence[Result]) -> Table:
    """A row for each kind of target and contender: quartiles over the data sets of differences and of ratios."""
    head = ["target", "beside", "data sets", "score: gdcore's minus the other's", "gdcore higher", "lower", "its time"]
    rows = []
    kinds = [kind.name for kind in KINDS]
    for kind in [*kinds, "all"]:
        for name in others(results):
            found = [result for result in results if name in result.fits and kind in (result.kind, "all")]
            if not found:
                continue
            differences = [result.difference(name) for result in found]
            low, middle, high = quartiles(differences)
            least, ratio, most = quartiles([result.ratio(name) for result in found])
            rows.append(
                [
                    kind,
                    name,
                    str(len(found)),
                    f"{signed(middle)} ({signed(low)} to {signed(high)})",
                    str(sum(difference > NOTABLE for difference in differences)),
                    str(sum(difference < -NOTABLE for difference in differences)),
                    f"{three_digits(ratio)}x ({three_digits(least)}x to {three_digits(most)}x)",
                ]
            )
    return head, rows

"""The picture of a report: time of a training step over the network's size, a line per library.

Design
------
- A line joins the networks of one kind, plain gradient descent on tanh layers in mini-batches; the others stand beside
  it as hollow marks of the same shape, since neither their batches nor their updates are of a row with the rest.
- Markers and dashes tell the libraries apart without colour. The peak, where it was measured, is thick and unmarked:
  the time that the products of a step would last if all their multiply-adds were made in registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PLOTTED = "train"
PEAK = "peak"
MARKERS = "os^vDPX*"
DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 3, 1, 1, 1)))


def check_plot(suites: Sequence[str]) -> None:
    """Check, before anything is measured, that a picture can be drawn.

    Raises
    ------
    ValueError
        Where matplotlib is not installed, or the suite that is drawn is not among those chosen.
    """
    if find_spec("matplotlib") is None:
        raise ValueError('--plot: matplotlib is not installed; install it with pip install "gdcore[plot]"')
    if PLOTTED not in suites:
        raise ValueError(f"--plot: draws the suite {PLOTTED}, got {', '.join(suites)}: add {PLOTTED}")


def points(report: Mapping[str, Any]) -> dict[str, list[tuple[int, float, bool]]]:
    """Return each library's points in a report: parameters, seconds of a step, whether it belongs to the line."""
    found: dict[str, list[tuple[int, float, bool]]] = {}
    for row in next(suite["rows"] for suite in report["suites"] if suite["suite"] == PLOTTED):
        problem = row["case"]["problem"]
        plain = problem["activation"] == "tanh" and problem["optimizer"] == "sgd" and problem["batch"] > 1
        for name, timing in row["libraries"].items():
            found.setdefault(name, []).append((row["n_params"], timing["seconds"], plain))
    return {name: sorted(those) for name, those in found.items()}


def columns(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Return pairs (x, y) as a list of x and one of y."""
    return [x for x, _ in pairs], [y for _, y in pairs]


def plot(report: Mapping[str, Any], path: Path) -> None:
    """Draw a report's training steps into a file.

    Parameters
    ----------
    report : mapping
        As `--json` writes it, with rows of the suite "train".
    path : Path
        The ending says the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), dpi=150, layout="constrained")
    axes = figure.subplots()
    lines = points(report)
    for i, (name, those) in enumerate(entry for entry in lines.items() if entry[0] != PEAK):
        marker, colour = MARKERS[i % len(MARKERS)], f"C{i}"
        joined = [(n, seconds * 1e6) for n, seconds, plain in those if plain]
        single = [(n, seconds * 1e6) for n, seconds, plain in those if not plain]
        style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6}
        axes.plot(*columns(joined), linestyle=DASHES[i % len(DASHES)], label=name, **style)
        axes.plot(*columns(single), linestyle="", markerfacecolor="none", **style)
    at_peak = [(n, seconds * 1e6) for n, seconds, plain in lines.get(PEAK, []) if plain]
    if at_peak:
        axes.plot(*columns(at_peak), color="black", linewidth=2.5, label="products at the measured peak")
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="time of one training step (µs)")
    machine = report["machine"]
    axes.set_title(f"{machine['cpu']}, one core; hollow: other updates, activations or batches", fontsize=9)
    axes.grid(which="major", linewidth=0.4)
    axes.legend(fontsize=9)
    figure.savefig(path)

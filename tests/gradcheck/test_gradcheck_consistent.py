"""What a report says in one place it says in all: headline, worst lines, tables and counts, on many random cases."""

import re

import numpy as np
import pytest

import gdcore as gd

ACTIVATIONS = [row.name for row in gd.ACTIVATIONS]


def reports(seed):
    """Reports on right and wrong gradients, in every mode, with penalties and weights or not."""
    rng = np.random.default_rng(seed)
    dtype = ("float32", "float64")[seed % 2]
    widths, activation = [3, *rng.integers(2, 6, 1 + seed % 2).tolist(), 1], ACTIVATIONS[seed % len(ACTIVATIONS)]
    net = gd.MLP(widths, activation, dtype=dtype, seed=seed)
    X, y = rng.normal(size=(9, 3)), np.round(rng.normal(size=9))
    X[rng.random(9) < 0.3] = 0
    loss = ("mse", "mean_absolute_error", gd.Huber(0.5))[seed % 3]
    options = {
        "l1": 0.01 * (seed % 4 == 0),
        "l2": 0.1 * (seed % 5 == 0),
        "sample_weight": rng.random(9) if seed % 3 == 0 else None,
    }
    right = net.astype("float64").loss_and_grad(X, y, loss, **options)[1]
    zeroed, infinite = right * (rng.random(len(right)) < 0.8), right.copy()
    infinite[seed % len(right)] = np.nan
    bias = right + 0.02 * np.abs(right).max() * (np.arange(len(right)) % 2)
    for grad in (None, right, 2 * right, zeroed, infinite, bias, right.astype("float32")):
        for mode in ("full", "sample", "directions"):
            yield gd.check_gradients(net, X, y, loss, mode=mode, grad=grad, **options)
    yield gd.check_gradients(net, X, y, loss, order=2)
    yield gd.check_gradient(lambda x: np.abs(x).sum() + np.float32(1), np.sign(right), 0 * right, mode="directions")


def agrees(report):
    """Everything that the text says, against the report's arrays."""
    text, words, along = str(report), report.entries["verdict"], report.directions["verdict"]
    first = text.splitlines()[0]
    said = re.match(r"gradient check: (\w+) \(", first)[1]
    assert said == report.verdict
    failed, unclear = int((words == "fail").sum()), int((words == "inconclusive").sum())
    astray = int((along == "fail").sum())
    parts = [part.verdict for part in report.parts]
    assert (f"{failed} beyond their bounds" in first) == bool(failed)
    assert ("all within their bounds" in first) == (not failed and not unclear)
    assert (f", {unclear} inconclusive" in first) == bool(unclear)
    assert (f"{astray} of {len(along)} directions beyond their bounds" in first) == bool(astray)
    assert (said == "fail") == bool(failed or astray or "fail" in parts)
    assert (said != "pass") or "inconclusive" not in parts
    assert ("worst direction" in text) == bool(astray and not failed)
    with np.errstate(invalid="ignore"):
        beyond = ~(np.abs(report.entries["analytic"] - report.entries["numeric"]) <= report.entries["bound"])
    np.testing.assert_array_equal(beyond & (words != "inconclusive"), words == "fail")
    assert not (beyond & np.isfinite(report.entries["numeric"]) & (words == "inconclusive")).any()
    rows = table(text)
    assert sum(int(row[2]) for row in rows) == failed
    assert sum(int(row[3]) for row in rows) == unclear
    if len(along):
        assert sum(int(row[4]) for row in rows) == len(along)
        assert sum(int(row[5]) for row in rows) == astray
    assert any(row[-1] == "FAIL" for row in rows) == bool(failed or astray)
    assert all(row[-1] != "pass" or row[2:4] == ["0", "0"] for row in rows)
    assert bool(report.causes) <= bool(failed)
    assert report.to_dict()["verdict"] == said
    for part in report.parts:
        assert (part.verdict == "fail") <= (not part.error <= part.bound)
        assert (part.verdict == "pass") <= (part.error <= part.bound)


def table(text):
    """The cells of the table of blocks."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("---"))
    rows = []
    for line in lines[at + 1 :]:
        if not line.strip() or line.startswith("note"):
            break
        rows.append(line.split())
    return rows


@pytest.mark.parametrize("part", range(4))
def test_no_report_contradicts_itself(part):
    for seed in range(part, 8, 4):
        for report in reports(seed):
            agrees(report)

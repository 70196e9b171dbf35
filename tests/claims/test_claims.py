"""The documents: the claims' numbers, what verdicts follow from, the report."""

import math
from pathlib import Path

import numpy as np
import pytest

import gdcore as gd
import gdcore.claims
from gdcore.claims import layout, scale, vanishing
from gdcore.claims.claim import VERDICTS, Claim, Table
from gdcore.claims.tables import batches, losses, memory, misconceptions, networks, penalties, rates

SCRIPTS = sorted((Path(gd.__file__).parent.parent / "examples" / "claims").glob("*.py"))


@pytest.fixture(scope="module")
def claims(sections):
    return {(name, claim.name): claim for name, those in sections.items() for part in those for claim in part.claims}


EXPECTED = {
    "scale": {
        "holds": "losses, PyTorch, loss and gradient, tiny rate, log values, log gradient, instability, dominating, "
        "clipping",
        "does not hold": "slopes, w gradient, small w gradient",
        "answered": "diagnosis, standardize, divide by x or the loss",
    },
    "descent": {
        "holds": "derivative, direction, optimum, bound",
        "does not hold": "minimal steps",
        "depends": "smaller error, standard value",
        "answered": "empirical",
    },
    "tables": {
        "holds": "convergence, too high, too low, steps, variance, good solution, large data, efficient, "
        "global optimum, tuning, selection, easy, l1 suits, l2 shrinks, l2 dense, local minimum, initialization, "
        "several minima, condition and minima, penalties, l1 complexity, ill-conditioned, directions, "
        "number of iterations, by hand, not only networks, mse, "
        "huber, transition, cross entropy, appropriate loss, loss threshold, criterion, steepest, normalizing, "
        "variations, overfitting, l2 overfitting, batch convergence, model parallelism",
        "does not hold": "l2 outliers, relu, tanh, zeros",
        "depends": "final loss, unstable, momentum, acceleration, undamped, sigmoid, iterations, influence, scaled, "
        "gradient threshold, non-differentiable, low rate",
    },
    "vanishing": {
        "holds": "same network, small gradient, not vanishing, deep, linear, stationary, gradient check",
        "depends": "doubles",
        "answered": "minimum, rate",
    },
}
"""All but those that a time or a system decides, or that may change with the way l1 meets zero."""
TIMED = {"memory", "sgd faster", "balance", "large models", "batch time", "slower", "gradient cost", "data parallelism"}
ROWS = [
    (name, verdict, claim)
    for name, those in EXPECTED.items()
    for verdict, listed in those.items()
    for claim in listed.split(", ")
]


@pytest.mark.parametrize(("document", "verdict", "name"), ROWS)
def test_verdicts(claims, document, verdict, name):
    assert claims[document, name].verdict == verdict


def test_every_claim_is_expected_or_timed(claims, sections):
    listed = {(document, name) for document, _, name in ROWS}
    assert {name for _, name in set(claims) - listed} == {*TIMED, "l1 sparse"}
    assert len(claims) == sum(len(part.claims) for those in sections.values() for part in those)
    assert all(claim.verdict in VERDICTS for claim in claims.values())


def test_first_document(claims):
    values = {name: claim.values for (document, name), claim in claims.items() if document == "scale"}
    assert values["losses"]["losses"] == [1, 10_000]
    np.testing.assert_allclose(values["slopes"]["square"], [-2, -200])
    np.testing.assert_allclose(values["slopes"]["half"], [-1, -100])
    assert values["w gradient"] == {"square": -10_001, "half": -5000.5}
    assert values["small w gradient"] == {"square": -101, "half": -50.5}
    assert values["tiny rate"]["large"] == pytest.approx(2 / 10_001)
    assert values["tiny rate"]["small"] == pytest.approx(2 / 101)
    assert list(values["standardize"]["rates"].values()) == pytest.approx([1, 1])
    np.testing.assert_allclose(values["log values"]["values"], np.log1p([1, 2, 100, 200]))
    x, y = np.log1p([1, 10]), np.log1p([2, 20])
    assert values["log gradient"]["gradient"][10] == pytest.approx(np.mean(2 * x * (x - y)))
    assert values["clipping"]["unclipped"] > 1e9 > 1 > max(values["clipping"]["off"].values())


def test_second_document(claims):
    values = {name: claim.values for (document, name), claim in claims.items() if document == "descent"}
    assert values["bound"]["bound"] == pytest.approx(1 / 9)
    assert values["bound"]["grown"] == pytest.approx(1.16**400)
    assert values["optimum"]["steps"] == (80, 90)  # 54 |1 - 18 rate|^n < 1e-6
    assert values["minimal steps"]["steps"][1] == 1
    assert values["smaller error"]["falls"][0.1] == 1
    assert values["smaller error"]["falls"][0.12] == 0


def test_the_steps_are_those_of_gradient_descent(sections):
    [steps] = [part for part in sections["descent"] if part.title == "The steps"]
    rows = np.array(steps.tables[0].rows)
    for column, rate in ((1, 0.01), (2, 1 / 18), (3, 0.1), (4, 1 / 9), (5, 0.12)):
        np.testing.assert_allclose(rows[:, column], 3 * (1 - 18 * rate) ** rows[:, 0] - 1, atol=1e-12)


def test_learning_rates(claims):
    last = claims["tables", "final loss"].values["last"]
    assert last["digits"][0.01] > last["digits"][0.1] > last["digits"][1.0]
    assert last["regression"][1.0] == math.inf
    counts = claims["tables", "convergence"].values["iterations"]["digits"]
    assert counts[0.01] == pytest.approx(10 * counts[0.1], rel=0.05)
    bounds = claims["tables", "unstable"].values["bounds"]
    assert bounds["regression"] < 1 < bounds["digits"]


def test_momentum_multiplies_as_its_recurrence_says(claims):
    steps = claims["tables", "momentum"].values["steps"]
    for condition, those in steps.items():
        # along the flat direction, by the root of r^2 - (1 + m - 1/condition) r + m
        for momentum in (0.0, 0.9):
            root = np.abs(np.roots([1, -(1 + momentum - 1 / condition), momentum])).max()
            left = 1e-6 * math.sqrt(1 + condition)
            assert those[momentum] == pytest.approx(math.log(left) / math.log(root), rel=0.35)
        assert those[1.0] == math.inf


@pytest.mark.parametrize("momentum", [0.0, 0.5, 1.0])
def test_the_valley_is_descended_by_its_recurrence(momentum):
    condition, curvature = 10.0, np.array([1.0, 10.0])
    last = x = np.ones(2)
    for value in rates.valley(condition, momentum)[:30]:
        assert value == pytest.approx(curvature @ x**2 / 2)
        last, x = x, x + momentum * (x - last) - curvature * x / condition


def test_a_sequence_settles_where_it_stays_low():
    assert rates.settled([1.0, 1e-13, 1.0, 1e-13, 1e-14]) == 3
    assert rates.settled([1.0, 1e-13, 1.0]) == math.inf


def test_batches(claims):
    noise = claims["tables", "variance"].values["noise"]
    assert noise[1] / noise[32] == pytest.approx(32, rel=0.3)
    growth = claims["tables", "large data"].values["growth"]
    assert growth[0] == pytest.approx(8, rel=0.3)
    assert growth[1] < 2
    excess = claims["tables", "global optimum"].values["excess"]
    assert excess["one"] > 10 * excess["one, falling rate"] > 0
    assert claims["tables", "steps"].values["steps"] == (1, 1438, 45)


def test_memory_grows_with_the_batch_by_two_outputs_of_each_unit(claims):
    claim = claims["tables", "memory"]
    if memory.so_far() is None:
        assert claim.verdict == "not measured"
        return
    assert claim.verdict == "holds"
    found = claim.values["peaks"]
    assert (found[128] - found[16]) / 112 == pytest.approx(2 * 4 * (memory.HIDDEN + 10), rel=0.25)


def test_memory_is_not_measured_where_the_system_does_not_tell(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "status")
    assert memory.batch_memory().claims[0].verdict == "not measured"
    memory.STATUS.write_text("VmRSS:\t  100 kB\n")
    assert memory.batch_memory().claims[0].verdict == "not measured"


def test_time_to_a_loss_is_interpolated():
    found = batches.Run(0.1, 10, [1.0, 0.3, 0.05], 2.0, 0.9)
    assert batches._time_to(found) == pytest.approx(2.0 * 1.4)
    assert batches._time_to(found._replace(losses=[1.0, 0.3])) == math.inf


def test_penalties(claims):
    sparse = claims["tables", "l1 sparse"]
    exact, near = sparse.values["exact"]["l1 = 1"], sparse.values["near"]["l1 = 1"]
    assert near == penalties.FEATURES - len(penalties.USED)
    assert sparse.verdict == ("holds" if exact >= penalties.FEATURES // 2 else "depends")
    assert claims["tables", "l2 dense"].values["exact"]["l2 = 1"] == 0
    assert claims["tables", "selection"].values["kept"] == penalties.USED
    pulled = claims["tables", "l2 outliers"].values["pulled"]
    assert pulled["huber"] < 0.1 * pulled["no penalty"]
    errors = claims["tables", "overfitting"].values["errors"]
    assert all(error < errors["nothing"][1] for name, (_, error) in errors.items() if name != "nothing")


@pytest.mark.parametrize("row", gd.ACTIVATIONS, ids=lambda row: row.name)
def test_slopes_are_those_of_the_values(row):
    z, found = networks.Z, networks.shape(row.name)
    central = (found.value[2:] - found.value[:-2]) / (z[2:] - z[:-2])
    smooth = np.all([np.abs(z[1:-1] - kink) > 0.02 for kink in (0.0, *row.kinks)], axis=0)
    np.testing.assert_allclose(found.slope[1:-1][smooth], central[smooth], atol=1e-4)


def test_ranges_where_the_document_errs(claims):
    assert claims["tables", "relu"].values["slopes"] == [0, 1]
    assert claims["tables", "sigmoid"].values["slopes"][1] == 0.25
    assert claims["tables", "tanh"].values["slopes"] == (0, 1)


def test_accuracy_of_iterations(claims):
    found = claims["tables", "iterations"].values["accuracy"]
    assert found[0.001][1000][1] < 0.5 < 0.9 < found[0.001][20_000][1]
    assert found[0.1][1000][1] > 0.95
    assert claims["tables", "zeros"].values["last"] == pytest.approx([math.log(10)] * 2, rel=1e-2)


def test_losses_against_their_formulas():
    d = np.linspace(-4, 4, 81)
    for loss, value, slope in (("mse", d**2, 2 * d), ("log_cosh", np.log(np.cosh(d)), np.tanh(d))):
        found = losses.loss_and_slope(loss, d)
        np.testing.assert_allclose(found[0], value, atol=1e-12)
        np.testing.assert_allclose(found[1], slope, atol=1e-12)


def test_the_two_valleys():
    ridge = misconceptions._ridge()
    assert misconceptions.wells(ridge)[1] == pytest.approx(0, abs=1e-9)
    assert abs(ridge) < 0.2
    low, high = (gd.minimize(misconceptions.wells, start, optimizer=gd.SGD(0.01)).fun for start in (-1.0, 1.0))
    assert low < high - 0.9


def test_threads_change_no_bit(claims):
    assert claims["tables", "data parallelism"].values["same"]


def test_a_model_spread_over_ranks_has_the_bits_of_one(claims):
    values = claims["tables", "model parallelism"].values
    assert values["same"]
    assert values["share"] < 0.3


def test_fourth_document(claims):
    values = {name: claim.values for (document, name), claim in claims.items() if document == "vanishing"}
    assert values["same network"]["apart"] < 1e-12
    norms = values["small gradient"]["norms"]
    assert norms == sorted(norms, reverse=True)
    assert norms[-1] < 1e-13
    assert values["not vanishing"]["kinds"] == ("converged",)
    assert values["minimum"]["off"] < 1e-15
    layers = values["deep"]["norms"]
    assert layers == sorted(layers)
    assert layers[-1] > 1e4 * layers[0]
    assert values["deep"]["shallow"] == ()
    assert 0.05 < values["doubles"]["inside"] < 0.15
    assert values["gradient check"] == {"off": pytest.approx(0, abs=1e-8), "ok": True, "wrong": False}


def test_verdicts_follow_from_what_is_measured(monkeypatch):
    monkeypatch.setattr(scale, "gradient", lambda X, y, loss="mse", true=scale.gradient: 2 * true(X, y, loss))
    found = {claim.name: claim.verdict for claim in scale.gradients().claims}
    assert found["PyTorch"] == "does not hold"
    assert found["losses"] == "holds"
    monkeypatch.setattr(vanishing, "diagnose", lambda *data, **options: gd.diagnose(vanishing.network(), *data[1:]))
    assert vanishing.converged().claims[0].verdict == "does not hold"


def test_everything_fits_into_100_columns(sections):
    for those in sections.values():
        for part in those:
            for text in (*map(layout.table_text, part.tables), layout.claims_text(part.claims)):
                assert max(map(len, text.splitlines())) <= layout.WIDTH, part.title


def test_columns_line_up():
    text = layout.table_text(Table(("rate", "loss", "word"), ((0.1, 2.0, "a"), (0.01, "never", "b"))))
    assert text == "  rate   loss  word\n   0.1      2  a\n  0.01  never  b"
    text = layout.claims_text([Claim("a", "word " * 12, "said", "holds"), Claim("b", "one", "two", "depends")])
    lines = text.splitlines()
    assert [line.index(word) for line, word in ((lines[2], "said"), (lines[-1], "two"))] == [41, 41]
    assert "" in lines

"""The model of a step's cost, the report that measures it, and the page that plans with it."""

import json
import re

import numpy as np
import pytest
from mpi_jobs import ROOT
from pipeline_jobs import launched

from gdcore.distributed import report
from gdcore.distributed.cost_model import (
    PRESETS,
    Compute,
    Network,
    Timed,
    efficiency,
    even_ranks,
    fit_compute,
    fit_network,
    last_that_pays,
    step,
)
from gdcore.distributed.measuring import SIZES
from gdcore.distributed.plan import tables

PAGE = (ROOT / "docs" / "distributed_plan.md").read_text(encoding="utf-8")
SIZE = 4 * 669_706


@pytest.mark.parametrize("ranks", [2, 3, 16])
def test_a_network_is_found_from_its_sums(ranks):
    true = Network(5e-6, 1e-10, 4e-10, 1e7)
    found = fit_network(ranks, [Timed(4 * n, true.seconds(ranks, 4 * n)) for n in SIZES], 1e7)
    np.testing.assert_allclose([found.latency, found.byte, found.large_byte], [5e-6, 1e-10, 4e-10], rtol=1e-6)


@pytest.mark.parametrize(("call", "row"), [(2e-5, 4e-5), (0.0, 1e-6), (1e-4, 0.0)])
def test_computation_is_found_from_its_times(call, row):
    found = fit_compute([Timed(rows, call + row * rows) for rows in (16, 64, 256, 1024)])
    np.testing.assert_allclose(found, (call, row), rtol=1e-6, atol=1e-12)


def test_what_is_fitted_is_never_below_0():
    rng = np.random.default_rng(0)
    for _ in range(20):
        times = [Timed(4 * n, float(rng.uniform(1e-6, 1e-2))) for n in SIZES]
        found = fit_network(4, times, 1e7)
        assert min(found.latency, found.byte, found.large_byte, *fit_compute(times)) >= 0


def test_a_step_is_the_sum_of_its_parts():
    compute, network = Compute(2e-5, 4e-5, 1e-3), PRESETS["10GbE"]
    found = step(compute, network, 8, 1024, SIZE, shards=16)
    assert found.compute == pytest.approx(2 * 2e-5 + 128 * 4e-5 + 1e-3)
    assert found.latency == pytest.approx(14 * 30e-6)
    assert found.bandwidth == pytest.approx(14 / 8 * SIZE / 1.1e9)
    assert found.seconds == pytest.approx(found.compute + found.reduction)
    one = step(compute, network, 1, 1024, SIZE, shards=16)
    assert one.reduction == 0
    assert efficiency(one, one) == 1


def test_the_last_number_of_ranks_that_pays_has_the_shortest_step():
    compute, network = Compute(0.0, 1e-5, 1e-4), PRESETS["10GbE"]
    best = last_that_pays(compute, network, 200, 40_000)
    times = {n: step(compute, network, n, 200, 40_000, n).seconds for n in range(1, 201)}
    assert times[best] == min(times.values())
    even = even_ranks(compute, network, 200, 40_000)
    assert all(
        (step(compute, network, n, 200, 40_000, n).reduction >= step(compute, network, n, 200, 40_000, n).compute)
        == (n >= even)
        for n in range(2, 201)
    )
    assert even_ranks(Compute(0.0, 1.0), network, 8, 400) is None


def test_the_report_on_two_ranks():
    arguments = ("-m", "gdcore.distributed", "report", "--layers", "20-16-3", "--batch", "64", "--seconds", "0.02")
    done = launched(2, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ranks"] == 2
    assert found["n_params"] == 20 * 16 + 16 + 16 * 3 + 3
    assert [timed["size"] for timed in found["sums"]] == [4 * n for n in SIZES]
    assert all(timed["seconds"] > 0 for timed in found["sums"] + found["parts"])
    assert found["measured"]["one"] > 0
    assert found["measured"]["all"] > 0
    assert 1 <= found["pays_up_to"] <= 64
    assert [part["ranks"] for part in found["predicted"]] == [1, 2, 4, 8, 16, 32, 64]
    text = launched(2, *arguments)
    assert "2 ranks; 20-16-3: 387 parameters" in text.stdout
    assert re.search(r"more (than \d+ ranks )?do not pay", text.stdout)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("--layers", "20", "--layers must have at least two widths"),
        ("--layers", "20-x", "invalid literal"),
        ("--layers", "20-0", "each of --layers must be >= 1"),
        ("--batch", "1", "--batch must be >= 2"),
        ("--seconds", "0", "--seconds must be > 0"),
    ],
)
def test_bad_arguments_of_the_report(argument, value, message, capsys):
    with pytest.raises(SystemExit):
        report.main([argument, value])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", tables())
def test_the_page_shows_the_tables_that_the_model_makes(name):
    assert tables()[name] in PAGE


def test_the_page_shows_its_arithmetic():
    row = next(line for line in tables()["10GbE, 65,536 rows in all"].splitlines() if line.startswith("| 10 |"))
    compute, latency, bandwidth, whole = (float(cell) for cell in row.split("|")[4:8])
    assert round(6_554 * 4.02e-3 + 0.94, 1) == round(compute, 1)
    assert pytest.approx(latency) == 2 * 9 * 0.030
    assert round(2 * 9 / 10 * 2.68 / 1.1, 1) == round(bandwidth, 1)
    for part in (f"{compute:.2f} ms", f"{latency:.2f} ms", f"{bandwidth:.2f} ms", f"{whole:.1f} ms"):
        assert part in " ".join(PAGE.split())

"""The suite `rates`: its cases, what it counts, what it shows and writes."""

import json
import math

import numpy as np
import pytest

import gdcore as gd


def outcomes():
    from benchmarks.rates.measure import Outcome, Run

    good = Run(0.1, 2.0, 1.05, 1.0, 0.1, 0.2, 0.1)
    weak = Run(0.4, 2.0, 1.5, 1.0, 0.1, 0.2, 0.1)
    risen = Run(0.2, 2.0, 2.5, 1.0, 0.1, 0.2, 0.1)
    blown = Run(0.2, 2.0, math.inf, 1.0, 0.1, 0.2, 0.1)
    silent = Run(None, 2.0, math.nan, 1.0, 0.1, 0.2, 0.1)
    hopeless = Run(0.2, 2.0, 1.9, 2.0, 0.1, 0.2, 0.1)
    return [
        Outcome("a", "SGD", (good, good, weak)),
        Outcome("b", "Adam", (risen, blown, hopeless)),
        Outcome("c", "Adam", (silent, good)),
    ]


def test_what_counts_as_diverged_and_as_fallen():
    first, second, third = outcomes()
    assert [run.diverged for run in second.runs] == [True, True, False]
    assert [run.share for run in second.runs] == [0.0, 0.0, 1.0]
    assert first.share == pytest.approx(0.95)
    assert first.spread == pytest.approx(4.0)
    assert (third.diverged, third.runs[0].share, third.spread) == (0, 0.0, math.inf)


def test_tables_and_json():
    from benchmarks import report
    from benchmarks.rates import tables
    from benchmarks.rates.command import written
    from benchmarks.rates.measure import from_dict

    answers = dict(tables.summary(outcomes())[1])
    assert answers["fits that raised DivergedError or ended above their start"] == "2 of 8"
    assert answers["runs without a suggestion"] == "1 of 8"
    assert answers["cases whose median run reaches 0.9 of the best fall"] == "33.3 %"
    assert answers["runs that reach 0.9 of the best fall"] == "50.0 %"
    assert answers["cases whose suggestions lie within a factor of 3"] == "33.3 %"
    machine = {"python": "3.11", "date": "2026-01-01T00:00"}
    saved = json.loads(written(machine, {"gdcore": "0"}, 3, outcomes()))
    again = [from_dict(row) for row in saved["rates"]]
    assert again[:2] == outcomes()[:2]
    assert again[2].runs[0].suggestion is None
    text = report.rates(saved)
    assert "3 cases, 3 seeds each; gdcore 0, Python 3.11; 2026-01-01." in text
    assert "| Adam | 2 | 2 | 40.0 % |" in text
    assert "| 0 | a | 0.1 .. 0.4 | 0.1 .. 0.1 | 0 | 0.95 | 0.50 | 4 |" in text


def test_the_page_shows_the_tracked_results():
    from benchmarks import report

    saved = json.loads(report.RATES.read_text(encoding="utf-8"))
    place, marker = report.RATES_PLACE
    assert saved["seeds"] == 20
    assert len(saved["rates"]) == 200
    page = place.read_text(encoding="utf-8")
    assert report.fill(page, marker, report.rates(saved)) == page


def test_cases_are_fixed_and_their_data_fit():
    from benchmarks.rates.cases import draw
    from benchmarks.rates.data import ROWS

    cases = draw()
    assert [case.label for case in cases] == [case.label for case in draw()]
    assert [case.label for case in draw(cases=30)] == [case.label for case in cases[:30]]
    assert len({case.label for case in cases}) > 190
    assert {type(case.optimizer) for case in cases} == set(gd.OPTIMIZERS)
    for case in cases:
        if case.source.needs == "gdcore":
            X, y = case.data()
            assert len(X) == len(y) <= ROWS
            assert np.isfinite(case.net(0).loss(X, y, case.loss))


def test_a_fit_that_diverges_ends_at_infinity():
    from benchmarks.rates.cases import draw
    from benchmarks.rates.measure import end_of_fit

    case = next(case for case in draw() if case.source.name == "friedman, raw" and isinstance(case.optimizer, gd.SGD))
    assert end_of_fit(case, 0, 1e-6) < math.inf
    case = next(case for case in draw() if case.source.name == "lognormal counts" and not case.hidden)
    assert end_of_fit(case, 0, 1e30) == math.inf


def test_the_command_counts_and_writes(tmp_path, capsys):
    from benchmarks.rates.command import main

    path = tmp_path / "rates.json"
    assert main(["--cases", "3", "--seeds", "2", "--json", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "rates: 3 cases, 2 seeds each" in printed
    assert "0 of 6" in printed
    assert json.loads(path.read_text(encoding="utf-8"))["versions"] == {"gdcore": gd.__version__}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--cases", "0"], "cases must be >= 1"),
        (["--seeds", "0"], "seeds must be >= 1"),
        (["--json", "nowhere/at/all.json"], "there is no folder"),
    ],
)
def test_arguments_that_are_not_understood(argv, message, capsys):
    from benchmarks.rates.command import main

    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err

"""Variants of a library, quantities without a clock, rates, CPU seconds and options in the benchmarks."""

import os
from dataclasses import replace

import numpy as np
import pytest

import gdcore as gd
from gdcore.bench import command, library, machine, runner, suites, table, tasks
from gdcore.bench.problems import Problem

TINY = Problem("tiny", (3, 5, 2), 4, 32, 0.1, 1)
BUDGET = runner.Budget(0.001, 2, 1.0)
GDCORE, NUMPY = suites.LIBRARIES


def run(*entries, problem=TINY):
    with runner.Runner(entries, BUDGET) as running:
        return running.run(suites.train_suite([problem]), tasks.Case(problem))


def count(made, case):
    """A task without a clock: the threads, the learning rate and a variable of the process."""
    return tasks.Counted(float(os.environ["COUNTED"]), case.threads + case.problem.learning_rate)


def count_cores(made, case):
    """A task without a clock: the cores of the process."""
    return tasks.Counted(machine.usable_cores(), case.threads)


def nothing_to_compare(made, case):
    """A task whose unit is a billionth of what is called, and which checks nothing."""
    return tasks.Prepared(lambda: None, 10**9, None)


def test_a_variant_has_its_own_environment_problem_and_name():
    base = library.Entry("counting", "gdcore.bench.numpy_adapter:NumpyLibrary", "numpy")
    variants = [
        base.variant("low", environment=(("COUNTED", "0"),)),
        base.variant("high", environment=(("COUNTED", "7"),), learning_rate=0.25, threads=1),
    ]
    suite = suites.Suite("counts", "counts", f"{__name__}:count", "check", (), unit="B", compared=False)
    with runner.Runner(variants, BUDGET) as running:
        row = running.run(suite, tasks.Case(TINY))
    assert {name: timing.median for name, timing in row.timings.items()} == {"low": 0, "high": 7}
    assert row.checks == {"low": 1.1, "high": 1.25}
    assert row.agrees
    assert not replace(row, compared=True).agrees
    assert row.cpu == {}
    assert np.isnan(row.ratio("high", "low"))
    assert table.row_to_dict(row)["ratios"] == {"high": None}
    assert table.line(row, ["low", "high"], "B").split() == ["3-5-2,", "4", "0", "B", "7", "B", "1.1"]
    assert {variant.library for variant in variants} == {"counting"}


def test_what_has_nothing_to_compare_leaves_the_comparison_to_others():
    suite = suites.Suite("rates", "rates", f"{__name__}:nothing_to_compare", "check", (), unit="flop/s")
    with runner.Runner([NUMPY], BUDGET) as running:
        row = running.run(suite, tasks.Case(TINY))
    assert row.checks == {}
    assert row.ok
    assert "GF/s" in table.line(row, ["numpy"], "flop/s")
    assert table.row_to_dict(row)["libraries"]["numpy"]["check"] is None


def test_a_suite_may_name_who_takes_part(capsys):
    changed = GDCORE.variant("adam", optimizer="adam", learning_rate=0.01)
    suite = replace(suites.train_suite([TINY]), contenders=(GDCORE, changed, NUMPY), compared=False, cpu=True)
    assert command.run_command(["--quick", "--libraries", "gdcore"], "bench", (suite,), (GDCORE, NUMPY)) == 0
    text = capsys.readouterr().out
    assert "adam ~IQR" in text
    assert "numpy ~IQR" not in text
    assert "CPU seconds" in text
    assert f"gdcore: gdcore {gd.__version__}" in text


def test_cpu_seconds_are_those_of_the_work():
    row = run(NUMPY, problem=replace(TINY, widths=(64, 256, 8), batch=32))
    [timing] = row.timings.values()
    [cpu] = row.cpu.values()
    assert 0 < cpu.median < 3 * timing.median


@pytest.mark.parametrize(("rows", "flops"), [(1, 2 * 25), (4, 4 * 2 * 25)])
def test_operations_are_counted_from_the_widths(rows, flops):
    assert TINY.forward_flops(rows) == flops
    assert replace(TINY, widths=(3, 5)).step_flops == 2 * (2 * 4 * 15)


@pytest.mark.parametrize("options", [{"dtype": "float64"}, {"shuffle": True}, {"l2": 0.5}, {"clip_norm": 0.01}])
def test_options_change_what_gdcore_does(options):
    plain = run(GDCORE)
    changed = run(GDCORE, NUMPY, problem=replace(TINY, **options))
    assert changed.checks["gdcore"] != plain.checks["gdcore"]
    assert ("numpy" in changed.refused) == ("dtype" not in options)
    assert changed.ok


def test_threads_of_a_variant_are_its_cores():
    if machine.usable_cores() < 2:
        pytest.skip("one core")
    suite = suites.Suite("cores", "cores", f"{__name__}:count_cores", "check", (), unit="B", compared=False)
    with runner.Runner([NUMPY.variant("two", threads=2), NUMPY], BUDGET) as running:
        row = running.run(suite, tasks.Case(TINY))
    assert {name: timing.median for name, timing in row.timings.items()} == {"two": 2, "numpy": 1}

"""Healthy runs on real data are left in peace."""

import pytest
from healthy_real import FOLDS, REAL, run

NOTES = {"converged", "still falling", "dead relu units", "saturated units", "hardly better than a constant"}


@pytest.mark.parametrize("fold", range(FOLDS))
@pytest.mark.parametrize("name", REAL)
def test_a_healthy_run_has_no_problem(name, fold):
    found = run(name, fold)
    assert found.ok, found
    assert set(found.kinds) <= NOTES, found

"""What the tests of pipelines share."""

import pytest

from gdcore._kernels import lane_order, load


@pytest.fixture
def columns():
    """Let columns lie in the lanes everywhere, as they do in a stage."""
    for dtype in ("float32", "float64"):
        load(dtype).set_lanes("columns")
    yield
    for dtype in ("float32", "float64"):
        load(dtype).set_lanes(lane_order())

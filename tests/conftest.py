"""What the tests share: every compiled variant that this machine runs, and seeded numbers."""

import numpy as np
import pytest

import gdcore as gd
from gdcore._kernels import SUPPORTED, load, using
from gdcore.claims import DOCUMENTS

VARIANTS = [(isa, dtype) for isa in SUPPORTED for dtype in ("float32", "float64")]

for _name in gd.__all__:  # tests read vars(gd), which holds what was asked for
    getattr(gd, _name)


@pytest.fixture(scope="session", params=VARIANTS, ids="-".join)
def kernels(request):
    """The compiled module of an instruction set and a precision."""
    isa, dtype = request.param
    return load(dtype, isa)


@pytest.fixture(scope="session")
def dtype(kernels):
    return np.dtype(kernels.PRECISION)


@pytest.fixture(scope="session")
def eps(dtype):
    return float(np.finfo(dtype).eps)


@pytest.fixture(scope="module", params=SUPPORTED)
def isa(request):
    """An instruction set that models and trainers use while the test runs."""
    with using(request.param):
        yield request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pyplot():
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


@pytest.fixture(scope="session")
def sections():
    """Every section of every document, measured once: name of the document -> sections."""
    return {document.name: [measure() for measure in document.sections] for document in DOCUMENTS}

"""The examples in docstrings that need no other library."""

import doctest
import importlib

import pytest

MODULES = ("c.forms", "c.header", "c.names", "torch.into")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    found = doctest.testmod(importlib.import_module(f"gdcore.interop.{name}"))
    assert found.attempted > 0
    assert found.failed == 0

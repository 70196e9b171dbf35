"""scikit-learn's own tests of its estimators, from the installed package, run on gdcore's.

Design
------
- The source of the test file is read, scikit-learn's classes are replaced by name, and what is left is executed: their
  parametrized lists then hold gdcore's classes.
- The adapters add two private attributes that the tests read, and nothing else.
- What cannot apply is listed, each with its reason; an entry that no test has fails, and so does a listed test that
  passes after all.
"""

import importlib.util
import types
from pathlib import Path

import pytest

from gdcore import sklearn as ours


class _Optimizer:
    def __init__(self, learning_rate):
        self.learning_rate = learning_rate


class MLPClassifier(ours.MLPClassifier):
    _no_improvement_count = property(lambda self: self._record.count)
    _optimizer = property(lambda self: _Optimizer(self.trainer_.learning_rate / self._objective().scale))


class MLPRegressor(ours.MLPRegressor):
    _no_improvement_count = property(lambda self: self._record.count)
    _optimizer = property(lambda self: _Optimizer(self.trainer_.learning_rate / self._objective().scale))


class SGDClassifier(ours.SGDClassifier):
    pass


class SGDRegressor(ours.SGDRegressor):
    pass


for _kind in (MLPClassifier, MLPRegressor, SGDClassifier, SGDRegressor):  # scikit-learn reads the parameters' names from the class itself
    _kind.__init__ = vars(_kind.__mro__[1])["__init__"]


def load(name, replaced):
    """Execute a test module of scikit-learn with pieces of its source replaced, each of which must occur."""
    path = Path(importlib.util.find_spec(name).origin)
    source = path.read_text(encoding="utf-8")
    for old, new in replaced.items():
        assert old in source, old
        source = source.replace(old, new)
    module = types.ModuleType(f"{name}_on_gdcore")
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def marked(module, refused):
    """Return the module's tests by name; those that are listed are expected to fail, strictly where whole."""
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    unknown = set(refused) - set(tests)
    assert not unknown, f"no such tests: {sorted(unknown)}"
    return {name: test for name, test in tests.items() if name not in refused}


def failing(module, name):
    """Run a test that is listed as a whole and has no parameters; return whether it fails."""
    with pytest.raises(BaseException):  # noqa: B017, PT011  # whatever it fails with
        vars(module)[name]()

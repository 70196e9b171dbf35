"""scikit-learn's own tests of its estimators, from the installed package, run on gdcore's.

Design
------
- The source of the test file is read, scikit-learn's classes are replaced by name, and what is left is executed: their
  parametrized lists then hold gdcore's classes.
- The adapters add two private attributes and a table of names that the tests read, and nothing else.
- What cannot apply is listed, each with its reason, as strict expected failures: an entry that no test has fails, and
  so does a listed test that passes after all.
"""

import importlib.util
import sys
import types
from pathlib import Path

import pytest
import sklearn
from sklearn import linear_model

from gdcore import sklearn as ours

VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))


def since(major, minor, reason):
    """Return a mark that skips a test where scikit-learn is older."""
    return pytest.mark.skipif((major, minor) > VERSION, reason=f"scikit-learn >= {major}.{minor}: {reason}")


class _Optimizer:
    def __init__(self, learning_rate):
        self.learning_rate = learning_rate


class MLPClassifier(ours.MLPClassifier):
    _no_improvement_count = property(lambda self: self._record.count)
    _optimizer = property(lambda self: _Optimizer(self.trainer_.learning_rate / self._converted_loss().scale))


class MLPRegressor(ours.MLPRegressor):
    _no_improvement_count = property(lambda self: self._record.count)
    _optimizer = property(lambda self: _Optimizer(self.trainer_.learning_rate / self._converted_loss().scale))


class SGDClassifier(ours.SGDClassifier):
    loss_functions = linear_model.SGDClassifier.loss_functions


class SGDRegressor(ours.SGDRegressor):
    pass


for _kind in (
    MLPClassifier,
    MLPRegressor,
    SGDClassifier,
    SGDRegressor,
):  # scikit-learn reads the parameters' names from the class itself
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
    sys.modules[module.__name__] = module  # its classes can be pickled
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def taken(module, refused, without=(), partly=(), reason=""):
    """Return the module's tests by name, those that are refused as strict expected failures with their reasons.

    Parameters that hold one of the classes `without` are left out, and tests that are left without any. The tests
    named in `partly`, a dict of name -> classes, are refused for parameters that hold one of these, for one reason.
    """
    tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    unknown = set(refused) - set(tests)
    assert not unknown, f"no such tests: {sorted(unknown)}"
    found = {}
    for name, test in tests.items():
        marks = [_without(mark, without) for mark in getattr(test, "pytestmark", [])]
        if not all(mark.name != "parametrize" or mark.args[1] for mark in marks):
            continue
        if name in partly:
            marks = [_refused(mark, partly[name], reason) for mark in marks]
        test.pytestmark = marks
        found[name] = pytest.mark.xfail(strict=True, reason=refused[name])(test) if name in refused else test
    return found


def _without(mark, classes):
    """Return a mark with those of its parameters left out that hold one of these classes."""
    if mark.name != "parametrize":
        return mark
    names, values = mark.args[:2]
    return pytest.mark.parametrize(names, [v for v in values if not _holds(v, classes)], **mark.kwargs).mark


def _refused(mark, classes, reason):
    """Return a mark with those of its parameters that hold one of these classes as strict expected failures."""
    if mark.name != "parametrize":
        return mark
    names, values = mark.args[:2]
    fails = pytest.mark.xfail(strict=True, reason=reason)
    marked = [
        pytest.param(*(v if isinstance(v, list | tuple) else [v]), marks=fails) if _holds(v, classes) else v
        for v in values
    ]
    return pytest.mark.parametrize(names, marked, **mark.kwargs).mark


def _holds(value, classes):
    """Return whether a parameter, or one of a group of them, is one of the classes."""
    return any(part in classes for part in (value if isinstance(value, list | tuple) else [value]))

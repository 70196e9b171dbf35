"""Dense networks and linear models trained by gradient descent on a CPU.

Fast, checked, explained: compiled kernels, a gradient checker, and runs that say why they stopped.

    >>> import gdcore as gd
    >>> net = gd.MLP([2, 8, 1], activation="tanh", seed=0)
    >>> history = net.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], loss="mse", epochs=500)
    >>> net.predict([[0, 1]]).shape
    (1, 1)

What there is; `help(gdcore.Adam)`, and so for every name, tells more.

Models
    MLP             a multilayer perceptron from a list of layer sizes
    LinearModel     one dense layer: linear or logistic regression
    Sequential      any layers; fit, predict, predict_proba, classify, evaluate, score, loss, loss_and_grad
    Dense, LayerNorm, Dropout       layers (LAYERS)
    Standardize, MinMax, Log1p      scale the inputs
    ScaledTarget                    scales the targets
    softmax                         turns outputs into probabilities

Training
    Trainer         steps, epochs and fits that continue; state_dict
    History         what a fit recorded; plot, to_pandas
    EarlyStopping, LossThreshold, GradientNormThreshold, RelativeChange, TimeLimit
                                    end a fit: stop= (CRITERIA)
    Callback, EpochEnd              called after each epoch: callbacks=
    Polyak, EMA                     average the parameters: average=
    DivergedError, OutputRangeWarning

Many models
    fit_many                        train many models at once, each with its own data, seed and hyper-parameters
    Many                            what it returns: a sequence of models, their predictions and histories
    Ensemble                        many models that answer as one
    bootstrap, cross_validate, sweep    built on it: intervals, folds (CrossValidation), a grid (Sweep)
    InterruptedFits, ModelsDivergedWarning, SweepBorderWarning

Files
    save, load                      a model, a trainer, a history or an estimator as one file that is safe to load
    Checkpoint                      saves during a fit: callbacks=
    FileFormatError                 a file is damaged, or none of gdcore

Losses, as a record or by name: LOSSES
    MeanSquaredError "mse", MeanAbsoluteError "mae", Huber, LogCosh, Quantile, Poisson
    EpsilonInsensitive, SquaredEpsilonInsensitive
    CrossEntropy, BinaryCrossEntropy "bce", Hinge, SquaredHinge, ModifiedHuber, Perceptron

Optimizers, as a record or by name: OPTIMIZERS
    SGD, Adam, AdamW, NAdam, Adamax, RAdam, RMSprop, Adagrad, Adadelta, Lion
    LBFGS, ConjugateGradient        all data at once; need SciPy
    OptimizerState                  an optimizer's own step, for any vector of parameters

Initializers, as a record or by name: INITIALIZERS
    GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunNormal, Orthogonal
    Normal, Uniform, Constant, Zeros, Ones

Activations, by name: ACTIVATIONS, of which each is an Activation; LeakyReLU(slope)

Gradients and diagnosis
    check_gradients                 compare a model's gradient with finite differences
    check_gradient                  the same for any function
    GradientReport, GradientError   what they return and raise
    diagnose                        what a run did and what stands in its way: a Diagnosis of each Finding
    preflight                       what to look at before a training: a Preflight
    compare                         several runs side by side: a Comparison
    find_learning_rate              try rising rates on a copy: a RangeTest
    learning_rate_bound             the largest stable rate: a LearningRateBound
    minimize                        any differentiable function: a MinimizeResult

Modules
    data            sources larger than memory: Npy, Shards, Rows, Arrow, Csv
    distributed     several processes and machines, by MPI
    schedules       learning rates that change: Cosine, StepDecay, OneCycle, ReduceOnPlateau, ... (SCHEDULES)
    metrics         what a fit measures besides its loss: Accuracy, R2, MAE, TopK, ... (METRICS)
    interop         to_c, to_onnx, to_torch and from_torch, to_sklearn and from_sklearn
    plot            pictures of runs, models and losses
    tables          read_table, train: from a CSV to a model that takes raw tables

Settings
    get_num_threads, set_num_threads, num_threads       threads of one call
    show_config                     version, instruction sets, threads, compiler
    AVERAGES                        the averages above, as a tuple
"""

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from . import data, metrics
from . import minimize as _minimize  # the package, as cheap as its docstring: see LATER
from ._version import __version__
from .base.calls import explains_constructor
from .base.config import show_config
from .base.elsewhere import where as _where
from .base.later import provide as _provide
from .base.threads import get_num_threads, num_threads, set_num_threads
from .layers.activations import ACTIVATIONS, Activation, LeakyReLU
from .layers.dense import Dense
from .layers.dropout import Dropout
from .layers.initializers import (
    INITIALIZERS,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    Normal,
    Ones,
    Orthogonal,
    Uniform,
    Zeros,
)
from .layers.layer import LAYERS
from .layers.layer_norm import LayerNorm
from .layers.scaling import Log1p, MinMax, Standardize
from .losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    EpsilonInsensitive,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    ModifiedHuber,
    Perceptron,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)
from .losses.probabilities import softmax
from .metrics import METRICS
from .models import MLP, LinearModel, ScaledTarget, Sequential

if TYPE_CHECKING:
    from . import datasets as datasets
    from . import distributed, interop, plot, schedules, tables
    from .diagnosis import (
        Comparison,
        Diagnosis,
        Finding,
        LearningRateBound,
        Preflight,
        RangeTest,
        compare,
        diagnose,
        find_learning_rate,
        learning_rate_bound,
        preflight,
    )
    from .gradcheck import GradientError, GradientReport, check_gradient, check_gradients
    from .io import FileFormatError, load, save
    from .io.checkpoint import Checkpoint
    from .many.bootstrap import bootstrap
    from .many.cross_validation import CrossValidation, cross_validate
    from .many.ensemble import Ensemble
    from .many.errors import InterruptedFits, ModelsDivergedWarning, SweepBorderWarning
    from .many.fit_many import fit_many
    from .many.many import Many
    from .many.sweep import Sweep, sweep
    from .minimize.minimize import minimize
    from .minimize.result import MinimizeResult
    from .optimizers import (
        OPTIMIZERS,
        SGD,
        Adadelta,
        Adagrad,
        Adam,
        Adamax,
        AdamW,
        Lion,
        NAdam,
        OptimizerState,
        RAdam,
        RMSprop,
    )
    from .optimizers.full_batch import LBFGS, ConjugateGradient
    from .schedules import SCHEDULES
    from .training import (
        AVERAGES,
        CRITERIA,
        EMA,
        Callback,
        EarlyStopping,
        EpochEnd,
        GradientNormThreshold,
        History,
        LossThreshold,
        Polyak,
        RelativeChange,
        TimeLimit,
        Trainer,
    )
    from .training.errors import DivergedError, OutputRangeWarning

__all__ = [
    "ACTIVATIONS",
    "AVERAGES",
    "CRITERIA",
    "EMA",
    "INITIALIZERS",
    "LAYERS",
    "LBFGS",
    "LOSSES",
    "METRICS",
    "MLP",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "BinaryCrossEntropy",
    "Callback",
    "Checkpoint",
    "Comparison",
    "ConjugateGradient",
    "Constant",
    "CrossEntropy",
    "CrossValidation",
    "Dense",
    "Diagnosis",
    "DivergedError",
    "Dropout",
    "EarlyStopping",
    "Ensemble",
    "EpochEnd",
    "EpsilonInsensitive",
    "FileFormatError",
    "Finding",
    "GlorotNormal",
    "GlorotUniform",
    "GradientError",
    "GradientNormThreshold",
    "GradientReport",
    "HeNormal",
    "HeUniform",
    "Hinge",
    "History",
    "Huber",
    "InterruptedFits",
    "LayerNorm",
    "LeakyReLU",
    "LearningRateBound",
    "LecunNormal",
    "LinearModel",
    "Lion",
    "Log1p",
    "LogCosh",
    "LossThreshold",
    "Many",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MinMax",
    "MinimizeResult",
    "ModelsDivergedWarning",
    "ModifiedHuber",
    "NAdam",
    "Normal",
    "Ones",
    "OptimizerState",
    "Orthogonal",
    "OutputRangeWarning",
    "Perceptron",
    "Poisson",
    "Polyak",
    "Preflight",
    "Quantile",
    "RAdam",
    "RMSprop",
    "RangeTest",
    "RelativeChange",
    "ScaledTarget",
    "Sequential",
    "SquaredEpsilonInsensitive",
    "SquaredHinge",
    "Standardize",
    "Sweep",
    "SweepBorderWarning",
    "TimeLimit",
    "Trainer",
    "Uniform",
    "Zeros",
    "__version__",
    "bootstrap",
    "check_gradient",
    "check_gradients",
    "compare",
    "cross_validate",
    "data",
    "diagnose",
    "distributed",
    "find_learning_rate",
    "fit_many",
    "get_num_threads",
    "interop",
    "learning_rate_bound",
    "load",
    "metrics",
    "minimize",
    "num_threads",
    "plot",
    "preflight",
    "save",
    "schedules",
    "set_num_threads",
    "show_config",
    "softmax",
    "sweep",
    "tables",
]


LATER = {
    "datasets": (), "distributed": (),
    "diagnosis": ("Comparison", "Diagnosis", "Finding", "LearningRateBound", "Preflight", "RangeTest",
                  "compare", "diagnose", "find_learning_rate", "learning_rate_bound", "preflight"),
    "gradcheck": ("GradientError", "GradientReport", "check_gradient", "check_gradients"),
    "interop": (),
    "io": ("FileFormatError", "load", "save"),
    "io.checkpoint": ("Checkpoint",),
    "many.bootstrap": ("bootstrap",),
    "many.cross_validation": ("CrossValidation", "cross_validate"),
    "many.ensemble": ("Ensemble",),
    "many.errors": ("InterruptedFits", "ModelsDivergedWarning", "SweepBorderWarning"),
    "many.fit_many": ("fit_many",),
    "many.many": ("Many",),
    "many.sweep": ("Sweep", "sweep"),
    "minimize.minimize": ("minimize",),
    "minimize.result": ("MinimizeResult",),
    "optimizers": ("OPTIMIZERS", "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "Lion", "NAdam",
                   "OptimizerState", "RAdam", "RMSprop"),
    "optimizers.full_batch": ("LBFGS", "ConjugateGradient"),
    "plot": (),
    "schedules": ("SCHEDULES",), "tables": (),
    "training": ("AVERAGES", "CRITERIA", "EMA", "Callback", "EarlyStopping", "EpochEnd", "GradientNormThreshold",
                 "History", "LossThreshold", "Polyak", "RelativeChange", "TimeLimit", "Trainer"),
    "training.errors": ("DivergedError", "OutputRangeWarning"),
}  # fmt: skip
"""Rooms that are imported when one of their names is first asked for. The block above tells type checkers the same.

The function `minimize` has the name of its package. Only the first import of a package binds its name in the one that
holds it: so that package, which is empty, was imported above, its name is deleted below, and nothing binds it again.
"""

EXTRAS = ("sklearn",)
"""Rooms that need an extra, and are imported when they are first asked for."""

_provide("data", lambda: import_module("gdcore.data.moments"))
_provide("sklearn", lambda: import_module("gdcore.sklearn.saving"))
for _name in ("distributed", "io", "io.checkpoint", "models", "plot", "report", "tables"):
    _provide(_name, partial(import_module, f"gdcore.{_name}"))

_room_of = {name: room for room, names in LATER.items() for name in names}


def _explain(*things: object) -> None:
    """Let the constructors of the classes among `things` answer arguments that they do not take."""
    for thing in things:
        if isinstance(thing, type) and not issubclass(thing, BaseException):
            explains_constructor(thing)


_explain(*(globals()[_name] for _name in __all__ if _name in globals()))

if not TYPE_CHECKING:  # or every name would pass
    del _minimize, minimize

    def __getattr__(name: str) -> object:
        """Import and return what `LATER` names."""
        room = name if name in LATER or name in EXTRAS else _room_of.get(name)
        if room is None:
            more = "" if name.startswith("_") else _where(name, tuple(__all__))
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}{more}", name=name, obj=sys.modules[__name__]
            )
        found = import_module(f"{__name__}.{room}")
        if room != name:
            found = getattr(found, name)
            _explain(found)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    """Return the public names; none to pydoc, which would print the documentation of every class besides."""
    try:
        frame = sys._getframe(1)
    except ValueError:  # the interpreter itself asks, to say "Did you mean" of a misspelled name
        return sorted(__all__)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "inspect":  # which pydoc asks for members
        frame = frame.f_back
    return [] if frame.f_globals.get("__name__") == "pydoc" else sorted(__all__)

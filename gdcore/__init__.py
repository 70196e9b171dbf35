"""gdcore: dense networks and linear models trained by gradient descent on a CPU.

Fast, checked, explained: compiled kernels, a gradient checker, and runs that say why they stopped.

    >>> import gdcore as gd
    >>> net = gd.MLP([2, 8, 1], activation="tanh", seed=0)
    >>> trainer = gd.Trainer(net, "mse", gd.Adam(1e-2))
"""

from . import metrics, plot, schedules
from ._version import __version__
from .base.calls import explains_constructor
from .base.config import show_config
from .base.threads import get_num_threads, num_threads, set_num_threads
from .diagnosis import (
    Diagnosis,
    Finding,
    LearningRateBound,
    RangeTest,
    diagnose,
    find_learning_rate,
    learning_rate_bound,
)
from .gradcheck import GradientError, GradientReport, check_gradient, check_gradients
from .layers.activations import ACTIVATIONS, Activation
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
from .layers.scaling import Log1p, MinMax, Standardize
from .losses import (
    LOSSES,
    BinaryCrossEntropy,
    CrossEntropy,
    Hinge,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    Quantile,
    SquaredHinge,
)
from .losses.probabilities import softmax
from .metrics import METRICS
from .minimize.minimize import MinimizeResult, minimize
from .models import MLP, LinearModel, ScaledTarget, Sequential
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
    "EMA",
    "INITIALIZERS",
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
    "ConjugateGradient",
    "Constant",
    "CrossEntropy",
    "Dense",
    "Diagnosis",
    "DivergedError",
    "Dropout",
    "EarlyStopping",
    "EpochEnd",
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
    "LearningRateBound",
    "LecunNormal",
    "LinearModel",
    "Lion",
    "Log1p",
    "LogCosh",
    "LossThreshold",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MinMax",
    "MinimizeResult",
    "NAdam",
    "Normal",
    "Ones",
    "OptimizerState",
    "Orthogonal",
    "OutputRangeWarning",
    "Poisson",
    "Polyak",
    "Quantile",
    "RAdam",
    "RMSprop",
    "RangeTest",
    "RelativeChange",
    "ScaledTarget",
    "Sequential",
    "SquaredHinge",
    "Standardize",
    "TimeLimit",
    "Trainer",
    "Uniform",
    "Zeros",
    "__version__",
    "check_gradient",
    "check_gradients",
    "diagnose",
    "find_learning_rate",
    "get_num_threads",
    "learning_rate_bound",
    "metrics",
    "minimize",
    "num_threads",
    "plot",
    "schedules",
    "set_num_threads",
    "show_config",
    "softmax",
]


def __dir__() -> list[str]:
    """The public names alone."""
    return sorted(__all__)


for _public in (*(globals()[_name] for _name in __all__), *SCHEDULES, *METRICS):
    if isinstance(_public, type) and not issubclass(_public, BaseException):
        explains_constructor(_public)

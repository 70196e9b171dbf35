"""Messages of the estimators; where scikit-learn's own checks ask for a message, it is scikit-learn's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, final

import numpy as np
from sklearn.utils.multiclass import type_of_target

from ..base import checks
from ..base.checks import short
from ..base.spelling import did_you_mean, one_of_these
from ..diagnosis.rate_words import RateWords
from ..io.errors import FileFormatError
from ..optimizers import Optimizer
from ..schedules import Schedule
from ..training import Callback, StoppingCriterion
from ..training.errors import DivergedError

ESTIMATORS = ("MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor")


def no_warm_ensemble(n: int) -> ValueError:
    """Return the error for an ensemble that is to go on from its last fit."""
    return ValueError(f"warm_start=True goes on with one model, got n_ensemble={n}: set one of the two to its default")


def not_spread(solver: object) -> ValueError:
    """Return the error for a solver of all rows where a fit is shared out between ranks."""
    return ValueError(
        f"comm and spread blocks share out mini-batches, and solver={solver!r} takes all rows at once: pass 'adam' or "
        "'sgd'"
    )


def no_std() -> ValueError:
    """Return the error for a deviation of one model's predictions."""
    return ValueError("return_std=True needs an ensemble: fit with n_ensemble=2 or more")


def flag(name: str, value: object) -> bool:
    """Check and return True or False, of Python or NumPy."""
    return checks.boolean(name, bool(value) if isinstance(value, np.bool_) else value)


def fraction(name: str, value: object) -> float:
    """Check and return a number in the open interval (0, 1)."""
    return checks.inside(name, value, 0, 1)


def patience(name: str, value: object) -> float:
    """Check and return a number of epochs, which may be infinite."""
    if isinstance(value, float) and value == np.inf:
        return value
    return checks.integer(name, value, 1)


def hidden_sizes(value: Any) -> list[int]:
    """Check and return the sizes of the hidden layers: an integer, or a sequence of them, which may be empty."""
    sizes = list(value) if np.iterable(value) and not isinstance(value, str) else [value]
    for size in sizes:
        if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer):
            raise TypeError(f"hidden_layer_sizes must be an integer or several, got {short(value)}")
        if size <= 0:
            raise ValueError(f"hidden_layer_sizes must be > 0, got {short(value)}")
    return [int(size) for size in sizes]


def per_layer(name: str, value: Any, n: int) -> list[Any]:
    """Return one value for each of n hidden layers, from one for all or a list."""
    if not isinstance(value, list | tuple):
        return [value] * n
    if len(value) != n:
        raise ValueError(f"{name} has {len(value)} entries; expected one for each of the {n} hidden layers")
    return list(value)


def one_label(loss: Any) -> ValueError:
    """Return the error for a loss of exclusive classes under several labels per sample."""
    return ValueError(
        f"{loss!r} takes one class per sample, but y has several labels: use loss='log_loss', or a loss of -1 and 1"
    )


def for_numbers(loss: Any) -> ValueError:
    """Return the error for a loss of classes in a regressor."""
    return ValueError(f"{loss!r} takes classes, not numbers: use a loss such as 'squared_error', or a classifier")


def for_counts(loss: Any, estimator: str, names: Sequence[str]) -> ValueError:
    """Return the error for a loss of counts in a classifier."""
    return ValueError(
        f"{loss!r} takes counts, not classes: it is MLPRegressor's, loss='poisson'; {estimator} takes "
        f"{', '.join(names)}"
    )


def loss_elsewhere(loss: str, estimator: str, owners: Sequence[str], names: Sequence[str]) -> ValueError:
    """Return the error for a loss that other estimators take."""
    return ValueError(f"loss={loss!r} is for {one_of_these(owners)}; {estimator} takes {', '.join(names)}")


def no_loss(value: object, names: Sequence[str], estimator: str) -> TypeError:
    """Return the error for what is neither a name nor a loss."""
    sizes = isinstance(value, int | np.integer | tuple | list) and not isinstance(value, bool)
    first = estimator == "MLPRegressor" and sizes
    remedy = f": loss is the first argument, so pass hidden_layer_sizes={short(value)} by name" if first else ""
    return TypeError(f"loss must be one of {', '.join(names)}, or a loss of gdcore, got {short(value)}{remedy}")


def one_versus_rest(loss: Any) -> ValueError:
    """Return the error for a softmax in a linear classifier that compares each class with the rest."""
    return ValueError(
        f"{loss!r} compares all classes at once, and SGDClassifier each one with the rest: use loss='log_loss', "
        "or MLPClassifier(hidden_layer_sizes=()), which is softmax regression"
    )


def passive_aggressive(name: str) -> ValueError:
    """Return the error for scikit-learn's passive-aggressive rates."""
    return ValueError(
        f"learning_rate={name!r} is not available; the nearest is 'constant', with loss='hinge' for classes and "
        "'epsilon_insensitive' for numbers; or use scikit-learn's SGDClassifier"
    )


def unknown_rate(value: object, names: Sequence[str], remedy: str) -> ValueError:
    """Return the error for a learning rate that is neither a name nor a schedule.

    `remedy` says what to pass for a fixed rate, with {value} where the number goes.
    """
    said = f"learning_rate must be {' or '.join(map(repr, names))}, or a schedule, got {short(value)}"
    if isinstance(value, str):
        return ValueError(said + (_as_number(value, remedy) or did_you_mean(value, names)))
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return ValueError(f"{said}: it says how the rate changes; for a fixed one pass {remedy.format(value=value)}")
    if isinstance(value, Optimizer):
        return ValueError(f"{said}: an optimizer is the solver of a network, MLPClassifier(solver={short(value)})")
    if isinstance(value, type) and issubclass(value, Schedule):
        return ValueError(f"{said}: pass {value.__name__}(…)")
    return ValueError(said)


def _as_number(text: str, remedy: str) -> str:
    """Return the remedy for a rate that was passed as text; "" for what is no rate."""
    try:
        value = float(text)
    except ValueError:
        return ""
    return f": pass {remedy.format(value=value)}" if 0 < value < inf else ""


def fixed_rate(name: str, value: object, names: Sequence[str]) -> None:
    """Check the number that a rate begins with; a name or a schedule of rates is `learning_rate`'s."""
    if (isinstance(value, str) and value in names) or isinstance(value, Schedule):
        raise TypeError(
            f"{name} must be a number, got {short(value)}: how the rate changes is learning_rate={short(value)}"
        )
    checks.positive(name, value)


def first_classes() -> ValueError:
    """Return scikit-learn's error for a first partial_fit without classes."""
    return ValueError("classes must be passed on the first call to partial_fit.")


def other_classes(given: Any, known: Any) -> ValueError:
    """Return the error for a later partial_fit with other classes."""
    return ValueError(f"`classes={given!r}` is not the same as on last call to partial_fit, was: {known!r}")


@final
class UnseenClasses(ValueError):
    """Labels that are not among the classes; the message is scikit-learn's, and says what to do."""

    def __init__(self, known: Any, given: Any) -> None:
        super().__init__(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {known}. 'y' has {given}: "
            "pass all classes to the first partial_fit, or call fit"
        )
        self.known, self.given = known, given


def unseen_in(what: str, error: UnseenClasses) -> ValueError:
    """Return the error for labels of validation data that the model has no output for."""
    return ValueError(
        f"{what} has classes {error.given}, but the model knows {error.known}: leave the rows of other classes out of "
        f"{what}, or train on rows of them too"
    )


def mixed_labels(number: Any, text: str) -> ValueError:
    """Return the error for labels of which some are numbers and some text."""
    return ValueError(
        f"y mixes numbers and text, such as {number!r} and {text!r}: make all labels text, for example by y.astype(str)"
    )


def warm_classes(known: Any, given: Any) -> ValueError:
    """Return scikit-learn's error for a warm start with other classes."""
    return ValueError(
        "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously got "
        f"{known}, `y` has {given}"
    )


def one_class(n: int) -> ValueError:
    """Return scikit-learn's error for a linear classifier of fewer than two classes."""
    return ValueError(f"The number of classes has to be greater than one; got {n} class")


def other_outputs(n: int, known: int) -> ValueError:
    """Return the error for targets of another width than those that the model was fitted on."""
    return ValueError(f"y has {n} outputs, but the model was fitted on {known}: call fit, which begins anew")


def balanced_part() -> ValueError:
    """Return scikit-learn's error for balanced class weights in `partial_fit`, which sees a part of the data."""
    return ValueError(
        "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' weights, use "
        "compute_class_weight('balanced', classes=classes, y=y). In place of y you can use a large enough sample of "
        "the full training set target to properly estimate the class frequency distributions. Pass the resulting "
        "weights as the class_weight parameter."
    )


def no_weights(loss: Any) -> TypeError:
    """Return the error for weights under a user's own loss."""
    return TypeError(
        f"sample_weight and class_weight do not go with {checks.callable_name(loss)}, a function of yours: "
        "weight the values inside it"
    )


def in_detail(error: DivergedError, rate: float, words: RateWords) -> str:
    """Return where training met NaN or infinity, at which rate in the user's units, and what to do."""
    return (
        f"training diverged in epoch {error.epoch}, batch {error.batch}: {error.quantity} became infinite or NaN at a "
        f"rate of {rate * words.unit:.3g}; try {words.lower}, clip_norm, or inputs on one scale; diagnose(X, y) tells "
        "which rates are possible"
    )


def diverged(epoch: int, detail: str) -> ValueError:
    """Return the error of a fit that met NaN or infinity; its first sentences are scikit-learn's, for both kinds.

    They count epochs from 1, as scikit-learn does; the detail counts them from 0, as gdcore does.

    Parameters
    ----------
    epoch : int
        Counted from 1.
    detail : str
        As `in_detail` returns it.
    """
    return ValueError(
        "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
        f"preprocessed. Floating-point under-/overflow occurred at epoch #{epoch}. Scaling input data with "
        f"StandardScaler or MinMaxScaler might help. In detail: {detail}"
    )


def nothing_held_out() -> ValueError:
    """Return the error for a validation set of no share of the samples."""
    return ValueError("validation_fraction must be > 0 with early_stopping, got 0: pass 0.1, or validation_data to fit")


def few_held_out() -> ValueError:
    """Return scikit-learn's error for a validation set of less than two samples."""
    return ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")


def empty_split(n: int, share: float) -> ValueError:
    """Return scikit-learn's error for a split that leaves nothing."""
    return ValueError(
        f"Splitting {n} samples into a train set and a validation set with validation_fraction={share!r} led to an "
        "empty set. Please either change validation_fraction, increase number of samples, or disable early_stopping."
    )


def other_init(name: str, received: tuple[int, ...], expected: tuple[int, ...]) -> ValueError:
    """Return scikit-learn's error for initial coefficients of another shape, with the shapes."""
    return ValueError(f"Provided {name} does not match dataset. It has shape {received}; expected {expected}")


def callbacks(value: object) -> None:
    """Check that callbacks are gdcore's, one or several."""
    several = value if isinstance(value, list | tuple) else (value,)
    for each in several:
        if isinstance(each, Callback) or (each is value and isinstance(each, Iterable)):
            continue
        remedy = ""
        if isinstance(each, StoppingCriterion):
            remedy = ": early_stopping, tol and n_iter_no_change say when a fit ends"
        elif type(each).__module__.startswith("sklearn"):
            remedy = ": pass scikit-learn's own to set_callbacks"
        elif callable(each):
            remedy = ": derive a class from gdcore.Callback, whose on_epoch_end is called after each epoch"
        raise TypeError(f"callbacks must be one or several gdcore.Callback, got {short(value)}{remedy}")


def class_weights(value: object) -> None:
    """Check that class weights that are a word are the one word there is."""
    if isinstance(value, str) and value != "balanced":
        raise ValueError(
            f"class_weight must be 'balanced', a dict {{label: weight}} or None, got {value!r}"
            f"{did_you_mean(value, ['balanced'])}"
        )


def first_average(value: object) -> None:
    """Check the `average` of a linear model that is no record: True, False or the first update that counts."""
    if isinstance(value, bool | np.bool_):
        return
    if not isinstance(value, int | np.integer):
        raise TypeError(
            "average must be True, False, the number of the first update that counts, or an average such as "
            f"gdcore.Polyak(), got {short(value)}"
        )
    checks.integer("average", value, 0)


def pair(value: Any) -> tuple[Any, Any]:
    """Check and return validation data, (X, y)."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        more = ": its rows have no weights" if isinstance(value, tuple | list) and len(value) == 3 else ""
        raise TypeError(f"validation_data must be (X, y), got {short(value)}{more}")
    return value[0], value[1]


def is_multilabel(y: Any) -> bool:
    """Return whether y has several labels per sample."""
    return str(type_of_target(y)).startswith("multilabel")


def _with_article(found: Any) -> str:
    """Return what a file holds; the names of all four estimators begin with a letter that is read as a vowel."""
    name = type(found).__name__
    return f"{'an' if name in ESTIMATORS else 'a'} {name}"


def other_class(path: Any, found: Any, kind: type) -> FileFormatError:
    """Return the error for a file that holds something else than an estimator of this class."""
    return FileFormatError(f"{path} holds {_with_article(found)}, not an {kind.__name__}: load it by gdcore.load")


def former_name(loss: str, meant: str, names: Sequence[str]) -> ValueError:
    """Return the error for a name that a loss had, or that is taken for its name."""
    return ValueError(f"unknown loss {loss!r}; known: {', '.join(names)}; did you mean {meant!r}?")

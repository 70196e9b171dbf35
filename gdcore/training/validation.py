"""The data of a fit, and the validation data: given beside the training data, or split off them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.class_weight import ClassWeight, class_sums, class_weighted, factors_of
from ..data.names import feature_names
from ..data.samples import Samples, Source
from ..losses import CustomLoss, Loss
from . import checks as training_checks
from .state import TrainingState

if TYPE_CHECKING:
    from ..data.stream import Data

ValidationData = tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike] | Source
"""(X, y), (X, y, sample_weight), or a source."""

STREAM = 0x5EED
"""Seeds the split together with the trainer's seed, so that its random numbers are independent of shuffling and
dropout."""


def take_validation(state: TrainingState, given: object) -> Data:
    """Check validation data like training data; a source holds its own weights.

    Raises
    ------
    TypeError, ValueError
        For what is not (X, y) or (X, y, sample_weight), and for arrays that do not fit.
    """
    if type(given) is not tuple and isinstance(given, Source):
        return _take_source(state, given, 1)
    X, y, weight = training_checks.validation_data(given)
    try:
        return state.take(X, y, weight)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from None


D = TypeVar("D", bound="Data")


def weigh_validation(data: D, factors: Mapping[int, float], loss: Loss | CustomLoss, n_out: int) -> D:
    """Apply the class weights of the training data to the validation data.

    Raises
    ------
    ValueError
        If no sample has a weight above 0.
    """
    try:
        found: D = _weighted(data, factors, loss, n_out)
    except ValueError as error:
        raise ValueError(f"validation_data: {error}") from None
    return found


def _weighted(data: Data, factors: Mapping[int, float], loss: Loss | CustomLoss, n_out: int) -> Any:
    """Return data whose weights are multiplied by the factors of their classes."""
    if isinstance(data, Samples):
        return class_weighted(data, factors, loss, n_out)
    return data.with_factors(factors)


def split_validation(data: Samples, share: object, loss: Loss | CustomLoss, seed: int) -> tuple[Samples, Samples]:
    """Split samples at random into training data and validation data, each in the original order.

    Parameters
    ----------
    data : Samples
    share : float
        Share of the samples, in (0, 1), that become validation data. For classes it holds for each class, up to whole
        samples; every class keeps at least one training sample.
    loss : Loss or callable
    seed : int

    Examples
    --------
    >>> from gdcore.losses import CrossEntropy
    >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    >>> kept, held = split_validation(Samples(np.ones((8, 1)), None, labels, None, labels), 0.25, CrossEntropy(), 0)
    >>> np.bincount(kept.labels), np.bincount(held.labels)
    (array([3, 3]), array([1, 1]))
    """
    held = held_out(data, share, loss, seed)
    return _rows(data, ~held, "training"), _rows(data, held, "validation")


def held_out(data: Samples, share: object, loss: Loss | CustomLoss, seed: int) -> NDArray[np.bool_]:
    """Return which samples become validation data, shape (n,); the arguments are those of `split_validation`."""
    n = len(data.X)
    count = training_checks.held_out(share, n)
    rng = np.random.default_rng((seed, STREAM))
    classes = _classes(data, loss)
    groups = [np.arange(n)] if classes is None else [np.flatnonzero(classes == c) for c in np.unique(classes)]
    held = np.zeros(n, np.bool_)
    for rows, taken in zip(groups, _shares([len(rows) for rows in groups], count), strict=True):
        held[rng.permutation(rows)[:taken]] = True
    return held


def _classes(data: Samples, loss: Loss | CustomLoss) -> NDArray[Any] | None:
    """Return the class of each sample (n,), or None if the targets are no classes."""
    if data.labels is not None:
        return data.labels
    kind = loss.target if isinstance(loss, Loss) else ""
    if data.target is None or kind not in ("unit", "sign") or data.target.shape[1] != 1:
        return None
    column: NDArray[Any] = data.target[:, 0]
    return column if kind == "sign" or np.isin(column, (0, 1)).all() else None


def _shares(sizes: list[int], count: int) -> list[int]:
    """Return how many to take from each group: `count` in all by the largest remainders, but never a whole group."""
    exact = np.array(sizes) * (count / sum(sizes))
    taken = np.minimum(exact.astype(np.int64), np.array(sizes) - 1)
    for i in np.argsort(taken - exact, kind="stable"):
        if taken.sum() < count and taken[i] < sizes[i] - 1:
            taken[i] += 1
    return [int(number) for number in taken]


def _rows(data: Samples, chosen: NDArray[np.bool_], what: str) -> Samples:
    weight, sample_weight = (None if array is None else array[chosen] for array in (data.weight, data.sample_weight))
    training_checks.weighted_part(weight, int(chosen.sum()), what)
    target, labels = (None if array is None else array[chosen] for array in (data.target, data.labels))
    return Samples(data.X[chosen], target, labels, weight, np.asarray(data.y)[chosen], sample_weight)


def take_epoch_data(state: TrainingState, X: object, y: object, sample_weight: object) -> Data:
    """Check and return the data of an epoch by itself."""
    if not isinstance(X, Source):
        return _take(state, X, y, sample_weight, "epoch(X, y, sample_weight)")
    training_checks.whole_source(state.settings.optimizer, y, sample_weight)
    return take_fit_data(state, X, None, None, None, None, None)[0]


def take_fit_data(
    state: TrainingState,
    X: object,
    y: object,
    sample_weight: object,
    class_weight: ClassWeight | None,
    validation_data: ValidationData | None,
    validation_split: float | None,
) -> tuple[Data, Data | None]:
    """Check and return training and validation data with their weights; class weights are the training data's.

    The model remembers the feature names.
    """
    source = X if type(X) is not np.ndarray and isinstance(X, Source) else None
    if source is not None:
        training_checks.whole_source(state.settings.optimizer, y, sample_weight)
    stack, loss, begun = state.stack, state.settings.loss, state.steps_done > 0
    names = stack.feature_names
    if not begun:
        stack.feature_names = feature_names(X)
    try:
        data: Data
        if source is not None:
            rows = state.settings.batch_size * state.settings.accumulate
            data = _take_source(state, source, min(rows, source.n_samples))
        else:
            data = _take(state, X, y, sample_weight, "fit(X, y)")
        validation: Data | None = None
        if validation_split is not None:
            training_checks.one_validation(validation_data)
            if not isinstance(data, Samples):
                raise training_checks.split_of_stream(data.n, data.window)
            data, validation = split_validation(data, validation_split, loss, state.seed)
        elif validation_data is not None:
            validation = take_validation(state, validation_data)
        if class_weight is not None:
            n_out = stack.out_features
            sums = class_sums(data, loss, n_out) if isinstance(data, Samples) else data.class_sums()
            factors = factors_of(sums, class_weight)
            data = _weighted(data, factors, loss, n_out)
            if validation is not None:
                validation = weigh_validation(validation, factors, loss, n_out)
    except BaseException:
        stack.feature_names = names
        raise
    return data, validation


def _take(state: TrainingState, X: object, y: object, sample_weight: object, call: str) -> Samples:
    """Check and return samples in memory; `call` is how they are passed."""
    try:
        return state.take(X, y, sample_weight)
    except TypeError as error:
        if y is None:
            raise training_checks.needs_y(call, error) from None
        raise


def _take_source(state: TrainingState, source: Source, size: int) -> Data:
    from ..data.stream import take_source  # which arrays do without

    return take_source(source, state.stack, state.settings.loss, size)

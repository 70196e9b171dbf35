"""Samples in the form that kernels take: validated, contiguous, of the model's precision; and where they come from.

Design
------
`Source` stands here, and not beside its classes, so that `import gdcore` brings no module more: what trains and
predicts asks whether X is one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._kernels import load
from .._kernels.sparse_rows import SparseRows
from ..base import checks
from ..base.not_arrays import is_sparse
from ..layers.stack import Stack
from ..losses import CustomLoss, Loss
from . import checks as data_checks
from .names import check_names

if TYPE_CHECKING:
    from .reading import Reading

NATIVE = {name: np.dtype(name) for name in ("float32", "float64")}
"""NumPy's own objects of these dtypes, which arrays share unless their bytes are swapped."""

Inputs = Any
"""An array (n, in_features), or `SparseRows` in its place."""


class Source(ABC):
    """Interface of data that are read block by block, such as files larger than memory.

    A source takes the place of X and y in `fit`, `epoch`, `predict`, `loss`, `evaluate` and `validation_data`. To make
    one of your own, write these five; `gdcore.data.Rows` makes one of anything that has a length and can be sliced.
    """

    @property
    @abstractmethod
    def n_samples(self) -> int:
        """Number of rows."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Number of columns of X."""

    @property
    @abstractmethod
    def reading(self) -> Reading:
        """How many rows are read and kept at a time, and in which order."""

    @abstractmethod
    def read(self, first: int, end: int) -> tuple[Any, Any]:
        """Return X and y of rows first … end - 1, which `fit` takes as they are; y is None where there are no targets.

        It is called in another thread than `fit`, by one thread at a time. An error that it raises ends the fit. Where
        the data are larger than a window, a fit reads the next epoch's first one before callbacks see this epoch's end.
        """

    def read_into(self, first: int, end: int, X: NDArray[Any]) -> tuple[Any, Any]:
        """Return what `read` does; X may be in the given array (end - first, n_features), which saves a copy."""
        return self.read(first, end)

    def read_pieces(self, pieces: Iterable[tuple[int, int, NDArray[Any]]]) -> Generator[tuple[Any, Any], None, None]:
        """Yield what `read_into` returns for each piece (first, end, X).

        A source may read the next piece while the caller is at the one before, but must not write to its array before
        it is asked for the piece.
        """
        for first, end, X in pieces:
            yield self.read_into(first, end, X)

    def read_targets(self, first: int, end: int) -> Any:
        """Return y of rows first … end - 1; a source that need not read X for this may say how."""
        return self.read(first, end)[1]

    def read_weights(self, first: int, end: int) -> Any:
        """Return the sample weights (end - first,) of rows first … end - 1; by default None: all are 1."""
        return None

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that are read, which `predict` refuses to write to; by default none."""
        return ()

    @abstractmethod
    def place(self, row: int, of: str) -> tuple[str, int]:
        """Return the name of the file that holds a row, and the row's number in it; `of` is "X", "y" or "weight"."""


class Samples(NamedTuple):
    """Inputs, targets or labels, and weights.

    Exactly one of `target` (n, k) and `labels` (n,) is given; with a custom loss neither, only `y` as passed.
    X is an array (n, n_features) or `SparseRows`.
    The loss uses `weight`, metrics use `sample_weight`; the two are equal without class weights.
    """

    X: Inputs
    target: NDArray[Any] | None
    labels: NDArray[np.int64] | None
    weight: NDArray[Any] | None
    y: Any
    sample_weight: NDArray[Any] | None = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def head(self) -> Samples:
        """The samples themselves; of a stream, the first ones."""
        return self

    @property
    def targets(self) -> NDArray[Any]:
        """Labels (n,), targets (n, k), or with a custom loss y as passed."""
        found: NDArray[Any] = self.y if self.target is None else self.target
        return found if self.labels is None else self.labels

    def rows(self, first: int, end: int) -> Samples:
        """Return rows first … end - 1 as views."""
        stretch = slice(first, end)
        return Samples(*(None if array is None else array[stretch] for array in self))

    def taken(self, rows: NDArray[np.int64]) -> Samples:
        """Return copies of the rows of these numbers, in their order."""
        given = (self.target, self.labels, self.weight, self.sample_weight)
        target, labels, weight, sample_weight = (None if array is None else array[rows] for array in given)
        return Samples(self.X[rows], target, labels, weight, np.asarray(self.y)[rows], sample_weight)


def checked_samples(
    X: object,
    y: Any,
    sample_weight: object,
    *,
    n_in: int,
    n_out: int,
    dtype: str,
    loss: Loss | CustomLoss,
    lowest: NDArray[np.float64] | None = None,
) -> Samples:
    """Check X (n, n_in), y and sample_weight (n,) against a loss and the sizes of a model; SparseRows are checked.

    If `lowest` (n_in,) is given, the columns must be above it.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was received, what is required and the remedy.
    """
    if not isinstance(X, SparseRows):
        X = data_checks.inputs(X, n_in, dtype, lowest)
    return with_targets(X, y, sample_weight, loss, n_out, dtype)


def with_targets(X: Inputs, y: Any, sample_weight: object, loss: Loss | CustomLoss, n_out: int, dtype: str) -> Samples:
    """Return checked inputs (n, n_in) with y and sample_weight, which are checked here; see `checked_samples`."""
    n = len(X)
    if not isinstance(loss, Loss):
        data_checks.no_weight(sample_weight)
        array = checks.plain_array("y", y)
        if array.ndim == 0 or len(array) != n:
            raise ValueError(f"y has shape {array.shape}; expected {n} rows, as X has")
        checks.refuse_nan("y", y, array)
        return Samples(X, None, None, None, array)
    weight = None if sample_weight is None else data_checks.sample_weight(sample_weight, n, dtype)
    if weight is not None:
        data_checks.sum_in_range("sample_weight", weight)
    if loss.target == "class" and n_out == 1:
        raise ValueError(
            f"{loss.name} needs an output per class, but the model has 1: give it more, or take binary_cross_entropy"
        )
    if loss.target == "class":
        array = checks.plain_array("y", y)
        names = array.ndim < 2 or array.dtype.kind in "OUST"
        if names or (array.dtype.kind in "biu" and (n_out == 1 or array.shape != (n, n_out))):
            return Samples(X, None, data_checks.labels(y, n, n_out, array), weight, array, weight)
    return Samples(X, data_checks.targets(y, n, n_out, loss.target, dtype), None, weight, y, weight)


def take_samples(
    stack: Stack, X: object, y: Any, sample_weight: object, loss: Loss | CustomLoss, dtype: str | None = None
) -> Samples:
    """Check samples against a stack and a loss; compare column names and convert targets to the stack's units.

    Parameters
    ----------
    stack : Stack
    X : array_like or sparse matrix, shape (n, in_features)
    y : array_like
        Whatever the loss takes.
    sample_weight : array_like, shape (n,), or None
    loss : Loss or callable
    dtype : {"float32", "float64"}, optional
        By default the stack's.

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what was received, what is required and the remedy.
    """
    check_names(stack.feature_names, X)
    precision = stack.dtype if dtype is None else dtype
    if sample_weight is None and type(X) is np.ndarray and type(y) is np.ndarray:
        ready = _ready_samples(stack, X, y, loss, precision)
        if ready is not None:
            return ready
    X = _sparse(stack, X, precision)
    if stack.target_scale is not None:
        if isinstance(loss, Loss):
            data_checks.real_targets(loss.name, loss.target)
        y = stack.target_scale.standardized(y)
    return checked_samples(
        X,
        y,
        sample_weight,
        n_in=stack.in_features,
        n_out=stack.out_features,
        dtype=precision,
        loss=loss,
        lowest=stack.lowest,
    )


def _ready_samples(
    stack: Stack, X: NDArray[Any], y: NDArray[Any], loss: Loss | CustomLoss, dtype: str
) -> Samples | None:
    """Return samples that kernels take as they stand, as most calls of a loop bring; None where more is to be done."""
    if X.dtype is not NATIVE[dtype] or y.dtype is not X.dtype or X.ndim != 2:
        return None
    n, n_out, x_flags, y_flags = len(X), stack.out_features, X.flags, y.flags
    if not (n and x_flags.c_contiguous and x_flags.aligned and y_flags.c_contiguous and y_flags.aligned):
        return None
    if X.shape[1] != stack.in_features or (y.shape != (n, n_out) and (n_out > 1 or y.shape != (n,))):
        return None
    if stack.lowest is not None or stack.target_scale is not None:
        return None
    if not isinstance(loss, Loss) or loss.target != "real":
        return None
    all_finite = load(dtype).all_finite
    if not (all_finite(X.reshape(-1)) and all_finite(y.reshape(-1))):
        return None
    return Samples(X, y if y.ndim == 2 else y[:, None], None, None, y)


def inputs_of(stack: Stack, X: object) -> Inputs:
    """Return X (n, in_features) in the stack's precision; its column names must be those of the fit."""
    check_names(stack.feature_names, X)
    X = _sparse(stack, X, stack.dtype)
    return X if isinstance(X, SparseRows) else data_checks.inputs(X, stack.in_features, stack.dtype, stack.lowest)


def _sparse(stack: Stack, X: object, dtype: str) -> object:
    """Return a sparse matrix as checked SparseRows of a precision, and dense inputs as they are."""
    if type(X) is np.ndarray:
        return X
    if isinstance(X, SparseRows):
        return X if X.dtype == dtype else X.astype(dtype)
    if not is_sparse(X):
        return X
    from .sparse import sparse_rows  # few programs have sparse inputs

    return sparse_rows(stack, X, dtype)


def own_targets(stack: Stack, data: Samples) -> NDArray[Any]:
    """Return what metrics compare predictions with: the samples' targets, numbers in the units of y."""
    found = data.targets
    return found if stack.target_scale is None or data.labels is not None else stack.target_scale.restored(found)

"""`Sequential`, a network as a user sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._kernels.errors import Unfit
from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.later import later
from ..data.class_weight import ClassWeight
from ..data.samples import Source, inputs_of
from ..data.sparse_checks import dense_only
from ..layers.layer import Layer
from ..layers.stack import Model, Names, Stack
from ..layers.target import ScaledTarget
from ..losses import CustomLoss, Loss, get_loss
from ..metrics import Metrics
from ..objective import checks as objective_checks
from ..objective.build import objective_of
from . import checks as models_checks
from .answers import classify, evaluate, predict_proba, score
from .summary import arguments, summary

if TYPE_CHECKING:  # a model predicts without what trains it, which `fit` imports
    from ..optimizers import Optimizer
    from ..optimizers.full_batch import FullBatch
    from ..training import Average, Callback, History
    from ..training.stopping.base import StopSpec
    from ..training.validation import ValidationData


@final
class Sequential(Model):
    """A network of layers, each of which takes the outputs of the one before.

    Parameters
    ----------
    *layers : Dense, LayerNorm, Dropout, Standardize, MinMax, Log1p or ScaledTarget
        Each layer's in_features is the out_features of the one before. At least one is Dense, and every scaling
        layer is followed by a Dense; it scales its own inputs, usually the model's. A ScaledTarget must be last.
    seed : int, optional
        Fixes the initial weights, and shuffling and dropout in training; without it they differ from run to run.
    dtype : {"float32", "float64"}, default "float32"
        Precision of parameters and of everything computed with them.

    Attributes
    ----------
    layers : tuple
    params : ndarray, shape (n_params,)
        The flat vector of all parameters, writable in place.
    in_features, out_features, n_params : int
    trained_loss : Loss, callable or None
        Loss of the last trainer or fit, which `predict_proba`, `classify`, `evaluate` and `score` use by default.
    feature_names : tuple of str or None
        Column names of the data frame that the model was fitted on; a frame with other names is refused.
    target_scale : ScaledTarget or None
        The last layer, if it is a `ScaledTarget`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a layer, or a layer's in_features is not the out_features of the one before.

    Examples
    --------
    >>> import gdcore as gd
    >>> net = gd.Sequential(gd.Dense(2, 3, "tanh"), gd.Dense(3, 1), seed=0)
    >>> [(name, view.shape) for name, view in net.parameters()]
    [('dense0.weight', (2, 3)), ('dense0.bias', (3,)), ('dense1.weight', (3, 1)), ('dense1.bias', (1,))]
    """

    def __init__(self, *layers: Layer, seed: int | None = None, dtype: str = "float32") -> None:
        self._stack = Stack(layers, seed, dtype)
        self._stack.reset()

    @property
    def stack(self) -> Stack:
        """The layers with their parameters and compiled network; for use inside the library."""
        return self._stack

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from the inputs to the outputs."""
        return self._stack.layers

    @property
    def seed(self) -> int | None:
        """Seed of the initial weights, or None."""
        return self._stack.seed

    @property
    def dtype(self) -> str:
        """Precision of the parameters: "float32" or "float64"."""
        return self._stack.dtype

    @property
    def in_features(self) -> int:
        """Number of columns of X."""
        return self._stack.in_features

    @property
    def out_features(self) -> int:
        """Number of columns of the outputs."""
        return self._stack.out_features

    @property
    def n_params(self) -> int:
        """Length of `params`."""
        return self._stack.n_params

    @property
    def target_scale(self) -> ScaledTarget | None:
        """The last layer, where it is one that scales targets."""
        return self._stack.target_scale

    @property
    def trained_loss(self) -> Loss | CustomLoss | None:
        """The loss of the last trainer or fit."""
        loss: Loss | CustomLoss | None = self._stack.trained_loss
        return loss

    @property
    def feature_names(self) -> Names | None:
        """Column names of the data frame of the last fit, or None."""
        return self._stack.feature_names

    def reset(self) -> None:
        """Draw new initial parameters (the same ones if the model has a seed) and forget loss and feature names."""
        self._stack.reset()

    @property
    def params(self) -> NDArray[Any]:
        """The flat vector of all parameters, shape (n_params,); assigning copies into it."""
        return self._stack.params

    @params.setter
    def params(self, value: ArrayLike) -> None:
        self._stack.params = value

    def parameters(self, vector: NDArray[Any] | None = None) -> list[tuple[str, NDArray[Any]]]:
        """Return names and views of the parameters: "dense0.weight" (in_features, out_features), "dense0.bias" (…,), …

        Parameters
        ----------
        vector : ndarray, shape (n_params,), optional
            A gradient or an optimizer's slot to take the views of; by default `params`.
        """
        return self._stack.parameters(vector)

    def predict(self, X: ArrayLike | Source, out: str | PathLike[str] | None = None) -> NDArray[Any]:
        """Return the raw outputs, without dropout; a `ScaledTarget` as last layer restores the targets' units.

        `predict_proba` returns class probabilities and `classify` the classes.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, in_features)
            A matrix or array of SciPy in the format CSR or CSC is not made dense. A source, such as `gdcore.data.Npy`,
            is read block by block.
        out : str or PathLike, optional
            A .npy file that the outputs are written to, whole or not at all; a map of it is returned.
            A file that the source reads is refused.

        Returns
        -------
        ndarray, shape (n, out_features)
        """
        stack = self._stack
        outputs: NDArray[Any] | None = None
        if out is None and type(X) is np.ndarray:
            try:
                outputs = (stack.predicting or stack.network(False)).predict(X)  # a call less, once it is bound
            except Unfit:
                outputs = None  # the general way converts the input or explains the error
        if outputs is None:
            if out is not None or isinstance(X, Source):
                from .streamed import predict  # which arrays do without

                return predict(stack, X, out)
            outputs = stack.network(False).predict(inputs_of(stack, X))
        return outputs if stack.target_scale is None else stack.target_scale.restored(outputs)

    @explains_calls
    def predict_proba(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[Any]:
        """Return the class probabilities, shape (n, k).

        For cross_entropy they are the softmax of the outputs. For binary_cross_entropy with one output they are the
        probabilities of 0 and 1, (n, 2) as in scikit-learn; with several outputs, each one's probability of 1. If
        these came from a classifier by `gdcore.interop.from_sklearn`, whose rows have one class each, they are divided
        by their sum, as the classifier does. Other losses have no probabilities.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        loss : str or Loss, optional
            By default `trained_loss`.
        """
        return predict_proba(self._stack, X, loss)

    @explains_calls
    def classify(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[np.int64]:
        """Return the likeliest classes in the form of the loss's targets: (n,), or (n, k) for several binary outputs.

        They are 0 … k-1 for cross_entropy, 0 or 1 for binary_cross_entropy, and -1 or 1 for the losses of margins, such
        as hinge. A model that `gdcore.interop.from_sklearn` has made of a classifier numbers the classes 0 … k-1 as its
        `classes_` does, whatever the loss, until it is trained again or `loss` is passed.

        Parameters
        ----------
        X, loss
            As in `predict_proba`.

        Examples
        --------
        >>> import gdcore as gd
        >>> net = gd.LinearModel(1, weight_init="ones", dtype="float64")
        >>> net.classify([[-1.0], [2.0]], loss="bce"), net.predict_proba([[0.0]], loss="bce")
        (array([0, 1]), array([[0.5, 0.5]]))
        """
        return classify(self._stack, X, loss)

    @explains_calls
    def evaluate(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        metrics: Metrics = (),
        *,
        loss: str | Loss | CustomLoss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """Return the mean loss without penalties, as "loss", and the metrics by their names.

        Parameters
        ----------
        X, y, metrics, loss, sample_weight
            As in `loss` and `Trainer.fit`; the loss is `trained_loss` by default.
        """
        return evaluate(self._stack, X, y, metrics, loss, sample_weight)

    @explains_calls
    def score(
        self, X: ArrayLike, y: ArrayLike, *, loss: str | Loss | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return one score, as scikit-learn's estimators do: the accuracy for classes, R^2 for numbers, D^2 for
        poisson.

        Parameters
        ----------
        X, y, loss, sample_weight
            As in `evaluate`. With several binary outputs a sample counts as right only if all of them are. A model of
            a classifier, by `gdcore.interop.from_sklearn`, takes labels (n,), numbered as by `classify`.
        """
        return score(self._stack, X, y, loss, sample_weight)

    @explains_calls
    def loss(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        loss: str | Loss | CustomLoss | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout_seed: int | None = None,
    ) -> float:
        """Return the mean loss plus penalties.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n, in_features)
            As in `predict`; a source holds the targets too.
        y : array_like
            Targets (n, out_features), or (n,) for one output; for cross_entropy labels (n,) or
            probabilities (n, out_features).
        loss : str, Loss or callable
            A name in `gdcore.LOSSES`, a loss object, or a function (outputs, y) -> (value, d value / d outputs).
        sample_weight : array_like, shape (n,), optional
            The mean becomes the weighted mean.
        l1, l2 : float, default 0
            Adds l1 * sum |w| + l2/2 * sum w^2 over weights, not biases. A layer's own l1 or l2 overrides them.
        dropout_seed : int, optional
            Seed of a dropout mask, the same in every call; without it there is no dropout.
        """
        kind = models_checks.given_loss(loss, X, y, "loss")
        if type(X) is not np.ndarray and isinstance(X, Source):
            from .streamed import loss_of  # which arrays do without

            return loss_of(self._stack, X, y, kind, (sample_weight, dropout_seed), l1, l2)
        return objective_of(self._stack, X, y, kind, sample_weight, l1, l2).with_dropout(dropout_seed).value()

    @explains_calls
    def loss_and_grad(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss | CustomLoss,
        *,
        sample_weight: ArrayLike | None = None,
        l1: float = 0.0,
        l2: float = 0.0,
        dropout_seed: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """Return the mean loss plus penalties, and its gradient (n_params,); `parameters(grad)` names its parts.

        Parameters
        ----------
        X, y, loss, sample_weight, l1, l2, dropout_seed
            As in `loss`. The slope of |w| at 0 is taken as 0.
        """
        objective = objective_of(self._stack, X, y, loss, sample_weight, l1, l2).with_dropout(dropout_seed)
        return objective.value_and_gradient()

    @explains_calls
    def hessian_vector(
        self,
        X: ArrayLike,
        y: ArrayLike,
        loss: str | Loss,
        v: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> NDArray[Any]:
        """Return the Hessian of the mean loss plus penalty times v, (n_params,): exact, at the cost of about two
        gradients.

        Forward over backward differentiation (Pearlmutter 1994, Neural Computation 6). Second derivatives at
        kinks (relu at 0) are taken as 0, and there is no dropout.

        Parameters
        ----------
        X, y, loss, sample_weight, l2
            As in `loss`; the loss is one of `gdcore.LOSSES`.
        v : array_like, shape (n_params,)
        """
        kind = objective_checks.twice_differentiable(get_loss(loss))
        dense_only(X)
        objective = objective_of(self._stack, X, y, kind, sample_weight, 0.0, l2)
        direction = checks.vector("v", checks.numbers_array("v", v, self.dtype), self.n_params, self.dtype)
        return objective.hessian_vector(direction)

    @explains_calls
    def fit(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        loss: str | Loss | CustomLoss | None = None,
        *,
        optimizer: str | Optimizer | FullBatch = DEFAULTS.optimizer,
        epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int = DEFAULTS.batch_size,
        accumulate: int = DEFAULTS.accumulate,
        shuffle: bool = DEFAULTS.shuffle,
        drop_last: bool = DEFAULTS.drop_last,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float | None = None,
        metrics: Metrics = (),
        stop: StopSpec | Iterable[StopSpec] = (),
        callbacks: Callback | Iterable[Callback] = (),
        record: str | Iterable[str] = (),
        progress: bool = False,
        comm: Any = None,
        shards: int | None = None,
        reduce: str = "tree",
        timeout: float | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        resume: bool = False,
        l1: float = DEFAULTS.l1,
        l2: float = DEFAULTS.l2,
        clip_norm: float | None = DEFAULTS.clip_norm,
        clip_value: float | None = DEFAULTS.clip_value,
        layer_rates: Mapping[str, float] | None = DEFAULTS.layer_rates,
        average: Average | None = DEFAULTS.average,
        seed: int | None = DEFAULTS.seed,
    ) -> History:
        """Train the model, starting from its current parameters, as the `fit` of a new `Trainer` does.

        Each call starts with a new optimizer state and new random numbers. To resume a fit, keep a `Trainer` and call
        its `fit` again.

        Parameters
        ----------
        X, y
            As in `loss`.
        loss : str, Loss or callable
            As in `loss`. It has no default; if it is missing, the error names the losses that suit y.
        optimizer, batch_size, accumulate, shuffle, drop_last, l1, l2, clip_norm, clip_value, layer_rates, seed
            As in `Trainer`; the learning rate is the optimizer's, as in `gdcore.Adam(0.01)`. The optimizers' defaults
            are PyTorch's (Adam's rate is 0.001).
        average : Average, optional
            As in `Trainer`. The model ends with the average, unless a criterion restores its best epoch (with
            ``validate=True`` the average of that epoch).
        epochs, max_steps, sample_weight, class_weight, validation_data, validation_split
            As in `Trainer.fit`.
        metrics, stop, callbacks, record, progress, comm, shards, reduce, timeout, checkpoint, checkpoint_every, resume
            As in `Trainer.fit`.

        Returns
        -------
        History

        Examples
        --------
        >>> import gdcore as gd
        >>> net = gd.LinearModel(1, dtype="float64", seed=0)
        >>> net.fit([[-1.0], [1.0]], [1.0, 3.0], "mse", optimizer=gd.SGD(0.3), epochs=99).loss[-1] < 1e-12
        True
        """
        from ..optimizers.full_batch import get_method
        from ..training.compiled import begin
        from ..training.fit import run_fit
        from ..training.fit_options import FitOptions, Spread
        from ..training.settings import Settings

        settings = Settings(
            get_loss(models_checks.given_loss(loss, X, y, "fit")),
            get_method(optimizer),
            batch_size=batch_size,
            accumulate=accumulate,
            shuffle=shuffle,
            drop_last=drop_last,
            l1=l1,
            l2=l2,
            clip_norm=clip_norm,
            clip_value=clip_value,
            layer_rates=layer_rates,
            average=average,
            seed=seed,
        )
        state = begin(self._stack, settings.checked(self._stack))
        given = (X, y, sample_weight, class_weight, validation_data, validation_split)
        leaves_mean = average is not None
        options = FitOptions(epochs, max_steps, metrics, stop, callbacks, record, progress, leaves_mean)
        spread = Spread(comm, shards, reduce, timeout, checkpoint, checkpoint_every, resume)
        return run_fit(state, given, options, spread)

    def summary(self) -> None:
        """Print a table of the layers, their output shapes and their numbers of parameters."""
        print(summary(self.layers, self.dtype))

    @explains_calls
    def astype(self, dtype: str) -> Sequential:
        """Return a copy in another precision, with the same parameters rounded to it."""
        return of_stack(self._stack.astype(dtype))

    def copy(self) -> Sequential:
        """Return an independent model with the same layers and parameters."""
        return self.astype(self.dtype)

    @explains_calls
    def save(self, path: str | PathLike[str], *, custom: Mapping[str, Any] | None = None) -> None:
        """Save the model as one file, which `gdcore.load` reads: layers, parameters, loss and feature names.

        Parameters
        ----------
        path, custom
            As in `gdcore.save`.

        Raises
        ------
        ValueError
            For parameters that are not finite.
        OSError
            If the file cannot be written; what was there before is still there.
        """
        later("io", "save")(self, path, custom=custom)

    def __reduce__(self) -> tuple[Any, ...]:
        loss = self.trained_loss if isinstance(self.trained_loss, Loss) else None  # a function may not be picklable
        stack = self._stack
        params = stack.copied_params()
        known = (loss, self.feature_names, stack.numbered_classes)
        return restore, (self.layers, self.seed, self.dtype, params, *known)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(arguments(self.layers, self.seed, self.dtype))})"


def of_stack(stack: Stack) -> Sequential:
    """Return a model that uses this stack; nothing is copied or drawn."""
    model = Sequential.__new__(Sequential)
    model._stack = stack
    return model


def restore(
    layers: tuple[Layer, ...],
    seed: int | None,
    dtype: str,
    params: NDArray[Any],
    loss: Loss | CustomLoss | None = None,
    names: Names | None = None,
    numbered_classes: bool = False,
) -> Sequential:
    """Return a model with these parameters, shape (n_params,), without drawing initial ones."""
    stack = Stack(layers, seed, dtype)
    stack.params[:] = params
    stack.trained_loss, stack.feature_names, stack.numbered_classes = loss, names, numbered_classes
    return of_stack(stack)


def without_target_scale(model: Sequential) -> Sequential:
    """Return the model without its `ScaledTarget`, as the kernels see it; usually the model itself."""
    return model if model.stack.target_scale is None else of_stack(model.stack.plain)

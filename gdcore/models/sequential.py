"""A network as a user sees it: the verbs of a model, on the stack of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.calls import explains_calls
from ..base.memory import aligned_zeros
from ..data.class_weight import ClassWeight
from ..data.samples import inputs_of
from ..layers.layer import Layer
from ..layers.stack import Model, Names, Stack
from ..losses import CustomLoss, Loss
from ..metrics import Metrics
from ..objective.evaluate import objective_value
from ..objective.probe import hessian_vector
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch
from ..training import Average, Callback, History
from ..training.fit import Fit, take_fit_data
from ..training.stopping.base import StopSpec
from ..training.trainer import Trainer
from ..training.validation import ValidationData
from . import checks as models_checks
from .answers import classify, evaluate, predict_proba, score
from .summary import arguments, summary


@final
class Sequential(Model):
    """Layers, one behind the other.

    Parameters
    ----------
    *layers : Dense, Dropout, Standardize, MinMax, Log1p or ScaledTarget
        Each layer's in_features is the out_features of the one before. At least one is Dense, and a Dense comes behind
        every scaling layer, which scales what it takes: the model's inputs as a rule. A ScaledTarget is the last layer.
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
        Of the last trainer or fit: what `predict_proba`, `classify`, `evaluate` and `score` go by.
    feature_names : tuple of str or None
        Names of the columns of the data frame that the model was fitted on; a frame with others is refused.
    target_scale : ScaledTarget or None
        The last layer, where it is one.

    Raises
    ------
    TypeError, ValueError
        For what is not a layer, and for sizes that do not follow one another.

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
        """The layers, their parameters and the kernels bound to them: what the library works on."""
        return self._stack

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from the inputs on."""
        return self._stack.layers

    @property
    def seed(self) -> int | None:
        """What fixes the initial weights."""
        return self._stack.seed

    @property
    def dtype(self) -> str:
        """"float32" or "float64"."""
        return self._stack.dtype

    @property
    def in_features(self) -> int:
        """Columns of X."""
        return self._stack.in_features

    @property
    def out_features(self) -> int:
        """Columns of the outputs."""
        return self._stack.out_features

    @property
    def n_params(self) -> int:
        """Length of `params`."""
        return self._stack.n_params

    @property
    def trained_loss(self) -> Loss | CustomLoss | None:
        """The loss of the last trainer or fit."""
        loss: Loss | CustomLoss | None = self._stack.trained_loss
        return loss

    @property
    def feature_names(self) -> Names | None:
        """Columns of the data frame of the last fit."""
        return self._stack.feature_names

    def reset(self) -> None:
        """Draw the initial parameters anew, the same ones where the model has a seed, and forget loss and names."""
        self._stack.reset()

    @property
    def params(self) -> NDArray[Any]:
        """The flat vector of all parameters, shape (n_params,); assigning copies into it."""
        return self._stack.params

    @params.setter
    def params(self, value: ArrayLike) -> None:
        self._stack.params = value

    def parameters(self, vector: NDArray[Any] | None = None) -> list[tuple[str, NDArray[Any]]]:
        """Names and views of the parameters: "dense0.weight" (in_features, out_features), "dense0.bias" (…,), …

        Parameters
        ----------
        vector : ndarray, shape (n_params,), optional
            A gradient or an optimizer's slot, whose same places are given; by default `params`.
        """
        return self._stack.parameters(vector)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Raw outputs, dropout left out; in the units of the targets where a `ScaledTarget` is the last layer.

        `predict_proba` gives the probabilities of classes and `classify` the classes.

        Parameters
        ----------
        X : array_like, shape (n, in_features)

        Returns
        -------
        ndarray, shape (n, out_features)
        """
        stack = self._stack
        try:
            outputs = stack.network(False).predict(X) if type(X) is np.ndarray else None
        except (TypeError, ValueError):
            outputs = None    # what does not fit as it is: converted, or explained
        if outputs is None:
            outputs = stack.network(False).predict(inputs_of(stack, X))
        return outputs if stack.target_scale is None else stack.target_scale.restored(outputs)

    @explains_calls
    def predict_proba(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[Any]:
        """Probabilities of the classes, shape (n, k).

        Of cross_entropy the softmax of the outputs. Of binary_cross_entropy with one output those of 0 and of 1,
        (n, 2) as in scikit-learn; with several, each one's probability of 1. Other losses have none.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        loss : str or Loss, optional
            By default `trained_loss`.
        """
        return predict_proba(self, X, loss)

    @explains_calls
    def classify(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[np.int64]:
        """The likeliest classes in the form of the loss's targets, (n,), or (n, k) for several yes-no questions.

        Of cross_entropy 0 … k-1, of binary_cross_entropy 0 or 1, of hinge and squared_hinge -1 or 1.

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
        return classify(self, X, loss)

    @explains_calls
    def evaluate(
        self, X: ArrayLike, y: ArrayLike, metrics: Metrics = (), *, loss: str | Loss | CustomLoss | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> dict[str, float]:
        """The mean loss without penalties, as "loss", and metrics by their names.

        Parameters
        ----------
        X, y, metrics, loss, sample_weight
            As in `loss`, the loss being `trained_loss` by default, and in `Trainer.fit`.
        """
        return evaluate(self, X, y, metrics, loss, sample_weight)

    @explains_calls
    def score(
        self, X: ArrayLike, y: ArrayLike, *, loss: str | Loss | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """As scikit-learn's estimators: the share of samples whose classes are right, or R^2; for poisson D^2.

        Parameters
        ----------
        X, y, loss, sample_weight
            As in `evaluate`. Of several yes-no questions all must be right.
        """
        return score(self, X, y, loss, sample_weight)

    def loss(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, *, sample_weight: ArrayLike | None = None,
        l1: float = 0.0, l2: float = 0.0, dropout_seed: int | None = None,
    ) -> float:
        """The mean loss plus penalties.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        y : array_like
            Targets (n, out_features), (n,) too for one output; for cross_entropy labels (n,) or
            probabilities (n, out_features).
        loss : str, Loss or callable
            A name in `gdcore.LOSSES`, a record, or (outputs, y) -> (value, d value / d outputs).
        sample_weight : array_like, shape (n,), optional
            The mean becomes the weighted mean.
        l1, l2 : float, default 0
            Adds l1 * sum |w| + l2/2 * sum w^2 over weights, not biases. A layer's own l1 or l2 stands in their place.
        dropout_seed : int, optional
            Fixes a dropout mask, the same in every call; without it dropout is left out.
        """
        return objective_value(self._stack, X, y, loss, sample_weight, l1, l2, dropout_seed)

    def loss_and_grad(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss, *, sample_weight: ArrayLike | None = None,
        l1: float = 0.0, l2: float = 0.0, dropout_seed: int | None = None,
    ) -> tuple[float, NDArray[Any]]:
        """The mean loss plus penalties, and its gradient, shape (n_params,); `parameters(grad)` names its parts.

        Parameters
        ----------
        X, y, loss, sample_weight, l1, l2, dropout_seed
            As in `loss`. The slope of |w| at 0 is taken as 0.
        """
        grad = aligned_zeros(self.n_params, self.dtype)
        return objective_value(self._stack, X, y, loss, sample_weight, l1, l2, dropout_seed, grad), grad

    @explains_calls
    def hessian_vector(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss, v: ArrayLike, *, sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
    ) -> NDArray[Any]:
        """The Hessian of the mean loss plus penalty times v, (n_params,): exact, for the work of some two gradients.

        Forward over backward differentiation (Pearlmutter 1994, Neural Computation 6). Second derivatives at
        kinks (relu at 0) are taken as 0, and dropout is left out.

        Parameters
        ----------
        X, y, loss, sample_weight, l2
            As in `loss`; the loss is one of `gdcore.LOSSES`.
        v : array_like, shape (n_params,)
        """
        return hessian_vector(self._stack, X, y, loss, v, sample_weight, l2)

    @explains_calls
    def fit(
        self, X: ArrayLike, y: ArrayLike, loss: str | Loss | CustomLoss | None = None, *,
        optimizer: str | Optimizer | FullBatch = "adam", epochs: int | None = None, max_steps: int | None = None,
        batch_size: int = 32, accumulate: int = 1, shuffle: bool = True, drop_last: bool = False,
        sample_weight: ArrayLike | None = None, class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None, validation_split: float | None = None,
        metrics: Metrics = (), stop: StopSpec | Iterable[StopSpec] = (), callbacks: Callback | Iterable[Callback] = (),
        record: str | Iterable[str] = (), progress: bool = False, l1: float = 0.0, l2: float = 0.0,
        clip_norm: float | None = None, clip_value: float | None = None,
        layer_rates: Mapping[str, float] | None = None, average: Average | None = None, seed: int | None = None,
    ) -> History:
        """Build a `Trainer` and run it; it starts from the model's parameters as they are.

        Each call starts its optimizer and its random numbers anew. To go on where a fit has stopped, keep a
        `Trainer` and call its `fit` again.

        Parameters
        ----------
        X, y
            As in `loss`.
        loss : str, Loss or callable
            As in `loss`; it has no default, and an error names those that go with y.
        optimizer, batch_size, accumulate, shuffle, drop_last, l1, l2, clip_norm, clip_value, layer_rates, seed
            As in `Trainer`; the learning rate is the optimizer's, as in `gdcore.Adam(0.01)`. The optimizers' defaults
            are PyTorch's (Adam's rate is 0.001).
        average : Average, optional
            As in `Trainer`; the mean is what the model ends with, unless a criterion brings back its best epoch: with
            ``validate=True`` the mean's.
        epochs, max_steps, sample_weight, class_weight, validation_data, validation_split
            As in `Trainer.fit`.
        metrics, stop, callbacks, record, progress
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
        trainer = Trainer(
            self, models_checks.given_loss(loss, y), optimizer, batch_size=batch_size, accumulate=accumulate,
            shuffle=shuffle, drop_last=drop_last, l1=l1, l2=l2, clip_norm=clip_norm, clip_value=clip_value,
            layer_rates=layer_rates, average=average, seed=seed)  # fmt: skip
        data, validation = take_fit_data(trainer, X, y, sample_weight, class_weight, validation_data, validation_split)
        return Fit(
            trainer, data, validation, epochs=epochs, max_steps=max_steps, metrics=metrics, stop=stop,
            callbacks=callbacks, record=record, progress=progress, leaves_mean=average is not None,
        ).run()  # fmt: skip

    def summary(self) -> None:
        """Print a table of the layers, their output shapes and their numbers of parameters."""
        print(summary(self.layers, self.dtype))

    def astype(self, dtype: str) -> Sequential:
        """A copy in another precision, with the same parameters rounded to it."""
        return of_stack(self._stack.astype(dtype))

    def copy(self) -> Sequential:
        """A model of its own with the same layers and parameters."""
        return self.astype(self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        loss = self.trained_loss if isinstance(self.trained_loss, Loss) else None    # a function may not be pickled
        params = self._stack.own_params(writes=False).copy()
        return restore, (self.layers, self.seed, self.dtype, params, loss, self.feature_names)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(arguments(self.layers, self.seed, self.dtype))})"


def of_stack(stack: Stack) -> Sequential:
    """The model whose stack this is; nothing is copied or drawn."""
    model = Sequential.__new__(Sequential)
    model._stack = stack
    return model


def restore(
    layers: tuple[Layer, ...], seed: int | None, dtype: str, params: NDArray[Any],
    loss: Loss | CustomLoss | None = None, names: Names | None = None,
) -> Sequential:
    """A model with these parameters, shape (n_params,); none are drawn."""
    stack = Stack(layers, seed, dtype)
    stack.params[:] = params
    stack.trained_loss, stack.feature_names = loss, names
    return of_stack(stack)


def without_target_scale(model: Sequential) -> Sequential:
    """The model whose outputs, and losses of standardized targets, are those of the kernels: itself as a rule."""
    return model if model.stack.target_scale is None else of_stack(model.stack.plain)

"""`fit_many`, which trains many models in one call.

Design
------
- The room stands above models/, of which it trains many and gives them back, and below minimize/, files and pictures.
- Model i is what a fit of it alone gives, bit for bit: a `Sequential` of its seed, its rows, its settings. Everything
  is checked before the first model is trained; then jobs go to the engines (engine.py).
- One model that diverges is an ordinary outcome among many: it is told in one warning and in its history, and nothing
  is raised.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..base import checks
from ..base.calls import explains_calls
from ..base.defaults import DEFAULTS
from ..base.not_arrays import refuse_source
from ..data.class_weight import ClassWeight
from ..layers.stack import Model
from ..losses import CustomLoss, Loss
from ..metrics import Metrics
from ..optimizers import Optimizer
from ..optimizers.full_batch import FullBatch
from ..training.averaging import Average
from ..training.callbacks import Callback
from ..training.stopping.base import StopSpec
from . import checks as many_checks
from .errors import InterruptedFits, ModelsDivergedWarning
from .jobs import Course
from .many import Many
from .options import Options
from .plan import DataOfAll, Plan, planned
from .running import run


@explains_calls
def fit_many(
    net: Model | Sequence[Model],
    X: Any,
    y: Any,
    loss: str | Loss | CustomLoss | Sequence[Any] | None = None,
    *,
    n_models: int | None = None,
    seeds: Iterable[int] | None = None,
    params: Any = None,
    groups: ArrayLike | None = None,
    rows: Iterable[Any] | None = None,
    sample_weight: Any = None,
    class_weight: ClassWeight | None = None,
    validation_data: Any = None,
    validation_rows: Iterable[Any] | None = None,
    validation_split: float | None = None,
    optimizer: str | Optimizer | FullBatch | Sequence[Any] = DEFAULTS.optimizer,
    epochs: int | None = None,
    max_steps: int | None = None,
    batch_size: Any = DEFAULTS.batch_size,
    accumulate: Any = DEFAULTS.accumulate,
    shuffle: bool = DEFAULTS.shuffle,
    drop_last: bool = DEFAULTS.drop_last,
    l1: Any = DEFAULTS.l1,
    l2: Any = DEFAULTS.l2,
    dropout: Any = None,
    clip_norm: Any = DEFAULTS.clip_norm,
    clip_value: Any = DEFAULTS.clip_value,
    layer_rates: Mapping[str, float] | None = DEFAULTS.layer_rates,
    average: Average | None = DEFAULTS.average,
    metrics: Metrics = (),
    stop: StopSpec | Iterable[StopSpec] = (),
    callbacks: Callback | Iterable[Callback] = (),
    record: str | Iterable[str] = (),
    executor: Any = None,
    threads: int | None = None,
    progress: bool = False,
) -> Many:
    """Train many models, each as a fit of it alone would.

    Model i begins as ``Sequential(*net.layers, seed=seeds[i])``, and is what its `fit` with ``seed=seeds[i]``, its data
    and its settings gives, bit for bit. With its seed fixed, it depends neither on the other models nor on their number
    or order.

    Parameters
    ----------
    net : Sequential, or list of Sequential
        The layers and the precision of all models, or of each. Its parameters are not used, and not changed.
    X : array_like
        ``(n, in_features)``, which all models share; ``(n_models, n, in_features)``; or a list of arrays.
    y : array_like
        Targets or labels as `Trainer.fit` takes them: of shared data, with an axis of models before, or a list. What
        fits as targets ``(n, out_features)`` of shared inputs is shared.
    loss : str, Loss or callable
        One for all; or an array for one of its numbers, as in ``gdcore.Quantile(levels)``; or a list.
    n_models : int, optional
        Needed only where nothing else tells it.
    seeds : sequence of int, optional
        Of the initial weights, shuffling and dropout of each model. By default model i has ``net.seed + i``, where i
        counts the sorted ids of `groups`: pass seeds if groups come and go. Without a seed of the net they are chosen.
    params : array_like or Many, optional
        Initial parameters ``(n_models, n_params)``, or ``(n_params,)`` for all, instead of those of the seeds; or
        models to go on from, whose optimizer begins anew.
    groups : array_like, shape (n,), optional
        An id for each row of a shared X: one model for each id, in ascending order; see `Many.of`. Ids are texts,
        integers, bools, float32 or float64.
    rows : sequence of index arrays, optional
        Row numbers (or masks) of a shared X for each model, as folds and bootstraps are; nothing is copied per model.
    sample_weight : array_like, optional
        ``(n,)``, ``(n_models, n)`` or a list.
    class_weight
        As in `Trainer.fit`.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Each in a form that `X` and `y` may have.
    validation_rows : sequence of index arrays, optional
        Rows of a shared X and y on which each model is validated.
    validation_split : float, optional
        As in `Trainer.fit`, drawn with each model's seed.
    optimizer : str, Optimizer or FullBatch, default "adam"
        Each of its numbers, and those of a schedule, may be an array of one for each model: ``gdcore.Adam(rates)``.
        A list has one for each.
    epochs, max_steps, shuffle, drop_last, layer_rates, average, metrics, record
        As in `Trainer` and `Trainer.fit`.
    batch_size, accumulate, l1, l2, clip_norm, clip_value
        As in `Trainer`; or an array of one for each model.
    dropout : float or array, optional
        A rate for all dropout layers of each model, instead of their own.
    stop : StoppingCriterion, callable, or several
        Each model stops by itself and costs nothing from then on. Their numbers may be arrays, too. A criterion's state
        is each model's own; what a function remembers is shared.
    callbacks : Callback or several
        Called for each model; with `threads`, of several models at the same time.
    executor : concurrent.futures.Executor, optional
        Trains parts of the models elsewhere, such as in processes, which get copies of the data they need.
    threads : int, default 1
        Threads of this process that train parts of the models. Results do not depend on it.
    progress : bool, default False
        Whether a bar (if tqdm is installed) or a line shows how many models are done.

    Returns
    -------
    Many
        A model that diverges keeps the parameters of its last good step. `Many.diverged` tells which.

    Raises
    ------
    TypeError, ValueError
        For bad input, before a model is trained. What is wrong with one model names it.
    MemoryError
        If parameters and histories would not fit into the memory that is free.
    InterruptedFits
        A KeyboardInterrupt, whose `many` holds what was done: each model as of its last whole step.

    Warns
    -----
    ModelsDivergedWarning
        If models have met NaN or infinity; it names them.

    Notes
    -----
    A custom loss, a metric or a callback is called in Python for each model, which takes as long as single fits. Linear
    models with one output that plain gradient descent trains by the squared error share the lanes of vectors in float32
    alone. In float64 the kernels train them one by one.

    Examples
    --------
    A model for each shop, and one that is asked for by its id:

    >>> import numpy as np, gdcore as gd
    >>> rng = np.random.default_rng(0)
    >>> shop = rng.permutation(np.repeat(["north", "south"], 64))
    >>> X = rng.uniform(-1, 1, (128, 1))
    >>> y = np.where(shop == "north", 2 * X[:, 0], -X[:, 0])
    >>> many = gd.fit_many(gd.LinearModel(1, seed=0), X, y, "mse", groups=shop, optimizer=gd.SGD(0.5), epochs=30)
    >>> many.ids, many.params.round(3)[:, 0]
    (array(['north', 'south'], dtype='<U5'), array([ 2., -1.], dtype=float32))
    >>> many.of("south").predict([[1.0]]).round(3)
    array([[-1.]], dtype=float32)
    """
    refuse_source("X", X)
    if loss is None:
        raise many_checks.missing_loss()
    if not isinstance(callbacks, Callback):
        many_checks.callbacks(callbacks)
    given = DataOfAll(X, y, sample_weight, groups, rows, validation_data, validation_rows, validation_split)
    options = Options(
        loss,
        optimizer,
        batch_size,
        accumulate,
        shuffle,
        drop_last,
        l1,
        l2,
        clip_norm,
        clip_value,
        layer_rates,
        average,
    )
    course = Course(
        None if epochs is None else checks.integer("epochs", epochs, 1),
        None if max_steps is None else checks.integer("max_steps", max_steps, 1),
        class_weight,
        metrics,
        (callbacks,) if isinstance(callbacks, Callback) else tuple(callbacks),
        (record,) if isinstance(record, str) else tuple(record),
    )
    rules = tuple(stop) if isinstance(stop, Iterator) else stop  # which is gone through more than once
    plan = planned(net, given, Plan(n_models, seeds, params, dropout, rules), options, course)
    many = plan.many
    try:
        run(plan.jobs, course, many.records, executor, threads, checks.boolean("progress", progress))
    except KeyboardInterrupt as error:
        raise InterruptedFits(many) from error
    if many.diverged.any():
        numbers = np.flatnonzero(many.diverged).tolist()
        what = "model" if many.ids is None else "the model of group"
        told = f"{len(numbers)} of {len(many)} models diverged and keep the parameters of their last good step"
        first = many.stop_reasons[numbers[0]].split(";")[0]
        warnings.warn(
            f"{told}: {what} {many_checks.named(numbers, many.ids)}; the first one: {first}",
            ModelsDivergedWarning,
            stacklevel=3,
        )
    return many

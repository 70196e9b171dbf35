"""`Ensemble`, many models that answer as one."""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.calls import explains_calls
from ..losses import Loss, get_loss
from ..models.answers import classes_of, probabilities_of
from . import checks as many_checks
from .many import Many


@final
class Ensemble:
    """Many models that answer as one: by the mean of their outputs, or of their probabilities.

    Parameters
    ----------
    many : Many
        Models of one number of outputs. Diverged ones are left out.

    Attributes
    ----------
    many : Many
        The models that are asked.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty estimation
    using deep ensembles. NeurIPS.

    Examples
    --------
    >>> import numpy as np, gdcore as gd
    >>> X = np.linspace(-1, 1, 32)[:, None]
    >>> net = gd.MLP([1, 8, 1], activation="tanh", seed=0)
    >>> ensemble = gd.Ensemble(gd.fit_many(net, X, X**2, "mse", n_models=5, epochs=20))
    >>> ensemble.predict(X).shape
    (32, 1)
    """

    def __init__(self, many: Many) -> None:
        many_checks.many_models(many, Many)
        good = np.flatnonzero(~many.diverged)
        many_checks.some_left(len(good))
        self.many = many if len(good) == len(many) else many.select(good)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the mean of the models' outputs, shape (n, out_features)."""
        return self.many.predict_mean_std(X)[0]

    def predict_mean_std(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return mean and standard deviation of the models' outputs, shape (n, out_features) each."""
        return self.many.predict_mean_std(X)

    def quantile(self, X: ArrayLike, q: Any) -> NDArray[Any]:
        """Return quantiles of the models' outputs, as `Many.quantile` does."""
        return self.many.quantile(X, q)

    @explains_calls
    def predict_proba(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[Any]:
        """Return the mean of the models' class probabilities, in the form of `Sequential.predict_proba`.

        Parameters
        ----------
        X : array_like, shape (n, in_features)
        loss : str or Loss, optional
            By default what the models were trained with.
        """
        outputs = self.many.predict(X)
        kind = self._loss(loss)
        return np.mean([probabilities_of(own, kind) for own in outputs], axis=0, dtype=np.float64).astype(outputs.dtype)

    @explains_calls
    def classify(self, X: ArrayLike, *, loss: str | Loss | None = None) -> NDArray[np.int64]:
        """Return the classes of the highest mean probability; for losses of margins, those of the mean output.

        Parameters
        ----------
        X, loss
            As in `predict_proba`; the form is that of `Sequential.classify`.
        """
        kind = self._loss(loss)
        if isinstance(kind, Loss) and kind.target in ("class", "unit"):
            found = self.predict_proba(X, loss=kind)
            if kind.target == "class" or self.many.shapes[0].stack.out_features == 1:
                likeliest: NDArray[np.int64] = found.argmax(axis=1).astype(np.int64)
                return likeliest
            return (found > 0.5).astype(np.int64)
        return classes_of(self.predict(X), kind)

    def _loss(self, loss: str | Loss | None) -> Any:
        return self.many.losses[0] if loss is None else get_loss(loss)

    def __len__(self) -> int:
        return len(self.many)

    def __repr__(self) -> str:
        return f"Ensemble({self.many!r})"

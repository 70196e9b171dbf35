"""scikit-learn's `MLP*` and `SGD*` estimators on gdcore's kernels; needs scikit-learn.

>>> from gdcore.sklearn import MLPClassifier
>>> MLPClassifier(solver="lbfgs").fit([[0.0], [1.0]], ["no", "yes"]).classes_.tolist()
['no', 'yes']

Design
------
- Code written for scikit-learn keeps working when the import changes: parameters, attributes, defaults and warnings are
  scikit-learn's where they mean the same. `docs/sklearn.md` lists every difference.
- `network` builds the layers, `targets` turns labels into what a loss takes, `converted_losses` knows each loss in
  scikit-learn's units and in gdcore's, `watch` is scikit-learn's rule of when to stop. `estimator` is what all four
  share, `mlp` and `sgd` what two of them share. `ensembles` and `search` train several networks `together`. `saving`
  makes files of them.
"""

from ..base.optional import optional

optional("sklearn", "gdcore.sklearn", "gdcore[sklearn]")

from . import saving  # noqa: E402, F401  # it adds a kind of file; the line above explains a missing scikit-learn
from .mlp_classifier import MLPClassifier  # noqa: E402
from .mlp_regressor import MLPRegressor  # noqa: E402
from .search import GDSearchCV  # noqa: E402
from .sgd_classifier import SGDClassifier  # noqa: E402
from .sgd_regressor import SGDRegressor  # noqa: E402

__all__ = ["GDSearchCV", "MLPClassifier", "MLPRegressor", "SGDClassifier", "SGDRegressor"]

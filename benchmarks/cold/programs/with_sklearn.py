"""scikit-learn: `MLPClassifier.partial_fit`, one epoch a call."""

import time

began = time.perf_counter()
import numpy as np  # noqa: E402
import sklearn  # noqa: E402
from course import BATCH, RATE, WIDTHS, run  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402


def make(X, y, seed):
    """Return an epoch and a classifier."""
    options = {"batch_size": BATCH, "learning_rate_init": RATE, "alpha": 0.0, "random_state": seed}
    net = MLPClassifier(WIDTHS[1:-1], **options)
    classes = np.arange(WIDTHS[-1])
    return lambda: net.partial_fit(X, y, classes=classes), net.predict


run(began, sklearn.__version__, make)

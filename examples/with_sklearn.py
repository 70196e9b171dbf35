"""A pipeline of scikit-learn that goes on training in gdcore, and back into scikit-learn.

python examples/with_sklearn.py            needs scikit-learn
"""

import warnings

from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gdcore as gd

X, labels = load_wine(return_X_y=True)
pipeline = make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=10, random_state=0))
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # it goes on in gdcore
    pipeline.fit(X, labels)

net = gd.interop.from_sklearn(pipeline)
print(f"log loss after 10 epochs {net.loss(X, labels, net.trained_loss):.3f}, accuracy {net.score(X, labels):.3f}")
net.fit(X, labels, "cross_entropy", epochs=50, seed=0)
again = gd.interop.to_sklearn(net, classes=pipeline.classes_)
print(f"after 50 more {net.loss(X, labels, net.trained_loss):.3f}, accuracy {again.score(X, labels):.3f}")

"""A pipeline that was written for scikit-learn, on gdcore's kernels: one import has changed."""

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from gdcore.sklearn import MLPClassifier  # was: from sklearn.neural_network import MLPClassifier

X, y = load_breast_cancer(return_X_y=True)
model = make_pipeline(StandardScaler(), MLPClassifier((32,), learning_rate_init=0.01, max_iter=400, random_state=0))
scores = cross_val_score(model, X, y, cv=5)
print(f"accuracy in 5 folds: {scores.mean():.3f} +- {scores.std():.3f}")

model[-1].set_params(dropout=0.2, solver="adamw", early_stopping=True)  # what theirs does not have
model.fit(X, y)
network = model[-1]
print(f"{network.n_iter_} epochs, best validation score {network.best_validation_score_:.3f}")
print(network.diagnose(model[:-1].transform(X), y))

"""Record scikit-learn's Lasso and ElasticNet on a sparse problem, float64.

Run where scikit-learn 1.9.1 is installed (pip install scikit-learn==1.9.1):

    python tests/recorded/make_sklearn_lasso.py

It writes sklearn_lasso.npz beside itself. The problem comes from `draw_problem`, so only what scikit-learn answered
is stored:

    l1, l2      (n_cases,)                 gdcore's penalties: with gdcore's mean squared error, which has no half,
                                           twice scikit-learn's alpha * l1_ratio and alpha * (1 - l1_ratio)
    coefs       (n_cases, N_FEATURES)
    intercepts  (n_cases,)
"""

from pathlib import Path

import numpy as np

ROWS, N_FEATURES = 80, 40
CASES = ((0.1, 0.0), (0.5, 0.0), (2.0, 0.0), (0.5, 0.5), (0.05, 0.2))


def draw_problem(seed=20261121):
    """X (ROWS, N_FEATURES) with correlated columns, and y of six of them, noise and an offset."""
    rng = np.random.Generator(np.random.PCG64(seed))
    X = 2 * rng.random((ROWS, N_FEATURES)) - 1 + (rng.random((ROWS, 1)) - 0.5)
    weights = np.zeros(N_FEATURES)
    weights[[1, 8, 13, 21, 30, 34]] = 3.0, -2.0, 1.5, -1.0, 4.0, 0.5
    return X, X @ weights + 0.7 + 0.4 * (rng.random(ROWS) - 0.5)


def solve(linear_model, X, y, l1, l2):
    """scikit-learn's coefficients (N_FEATURES,) and intercept; linear_model is sklearn.linear_model."""
    if l2 == 0:
        model = linear_model.Lasso(alpha=l1 / 2, tol=1e-14, max_iter=10**6)
    else:
        model = linear_model.ElasticNet(alpha=(l1 + l2) / 2, l1_ratio=l1 / (l1 + l2), tol=1e-14, max_iter=10**6)
    model.fit(X, y)
    return model.coef_, model.intercept_


def main():
    from sklearn import linear_model

    found = [solve(linear_model, *draw_problem(), *case) for case in CASES]
    np.savez_compressed(
        Path(__file__).with_name("sklearn_lasso.npz"),
        l1=np.array([case[0] for case in CASES]),
        l2=np.array([case[1] for case in CASES]),
        coefs=np.array([coef for coef, _ in found]),
        intercepts=np.array([intercept for _, intercept in found]),
    )


if __name__ == "__main__":
    main()

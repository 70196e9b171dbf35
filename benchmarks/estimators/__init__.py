"""The estimators of `gdcore.sklearn` beside scikit-learn's own: `python -m benchmarks estimators`."""

"""Models to and from scikit-learn's estimators."""

from .into import from_sklearn
from .out import to_sklearn

__all__ = ["from_sklearn", "to_sklearn"]

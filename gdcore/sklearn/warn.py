"""Warnings that point to the user's line, however many frames of libraries lie between.

Design
------
- A number of frames would be right for one scikit-learn alone: from 1.9 on a decorator stands around `fit`, and a
  search or a pipeline calls it from its own files. So frames are passed over by their files. `warnings.warn` can do
  that itself from Python 3.12 on.
"""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType

import joblib
import sklearn

PASSED_OVER = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep
    for file in (os.path.dirname(__file__), sklearn.__file__, joblib.__file__)
    if file is not None
)
"""Folders of gdcore, scikit-learn and joblib: no user's line stands in them."""


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line outside of gdcore, scikit-learn and joblib that led here; at the outermost one if there is none.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     warn("look here")
    >>> seen[0].filename.startswith("<doctest")
    True
    """
    level, frame = 1, sys._getframe()
    while _is_passed_over(frame) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_passed_over(frame: FrameType) -> bool:
    return os.path.abspath(frame.f_code.co_filename).startswith(PASSED_OVER)

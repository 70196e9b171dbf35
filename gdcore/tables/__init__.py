"""Tables of raw data: reading them, preparing their columns, and models that take them as they are.

Design
------
- A file becomes a `Table` of numbers and texts (read.py). A `Preparation` says what the columns mean and turns them
  into inputs; scaling is left to the network's first and last layers, so that an exported network has it too.
- A `TableModel` is the network with its preparation, saved as one file.
"""

from __future__ import annotations

from .errors import TableError
from .feature import Feature
from .kinds import Forced
from .model import Evaluation, TableModel
from .preparation import Preparation
from .problem import Problem, train
from .read import read_table
from .saving import KIND
from .settings import Settings
from .table import Table
from .target import Target

__all__ = [
    "KIND",
    "Evaluation",
    "Feature",
    "Forced",
    "Preparation",
    "Problem",
    "Settings",
    "Table",
    "TableError",
    "TableModel",
    "Target",
    "read_table",
    "train",
]

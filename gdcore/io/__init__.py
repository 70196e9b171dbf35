"""Files: `save` and `load` for models, trainers and histories; checkpoint.py has what saves during a fit.

Design
------
- The layout is safetensors' (header.py, container.py), and what a file says becomes an object only by tables of this
  package (values.py, vocabulary.py, kinds.py). Nothing in a file is imported, evaluated or executed.
- A file is written in one piece (atomic.py), and every bit of it is checked when it is read.
"""

from __future__ import annotations

from .errors import FileFormatError
from .files import load, load_history, load_trainer, save

__all__ = ["FileFormatError", "load", "load_history", "load_trainer", "save"]

"""Reports: one page of HTML on a model, its data and its training, which needs no network and no script.

Design
------
- A `Subject` is what a page is about; each section is a function of it that returns markup, or None.
- What a page says comes from the rooms below: pre-flight, diagnosis, gradient check, scores, pictures. Where a part
  would take long on many rows, it takes some of them, evenly spaced, and says so.
"""

from .of_arrays import history_report
from .of_table import table_subject, training_subject
from .page import page, writable, write_page
from .subject import Subject

__all__ = ["Subject", "history_report", "page", "table_subject", "training_subject", "writable", "write_page"]


def __dir__() -> list[str]:
    """Return only the public names."""
    return sorted(__all__)

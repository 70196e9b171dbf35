"""The four documents that the project grew from: each of their claims compared with measurements on this machine.

Design
------
- A section measures, and returns records; `reproduce` prints them. So tests look at values, and nobody parses text.
- The measurements live in the package, so that the command works from an installed wheel; a script in examples/claims
  answers its document's question with a few calls, and then has all claims printed from here.
- A verdict follows from the numbers of the run. A claim that one measured case keeps and another breaks "depends".
"""

from .report import DOCUMENTS, measured, reproduce

__all__ = ["DOCUMENTS", "measured", "reproduce"]

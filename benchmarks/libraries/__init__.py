"""The libraries that take part, one adapter per module; a module is imported in its library's process only.

To add one: a module here with a final class that implements `gdcore.bench.library.Library`, and its row.
"""

from gdcore.bench.library import Entry

LIBRARIES = (
    Entry("gdcore", "benchmarks.libraries.gdcore:GdcoreLibrary", "gdcore"),
    Entry("numpy", "benchmarks.libraries.numpy:NumpyLibrary", "numpy"),
)

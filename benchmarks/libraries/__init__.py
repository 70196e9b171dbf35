"""The libraries that take part, one adapter per module; a module is imported in its library's process only.

To add one: a module here with a final class that implements `gdcore.bench.library.Library`, and its row.
"""

from gdcore.bench.library import Entry

LIBRARIES = (
    Entry("gdcore", "benchmarks.libraries.gdcore:GdcoreLibrary", "gdcore"),
    Entry("numpy", "benchmarks.libraries.numpy:NumpyLibrary", "numpy"),
    Entry("jax", "benchmarks.libraries.jax:JaxLibrary", "jax"),
    Entry("torch", "benchmarks.libraries.torch:TorchLibrary", "torch"),
    Entry("torch.compile", "benchmarks.libraries.torch:compiled", "torch"),
    Entry("sklearn", "benchmarks.libraries.sklearn:PerceptronLibrary", "sklearn"),
    Entry("sklearn.sgd", "benchmarks.libraries.sklearn:LinearLibrary", "sklearn"),
    Entry("keras", "benchmarks.libraries.keras:KerasLibrary", "keras"),
    Entry("onnxruntime", "benchmarks.libraries.onnxruntime:OnnxRuntimeLibrary", "onnxruntime"),
    Entry("river", "benchmarks.libraries.river:RiverLibrary", "river"),
    Entry("vowpalwabbit", "benchmarks.libraries.vowpalwabbit:VowpalWabbitLibrary", "vowpalwabbit"),
    Entry("peak", "benchmarks.libraries.peak:PeakLibrary", "gdcore"),
)

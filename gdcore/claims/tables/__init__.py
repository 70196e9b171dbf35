"""The third document: an article of tables, misconceptions and questions, measured one by one in its order."""

from ..claim import Document
from . import (
    batches,
    losses,
    memory,
    misconceptions,
    networks,
    parallel,
    penalties,
    questions,
    rates,
    stopping,
)

__all__ = ["DOCUMENT"]

DOCUMENT = Document(
    "tables",
    "What the tables claim",
    "An article with numbers for learning rates, momentum, batch sizes, iterations and more, which names no problem "
    "that they were measured on. So its numbers cannot be met; what can be tested is their order.",
    (
        rates.learning_rates,
        batches.variants,
        batches.advantages,
        penalties.sparsity,
        penalties.outliers,
        misconceptions.global_minimum,
        misconceptions.efficiency,
        misconceptions.optimality,
        misconceptions.automation,
        losses.compared,
        rates.momentum,
        batches.batch_sizes,
        memory.batch_memory,
        networks.activations,
        networks.iterations,
        networks.initial_weights,
        stopping.criteria,
        parallel.threads,
        questions.steepest,
        questions.normalized,
        questions.variations,
        penalties.overfitting,
    ),
)

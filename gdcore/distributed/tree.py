"""The tree in which the pieces of a batch are summed, and who holds which part of it.

Design
------
- The leaves are the shards 0 … K - 1. A node [a, b) is the sum of [a, m) and [m, b), m = (a + b) // 2, always in this
  order. The tree follows from K alone, so a sum has the same bits whoever computes which node.
- Rank r of n holds the leaves [rK/n, (r + 1)K/n). It sends the sums of the largest complete subtrees among them, at
  most two for each level of the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

Node = tuple[int, int]
"""First leaf and end."""


def leaves_of(rank: int, size: int, shards: int) -> Node:
    """Return the leaves that a rank holds."""
    return rank * shards // size, (rank + 1) * shards // size


def subtrees(held: Node, node: Node) -> list[Node]:
    """Return the largest nodes below `node` that lie within the leaves `held`, from left to right.

    Examples
    --------
    >>> subtrees((5, 11), (0, 16))
    [(5, 6), (6, 8), (8, 10), (10, 11)]
    """
    (first, end), (a, b) = held, node
    if end <= a or b <= first:
        return []
    if first <= a and b <= end:
        return [node]
    middle = (a + b) // 2
    return subtrees(held, (a, middle)) + subtrees(held, (middle, b))


def summed(known: Mapping[Node, T], node: Node, add: Callable[[T, T], T]) -> T:
    """Return the value of a node, from nodes whose values are known.

    Examples
    --------
    >>> summed({(0, 1): "a", (1, 2): "b", (2, 4): "c"}, (0, 4), lambda left, right: f"({left} + {right})")
    '((a + b) + c)'
    """
    if node in known:
        return known[node]
    a, b = node
    middle = (a + b) // 2
    left, right = summed(known, (a, middle), add), summed(known, (middle, b), add)
    return add(left, right)


def depth(shards: int) -> int:
    """Return the number of levels below the root."""
    return (shards - 1).bit_length()

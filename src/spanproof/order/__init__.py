"""The happens-before relation over spans: edges by kind, reachability, cycles, evidence.

Decides which spans are ordered, by what, and how far each edge may be trusted. Refuses to
know what a property is, and words beyond one sentence an edge.
"""

from spanproof.order.order import Order, build
from spanproof.order.relations import EDGE_KINDS, Relation

__all__ = ["EDGE_KINDS", "Order", "Relation", "build"]

"""The columnar trace: one immutable value of Arrow batches that holds any number of traces.

Decides how spans, events, links and attributes lie in memory, and that nothing OTLP carries
for traces is lost. Refuses to know bytes of any format, order, and what is right.
"""

from spanproof.table.table import Table

__all__ = ["Table"]

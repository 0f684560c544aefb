"""The whole chain, from paths to a report: read, normalise, order, judge, tell. Short.

The only place that knows every room below; the faces above know only this one.
"""

from spanproof.pipeline.checking import FINDINGS_MAX, check, draw, traces
from spanproof.pipeline.converting import convert
from spanproof.pipeline.reading import inputs, read
from spanproof.pipeline.writing import written

__all__ = ["FINDINGS_MAX", "check", "convert", "draw", "inputs", "read", "traces", "written"]

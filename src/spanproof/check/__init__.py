"""The judges: each a pure function from a table and its order to findings.

`registry` lists them; a judge knows nothing of the others.
"""

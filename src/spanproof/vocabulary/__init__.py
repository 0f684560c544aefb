"""Every enum and attribute name, once, with its OTLP wire value.

`otlp` holds the protocol's messages and enums as tables, `attributes` the names that
spanproof reads or writes, `dialects` the tolerated spellings and their bits.
"""

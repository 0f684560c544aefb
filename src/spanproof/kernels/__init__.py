"""The compiled inner loops: arrays in, arrays out, one explicit signature each.

Nothing here knows the rest of the package. Import a kernel inside the function that needs
it: each module costs its compilation once and a few milliseconds from the cache after that.
"""

from collections.abc import Callable

# Called before anything is compiled, which takes seconds, once: a face may say so.
compiling: list[Callable[[], None]] = []

"""Which spans were timed by one clock: a domain a host, as far as resources tell.

Too many domains only weaken what can be said; one too few would make it false. So equal
names are one clock, and different names two. Source: OTLP.md §7.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spanproof.table.identity import Identity
from spanproof.vocabulary.attributes import CLOCK_DOMAIN, LOCAL_ADDRESS, SERVICE_NAME


def clock_domains(identity: Identity) -> tuple[npt.NDArray[np.int32], list[str]]:
    """(int32[n]: domain of each span, the domains' names).

    A domain is named by the first of `CLOCK_DOMAIN` that the resource has, else by its
    service, with the address where one is recorded. O(resources + spans).
    """
    table = identity.table
    columns = [(key, table.attribute("resources", key)) for key in CLOCK_DOMAIN]
    services = table.attribute("resources", SERVICE_NAME)
    addresses = table.attribute("resources", LOCAL_ADDRESS)
    numbers: dict[str, int] = {}
    codes = np.zeros(table.resources.num_rows, np.int32)
    for row in range(codes.size):
        named = ((key, values[row]) for key, values in columns if values[row] is not None)
        key, value = next(named, (SERVICE_NAME, services[row]))
        name = f"{key}={value}" if value is not None else "no service name"
        if key == SERVICE_NAME and addresses[row] is not None:
            name += f" at {addresses[row]}"
        codes[row] = numbers.setdefault(name, len(numbers))
    return codes[identity.resource], list(numbers)

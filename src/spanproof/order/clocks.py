"""Which spans were timed by one clock, and how finely: as far as resources and times tell.

Too many domains only weaken what can be said; one too few would make it false. So equal
names are one clock, and different names two. Source: docs/explanation/causal-order.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from spanproof.table.identity import Identity
from spanproof.vocabulary.attributes import CLOCK_DOMAIN, LOCAL_ADDRESS, SDK_LANGUAGE, SERVICE_NAME

MILLISECOND_NS: Final = 1_000_000
_MILLISECOND_SDKS: Final = ("nodejs", "webjs")
_TELLING: Final = 20


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


def coarse_starts(identity: Identity) -> npt.NDArray[np.bool_]:
    """bool[n]: spans whose start was cut to the millisecond, as the JavaScript SDK does.

    Told by `telemetry.sdk.language`, or by 20 spans and more of one service of which every
    one starts on a whole millisecond. Such a start may be up to a millisecond early.
    """
    table = identity.table
    languages = table.attribute("resources", SDK_LANGUAGE)
    script = np.array([language in _MILLISECOND_SDKS for language in languages], np.bool_)
    whole = table.numbers("spans", "start_time_unix_nano") % MILLISECOND_NS == 0
    service = identity.service + 1
    size = np.bincount(service, minlength=1)
    even = np.bincount(service, weights=whole, minlength=1)
    coarse = (size >= _TELLING) & (even == size)
    return whole & (script[identity.resource] | coarse[service])

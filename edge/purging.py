"""Obeying purges in this process."""

import logging
from typing import Any

from edge.arriving import Arriving
from edge.basis import Basis
from edge.cache import Cache
from edge.metrics import Counters
from edge.purges import PurgeLog
from streamer.core.errors import InvalidInput
from streamer.core.purge import parse_item

_log = logging.getLogger(__name__)


class Purging:
    """Makes what is stored here, and what is going to be, obey purges.

    Args:
        cache: What is stored.
        arriving: What is on its way into it.
        counters: Where removed objects are counted.
    """

    def __init__(self, cache: Cache, arriving: Arriving, counters: Counters) -> None:
        self._cache = cache
        self._arriving = arriving
        self._counters = counters

    async def obey(self, item: dict[str, Any]) -> bool:
        """Obey one item of the log of purges; False if that has to be tried again."""
        try:
            order = parse_item(item)
            self._arriving.purge(order)
            self._counters.purged_objects += await self._cache.purge(order)
        except InvalidInput as error:
            _log.warning("a purge was not understood: %s", error.detail)
        except OSError:
            self._counters.disk_errors += 1
            return False
        return True


def make_purge_log(basis: Basis, cache: Cache) -> PurgeLog:
    """The log of purges, obeyed in this process; how far is kept by whoever is the whole node."""
    settings = basis.settings
    return PurgeLog(
        settings.origin,
        Purging(cache, basis.arriving, basis.counters).obey,
        basis.counters,
        basis.position,
        settings.purge_position if basis.place is None else None,
        settings.purge_interval_seconds,
    )

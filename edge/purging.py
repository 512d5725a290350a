"""Obeying purges in this process."""

import logging
from typing import Any

from edge.cache import Cache
from edge.fills import Fills
from edge.metrics import Counters
from streamer.core.errors import InvalidInput
from streamer.core.purge import parse_item

_log = logging.getLogger(__name__)


class Purging:
    """Makes what is stored and what is being fetched here obey purges.

    Args:
        cache: What is stored.
        fills: What is being fetched.
        counters: Where removed objects are counted.
    """

    def __init__(self, cache: Cache, fills: Fills, counters: Counters) -> None:
        self._cache = cache
        self._fills = fills
        self._counters = counters

    async def obey(self, item: dict[str, Any]) -> bool:
        """Obey one item of the log of purges; False if that has to be tried again."""
        try:
            order = parse_item(item)
            self._fills.purge(order)
            self._counters.purged_objects += await self._cache.purge(order)
        except InvalidInput as error:
            _log.warning("a purge was not understood: %s", error.detail)
        except OSError:
            self._counters.disk_errors += 1
            return False
        return True

"""One worker of a node that has several: a whole node, but for what the supervisor does for all."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from edge.admin import create_admin, serving_unix
from edge.behaviour_file import Read
from edge.connections import Connections
from edge.control import Control
from edge.core.fields import Fields
from edge.core.head import FieldBlock
from edge.entry import Entry
from edge.http import Connection
from edge.in_force import read_from
from edge.listener import Listener
from edge.metrics import Counters, Metrics
from edge.node import Node, running
from edge.onward import FromWorkers
from edge.place import Place, share
from edge.settings import EdgeSettings

_MAX_INNER_CONNECTIONS = 65536

_log = logging.getLogger(__name__)


def describe_worker(settings: EdgeSettings, place: Place, files: Mapping[str, str]) -> str:
    """What a worker's process is told of itself on its standard input.

    Args:
        settings: How the node serves.
        place: Which of its workers it is.
        files: What the files say that the settings name (`InForce.told`).
    """
    values = settings.model_dump(mode="json")
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            values[name] = value.get_secret_value()
    where = {"node": place.node, "count": place.count, "directory": str(place.directory)}
    return json.dumps({"settings": values, "place": where, "files": files})


def read_worker(text: str, number: int) -> tuple[EdgeSettings, Place, Read]:
    """The settings of the node, the place of a worker and its files out of what it is told."""
    told = json.loads(text)
    where = told["place"]
    place = Place(where["node"], number, where["count"], Path(where["directory"]))
    return EdgeSettings(**told["settings"]), place, read_from(told["files"])


async def run_worker(
    settings: EdgeSettings, place: Place, read: Read, *, stop: asyncio.Event
) -> None:
    """Serve viewers and the other workers until `stop` is set, then finish what is in progress.

    Args:
        settings: How the node serves.
        place: Which of its workers this is.
        read: Reads what the supervisor has read of the node's files.
        stop: Ends it.

    Raises:
        OSError: A socket cannot be bound.
    """
    async with AsyncExitStack() as stack:
        node = await Node.open(share(settings, place.count), stack, place, read)
        inner = await _serve_workers(node, place, stack)
        await node.open_listener(stack, reuse_port=True)
        # What was purged while the node was away; then the supervisor tells.
        catching_up = node.purges.catch_up()
        await stack.enter_async_context(running([*node.works(), inner.sweep(), catching_up]))
        await stack.enter_async_context(_controlled(node, place))
        _log.info("worker %d of edge %s serves", place.number, settings.name)
        await stop.wait()
        grace = settings.drain_seconds
        await asyncio.gather(node.listener.close(grace), inner.close(grace))


async def _serve_workers(node: Node, place: Place, stack: AsyncExitStack) -> Listener:
    """Answer the other workers for the keys that this one owns."""
    apart = Metrics(node.settings.region)  # answers are counted where a viewer gets them
    apart.counters = node.metrics.counters
    service = node.answering(
        onward=FromWorkers(node.rules), metrics=apart, ahead=_Unseen(), gate=None
    )
    site = replace(
        node.site,
        metrics=apart,
        handle=service.handle,
        on_fetch=_Unseen.viewed_entry,
        access_log=None,
        connections=Connections(Counters(), _MAX_INNER_CONNECTIONS, _MAX_INNER_CONNECTIONS),
    )
    listener = Listener(site.connections, node.clock)
    await listener.open_unix(place.objects_socket(place.number), partial(Connection, site))
    stack.push_async_callback(listener.close, 0.0)
    return listener


class _Unseen:
    """The viewers of other workers, who are seen there."""

    @staticmethod
    def viewed_entry(entry: Entry, block: FieldBlock, scheme: str) -> None:
        """A viewer got an entry on the hot path."""

    def viewed(self, key: bytes, fields: Fields, scheme: str) -> None:
        """A viewer asked for a key."""

    def passed(
        self, key: bytes, request: Fields, scheme: str, response: Fields, body: bytes
    ) -> None:
        """A playlist went through without being stored."""


@asynccontextmanager
async def _controlled(node: Node, place: Place) -> AsyncIterator[None]:
    """Do what the supervisor and the other workers say."""
    control = Control(
        families=lambda: node.metrics.families(node.gauges()),
        forget=node.forgetting.here,
        purge=node.purges.obey,
        fetch_ahead=node.prefetcher.fetch_ahead,
        learn=node.prefetcher.learn,
        take_in=lambda files: node.take_in(read_from(files)),
    )
    app = create_admin(
        node.explainer.explain, node.metrics, node.gauges, lambda: node.listener.is_accepting
    )
    control.add_to(app)
    async with serving_unix(app, place.control_socket(place.number)):
        yield

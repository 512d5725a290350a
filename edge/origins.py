"""The origins that behaviours name, behind the parents that all of them have in common."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from edge.basis import Basis
from edge.behaviour_file import Origin
from edge.core.behaviours import Behaviour
from edge.core.fields import Fields
from edge.exposition import Family
from edge.rules import Rules
from edge.traffic import families
from edge.upstream import Source, Upstream, UpstreamFailure, UpstreamLimits, UpstreamResponse
from edge.upstreams import Upstreams, open_upstreams, upstream_limits


class Origins:
    """Asks whom the behaviour of a target names.

    Origins that a reload no longer names stay open until the node ends: requests may be under way,
    and what is idle has no connections.

    Args:
        default: Whom to ask where a behaviour names nobody.
        rules: The behaviours.
        limits: Bounds of every upstream.
        stack: Closes what is opened.
    """

    def __init__(
        self, default: Upstreams, rules: Rules, limits: UpstreamLimits, stack: AsyncExitStack
    ) -> None:
        self._default = default
        self._rules = rules
        self._limits = limits
        self._stack = stack
        self._sources: dict[str, Upstream] = {}
        self._named: dict[str | None, Upstreams] = {None: default}

    async def adopt(self, origins: Mapping[str, Origin]) -> None:
        """Be ready for the origins of a file of behaviours."""
        named: dict[str | None, Upstreams] = {None: self._default}
        for name, origin in origins.items():
            sources = {}
            for url in origin.urls:
                label = f"{url} ({name}, Host)" if origin.forwards_host else f"{url} ({name})"
                sources[label] = await self._open(label, url, forwards_host=origin.forwards_host)
            named[name] = self._default.toward(sources)
        self._named = named

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        """Send a request and wait for the head of its answer. Redirects are answers."""
        behaviour = self._rules.current.of(fields.get("host"), target)
        return await self._of(behaviour).ask(method, target, fields, body)

    def would_ask(self, key: bytes) -> list[str]:
        """Whom a viewer's request for a key would be sent to, in order, as things are."""
        return self._of(self._rules.of_key(key)).would_ask(key)

    def families(self) -> Iterator[Family]:
        """What was asked of every upstream and what came of it, for the metrics."""
        traffic = {}
        for upstreams in self._named.values():
            traffic.update(upstreams.traffic)
        return families(traffic)

    def _of(self, behaviour: Behaviour) -> Upstreams:
        upstreams = self._named.get(behaviour.origin, self._default)
        # Parents would ask for the signature, which is the viewer's.
        return upstreams.directly() if behaviour.signed_by else upstreams

    async def _open(self, label: str, url: str, *, forwards_host: bool) -> Source:
        if label not in self._sources:
            upstream = Upstream(url, self._limits, forwards_host=forwards_host)
            self._sources[label] = await self._stack.enter_async_context(upstream)
        return self._sources[label]


@asynccontextmanager
async def open_origins(basis: Basis) -> AsyncIterator[Origins]:
    """Whom a node asks: the upstreams of its settings and the origins of its behaviours."""
    settings = basis.settings
    async with (
        open_upstreams(settings, basis.position, node=basis.token) as upstreams,
        AsyncExitStack() as stack,
    ):
        origins = Origins(upstreams, basis.rules, upstream_limits(settings), stack)
        await origins.adopt(basis.file.origins)
        yield origins

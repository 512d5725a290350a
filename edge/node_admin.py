"""The admin port of a node with several workers: what they say, put together."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from edge.exposition import CONTENT_TYPE, Family, Sample, render
from edge.metrics import Metrics
from edge.place import owner
from edge.summed import cumulative, read_families, summed
from edge.workers import Workers


def create_node_admin(workers: Workers, metrics: Metrics) -> web.Application:
    """The admin application.

    Args:
        workers: The workers of the node.
        metrics: What the supervisor itself counts.
    """
    totals = Totals(workers, metrics)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        ready = await asyncio.gather(*(worker.is_ready() for worker in workers))
        status = {"status": "ok" if all(ready) else "not all workers serve", "workers": ready}
        return web.json_response(status, status=200 if all(ready) else 503)

    async def show_metrics(_: web.Request) -> web.Response:
        text = render(await totals.families(), (("region", metrics.region),))
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def explain(request: web.Request) -> web.Response:
        target = request.query.get("url", "")
        if not target.startswith("/") or not target.isascii() or not target.isprintable():
            return web.json_response({"detail": "url is a path with its query"}, status=400)
        asked = {"url": target, "host": request.query.get("host", "")}
        return _explained(await workers.ask("/explain", asked))

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/explain", explain)
    return app


@dataclass(slots=True)
class Totals:
    """What all workers have counted, those included that have ended."""

    workers: Workers
    metrics: Metrics
    _retired: list[Family] = field(default_factory=list)
    _last: dict[int, tuple[int, list[Family]]] = field(default_factory=dict)

    async def families(self) -> list[Family]:
        """The metrics of the node."""
        said = await self.workers.ask("/families")
        present = [self._present(number, answer) for number, answer in enumerate(said)]
        own = [*self.metrics.families({}), *self._about_workers([a is not None for a in said])]
        return summed([*present, own, self._retired])

    def _present(self, number: int, said: dict[str, Any] | None) -> list[Family]:
        """A worker's metrics; what it counted last, while it does not answer."""
        pid, last = self._last.get(number, (0, []))
        if said is None:
            return cumulative(last)
        if pid not in (0, said["pid"]):
            self._retired = summed([self._retired, cumulative(last)])
        self._last[number] = said["pid"], list(read_families(said["families"]))
        return self._last[number][1]

    def _about_workers(self, are_up: list[bool]) -> Iterator[Family]:
        labels = [(("worker", str(number)),) for number in range(len(self.workers))]
        ups = tuple(Sample(up, label) for up, label in zip(are_up, labels, strict=True))
        starts = tuple(
            Sample(worker.process.starts, label)
            for worker, label in zip(self.workers, labels, strict=True)
        )
        yield Family("edge_workers", "gauge", "Workers there shall be.", (Sample(len(labels)),))
        yield Family("edge_worker_up", "gauge", "Whether a worker answers.", ups)
        yield Family("edge_worker_starts_total", "counter", "Starts of a worker.", starts)


def _explained(said: list[dict[str, Any] | None]) -> web.Response:
    """What the owner of a key says of it, and who else has a copy."""
    heard = {number: answer for number, answer in enumerate(said) if answer is not None}
    if not heard:
        return web.json_response({"detail": "no worker answers"}, status=503)
    key = next(iter(heard.values()))["key"]
    number = owner(key.encode("ascii"), len(said))
    copies = [n for n, answer in heard.items() if n != number and answer["stored"]]
    return web.json_response(
        {**heard.get(number, {"key": key, "stored": []}), "worker": number, "copies": copies}
    )

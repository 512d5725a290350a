"""One viewer at an edge far from its origin, with prefetch and without."""

import asyncio
from collections import defaultdict
from pathlib import Path
from statistics import median

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bench.distance import at_distance
from bench.report import Measure, Report
from bench.site import Service, Site, open_site
from sample_media.generate import generate
from streamer.client import ApiClient
from streamer.core.keys import MULTIVARIANT_PLAYLIST, media_path
from streamer.player import HeadlessPlayer

LATENCY_SECONDS = 0.08
_SPEED = 4.0
_MODES = {"prefetch": (), "no prefetch": ("--prefetch-segments", "0")}


async def run(directory: Path, quick: bool) -> Report:
    """Play one finished video through edges that start empty, in turn with and without."""
    rounds, clip_name = (1, "demo") if quick else (3, "demo_60s")
    clip = await asyncio.to_thread(generate, clip_name)
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    async with open_site(directory) as site:
        origin = await site.origin()
        path = await _packaged(site, origin, clip)
        async with at_distance(origin.url, latency_seconds=LATENCY_SECONDS) as far_url:
            for number in range(rounds):
                for mode, options in _MODES.items():
                    name = f"{mode.replace(' ', '-')}-{number}"
                    edge = await site.edge(far_url, name=name, options=options)
                    for (what, unit), value in (await _viewing(edge, path)).items():
                        found[mode, what, unit].append(value)
    measures = tuple(
        Measure(f"{mode}, {what}", unit, tuple(values))
        for (mode, what, unit), values in found.items()
    )
    notes = (
        f"{clip_name} at {_SPEED:g} times its speed, highest rendition; "
        f"{LATENCY_SECONDS * 1000:.0f} ms between edge and origin",
    )
    return Report("Prefetch", measures, notes=notes)


async def _packaged(site: Site, origin: Service, clip: Path) -> str:
    """The path of the stream of a clip that is packaged to its end."""
    await site.worker()
    async with ApiClient(origin.url) as client:
        video_id = await client.upload(clip, title="prefetch")
        async for video in client.events(video_id):
            if video["state"] == "failed":
                raise RuntimeError(f"packaging failed: {video['error']}")
    return media_path(video_id, MULTIVARIANT_PLAYLIST)


async def _viewing(edge: Service, path: str) -> dict[tuple[str, str], float]:
    async with aiohttp.ClientSession() as session:
        played = await HeadlessPlayer(session, speed=_SPEED, highest=True).play(edge.url + path)
        async with session.get(f"{edge.admin_url}/metrics") as response:
            response.raise_for_status()
            counted = _counters(await response.text())
    asked = played.edge_hits + played.edge_misses
    fetched, used = counted["edge_prefetch_bytes"], counted["edge_prefetch_used_bytes"]
    return {
        ("already at the edge", "%"): played.edge_hits / asked * 100,
        ("on its way when asked for", "%"): counted["edge_prefetch_late"] / asked * 100,
        ("median first byte", "ms"): median(played.first_byte_seconds) * 1000,
        ("stalls", ""): played.stalls,
        ("fetched ahead", "MB"): fetched / 1e6,
        ("fetched ahead in vain", "MB"): (fetched - used) / 1e6,
    }


def _counters(metrics: str) -> dict[str, float]:
    return {
        family.name: sum(sample.value for sample in family.samples)
        for family in text_string_to_metric_families(metrics)
        if family.type == "counter"
    }

"""A whole installation on this machine, and what becomes of it when a part does not begin."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from streamer.core.errors import Unavailable
from streamer.site import Site, running_site


@pytest.mark.slow
async def test_two_that_begin_together_are_apart(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        sites = await asyncio.gather(
            *(stack.enter_async_context(running_site(tmp_path / name)) for name in "ab")
        )
        urls = {url for site in sites for url in (site.origin_url, site.edge_url)}
        assert len(urls | {site.edge_admin_url for site in sites}) == 6
        assert await asyncio.gather(*map(edges_of, sites)) == [[site.edge_url] for site in sites]


async def test_a_part_that_ends_as_it_begins_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(Unavailable, match=r"^the origin ended with status \d before it served$"):
        async with running_site(tmp_path):
            pass


async def edges_of(site: Site) -> list[str]:
    """The URLs of the edges that a site's origin knows, once there are any."""
    async with asyncio.timeout(30), aiohttp.ClientSession(site.origin_url) as session:
        while True:
            async with session.get("/api/v1/edges") as response:
                if items := (await response.json())["items"]:
                    return [item["url"] for item in items]
            await asyncio.sleep(0.05)

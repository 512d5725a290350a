"""Samples of a real source, encoded and compared by the real ffmpeg."""

import asyncio
from dataclasses import replace

from packager.analysis import measure, revise_ladder
from packager.core.probe import read_probe
from packager.core.recipe import Recipe, plan_recipe
from packager.ffmpeg import Ffmpeg
from packager.settings import PackagerSettings
from sample_media.generate import generate
from streamer.shared.settings import SharedSettings


async def opened(clip: str, settings: SharedSettings) -> tuple[Ffmpeg, str, Recipe]:
    path = str(await asyncio.to_thread(generate, clip))
    chosen = PackagerSettings(shared=settings)
    ffmpeg = Ffmpeg(chosen.ffmpeg, chosen.ffprobe)
    info = read_probe(await ffmpeg.probe(path), max_duration_seconds=3600)
    recipe = plan_recipe(info, chosen.options, "software", 1)
    assert recipe is not None
    return ffmpeg, path, replace(recipe, is_open=True)


async def test_more_bits_and_more_pixels_look_better(settings: SharedSettings) -> None:
    ffmpeg, path, recipe = await opened("plain", settings)
    curves = await measure(ffmpeg, path, recipe)
    assert list(curves) == [rung.name for rung in recipe.ladder] == ["240p", "360p"]
    for curve in curves.values():
        assert [point.bps for point in curve] == sorted((p.bps for p in curve), reverse=True)
        assert [point.vmaf for point in curve] == sorted((p.vmaf for p in curve), reverse=True)
    assert curves["360p"][0].vmaf > 85
    assert curves["360p"][0].vmaf > curves["240p"][0].vmaf


async def test_a_source_that_cannot_be_judged_keeps_its_ladder(settings: SharedSettings) -> None:
    ffmpeg, _, recipe = await opened("plain", settings)
    revised = await revise_ladder(ffmpeg, "/nowhere", recipe)
    assert revised == replace(recipe, is_open=False)

from fractions import Fraction

from packager.core.ladder import Rung
from packager.core.plan import frame_grid
from packager.core.recipe import (
    Recipe,
    in_step,
    plan_recipe,
    read_recipe,
    with_copied_top,
    with_ladder,
    write_recipe,
)
from packager.core.source import AudioTrack, SourceInfo, VideoTrack
from streamer.core.options import LadderKind, PackagingOptions, Preset, VideoCodec


def test_a_recipe_is_the_same_on_every_worker() -> None:
    rate = Fraction(30000, 1001)
    video = VideoTrack(0, 1280, 720, rate, Fraction(1, 3), "bt709")
    source = SourceInfo(
        60.1, Fraction(7, 90000), Fraction(-1, 3), False, video, (AudioTrack(1, Fraction(0), 6),)
    )
    ladder = (Rung("240p", 426, 240, 575_000), Rung("720p", 1280, 720, 2_994_000))
    recipe = Recipe(source, video, frame_grid(rate), ladder)
    assert read_recipe(write_recipe(recipe)) == recipe


def planned(width: int, height: int, options: PackagingOptions, version: int = 1) -> Recipe:
    video = VideoTrack(0, width, height, Fraction(30), Fraction(0), "bt709")
    source = SourceInfo(60.0, Fraction(0), Fraction(0), True, video)
    recipe = plan_recipe(source, options, "software", version)
    assert recipe is not None
    return recipe


def test_only_the_highest_rendition_of_h264_is_copied() -> None:
    options = PackagingOptions(ladder=LadderKind.FIXED, codecs=(VideoCodec.HEVC,), passthrough=True)
    recipe = planned(1280, 720, options)
    assert (recipe.is_open, recipe.is_copyable, recipe.is_settled) == (False, True, False)
    settled = with_copied_top(with_ladder(recipe, recipe.ladder))
    assert settled.is_settled
    assert [rung.name for rung in settled.rungs if rung.is_copied] == ["720p"]
    assert read_recipe(write_recipe(settled)) == settled


def test_what_is_encoded_too_slowly_comes_later() -> None:
    options = PackagingOptions(preset=Preset.BALANCED, codecs=(VideoCodec.HEVC,), passthrough=True)
    recipe = planned(1920, 1080, options, version=2)
    growing, late, further = in_step(recipe, 2).waves
    assert (growing, late) == (("240p-v2", "360p-v2", "480p-v2", "720p-v2"), ("1080p-v2",))
    assert len(further) == 5
    # Copying costs nothing.
    copied = with_copied_top(with_ladder(recipe, recipe.ladder))
    assert in_step(copied, 2).waves[0] == (*growing, *late)
    assert in_step(copied, 1).late == ("720p-v2",)
    without_some = with_ladder(recipe, (recipe.ladder[0], recipe.ladder[-1]))
    assert in_step(without_some, 2).waves[:2] == (("240p-v2",), ("1080p-v2",))


def test_a_late_rendition_does_not_wait_for_a_larger_one() -> None:
    recipe = planned(1920, 1080, PackagingOptions(preset=Preset.BALANCED))
    assert in_step(recipe, 1).waves == (("240p", "360p", "480p"), ("720p",), ("1080p",))


def test_large_renditions_of_further_codecs_are_encoded_one_by_one() -> None:
    options = PackagingOptions(codecs=(VideoCodec.HEVC, VideoCodec.AV1))
    growing, *further = planned(3840, 2160, options).waves
    assert len(growing) == 7
    small = ("240p", "360p", "480p", "720p", "1080p")
    assert further == [
        wave
        for codec in ("hevc", "av1")
        for wave in (
            tuple(f"{name}-{codec}" for name in small),
            (f"1440p-{codec}",),
            (f"2160p-{codec}",),
        )
    ]


def test_nothing_is_copied_unless_it_was_chosen() -> None:
    assert planned(1280, 720, PackagingOptions()).is_settled

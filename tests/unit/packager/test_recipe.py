from fractions import Fraction

from packager.core.ladder import Rung
from packager.core.plan import frame_grid
from packager.core.recipe import (
    Recipe,
    plan_recipe,
    read_recipe,
    with_copied_top,
    with_ladder,
    write_recipe,
)
from packager.core.source import AudioTrack, SourceInfo, VideoTrack
from streamer.core.options import LadderKind, PackagingOptions, VideoCodec


def test_a_recipe_is_the_same_on_every_worker() -> None:
    rate = Fraction(30000, 1001)
    video = VideoTrack(0, 1280, 720, rate, Fraction(1, 3), "bt709")
    source = SourceInfo(
        60.1, Fraction(7, 90000), Fraction(-1, 3), False, video, (AudioTrack(1, Fraction(0), 6),)
    )
    ladder = (Rung("240p", 426, 240, 575_000), Rung("720p", 1280, 720, 2_994_000))
    recipe = Recipe(source, video, frame_grid(rate), ladder)
    assert read_recipe(write_recipe(recipe)) == recipe


def test_only_the_highest_rendition_of_h264_is_copied() -> None:
    video = VideoTrack(0, 1280, 720, Fraction(30), Fraction(0), "bt709")
    source = SourceInfo(60.0, Fraction(0), Fraction(0), True, video)
    options = PackagingOptions(ladder=LadderKind.FIXED, codecs=(VideoCodec.HEVC,), passthrough=True)
    recipe = plan_recipe(source, options, "software", 1)
    assert recipe is not None
    assert (recipe.is_open, recipe.is_copyable, recipe.is_settled) == (False, True, False)
    settled = with_copied_top(with_ladder(recipe, recipe.ladder))
    assert settled.is_settled
    assert [rung.name for rung in settled.rungs if rung.is_copied] == ["720p"]
    assert read_recipe(write_recipe(settled)) == settled


def test_nothing_is_copied_unless_it_was_chosen() -> None:
    video = VideoTrack(0, 1280, 720, Fraction(30), Fraction(0), "bt709")
    source = SourceInfo(60.0, Fraction(0), Fraction(0), True, video)
    recipe = plan_recipe(source, PackagingOptions(), "software", 1)
    assert recipe is not None
    assert recipe.is_settled

from fractions import Fraction

from packager.core.ladder import Rung
from packager.core.plan import frame_grid
from packager.core.recipe import Recipe, read_recipe, write_recipe
from packager.core.source import AudioTrack, SourceInfo, VideoTrack


def test_a_recipe_is_the_same_on_every_worker() -> None:
    rate = Fraction(30000, 1001)
    video = VideoTrack(0, 1280, 720, rate, Fraction(1, 3), "bt709")
    source = SourceInfo(
        60.1, Fraction(7, 90000), Fraction(-1, 3), False, video, (AudioTrack(1, Fraction(0), 6),)
    )
    ladder = (Rung("240p", 426, 240, 575_000), Rung("720p", 1280, 720, 2_994_000))
    recipe = Recipe(source, video, frame_grid(rate), ladder)
    assert read_recipe(write_recipe(recipe)) == recipe

from fractions import Fraction

from packager.core.ladder import Rung
from packager.core.plan import Chunk, frame_grid
from packager.core.progress import share_done

LADDER = (Rung("small", 10, 10, 1), Rung("large", 30, 10, 1))
GRID = frame_grid(Fraction(25))


def test_pixels_count() -> None:
    chunk = Chunk(0, 2, ("small",))
    assert share_done(LADDER, GRID, 4, {}) == 0
    assert share_done(LADDER, GRID, 4, {chunk: 50}) == 0.99 * 50 * 100 / (100 * 400)
    done = {chunk: 100, Chunk(0, 2, ("large",)): 100}
    assert share_done(LADDER, GRID, 4, done) == 0.99


def test_a_wrong_duration_does_not_go_beyond_the_whole() -> None:
    assert share_done(LADDER, GRID, 0, {Chunk(0, 9, ("large",)): 900}) == 0.99

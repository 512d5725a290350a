"""How a decoder gets to a chunk: the search, and the key frames that shorten it."""

from dataclasses import replace
from fractions import Fraction

import pytest

from packager.core.approach import Approach, approaches, from_a_key, key_seconds
from packager.core.plan import frame_grid
from packager.core.source import SourceInfo, VideoTrack

GRID = frame_grid(Fraction(30))
SOURCE = SourceInfo(60.0, Fraction("1.4"), Fraction(1), False, None)
SEARCH = Approach(Fraction(12), in_order=True)
# Shown at 20 s, which the clock calls 21.4.
FRAME = 600


def begun(*keys: str, search: Approach = SEARCH) -> Fraction | None:
    """From when on the source is decoded, given when its key frames are shown."""
    approach = from_a_key(search, map(Fraction, keys), SOURCE, GRID, FRAME)
    if approach is None:
        return None
    assert approach == replace(search, margin_seconds=approach.margin_seconds)
    return approach.start_seconds(SOURCE, GRID, FRAME)


def test_decoding_begins_a_quarter_of_a_frame_before_the_last_key_frame_but_one() -> None:
    assert begun("13.4", "15.4", "17.4", "19.4") == Fraction("17.4") - Fraction(1, 120)


def test_key_frames_may_come_in_any_order_and_behind_the_chunk() -> None:
    assert begun("23.4", "19.4", "17.4", "21.5") == Fraction("17.4") - Fraction(1, 120)


def test_one_where_the_chunk_begins_is_the_last() -> None:
    assert begun("17.4", "19.4", "21.4") == Fraction("19.4") - Fraction(1, 120)


@pytest.mark.parametrize("keys", [(), ("19.4",), ("8.0", "19.4"), ("22.4", "24.4")])
def test_a_search_stays_as_it_is_where_no_key_frame_shortens_it(keys: tuple[str, ...]) -> None:
    assert begun(*keys) is None


def test_what_is_decoded_from_its_beginning_stays_so() -> None:
    assert begun("17.4", "19.4", search=approaches(SOURCE, GRID)[-1]) is None


def test_nothing_is_sought_before_the_first_picture() -> None:
    late = VideoTrack(
        0, 320, 180, Fraction(30), Fraction("1.4"), "bt709", late_seconds=Fraction(18)
    )
    source = replace(SOURCE, video=late)
    assert Approach(Fraction(2)).start_seconds(source, GRID, FRAME) is None
    assert Approach(Fraction(2)).start_seconds(source, GRID, FRAME + 1) == Fraction(
        "19.4"
    ) + GRID.seconds(1)


def test_key_frames_are_packets_that_say_so_and_when() -> None:
    packets = [
        {"pts_time": "17.400000", "flags": "K__"},
        {"pts_time": "17.433333", "flags": "___"},
        {"flags": "K__"},
        {"pts_time": "17.466667"},
    ]
    assert key_seconds(packets) == [Fraction("17.4")]

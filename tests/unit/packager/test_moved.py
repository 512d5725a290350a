import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from packager.core.boxes import write_box, write_full_box
from packager.core.moved import MovedFragments

BY = 1 << 33


def fragment(*offsets: int | None) -> bytes:
    """A fragment of as many tracks, and its samples; None: it lies where the fragment does."""
    trafs = [
        write_box("traf", write_box("free"), write_full_box("tfhd", 0, 0x020000, bytes(4)))
        if offset is None
        else write_box("traf", write_full_box("tfhd", 0, 0x1, struct.pack(">IQ", 1, offset)))
        for offset in offsets
    ]
    moof = write_box("moof", write_full_box("mfhd", 0, 0, bytes(4)), *trafs)
    return moof + write_box("mdat", b"moof" * 9)


def moved(data: bytes, cuts: list[int]) -> bytes:
    fragments = MovedFragments(BY)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    passed = [fragments.feed(data[start:stop]) for start, stop in pairwise(places)]
    return b"".join(passed) + fragments.rest()


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(CUTS)
def test_fragments_say_where_they_lie_now(cuts: list[int]) -> None:
    large = struct.pack(">I4sQ", 1, b"mdat", 30) + bytes(14)
    data = fragment(BY + 7, None) + write_box("styp", b"msdh") + large + fragment(BY + 600)
    expected = fragment(7, None) + write_box("styp", b"msdh") + large + fragment(600)
    assert moved(data, cuts) == expected


@given(CUTS)
def test_the_last_box_may_be_without_an_end_or_cut_off(cuts: list[int]) -> None:
    endless = fragment(BY) + struct.pack(">I4s", 0, b"mdat") + fragment(BY)
    assert moved(endless, cuts) == fragment(0) + struct.pack(">I4s", 0, b"mdat") + fragment(BY)
    cut_off = fragment(BY)[:-50]
    assert moved(cut_off[:40], cuts) == cut_off[:40]


@given(st.binary(max_size=400), CUTS)
def test_what_is_no_fragment_passes_as_it_is(data: bytes, cuts: list[int]) -> None:
    assert moved(data, cuts) == data
    broken = write_box("moof", write_box("traf", write_full_box("tfhd", 0, 0x1, data[:11])))
    assert moved(broken, cuts) == broken
    nonsense = write_box("moof", struct.pack(">I", 3) + data)
    assert moved(nonsense, cuts) == nonsense

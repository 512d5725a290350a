"""Where sources may be entered: written here byte by byte, as their standards say."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.core.boxes import write_box, write_full_box
from packager.core.ebml import read_element
from packager.core.entries import Entry, read_layout
from tests.unit.packager.transport_packets import SOUND, packet

UNKNOWN = b"\x01" + b"\xff" * 7


def element(kind: str, *payload: bytes, size: bytes | None = None) -> bytes:
    data = b"".join(payload)
    return bytes.fromhex(kind) + (size or (1 << 28 | len(data)).to_bytes(4, "big")) + data


def cluster(ticks: int, *, before: bytes = b"", size: bytes | None = None) -> bytes:
    timestamp = element("E7", ticks.to_bytes(3, "big"))
    return element("1F43B675", before, timestamp, element("A3", bytes(40)), size=size)


def matroska(*clusters: bytes, scale: bytes = b"") -> bytes:
    info = element("1549A966", element("4D80", b"a writer"), scale)
    head = element("114D9B74", bytes(9)) + element("EC", bytes(70)) + info
    return element("1A45DFA3", bytes(12)) + element("18538067", head, *clusters, size=UNKNOWN)


def fragment(*times: tuple[int, int], flags: int = 0x020000, version: int = 1) -> bytes:
    trafs = [
        write_box(
            "traf",
            write_full_box("tfhd", 0, flags, struct.pack(">IQ", track, 0)),
            write_full_box("tfdt", version, 0, ticks.to_bytes(8 if version else 4, "big")),
        )
        for track, ticks in times
    ]
    return write_box("moof", write_full_box("mfhd", 0, 0, bytes(4)), *trafs)


def track(track_id: int, timescale: int, version: int) -> bytes:
    times = bytes(16 if version else 8)
    header = write_full_box("tkhd", version, 0, times, struct.pack(">I", track_id))
    media = write_full_box("mdhd", version, 0, times, struct.pack(">I", timescale))
    return write_box("trak", header, write_box("mdia", media))


FRAGMENTED = (
    write_box("ftyp", b"isom")
    + write_box("moov", track(1, 1000, 0), track(2, 48000, 1), write_box("mvex"))
)  # fmt: skip


def found(data: bytes) -> list[Entry]:
    layout = read_layout(data)
    assert layout is not None
    return list(layout.entries(data, 0))


@pytest.mark.parametrize("size", [None, UNKNOWN], ids=["sized", "unsized"])
def test_a_matroska_file_is_entered_at_its_clusters(size: bytes | None) -> None:
    first = cluster(0, size=size)
    checked = cluster(4000, before=element("BF", bytes(4)) + element("AB", b"\x09"), size=size)
    data = matroska(first, checked)
    layout = read_layout(data)
    assert layout is not None
    assert layout.head_bytes == data.index(first)
    assert found(data) == [Entry(data.index(first), 0.0), Entry(data.index(checked), 4.0)]


def test_the_scale_of_a_matroska_file_s_time_is_its_own() -> None:
    scale = element("2AD7B1", (10_000_000).to_bytes(3, "big"))
    (entry,) = found(matroska(cluster(150), scale=scale))
    assert entry.seconds == 1.5


def test_a_time_that_is_cut_off_is_none() -> None:
    data = matroska(cluster(0), cluster(4000))
    layout = read_layout(data)
    assert layout is not None
    second = data.rindex(bytes.fromhex("1F43B675"))
    for stop in range(second, second + 16):
        assert len(list(layout.entries(data[:stop], 0))) == 1
    assert len(list(layout.entries(data[: second + 16], 0))) == 2


def test_a_cluster_s_mark_inside_a_picture_is_none() -> None:
    picture = element("A3", b"\x1f\x43\xb6\x75\x84\xa3\x82\0\0", bytes(20))
    assert len(found(matroska(cluster(0), picture))) == 1


@pytest.mark.parametrize("version", [0, 1])
def test_a_fragmented_file_is_entered_at_its_fragments(version: int) -> None:
    fragments = [fragment((1, 0), (2, 0)), fragment((1, 4000), (2, 191_000), version=version)]
    media = write_box("mdat", b"moof" * 4)
    data = FRAGMENTED + media.join([*fragments, b""])
    layout = read_layout(data)
    assert layout is not None
    assert layout.head_bytes == len(FRAGMENTED)
    second = data.index(fragments[1])
    assert found(data) == [Entry(len(FRAGMENTED), 0.0), Entry(second, 191_000 / 48_000)]


@pytest.mark.parametrize(
    "odd",
    [
        fragment((3, 0)),
        write_box("moof", write_full_box("mfhd", 0, 0, bytes(4)), write_box("traf")),
        write_box("moof", fragment((1, 0))[8:-20], write_box("tfdt")),
        fragment((1, 0))[:-1],
    ],
    ids=["an unknown track", "no time", "damaged", "cut off"],
)
def test_other_fragments_are_no_entries(odd: bytes) -> None:
    assert found(FRAGMENTED + odd) == []


def test_a_transport_stream_is_entered_where_pictures_begin() -> None:
    packets = [
        packet(0),
        packet(1),
        packet(90_000, filler=9),
        packet(5, stream=SOUND),
        packet(5, begins=False),
        packet(),
        packet((1 << 33) - 90_000),
        packet(7, filler=180),
    ]
    seconds = [0.0, 1 / 90_000, 1.0, (1 << 33) / 90_000 - 1]
    places = [0, 1, 2, 6]
    expected = [Entry(n * 188, at) for n, at in zip(places, seconds, strict=True)]
    assert found(b"".join(packets)) == expected


def test_a_piece_of_a_transport_stream_begins_anywhere() -> None:
    data = b"".join(packet(90_000 * second) for second in range(8))
    layout = read_layout(data)
    assert layout is not None
    assert list(layout.entries(data[100:], 100)) == [Entry(n * 188, n) for n in range(1, 8)]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"FLV\x01" + bytes(800),
        write_box("ftyp") + write_box("moov", track(1, 1000, 0)),
        write_box("moov", write_box("mvex"), write_box("trak", write_box("tkhd"))),
        write_box("ftyp") + write_box("mdat", bytes(9)) + write_box("moov", write_box("mvex")),
        element("1A45DFA3", bytes(12)) + element("18538067", element("1549A966", bytes(4))),
        element("1A45DFA3", bytes(12)) + element("EC", bytes(4)),
    ],
    ids=["empty", "flv", "not fragmented", "damaged", "index last", "no cluster", "no segment"],
)
def test_other_sources_cannot_be_entered(head: bytes) -> None:
    assert read_layout(head) is None


@given(st.binary(max_size=300), st.sampled_from([0, 3, 20, 60, 100]))
def test_noise_is_read_as_far_as_it_goes(noise: bytes, kept: int) -> None:
    for good in (matroska(cluster(0)), FRAGMENTED + fragment((1, 0)), packet(0) * 5):
        data = good[: len(good) - kept] + noise
        layout = read_layout(data)
        if layout is not None:
            assert all(0 <= entry.position < len(data) for entry in layout.entries(data, 0))


@given(st.binary(max_size=20))
def test_an_element_lies_behind_its_header(data: bytes) -> None:
    found = read_element(data, 0)
    if found is not None:
        assert 2 <= found.start <= len(data)
        assert found.stop is None or found.stop >= found.start

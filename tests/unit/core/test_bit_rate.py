from streamer.core.bit_rate import average_bps, peak_bps
from streamer.core.video import MediaKind, Rendition, Segment

RENDITION = Rendition("240p", MediaKind.VIDEO, "avc1.64000d", timescale=1000)


def segments(*pairs: tuple[float, int]) -> list[Segment]:
    return [
        Segment("240p", number, f"240p/{number}.m4s", round(seconds * 1000), size_bytes)
        for number, (seconds, size_bytes) in enumerate(pairs)
    ]


def peak(*pairs: tuple[float, int]) -> int:
    return peak_bps(RENDITION, segments(*pairs), target_duration_seconds=4)


def test_average_is_all_bits_over_all_time() -> None:
    assert average_bps(RENDITION, segments((4, 1000), (2, 2000))) == 4000


def test_peak_is_the_most_expensive_segment() -> None:
    assert peak((4, 1000), (4, 3000), (4, 2000)) == 6000


def test_a_short_last_segment_counts_only_with_its_neighbour() -> None:
    # Alone the tail would be 40 000 bit/s; with its neighbour 4000 bytes in 4.4 s.
    assert peak((4, 1000), (4, 2000), (0.4, 2000)) == 7273


def test_a_stream_shorter_than_half_a_target_duration_counts_whole() -> None:
    assert peak((1, 500)) == 4000


def test_nothing_published_has_no_bit_rate() -> None:
    assert peak() == 0
    assert average_bps(RENDITION, []) == 0

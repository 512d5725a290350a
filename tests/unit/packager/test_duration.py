from packager.core.duration import guess_seconds


def test_the_rest_is_taken_to_be_as_the_beginning() -> None:
    packets = [
        {"pts_time": "5001.400000", "pos": "564"},
        {"pts_time": "5003.400000", "pos": "1564"},
        {"pts_time": "5002.400000", "pos": "1064"},
    ]
    assert guess_seconds(packets, 10_000) == 20


def test_what_does_not_tell_is_0() -> None:
    packet = {"pts_time": "1.0", "pos": "564"}
    for packets in ([], [packet], [packet, {"pos": "600"}], [packet, {"pts_time": "2.0"}]):
        assert guess_seconds(packets, 10_000) == 0

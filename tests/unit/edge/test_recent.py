"""A memory of keys that expires and is bounded."""

from edge.core.recent import Recent


def test_keys_are_forgotten_in_time_and_beyond_the_bound() -> None:
    recent = Recent(seconds=10.0, limit=2)
    recent.add(b"a", 0.0)
    assert recent.has(b"a", 9.9)
    assert not recent.has(b"a", 10.0)
    for number, key in enumerate((b"b", b"c", b"d")):
        recent.add(key, float(number))
    assert [recent.has(key, 3.0) for key in (b"b", b"c", b"d")] == [False, True, True]

from edge.core.refusals import MAX_KEYS, Refusal, Refusals


def test_the_last_refusal_of_a_key_is_remembered() -> None:
    refusals = Refusals()
    refusals.note(b"/a", Refusal(1.0, "private", 200))
    refusals.note(b"/a", Refusal(2.0, "no-store", 200))
    assert refusals.last(b"/a") == Refusal(2.0, "no-store", 200)
    assert refusals.last(b"/b") is None


def test_the_keys_refused_longest_ago_are_forgotten_first() -> None:
    refusals = Refusals()
    for number in range(MAX_KEYS):
        refusals.note(b"/%d" % number, Refusal(number, "private", 200))
    refusals.note(b"/0", Refusal(MAX_KEYS, "private", 200))
    refusals.note(b"/new", Refusal(MAX_KEYS, "private", 200))
    assert refusals.last(b"/1") is None
    assert refusals.last(b"/0") is not None
    assert refusals.last(b"/2") is not None

"""A short run of the fuzzer (tests/fuzz/fuzz_head.py), with Hypothesis to shrink what it finds."""

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.fuzz_head import check, read_by_h11, request


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_damaged_requests_are_refused_or_read_as_h11_reads_them(seed: int) -> None:
    chance = random.Random(seed)
    check(request(chance), chance)


@given(st.binary(max_size=200))
@example(b"GET / HTTP/1.1\r\nHost: e\r\n\r\n")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check(data, random.Random(0))


def test_fuzzer_makes_requests_that_both_accept() -> None:
    chance = random.Random(1)
    assert sum(check(request(chance), chance) for _ in range(2000)) > 100


def test_fuzzer_reads_bodies_with_h11() -> None:
    data = b"POST / HTTP/1.1\r\nHost: e\r\nContent-Length: 4\r\n\r\nabcd"
    reading = read_by_h11(data)
    assert reading is not None
    assert reading.body == b"abcd"

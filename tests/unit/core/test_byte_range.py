import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.byte_range import (
    MAX_RANGES,
    Ignore,
    Span,
    Unsatisfiable,
    content_range,
    parse_range,
    unsatisfied_content_range,
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", (Span(0, 100),)),
        ("bytes=0-0", (Span(0, 1),)),
        ("bytes=900-", (Span(900, 1000),)),
        ("bytes=900-5000", (Span(900, 1000),)),
        ("bytes=-100", (Span(900, 1000),)),
        ("bytes=-5000", (Span(0, 1000),)),
        ("BYTES=1-2", (Span(1, 3),)),
        ("bytes= 1-2 , ,\t4-5", (Span(1, 3), Span(4, 6))),
        ("bytes=500-599,0-9", (Span(500, 600), Span(0, 10))),
        ("bytes=500-599,0-9,550-700", (Span(0, 10), Span(500, 701))),
        ("bytes=0-9,10-19", (Span(0, 20),)),
        ("bytes=0-9,5000-", (Span(0, 10),)),
        ("bytes=00000000000000000000000000-0", (Span(0, 1),)),
    ],
)
def test_spans(header: str, expected: tuple[Span, ...]) -> None:
    assert parse_range(header, 1000) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=-0,2000-"])
def test_unsatisfiable(header: str) -> None:
    assert parse_range(header, 1000) == Unsatisfiable()


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=-5", "bytes=0-0"])
def test_nothing_of_an_empty_representation_can_be_selected(header: str) -> None:
    assert parse_range(header, 0) == Unsatisfiable()


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-4",
        "bytes=0-9,5-4",
        "bytes=1",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=１-2",  # noqa: RUF001 - a full-width digit is no DIGIT
        "items=0-1",
        "bytes 0-1",
        "bytes=" + "9" * 5000 + "-",
        "bytes=" + ",".join(f"{n * 4}-{n * 4}" for n in range(MAX_RANGES + 1)),
    ],
)
def test_ignored(header: str) -> None:
    assert parse_range(header, 1000) == Ignore()


def test_content_range() -> None:
    assert content_range(Span(0, 100), 1000) == "bytes 0-99/1000"
    assert unsatisfied_content_range(1000) == "bytes */1000"


@given(
    specs=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=MAX_RANGES
    ),
    size=st.integers(1, 50),
)
def test_spans_hold_exactly_the_bytes_asked_for(specs: list[tuple[int, int]], size: int) -> None:
    ordered = [(min(pair), max(pair)) for pair in specs]
    wanted = {n for first, last in ordered for n in range(first, last + 1) if n < size}
    result = parse_range("bytes=" + ",".join(f"{a}-{b}" for a, b in ordered), size)
    if not wanted:
        assert result == Unsatisfiable()
        return
    assert isinstance(result, tuple)
    covered = [n for span in result for n in range(span.start, span.stop)]
    assert sorted(covered) == sorted(wanted)


@given(st.text(max_size=80), st.integers(0, 10))
def test_any_text_is_judged(text: str, size: int) -> None:
    result = parse_range("bytes=" + text, size)
    assert isinstance(result, tuple | Unsatisfiable | Ignore)

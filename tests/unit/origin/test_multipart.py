from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.core.errors import InvalidInput
from streamer.origin.multipart import Event, Field, FileBegins, FileBytes, boundary_of, read_form

FORM = (
    b"--edge\r\n"
    b'Content-Disposition: form-data; name="title"\r\n\r\nA title\r\n'
    b"--edge\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n"
    b"bytes\r\n--edg\r\nmore\r\n"
    b"--edge--\r\n"
)


async def pieces(data: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, stop in pairwise(edges):
        yield data[start:stop]


async def read(data: bytes, cuts: list[int]) -> list[Event]:
    return [event async for event in read_form(pieces(data, cuts), b"edge")]


@given(st.lists(st.integers(0, 1000), max_size=12))
async def test_a_form_is_read_the_same_however_it_is_cut(cuts: list[int]) -> None:
    events = await read(FORM, cuts)
    assert events[0] == Field("title", "A title")
    assert events[1] == FileBegins("a.mp4")
    data = b"".join(event.data for event in events if isinstance(event, FileBytes))
    assert data == b"bytes\r\n--edg\r\nmore"


@given(st.integers(0, len(FORM) - 5))
async def test_a_form_that_ends_early_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput):
        await read(FORM[:length], [])


@given(st.binary(max_size=300))
async def test_any_bytes_are_judged(data: bytes) -> None:
    for body in (data, b"--edge\r\n" + data, b"--edge\r\n\r\n" + data + b"\r\n--edge--"):
        try:
            await read(body, [])
        except InvalidInput:
            continue


def test_boundaries() -> None:
    assert boundary_of("multipart/form-data; boundary=edge") == b"edge"
    assert boundary_of('multipart/form-data; charset=x; boundary="e d"') == b"e d"
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=", ""):
        with pytest.raises(InvalidInput):
            boundary_of(content_type)

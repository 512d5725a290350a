from hypothesis import given
from hypothesis import strategies as st

from edge.core.fields import Fields
from edge.core.inner import (
    inner_fields,
    outer_fields,
    read_member,
    read_told,
    told_behaviours,
    untold,
)
from streamer.core.cache_status import CacheStatus, Forward, append, render

NAME, VIA = "edge-test", "1.1 edge-test-0123abcd"
_statuses = st.builds(
    CacheStatus,
    cache=st.just(NAME),
    forward=st.none() | st.sampled_from(Forward),
    forward_status=st.none() | st.integers(100, 599),
    ttl_seconds=st.none() | st.integers(-(2**31), 2**31),
    stored=st.booleans(),
    collapsed=st.booleans(),
    key=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126)),
    detail=st.none() | st.sampled_from(["prefetched", "upstream-timeout"]),
)
_members = st.lists(st.sampled_from(["origin; hit", 'other; key="a, b"', "shield; fwd=miss"]))


@given(_statuses, _members)
def test_what_is_rendered_is_read(status: CacheStatus, before: list[str]) -> None:
    listed = ", ".join(before)
    fields = Fields((("cache-status", append(listed, render(status))), ("via", f"1.0 a, {VIA}")))
    told = read_told(fields, NAME, VIA)
    assert told is not None
    assert told.status == status
    assert (told.fields.get("cache-status") or "") == listed
    assert told.fields.get("via") == "1.0 a"


def test_the_nodes_traces_are_taken_out() -> None:
    fields = Fields((("etag", '"1"'), ("cache-status", f"{NAME}; hit"), ("via", VIA)))
    told = read_told(fields, NAME, VIA)
    assert told is not None
    assert told.fields.items == (("etag", '"1"'),)


def test_who_is_no_worker_is_not_believed() -> None:
    assert read_told(Fields(), NAME, VIA) is None
    assert read_told(Fields((("cache-status", "other; hit"),)), NAME, VIA) is None
    assert read_member(f"{NAME}-2; hit", NAME) is None


def test_a_failure_is_one_without_an_answer() -> None:
    def failure(member: str, status: int) -> str | None:
        told = read_told(Fields((("cache-status", f"{NAME}; {member}"),)), NAME, VIA)
        assert told is not None
        return told.failure(status)

    assert failure("fwd=uri-miss; detail=upstream-connect", 502) == "upstream-connect"
    assert failure("fwd=uri-miss; detail=upstream-timeout", 504) == "upstream-timeout"
    assert failure("fwd=uri-miss; fwd-status=502; detail=no-freshness", 502) is None
    assert failure("fwd=stale; detail=upstream-connect", 200) is None
    assert failure("hit", 502) is None


def test_rfc9111_5_2_1_3_the_owner_answers_a_validation_with_nothing_stale() -> None:
    plain, conditional = Fields((("accept", "*/*"),)), Fields((("if-none-match", '"1"'),))
    assert untold(inner_fields(plain, "b1")) == plain
    asked = untold(inner_fields(conditional.plus(("cache-control", "max-age=5")), "b1"))
    assert asked.get("cache-control") == "max-age=5, min-fresh=0"
    assert outer_fields(asked).items == conditional.items


def test_the_owner_is_told_the_workers_behaviours_whatever_a_viewer_says() -> None:
    lie = Fields((("streamer-behaviours", "b2"), ("accept", "*/*")))
    assert told_behaviours(inner_fields(lie, "b1")) == "b1"
    assert told_behaviours(Fields()) is None

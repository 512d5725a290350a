"""CDN-Loop (RFC 8586): every node adds itself and keeps what others said."""

from edge.core.fields import Fields
from edge.core.loop import marked, passed_nodes


def test_a_node_adds_itself_last_and_leaves_the_others() -> None:
    fields = Fields((("cdn-loop", "other.example"), ("accept", "*/*"), ("cdn-loop", "more")))
    once = marked(fields, "edge-a-1")
    twice = marked(once, "edge-b-2")
    expected = "other.example, more, streamer;node=edge-a-1, streamer;node=edge-b-2"
    assert twice.get("cdn-loop") == expected
    assert twice.get("accept") == "*/*"
    assert passed_nodes(twice) == {"edge-a-1", "edge-b-2"}


def test_others_are_no_nodes_of_ours() -> None:
    assert passed_nodes(Fields()) == frozenset()
    value = 'foo123.foocdn.example, x; v="streamer;node=a", streamer, streamer;node=, a;node=b'
    assert passed_nodes(Fields((("cdn-loop", value),))) == frozenset()

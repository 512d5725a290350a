"""Rendezvous hashing: the same everywhere, balanced, and a name that goes takes only its keys."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge.core.route import Tiers, above, candidates, rank

_KEYS = [b"/v/%d/seg-%d.m4s" % (video, number) for video in range(40) for number in range(100)]
_names = st.lists(st.text(max_size=12), min_size=1, max_size=8, unique=True)


@given(st.binary(max_size=40), _names, st.randoms(use_true_random=False))
def test_every_name_is_ranked_once_whatever_their_order(
    key: bytes, names: list[str], random: Random
) -> None:
    ranked = rank(key, names)
    assert sorted(ranked) == sorted(names)
    shuffled = list(names)
    random.shuffle(shuffled)
    assert rank(key, shuffled) == ranked


@given(st.binary(max_size=40), _names, st.data())
def test_removing_a_name_leaves_the_order_of_the_others(
    key: bytes, names: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(names))
    kept = [name for name in rank(key, names) if name != gone]
    assert rank(key, [name for name in names if name != gone]) == kept


def test_the_keys_of_a_name_that_is_gone_spread_evenly_and_no_other_key_moves() -> None:
    names = [f"http://edge-{number}:8081" for number in range(5)]
    before = {key: rank(key, names)[0] for key in _KEYS}
    after = {key: rank(key, names[1:])[0] for key in _KEYS}
    moved = [key for key in _KEYS if before[key] != after[key]]
    assert all(before[key] == names[0] for key in moved)
    shares = Counter(after[key] for key in moved)
    assert set(shares) == set(names[1:])
    assert max(shares.values()) < 1.4 * len(moved) / len(shares)


def test_keys_are_balanced() -> None:
    names = [f"{number}" for number in range(4)]
    shares = Counter(rank(key, names)[0] for key in _KEYS)
    assert all(0.9 < share / (len(_KEYS) / 4) < 1.1 for share in shares.values())


def test_another_process_ranks_alike() -> None:
    names = ["a", "b", "c", "d", "e"]
    program = (
        "from edge.core.route import rank; "
        f"print([''.join(rank(b'%d' % n, {names!r})) for n in range(20)])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert shown.strip() == repr(["".join(rank(b"%d" % n, names)) for n in range(20)])


PARENTS = ("http://a", "http://b", "http://c")
ORIGINS = ("http://origin", "http://backup")


def _asked(tiers: Tiers, *, from_edge: bool = False, ill: Sequence[str] = ()) -> list[str]:
    return candidates(
        tiers,
        b"/key",
        from_edge=from_edge,
        is_healthy=lambda name: name not in ill,
    )


def test_parents_come_before_the_origins_and_the_ill_are_left_out() -> None:
    tiers = Tiers(ORIGINS, PARENTS)
    first, second, third = rank(b"/key", PARENTS)
    assert _asked(tiers) == [first, second, *ORIGINS]
    assert _asked(tiers, ill=[first]) == [second, third, *ORIGINS]
    assert _asked(tiers, ill=[*PARENTS, ORIGINS[0]]) == [ORIGINS[1]]
    assert _asked(tiers, ill=[*PARENTS, *ORIGINS]) == []


def test_what_comes_from_another_edge_does_not_go_to_a_third() -> None:
    assert _asked(Tiers(ORIGINS, PARENTS), from_edge=True) == list(ORIGINS)


@given(st.binary(max_size=20), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_siblings_that_see_different_illnesses_never_wait_for_one_another(
    key: bytes, names: set[str]
) -> None:
    siblings = sorted(names)
    for one in siblings:
        for other in above(key, siblings, one):
            assert one not in above(key, siblings, other)

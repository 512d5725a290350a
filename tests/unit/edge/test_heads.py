"""Ids of objects on the disk."""

import time

from edge.heads import id_at, new_id


def test_ids_grow_and_are_each_workers_own() -> None:
    ahead = id_at(time.time() + 86_400)
    last, ids = [ahead] * 4, []
    for _ in range(3):
        last = [new_id(before, worker) for worker, before in enumerate(last)]
        ids += last
    assert len(set(ids)) == 12
    assert all(number > ahead for number in ids)
    assert ids[::4] == sorted(ids[::4])

"""Fills under any schedule: viewers come and go while the upstream sends, stops, lies or fails.

The event loop is driven one iteration at a time on a clock of its own, so every example is one
schedule, and a failing one is found again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.arriving import Arriving
from edge.cache import Cache
from edge.clock import Clock
from edge.core.behaviours import Behaviours
from edge.core.fields import Fields
from edge.errors import BodyTruncated
from edge.fill import Failed, Fill, FillRequest, Growing, Released
from edge.fills import FillLimits, Fills
from edge.metrics import Counters
from edge.rules import Rules
from edge.upstream import FailureKind, UpstreamFailure, UpstreamResponse
from streamer.core.cache_status import CacheStatus

OBJECT = bytes(range(48))
KEY = b"/a"
RETAINED_BYTES = 64
SETTLING_STEPS = 200


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock moves a little whenever it is read, and that runs when told."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        self._now += 1e-6
        return self._now

    def step(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()


@dataclass(eq=False)
class Answer:
    """An answer that goes on when the schedule says so."""

    fields: Fields
    content_length: int | None
    told: CacheStatus | None = None
    status: int = 200
    reason: str = "OK"
    sent: int = 0
    closes: int = 0
    _queue: "asyncio.Queue[bytes | None]" = field(default_factory=asyncio.Queue)

    def send(self, size: int) -> None:
        self._queue.put_nowait(OBJECT[self.sent : self.sent + size])
        self.sent = min(len(OBJECT), self.sent + size)

    def break_off(self) -> None:
        self._queue.put_nowait(None)

    def end(self) -> None:
        """End as the protocol ends a body: with all of it, or where nobody can tell."""
        self.send(len(OBJECT))
        self._queue.put_nowait(b"")

    @property
    def is_whole(self) -> bool:
        return self.sent == len(OBJECT)

    async def pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._queue.get()) != b"" or self.sent < len(OBJECT):
            if piece is None:
                raise BodyTruncated("broken off")
            if piece:
                yield piece

    def free_slot(self) -> None:
        pass

    def close(self) -> None:
        self.closes += 1


class Upstream:
    """Holds every request until the schedule answers it."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[UpstreamResponse | UpstreamFailure]] = []
        self.answers: list[Answer] = []
        self.asked = 0

    async def ask(
        self, method: str, target: str, fields: Fields, body: AsyncIterator[bytes] | None = None
    ) -> UpstreamResponse | UpstreamFailure:
        self.asked += 1
        asked: asyncio.Future[UpstreamResponse | UpstreamFailure] = asyncio.Future()
        self.waiting.append(asked)
        try:
            return await asked
        finally:
            self.waiting.remove(asked)

    def reply(self, control: str, length: int | None) -> None:
        for asked in self.waiting:
            if not asked.done():
                answer = Answer(Fields((("cache-control", control),)), length)
                self.answers.append(answer)
                asked.set_result(answer)

    def fail(self) -> None:
        for asked in self.waiting:
            if not asked.done():
                asked.set_result(UpstreamFailure(FailureKind.TIMEOUT))


@dataclass(eq=False)
class Viewer:
    """Someone who wants the object; what came of it is `end`."""

    fill: Fill
    task: "asyncio.Task[None]"
    span: slice | None
    got: bytearray = field(default_factory=bytearray)
    end: str = ""
    is_blocked: bool = False
    _writable: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def wanted(self) -> bytes:
        return OBJECT if self.span is None else OBJECT[self.span]

    def push(self, piece: bytes) -> None:
        assert not self.is_blocked
        self.got += piece

    async def writable(self) -> None:
        while self.is_blocked:
            await self._writable.wait()

    def block(self, blocked: bool) -> None:
        self.is_blocked = blocked
        self._writable.clear() if blocked else self._writable.set()


class World:
    """One node's fills, their viewers and their upstream."""

    def __init__(self, loop: SteppedLoop) -> None:
        clock, counters = Clock(), Counters()
        self.loop = loop
        self.upstream = Upstream()
        self.cache = Cache("edge", clock, counters, memory_bytes=1 << 20)
        self.viewers: list[Viewer] = []
        self.begun: list[Fill] = []
        self.stored: list[Fill] = []
        self.closing: list[asyncio.Task[None]] = []
        limits = FillLimits(RETAINED_BYTES, 1 << 20, {}, 0.0, 1 << 20, 1 << 20)
        rules = Rules(Behaviours())
        self.fills = Fills(
            self.upstream,
            self.cache,
            clock,
            counters,
            via="1.1 edge",
            limits=limits,
            rules=rules,
            arriving=Arriving(rules),
            on_stored=lambda _, fill: self.stored.append(fill),
        )

    def close(self) -> None:
        self.closing.append(self.loop.create_task(self.fills.close()))

    def come(self, span: slice | None) -> None:
        request = FillRequest(KEY, Fields())
        fill = self.fills.find(request)
        if fill is None:
            starter = object()
            fill = self.fills.start(request, starter)
            self.begun.append(fill)
        else:
            starter = object()
        self.viewers.append(Viewer(fill, self.loop.create_task(self._view(starter)), span))

    def go(self, number: int) -> None:
        if self.viewers:
            self.viewers[number % len(self.viewers)].task.cancel()

    def block(self, number: int, blocked: bool) -> None:
        if self.viewers:
            self.viewers[number % len(self.viewers)].block(blocked)

    async def _view(self, me: object) -> None:
        viewer = next(v for v in self.viewers if v.task is asyncio.current_task())
        with self.fills.joined(viewer.fill, me):
            match await viewer.fill.result():
                case Growing() as outcome if outcome.body.is_retained:
                    viewer.end = await _read(viewer, outcome)
                case Released():
                    taken = viewer.fill.take(me)
                    if taken is not None:
                        taken.close()
                    viewer.end = "released"
                case Failed():
                    viewer.end = "failed"
                case _:
                    viewer.end = "alone"


async def _read(viewer: Viewer, outcome: Growing) -> str:
    with outcome.body.reader() as reader:
        try:
            if viewer.span is not None:
                await reader.feed(viewer, viewer.span.start, viewer.span.stop)
            else:
                async for piece in reader:
                    viewer.got += piece
        except BodyTruncated:
            return "truncated"
    return "whole"


Action = Callable[[World], None]


def _each_answer(do: Callable[[Answer], None]) -> Action:
    def do_each(world: World) -> None:
        for answer in world.upstream.answers:
            do(answer)

    return do_each


_lengths = st.sampled_from([len(OBJECT), None, len(OBJECT) + 5])
_parts = st.tuples(st.integers(0, len(OBJECT) - 1), st.integers(1, len(OBJECT))).map(
    lambda part: slice(part[0], min(len(OBJECT), part[0] + part[1]))
)
_spans = st.one_of(st.none(), st.just(slice(0, len(OBJECT))), _parts)
_actions: st.SearchStrategy[tuple[str, Action]] = st.one_of(
    _spans.map(lambda span: (f"come {span}", lambda world: world.come(span))),
    _spans.map(lambda span: (f"come {span}", lambda world: world.come(span))),
    st.just(("close", lambda world: world.close())),
    st.integers(0, 9).map(lambda number: (f"go {number}", lambda world: world.go(number))),
    st.tuples(st.integers(0, 9), st.booleans()).map(
        lambda a: (f"block {a}", lambda world: world.block(*a))
    ),
    _lengths.map(
        lambda length: (
            f"reply {length}",
            lambda world: world.upstream.reply("max-age=60", length),
        )
    ),
    st.just(("private", lambda world: world.upstream.reply("private", len(OBJECT)))),
    st.just(("fail", lambda world: world.upstream.fail())),
    st.integers(1, 20).map(lambda size: (f"send {size}", _each_answer(lambda a: a.send(size)))),
    st.just(("break off", _each_answer(lambda answer: answer.break_off()))),
    st.just(("end", _each_answer(lambda answer: answer.end()))),
    st.just(("nothing", lambda world: None)),
)


@contextmanager
def _world() -> Iterator[World]:
    loop = SteppedLoop()
    asyncio.set_event_loop(loop)
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))

    async def make() -> World:
        return World(loop)

    try:
        yield loop.run_until_complete(make())
        assert failures == []
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.step()
        loop.step()
        asyncio.set_event_loop(None)
        loop.close()


def _apply(world: World, action: Action) -> None:
    """Do it inside the loop, as whatever comes from a socket does."""
    world.loop.call_soon(action, world)
    world.loop.step()


def _settle(world: World) -> None:
    """Let the upstream finish what it began and the viewers take it."""
    for _ in range(SETTLING_STEPS):
        _apply(world, lambda world: world.upstream.reply("max-age=60", None))
        _apply(world, _each_answer(lambda answer: answer.end()))
        for viewer in world.viewers:
            _apply(world, lambda _, viewer=viewer: viewer.block(False))  # type: ignore[misc]
        if not asyncio.all_tasks(world.loop):
            # A task that has ended tells of it in the next step, and its generators are closed.
            world.loop.step()
            if not asyncio.all_tasks(world.loop):
                return


@settings(max_examples=400, deadline=None)
@given(st.lists(_actions, max_size=40))
def test_whatever_happens(actions: list[tuple[str, Action]]) -> None:
    with _world() as world:
        for _, action in actions:
            _apply(world, action)
        _settle(world)
        assert not asyncio.all_tasks(world.loop), "somebody waits for ever, or a task is left"
        assert len(world.fills) == 0
        assert world.fills.held_bytes == 0
        assert world.fills.quiet.is_set()
        assert world.upstream.asked <= len(world.begun)
        assert all(answer.closes for answer in world.upstream.answers)
        for viewer in world.viewers:
            assert viewer.wanted.startswith(bytes(viewer.got))
            assert viewer.end or viewer.task.cancelled()
            if viewer.end == "whole":
                assert bytes(viewer.got) == viewer.wanted
        for fill in world.stored:
            outcome = fill.outcome.result()
            assert isinstance(outcome, Growing)
            assert outcome.total_bytes in (None, len(OBJECT))
        for entry in world.cache.variants(KEY):
            assert entry.body == OBJECT

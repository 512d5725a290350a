"""Sources that are packaged while they are uploaded, by a real origin and a real worker."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import imageio_ffmpeg
import pytest

from sample_media.generate import generate
from streamer.core.keys import video_prefix
from streamer.core.playlist import MediaPlaylist
from streamer.core.playlist_reader import parse_playlist
from streamer.seaweedfs import SeaweedFS
from streamer.shared.settings import SharedSettings
from streamer.shared.stores import open_store
from tests.e2e.system import running_origin
from tests.integration.origin.process import origin_process
from tests.integration.packager.installation import WorkerProcess, eventually

TUS = {"Tus-Resumable": "1.0.0"}
FRAMES = 500
LEAD_SEGMENTS = 6
CONTAINERS = {
    "moov_first.mp4": ("-movflags", "+faststart"),
    "fragmented.mp4": ("-movflags", "+frag_keyframe+empty_moov"),
    "matroska.mkv": (),
    # As browsers record: it does not say how long it is.
    "recorded.mkv": ("-live", "1"),
    "transport.ts": (),
    "disc.m2ts": (),
    "program.mpg": ("-c:v", "mpeg2video", "-b:v", "2M", "-c:a", "mp2"),
}

COPIED = ("-c", "copy")
# At a constant rate of bits, so that each second has its share of the bytes.
FILLED = (
    *("-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "2M"),
    *("-x264-params", "nal-hrd=cbr:vbv-maxrate=2000:vbv-bufsize=2000"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """An installation that tests share: its URL, its settings."""

    url: str
    settings: SharedSettings


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Origin and worker whose store is a directory."""
    path = tmp_path_factory.mktemp("directory")
    with running_origin(path) as url:
        yield Place(url, SharedSettings(data_dir=path / "data"))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory, seaweedfs: SeaweedFS) -> Iterator[Place]:
    """Origin and worker whose store is a bucket."""
    path = tmp_path_factory.mktemp("bucket")
    store = f"s3://{seaweedfs.bucket}/arriving"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in seaweedfs.environment().items():
            patch.setenv(name, value)
        patch.setenv("STREAMER_STORE", store)
        patch.setenv("STREAMER_S3_ADDRESSING_STYLE", "path")
        with running_origin(path) as url:
            settings = SharedSettings(
                data_dir=path / "data", store=store, s3_addressing_style="path"
            )
            yield Place(url, settings)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """The installation that a test names."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def client(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=place.url, timeout=30) as opened:
        yield opened


everywhere = pytest.mark.parametrize("place", ["directory", "bucket"], indirect=True)
in_a_directory = pytest.mark.parametrize("place", ["directory"], indirect=True)


async def in_container(
    name: str, directory: Path, clip: str = "numbered", coding: Sequence[str] = COPIED
) -> bytes:
    source = await asyncio.to_thread(generate, clip)
    target = directory / name
    arguments = ["-v", "error", "-i", str(source), *coding, *CONTAINERS.get(name, ())]
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(), *arguments, str(target)
    )
    assert await process.wait() == 0
    return target.read_bytes()


def with_chapters(directory: Path, *options: str) -> bytes:
    """An MP4 of 12 s with a French text and two chapters."""
    texts, chapters = directory / "texts.srt", directory / "chapters.txt"
    texts.write_text("1\n00:00:01,000 --> 00:00:02,000\nBonjour\n\n")
    stated = ("0\nEND=5000\ntitle=One", "5000\nEND=12000\ntitle=Two")
    sections = (f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={lines}\n" for lines in stated)
    chapters.write_text(";FFMETADATA1\n" + "".join(sections))
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=12", "-i", texts, "-i", chapters)
    mapped = ("-map", "0", "-map", "1", "-map_chapters", "2", "-metadata:s:s:0", "language=fra")
    coded = (*FILLED[2:], "-bf", "0", "-g", "50", "-c:s", "mov_text")
    target = directory / "chapters.mp4"
    ffmpeg = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error")
    subprocess.run([*ffmpeg, *inputs, *mapped, *coded, *options, target], check=True, timeout=60)
    return target.read_bytes()


class Upload:
    """A tus upload that a test sends piece by piece."""

    def __init__(self, client: httpx.AsyncClient, data: bytes) -> None:
        self._client = client
        self._data = data
        self._offset = 0
        self.id = ""

    async def create(self) -> None:
        title = base64.b64encode(b"clip").decode()
        answer = await self._client.post(
            "/api/v1/uploads",
            headers={
                **TUS,
                "Upload-Length": str(len(self._data)),
                "Upload-Metadata": f"filename {title}",
            },
        )
        assert answer.status_code == 201
        self.id = answer.headers["Location"].rpartition("/")[2]

    async def send_until(self, stop: int) -> None:
        answer = await self._client.patch(
            f"/api/v1/uploads/{self.id}",
            content=self._data[self._offset : stop],
            headers={
                **TUS,
                "Upload-Offset": str(self._offset),
                "Content-Type": "application/offset+octet-stream",
            },
        )
        assert answer.status_code == 204
        self._offset = stop

    async def video(self) -> dict[str, Any]:
        answer = await self._client.get(f"/api/v1/videos/{self.id}")
        video: dict[str, Any] = answer.json()
        return video

    async def reaches(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async def is_so() -> bool:
            return condition(await self.video())

        await eventually(is_so)
        return await self.video()

    async def playlist(self) -> MediaPlaylist:
        answer = await self._client.get(f"/v/{self.id}/180p/index.m3u8")
        assert answer.status_code == 200
        playlist = parse_playlist(answer.text)
        assert isinstance(playlist, MediaPlaylist)
        return playlist


@asynccontextmanager
async def half_uploaded(client: httpx.AsyncClient, data: bytes) -> AsyncIterator[Upload]:
    upload = Upload(client, data)
    await upload.create()
    await upload.send_until(len(data) * 3 // 4)
    yield upload


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *(
            ("bucket", "moov_first.mp4"),
            ("directory", "recorded.mkv"),
            ("directory", "transport.ts"),
        ),
        *(
            pytest.param("directory", name, marks=pytest.mark.slow)
            for name in (
                "moov_first.mp4",
                "fragmented.mp4",
                "matroska.mkv",
                "disc.m2ts",
                "program.mpg",
            )
        ),
    ],
    indirect=["place"],
)
async def test_a_streamable_source_is_played_before_it_is_uploaded(
    client: httpx.AsyncClient, tmp_path: Path, name: str
) -> None:
    data = await in_container(name, tmp_path)
    async with half_uploaded(client, data) as upload:
        video = await upload.reaches(lambda video: bool(video["playable"]))
        assert video["state"] == "uploading"
        playlist = await upload.playlist()
        assert playlist.playlist_type == "EVENT"
        assert not playlist.ended
        await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["error"]) == ("ready", None)
    playlist = await upload.playlist()
    assert playlist.ended
    seconds = sum(segment.duration_seconds for segment in playlist.segments)
    assert round(seconds * 25) == FRAMES


@pytest.mark.slow
@in_a_directory
@pytest.mark.parametrize("name", CONTAINERS)
async def test_what_follows_the_lead_does_not_wait_for_the_last_byte(
    client: httpx.AsyncClient, tmp_path: Path, name: str
) -> None:
    data = await in_container(name, tmp_path, "minute", FILLED)
    async with half_uploaded(client, data) as upload:
        await upload.reaches(lambda video: bool(video["playable"]))

        async def goes_on() -> bool:
            return len((await upload.playlist()).segments) > LEAD_SEGMENTS

        await eventually(goes_on)
        assert (await upload.video())["state"] == "uploading"
        await upload.send_until(len(data))
    await upload.reaches(lambda video: video["state"] == "ready")
    seconds = sum(segment.duration_seconds for segment in (await upload.playlist()).segments)
    assert seconds == pytest.approx(60)


@pytest.mark.slow
@in_a_directory
@pytest.mark.parametrize("name", ["fragmented.mp4", "transport.ts"])
@pytest.mark.parametrize(("quantizers", "guess"), [((20, 45), (25, 55)), ((45, 20), (90, 250))])
async def test_a_wrong_guess_of_how_long_it_will_be_loses_nothing(
    client: httpx.AsyncClient,
    tmp_path: Path,
    name: str,
    quantizers: tuple[int, int],
    guess: tuple[int, int],
) -> None:
    zones = "keyint=20:zones=0,299,q={}/300,599,q={}".format(*quantizers)
    coding = ("-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-x264-params", zones)
    data = await in_container(name, tmp_path, "minute", coding)
    upload = Upload(client, data)
    await upload.create()
    await upload.send_until(len(data) // 4)
    video = await upload.reaches(lambda video: bool(video["playable"]))
    assert guess[0] < video["duration_seconds"] < guess[1]
    await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["error"], video["warnings"]) == ("ready", None, [])
    assert video["duration_seconds"] == pytest.approx(60)
    seconds = sum(segment.duration_seconds for segment in (await upload.playlist()).segments)
    assert seconds == pytest.approx(60)


@pytest.mark.slow
@in_a_directory
async def test_recordings_joined_to_one_stream_are_one_video(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    data = await in_container("transport.ts", tmp_path) * 3
    async with half_uploaded(client, data) as upload:
        await upload.reaches(lambda video: bool(video["playable"]))
        await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["error"], video["warnings"]) == ("ready", None, [])
    seconds = sum(segment.duration_seconds for segment in (await upload.playlist()).segments)
    assert round(seconds * 25) == 3 * FRAMES


@pytest.mark.slow
@in_a_directory
async def test_a_source_that_still_arrives_is_not_passed_through(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    data = await in_container("moov_first.mp4", tmp_path)
    upload = Upload(client, data)
    await upload.create()
    choice = {"options": {"passthrough": True}}
    assert (await client.patch(f"/api/v1/videos/{upload.id}", json=choice)).status_code == 200
    await upload.send_until(len(data) * 3 // 4)
    # The pictures may be looked through before the first sound is there.
    video = await upload.reaches(lambda video: bool(video["warnings"] and video["playable"]))
    assert video["state"] == "uploading"
    (warning,) = video["warnings"]
    assert "had not arrived whole" in warning
    await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["warnings"]) == ("ready", [warning])


@in_a_directory
@pytest.mark.parametrize("name", ["moov_first.mp4", "fragmented.mp4"])
async def test_chapters_of_what_arrives_are_whole_and_their_titles_no_subtitles(
    client: httpx.AsyncClient, tmp_path: Path, name: str
) -> None:
    data = await asyncio.to_thread(with_chapters, tmp_path, *CONTAINERS[name])
    async with half_uploaded(client, data) as upload:
        await upload.reaches(lambda video: bool(video["playable"]))
        await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["warnings"]) == ("ready", [])
    kinds = [(rendition["name"], rendition["kind"]) for rendition in video["renditions"]]
    assert [name for name, kind in kinds if kind == "subtitles"] == ["sub-fra"]
    assert video["chapters"] == [
        {"start_seconds": 0, "end_seconds": 5, "title": "One"},
        {"start_seconds": 5, "end_seconds": 12, "title": "Two"},
    ]


@in_a_directory
async def test_a_source_whose_index_comes_last_starts_at_its_last_byte(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    data = await in_container("moov_last.mp4", tmp_path)
    async with half_uploaded(client, data) as upload:
        assert (await upload.video())["renditions"] == []
        await upload.send_until(len(data))
    video = await upload.reaches(lambda video: video["state"] in ("ready", "failed"))
    assert (video["state"], video["error"]) == ("ready", None)


@everywhere
async def test_an_upload_that_is_given_up_leaves_nothing(
    client: httpx.AsyncClient, place: Place, tmp_path: Path
) -> None:
    store = open_store(place.settings.store_url, s3_addressing_style="path")
    data = await in_container("moov_first.mp4", tmp_path)
    async with half_uploaded(client, data) as upload:
        await upload.reaches(lambda video: bool(video["playable"]))
        answer = await client.post(
            f"/api/v1/videos/{upload.id}/subtitles",
            data={"language": "en"},
            files={"file": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"},
        )
        assert answer.status_code == 201
        answer = await client.delete(f"/api/v1/uploads/{upload.id}", headers=TUS)
        assert answer.status_code == 204
        assert (await client.get(f"/v/{upload.id}/index.m3u8")).status_code == 404

        async def nothing_is_left() -> bool:
            return not [info async for info in store.list(video_prefix(upload.id))]

        await eventually(nothing_is_left)
    await store.close()
    assert not list((place.settings.data_dir / "uploads").iterdir())


@pytest.mark.slow
async def test_an_upload_that_stands_still_does_not_keep_its_worker(tmp_path: Path) -> None:
    environment = {"STREAMER_DATA_DIR": str(tmp_path / "data")}
    async with (
        origin_process(tmp_path / "data") as origin,
        httpx.AsyncClient(base_url=origin.url, timeout=30) as client,
    ):
        worker = WorkerProcess(environment, tmp_path / "worker.log")
        data = await in_container("transport.ts", tmp_path)
        async with half_uploaded(client, data) as upload:
            await upload.reaches(lambda video: bool(video["playable"]))
            assert await worker.stop() == 0

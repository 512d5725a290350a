"""Colours and greys come out as they went in, whatever they were coded with."""

import asyncio
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import pytest

from packager.core.approach import Approach
from packager.core.encode import ChunkJob, chunk_argv
from packager.core.ladder import build_ladder
from packager.core.pictures import plan_storyboard, poster_argv, storyboard_argv
from packager.core.plan import frame_grid
from packager.core.probe import read_probe
from packager.core.source import SourceInfo, VideoTrack
from packager.ffmpeg import Ffmpeg
from packager.settings import PackagerSettings
from sample_media.colour_clips import GREYS, PATCHES
from sample_media.generate import generate
from streamer.core.options import Preset

Rgb = tuple[float, ...]

# As players read the fifth picture, and as whoever decodes JPEG reads it: it states nothing.
_AS_VIDEO = "select=eq(n\\,5),scale=in_color_matrix=bt709:in_range=tv"
_AS_JPEG = "scale=in_color_matrix=bt601:in_range=pc"


async def encode(name: str, target: Path) -> Path:
    """The clip in its highest rendition, as chunks are encoded."""
    return await encode_file(await asyncio.to_thread(generate, name), target)


async def encode_file(path: Path, target: Path, **told: object) -> Path:
    """The same of a file; `told` is what ffprobe says besides of its pictures."""
    source, video = await describe(path, **told)
    job = ChunkJob(0, 10, build_ladder(video)[-1:], Preset.FAST)
    grid = frame_grid(video.frame_rate)
    await run(chunk_argv(str(path), source, video, grid, job, [str(target)], Approach(None)))
    return target


async def describe(path: Path, **told: object) -> tuple[SourceInfo, VideoTrack]:
    """A file and its picture."""
    settings = PackagerSettings()
    probed = await Ffmpeg(settings.ffmpeg, settings.ffprobe).probe(str(path))
    probed["streams"][0] |= told
    source = read_probe(probed, max_duration_seconds=60)
    assert source.video is not None
    return source, source.video


async def run(argv: Sequence[str], feed: bytes = b"") -> bytes:
    """What ffmpeg writes to its standard output."""
    command = [PackagerSettings().ffmpeg, *argv]
    done = await asyncio.to_thread(
        subprocess.run, command, input=feed, stdout=subprocess.PIPE, check=True, timeout=60
    )
    return bytes(done.stdout)


def shown(track: Path, patches: int, read: str = _AS_VIDEO) -> list[Rgb]:
    """The mean colour in the middle of each patch of a picture, read by this filter."""
    graph = f"{read},format=rgb24,scale={patches * 8}:8:flags=area"
    raw = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(track), "-vf", graph),
            *("-frames:v", "1", "-f", "rawvideo", "-"),
        ],
        check=True, capture_output=True, timeout=60,
    ).stdout  # fmt: skip
    middle = [4 * patches * 8 + patch * 8 + x for patch in range(patches) for x in (3, 4)]
    pixels = [tuple(raw[3 * place : 3 * place + 3]) for place in middle]
    return [
        tuple((a + b) / 2 for a, b in zip(*pair, strict=True))
        for pair in zip(pixels[::2], pixels[1::2], strict=True)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "patches_601",
        "patches_601_untagged",
        "patches_709",
        "patches_full_range",
        "patches_444_10",
        "patches_rgb",
        "patches_2020",
        "patches_2020_constant",
        "patches_ycgco",
        "patches_chroma_derived",
    ],
)
async def test_colours_are_kept(name: str, tmp_path: Path) -> None:
    found = shown(await encode(name, tmp_path / "track.mp4"), len(PATCHES))
    for colour, expected in zip(found, PATCHES, strict=True):
        assert colour == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("name", ["patches_601", "patches_709", "patches_full_range"])
async def test_the_poster_has_them_too(name: str, tmp_path: Path) -> None:
    path = await asyncio.to_thread(generate, name)
    _, video = await describe(path)
    rung, poster = build_ladder(video)[-1], tmp_path / "poster.jpg"
    poster.write_bytes(await run(poster_argv(str(path), video, rung, Fraction(0), "pipe:1")))
    for colour, expected in zip(shown(poster, len(PATCHES), _AS_JPEG), PATCHES, strict=True):
        assert colour == pytest.approx(expected, abs=4)


async def test_the_storyboard_has_them_too(tmp_path: Path) -> None:
    track = await encode("patches_709", tmp_path / "track.mp4")
    _, video = await describe(track)
    storyboard, sheet = plan_storyboard(0.4, build_ladder(video)[0]), tmp_path / "sheet.jpg"
    sheet.write_bytes(await run(storyboard_argv(storyboard, "pipe:1"), track.read_bytes()))
    tile = f"crop={storyboard.tile_width}:{storyboard.tile_height}:0:0,{_AS_JPEG}"
    for colour, expected in zip(shown(sheet, len(PATCHES), tile), PATCHES, strict=True):
        assert colour == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("name", ["patches_hlg_709", "patches_hlg_p3", "patches_hlg_ictcp"])
async def test_hdr_has_the_colours_it_states(name: str, tmp_path: Path) -> None:
    usual = shown(await encode("patches_hlg", tmp_path / "usual.mp4"), len(PATCHES))
    found = shown(await encode(name, tmp_path / "track.mp4"), len(PATCHES))
    for colour, expected in zip(found, usual, strict=True):
        assert colour == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(
    "name", ["stated_pal", "stated_srgb", "patches_601_untagged", "patches_2020", "greys_pq"]
)
async def test_what_is_published_says_that_it_is_bt709(name: str, tmp_path: Path) -> None:
    track = await encode(name, tmp_path / "track.mp4")
    probed = await Ffmpeg(PackagerSettings().ffmpeg, PackagerSettings().ffprobe).probe(str(track))
    (stream,) = probed["streams"]
    told = [stream.get(f"color_{name}") for name in ("primaries", "transfer", "space", "range")]
    assert told == ["bt709", "bt709", "bt709", "tv"]


async def test_dolby_vision_with_colours_of_its_own_is_read_as_its_sibling(tmp_path: Path) -> None:
    usual = shown(await encode("patches_pq", tmp_path / "usual.mp4"), len(PATCHES))
    path = await asyncio.to_thread(generate, "patches_pq_ictcp")
    record = {"side_data_type": "DOVI configuration record", "dv_profile": 5}
    track = await encode_file(path, tmp_path / "track.mp4", side_data_list=[record])
    for colour, expected in zip(shown(track, len(PATCHES)), usual, strict=True):
        assert colour == pytest.approx(expected, abs=3)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mov", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
        (".mov", "-c:v png"),
        (".mov", "-c:v qtrle -pix_fmt argb"),
        (".webm", "-c:v libvpx-vp9 -pix_fmt yuva420p"),
        (".webm", "-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0"),
        (".mkv", "-c:v ffv1 -pix_fmt yuva444p10le -color_primaries bt2020 -colorspace bt2020nc"),
    ],
)
async def test_what_is_transparent_is_black(suffix: str, options: str, tmp_path: Path) -> None:
    source = "color=white:s=64x32:d=0.4,format=rgba,geq=r=255:g=255:b=255:a=255*lt(X\\,32)"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    title = tmp_path / f"title{suffix}"
    await asyncio.to_thread(
        subprocess.run, [*command, *options.split(), str(title)], check=True, timeout=60
    )
    white, black = shown(await encode_file(title, tmp_path / "track.mp4"), 2)
    assert white == pytest.approx((255, 255, 255), abs=3)
    assert black == pytest.approx((0, 0, 0), abs=3)


async def test_hevc_with_a_layer_of_alpha_is_decoded(tmp_path: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"]
    command += ["-i", "color=white:s=128x64:d=2,format=yuva420p", "-c:v", "libx265"]
    layered = tmp_path / "layered.ts"
    await asyncio.to_thread(subprocess.run, [*command, str(layered)], check=True, timeout=60)
    (colour,) = shown(await encode_file(layered, tmp_path / "track.mp4"), 1)
    assert colour == pytest.approx((255, 255, 255), abs=6)


@pytest.mark.parametrize("kind", ["matrix_coefficients", "transfer_characteristics"])
async def test_whatever_colours_a_file_states_it_is_encoded(kind: str, tmp_path: Path) -> None:
    clip = await asyncio.to_thread(generate, "plain")
    for number in range(18):
        stating = tmp_path / f"stating_{number}.mp4"
        stated = f"h264_metadata={kind}={number}"
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip), "-t", "1"]
        command += ["-c", "copy", "-bsf:v", stated, "-movflags", "-write_colr", str(stating)]
        await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
        await encode_file(stating, tmp_path / f"{number}.mp4")


@pytest.mark.parametrize("name", ["greys_pq", "greys_hlg"])
async def test_greys_of_hdr_stay_grey_and_apart_up_to_the_brightest(
    name: str, tmp_path: Path
) -> None:
    found = shown(await encode(name, tmp_path / "track.mp4"), GREYS)
    for red, green, blue in found:
        assert max(red, green, blue) - min(red, green, blue) <= 2
    levels = [green for _, green, _ in found]
    assert levels[0] <= 1
    assert 250 <= levels[-1] <= 255
    assert all(darker < brighter for darker, brighter in pairwise(levels))

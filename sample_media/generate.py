"""Makes the clips: `python sample_media/generate.py [--out DIR] [--list] [NAME …]`.

A clip is made once per recipe and ffmpeg build: its file name carries a digest of both, and a file
that is there is not made again.
"""

import argparse
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg

from sample_media.clips import CLIPS
from sample_media.recipe import Clip, Edit, Encode, Joined, Recipe, Remux, Written

DEFAULT_OUT = Path(__file__).parent / "out"
_DEADLINE_SECONDS = 600
_DIGEST_LENGTH = 10
_QUIET = ("-hide_banner", "-nostdin", "-loglevel", "error", "-y")
# Without these, ffmpeg writes its version and random identifiers into the file.
_REPEATABLE = (
    *("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
    *("-flags:a", "+bitexact", "-filter_threads", "1", "-filter_complex_threads", "2"),
)


def generate(name: str, out: Path = DEFAULT_OUT) -> Path:
    """The file of the clip called `name`, made in the directory `out` unless it is there.

    Raises:
        KeyError: There is no such clip.
        subprocess.CalledProcessError: ffmpeg refused the recipe.
    """
    clip = CLIPS[name]
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"{clip.name}-{_digest(clip)}{clip.suffix}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=out, prefix=".making-") as directory:
            unfinished = Path(directory) / target.name
            _make(clip.recipe, unfinished, out)
            unfinished.replace(target)
    return target


def _make(recipe: Recipe, target: Path, out: Path) -> None:
    match recipe:
        case Encode(arguments):
            _run_ffmpeg(arguments, target)
        case Remux(base, input_options, output_options):
            source = generate(base, out)
            copy = ("-i", os.fspath(source), "-map", "0", "-c", "copy", *output_options)
            _run_ffmpeg((*input_options, *copy), target)
        case Edit(base, change):
            target.write_bytes(change(generate(base, out).read_bytes()))
        case Joined(bases):
            target.write_bytes(b"".join(generate(base, out).read_bytes() for base in bases))
        case Written(content):
            target.write_bytes(content)


def _run_ffmpeg(arguments: tuple[str, ...], target: Path) -> None:
    command = [_ffmpeg(), *_QUIET, *arguments, *_REPEATABLE, os.fspath(target)]
    environment = {**os.environ, "SVT_LOG": "1"}  # only SVT-AV1's errors
    subprocess.run(command, check=True, timeout=_DEADLINE_SECONDS, env=environment)


def _ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _digest(clip: Clip) -> str:
    """Changes with the recipe, those it builds on, and the ffmpeg build."""
    program = Path(_ffmpeg())
    build = f"{program.name} {program.stat().st_size}"
    text = "\n".join([build, *map(str, _REPEATABLE), *_ingredients(clip.recipe)])
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _ingredients(recipe: Recipe) -> list[str]:
    match recipe:
        case Encode(arguments):
            return list(arguments)
        case Remux(base, input_options, output_options):
            return [*input_options, *output_options, *_ingredients(CLIPS[base].recipe)]
        case Edit(base, change):
            code = change.__code__
            return [code.co_code.hex(), repr(code.co_consts), *_ingredients(CLIPS[base].recipe)]
        case Joined(bases):
            return [part for base in bases for part in _ingredients(CLIPS[base].recipe)]
        case Written(content):
            return [hashlib.sha256(content).hexdigest()]


def main() -> None:
    """Make the clips named on the command line (all of them when none is) and print their paths."""
    parser = argparse.ArgumentParser(description="Make deterministic sample clips with ffmpeg.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="clips to make; all when none")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="directory (%(default)s)")
    parser.add_argument("--list", action="store_true", help="print what there is and stop")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(CLIPS))
    if unknown:
        parser.error(f"no such clip: {', '.join(unknown)}")
    if options.list:
        for clip in CLIPS.values():
            print(f"{clip.name:<20} {clip.reason}")
        return
    for name in options.names or CLIPS:
        print(generate(name, options.out))


if __name__ == "__main__":
    main()

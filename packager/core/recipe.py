"""What any worker must know to encode any chunk of a version."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from pydantic import TypeAdapter

from packager.core.encoders import encoder_name
from packager.core.ladder import Rung, build_ladder, copied, in_codec
from packager.core.pace import count_in_time
from packager.core.plan import Grid, frame_grid
from packager.core.source import SourceInfo, VideoTrack
from streamer.core.keys import rendition_name
from streamer.core.options import Encryption, LadderKind, PackagingOptions, Preset, VideoCodec

# Below, looking at samples costs more than a better ladder saves.
_SHORTEST_JUDGED_SECONDS = 120
# For larger ones HEVC and AV1 take gigabytes: no two of them are encoded by one ffmpeg.
_MOST_SHARED_PIXELS = 1920 * 1080


@dataclass(frozen=True, slots=True)
class Recipe:
    """A source's pictures, and the renditions they become.

    Attributes:
        source: The source.
        video: Its pictures.
        grid: Their frames.
        ladder: The renditions that every player takes, lowest first.
        further: Those in other codecs, for which nobody waits.
        preset: What an encoding may cost.
        is_open: The ladder is to be revised by what samples look like.
        is_copyable: The highest of the ladder is to be the source's own pictures, if they conform.
        late: Names of the ladder's largest, if they are encoded more slowly than they play.
    """

    source: SourceInfo
    video: VideoTrack
    grid: Grid
    ladder: tuple[Rung, ...]
    further: tuple[Rung, ...] = ()
    preset: Preset = Preset.FAST
    is_open: bool = False
    is_copyable: bool = False
    late: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether the ladder stays as it is."""
        return not (self.is_open or self.is_copyable)

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """All renditions."""
        return self.ladder + self.further

    @property
    def waves(self) -> tuple[tuple[str, ...], ...]:
        """The names of the renditions that grow in step, of each that is late, of the further.

        Each late one alone: it is offered when it is complete, and a larger one takes longer. So is
        each further one above 1080p; the others of its codec are one wave.
        """
        names = tuple(rung.name for rung in self.ladder)
        return (
            tuple(name for name in names if name not in self.late),
            *((name,) for name in names if name in self.late),
            *(tuple(rung.name for rung in wave) for _, wave in groupby(self.further, _wave)),
        )


def plan_recipe(
    source: SourceInfo, options: PackagingOptions, hardware: str, version: int
) -> Recipe | None:
    """What a source's pictures become; None when it has none.

    Args:
        source: The source.
        options: What was chosen for it.
        hardware: The family of encoders, as in `encoders.encoder_name`.
        version: The version, which is in the renditions' names.
    """
    if source.video is None:
        return None
    encoder = encoder_name(VideoCodec.H264, hardware)
    base = [replace(rung, encoder=encoder) for rung in build_ladder(source.video)]
    further = [
        in_codec(rung, codec, encoder_name(codec, hardware))
        for codec in options.codecs or ()
        if codec is not VideoCodec.H264 and _can_be_sealed(codec, options.encryption)
        for rung in base
    ]
    ladder = _named(base, version)
    return Recipe(
        source=source,
        video=source.video,
        grid=frame_grid(source.video.frame_rate),
        ladder=ladder,
        further=_named(further, version),
        preset=options.preset or Preset.FAST,
        is_open=options.ladder is LadderKind.PER_TITLE
        and len(ladder) > 1
        and source.duration_seconds >= _SHORTEST_JUDGED_SECONDS,
        is_copyable=bool(options.passthrough),
    )


def _can_be_sealed(codec: VideoCodec, encryption: Encryption | None) -> bool:
    """Samples of AV1 are not encrypted here: the rendition is left out rather than in the clear."""
    return codec is not VideoCodec.AV1 or encryption is not Encryption.SAMPLE_AES


def with_ladder(recipe: Recipe, ladder: Sequence[Rung]) -> Recipe:
    """The recipe with a ladder that stays as it is, in the further codecs too."""
    kept = {rung.name: rung for rung in ladder}
    base = {rung.height * rung.width: rung for rung in recipe.ladder}
    further = []
    for rung in recipe.further:
        revised = kept.get(base[rung.height * rung.width].name)
        if revised is not None:
            share = rung.max_bps / base[rung.height * rung.width].max_bps
            cap_bps = round(revised.max_bps * share / 1000) * 1000
            further.append(replace(rung, quality=revised.quality, max_bps=cap_bps))
    return replace(
        recipe,
        ladder=tuple(ladder),
        further=tuple(further),
        is_open=False,
        is_copyable=False,
    )


def with_copied_top(recipe: Recipe) -> Recipe:
    """The recipe with the source's own pictures as the highest rendition of the ladder."""
    *lower, top = recipe.ladder
    return replace(recipe, ladder=(*lower, copied(top)))


def in_step(recipe: Recipe, processors: float) -> Recipe:
    """The recipe with those renditions put last that these processors encode too slowly.

    Copying costs nothing.
    """
    encoded = [rung for rung in recipe.ladder if not rung.is_copied]
    in_time = count_in_time(recipe.video, encoded, recipe.grid, recipe.preset, processors)
    return replace(recipe, late=tuple(rung.name for rung in encoded[in_time:]))


def _wave(rung: Rung) -> tuple[str, int]:
    """What the further renditions of one wave share."""
    return rung.encoder, max(_MOST_SHARED_PIXELS, rung.pixels)


def _named(rungs: Sequence[Rung], version: int) -> tuple[Rung, ...]:
    return tuple(replace(rung, name=rendition_name(rung.name, version)) for rung in rungs)


_ADAPTER = TypeAdapter(Recipe)


def write_recipe(recipe: Recipe) -> str:
    """The recipe as JSON."""
    return _ADAPTER.dump_json(recipe).decode()


def read_recipe(text: str) -> Recipe:
    """The recipe that `write_recipe` spelled."""
    return _ADAPTER.validate_json(text)

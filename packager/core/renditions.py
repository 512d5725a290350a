"""Which renditions a source's sounds and subtitles become, and how they are named."""

from collections.abc import Sequence
from dataclasses import dataclass

from packager.core.mix import AUDIO_RATE, STEREO, Mix, mixes_of
from packager.core.source import AudioTrack, SubtitleTrack
from streamer.core.keys import rendition_name, surround_name
from streamer.core.video import MediaKind, Rendition

# Of WebVTT's times.
_MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Sound:
    """One mix of one of a source's sounds, and its rendition."""

    rendition: Rendition
    audio: AudioTrack
    mix: Mix


@dataclass(frozen=True, slots=True)
class Subtitles:
    """One of a source's subtitles, and its rendition."""

    rendition: Rendition
    track: SubtitleTrack


def plan_sounds(audios: Sequence[AudioTrack], version: int = 1) -> tuple[Sound, ...]:
    """A version's audio renditions: all in stereo, the default one first, then those in 5.1."""
    names = _name("audio", [audio.language for audio in audios])
    sounds = [
        Sound(_rendition(audio, mix, name, version, is_default=audio is audios[0]), audio, mix)
        for audio, name in zip(audios, names, strict=True)
        for mix in mixes_of(audio)
    ]
    return tuple(sorted(sounds, key=lambda sound: sound.mix is not STEREO))


def plan_subtitles(tracks: Sequence[SubtitleTrack], version: int = 1) -> tuple[Subtitles, ...]:
    """A version's subtitle renditions. None is shown unless the viewer chooses it."""
    names = _name("sub", [track.language for track in tracks])
    return tuple(
        Subtitles(
            Rendition(
                name=rendition_name(name, version),
                version=version,
                kind=MediaKind.SUBTITLES,
                codecs="wvtt",
                timescale=_MILLISECONDS,
                language=track.language,
                label=track.label or track.language or "Subtitles",
                is_forced=track.is_forced,
            ),
            track,
        )
        for track, name in zip(tracks, names, strict=True)
    )


def _rendition(
    audio: AudioTrack, mix: Mix, name: str, version: int, *, is_default: bool
) -> Rendition:
    return Rendition(
        name=rendition_name(name if mix is STEREO else surround_name(name), version),
        version=version,
        kind=MediaKind.AUDIO,
        # Read from the encoder's output when the first segment is published.
        codecs="",
        timescale=AUDIO_RATE,
        language=audio.language,
        label=audio.label or audio.language or "Audio",
        channels=mix.channels,
        is_default=is_default and mix is STEREO,
    )


def _name(kind: str, languages: Sequence[str | None]) -> list[str]:
    """Names that differ: by the language, then by a number."""
    names: list[str] = []
    for language in languages:
        base = name = f"{kind}-{language.lower()}" if language else kind
        count = 1
        while name in names:
            count += 1
            name = f"{base}-{count}"
        names.append(name)
    return names

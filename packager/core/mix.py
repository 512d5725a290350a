"""The mixes of a sound: what of it is made for whom, how it is made, how loud it is."""

import re
from dataclasses import dataclass
from typing import Any

import ffmpeg

from packager.core.argv import BARE, compile_argv, spell_ratio
from packager.core.channels import layout_by_order
from packager.core.input import open_source
from packager.core.source import AudioTrack, SourceInfo

AUDIO_RATE = 48_000
_SURROUND_CHANNELS = 5
# A sum of channels, or a louder sound, may exceed full scale: its peaks are turned down, all else
# is left alone. -1 dB, because players and codecs overshoot a little. Where neither is expected, a
# recording may still go on with more channels: then at full scale, which others do not exceed.
_LIMITER = {"level": "disabled", "latency": "enabled"}
_LIMIT, _FULL_SCALE = 0.891, 1
_LOUDNESS = "lavfi.r128.I"
_MEASURED = re.compile(rf"^{re.escape(_LOUDNESS)}=(-?[0-9.]+)$", re.MULTILINE)
# Players play one channel on both sides as loud as it is, swresample 3 dB lower. What follows the
# first packets may have others: ffmpeg sets its filters up again for them, and asks anew.
_LONE_CHANNEL_GAIN = "if(eq(nb_channels,1),sqrt(2),1)"
# ebur128 says this of silence (EBU Tech 3341: the absolute gate).
_SILENCE_LUFS = -70.0
_MICROSECOND = "1/1000000"
_GAP_SECONDS = 5
# Beyond, it is noise that would be made loud.
_MOST_GAIN_DB = 20.0


@dataclass(frozen=True, slots=True)
class Mix:
    """What a sound is mixed to.

    `layout` is ffmpeg's name for its channels; `silent_frame` is an AAC-LC frame of digital
    silence in it.
    """

    layout: str
    channels: int
    bps: int
    silent_frame: bytes


STEREO = Mix("stereo", 2, 128_000, bytes.fromhex("210049900219002380"))
SURROUND = Mix("5.1", 6, 384_000, bytes.fromhex("011820010880230460231004608c0c230000e0"))


def mixes_of(audio: AudioTrack) -> tuple[Mix, ...]:
    """The mixes of a sound, the one every player takes first."""
    has_surround = audio.channels >= _SURROUND_CHANNELS and not audio.is_ambisonic
    return (STEREO, SURROUND) if has_surround else (STEREO,)


def sound_argv(
    path: str, source: SourceInfo, audio: AudioTrack, mix: Mix, target: str, gain_db: float = 0.0
) -> list[str]:
    """The sound from the stream's time 0 on, as AAC in small fragments.

    Gaps become silence and a late start too, so that sound keeps time with the picture.
    """
    sound = _mixed(path, source, audio, mix)
    if gain_db:
        sound = sound.filter("volume", f"{gain_db:.2f}dB", precision="double")
    limit = _LIMIT if gain_db > 0 or audio.channels > mix.channels else _FULL_SCALE
    sound = sound.filter("alimiter", limit=limit, **_LIMITER)
    return compile_argv([ffmpeg.output(sound, target, **_options(mix))])


def silence_argv(mix: Mix, target: str) -> list[str]:
    """One second of silence in the form that `sound_argv` gives sound."""
    silence = ffmpeg.input(f"anullsrc=r={AUDIO_RATE}:cl={mix.layout}", f="lavfi", t=1)["a:0"]
    return compile_argv([ffmpeg.output(silence, target, **_options(mix))])


def loudness_argv(
    path: str, source: SourceInfo, audio: AudioTrack, mix: Mix, target: str
) -> list[str]:
    """Measure a mix (EBU R 128): `target` gets what `read_loudness` reads."""
    measured = (
        _mixed(path, source, audio, mix)
        .filter("ebur128", metadata=1)
        .filter("ametadata", mode="print", key=_LOUDNESS, file=target, direct=1)
    )
    return compile_argv([ffmpeg.output(measured, "-", f="null")])


def read_loudness(text: str) -> float | None:
    """The integrated loudness at the end of what `loudness_argv` writes, in LUFS.

    None when there is none or it is silent.
    """
    values = _MEASURED.findall(text)
    loudness = float(values[-1]) if values else _SILENCE_LUFS
    return loudness if loudness > _SILENCE_LUFS else None


def gain_to(target_lufs: float, measured_lufs: float | None) -> float:
    """What brings a sound from one loudness to another, in dB."""
    if measured_lufs is None:
        return 0.0
    return min(_MOST_GAIN_DB, target_lufs - measured_lufs)


def _mixed(path: str, source: SourceInfo, audio: AudioTrack, mix: Mix) -> Any:
    opened = open_source(path, vn=None)
    sound = opened[str(audio.index)].filter(
        "asetpts", f"PTS-({spell_ratio(source.zero_seconds)})/TB"
    )
    sound = sound.filter("atrim", start=0)
    if audio.is_ambisonic:
        sound = sound.filter("pan", args=_facing_both_sides(audio))
    elif taken := layout_by_order(audio.channels, audio.layout):
        count, layout = taken
        order = "|".join(map(str, range(count)))
        sound = sound.filter("channelmap", order, channel_layout=layout)
    if mix == STEREO:
        sound = sound.filter("volume", _LONE_CHANNEL_GAIN)
    sound = _in_short_gaps(sound)
    # async=1 fills gaps and cuts overlaps from so many seconds on, it does not stretch; first_pts=0
    # begins at time 0. Channels are added as in ITU-R BS.775: those of the centre and behind 3 dB
    # lower.
    options = {"async": 1, "min_hard_comp": source.sound_slack_seconds, "first_pts": 0}
    return sound.filter("aresample", AUDIO_RATE, **options, out_chlayout=mix.layout)


def _in_short_gaps(sound: Any) -> Any:
    """The sound, and in its gaps a silent sample every few seconds.

    swresample makes all the silence of a gap at once: of four hours it takes gigabytes.
    """
    split = sound.filter_multi_output("asplit")
    silence = (
        split[1]
        .filter("atrim", end_sample=1)
        .filter("volume", 0)
        .filter("apad", packet_size=1)
        .filter("asettb", _MICROSECOND)
        .filter("asetpts", f"(N+1)*{_GAP_SECONDS}/TB")
    )
    return (
        # It counts in microseconds, whatever it says of its time base.
        ffmpeg.filter(
            [split[0].filter("asettb", _MICROSECOND), silence], "ainterleave", duration="shortest"
        )
        .filter("asettb", "1/sr")
        .filter("aselect", f"not(eq(samples_n,1)*lt(t-prev_selected_t,{_GAP_SECONDS}))")
        # Earlier than it is: so near to what follows, a sample would count as its beginning.
        .filter("asetpts", "PTS-eq(NB_SAMPLES,1)*0.2/TB")
    )


def _facing_both_sides(audio: AudioTrack) -> str:
    """What two microphones at the listener's place hear that face left and right.

    The first channel is the sound from all around, the second what comes from the left (AmbiX: ACN,
    SN3D); what is in front is 3 dB lower on each side. Two more channels than there are on a sphere
    are in stereo already, as speech that does not turn with the picture.
    """
    left, right = "0.707*c0+0.707*c1", "0.707*c0-0.707*c1"
    if audio.layout.startswith("ambisonic 0"):
        left = right = "0.707*c0"
    if audio.layout.endswith("+stereo"):
        left, right = f"{left}+c{audio.channels - 2}", f"{right}+c{audio.channels - 1}"
    return f"stereo|c0={left}|c1={right}"


def _options(mix: Mix) -> dict[str, Any]:
    return {
        "c:a": "aac",
        "b:a": mix.bps,
        "f": "mp4",
        # delay_moov writes the encoder's priming into the edit list once it is known.
        "movflags": "+empty_moov+delay_moov+default_base_moof",
        # Small fragments: they are regrouped into segments, and the first is wanted soon.
        "frag_duration": 1_000_000,
        "flush_packets": 1,
        **BARE,
    }

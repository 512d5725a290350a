from fractions import Fraction

from packager.core.mix import STEREO, SURROUND
from packager.core.renditions import plan_sounds, plan_subtitles
from packager.core.source import AudioTrack, SubtitleTrack
from streamer.core.keys import RENDITION_NAME, stereo_name


def audio(index: int, language: str | None = None, channels: int = 2) -> AudioTrack:
    return AudioTrack(index, Fraction(0), channels, language)


def test_stereo_comes_first_and_surround_after_it() -> None:
    sounds = plan_sounds([audio(1, "eng", 6), audio(2, "deu"), audio(3, "eng", 8), audio(4)])
    assert [(s.rendition.name, s.audio.index, s.mix) for s in sounds] == [
        ("audio-eng", 1, STEREO),
        ("audio-deu", 2, STEREO),
        ("audio-eng-2", 3, STEREO),
        ("audio", 4, STEREO),
        ("audio-eng-51", 1, SURROUND),
        ("audio-eng-2-51", 3, SURROUND),
    ]
    assert [s.rendition.is_default for s in sounds] == [True] + 5 * [False]
    assert [s.rendition.channels for s in sounds] == [2, 2, 2, 2, 6, 6]
    assert all(RENDITION_NAME.fullmatch(s.rendition.name) for s in sounds)


def test_names_are_safe_whatever_the_language() -> None:
    languages = ["pt-BR", "pt-BR", "zho-Hant-TW", "es-419"]
    sounds = plan_sounds([audio(n, language, 6) for n, language in enumerate(languages)], 1000)
    names = [sound.rendition.name for sound in sounds]
    assert names[:4] == [
        "audio-pt-br-v1000",
        "audio-pt-br-2-v1000",
        "audio-zho-hant-tw-v1000",
        "audio-es-419-v1000",
    ]
    assert [stereo_name(name) for name in names[4:]] == names[:4]
    assert all(RENDITION_NAME.fullmatch(name) for name in names)
    assert sounds[0].rendition.language == "pt-BR"


def test_subtitles_are_named_and_none_is_shown_by_itself() -> None:
    texts = plan_subtitles(
        [
            SubtitleTrack(3, "ass", "deu", "Deutsch", is_forced=True),
            SubtitleTrack(4, "subrip", "deu"),
            SubtitleTrack(5, "subrip"),
        ]
    )
    assert [(t.rendition.name, t.rendition.label, t.rendition.is_forced) for t in texts] == [
        ("sub-deu", "Deutsch", True),
        ("sub-deu-2", "deu", False),
        ("sub", "Subtitles", False),
    ]
    assert not any(t.rendition.is_default for t in texts)

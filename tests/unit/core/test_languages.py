import pycountry
import pytest

from streamer.core.languages import language_name, language_tag


@pytest.mark.parametrize(
    ("code", "tag", "name"),
    [
        ("eng", "en", "English"),
        ("ger", "de", "Deutsch"),
        ("deu", "de", "Deutsch"),
        ("fr", "fr", "Français"),
        ("tlh", "tlh", None),
        ("alb", "sq", "Shqip"),
        ("arm", "hy", "Հայերեն"),
        ("wel", "cy", "Cymraeg"),
        ("lat", "la", "Latina"),
        ("iw", "he", "עברית"),
        ("por-BR", "pt-BR", "Português BR"),
        ("zh-Hant", "zh-Hant", "中文 Hant"),
    ],
)
def test_a_language(code: str, tag: str, name: str | None) -> None:
    assert language_tag(code) == tag
    assert language_name(code) == name


def test_every_language_of_two_letters_is_known() -> None:
    for language in pycountry.languages:
        if tag := getattr(language, "alpha_2", None):
            codes = {tag, language.alpha_3, getattr(language, "bibliographic", tag)}
            assert {language_tag(code) for code in codes} == {tag}
            assert language_name(tag)


def test_no_language_has_no_name() -> None:
    assert language_name(None) is None

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
    ],
)
def test_a_language(code: str, tag: str, name: str | None) -> None:
    assert language_tag(code) == tag
    assert language_name(code) == name


def test_no_language_has_no_name() -> None:
    assert language_name(None) is None

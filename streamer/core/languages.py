"""Languages by their codes: what viewers read, and what playlists want."""

# ISO 639-1 code (which BCP 47 wants where there is one), the 639-2 codes, the language's own name.
_LANGUAGES = (
    ("ar", "ara", "العربية"),
    ("bg", "bul", "Български"),
    ("bn", "ben", "বাংলা"),
    ("ca", "cat", "Català"),
    ("cs", "ces cze", "Čeština"),
    ("da", "dan", "Dansk"),
    ("de", "deu ger", "Deutsch"),
    ("el", "ell gre", "Ελληνικά"),
    ("en", "eng", "English"),
    ("es", "spa", "Español"),
    ("et", "est", "Eesti"),
    ("eu", "eus baq", "Euskara"),
    ("fa", "fas per", "فارسی"),
    ("fi", "fin", "Suomi"),
    ("fr", "fra fre", "Français"),
    ("ga", "gle", "Gaeilge"),
    ("gl", "glg", "Galego"),
    ("he", "heb", "עברית"),
    ("hi", "hin", "हिन्दी"),
    ("hr", "hrv", "Hrvatski"),
    ("hu", "hun", "Magyar"),
    ("id", "ind", "Bahasa Indonesia"),
    ("is", "isl ice", "Íslenska"),
    ("it", "ita", "Italiano"),
    ("ja", "jpn", "日本語"),
    ("ko", "kor", "한국어"),
    ("lt", "lit", "Lietuvių"),
    ("lv", "lav", "Latviešu"),
    ("ms", "msa may", "Bahasa Melayu"),
    ("nb", "nob", "Norsk bokmål"),
    ("nl", "nld dut", "Nederlands"),
    ("no", "nor", "Norsk"),
    ("pl", "pol", "Polski"),
    ("pt", "por", "Português"),
    ("ro", "ron rum", "Română"),
    ("ru", "rus", "Русский"),
    ("sk", "slk slo", "Slovenčina"),
    ("sl", "slv", "Slovenščina"),
    ("sr", "srp", "Српски"),
    ("sv", "swe", "Svenska"),
    ("ta", "tam", "தமிழ்"),
    ("te", "tel", "తెలుగు"),
    ("th", "tha", "ไทย"),
    ("tr", "tur", "Türkçe"),
    ("uk", "ukr", "Українська"),
    ("ur", "urd", "اردو"),
    ("vi", "vie", "Tiếng Việt"),
    ("zh", "zho chi", "中文"),
)
_TAGS = {code: tag for tag, codes, _ in _LANGUAGES for code in (tag, *codes.split())}
_NAMES = {tag: name for tag, _, name in _LANGUAGES}


def language_tag(code: str) -> str:
    """The BCP 47 tag of an ISO 639 code of two or three letters: `en` for `eng`."""
    return _TAGS.get(code, code)


def language_name(code: str | None) -> str | None:
    """What the language calls itself; None where that is not known here."""
    return None if code is None else _NAMES.get(language_tag(code))

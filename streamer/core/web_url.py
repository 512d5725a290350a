"""What a URL that is to be asked over HTTP may be."""

import re

from yarl import URL

_WEB_URL = re.compile(r"https?://[^\s/?#,]+[^\s#,]*")


def is_web_url(text: str) -> bool:
    """Whether it begins with http:// or https:// and names a host that can be."""
    return _WEB_URL.fullmatch(text) is not None and _has_host(text)


def _has_host(url: str) -> bool:
    try:
        host = URL(url).raw_host or ""
        return bool(host.encode("idna"))
    except ValueError:
        return False

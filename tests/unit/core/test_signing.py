from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from streamer.core.signing import (
    COOKIES,
    Forbidden,
    canned_policy,
    carries_signature,
    check,
    encode,
    verified,
    without_signature,
)

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEYS = {"K1": PEM}
NOW = 1_800_000_000
URL = "https://cdn.example/v/a/seg.m4s?size=large"


def signer_with(algorithm: HashAlgorithm) -> Callable[[bytes], bytes]:
    return lambda message: KEY.sign(message, padding.PKCS1v15(), algorithm)


# botocore is the reference: what it signs, CloudFront accepts.
BOTO = CloudFrontSigner("K1", signer_with(SHA1()))


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def canned(url: str = URL, expires: int = NOW + 60) -> str:
    return target(BOTO.generate_presigned_url(url, date_less_than=at(expires)))


def custom(resource: str, url: str = URL, **conditions: object) -> str:
    policy = BOTO.build_policy(resource, at(NOW + 60), **conditions)
    return target(BOTO.generate_presigned_url(url, policy=policy))


def target(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def verdict(
    target: str,
    cookies: dict[str, str] | None = None,
    *,
    now: float = NOW,
    host: str = "cdn.example",
    address: str = "192.0.2.7",
) -> Forbidden | None:
    return check(target, cookies or {}, host, address, KEYS, now, verified)


def as_cookies(signed: str) -> dict[str, str]:
    """What a signed URL's query says, as its cookies say it."""
    query = dict(part.split("=", 1) for part in signed.partition("?")[2].split("&"))
    return {name: query[name] for name in COOKIES.values() if name in query}


def test_a_canned_url_holds_until_it_expires() -> None:
    assert verdict(canned()) is None
    assert verdict(canned(), now=NOW + 59.9) is None
    assert verdict(canned(), now=NOW + 60) is Forbidden.EXPIRED


def test_an_http_url_may_be_signed_as_well() -> None:
    assert verdict(canned(URL.replace("https", "http"))) is None


@pytest.mark.parametrize(
    "forged",
    [
        canned().replace("seg.m4s", "seg2.m4s"),
        canned().replace("size=large", "size=small"),
        canned().replace("size=large&", "size=large&more=1&"),
        canned().replace(f"Expires={NOW + 60}", f"Expires={NOW + 61}"),
    ],
)
def test_a_canned_url_is_for_one_url_and_time(forged: str) -> None:
    assert verdict(forged) is Forbidden.FORGED


def test_a_canned_url_is_for_one_host() -> None:
    assert verdict(canned(), host="other.example") is Forbidden.FORGED


@pytest.mark.parametrize(
    ("resource", "wanted"),
    [
        ("https://cdn.example/v/a/*", None),
        ("http*://cdn.example/v/?/seg.m4s*", None),
        ("*", None),
        ("https://cdn.example/v/b/*", Forbidden.RESOURCE),
        ("https://cdn.example/v/a/seg.m4s", Forbidden.RESOURCE),
        ("https://cdn.example/v/[a]/*", Forbidden.RESOURCE),
    ],
)
def test_a_custom_policy_covers_what_its_pattern_does(
    resource: str, wanted: Forbidden | None
) -> None:
    assert verdict(custom(resource)) is wanted


@pytest.mark.parametrize(
    "path",
    [
        "/free/../paid/film",
        "/free/%2e%2E/paid/film",
        "/free/.%2e/paid/film",
        "/free/..%2fpaid/film",
        "/free%2f..%2fpaid%2ffilm",
        "/free/%252e%252e/paid/film",
        "/free/%25252e./paid/film",
        "/free/%%32%65./paid/film",
        "/free/..\\paid/film",
        "/free/..%5cpaid/film",
        "/free/..;/paid/film",
        "/free/..%3bx=y/paid/film",
        "/free/x/./..",
        "/free/" + "%" + "25" * 20 + "2e./paid/film",
    ],
)
def test_a_pattern_is_not_left_by_dot_segments(path: str) -> None:
    policy = custom("https://cdn.example/free/*", f"https://cdn.example{path}")
    assert verdict(policy) is Forbidden.RESOURCE
    assert verdict(path, as_cookies(policy)) is Forbidden.RESOURCE


@pytest.mark.parametrize(
    "path", ["/free/a%20b/caf%C3%A9.mp4", "/free/a..b/.c/...", "/free/a;v=1", "/free/100%25?x=/../"]
)
def test_a_pattern_covers_other_dots_and_encodings(path: str) -> None:
    assert verdict(custom("https://cdn.example/free/*", f"https://cdn.example{path}")) is None


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("http*://cdn.example/v/preview/*", "/v/film/a.ts?x=://cdn.example/v/preview/"),
        ("http*://cdn.example/v/preview/*", "/v/film/a.ts/://cdn.example/v/preview/"),
        ("https://*/preview/*", "/v/film/a.ts/preview/b"),
        ("https://cdn.example/v/*/poster.jpg", "/v/film/a.ts?/poster.jpg"),
        ("https://cdn.example/v/*?/poster.jpg", "/v/film/a.ts?/poster.jpg"),
        ("https://cdn.example/v/*.jpg", "/v/film/a.ts?.jpg"),
        ("https://cdn.example/v/*?.jpg", "/v/film/a.ts?.jpg"),
        ("https://cdn.example/v/*.jpg?x=*", "/v/film/a.ts?.jpg?x=1"),
        ("*.jpg", "/v/film/a.ts?.jpg"),
    ],
)
def test_what_a_pattern_says_of_one_part_of_a_url_is_not_found_in_another(
    resource: str, path: str
) -> None:
    assert verdict(custom(resource, f"https://cdn.example{path}")) is Forbidden.RESOURCE
    assert verdict(path, as_cookies(custom(resource))) is Forbidden.RESOURCE


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("http*://cdn.example/v/preview/*", "/v/preview/a.ts?x=1/b"),
        ("http*://*.example/v/*/poster.jpg", "/v/film/a/poster.jpg"),
        ("https://cdn.example/*?x=*", "/v/film/a.ts?x=1&y=/"),
        ("*game.zip?license=yes", "/deep/down/game.zip?license=yes"),
        ("https://cdn.example/v/a.ts?*", "/v/a.ts?x"),
        ("https://cdn.example/v/a.ts?large", "/v/a.ts?large"),
        ("https://cdn.example/v/?/a.ts*", "/v/1/a.ts?x=1"),
        ("https://*", "/v/a.ts?x=1"),
        ("https*", "/v/a.ts"),
        ("http*://cdn*", "/v/a.ts?x=1"),
        ("*/v/*", "/v/a.ts?x=1"),
        ("*.jpg", "/v/a.jpg"),
    ],
)
def test_patterns_of_cloudfront_s_kinds_cover_what_they_say(resource: str, path: str) -> None:
    assert verdict(path, as_cookies(custom(resource))) is None


def test_a_custom_policy_may_begin_later_and_name_addresses() -> None:
    later = custom("*", date_greater_than=at(NOW + 10))
    assert verdict(later) is Forbidden.EARLY
    assert verdict(later, now=NOW + 10) is None
    here = custom("*", ip_address="192.0.2.0/24")
    assert verdict(here) is None
    assert verdict(here, address="198.51.100.1") is Forbidden.ADDRESS
    assert verdict(here, address="") is Forbidden.ADDRESS


def test_sha256_signatures_say_so() -> None:
    signature = signer_with(SHA256())(canned_policy(URL, NOW + 60))
    signed = f"Expires={NOW + 60}&Signature={encode(signature)}&Key-Pair-Id=K1"
    assert verdict(f"{target(URL)}&{signed}&Hash-Algorithm=SHA256") is None
    assert verdict(f"{target(URL)}&{signed}") is Forbidden.FORGED
    assert verdict(f"{target(URL)}&{signed}&Hash-Algorithm=MD5") is Forbidden.MALFORMED


def test_what_is_no_signature_is_refused() -> None:
    assert verdict("/v/a/seg.m4s") is Forbidden.MISSING
    assert verdict("/v/a/seg.m4s?Expires=1&Signature=x") is Forbidden.MISSING
    assert verdict("/a?Expires=x&Signature=AAAA&Key-Pair-Id=K1") is Forbidden.MALFORMED
    assert verdict("/a?Expires=9&Signature=A&Key-Pair-Id=K1") is Forbidden.MALFORMED
    assert verdict("/a?Expires=9&Signature=AAAA&Key-Pair-Id=K2") is Forbidden.UNKNOWN_KEY
    assert verdict("/a?Policy=AAAA&Signature=AAAA&Key-Pair-Id=K1") is Forbidden.FORGED
    doubled = canned() + "&Key-Pair-Id=K1"
    assert verdict(doubled) is Forbidden.MISSING


@pytest.mark.parametrize("policy", [b"[]", b"{}", b"\xff", b'{"Statement":[{}]}'])
def test_a_signed_text_that_is_no_policy_is_refused(policy: bytes) -> None:
    signature = encode(signer_with(SHA1())(policy))
    signed = f"/a?Policy={encode(policy)}&Signature={signature}&Key-Pair-Id=K1"
    assert verdict(signed) is Forbidden.MALFORMED


def test_cookies_of_a_custom_policy_open_all_that_its_pattern_covers() -> None:
    cookies = as_cookies(custom("https://cdn.example/v/a/*"))
    assert set(cookies) == {"Policy", "Signature", "Key-Pair-Id"}
    assert verdict("/v/a/index.m3u8", cookies) is None
    assert verdict("/v/a/240p/index.m3u8?token=x", cookies) is None
    assert verdict("/v/b/index.m3u8", cookies) is Forbidden.RESOURCE
    assert verdict("/v/a/index.m3u8", cookies, now=NOW + 60) is Forbidden.EXPIRED
    assert verdict("/v/a/index.m3u8", cookies | {"Key-Pair-Id": "K2"}) is Forbidden.UNKNOWN_KEY


def test_cookies_of_a_canned_policy_open_one_url() -> None:
    cookies = as_cookies(canned())
    assert verdict(target(URL), cookies) is None
    assert verdict("/v/a/other.m4s", cookies) is Forbidden.FORGED
    assert verdict(target(URL), cookies | {"Expires": f"{NOW + 61}"}) is Forbidden.FORGED


def test_a_signature_in_the_url_goes_before_cookies() -> None:
    cookies = as_cookies(custom("*"))
    assert verdict(canned(), as_cookies(custom("https://cdn.example/v/b/*"))) is None
    assert verdict(canned(expires=NOW - 1), cookies) is Forbidden.EXPIRED
    assert verdict("/v/a/index.m3u8?Signature=AAAA", cookies) is None


def test_the_signature_is_taken_out_of_a_target() -> None:
    assert without_signature(canned()) == "/v/a/seg.m4s?size=large"
    assert without_signature(canned("https://cdn.example/a")) == "/a"
    assert carries_signature(canned())
    assert not carries_signature("/a?Signature=x")

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.behaviour_file import BadBehaviours, read_behaviours

EXAMPLE = Path("deploy/edge-behaviours.toml")
GOOD = """\
[origins.app]
urls = ["http://127.0.0.1:9000"]
forward_host = true

[[behaviour]]
path = "/v/*"
hosts = ["a.example"]
origin = "app"
min_ttl = 5
default_ttl = 7.5
max_ttl = 10
negative_ttl = { 404 = 2 }
query = { deny = ["a"] }
vary_on = { headers = ["Accept-Language"], cookies = ["theme"] }

[[behaviour]]
path = "/p/*"
cache = "pass"
"""


def complaint(tmp_path: Path, text: str) -> str:
    file = tmp_path / "b.toml"
    file.write_text(text)
    with pytest.raises(BadBehaviours) as caught:
        read_behaviours(file)
    return caught.value.detail.removeprefix(f"{tmp_path}/")


def test_a_good_file_says_what_is_done(tmp_path: Path) -> None:
    file = tmp_path / "b.toml"
    file.write_text(GOOD)
    read = read_behaviours(file)
    video = read.behaviours.of("a.example", "/v/x")
    assert (video.ttl.minimum, video.ttl.default, video.ttl.maximum) == (5, 7.5, 10)
    assert video.ttl.negative == {"404": 2}
    assert video.varies_by == {"accept-language", "cookie:theme"}
    assert video.target("/v/x?a=1&b=2") == "/v/x?b=2"
    assert read.origins[video.origin or ""].forwards_host
    assert read.behaviours.of("b.example", "/p/x").is_passed


def digest(tmp_path: Path, text: str, target: str = "/v/x") -> str:
    file = tmp_path / "b.toml"
    file.write_text(text)
    return read_behaviours(file).behaviours.of("a.example", target).digest


@pytest.mark.parametrize("change", [("= 10", "= 11"), (":9000", ":9001"), ("theme", "size")])
def test_a_digest_tells_whether_something_else_is_done(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    changed = GOOD.replace(*change)
    assert digest(tmp_path, GOOD) != digest(tmp_path, changed)
    assert digest(tmp_path, GOOD) == digest(tmp_path, f"# shop\n{GOOD}")
    assert digest(tmp_path, GOOD, "/p/x") == digest(tmp_path, changed, "/p/x")
    assert digest(tmp_path, GOOD, "/other") == ""


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("max_ttl = 10", "max_ttl = 4", "11: [[behaviour]] 1: max_ttl is less than min_ttl"),
        ("7.5", "4", "10: [[behaviour]] 1: default_ttl is less than min_ttl"),
        ("max_ttl = 10", "max_tll = 10", "11: [[behaviour]] 1: unknown key max_tll"),
        ("min_ttl = 5", 'min_ttl = "5"', "9: [[behaviour]] 1: min_ttl: input should be a valid"),
        ("min_ttl = 5", "min_ttl = -5", "9: [[behaviour]] 1: min_ttl: input should be greater"),
        ('origin = "app"', 'origin = "b"', "8: [[behaviour]] 1: there is no [origins.b]"),
        ('hosts = ["a.example"]', "", "8: [[behaviour]] 1: app gets the viewer's Host"),
        ('"/p/*"', '"p"', "17: [[behaviour]] 2: path begins with / or *"),
        ('"/p/*"', '"/%70/*"', "17: [[behaviour]] 2: path is a pattern"),
        ('path = "/p/*"', "", "16: [[behaviour]] 2: path is missing"),
        ('"pass"', '"pass"\nmax_ttl = 1', "18: [[behaviour]] 2: cache = \"pass\" stores nothing"),
        ("404 = 2", "200 = 2", "12: [[behaviour]] 1: "),
        ("deny", "denied", "13: [[behaviour]] 1: query is"),
        ('["http://127.0.0.1:9000"]', "[]", "2: [origins.app]: urls: "),
        ("[origins.app]", "[origin.app]", "1: unknown key origin"),
        ('"/p/*"', '"/p/*', "17: "),
        ('cache = "pass"', '[behaviour.signed_by]\nK = "none.pem"',
         "19: [[behaviour]] 2: none.pem: No such file or directory"),
        ('cache = "pass"', 'signed_by = { K = "b.toml" }',
         "18: [[behaviour]] 2: b.toml is not an RSA public key in PEM"),
        ('cache = "pass"', 'allow_origins = ["https://www.example"]',
         "18: [[behaviour]] 2: allow_origins is for cookies of a signature"),
        ('cache = "pass"', 'allow_origins = ["https://www.example/"]',
         "18: [[behaviour]] 2: allow_origins: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, wanted: str
) -> None:
    assert GOOD.count(old) == 1
    found = complaint(tmp_path, GOOD.replace(old, new))
    assert found.startswith(f"b.toml:{wanted}")
    assert "\n" not in found


def test_a_path_is_there_once(tmp_path: Path) -> None:
    twice = GOOD + '\n[[behaviour]]\npath = "/p/*"\n'
    assert complaint(tmp_path, twice) == "b.toml:21: [[behaviour]] 3: path /p/* is there twice"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadBehaviours, match="No such file"):
        read_behaviours(tmp_path / "none.toml")


def test_the_example_is_good(tmp_path: Path) -> None:
    key = generate_private_key(65537, 2048).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "member-key.pem").write_bytes(pem)
    file = tmp_path / "example.toml"
    file.write_text(EXAMPLE.read_text())
    behaviours = read_behaviours(file).behaviours
    assert behaviours.of("app.example", "/anything").is_passed
    assert behaviours.of("h", "/live/a/i.m3u8").ttl.maximum == 2
    assert set(behaviours.of("h", "/members/a").signed_by) == {"K2JCJMDEHXQW5F"}
    assert behaviours.of("h", "/members/a").allow_origins == {"https://www.example.com"}

"""Parameters of libpq's URLs, as asyncpg is told them."""

import pytest
from sqlalchemy import make_url

from streamer.core.errors import InvalidInput
from streamer.shared.postgresql_url import asyncpg_arguments, asyncpg_url

HOST = "postgresql://me:secret@db/videos"
PARAMETERS = {"statement_timeout": 15000, "tcp_user_timeout": 10000}
OPTIONS = "-c statement_timeout=15000 -c tcp_user_timeout=10000"


def arguments(query: str) -> dict[str, object]:
    url = make_url(f"{HOST}?{query}")
    return asyncpg_arguments(
        url, timeout_seconds=5.0, application_name="streamer", parameters=PARAMETERS
    )


def test_without_parameters_the_defaults_hold() -> None:
    settings = {"application_name": "streamer", "options": OPTIONS}
    assert arguments("") == {"timeout": 5.0, "server_settings": settings}


def test_tls_is_told_as_a_url() -> None:
    told = arguments("sslmode=verify-full&sslrootcert=/etc/my%20ca.pem")
    assert told["dsn"] == "postgresql://?sslmode=verify-full&sslrootcert=%2Fetc%2Fmy+ca.pem"


def test_settings_of_the_session_come_before_ours() -> None:
    told = arguments("application_name=mine&options=-csearch_path%3Dapp")
    assert told["server_settings"] == {
        "application_name": "mine",
        "options": f"{OPTIONS} -csearch_path=app",
    }


def test_what_only_libpq_is_told_is_taken() -> None:
    assert arguments("keepalives_idle=30&tcp_user_timeout=20000") == arguments("")


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("0", 5.0)])
def test_a_timeout_of_none_is_ours(text: str, seconds: float) -> None:
    assert arguments(f"connect_timeout={text}")["timeout"] == seconds


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("replication=true&channel_binding=prefer", "channel_binding, replication"),
        ("connect_timeout=soon", "connect_timeout"),
        ("sslmode=nonsense", "sslmode"),
    ],
)
def test_what_cannot_be_told_is_named(query: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        arguments(query)


def test_the_url_keeps_its_hosts() -> None:
    url = asyncpg_url(make_url("postgresql:///videos?host=a:1&host=b:2&sslmode=require"))
    assert url.render_as_string() == "postgresql+asyncpg:///videos?host=a%3A1&host=b%3A2"

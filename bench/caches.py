"""The caches that are compared: ours, nginx and Varnish, each with its best settings."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from bench.process import Running, free_port, running, streamer_command, wait_until_answering

_PROGRAMS = {"nginx": "nginx", "varnish": "varnishd"}
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NGINX_CONF = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  access_log off;
  sendfile off;
  output_buffers 2 256k;
  tcp_nodelay on;
  keepalive_requests 100000000;
  open_file_cache max=10000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  proxy_cache_path {directory}/cache levels=1:2 keys_zone=all:16m max_size=1g use_temp_path=off;
  upstream origin {{ server {origin}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} sndbuf=256k backlog=4096{tls_option};
    {tls}
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache all;
      proxy_cache_lock on;
      add_header X-Cache $upstream_cache_status;
    }}
  }}
}}
"""


_NGINX_TLS = """
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:tls:8m;
    ssl_buffer_size 16k;
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, as PEM files."""

    path: Path
    key: Path


_Command = Callable[[str, int, Path, Certificate | None], list[str]]


def new_certificate(directory: Path) -> Certificate:
    """A certificate for 127.0.0.1 (ECDSA, P-256) with its key, written into a directory."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    made.path.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    made.key.write_bytes(issued.private_key_pem.bytes())
    return made


@dataclass(frozen=True, slots=True)
class Cache:
    """A running cache."""

    name: str
    url: str
    process: Running


def missing_peers() -> tuple[str, ...]:
    """The peers that are not installed and hence not compared."""
    return tuple(name for name, program in _PROGRAMS.items() if _found(program) is None)


@asynccontextmanager
async def open_caches(
    origin_url: str,
    directory: Path,
    *,
    prefix: tuple[str, ...] = (),
    certificate: Certificate | None = None,
) -> AsyncIterator[list[Cache]]:
    """Our edge and every installed peer in front of one origin.

    Args:
        origin_url: The origin.
        directory: For their files; must exist.
        prefix: Goes before their commands.
        certificate: They speak TLS with it; those that cannot are left out.
    """
    peers = {"nginx": _nginx} if certificate else {"nginx": _nginx, "varnish": _varnish}
    commands: dict[str, _Command] = {"edge": _edge, **peers}
    async with AsyncExitStack() as stack:
        caches = []
        for name in (name for name in commands if name not in missing_peers()):
            home = directory / (f"{name}-tls" if certificate else name)
            home.mkdir()
            port = free_port()
            origin = urlsplit(origin_url).netloc
            command = [*prefix, *commands[name](origin, port, home, certificate)]
            process = await stack.enter_async_context(
                running(command, log=home / "log", environment=_environment(home))
            )
            url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
            await wait_until_answering(f"{url}/bytes/1", process)
            caches.append(Cache(name, url, process))
        yield caches


def _environment(home: Path) -> dict[str, str]:
    bounds = ("EDGE_MAX_CONNECTIONS", "EDGE_MAX_CONNECTIONS_PER_ADDRESS")
    return {"STREAMER_DATA_DIR": str(home / "data"), **dict.fromkeys(bounds, "20000")}


def _found(program: str) -> str | None:
    return shutil.which(program, path=_SEARCH_PATH)


def _edge(origin: str, port: int, home: Path, certificate: Certificate | None) -> list[str]:
    tls = ("--tls-cert", certificate.path, "--tls-key", certificate.key) if certificate else ()
    return streamer_command(
        *("edge", "--origin", f"http://{origin}", "--region", "bench"),
        *("--port", str(port), "--admin-port", str(free_port())),
        *("--cache-dir", str(home / "cache"), "--memory-size", "256M", "--disk-size", "1G"),
        *map(str, tls),
    )


def _nginx(origin: str, port: int, home: Path, certificate: Certificate | None) -> list[str]:
    configuration = home / "nginx.conf"
    # As root, workers would drop to a user who may not enter the temporary directory.
    user = "user root;" if os.geteuid() == 0 else ""
    tls = (
        _NGINX_TLS.format(certificate=certificate.path, key=certificate.key) if certificate else ""
    )
    text = _NGINX_CONF.format(
        user=user,
        directory=home,
        origin=origin,
        port=port,
        tls=tls,
        tls_option=" ssl" if certificate else "",
    )
    configuration.write_text(text)
    return [str(_found("nginx")), "-c", str(configuration), "-p", str(home)]


def _varnish(origin: str, port: int, home: Path, _: Certificate | None) -> list[str]:
    return [
        *(str(_found("varnishd")), "-F", "-j", "none", "-n", str(home / "run")),
        *("-a", f"127.0.0.1:{port}", "-b", origin, "-s", "malloc,256m"),
        *("-p", "thread_pools=1", "-p", "thread_pool_min=1200", "-p", "timeout_idle=75"),
    ]

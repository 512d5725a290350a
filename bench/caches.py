"""The caches that are compared: ours, nginx and Varnish, each with its best settings."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.process import Running, free_port, running, streamer_command, wait_until_answering

_PROGRAMS = {"nginx": "nginx", "varnish": "varnishd"}
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NGINX_CONF = """
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 8192; multi_accept on; }}
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
    listen 127.0.0.1:{port} sndbuf=256k;
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
    origin_url: str, directory: Path, *, prefix: tuple[str, ...] = ()
) -> AsyncIterator[list[Cache]]:
    """Our edge and every installed peer in front of one origin; `prefix` goes before commands."""
    commands = {"edge": _edge, "nginx": _nginx, "varnish": _varnish}
    async with AsyncExitStack() as stack:
        caches = []
        for name in (name for name in commands if name not in missing_peers()):
            home = directory / name
            home.mkdir()
            port = free_port()
            command = [*prefix, *commands[name](urlsplit(origin_url).netloc, port, home)]
            environment = {"STREAMER_DATA_DIR": str(home / "data")}
            process = await stack.enter_async_context(
                running(command, log=home / "log", environment=environment)
            )
            url = f"http://127.0.0.1:{port}"
            await wait_until_answering(f"{url}/bytes/1", process)
            caches.append(Cache(name, url, process))
        yield caches


def _found(program: str) -> str | None:
    return shutil.which(program, path=_SEARCH_PATH)


def _edge(origin: str, port: int, home: Path) -> list[str]:
    return streamer_command(
        *("edge", "--origin", f"http://{origin}", "--region", "bench"),
        *("--port", str(port), "--admin-port", str(free_port())),
        *("--cache-dir", str(home / "cache"), "--memory-size", "256M", "--disk-size", "1G"),
    )


def _nginx(origin: str, port: int, home: Path) -> list[str]:
    configuration = home / "nginx.conf"
    # As root, workers would drop to a user who may not enter the temporary directory.
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        _NGINX_CONF.format(user=user, directory=home, origin=origin, port=port)
    )
    return [str(_found("nginx")), "-c", str(configuration), "-p", str(home)]


def _varnish(origin: str, port: int, home: Path) -> list[str]:
    return [
        *(str(_found("varnishd")), "-F", "-j", "none", "-n", str(home / "run")),
        *("-a", f"127.0.0.1:{port}", "-b", origin, "-s", "malloc,256m"),
        *("-p", "thread_pools=1", "-p", "thread_pool_min=200"),
    ]

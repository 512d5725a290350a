"""Load from wrk, with the headers that a browser sends."""

import asyncio
import re
import shutil
from dataclasses import dataclass

BROWSER_HEADERS = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
    "Accept: */*",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Origin: https://example.org",
    "Referer: https://example.org/watch/abcdefgh",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: cross-site",
)
_REQUESTS = re.compile(r"(\d+) requests in")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.+)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk reported."""

    requests: int
    p99_seconds: float


async def load(url: str, *, connections: int, seconds: int, prefix: tuple[str, ...] = ()) -> Load:
    """Ask for one URL as fast as the server answers.

    Raises:
        RuntimeError: wrk is not installed, or an answer was an error.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed")
    command = [*prefix, program, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in BROWSER_HEADERS:
        command += ["-H", header]
    process = await asyncio.create_subprocess_exec(*command, url, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), seconds + 30)
    return _parsed(output.decode())


def _parsed(output: str) -> Load:
    requests, p99 = _REQUESTS.search(output), _P99.search(output)
    if requests is None or p99 is None or _FAILED.search(output):
        raise RuntimeError(f"wrk failed:\n{output}")
    return Load(int(requests[1]), float(p99[1]) * _SECONDS[p99[2]])

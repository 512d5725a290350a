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
_REQUESTS = re.compile(r"(\d+) requests in [^,]+, ([0-9.]+)([KMGT]?)B read")
_P99 = re.compile(r"99%\s+([0-9.]+)(us|ms|s)")
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.+)")


@dataclass(frozen=True, slots=True)
class Load:
    """What came back.

    Attributes:
        answers: Whole ones.
        read_bytes: With those of unfinished answers.
        p99_seconds: Of a hundred answers, one took longer, from request to end.
    """

    answers: int
    read_bytes: float
    p99_seconds: float


async def load(url: str, *, connections: int, seconds: int, prefix: tuple[str, ...] = ()) -> Load:
    """Ask for one URL as fast as the server answers.

    Raises:
        RuntimeError: wrk is not installed, or an answer was an error.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed")
    command = [*prefix, program, "-t1", "--latency", f"-c{connections}", f"-d{seconds}s"]
    # A slow answer is a figure, not a failure.
    command += ["--timeout", f"{seconds + 1}s"]
    for header in BROWSER_HEADERS:
        command += ["-H", header]
    process = await asyncio.create_subprocess_exec(*command, url, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), seconds + 30)
    return read_output(output.decode())


def read_output(output: str) -> Load:
    """The figures in what wrk printed.

    Raises:
        RuntimeError: Requests failed, or this is not what wrk prints.
    """
    requests, p99 = _REQUESTS.search(output), _P99.search(output)
    if requests is None or p99 is None or _FAILED.search(output):
        raise RuntimeError(f"wrk failed:\n{output}")
    read_bytes = float(requests[2]) * _UNITS[requests[3]]
    return Load(int(requests[1]), read_bytes, float(p99[1]) * _SECONDS[p99[2]])

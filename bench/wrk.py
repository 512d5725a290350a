"""Load from wrk, with the headers that a browser sends."""

import asyncio
import re
import shutil

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
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.+)")


async def load(url: str, *, connections: int, seconds: int, prefix: tuple[str, ...] = ()) -> int:
    """Ask for one URL as fast as the server answers; returns how many answers came.

    Raises:
        RuntimeError: wrk is not installed, or an answer was an error.
    """
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed")
    command = [*prefix, program, "-t1", f"-c{connections}", f"-d{seconds}s"]
    for header in BROWSER_HEADERS:
        command += ["-H", header]
    process = await asyncio.create_subprocess_exec(*command, url, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), seconds + 30)
    return read_output(output.decode())


def read_output(output: str) -> int:
    """The number of answered requests in what wrk printed.

    Raises:
        RuntimeError: Requests failed, or this is not what wrk prints.
    """
    requests = _REQUESTS.search(output)
    if requests is None or _FAILED.search(output):
        raise RuntimeError(f"wrk failed:\n{output}")
    return int(requests[1])

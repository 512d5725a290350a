import pytest

from bench.wrk import Load, read_output

OUTPUT = """\
Running 4s test @ http://127.0.0.1:8081/bytes/1500
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.42ms  312.10us   9.11ms   88.12%
    Req/Sec    45.10k     2.11k   48.22k    75.00%
  Latency Distribution
     50%    1.40ms
     99%  980.00us
  180410 requests in 4.01s, 331.03MB read
Requests/sec:  44990.02
"""


def test_answers_bytes_and_latency_are_read() -> None:
    assert read_output(OUTPUT) == Load(180410, 331.03 * 1024**2, 980e-6)


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(RuntimeError, match="wrk failed"):
        read_output("unable to connect")


@pytest.mark.parametrize(
    "line",
    [
        "  Non-2xx or 3xx responses: 12",
        "  Socket errors: connect 0, read 3, write 0, timeout 0",
    ],
)
def test_failed_requests_are_no_load(line: str) -> None:
    with pytest.raises(RuntimeError, match="wrk failed"):
        read_output(OUTPUT + line + "\n")

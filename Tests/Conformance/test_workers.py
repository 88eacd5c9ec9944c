"""Workers join a busy picker and leave it again, with streams that go on meanwhile."""

import subprocess
import time

from kit import extproc as ep
from kit import http
from kit.gateway import Exchange
from kit.paths import product

ANSWER = [(":status", "200"), ("content-type", "text/event-stream")]


def _load(pool, seconds: int) -> None:
    """As many requests as two connections can bring; fails when one of them does."""
    command = [product("epp-bench"), "load", "--target", f"127.0.0.1:{pool.epp.extproc_port}", "--prompt-bytes", "16384"]
    command += ["--duration", str(seconds), "--warm-up", "0", "--concurrency", "64", "--check"]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def _active(pool) -> float:
    return pool.epp.metric("epp_grpc_workers_active")


def test_workers_join_and_leave(start_pool) -> None:
    pool = start_pool("--workers", "4")
    assert _active(pool) == 1
    # Longer than all of the waits below.
    early = Exchange(pool.stream(timeout=600))
    early.request(ep.post_headers(), [http.chat("begins before the load")])
    # How busy two seconds make it depends on what else the machine does.
    deadline = time.monotonic() + 60
    while _active(pool) == 1:
        assert time.monotonic() < deadline, "no worker has joined"
        _load(pool, 2)
    exchanges = [early]
    for number in range(20):
        exchanges.append(Exchange(pool.stream(timeout=600)))
        exchanges[-1].request(ep.post_headers(), [http.chat(f"begins beside other workers {number}")])
    deadline = time.monotonic() + 60
    while _active(pool) > 1:
        assert time.monotonic() < deadline, "no worker has left"
        pool.pick("a little of work, by which the load is measured")
    # Streams stay where they began, also where no new ones go.
    for exchange in exchanges:
        answer = exchange.start_response(ANSWER)
        for index in range(3):
            exchange.response_chunk(answer, b"data: %d\n\n" % index, index == 2)
        exchange.stream.finish()
    _load(pool, 2)
    assert pool.epp.metric("epp_grpc_unsent_waits_total") == 0
    assert pool.epp.stop() == 0

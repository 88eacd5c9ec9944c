"""A collector that takes connections and requests, and never answers: picker and sidecar serve as before, and end in time."""

import os
import socket
import time
from typing import Iterator

import pytest

from kit import http
from kit.collector import Collector
from kit.engine import Engine
from kit.epp import EPP
from kit.process import Process
from kit.sidecar import Sidecar
from kit.waiting import eventually

CAPACITY = 200
ALL = {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_BSP_MAX_QUEUE_SIZE": str(CAPACITY)}
# Milliseconds: the time limit of one export, and the time after which its spans are given up.
FAST = {"OTEL_EXPORTER_OTLP_TIMEOUT": "300", "OTEL_BSP_EXPORT_TIMEOUT": "600"}
# Spans of a request to the picker and to the sidecar, without a prefill engine.
PICKER, SIDECAR = 11, 1
# One export lasts as long as any of these tests.
SLOW = {"OTEL_EXPORTER_OTLP_TIMEOUT": "90000", "OTEL_BSP_EXPORT_TIMEOUT": "90000"}
# The programs wait at most so many seconds for the last export when they end.
LAST_EXPORT = 5.0


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector(is_silent=True)
    yield made
    made.stop()


def _ask(url: str, count: int) -> float:
    """Sends so many requests, each of which has to be answered by the engine; returns the longest time of one."""
    longest = 0.0
    for _ in range(count):
        begin = time.monotonic()
        answer = http.post(url, http.chat("hello"))
        longest = max(longest, time.monotonic() - begin)
        assert answer.status == 200 and answer.headers["x-engine"] == "engine"
    return longest


def _expect_losses(process: EPP | Sidecar, name: str, url: str, collector: Collector, spans: int) -> None:
    """Requests with so many spans each are answered; their spans are dropped or given up, and one line says so."""
    asked = 0
    for exports in (1, 2, 3):
        _ask(url, 3 * CAPACITY // spans)
        asked += 3 * CAPACITY // spans
        eventually(lambda least=exports: len(collector.requests) >= least, "another export has begun")
    eventually(lambda: process.metric(name, result="failed") >= 2 * CAPACITY, "the spans of two exports are given up")
    counts = {result: process.metric(name, result=result) for result in ("exported", "dropped", "failed")}
    # All others wait, or are being sent.
    left = asked * spans - counts["dropped"] - counts["failed"]
    assert counts["exported"] == 0 and counts["dropped"] > 0 and 0 <= left <= 2 * CAPACITY, counts
    said = [line for line in process.lines if "traces cannot be exported" in line]
    assert len(said) == 1 and "warning" in said[0] and "requests are served as before" in said[0], said
    assert f"http://{collector.address}/v1/traces" in said[0]
    assert _stopping(process) < LAST_EXPORT / 2


def _stopping(process: Process) -> float:
    """Returns how long a process takes to end."""
    begin = time.monotonic()
    assert process.stop() == 0, process.output()
    return time.monotonic() - begin


def test_spans_of_the_picker_are_dropped_and_given_up(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(**ALL, **FAST))
    envoy = start_envoy(epp.extproc_port)
    _expect_losses(epp, "epp_trace_spans_total", envoy.url, collector, PICKER)


def test_spans_of_the_sidecar_are_dropped_and_given_up(collector: Collector, engine: Engine) -> None:
    with Sidecar(engine.address, "--tracing", env=collector.variables(**ALL, **FAST)) as sidecar:
        _expect_losses(sidecar, "routing_sidecar_trace_spans_total", sidecar.url, collector, SIDECAR)


def test_the_picker_keeps_its_memory_and_waits_for_no_export(collector: Collector, engine: Engine, start_epp, start_envoy) -> None:
    epp = start_epp("--tracing", endpoints=[engine.address], env=collector.variables(**ALL, **SLOW))
    envoy = start_envoy(epp.extproc_port)
    longest = _ask(envoy.url, 400)
    assert len(collector.requests) == 1
    before = epp.resident_bytes()
    longest = max(longest, _ask(envoy.url, 1200))
    # The spans of these requests have about 12 MB.
    assert epp.resident_bytes() - before < 4 << 20
    assert longest < 5 and len(collector.requests) == 1
    assert epp.metric("epp_trace_spans_total", result="dropped") >= 1600 * PICKER - 2 * CAPACITY
    envoy.stop()
    assert _stopping(epp) < LAST_EXPORT + 4


def test_the_sidecar_waits_for_no_export(collector: Collector, engine: Engine) -> None:
    with Sidecar(engine.address, "--tracing", env=collector.variables(**ALL, **SLOW)) as sidecar:
        assert _ask(sidecar.url, 3 * CAPACITY) < 5
        assert sidecar.metric("routing_sidecar_trace_spans_total", result="dropped") >= CAPACITY
        assert len(collector.requests) == 1
        assert _stopping(sidecar) < LAST_EXPORT + 4


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_port_that_only_connects_is_said_once(scheme: str, engine: Engine, start_epp, start_envoy) -> None:
    # The kernel connects clients, and nobody reads: a request by HTTP, or the first message of TLS.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "OTEL_BSP_SCHEDULE_DELAY": "20"}
        epp = start_epp("--tracing", endpoints=[engine.address], env=os.environ | variables | ALL | FAST)
        envoy = start_envoy(epp.extproc_port)
        for _ in range(2):
            failed = epp.metric("epp_trace_spans_total", result="failed")
            assert _ask(envoy.url, 10) < 5
            eventually(lambda least=failed: epp.metric("epp_trace_spans_total", result="failed") > least, "spans are given up")
        assert epp.output(1000).count("traces cannot be exported; requests are served as before") == 1
        envoy.stop()
        assert _stopping(epp) < LAST_EXPORT / 2

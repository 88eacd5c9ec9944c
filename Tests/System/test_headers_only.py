"""A gateway that shows the picker the heads and the ends of answers: what is seen is counted right, and nothing else is."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Callable

import pytest

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP
from kit.waiting import eventually

SENT = "http.gateway.ext_proc.stream_msgs_sent"
SHARE = "warmpath.sampled_answers"


class System:
    def __init__(self, epp: EPP, envoy: Envoy, engines: list[Engine]):
        self.epp, self.envoy, self.engines = epp, envoy, engines

    def stream(self, events: int) -> None:
        """A streamed answer whose events leave the engine one by one, read to its end."""
        for engine in self.engines:
            engine.gated = True
        stream = http.EventStream(self.envoy.url, http.chat("stream", stream=True, events=events))
        assert stream.status == 200
        for _ in range(events):
            for engine in self.engines:
                engine.release()
            stream.event()
        while stream.event() != "[DONE]":
            pass
        stream.close()

    def messages(self, ask: Callable[[], object]) -> int:
        """What the gateway sends to the picker for a request."""
        before = self.envoy.statistic(SENT)
        ask()
        self.idle()
        return self.envoy.statistic(SENT) - before

    def count(self, name: str) -> float:
        return self.epp.metric(name + "_count")

    def running(self, expected: int) -> None:
        eventually(lambda: self.epp.metric("llm_d_epp_request_running") == expected, f"{expected} requests are running")

    def idle(self) -> None:
        self.running(0)
        page = self.epp.metric
        assert page("llm_d_epp_inflight_requests") == 0
        assert page("llm_d_epp_inflight_tokens") == 0


@pytest.fixture
def system(engines: list[Engine], start_epp, start_envoy) -> System:
    epp = start_epp(endpoints=[engine.address for engine in engines], secure=True)
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, "headers-only.yaml", secure=True)
    envoy.set_runtime(SHARE, 0)
    return System(epp, envoy, engines)


def test_no_chunk_reaches_the_picker(system: System) -> None:
    whole = system.messages(lambda: http.post(system.envoy.url, http.chat("whole")))
    assert system.messages(lambda: system.stream(50)) == whole
    assert system.count("llm_d_epp_request_duration_seconds") == 2
    assert system.count("epp_request_response_headers_seconds") == 2
    # What is not seen is not counted, least of all as nothing.
    for unseen in ("request_ttft_seconds", "response_size_bytes", "request_output_tokens", "request_streaming_itl_seconds"):
        assert system.count(f"llm_d_epp_{unseen}") == 0
    assert system.epp.metric("llm_d_epp_request_error_total") == 0


def test_a_sampled_answer_is_seen_in_full(system: System) -> None:
    system.envoy.set_runtime(SHARE, 100)
    assert system.messages(lambda: system.stream(50)) > 50
    assert system.count("llm_d_epp_request_ttft_seconds") == 1
    assert system.count("llm_d_epp_request_output_tokens") == 1
    assert system.count("llm_d_epp_request_duration_seconds") == 1
    rewrite = {"x-llm-d-model-name-rewrite": "canary"}
    assert http.post(system.envoy.url, http.chat("hello", model="mine"), headers=rewrite).json()["model"] == "mine"


def test_names_of_rewritten_models_stay_as_they_are_with_one_warning(system: System) -> None:
    rewrite = {"x-llm-d-model-name-rewrite": "canary"}
    for _ in range(3):
        answer = http.post(system.envoy.url, http.chat("hello", model="mine"), headers=rewrite)
        assert answer.json()["model"] == "canary"
    system.idle()

    def warnings() -> int:
        return len([line for line in system.epp.lines if "response_body_mode" in line and "warning" in line])

    # The log is written a moment later.
    eventually(lambda: warnings() > 0, "a warning")
    assert warnings() == 1


def test_a_request_runs_until_its_answer_ends_and_computes_until_it_begins(system: System) -> None:
    for engine in system.engines:
        engine.gated = True
    streams = [http.EventStream(system.envoy.url, http.chat(f"{n} " * 400, stream=True, events=2)) for n in range(6)]
    assert [stream.status for stream in streams] == [200] * 6
    system.running(6)
    # The heads of the answers are there, so nothing counts as being computed.
    eventually(lambda: system.epp.metric("llm_d_epp_inflight_tokens") == 0, "no prompt is being computed")
    # One client leaves, one engine dies, the others finish.
    streams[0].close()
    system.running(5)
    dying = streams[1].answer.getheader("x-engine")
    (engine,) = (engine for engine in system.engines if engine.name == dying)
    engine.die()
    left = [stream for stream in streams[2:] if stream.answer.getheader("x-engine") != dying]
    system.running(len(left))
    for stream in left:
        while True:
            for engine in system.engines:
                engine.release()
            if stream.event() == "[DONE]":
                break
    system.idle()


def test_errors_count_by_their_status(system: System) -> None:
    # A method that the engine does not know.
    assert http.request(system.envoy.url, "PUT", "/v1/files", b"{}").status == 501
    system.idle()
    assert system.epp.metric("llm_d_epp_request_error_total", error_code="ModelServerError") == 1
    assert system.count("llm_d_epp_request_duration_seconds") == 1


def test_ten_thousand_requests_leave_nothing_in_flight(system: System) -> None:
    local = threading.local()

    def client(number: int) -> int:
        if number % 10 == 0:
            # Leaves before the end of the answer.
            stream = http.EventStream(system.envoy.url, http.chat("leaves", stream=True, events=50))
            stream.close()
            return stream.status
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(system.envoy.url.removeprefix("http://"), timeout=30)
        headers = {"content-type": "application/json"}
        local.connection.request("POST", "/v1/chat/completions", http.chat(f"question {number}"), headers)
        answer = local.connection.getresponse()
        answer.read()
        return answer.status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(client, range(10_000))) == {200}
    system.idle()
    assert system.epp.metric("llm_d_epp_request_total") == 10_000
    # Those that left early have ended as well.
    assert system.count("llm_d_epp_request_duration_seconds") == 10_000
    assert system.epp.metric("epp_grpc_unsent_waits_total") == 0

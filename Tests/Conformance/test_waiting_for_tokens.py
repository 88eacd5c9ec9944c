"""Requests that wait for an engine to render their prompts, and what may happen meanwhile."""

import json
import signal
from pathlib import Path
from typing import Iterator

import grpc
import pytest
import yaml

from kit import extproc as ep
from kit.epp import EPP
from kit.simulator import Simulator
from kit.waiting import eventually


class _Waiting:
    """A picker over one engine that takes its time to render."""

    def __init__(self, folder: Path, *arguments: str):
        self.engine = Simulator("--render-delay", "30s")
        try:
            path = folder / "endpoints.yaml"
            path.write_text(yaml.safe_dump({"endpoints": [self.engine.entry("engine")]}))
            self.epp = EPP("--endpoints-file", str(path), "--token-deadline", "30s", *arguments)
        except BaseException:
            self.engine.stop()
            raise
        eventually(
            lambda: [stream["isFollowed"] for stream in self.epp.document("/debug/kv-events")["streams"]] == [True],
            "the engine's KV events are followed",
            20,
        )

    def begin(self, prompt: str = "the quick brown fox jumps over the lazy dog") -> ep.Stream:
        """A request that waits for its tokens."""
        waiting = self.epp.metric("epp_tokens_requests_waiting")
        stream = self.send(prompt)
        eventually(lambda: self.epp.metric("epp_tokens_requests_waiting") == waiting + 1, "the request waits")
        return stream

    def send(self, prompt: str) -> ep.Stream:
        stream = ep.Stream(self.epp.channel())
        body = json.dumps({"model": "engine-sim", "messages": [{"role": "user", "content": prompt}]}).encode()
        headers = ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(ep.FULL_DUPLEX, ep.FULL_DUPLEX))
        stream.send(headers, ep.request_body(body, True))
        return stream

    def outcome(self, name: str) -> float:
        return self.epp.metric("epp_tokens_requests_total", outcome=name)

    def routes(self, stream: ep.Stream) -> None:
        """Fails unless the stream's request goes to the engine."""
        options = stream.receive().request_headers.response.header_mutation.set_headers
        assert [o.header.raw_value.decode() for o in options if o.header.key == ep.DESTINATION] == [self.engine.address]

    def stop(self) -> None:
        self.epp.stop()
        self.engine.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    started: list[_Waiting] = []

    def start(*arguments: str) -> _Waiting:
        started.append(_Waiting(tmp_path, *arguments))
        return started[-1]

    yield start
    for waiting in started:
        waiting.stop()


def test_a_client_that_goes_away_waits_no_more(start) -> None:
    waiting: _Waiting = start()
    streams = [waiting.begin() for _ in range(3)]
    assert waiting.epp.metric("epp_tokens_renders_inflight") == 1, "equal prompts are asked for once"
    for stream in streams:
        stream.cancel()
    eventually(lambda: waiting.outcome("late") == 3, "all three have left")
    assert waiting.epp.metric("epp_tokens_requests_waiting") == 0
    # Nobody is woken who has left, and others are served.
    waiting.routes(waiting.send("short"))
    eventually(lambda: waiting.outcome("failed") == 1, "the engine has had its time")
    waiting.routes(waiting.send("short"))


def test_a_request_is_routed_when_its_engine_dies_while_it_renders(start) -> None:
    waiting: _Waiting = start()
    stream = waiting.begin()
    waiting.engine.kill()
    waiting.routes(stream)
    assert waiting.outcome("failed") == 1 and waiting.outcome("late") == 0
    stream.cancel()


def test_a_request_that_waits_is_routed_while_the_picker_drains(start) -> None:
    waiting: _Waiting = start("--drain-timeout", "20s")
    stream = waiting.begin()
    waiting.epp.signal(signal.SIGTERM)
    waiting.routes(stream)
    stream.half_close()
    assert stream.status() == grpc.StatusCode.OK
    waiting.epp.close_channels()
    assert waiting.epp.wait(15) == 0


def test_the_end_of_the_drain_cuts_a_request_that_waits(start) -> None:
    waiting: _Waiting = start("--drain-timeout", "100ms")
    stream = waiting.begin()
    waiting.epp.signal(signal.SIGTERM)
    assert stream.status() != grpc.StatusCode.DEADLINE_EXCEEDED
    assert waiting.epp.wait(20) == 0

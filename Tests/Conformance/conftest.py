"""Fixtures of the conformance tests: the release build of `epp` on free ports, and engines whose metrics a test sets."""

from typing import Callable, Iterator

import grpc
import pytest

from kit import extproc as ep
from kit import http
from kit.engine import Engine
from kit.epp import EPP
from kit.gateway import Exchange, Outcome


class Pool:
    """A picker, the engines behind it and one connection to it."""

    def __init__(self, epp: EPP, engines: list[Engine]):
        self.epp = epp
        self.engines = engines
        self.channel: grpc.Channel = epp.channel()

    def stream(self, **options: object) -> ep.Stream:
        return ep.Stream(self.channel, **options)  # type: ignore[arg-type]

    def exchange(self, mode: int = ep.FULL_DUPLEX, response_mode: int | None = None) -> Exchange:
        return Exchange(self.stream(), mode, response_mode)

    def ask(
        self,
        body: bytes,
        *headers: tuple[str, str | bytes],
        path: str = "/v1/chat/completions",
        mode: int = ep.FULL_DUPLEX,
        **fields: object,
    ) -> Outcome:
        """A whole exchange, the engine's answer included; the request's outcome."""
        exchange = self.exchange(mode)
        outcome = exchange.request(ep.post_headers(path, *headers), [body], **fields)  # type: ignore[arg-type]
        if outcome.immediate is None:
            answer = [b'{"usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}']
            response = [(":status", "200"), ("content-type", "application/json")]
            exchange.respond(response, answer if exchange.response_mode != ep.NONE else [])
        exchange.stream.finish()
        return outcome

    def pick(self, prompt: str, *headers: tuple[str, str | bytes], **fields: object) -> str:
        """The destination of a chat completion."""
        return self.ask(http.chat(prompt), *headers, **fields).destination  # type: ignore[arg-type]

    def works(self) -> None:
        """Fails unless the picker serves an exchange on a new connection."""
        assert self.epp.running(), f"the picker ended:\n{self.epp.output()}"
        exchange = Exchange(ep.Stream(self.epp.channel()))
        outcome = exchange.request(ep.post_headers(), [http.chat("are you there")])
        assert outcome.destination in {engine.address for engine in self.engines}
        exchange.stream.cancel()

    def leaves_nothing(self, repeat: Callable[[], object]) -> None:
        """Fails when each of twelve repetitions costs memory.

        How much is in use at one time depends on how threads take turns: the core reads and parses a connection on one
        thread while another handles its streams, so up to all streams of a repetition, at 15 KB and more, wait to be
        handled. malloc keeps that memory. A repetition that needs no more than an earlier one costs nothing; a leak costs
        each time.
        """
        grown: list[int] = []
        while not grown or grown[-1] > 8 << 20:
            assert len(grown) < 12, f"every repetition costs memory: {grown}"
            before = self.epp.resident_bytes()
            repeat()
            self.works()
            grown.append(self.epp.resident_bytes() - before)


@pytest.fixture(scope="module")
def start_pool() -> Iterator[Callable[..., Pool]]:
    """Starts a picker over so many engines, and stops both at the end of the file."""
    pools: list[Pool] = []

    def start(*arguments: str, engines: int | list[Engine] = 2, **options: object) -> Pool:
        members = [Engine(f"engine-{i}") for i in range(engines)] if isinstance(engines, int) else engines
        epp = EPP(*arguments, endpoints=[engine.address for engine in members], **options)  # type: ignore[arg-type]
        pools.append(Pool(epp, members))
        for engine in members:
            engine.wait_scrapes(3)
        return pools[-1]

    yield start
    for pool in pools:
        pool.epp.stop()
        for engine in pool.engines:
            engine.stop()


@pytest.fixture(scope="module")
def pool(start_pool: Callable[..., Pool]) -> Pool:
    """A picker with the default configuration over two engines, shared by the tests of a file."""
    return start_pool()

"""The part of scripts/checks/cache-flow that runs once everything is installed and built."""

import argparse
import contextlib
import json
import os
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Iterator
from urllib.parse import urlsplit

from kit import http
from kit.affinity import AffinityGateway
from kit.epp import sum_of
from kit.paths import ROOT
from kit.sidecar import Sidecar
from kit.waiting import eventually
from engines import MODEL, VLLM, free_ports, made_model

# What is promised: the share of prompt tokens from caches, and the time of a cached prompt against that of a cold one.
LEAST_CACHED = 0.8
MOST_TIME = 0.25
# A prompt is long, and cached, from here on.
LONG = 3000
CACHED = 0.9
# Clients of a gateway on this machine.
LOOPBACK = [f"127.2.0.{number}" for number in range(1, 65)]
WORDS = (ROOT / "scripts/generate/corpus.txt").read_text().split()


def connect(url: str, source: str | None = None) -> HTTPConnection:
    """A connection to a server, by TLS where its URL says so; from an address of this machine, or any."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        sys.exit(f"cache-flow: error: {url} is no URL: write http://HOST:PORT or https://HOST")
    own = (source, 0) if source else None
    if parts.scheme == "https":
        return HTTPSConnection(parts.hostname, parts.port, timeout=120, source_address=own)
    return HTTPConnection(parts.hostname, parts.port, timeout=120, source_address=own)


@dataclass
class Target:
    """A gateway, the engines behind it, the model that they serve, and addresses of this machine from which sessions are sent."""

    gateway: str
    engines: list[str]
    model: str
    sources: list[str] = field(default_factory=list)

    def post(self, path: str, body: dict, headers: dict[str, str], source: str | None) -> HTTPConnection:
        """Sends a request, and returns the connection on which its answer comes."""
        connection = connect(self.gateway, source)
        connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"} | headers)
        return connection

    def counts(self) -> list[float]:
        """The requests that each engine has ended, by its own counter."""
        return [sum_of(self._page(engine), "vllm:request_success_total") for engine in self.engines]

    def cache(self) -> tuple[float, float]:
        """Prompt tokens that engines have looked up in their caches and found there, by their own counters."""
        pages = [self._page(engine) for engine in self.engines]
        return (
            sum(sum_of(page, "vllm:prefix_cache_queries_total") for page in pages),
            sum(sum_of(page, "vllm:prefix_cache_hits_total") for page in pages),
        )

    @staticmethod
    def _page(engine: str) -> str:
        connection = connect(engine)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200, f"{engine}/metrics: {answer.status}"
        try:
            return answer.read().decode()
        finally:
            connection.close()


@dataclass
class Session:
    """One conversation: its id, and the address that it comes from where there are several."""

    name: str
    source: str | None
    messages: list[dict]
    engines: set[int] = field(default_factory=set)


@dataclass
class Turn:
    """What was seen of a turn."""

    prompt_tokens: int
    cached_tokens: int
    first_token: float


def text(chosen: random.Random, words: int) -> str:
    return " ".join(chosen.sample(WORDS, words))


def ask(target: Target, session: Session) -> Turn:
    """Sends the conversation as it stands, and appends the answer."""
    body = {
        "model": target.model, "messages": session.messages, "max_tokens": 16, "temperature": 0, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    # Where sessions have addresses of their own, those alone say which is which.
    headers = {} if session.source else {"X-Session-Id": session.name}
    before = target.counts()
    start = time.monotonic()
    connection = target.post("/v1/chat/completions", body, headers, session.source)
    events = connection.getresponse()
    assert events.status == 200, events.read()[:300]
    first, answer, usage = 0.0, "", {}
    while line := events.readline():
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        content = "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
        if content and not first:
            first = time.monotonic() - start
        answer += content
        usage = chunk.get("usage") or usage
    connection.close()
    session.messages.append({"role": "assistant", "content": answer})
    # An engine counts a request shortly after its answer.
    served: list[int] = []

    def counted() -> bool:
        served[:] = [index for index, (old, new) in enumerate(zip(before, target.counts())) if new > old]
        return bool(served)

    eventually(counted, "an engine counts the request", 10)
    session.engines |= set(served)
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return Turn(usage["prompt_tokens"], cached, first)


def tokens_of_a_word(target: Target, chosen: random.Random) -> float:
    body = {"model": target.model, "prompt": text(chosen, 300), "max_tokens": 1}
    connection = target.post("/v1/completions", body, {}, None)
    answer = connection.getresponse()
    text_of_answer = answer.read().decode()
    connection.close()
    assert answer.status == 200, f"{target.gateway}: {answer.status} {text_of_answer[:300]}"
    return json.loads(text_of_answer)["usage"]["prompt_tokens"] / 300


def play(target: Target, sessions: int, turns: int) -> bool:
    """Plays the conversations, and says whether everything is as promised."""
    chosen = random.Random(7)
    # The first turn is a long prompt already, and the last one still fits 4,096 tokens.
    first = int((LONG + 150) / tokens_of_a_word(target, chosen))
    open_sessions = [
        Session(
            f"session-{number}", target.sources[number % len(target.sources)] if target.sources else None,
            [{"role": "user", "content": text(chosen, first)}],
        )
        for number in range(sessions)
    ]  # fmt: skip
    looked_up, found = target.cache()
    seen: list[Turn] = []
    for turn in range(turns):
        for session in open_sessions:
            if turn:
                session.messages.append({"role": "user", "content": text(chosen, 6)})
            seen.append(ask(target, session))
        print(f"cache-flow: turn {turn + 1} of {turns}", flush=True)
    after_looked_up, after_found = target.cache()
    share = (after_found - found) / (after_looked_up - looked_up)
    cold = [turn.first_token for turn in seen if turn.prompt_tokens >= LONG and turn.cached_tokens < 0.1 * turn.prompt_tokens]
    warm = [turn.first_token for turn in seen if turn.prompt_tokens >= LONG and turn.cached_tokens >= CACHED * turn.prompt_tokens]
    good = report(share >= LEAST_CACHED, f"{100 * share:.1f} % of the prompt tokens came from caches, by the engines' counters")
    if cold and warm:
        ratio = statistics.median(warm) / statistics.median(cold)
        good &= report(
            ratio <= MOST_TIME,
            f"a first token of {len(warm)} cached prompts takes {1000 * statistics.median(warm):.0f} ms, of {len(cold)} cold ones "
            f"{1000 * statistics.median(cold):.0f} ms (median): {ratio:.2f}",
        )
    else:
        good = report(False, f"prompts have to be of {LONG} tokens and more: {[turn.prompt_tokens for turn in seen][:5]}")
    kept = sum(len(session.engines) == 1 for session in open_sessions)
    good &= report(kept == sessions, f"{kept} of {sessions} sessions stayed at one engine")
    used = set().union(*(session.engines for session in open_sessions))
    # A gateway that hashes addresses sends everything from one address to one engine: that sessions stay says nothing then.
    is_spread = len(used) > 1 or len(target.engines) == 1
    hint = "" if is_spread else ": give --source with several addresses of this machine"
    return good & report(is_spread, f"{len(used)} of {len(target.engines)} engines were used{hint}")


def report(good: bool, what: str) -> bool:
    print(f"cache-flow: {'ok' if good else 'FAILED'}: {what}", flush=True)
    return good


@contextlib.contextmanager
def local() -> Iterator[Target]:
    """Two engines on this machine with the arguments of the architecture, as far as a CPU has them."""
    with contextlib.ExitStack() as stack:
        ports = free_ports(6)
        model = made_model("large")
        print("cache-flow: starting 2 engines (about two minutes) ...", flush=True)
        engines = []
        for index in range(2):
            three = (ports[3 * index], ports[3 * index + 1], ports[3 * index + 2])
            engine = VLLM(
                f"vllm-{index}", model, three, index % (os.cpu_count() or 1), 1024, "--no-enable-chunked-prefill",
                "--max-num-batched-tokens", "8192",
            )  # fmt: skip
            stack.callback(engine.stop)
            engines.append(engine)
        for engine in engines:
            engine.wait_healthy()
        sidecars = [stack.enter_context(Sidecar(engine.address)) for engine in engines]
        gateway = AffinityGateway(
            ROOT / "deploy/components/affinity-gateway/envoy.yaml", [sidecar.address for sidecar in sidecars]
        )
        stack.callback(gateway.stop)
        eventually(lambda: http.request(gateway.url, "GET", "/readyz").status == 200, "the gateway serves", 30)
        warm_up(gateway.url)
        yield Target(gateway.url, [f"http://{engine.address}" for engine in engines], MODEL, LOOPBACK)


def warm_up(gateway: str) -> None:
    """The first long prompt of a new engine takes longer than others: memory is laid out."""
    chosen = random.Random(1)
    for number in range(8):
        body = {"model": MODEL, "prompt": text(chosen, 800), "max_tokens": 2}
        http.post(gateway, json.dumps(body).encode(), path="/v1/completions", headers={"x-session-id": str(number)}, timeout=120)


def main() -> int:
    parser = argparse.ArgumentParser(prog="cache-flow", description=__doc__)
    parser.add_argument("--gateway")
    parser.add_argument("--engine", action="append", default=[])
    parser.add_argument("--model", default="")
    parser.add_argument("--source", action="append", default=[])
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.gateway:
        if not arguments.engine or not arguments.model:
            parser.error("--gateway needs --model, and --engine for each engine")
        is_local = urlsplit(arguments.gateway).hostname == "127.0.0.1"
        sources = arguments.source or (LOOPBACK if is_local else [])
        target = Target(arguments.gateway, arguments.engine, arguments.model, sources)
        return 0 if play(target, arguments.sessions, arguments.turns) else 1
    with local() as target:
        return 0 if play(target, arguments.sessions, arguments.turns) else 1


sys.exit(main())

"""The part of scripts/checks/e2e-vllm that runs once everything is installed and built."""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from kit import http
from kit.envoy import Envoy
from kit.epp import EPP
from kit.paths import ROOT
from kit.sidecar import Sidecar
from kit.waiting import eventually
from engines import MODEL, VLLM, free_ports, made_model

# 6,400 tokens: two or three of the conversations, so that blocks are evicted all the time.
BLOCKS = 200
ENGINES = 2
WORDS = (ROOT / "scripts/generate/corpus.txt").read_text().split()


class Relay:
    """Passes TCP connections on to an engine's events; `cut` ends them and refuses new ones until `mend`."""

    def __init__(self, port: int):
        self.target = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.is_cut = False
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            try:
                engine = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.connections += [client, engine]
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self) -> None:
        self.is_cut = True
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections = []

    def mend(self) -> None:
        self.is_cut = False


class Gateway:
    """Picker and Envoy in front of the engines' sidecars; knows what was predicted for each request."""

    def __init__(self, endpoints: Path, *arguments: str):
        self.epp = EPP(
            "--endpoints-file", str(endpoints), "-v", "3", "--log-format", "json", "--token-deadline", "2s", *arguments
        )
        try:
            self.envoy = Envoy("full-duplex.yaml", self.epp.extproc_port)
        except BaseException:
            self.epp.stop()
            raise
        self.read = 0

    def stop(self) -> None:
        self.envoy.stop()
        self.epp.stop()

    def streams(self) -> list[dict]:
        return self.epp.document("/debug/kv-events")["streams"]

    def prediction(self) -> int:
        """Of the next request: they are sent one after the other. (Envoy gives them ids of its own.)"""
        found: list[int] = []

        def find() -> bool:
            lines = self.epp.lines
            while not found and self.read < len(lines):
                line = lines[self.read]
                self.read += 1
                if '"predicted_cached_tokens"' in line:
                    found.append(int(json.loads(line)["predicted_cached_tokens"]))
            return bool(found)

        eventually(find, "the decision about a request is logged")
        return found[0]

    def wait_followed(self, timeout: float = 30) -> None:
        eventually(
            lambda: [s["isFollowed"] and s["state"] in ("live", "waiting") for s in self.streams()] == [True] * ENGINES,
            f"all engines' KV events are followed: {self.streams()}", timeout,
        )  # fmt: skip


class Clients:
    """Sends chats through the gateway and holds predictions against reports."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.count = 0
        self.wrong: list[str] = []
        self.cached = 0
        self.prompt = 0
        self.failed: list[str] = []

    def text(self, words: int) -> str:
        start = self.random.randrange(len(WORDS) - words)
        return " ".join(self.random.sample(WORDS[start : start + words], words))

    def ask(self, gateway: Gateway, messages: list[dict], output: int = 12) -> str | None:
        self.count += 1
        name = f"request {self.count}"
        body = json.dumps({"model": MODEL, "messages": messages, "max_tokens": output, "temperature": 0}).encode()
        answer = http.post(gateway.envoy.url, body, timeout=120)
        predicted = gateway.prediction()
        if answer.status != 200:
            self.failed.append(f"{name}: {answer.status} {answer.body[:200]!r}")
            return None
        said = answer.json()
        reported = (said["usage"].get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        self.cached += reported
        self.prompt += said["usage"]["prompt_tokens"]
        if predicted != reported:
            self.wrong.append(f"{name}: {predicted} predicted, {reported} reported of {said['usage']['prompt_tokens']}")
        return said["choices"][0]["message"]["content"]

    def forget(self) -> None:
        """What follows counts; what was before was to warm up."""
        self.count, self.cached, self.prompt, self.wrong, self.failed = 0, 0, 0, [], []

    def conversations(self, gateway: Gateway, requests: int) -> None:
        """Conversations of five turns over three shared system prompts, one request after the other."""
        shared = [self.text(150) for _ in range(3)]
        open_ones: list[list[dict]] = []
        while self.count < requests:
            if len(open_ones) < 6:
                open_ones.append([{"role": "system", "content": self.random.choice(shared)}])
            messages = self.random.choice(open_ones)
            messages.append({"role": "user", "content": self.text(self.random.randrange(10, 60))})
            answer = self.ask(gateway, messages)
            messages.append({"role": "assistant", "content": answer or ""})
            if len(messages) > 10:
                open_ones.remove(messages)

    def report(self, what: str, least: float) -> bool:
        """Whether all requests were answered, and so large a share of the answers was predicted."""
        answered = self.count - len(self.failed)
        right = 1 - len(self.wrong) / max(1, answered)
        good = right >= least and answered > 0 and not self.failed
        print(
            f"e2e-vllm: {'ok' if good else 'FAILED'}: {what}: {self.count} requests, {100 * right:.1f} % predicted exactly, "
            f"{100 * self.cached / max(1, self.prompt):.0f} % of {self.prompt} prompt tokens cached, {len(self.failed)} failed",
            flush=True,
        )
        for line in self.wrong[:10] + self.failed[:10]:
            print(f"  {line}", flush=True)
        return good


def write_endpoints(path: Path, engines: list[VLLM], sidecars: list[Sidecar], relays: list[Relay]) -> None:
    entries = [
        {
            "name": engine.label, "address": "127.0.0.1", "port": str(sidecar.port),
            "kvEvents": f"tcp://127.0.0.1:{relay.port}", "kvReplay": f"tcp://127.0.0.1:{engine.replay_port}",
        }
        for engine, sidecar, relay in zip(engines, sidecars, relays)
    ]  # fmt: skip
    path.write_text(yaml.safe_dump({"endpoints": entries}))


def repeat(clients: Clients, gateway: Gateway, prompts: list[list[dict]], what: str) -> bool:
    """The same prompts twice: the second time they are cached, unless they were evicted."""
    clients.forget()
    for _ in range(2):
        for prompt in prompts:
            clients.ask(gateway, prompt, output=2)
    return clients.report(what, 0.99)


def passed(clients: Clients, sidecars: list[Sidecar]) -> bool:
    """Whether the sidecars have passed all requests, and a stream comes in more than one piece."""
    answered = sum(sidecar.metric("routing_sidecar_responses_total", code="200") for sidecar in sidecars)
    body = json.dumps({"model": MODEL, "prompt": clients.text(40), "max_tokens": 8, "stream": True}).encode()
    streamed = http.post(sidecars[0].url, body, path="/v1/completions", timeout=120)
    events = streamed.body.count(b"data: ")
    good = answered >= clients.count and streamed.status == 200 and events > 2 and streamed.body.endswith(b"data: [DONE]\n\n")
    print(f"e2e-vllm: {'ok' if good else 'FAILED'}: the sidecars have passed {answered:.0f} answers; {events} events of a stream")
    return good


def run(requests: int, keep: bool) -> bool:
    model = made_model("small")
    ports = free_ports(3 * ENGINES)
    print(f"e2e-vllm: starting {ENGINES} engines (about two minutes) ...", flush=True)
    started = time.monotonic()
    engines = [
        VLLM(f"vllm-{index}", model, (ports[3 * index], ports[3 * index + 1], ports[3 * index + 2]), index % (os.cpu_count() or 1), BLOCKS)
        for index in range(ENGINES)
    ]
    gateway: Gateway | None = None
    # They are there before the engines are, as in a pod.
    sidecars = [Sidecar(engine.address) for engine in engines]
    try:
        for sidecar in sidecars:
            assert http.request(sidecar.url, "GET", "/livez").status == 200
            assert http.request(sidecar.url, "GET", "/readyz").status == 503
        for engine in engines:
            engine.wait_healthy()
        print(f"e2e-vllm: the engines serve after {time.monotonic() - started:.0f} s", flush=True)
        relays = [Relay(engine.events_port) for engine in engines]
        with tempfile.TemporaryDirectory(prefix="warmpath-e2e-") as folder:
            endpoints = Path(folder) / "endpoints.yaml"
            write_endpoints(endpoints, engines, sidecars, relays)
            assert {http.request(sidecar.url, "GET", "/readyz").status for sidecar in sidecars} == {200}
            gateway = Gateway(endpoints)
            gateway.wait_followed()
            clients = Clients(1)
            good = True

            clients.conversations(gateway, 20)
            clients.forget()
            clients.conversations(gateway, requests)
            good &= clients.report("conversations, evictions included", 0.99)
            good &= passed(clients, sidecars)

            def prompts(count: int) -> list[list[dict]]:
                return [[{"role": "user", "content": clients.text(120)}] for _ in range(count)]

            # Events that are published while the connection is down are lost.
            again = prompts(4)
            good &= repeat(clients, gateway, again, "before the events were lost")
            for relay in relays:
                relay.cut()
            with ThreadPoolExecutor(4) as pool:
                for engine in engines:
                    list(pool.map(
                        lambda text, engine=engine: http.post(
                            f"http://{engine.address}",
                            json.dumps({"model": MODEL, "prompt": text, "max_tokens": 2}).encode(), path="/v1/completions",
                            timeout=120,
                        ), [clients.text(100) for _ in range(12)],
                    ))  # fmt: skip
            for relay in relays:
                relay.mend()
            time.sleep(5)
            good &= repeat(clients, gateway, again, "5 s after events were lost")

            engines[0].kill()
            eventually(
                lambda: gateway.epp.metric("epp_endpoint_refusing") == 1, "the picker notices that an engine is away", 1
            )
            good &= repeat(clients, gateway, prompts(8), "while an engine is away")
            engines[0] = engines[0].again()
            engines[0].wait_healthy()
            time.sleep(5)
            good &= repeat(clients, gateway, again, "5 s after an engine was killed and started anew")

            gateway.epp.kill()
            gateway.envoy.stop()
            gateway = Gateway(endpoints)
            gateway.wait_followed(5)
            good &= repeat(clients, gateway, again, "at most 5 s after the picker was killed and started anew")
            errors = gateway.epp.metric("epp_prefix_prediction_error_tokens_sum")
            print(f"e2e-vllm: epp_prefix_prediction_error_tokens_sum of the last picker is {errors:.0f}", flush=True)
            if keep:
                print(f"e2e-vllm: gateway {gateway.envoy.url}, metrics http://127.0.0.1:{gateway.epp.metrics_port}; Ctrl-C ends it")
                signal.pause()
        return good
    finally:
        if gateway:
            gateway.stop()
        for process in sidecars + engines:
            process.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="e2e-vllm", description=__doc__)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    try:
        return 0 if run(arguments.requests, arguments.keep) else 1
    except KeyboardInterrupt:
        return 130


sys.exit(main())

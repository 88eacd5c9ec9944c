"""The cache-aware-service flow: clients, a gateway that hashes their addresses, sidecars, engines, and no picker."""

import asyncio
import ssl
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from kit import http
from kit.affinity import AffinityGateway, TLSProxy
from kit.certificates import Authority
from kit.kubernetes.cluster import has_pod_addresses
from kit.manifests import DEPLOY, container, find, rendered
from kit.paths import ENVOY
from kit.process import Process
from kit.sidecar import Sidecar
from kit.simulator import Simulator
from kit.waiting import eventually

GATEWAY = DEPLOY / "components" / "affinity-gateway" / "envoy.yaml"
ROUTED = DEPLOY / "overlays" / "openshift" / "envoy.yaml"
CLIENTS = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(2000)]


class Engines:
    """Engines behind sidecars, by the addresses of the sidecars."""

    def __init__(self, count: int):
        self.engines = [Simulator() for _ in range(count)]
        self.sidecars = [Sidecar(engine.address) for engine in self.engines]

    @property
    def addresses(self) -> list[str]:
        return [sidecar.address for sidecar in self.sidecars]

    def stop(self) -> None:
        for process in [*self.sidecars, *self.engines]:
            process.stop()


@pytest.fixture
def engines() -> Iterator[Engines]:
    made = Engines(4)
    yield made
    made.stop()


async def _ask(port: int, source: str, headers: str = "", context: ssl.SSLContext | None = None) -> tuple[int, str]:
    """One request from a loopback address: its status, and the sidecar that has served it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), ssl=context)
    writer.write(f"GET /v1/models HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n".encode())
    answer = (await reader.read()).decode()
    writer.close()
    upstream = [line[12:] for line in answer.split("\r\n") if line.startswith("x-upstream: ")]
    return int(answer.split(" ", 2)[1]), upstream[0] if upstream else ""


def _answers(port: int, clients: list[str]) -> dict[str, tuple[int, str]]:
    """The status that each client gets, and from which sidecar."""

    async def ask_all() -> dict[str, tuple[int, str]]:
        limit = asyncio.Semaphore(32)

        async def one(client: str) -> tuple[str, tuple[int, str]]:
            async with limit:
                return client, await _ask(port, client)

        return dict(await asyncio.gather(*(one(client) for client in clients)))

    return asyncio.run(ask_all())


def _placed(port: int, clients: list[str]) -> dict[str, str]:
    """Which sidecar serves each client, all of whose requests succeed."""
    answers = _answers(port, clients)
    assert {status for status, _ in answers.values()} == {200}
    return {client: upstream for client, (_, upstream) in answers.items()}


def _wait_placed(port: int, addresses: list[str]) -> None:
    """Waits until the gateway has seen which sidecars are well."""
    wanted = {(200, address) for address in addresses}
    eventually(lambda: set(_answers(port, CLIENTS[::10]).values()) == wanted, f"the gateway knows {addresses}", 30)


def test_each_client_has_one_engine_and_an_engine_that_goes_takes_its_own_along(engines: Engines) -> None:
    gateway = AffinityGateway(GATEWAY, engines.addresses)
    try:
        _wait_placed(gateway.port, engines.addresses)
        placed = _placed(gateway.port, CLIENTS)
        counts = Counter(placed.values())
        assert set(counts) == set(engines.addresses)
        assert max(counts.values()) <= 1.25 * len(CLIENTS) / len(engines.addresses), counts
        assert _placed(gateway.port, CLIENTS) == placed
        # The engine ends; its sidecar says so to the gateway's checks.
        gone = engines.addresses[2]
        engines.engines[2].stop()
        left = [address for address in engines.addresses if address != gone]
        _wait_placed(gateway.port, left)
        after = _placed(gateway.port, CLIENTS)
        assert {client: after[client] for client in CLIENTS if placed[client] != gone} == {
            client: address for client, address in placed.items() if address != gone
        }
        moved = Counter(after[client] for client in CLIENTS if placed[client] == gone)
        assert set(moved) == set(left), "its clients are spread"
    finally:
        gateway.stop()


def test_clients_stay_distinct_behind_a_proxy_that_ends_tls(engines: Engines, tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("router", "/CN=router")
    gateway = AffinityGateway(ROUTED, engines.addresses)
    proxy = TLSProxy(gateway.port, certificate, key)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _wait_placed(gateway.port, engines.addresses)
        clients = CLIENTS[:100]

        async def place(headers: str) -> list[str]:
            return [(await _ask(proxy.port, client, headers, context))[1] for client in clients]

        placed = asyncio.run(place(""))
        assert set(placed) == set(engines.addresses)
        # What a client writes there stands left of what the router has added.
        for forged in ("10.1.2.3", "10.9.9.9, 10.8.8.8", CLIENTS[1500]):
            assert asyncio.run(place(f"X-Forwarded-For: {forged}\r\n")) == placed
        # Without the router in between the header counts for nothing.
        direct = AffinityGateway(GATEWAY, engines.addresses)
        try:
            _wait_placed(direct.port, engines.addresses)
            own = [asyncio.run(_ask(direct.port, client))[1] for client in clients[:20]]
            assert [asyncio.run(_ask(direct.port, client, "X-Forwarded-For: 10.1.2.3\r\n"))[1] for client in clients[:20]] == own
        finally:
            direct.stop()
    finally:
        proxy.stop()
        gateway.stop()


@pytest.mark.skipif(not has_pod_addresses(), reason="no ports of a pod are here: run the tests with scripts/pod-network")
@pytest.mark.parametrize("overlay", ["cache-aware-service", "openshift"])
def test_a_gateway_that_is_replaced_cuts_no_answer(overlay: str, tmp_path: Path) -> None:
    """The container as it is rendered, ended as a kubelet does: its hook, then SIGTERM."""
    values = rendered(DEPLOY / "overlays" / overlay)
    one = container(find(values, "Deployment", "affinity-gateway"), "envoy")
    file = tmp_path / "envoy.yaml"
    with Simulator("--inter-token-latency", "50ms") as engine, Sidecar(engine.address) as sidecar:
        config = yaml.safe_load(find(values, "ConfigMap", "affinity-gateway")["data"]["envoy.yaml"])
        (endpoints,) = config["static_resources"]["clusters"][0]["load_assignment"]["endpoints"]
        address = {"address": "127.0.0.1", "port_value": sidecar.port}
        endpoints["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] = address
        file.write_text(yaml.safe_dump(config))
        envoy = Process([ENVOY, *(part.replace("/etc/envoy/envoy.yaml", str(file)) for part in one["args"])], name="envoy")
        url = "http://127.0.0.1:10000"
        try:
            eventually(lambda: http.request(url, "GET", "/readyz").status == 200, f"the gateway serves: {envoy.output()}", 30)
            stream = http.EventStream(url, http.chat("a long answer", model="engine-sim", max_tokens=120, stream=True))
            stream.event()
            command = [part.replace("sleep 15", "sleep 1") for part in one["lifecycle"]["preStop"]["exec"]["command"]]
            hook = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            # Requests that still come are served, on connections that end with them.
            closes = "the gateway ends connections"
            eventually(lambda: http.request(url, "GET", "/v1/models").headers.get("connection") == "close", closes, 20)
            assert hook.poll() is None
            while stream.event() != "[DONE]":
                pass
            assert hook.wait(10) == 0
            envoy.stop()
        finally:
            envoy.kill()


class SlowEngine:
    """Is well, and answers a POST only once it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                engine.release.wait(120)
                self._answer()

            def log_message(self, *_: object) -> None:
                pass

            def _answer(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


def test_an_answer_may_begin_after_a_minute(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("router", "/CN=router")
    engine = SlowEngine()
    with Sidecar(engine.address) as sidecar:
        gateway = AffinityGateway(ROUTED, [sidecar.address])
        proxy = TLSProxy(gateway.port, certificate, key)
        release = threading.Timer(61, engine.release.set)
        try:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            eventually(lambda: http.request(gateway.url, "GET", "/readyz").status == 200, "the gateway serves", 30)
            release.start()
            status, upstream = asyncio.run(_ask_slowly(proxy.port, context))
            assert (status, upstream) == (200, sidecar.address)
        finally:
            release.cancel()
            proxy.stop()
            gateway.stop()
            engine.stop()


async def _ask_slowly(port: int, context: ssl.SSLContext) -> tuple[int, str]:
    body = http.chat("a slow one")
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    start = asyncio.get_running_loop().time()
    answer = (await asyncio.wait_for(reader.read(), 90)).decode()
    assert asyncio.get_running_loop().time() - start > 60
    writer.close()
    (upstream,) = [line[12:] for line in answer.split("\r\n") if line.startswith("x-upstream: ")]
    return int(answer.split(" ", 2)[1]), upstream

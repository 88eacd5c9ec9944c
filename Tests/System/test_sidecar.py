"""The routing sidecar before an engine: what passes, what is refused, how it starts and ends."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

from pathlib import Path
from typing import Iterator

import pytest

from kit import http
from kit.certificates import Authority
from kit.engine import Engine
from kit.ports import consecutive_ports, free_port
from kit.process import Process
from kit.sidecar import Sidecar, program
from kit.simulator import Simulator
from kit.waiting import eventually


def _chat(prompt: str = "hello", **fields: object) -> bytes:
    """A chat with the model of the simulated engine."""
    return http.chat(prompt, **{"model": "engine-sim", "max_tokens": 2, **fields})


@pytest.fixture
def engine() -> Iterator[Simulator]:
    process = Simulator()
    yield process
    process.stop()


@pytest.fixture
def start() -> Iterator[object]:
    started: list[Sidecar] = []

    def start(*arguments: str, **options: object) -> Sidecar:
        started.append(Sidecar(*arguments, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for process in started:
        process.stop()


def test_requests_pass_in_both_directions(engine: Simulator, start) -> None:
    sidecar = start(engine.address)
    answer = http.post(sidecar.url, _chat(max_tokens=4))
    assert answer.status == 200 and answer.json()["usage"]["completion_tokens"] == 4
    assert http.request(sidecar.url, "GET", "/v1/models").status == 200
    assert http.request(sidecar.url, "GET", "/nowhere").status == 404
    # The engine's own page, which pickers scrape through the sidecar.
    assert b"vllm:num_requests_running" in http.request(sidecar.url, "GET", "/metrics").body
    seen = http.request(engine.url, "GET", "/sim/requests").json()["requests"][0]
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert headers["x-forwarded-for"] == "127.0.0.1" and headers["x-forwarded-host"] == sidecar.address
    assert sidecar.metric("llm_d_disagg_sidecar_requests_total", api_type="chat_completions") == 1
    assert sidecar.metric("routing_sidecar_responses_total", code="200") == 3
    assert sidecar.metric("routing_sidecar_requests_in_flight") == 0


def test_events_arrive_as_the_engine_sends_them(start) -> None:
    with Engine("gated", gated=True) as engine:
        sidecar = start(engine.address)
        stream = http.EventStream(sidecar.url, http.chat("hello", stream=True, max_tokens=3))
        for _ in range(3):
            engine.release()
            assert stream.event()
        stream.close()


def test_a_large_body_passes_in_any_pieces(start) -> None:
    with Engine("echo") as engine:
        sidecar = start(engine.address)
        body = http.chat("x" * (2 << 20))
        assert http.post(sidecar.url, body).status == 200
        assert engine.received[-1].body == body
        pieces = http.chat("é" * 200)
        assert http.post(sidecar.url, (pieces[i : i + 1] for i in range(len(pieces)))).status == 200
        assert engine.received[-1].body == pieces
        assert http.post(start(engine.address, "--max-request-bytes", "1MiB").url, body).status == 413


def test_probes_follow_the_process_or_the_engine(engine: Simulator, start) -> None:
    sidecar = start(engine.address)
    for path in ("/livez", "/startupz", "/readyz", "/health"):
        assert http.request(sidecar.url, "GET", path).status == 200, path
    engine.stop()
    for path, status in {"/livez": 200, "/startupz": 200, "/readyz": 503, "/health": 503}.items():
        assert http.request(sidecar.url, "GET", path).status == status, path
    error = http.post(sidecar.url, _chat())
    assert error.status == 503 and error.json()["error"]["code"] == 503
    # A native sidecar is there before its model server is.
    again = engine.again()
    try:
        assert http.request(sidecar.url, "GET", "/readyz").status == 200
    finally:
        again.stop()


def test_http2_without_tls(engine: Simulator, start) -> None:
    curl = shutil.which("curl")
    if not curl:
        pytest.skip("curl is not here")
    sidecar = start(engine.address)
    command = [curl, "-sS", "--http2-prior-knowledge", "-w", "\n%{http_version} %{http_code}", f"{sidecar.url}/v1/chat/completions"]
    command += ["-H", "content-type: application/json", "-d", _chat().decode()]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split("\n")
    assert answer[-1] == "2 200" and json.loads(answer[0])["usage"]["completion_tokens"] == 2


def test_tls_with_a_certificate_that_changes(engine: Simulator, start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.mount(tmp_path / "mount", "/CN=first")
    sidecar = start(engine.address, "--cert-path", str(tmp_path / "mount"), secure=True)

    def subject(protocol: str) -> str:
        context = ssl.create_default_context(cafile=str(authority.certificate))
        context.set_alpn_protocols([protocol])
        with socket.create_connection(("127.0.0.1", sidecar.port), 5) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                assert secure.selected_alpn_protocol() == protocol
                return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]  # type: ignore[index,union-attr]

    assert subject("http/1.1") == "first" and subject("h2") == "first"
    authority.mount(tmp_path / "mount", "/CN=second")
    eventually(lambda: subject("h2") == "second", "the new certificate is shown", 10)


def test_engines_behind_tls(engine: Simulator, start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.mount(tmp_path / "mount", "/CN=engine")
    inner = start(engine.address, "--cert-path", str(tmp_path / "mount"), secure=True)
    checked = start(inner.address, "--enable-tls", "decoder", "--engine-ca-file", str(authority.certificate))
    assert http.post(checked.url, _chat()).status == 200
    # A stranger's certificate is none, unless nobody looks at it.
    refused = http.post(start(inner.address, "--enable-tls=decoder").url, _chat())
    assert refused.status == 502 and b"certificate is not trusted" in refused.body
    lax = start(inner.address, "--enable-tls=decoder", "--tls-insecure-skip-verify=decoder")
    assert http.post(lax.url, _chat()).status == 200


def test_what_runs_ends_before_the_process(start) -> None:
    with Engine("gated", gated=True) as engine:
        sidecar = start(engine.address)
        stream = http.EventStream(sidecar.url, http.chat("hello", stream=True, max_tokens=1))
        sidecar.signal(signal.SIGTERM)
        sidecar.wait_for("draining")
        with pytest.raises(OSError):
            http.request(sidecar.url, "GET", "/livez", timeout=2)
        engine.release(2)
        while True:
            try:
                stream.event()
            except EOFError:
                break
        assert sidecar.wait(10) == 0


def test_data_parallel_ranks_have_their_own_ports(start) -> None:
    base = consecutive_ports(2)
    with Engine("rank-0", port=base) as first, Engine("rank-1", port=base + 1) as second:
        port = consecutive_ports(2)
        sidecar = start(first.address, "--data-parallel-size", "2", port=port, env=os.environ | {"POD_IP": "127.0.0.1"})
        assert http.post(f"http://127.0.0.1:{port + 1}", http.chat("a")).status == 200
        assert len(second.received) == 1
        named = http.post(sidecar.url, http.chat("b"), headers={"x-data-parallel-host-port": f"127.0.0.1:{port + 1}"})
        assert named.status == 200 and len(second.received) == 2 and not first.received
        assert not second.received[-1].header("x-data-parallel-host-port")
        unknown = http.post(sidecar.url, http.chat("b"), headers={"x-data-parallel-host-port": "127.0.0.1:1"})
        assert unknown.status == 400 and unknown.json()["error"]["type"] == "invalid_request_error"


# MARK: Flags


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port=8000", "--vllm-port=8200", "--kv-connector=nixlv2", "--zap-log-level=1", "--secure-proxy=false"],
        ["--port=8000", "--vllm-port=8200", "--kv-connector=sglang", "--zap-log-level=1", "--secure-proxy=false"],
        ["-port=8000", "-vllm-port=8200", "-connector=nixlv2", "-secure-proxy=false"],
        ["--configuration={port: 8000, model-server-port: 8200, secure-serving: false, kv-connector: mooncake}"],
    ],
)
def test_arguments_of_todays_guides_start_it(arguments: list[str]) -> None:
    process = Process([program(), *arguments])
    try:
        process.wait_for(r"serving HTTP on 0.0.0.0:8000 for 127.0.0.1:8200")
        assert http.request("http://127.0.0.1:8000", "GET", "/livez").status == 200
        assert process.stop() == 0
    finally:
        process.stop()


@pytest.mark.parametrize(
    "arguments,status,message",
    [
        (["--kv-connector=lmcache"], 64, "use 'shared-storage'"),
        (["--kv-connector=nixl"], 64, "use 'nixlv2'"),
        (["--kv-connector=nixlv3"], 64, "did you mean 'nixlv2'"),
        (["--port=70000"], 64, "not a port"),
        (["--enable-ssrf-protection"], 64, "needs --inference-pool"),
        (["--allow-cidr=10.0.0.0/33"], 64, "not a network"),
        (["--prefill-failure=local", "--kv-connector=sglang"], 64, "computes no prompts"),
        (["--nonsense"], 64, "see 'routing-sidecar --help'"),
        (["--configuration-file=/nowhere.yaml"], 64, "/nowhere.yaml"),
        (["--configuration=[1]"], 78, "no mapping"),
        (["--bind-address=nowhere.invalid"], 1, "--bind-address nowhere.invalid"),
        (["--cert-path=/nowhere"], 1, "--cert-path: /nowhere/tls.crt"),
    ],
)
def test_wrong_flags_say_what_to_do(arguments: list[str], status: int, message: str) -> None:
    ended = subprocess.run([program(), "--port=0", *arguments], capture_output=True, text=True, timeout=20)
    assert ended.returncode == status and message in ended.stderr, ended.stderr
    assert all(line.startswith("routing-sidecar: ") for line in ended.stderr.splitlines() if "warning" not in line)


def test_a_port_that_is_taken_is_an_error(engine: Simulator, start) -> None:
    first = start(engine.address)
    ports = [f"--port={first.port}", f"--metrics-port={free_port()}"], [f"--port={free_port()}", f"--metrics-port={first.metrics_port}"]
    for flags in ports:
        command = [program(), "--bind-address=127.0.0.1", "--secure-serving=false", *flags]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert ended.returncode == 1 and "choose another port" in ended.stderr
        # A sidecar takes no request before its metrics page is there.
        assert "serving HTTP on" not in ended.stderr


# MARK: Bad input


def _raw(port: int, data: bytes, timeout: float = 10.0) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(data)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
                if b"\r\n\r\n" in received and b"connection: close" not in received.lower():
                    break
        except (TimeoutError, ConnectionError):
            pass
        return received


@pytest.mark.parametrize(
    "request_bytes",
    [
        # Both lengths: the two sides would see the end of the body at different places.
        b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(20_000)) + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 2000,
        bytes(range(256)) * 8,
    ],
)
def test_what_is_no_request_reaches_no_engine(start, request_bytes: bytes) -> None:
    with Engine("engine") as engine:
        sidecar = start(engine.address)
        answer = _raw(sidecar.port, request_bytes)
        assert not answer or not answer.startswith(b"HTTP/1.1 2"), answer[:200]
        assert not engine.received
        assert http.post(sidecar.url, http.chat("still here")).status == 200
        assert sidecar.running()


def test_an_engine_that_sends_garbage_is_an_error(engine: Simulator, start) -> None:
    sidecar = start(engine.address)
    for mode, status in {"garbage": 502, "errors": 500, "refuse": 503}.items():
        faults = {"mode": mode, "seconds": 1} if mode == "refuse" else {"mode": mode}
        assert http.post(engine.url, json.dumps(faults).encode(), path="/sim/faults").status == 200
        answer = http.post(sidecar.url, _chat())
        assert answer.status == status and "error" in answer.json(), (mode, answer)
        if mode != "refuse":
            assert http.post(engine.url, b'{"mode": "none"}', path="/sim/faults").status == 200
    eventually(lambda: http.post(sidecar.url, _chat()).status == 200, "the engine is back", 10)


def test_thousands_of_requests_and_open_streams_take_no_memory(start) -> None:
    with Engine("gated", gated=True) as engine:
        sidecar = start(engine.address)
        streams = [http.EventStream(sidecar.url, http.chat("hello", stream=True, max_tokens=2)) for _ in range(100)]
        eventually(lambda: sidecar.metric("routing_sidecar_requests_in_flight") == 100, "all streams are open")
        for stream in streams:
            stream.close()
        eventually(lambda: sidecar.metric("routing_sidecar_requests_in_flight") == 0, "all streams are closed")
        assert sidecar.metric("routing_sidecar_client_connections") == 0


def test_a_websocket_passes(start) -> None:
    """An engine that leaves HTTP and echoes bytes."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)
    sidecar = start(f"127.0.0.1:{server.getsockname()[1]}")
    with socket.create_connection(("127.0.0.1", sidecar.port), 10) as client:
        client.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
        engine, _ = server.accept()
        engine.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            head += engine.recv(4096)
        assert b"upgrade: websocket" in head.lower()
        engine.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst")
        received = b""
        while not received.endswith(b"first"):
            received += client.recv(4096)
        assert received.startswith(b"HTTP/1.1 101 ")
        client.sendall(b"\x81\x04ping")
        assert engine.recv(100) == b"\x81\x04ping"
        engine.sendall(b"\x81\x04pong")
        assert client.recv(100) == b"\x81\x04pong"
        engine.close()
        assert client.recv(100) == b""
    server.close()

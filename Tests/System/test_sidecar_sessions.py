"""Sessions through sidecars: the token that names a pod, and the gateway's hash where there is no picker."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from kit import http
from kit.affinity import AffinityGateway
from kit.paths import ROOT
from kit.ports import free_port
from kit.sidecar import Sidecar, program
from kit.simulator import Simulator
from kit.waiting import eventually

KEY = "k" * 40


@pytest.fixture
def engines() -> Iterator[list[Simulator]]:
    made = [Simulator() for _ in range(3)]
    yield made
    for engine in made:
        engine.stop()


def _body(prompt: str = "hello") -> bytes:
    return http.chat(prompt, model="engine-sim", max_tokens=1)


def _counts(engines: list[Simulator]) -> list[int]:
    return [http.request(engine.url, "GET", "/sim/requests").json()["total"] for engine in engines]


# MARK: The token


def test_the_picker_understands_the_token_of_a_sidecar(engines: list[Simulator], start_epp, start_envoy, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEY)
    sidecars = []
    try:
        for engine in engines:
            port = free_port()
            session = ["--session-key-file", str(tmp_path / "keys"), "--session-address", f"127.0.0.1:{port}"]
            sidecars.append(Sidecar(engine.address, *session, port=port))
        (tmp_path / "epp.yaml").write_text(
            json.dumps({
                "apiVersion": "llm-d.ai/v1", "kind": "EndpointPickerConfig",
                "plugins": [
                    {"type": "session-affinity-filter", "parameters": {"strategy": "signed_token", "keyFile": str(tmp_path / "keys")}},
                    {"type": "random-picker"},
                ],
                "schedulingProfiles": [
                    {"name": "default", "plugins": [{"pluginRef": "session-affinity-filter"}, {"pluginRef": "random-picker"}]}
                ],
            })
        )  # fmt: skip
        epp = start_epp("--config-file", str(tmp_path / "epp.yaml"), endpoints=[sidecar.address for sidecar in sidecars])
        eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == 3, "all endpoints are ready")
        envoy = start_envoy(epp.extproc_port)
        for number, sidecar in enumerate(sidecars):
            # A client of the pod itself, without any picker.
            token = http.post(sidecar.url, _body()).headers["x-session-token"]
            before = _counts(engines)
            for _ in range(8):
                answer = http.post(envoy.url, _body(), headers={"x-session-token": token})
                assert answer.status == 200
            after = _counts(engines)
            assert [b - a for a, b in zip(before, after)] == [8 if index == number else 0 for index in range(3)]
        assert epp.metric("epp_session_tokens_ignored_total") == 0
    finally:
        for sidecar in sidecars:
            sidecar.stop()


def test_a_cookie_stands_beside_those_of_the_engine(engines: list[Simulator], tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(KEY)
    flags = ["--session-key-file", str(tmp_path / "keys"), "--session-address", "10.0.0.1:8000", "--session-cookie", "pod"]
    with Sidecar(engines[0].address, *flags) as sidecar:
        answer = http.post(sidecar.url, _body())
        assert answer.headers["set-cookie"].startswith("pod=") and "HttpOnly" in answer.headers["set-cookie"]
        assert "set-cookie" not in http.request(sidecar.url, "GET", "/nowhere").headers


@pytest.mark.parametrize(
    "flags,message",
    [
        (["--session-key-file=/nowhere"], "set the variable POD_IP"),
        (["--session-key-file=/nowhere", "--session-address=10.0.0.1:8000"], "--session-key-file /nowhere cannot be read"),
        (["--session-cookie=pod"], "need --session-key-file"),
        (["--routing-key-file=/nowhere"], "--routing-key-file /nowhere cannot be read"),
    ],
)
def test_wrong_session_flags_say_what_to_do(flags: list[str], message: str) -> None:
    ended = subprocess.run([program(), "--port=0", *flags], capture_output=True, text=True, timeout=20, env={})
    assert ended.returncode in (1, 64) and message in ended.stderr, ended.stderr


# MARK: Without a picker


@pytest.fixture
def hashing(engines: list[Simulator]) -> Iterator[tuple[str, list[Sidecar]]]:
    """Envoy with deploy/envoy/source-hash.yaml before three sidecars."""
    sidecars = [Sidecar(engine.address) for engine in engines]
    gateway = AffinityGateway(ROOT / "deploy/envoy/source-hash.yaml", [sidecar.address for sidecar in sidecars])
    try:

        def reaches_all() -> bool:
            for client in range(32):
                _from(f"127.0.3.{client + 1}", gateway.port)
            return all(_counts(engines))

        eventually(reaches_all, "Envoy knows all sidecars", 30)
        yield gateway.url, sidecars
    finally:
        gateway.stop()
        for sidecar in sidecars:
            sidecar.stop()


def _from(source: str, port: int, headers: str = "") -> int:
    """One request from a loopback address; its status."""
    body = _body()
    with socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        connection.sendall((head + headers + "Connection: close\r\n\r\n").encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return int(answer.split(b" ", 2)[1])


def test_all_requests_of_a_session_go_to_one_engine(hashing, engines: list[Simulator]) -> None:
    url, _ = hashing
    port = int(url.rsplit(":", 1)[1])
    used = set()
    for client in range(24):
        before = _counts(engines)
        for _ in range(5):
            assert _from(f"127.0.1.{client + 1}", port) == 200
        moved = [b - a for a, b in zip(before, _counts(engines))]
        assert sorted(moved) == [0, 0, 5], f"client {client}: {moved}"
        used.add(moved.index(5))
    assert len(used) == 3, "every engine has clients"
    # A session that says its name is the same from everywhere.
    before = _counts(engines)
    for client in range(10):
        assert _from(f"127.0.2.{client + 1}", port, "X-Session-Id: s-1\r\n") == 200
    assert sorted(b - a for a, b in zip(before, _counts(engines))) == [0, 0, 10]


def test_a_client_cannot_name_a_prefill_engine_through_the_gateway(hashing, engines: list[Simulator]) -> None:
    url, sidecars = hashing
    with socket.create_server(("127.0.0.1", 0)) as trap:
        target = f"127.0.0.1:{trap.getsockname()[1]}"
        assert http.post(url, _body(), headers={"x-prefiller-host-port": target}).status == 200
        trap.settimeout(0)
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert sum(sidecar.metric("llm_d_disagg_sidecar_disagg_requests_total") for sidecar in sidecars) == 0

"""Start, flags, TLS and the end of the process."""

import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit import extproc as ep
from kit import http, http2
from kit.engine import Engine
from kit.epp import EPP
from kit.gateway import Exchange
from kit.paths import product
from kit.process import Process
from kit.waiting import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
FREE_PORTS = ["--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"]
FREE_PORTS += ["--admin-address", "127.0.0.1:0"]


def _run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(product("epp")), *arguments], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-flag"],
        ["--config-file", "a.yaml", "--config-text", "x"],
        ["--grpc-port", "no-number"],
        ["--grpc-port", "70000"],
        ["--drain-timeout", "soon"],
        ["--endpoint", "no-port"],
        ["--scorer", "queue-scorrer=2"],
        ["--scorer", "queue-scorer=heavy"],
        ["--log-format", "xml"],
        ["--response-processing", "some"],
        ["--secure-serving=perhaps"],
        ["--endpoint-selector", "app=x"],
        ["--pool-name", "a", "--endpoint-selector", "app=x"],
        ["--secure-serving=false", "--grpc-client-ca-file", "/nowhere"],
        ["surplus"],
    ],
    ids=" ".join,
)
def test_flags_that_make_no_sense_exit_64(arguments: list[str]) -> None:
    result = _run("--bind-address", "127.0.0.1", *arguments)
    assert result.returncode == 64, result.stderr
    assert result.stderr.startswith(("epp: ", "Error: ")) or "epp: " in result.stderr
    flag = arguments[0].split("=")[0]
    assert flag in result.stderr or arguments[-1].split("=")[0] in result.stderr


def test_without_access_to_kubernetes_the_way_to_it_is_named(tmp_path: Path, monkeypatch) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = _run("--pool-name", "a", *FREE_PORTS)
    assert result.returncode == 1
    assert "KUBERNETES_SERVICE_HOST" in result.stderr and "outside of a cluster give --kubeconfig FILE" in result.stderr
    result = _run("--pool-name", "a", "--kubeconfig", str(tmp_path / "none"), *FREE_PORTS)
    assert result.returncode == 1 and f"kubeconfig {tmp_path}/none: it does not exist" in result.stderr


def test_the_nearest_scorer_is_named() -> None:
    assert "queue-scorer" in _run("--scorer", "queue-scorrer=2").stderr


def test_help_names_the_flags_that_differ() -> None:
    result = _run("--help")
    assert result.returncode == 0
    for flag in ("--grpc-port", "--grpc-health-port", "--metrics-port", "--endpoint", "--endpoints-file", "--scorer",
                 "--response-processing", "--grpc-max-recv-msg-size"):
        assert flag in result.stdout
    # What is taken for llm-d's sake and does nothing is no flag to choose from.
    for flag in ("--allow-experimental-plugins", "--enable-pprof"):
        assert flag not in result.stdout
        assert flag in _run("--help-hidden").stdout


@pytest.mark.parametrize(
    "text",
    ["kind: Other", "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n- type: nonsense\n", "{"],
    ids=["kind", "plugin", "yaml"],
)
def test_a_configuration_that_is_wrong_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    result = _run("--bind-address", "127.0.0.1", "--config-file", str(path))
    assert result.returncode == 78
    assert "config.yaml" in result.stderr + result.stdout


def test_go_style_flags_are_accepted(start_pool) -> None:
    pool = start_pool("--tracing=false", "--legacy-metrics=true", "-v=3", "--metrics-endpoint-auth=false", engines=1)
    pool.works()


def test_a_port_in_use_is_refused(start_pool) -> None:
    pool = start_pool(engines=1)
    for flag, port in (
        ("--grpc-port", pool.epp.extproc_port),
        ("--grpc-health-port", pool.epp.health_port),
        ("--metrics-port", pool.epp.metrics_port),
    ):
        others = [*FREE_PORTS, flag, str(port)]
        # With engines that are asked for tokens there is more to be closed.
        for events in ([], ["--kv-events-port", "5557"]):
            result = _run("--endpoint", pool.engines[0].address, *others, *events)
            assert result.returncode == 1, result.stderr
            said = [line for line in (result.stderr + result.stdout).splitlines() if " info " not in line.lower()]
            (line,) = said
            assert line.startswith(f"epp: {flag} {port}: another process listens on this port") and len(line) < 150
    pool.works()


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\x00\x80")
    for name, said in (("nothing", "it does not exist"), ("", "it is a folder"), ("bytes", "it is no UTF-8 text")):
        path = tmp_path / name
        for arguments in (["--config-file", str(path), *FREE_PORTS], ["validate", str(path)]):
            result = _run(*arguments)
            assert result.returncode == 78
            assert f"{path}: {said}" in result.stderr and len(result.stderr.splitlines()) == 1


def _picked(epp: EPP) -> str:
    return Exchange(ep.Stream(epp.channel())).request(ep.post_headers(), [http.chat("hello")]).destination


def test_a_picker_is_ready_when_its_endpoints_file_has_been_read(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.yaml"
    with Engine("engine") as engine, EPP("--endpoints-file", str(path)) as epp:
        epp.wait_for(re.escape(f"{path}: it does not exist; the picker is not ready"))
        status, text = epp.get("/readyz")
        assert status == 503 and "endpoints file" in text
        health = health_pb2_grpc.HealthStub(epp.health_channel())
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == NOT_SERVING
        assert health.Check(health_pb2.HealthCheckRequest(service="liveness"), timeout=10).status == SERVING
        host, port = engine.address.split(":")
        path.write_text(f"endpoints: [{{name: a, address: {host}, port: {port}}}]\n")
        eventually(lambda: epp.get("/readyz")[0] == 200, "the file has been read")
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == SERVING
        assert _picked(epp) == engine.address
        path.unlink()
        epp.wait_for("it does not exist; the endpoints stay as they are")
        assert epp.get("/readyz")[0] == 200
        assert _picked(epp) == engine.address


def test_the_pool_name_is_a_label_where_endpoints_are_named(start_pool) -> None:
    pool = start_pool("--pool-name", "chat", "--pool-namespace", "models", engines=1)
    assert 'llm_d_epp_average_queue_size{name="chat"}' in pool.epp.metrics()
    assert 'name="default"' not in pool.epp.metrics()


def test_a_secret_that_is_none_is_named_by_the_flag_that_led_there(tmp_path: Path) -> None:
    snapshot = tmp_path / "index"
    secret = tmp_path / "index.secret"
    secret.write_text("no secret\n")
    for flag, path in (("--index-snapshot", snapshot), ("--hash-secret-file", secret)):
        result = _run("--endpoint", "127.0.0.1:1", *FREE_PORTS, flag, str(path))
        assert result.returncode == 1, result.stderr
        assert f"{flag} {path}: " in result.stderr and str(secret) in result.stderr
        other = "--hash-secret-file" if flag == "--index-snapshot" else "--index-snapshot"
        assert other not in result.stderr


def test_a_stream_has_its_whole_time_from_its_first_message_on(start_pool) -> None:
    pool = start_pool("--request-deadline", "2s", "--workers", "1", engines=1)
    idle, late = pool.stream(), pool.stream()
    headers = ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4))
    late.send(headers)
    assert late.receive().immediate_response.status.code == 503
    # The first one was opened before, and says its first word now.
    idle.send(headers)
    pool.pick("something is served between its headers and its body")
    idle.send(ep.request_body(http.chat("here it is"), True))
    assert idle.receive().WhichOneof("response") == "request_headers"
    idle.cancel()


def test_only_the_given_address_is_bound(start_pool) -> None:
    pool = start_pool(engines=1)
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                address, port = fields[1].split(":")
                if int(port, 16) in (pool.epp.extproc_port, pool.epp.health_port, pool.epp.metrics_port):
                    listening.add(address)
    # The C core binds an IPv4 address through an IPv6 socket: ::ffff:127.0.0.1.
    assert listening <= {"0100007F", "0000000000000000FFFF00000100007F"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_picker_without_a_connection_ends_at_once(start_pool, number: int) -> None:
    pool = start_pool("--drain-timeout", "60s", engines=1)
    pool.works()
    pool.epp.close_channels()
    pool.epp.signal(number)
    assert pool.epp.wait(10) == 0


def test_new_streams_are_taken_until_the_last_connection_is_gone(start_pool) -> None:
    """For longer than any fixed time that a gateway was once given; the time is the stimulus."""
    pool = start_pool("--drain-timeout", "60s", engines=1)
    idle = http2.Connection(pool.epp.extproc_port)
    assert idle.alive()
    pool.epp.signal(signal.SIGTERM)
    eventually(lambda: pool.epp.get("/readyz")[0] == 503, "draining")
    end = time.monotonic() + 7
    while time.monotonic() < end:
        pool.works()
        pool.pick("a new stream of an old connection")
    pool.epp.close_channels()
    # One that has no stream counts as well.
    assert idle.alive()
    assert pool.epp.running()
    pool.works()
    pool.epp.close_channels()
    idle.close()
    assert pool.epp.wait(10) == 0


def test_the_drain_timeout_ends_a_picker_whose_connections_stay(start_pool) -> None:
    pool = start_pool("--drain-timeout", "1s", engines=1)
    with http2.Connection(pool.epp.extproc_port) as idle:
        assert idle.alive()
        pool.epp.signal(signal.SIGTERM)
        assert pool.epp.wait(10) == 0


@pytest.mark.parametrize("milliseconds", range(0, 120, 10))
def test_a_signal_at_any_moment_of_the_start_is_heeded(milliseconds: int) -> None:
    """The delay is the stimulus: it meets another moment of the start each time."""
    process = Process([product("epp"), "--endpoint", "127.0.0.1:1", "--drain-timeout", "100ms", *FREE_PORTS])
    time.sleep(milliseconds / 1000)
    process.signal(signal.SIGTERM)
    # Before the flags are read there is nothing to drain, and the system ends the process.
    assert process.wait(10) in (0, -signal.SIGTERM)


def test_a_second_signal_ends_a_drain_at_once(start_pool) -> None:
    pool = start_pool("--drain-timeout", "60s", engines=1)
    stream = pool.stream()
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    pool.pick("the stream above is open")
    pool.epp.signal(signal.SIGINT)
    eventually(lambda: pool.epp.get("/readyz")[0] == 503, "draining")
    pool.epp.signal(signal.SIGINT)
    assert pool.epp.wait(5) == 128 + signal.SIGINT


@pytest.mark.parametrize("drain", ["0s", "50ms", "1s"])
def test_a_signal_under_load_ends_the_process_in_order(start_pool, drain: str) -> None:
    """Streams begin, run and end while the process drains: an operation on a queue that has ended aborts it."""
    for _ in range(4):
        pool = start_pool("--drain-timeout", drain, "--workers", "2", engines=1)
        target = f"127.0.0.1:{pool.epp.extproc_port}"
        load = Process([product("epp-bench"), "load", "--target", target, "--warm-up", "0", "--timeout", "2"])
        eventually(lambda: pool.epp.metric("llm_d_epp_request_total") > 100, "load")
        pool.epp.signal(signal.SIGTERM)
        assert pool.epp.wait(20) == 0
        load.stop()


def test_a_stream_that_does_not_end_is_cut_at_the_drain_timeout(start_pool) -> None:
    pool = start_pool("--drain-timeout", "1s", engines=1)
    stream = pool.stream()
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    stream.send(ep.request_body(b"{"))
    pool.pick("the stream above is open")
    started = time.monotonic()
    pool.epp.signal(signal.SIGTERM)
    assert pool.epp.wait(15) == 0
    assert time.monotonic() - started < 12
    assert stream.status() != grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_default_is_tls_with_a_fresh_p256_certificate(start_pool) -> None:
    pool = start_pool(engines=1, secure=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", pool.epp.extproc_port), 10)) as secured:
        assert secured.selected_alpn_protocol() == "h2"
        certificate = secured.getpeercert(binary_form=True)
    text = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=certificate, capture_output=True, check=True
    ).stdout.decode()
    assert "prime256v1" in text
    with http2.Connection(pool.epp.extproc_port, tls=True) as connection:
        assert connection.alive()
    # The health port is plain text, as probes expect.
    with http2.Connection(pool.epp.health_port) as connection:
        assert connection.alive()


def test_plain_text_to_a_tls_port_ends_only_that_connection(start_pool) -> None:
    pool = start_pool(engines=1, secure=True)
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 5_000, b"\0" * 100_000):
        with socket.create_connection(("127.0.0.1", pool.epp.extproc_port), 5) as raw:
            raw.sendall(junk)
    with http2.Connection(pool.epp.extproc_port, tls=True) as connection:
        assert connection.alive()


def test_a_request_is_logged_at_level_three(start_pool) -> None:
    for log_format in ("json", "text"):
        pool = start_pool("-v", "3", "--log-format", log_format, engines=1)
        body = http.chat("log me")
        pool.ask(body)
        line = pool.epp.wait_for("c0ffee", 10)[0]
        assert line
        assert not any("log me" in printed for printed in pool.epp.lines), "the prompt is in the log"

"""The admin address of a running picker: who is let in, and what is shown there."""

import datetime
import http.client
import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from kit import extproc as ep
from kit import http as client
from kit.admin import CONFIGURATION, token_file, weights
from kit.engine import Engine
from kit.epp import EPP
from kit.gateway import Exchange
from kit.paths import ROOT, product
from kit.process import Process
from kit.waiting import eventually

def _command(*arguments: str) -> list[str]:
    """A picker of which nothing but the admin address is looked at."""
    free = ["--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"]
    return [str(product("epp")), *free, "--endpoints-file", str(ROOT / "Tests/kit/no-endpoints.yaml"), *arguments]


def _send(epp: EPP, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
    """A request with exactly these headers."""
    connection = http.client.HTTPConnection(epp.admin_address, timeout=10)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body.encode())
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_documents_are_for_this_machine_and_not_for_browsers(start_epp) -> None:
    epp = start_epp()
    for path in ("/debug/config", "/weights", "/debug/plugins/state", "/nowhere"):
        good = _send(epp, "GET", path, host=epp.admin_address)[0]
        assert good == (404 if path == "/nowhere" else 200)
        for headers in (
            {"host": "evil.example"}, {"host": f"evil.example:{epp.admin_address.rsplit(':', 1)[1]}"}, {},
            {"host": epp.admin_address, "origin": "http://evil.example"}, {"host": "localhost", "origin": "null"},
            {"host": "10.0.0.1"},
        ):  # fmt: skip
            status, text = _send(epp, "GET", path, **headers)
            assert status == 403 and text.count("\n") == 1, (path, headers)
    for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:9091"):
        assert _send(epp, "GET", "/debug/config", host=host)[0] == 200
    # Two names are none.
    with socket.create_connection(("127.0.0.1", int(epp.admin_address.rsplit(":", 1)[1])), timeout=10) as raw:
        raw.sendall(b"GET /weights HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        assert raw.makefile("rb").readline().startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))


def test_the_metrics_port_says_where_the_documents_are(start_epp) -> None:
    epp = start_epp()
    assert epp.get("/debug/kv-events") == (
        404, f"not here: the documents below /debug are on the admin address, http://{epp.admin_address}\n"
    )  # fmt: skip


def test_without_an_address_there_is_none(start_epp, folder: Path, environment: dict[str, str]) -> None:
    epp = start_epp("--admin-address", "", env=environment)
    assert epp.admin_address is None and list(folder.iterdir()) == []
    status, text = epp.get("/debug/config")
    assert status == 404 and "has none; start it with --admin-address HOST:PORT" in text
    assert epp.stop() == 0


def test_the_token_is_a_file_of_the_user_as_long_as_the_process_runs(
    start_epp, folder: Path, environment: dict[str, str]
) -> None:
    epp = start_epp(env=environment)
    path = token_file(epp, folder)
    status = path.lstat()
    assert stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600 and status.st_uid == os.geteuid()
    token = path.read_text().rstrip("\n")
    assert re.fullmatch(r"[0-9a-f]{64}", token)
    body = '{"queue-scorer": 5}'
    local = {"host": epp.admin_address}
    assert _send(epp, "POST", "/weights", body, **local)[0] == 401
    status_, text = _send(epp, "POST", "/weights", body, **local, authorization="Bearer " + "0" * 64)
    assert status_ == 401 and str(path) in text
    # The token opens nothing to a browser.
    assert _send(epp, "POST", "/weights", body, **local, origin="http://a", authorization=f"Bearer {token}")[0] == 403
    status_, text = _send(epp, "POST", "/weights", body, **local, authorization=f"Bearer {token}")
    assert status_ == 200 and json.loads(text)["scorers"][0]["weight"] == 5
    assert _send(epp, "GET", "/weights", **local)[0] == 200
    assert token not in epp.output(10_000)
    assert epp.stop() == 0
    assert list(folder.iterdir()) == []


def test_the_file_of_a_killed_process_is_replaced_and_that_of_a_running_one_is_not(tmp_path: Path, start_epp) -> None:
    path = tmp_path / "token"
    first = start_epp("--admin-token-file", str(path))
    token = path.read_text()
    command = _command("--admin-token-file", str(path))
    second = subprocess.run([*command, "--admin-address", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert second.returncode == 1 and f"epp: --admin-token-file {path}: it is the file of another running" in second.stderr
    assert path.read_text() == token
    first.kill()
    assert path.read_text() == token
    third = start_epp("--admin-token-file", str(path))
    assert path.read_text() != token and stat.S_IMODE(path.stat().st_mode) == 0o600
    third.stop()
    target = tmp_path / "target"
    target.write_text(token)
    target.chmod(0o600)
    path.symlink_to(target)
    linked = subprocess.run([*command, "--admin-address", "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert linked.returncode == 1 and "it is a symbolic link" in linked.stderr
    assert target.read_text() == token and path.is_symlink()


def test_an_address_that_is_given_and_taken_is_an_error(start_epp) -> None:
    epp = start_epp()
    result = subprocess.run(_command("--admin-address", epp.admin_address), capture_output=True, text=True, timeout=20)
    assert result.returncode == 1
    (line,) = (line for line in result.stderr.splitlines() if " info " not in line.lower())
    assert line.startswith(f"epp: --admin-address {epp.admin_address}: another process listens there; choose")


def test_the_default_address_may_be_taken(folder: Path, environment: dict[str, str]) -> None:
    try:
        taken = socket.create_server(("127.0.0.1", 9091))
    except OSError:
        taken = None  # Somebody has it already, which is what the test needs.
    try:
        epp = Process(_command("--drain-timeout", "100ms"), name="epp", env=environment)
        try:
            assert "admin on" not in epp.wait_for("serving ext_proc.*")[0]
            epp.wait_for("warning admin: no admin server: --admin-address 127.0.0.1:9091: another process listens there")
            assert list(folder.iterdir()) == []
        finally:
            assert epp.stop() == 0
            assert len([line for line in epp.lines if re.search("warning|error", line)]) == 1, epp.output()
    finally:
        if taken is not None:
            taken.close()


def test_the_configuration_in_force_is_shown_without_secrets(start_epp, tmp_path: Path) -> None:
    path = tmp_path / "epp.yaml"
    path.write_text(CONFIGURATION + "# password: hunter2\n")
    before = int(time.time())
    report = start_epp("--config-file", str(path)).document("/debug/config")
    assert report["origin"] == "file" and report["path"] == str(path)
    assert "hunter2" not in json.dumps(report) and yaml.safe_load(report["text"]) == yaml.safe_load(CONFIGURATION)
    since = datetime.datetime.fromisoformat(report["since"]).timestamp()
    assert before <= since <= time.time()
    assert report["lastReload"] == {"state": "none", "errors": []}
    assert "--config-file" in report["arguments"]
    path.write_text(CONFIGURATION)
    report = start_epp("--config-text", CONFIGURATION).document("/debug/config")
    assert report["origin"] == "text" and report["text"] == CONFIGURATION and "path" not in report
    report = start_epp().document("/debug/config")
    assert report["origin"] == "flags" and "text" not in report
    assert [scorer["name"] for scorer in report["profiles"][0]["scorers"]][0] == "queue-scorer"


def test_plugins_say_how_much_they_remember(start_epp, environment: dict[str, str]) -> None:
    engine = Engine()
    try:
        epp = start_epp(endpoints=[engine.address], env=environment)
        engine.wait_scrapes(1)
        plugins = epp.document("/debug/plugins/state")["plugins"]
        assert plugins["session-affinity-scorer"] == {"sessions": 0}
        (endpoint,) = plugins["approx-prefix-cache-producer"]["endpoints"]
        assert endpoint["address"] == engine.address and endpoint["routedBlocks"] == 0
        channel = epp.channel()
        for session in ("one", "two"):
            exchange = Exchange(ep.Stream(channel))
            prompt = "The quick brown fox jumps over the lazy dog. " * 100
            exchange.request(ep.post_headers("/v1/chat/completions", ("x-session-id", session)), [client.chat(prompt)])
            exchange.respond([(":status", "200"), ("content-type", "application/json")], [b"{}"])
            exchange.stream.finish()

        def state() -> dict:
            return epp.document("/debug/plugins/state")["plugins"]

        # 4,500 bytes are 17 blocks of 64 tokens at 4 bytes.
        eventually(lambda: state()["approx-prefix-cache-producer"]["endpoints"][0]["routedBlocks"] == 17, "the blocks")
        assert state()["session-affinity-scorer"] == {"sessions": 2}
        # Other weights leave the plugins with what they know.
        assert weights(epp, environment, "session-affinity-scorer=9").returncode == 0
        assert state()["session-affinity-scorer"] == {"sessions": 2}
        assert "fox" not in json.dumps(state())
    finally:
        engine.stop()


def test_what_stands_for_profiles_works_here(start_epp) -> None:
    epp = start_epp()
    status, text = _send(epp, "GET", "/debug/pprof/profile?seconds=30", host=epp.admin_address)
    assert status == 404
    page = epp.metrics()
    for name in re.findall(r"\b(?:llm_d_)?epp_\w+", text):
        assert f"# TYPE {name} " in page, name
    help_text = subprocess.run([product("epp"), "--help"], capture_output=True, text=True, timeout=20).stdout
    for flag in re.findall(r"--max-[a-z-]+", text):
        assert flag in help_text, flag
    for path in re.findall(r"/debug/plugins/\w+", text):
        epp.document(path)
    commands = {"perf": "perf record -g", "gdb": "gdb -p", "heaptrack": "heaptrack epp", "valgrind": "valgrind --tool=massif"}
    assert all(command in text for command in commands.values())
    if shutil.which("gdb"):
        command = re.search(r"gdb -p \d+ -batch -ex '[^']+'", text)
        result = subprocess.run(shlex.split(command[0]), capture_output=True, text=True, timeout=100)
        if "ptrace" not in result.stderr:
            assert result.stdout.count("Thread ") > 2, result.stdout + result.stderr
    assert epp.running()

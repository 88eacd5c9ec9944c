"""What the README tells a reader to type does what it says, and what it points at exists."""

import os
import re
import shlex
import socket
import subprocess

import pytest
import yaml

from kit import http
from kit.engine import Engine
from kit.paths import ENVOY, ROOT, product
from kit.process import Process
from kit.waiting import eventually

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if line.strip()]

# How each command is tried, by its beginning. Those that take minutes are asked for their help here.
WAYS = {
    "scripts/demo": "help", "scripts/test": "help", "scripts/benchmark": "help", "swift build": "built",
    ".build/release/epp --endpoint 127.0.0.1:8000 --kv": "following epp", ".build/release/epp": "epp",
    ".build/release/engine-sim": "engine-sim", "curl -s http://127.0.0.1:9090": "look",
    ".build-tools/venv/bin/envoy --mode validate": "run", ".build-tools/venv/bin/envoy -c": "envoy", "curl": "curl",
}


def _way(command: str) -> str:
    ways = [way for start, way in WAYS.items() if command.startswith(start)]
    assert ways, f"no test tries this command of the README: {command}"
    return ways[0]


def _free(*ports: int) -> bool:
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return False
    return True


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_known(command: str) -> None:
    way = _way(command)
    if way == "help":
        result = subprocess.run([ROOT / command.split()[0], "--help"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and result.stdout.strip()
    elif way == "run":
        arguments = shlex.split(command.replace(".build-tools/venv/bin/envoy", str(ENVOY)))
        subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_the_commands_work_together() -> None:
    """The picker, Envoy and curl exactly as written, on the ports that the README names."""
    if not _free(9002, 9003, 9090, 9901, 10000, 8000, 8001):
        pytest.skip("a port that the README names is in use here")
    (epp,) = (command for command in COMMANDS if _way(command) == "epp")
    (envoy,) = (command for command in COMMANDS if _way(command) == "envoy")
    (curl,) = (command for command in COMMANDS if _way(command) == "curl")
    engines = [Engine("first", port=8000), Engine("second", port=8001)]
    arguments = shlex.split(epp.replace(".build/release/epp", str(product("epp"))))
    # Beside the README's flags only what keeps the test on this machine.
    picker = Process([*arguments, "--bind-address", "127.0.0.1", "--drain-timeout", "200ms"])
    gateway = None
    try:
        picker.wait_for(r"serving ext_proc on \S+:9002")
        for engine in engines:
            engine.wait_scrapes(1)
        gateway_arguments = shlex.split(envoy.replace(".build-tools/venv/bin/envoy", str(ENVOY)))
        gateway_arguments[-1] = str(ROOT / gateway_arguments[-1])
        gateway = Process([*gateway_arguments, "--disable-hot-restart", "--log-level", "warning"])
        eventually(lambda: http.request("http://127.0.0.1:9901", "GET", "/ready").status == 200, "Envoy", 20)
        eventually(lambda: http.request("http://127.0.0.1:10000", "GET", "/v1/models").status == 200, "the gateway", 20)
        result = subprocess.run(shlex.split(curl), capture_output=True, text=True, timeout=30, check=True)
        assert '"engine"' in result.stdout
    finally:
        if gateway is not None:
            gateway.stop()
        picker.stop()
        for engine in engines:
            engine.stop()


def test_the_commands_for_kv_events_work_together() -> None:
    """A simulated engine, the picker that follows it, and what shows that it does."""
    if not _free(9002, 9003, 9090, 8000, 5557, 5558):
        pytest.skip("a port that the README names is in use here")
    (engine,) = (command for command in COMMANDS if _way(command) == "engine-sim")
    (epp,) = (command for command in COMMANDS if _way(command) == "following epp")
    looks = [command for command in COMMANDS if _way(command) == "look"]
    # On this machine's loopback alone.
    engine = engine.replace("tcp://*:", "tcp://[::ffff:127.0.0.1]:")
    simulator = Process(shlex.split(engine.replace(".build/release/engine-sim", str(product("engine-sim")))))
    picker = None
    try:
        simulator.wait_for("KV events of")
        arguments = shlex.split(epp.replace(".build/release/epp", str(product("epp"))))
        picker = Process([*arguments, "--bind-address", "127.0.0.1", "--drain-timeout", "200ms"])
        picker.wait_for("following the engine's KV events")

        def shown() -> list[str]:
            return [subprocess.run(["bash", "-c", look], capture_output=True, text=True, timeout=30).stdout for look in looks]

        streams, metrics = eventually(lambda: (found := shown()) and '"isFollowed" : true' in found[0] and found, "the stream")
        assert '"endpoint" : "127.0.0.1:8000"' in streams
        assert 'epp_kv_events_streams{state="' in metrics
    finally:
        if picker is not None:
            picker.stop()
        simulator.stop()


def test_the_benchmark_prints_its_rows() -> None:
    """Two short ones; what they cost is not judged here."""
    environment = {**os.environ, "WARMPATH_BIN_DIR": str(product("epp").parent)}
    result = subprocess.run(
        [ROOT / "scripts/benchmark", "start", "none"], capture_output=True, text=True, timeout=120, env=environment
    )
    assert result.returncode == 0, result.stderr
    assert [float(line.split()[-2]) > 0 for line in result.stdout.splitlines()] == [True, True]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_folders_and_scripts_exist() -> None:
    for name in re.findall(r"`(scripts/[\w-]+)", README):
        assert (ROOT / name).exists(), name
    for row in re.findall(r"^\| (`Sources/.*?) \|", README, re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", row):
            assert (ROOT / "Sources" / name.removeprefix("Sources/")).exists(), name


def test_flags_are_real() -> None:
    text = subprocess.run([product("epp"), "--help-hidden"], capture_output=True, text=True, timeout=20).stdout
    section = README.split("## Flags")[1].split("\n## ")[0]
    flags = set(re.findall(r"`(--[a-z-]+)", section)) - {"--flag", "--help", "--help-hidden"}
    assert len(flags) > 20
    for flag in flags:
        assert re.search(rf"{flag}\b", text), flag


def test_the_endpoints_file_is_accepted(start_epp, tmp_path) -> None:
    (example,) = (text for language, text in BLOCKS if language == "yaml")
    assert yaml.safe_load(example)["endpoints"]
    path = tmp_path / "endpoints.yaml"
    path.write_text(example.replace("gpu-b.internal", "localhost").replace("10.0.0.1", "127.0.0.1"))
    epp = start_epp("--endpoints-file", str(path))
    eventually(lambda: "gpu-a" in epp.metrics() and "gpu-b" in epp.metrics(), "the endpoints of the README")

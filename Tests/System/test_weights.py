"""Weights of scorers that are changed while the picker serves: what is picked then, and what the command `epp weights` says."""

import http.client
import re
import socket
import subprocess
from pathlib import Path
from typing import Iterator

import grpc
import pytest

from kit import extproc as ep
from kit import http as client
from kit.admin import CONFIGURATION, token_file, weights
from kit.engine import Engine
from kit.epp import EPP, sum_of
from kit.gateway import Exchange
from kit.paths import product
from kit.simulator import Simulator
from kit.waiting import eventually


def _pick(channel: grpc.Channel, prompt: str) -> str:
    """The endpoint of a request, which ends at once."""
    exchange = Exchange(ep.Stream(channel))
    outcome = exchange.request(ep.post_headers(), [client.chat(prompt, model="engine-sim")])
    exchange.respond([(":status", "200"), ("content-type", "application/json")], [b"{}"])
    exchange.stream.finish()
    return outcome.destination


def _picks(epp: EPP, count: int = 20) -> set[str]:
    """The endpoints of so many requests, each with a prompt of its own."""
    channel = epp.channel()
    return {_pick(channel, f"{number} is a prompt") for number in range(count)}


class Burden:
    """Requests to an engine that are not answered before it ends."""

    def __init__(self, simulator: Simulator, prompts: list[str]):
        self._open = []
        for prompt in prompts:
            connection = http.client.HTTPConnection(simulator.address, timeout=60)
            body = client.chat(prompt, model="engine-sim", max_tokens=50)
            connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
            self._open.append(connection)

    def end(self) -> None:
        for connection in self._open:
            connection.close()


def _gauge(simulator: Simulator, name: str) -> float:
    return sum_of(client.request(simulator.url, "GET", "/metrics").body.decode(), name)


@pytest.fixture
def burdened() -> Iterator[tuple[Simulator, Simulator]]:
    """An engine with a long queue and an empty cache, and one with no queue whose cache is nearly full."""
    slow = ("--inter-token-latency", "60s", "--max-num-seqs", "1", "--block-size", "16")
    queued = Simulator(*slow)
    filled = Simulator(*slow, "--kv-cache-blocks", "128")
    burdens = [
        Burden(queued, [f"{number} waits" for number in range(5)]), Burden(filled, ["a word and more " * 400]),
    ]  # fmt: skip
    eventually(lambda: _gauge(queued, "vllm:num_requests_waiting") == 4, "the queue is long", 20)
    eventually(lambda: _gauge(filled, "vllm:kv_cache_usage_perc") > 0.5, "the cache is filled", 20)
    yield queued, filled
    for burden in burdens:
        burden.end()
    for simulator in (queued, filled):
        simulator.stop()


def test_other_weights_pick_other_engines_at_once(
    burdened: tuple[Simulator, Simulator], start_epp, environment: dict[str, str]
) -> None:
    queued, filled = burdened
    epp = start_epp(
        "--scorer", "queue-scorer=1", "--scorer", "kv-cache-utilization-scorer=0",
        endpoints=[queued.address, filled.address], env=environment,
    )  # fmt: skip
    eventually(lambda: _picks(epp) == {filled.address}, "the picker knows of the queue")
    result = weights(epp, environment, "queue-scorer=0", "kv-cache-utilization-scorer=1")
    assert result.returncode == 0, result.stderr
    assert _picks(epp) == {queued.address}
    assert re.search(r"^default +queue-scorer +0 +1$", result.stdout, re.MULTILINE)
    assert "until its configuration is read again or it restarts" in result.stdout
    assert "--scorer queue-scorer=0 --scorer kv-cache-utilization-scorer=1" in result.stdout
    epp.wait_for("weights were changed.*queue-scorer=0")
    shown = epp.document("/debug/config")["profiles"][0]["scorers"]
    assert [scorer["weight"] for scorer in shown] == [0, 1]
    # And back: nothing of it is left to be kept.
    result = weights(epp, environment, "queue-scorer=1", "kv-cache-utilization-scorer=0")
    assert _picks(epp) == {filled.address} and "YAML" not in result.stdout and "These weights" not in result.stdout


def test_weights_that_make_no_sense_change_nothing(start_epp, environment: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "epp.yaml"
    path.write_text(CONFIGURATION)
    epp = start_epp("--config-file", str(path), env=environment)
    before = weights(epp, environment).stdout
    assert re.search(r"^main +short +2 +2$", before, re.MULTILINE) and "These weights" not in before
    result = weights(epp, environment, "short=3", "shrt=1", "lora-affinity-scorer=1")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.splitlines() == [
        "epp: 'lora-affinity-scorer' is not in force: scorers are added by the configuration file or by --scorer, not here "
        "(in force: short, prefix-cache-scorer)",
        "epp: there is no scorer 'shrt'; did you mean 'short'? (in force: short, prefix-cache-scorer)",
    ]
    assert weights(epp, environment).stdout == before
    for arguments, said in ((["short"], "is not NAME=WEIGHT"), (["short=1", "short=2"], "'short' is named twice")):
        result = weights(epp, environment, *arguments)
        assert result.returncode == 64 and said in result.stderr
    result = weights(epp, environment, "queue-scorer=5")
    assert result.returncode == 0
    assert f"write these weights into {path}:\n\nschedulingProfiles:\n" in result.stdout
    assert result.stdout.endswith("    weight: 5\n") and "prefix-cache-scorer\n    weight" not in result.stdout


def test_errors_of_the_command_say_what_to_do(start_epp, environment: dict[str, str], tmp_path: Path, folder: Path) -> None:
    epp = start_epp(env=environment)

    def refusal(*arguments: str, **variables: str) -> str:
        command = [product("epp"), "weights", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment | variables)
        assert result.returncode == 1 and result.stdout == "" and result.stderr.count("\n") == 1, result
        return result.stderr

    here = ("--admin-address", epp.admin_address)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for arguments in ([], ["queue-scorer=1"]):
        said = refusal(*arguments, "--admin-address", f"127.0.0.1:{port}")
        assert said.startswith(f"epp: nothing listens on 127.0.0.1:{port}: start 'epp serve'")
    # Another user's folder, as it were.
    said = refusal("queue-scorer=1", *here, XDG_RUNTIME_DIR=str(tmp_path))
    assert f"there is no {tmp_path}/epp-admin-" in said and "--admin-token-file" in said
    other = start_epp(env=environment)
    said = refusal("queue-scorer=1", *here, "--admin-token-file", str(token_file(other, folder)))
    assert "is another process's than that on" in said and "--admin-token-file" in said
    loose = tmp_path / "loose"
    loose.write_text(token_file(epp, folder).read_text())
    loose.chmod(0o644)
    assert "it has to have the mode 0600" in refusal("queue-scorer=1", *here, "--admin-token-file", str(loose))
    engine = Engine()
    try:
        assert "is no epp of this version" in refusal("--admin-address", engine.address)
    finally:
        engine.stop()
    silent = socket.create_server(("127.0.0.1", 0))
    try:
        silent_port = silent.getsockname()[1]
        command = [product("epp"), "weights", "--admin-address", f"127.0.0.1:{silent_port}"]
        asking = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        connection, _ = silent.accept()
        connection.close()
        assert "does not answer as an epp would" in asking.communicate(timeout=30)[1]
    finally:
        silent.close()

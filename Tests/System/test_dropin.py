"""Argument lists of the llm-d EPP start this picker without Kubernetes, with the engine named by --endpoint or by their file."""

import re
from pathlib import Path

import pytest

from kit import http
from kit.command_lines import COMMAND_LINES, probe, without_kubernetes
from kit.engine import Engine
from kit.epp import sum_of
from kit.paths import product
from kit.process import Process
from kit.waiting import eventually

_SERVING = r"serving ext_proc on \S+:(\d+), health on \S+:(\d+), metrics on \S+:(\d+)"


@pytest.fixture
def engine():
    with Engine("a") as one:
        yield one


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_an_argument_list_of_llm_d_starts_the_picker_without_kubernetes(
    name: str, engine: Engine, start_envoy, tmp_path: Path
) -> None:
    line = COMMAND_LINES[name]
    host, port = engine.address.rsplit(":", 1)
    listed = f'endpoints: [{{ name: a, address: {host}, port: "{port}" }}]'
    arguments = without_kubernetes(line.arguments(tmp_path, "models", listed))
    if not line.finds_files:
        arguments += ["--endpoint", engine.address]
    epp = Process([product("epp"), *arguments], name="epp", env=line.environment("models"))
    try:
        extproc, health, metrics = map(int, epp.wait_for(_SERVING).groups())
        for service in line.services:
            eventually(lambda: probe(health, service) == "SERVING", f"{service}: {epp.output()}", 15)
        envoy = start_envoy(extproc, secure=line.is_secure)
        answer = http.post(envoy.url, http.chat("a request"))
        assert answer.status == 200 and answer.headers["x-engine"] == "a", (answer, epp.output())
        # Who may read the page is for Kubernetes to say.
        page = http.request(f"http://127.0.0.1:{metrics}", "GET", "/metrics").body.decode()
        assert sum_of(page, "llm_d_epp_request_total") == 1
        envoy.stop()
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [text for text in epp.lines if re.search(r"\berror\b", text, re.I) and "warn" not in text.lower()], epp.output()

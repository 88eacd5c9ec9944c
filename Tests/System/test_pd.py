"""Prefill and decode engines behind a real Envoy, the picker and sidecars: which prompts are computed by another engine."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest

from kit import http
from kit.disaggregated import Pool
from kit.envoy import Envoy
from kit.epp import EPP
from kit.waiting import eventually

WORDS = "The quick brown fox jumps over the lazy dog near the river bank at dawn. "

@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path)
    yield made
    made.stop()


def _ask(envoy: Envoy, prompt: str, **fields: object) -> http.Answer:
    return http.post(envoy.url, http.chat(prompt, **{"model": "engine-sim", "max_tokens": 8, **fields}))


def _ready(epp: EPP, count: int) -> None:
    eventually(lambda: epp.metric("llm_d_epp_ready_endpoints") == count, "all endpoints are ready")


def test_long_cold_prompts_are_computed_elsewhere(pool: Pool, start_epp, start_envoy) -> None:
    epp = start_epp(*pool.flags())
    _ready(epp, 5)
    envoy = start_envoy(epp.extproc_port)
    # Short: not worth a transfer.
    for number in range(5):
        assert _ask(envoy, f"{number} hello").status == 200
    assert pool.disaggregated() == 0
    # Long and cold: each of them.
    prompts = [f"document {number}: " + WORDS * 60 for number in range(12)]
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda prompt: _ask(envoy, prompt), prompts))
    assert all(answer.status == 200 and answer.json()["usage"]["completion_tokens"] == 8 for answer in answers)
    assert pool.disaggregated() == 12
    # Long and warm: the decode engine has the prompt, whoever has computed it.
    again = [_ask(envoy, prompt) for prompt in prompts]
    assert all(answer.status == 200 for answer in again)
    assert pool.disaggregated() == 12
    assert pool.fallbacks() == 0


def test_streams_and_failures_of_a_mixed_load(pool: Pool, start_epp, start_envoy) -> None:
    epp = start_epp(*pool.flags())
    _ready(epp, 5)
    envoy = start_envoy(epp.extproc_port)

    def ask(number: int) -> bool:
        prompt = f"mixed {number}: " + WORDS * (40 if number % 2 else 1)
        if number % 3:
            return _ask(envoy, prompt).status == 200
        answer = _ask(envoy, prompt, stream=True)
        return answer.status == 200 and answer.body.decode().rstrip().endswith("data: [DONE]")

    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(ask, range(60)))
        before = pool.disaggregated()
        assert before >= 25
        # Without prefill engines every request is still answered: the decode engine computes the prompt.
        for engine in pool.prefill:
            assert http.post(engine.url, b'{"mode": "errors"}', path="/sim/faults").status == 200
        assert all(clients.map(ask, range(100, 130)))
    assert pool.fallbacks() > 0


def test_a_missing_role_is_503(pool: Pool, start_epp, start_envoy) -> None:
    """Clients may try again; nothing is saturated, which 429 would say."""
    entries = json.loads(pool.file.read_text())["endpoints"]
    pool.file.write_text(json.dumps({"endpoints": [entry for entry in entries if entry["name"].startswith("prefill")]}))
    epp = start_epp(*pool.flags())
    _ready(epp, 2)
    envoy = start_envoy(epp.extproc_port)
    answer = _ask(envoy, "hello")
    assert answer.status == 503 and "error" in answer.json()


def test_signed_headers_alone_count(tmp_path: Path, start_epp, start_envoy) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a" * 40 + "\n")
    pool = Pool(tmp_path, sidecar_flags=["--routing-key-file", str(keys)])
    try:
        epp = start_epp(*pool.flags(), "--routing-key-file", str(keys))
        _ready(epp, 5)
        envoy = start_envoy(epp.extproc_port)
        prompt = "signed: " + WORDS * 60
        assert _ask(envoy, prompt).status == 200 and pool.disaggregated() == 1
        # Whoever reaches a sidecar by another way cannot say where it connects to.
        sidecar = pool.sidecars[0]
        for more in ({}, {"x-warmpath-routing-signature": "AQIDBA"}):
            headers = {"x-prefiller-host-port": pool.prefill[0].address, **more}
            answer = http.post(sidecar.url, http.chat(prompt, model="engine-sim"), headers=headers)
            assert answer.status == 403 and b"do not come from the endpoint picker" in answer.body
        assert http.post(sidecar.url, http.chat("hello", model="engine-sim", max_tokens=1)).status == 200
        assert sidecar.metric("routing_sidecar_targets_refused_total", reason="unsigned") == 2
        # A new key counts on both sides within seconds.
        keys.write_text("b" * 40 + "\n" + "a" * 40 + "\n")
        eventually(lambda: "signed headers get the new keys" in epp.output(400), "the picker has the new key", 10)
        for one in pool.sidecars:
            one.wait_for("signed headers get the new keys", 10)
        assert _ask(envoy, "again: " + WORDS * 60).status == 200 and pool.disaggregated() == 2
    finally:
        pool.stop()

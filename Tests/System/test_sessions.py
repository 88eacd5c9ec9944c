"""Session affinity through a real Envoy: what the picker gives to a client leads back to the same engine, also after a restart and
at another replica."""

from pathlib import Path

import pytest

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP

_CLIENTS = 12
# Name of the strategy, its other parameters, and the header of answers that has to come back.
_STRATEGIES = {
    "token": ("encoded_endpoint_header", {}, "x-session-token"),
    "token in a header of its own": ("encoded_endpoint_header", {"header": "X-Home"}, "x-home"),
    "cookie": ("cookie", {"cookieName": "home"}, "set-cookie"),
    "signed token": ("signed_token", {"keyFile": "KEYS"}, "x-session-token"),
    "signed token in a cookie": ("signed_token", {"keyFile": "KEYS", "cookieName": "home"}, "set-cookie"),
}


def _configuration(strategy: str, parameters: dict[str, str], folder: Path) -> str:
    keys = folder / "keys"
    keys.write_text("0123456789abcdef0123456789abcdef0123456789ab\n")
    lines = "".join(f"\n    {name}: {str(keys) if value == 'KEYS' else value}" for name, value in parameters.items())
    return f"""
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: session-affinity-filter
  parameters:
    strategy: {strategy}{lines}
- type: queue-scorer
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: session-affinity-filter
  - pluginRef: queue-scorer
"""


def _sent_back(answer: http.Answer, header: str) -> dict[str, str]:
    """The headers with which a client comes back."""
    if header != "set-cookie":
        return {header: answer.headers[header]}
    pair, *attributes = answer.headers[header].split("; ")
    assert pair.startswith("home=") and sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Lax"]
    return {"cookie": f"theme=dark; {pair}"}


@pytest.mark.parametrize("gateway", ["full-duplex.yaml", "headers-only.yaml"])
@pytest.mark.parametrize("name", _STRATEGIES)
def test_what_a_client_gets_leads_back_to_its_engine(
    name: str, gateway: str, engines: list[Engine], start_epp, start_envoy, tmp_path: Path
) -> None:
    strategy, parameters, header = _STRATEGIES[name]
    config = _configuration(strategy, parameters, tmp_path)

    def picker() -> EPP:
        return start_epp("--config-text", config, endpoints=[engine.address for engine in engines])

    first, second = picker(), picker()
    envoy: Envoy = start_envoy(first.extproc_port, gateway)
    homes: list[tuple[str, dict[str, str]]] = []
    for number in range(_CLIENTS):
        answer = http.post(envoy.url, http.chat(f"client {number}"))
        assert answer.status == 200
        homes.append((answer.headers["x-engine"], _sent_back(answer, header)))
    assert len({home for home, _ in homes}) > 1

    def come_back(turn: str) -> None:
        for number, (home, token) in enumerate(homes):
            answer = http.post(envoy.url, http.chat(f"client {number}, {turn}"), headers=token)
            assert answer.status == 200 and answer.headers["x-engine"] == home

    come_back("once more")
    come_back("and again")
    kept = first.metric("epp_session_affinity_total", outcome="kept")
    assert (first.metric("epp_session_affinity_total", outcome="new"), kept) == (_CLIENTS, 2 * _CLIENTS)
    # Another replica knows what the first does.
    envoy.set_pickers([second.extproc_port])
    come_back("at the other")
    second.stop()
    third = picker()
    envoy.set_pickers([third.extproc_port])
    come_back("after a restart")
    assert third.metric("epp_session_affinity_total", outcome="moved") == 0


def test_a_client_without_tokens_goes_where_the_queue_is_short(
    engines: list[Engine], start_epp, start_envoy, tmp_path: Path
) -> None:
    busy, free, other = engines
    config = _configuration("encoded_endpoint_header", {}, tmp_path)
    epp = start_epp("--config-text", config, endpoints=[engine.address for engine in engines])
    busy.set(waiting=9)
    other.set(waiting=9)
    free.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port)
    for _ in range(8):
        # Not a token of ours, and no harm.
        for token in ({}, {"x-session-token": "nonsense"}, {"x-session-token": "L2Rldi9udWxs"}):
            assert http.post(envoy.url, http.chat("hello"), headers=token).headers["x-engine"] == free.name
    assert epp.metric("epp_session_tokens_ignored_total", reason="malformed") == 8

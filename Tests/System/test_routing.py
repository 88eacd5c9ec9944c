"""Requests through a real Envoy reach the picked engine unchanged, and answers come back as they are made."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit import http
from kit.engine import Engine
from kit.envoy import Envoy


def _received(engines: list[Engine]) -> list[tuple[Engine, object]]:
    return [(engine, request) for engine in engines for request in engine.received]


@pytest.mark.parametrize("size", [1_000, 60_000, 64_000, 200_000, 1_048_576, 2_097_152])
def test_a_body_arrives_unchanged_at_one_engine(gateway: Envoy, engines: list[Engine], size: int) -> None:
    body = http.chat("x" * size)
    answer = http.post(gateway.url, body)
    assert answer.status == 200, answer
    assert answer.json()["sha256"] == hashlib.sha256(body).hexdigest()
    ((engine, request),) = _received(engines)
    assert engine.name == answer.headers["x-engine"]
    assert request.body == body
    assert request.header("x-gateway-destination-endpoint") == [engine.address]


def test_a_chunked_body_arrives_unchanged(gateway: Envoy, engines: list[Engine]) -> None:
    body = http.chat("y" * 300_000)
    pieces = [body[start : start + 16_384] for start in range(0, len(body), 16_384)]
    answer = http.post(gateway.url, iter(pieces))
    assert answer.status == 200
    ((_, request),) = _received(engines)
    assert request.body == body
    # Envoy 1.40 drops a content-length that the picker sets in FULL_DUPLEX_STREAMED; a length that arrives must be right.
    assert request.header("content-length") in ([], [str(len(body))])


def test_a_bodyless_request_is_routed(gateway: Envoy, engines: list[Engine]) -> None:
    answer = http.request(gateway.url, "GET", "/v1/models")
    assert answer.status == 200
    assert answer.json()["engine"] in {engine.name for engine in engines}


def test_a_client_cannot_choose_the_engine(gateway: Envoy, engines: list[Engine]) -> None:
    with Engine("elsewhere") as elsewhere:
        for _ in range(5):
            spoofed = {
                "x-gateway-destination-endpoint": elsewhere.address,
                "x-prefiller-host-port": elsewhere.address,
            }
            assert http.post(gateway.url, http.chat("hello"), headers=spoofed).status == 200
            assert http.request(gateway.url, "GET", "/v1/models", headers=spoofed).status == 200
        assert elsewhere.received == []
    for engine, request in _received(engines):
        assert request.header("x-gateway-destination-endpoint") == [engine.address]
        assert request.header("x-prefiller-host-port") == []


def test_a_rewritten_model_is_the_client_s_own_in_the_answer(
    gateway: Envoy, engines: list[Engine], request: pytest.FixtureRequest
) -> None:
    rewrite = {"x-llm-d-model-name-rewrite": "canary"}
    answer = http.post(gateway.url, http.chat("hello", model="stable-model"), headers=rewrite)
    ((_, received),) = _received(engines)
    assert json.loads(received.body)["model"] == "canary"
    assert answer.status == 200
    # The buffered configuration shows the picker no answers.
    sees_answers = request.node.callspec.id != "buffered"
    assert answer.json()["model"] == ("stable-model" if sees_answers else "canary")


def test_events_arrive_one_by_one(gateway: Envoy, engines: list[Engine]) -> None:
    for engine in engines:
        engine.gated = True
    stream = http.EventStream(gateway.url, http.chat("stream", stream=True, events=5))
    assert stream.status == 200
    for index in range(5):
        # The engine sends an event only when it is released here, so each must have come through alone.
        for engine in engines:
            engine.release()
        assert json.loads(stream.event())["index"] == index
    assert json.loads(stream.event())["usage"]["completion_tokens"] == 5
    assert stream.event() == "[DONE]"
    stream.close()


def test_fifty_clients_in_parallel_get_their_own_answers(gateway: Envoy) -> None:
    def client(number: int) -> int:
        good = 0
        for turn in range(6):
            body = http.chat(f"client {number} turn {turn} " + "z" * (number * 400))
            answer = http.post(gateway.url, body, timeout=60)
            good += answer.status == 200 and answer.json()["sha256"] == hashlib.sha256(body).hexdigest()
        return good

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(client, range(50))) == [6] * 50


def test_a_gateway_passes_the_conformance_test_of_its_picker(engines: list[Engine], start_epp, start_envoy, tmp_path) -> None:
    """The hooks of the Inference Extension's conformance tests: a header names the endpoint, another one says who has served."""
    config = tmp_path / "epp.yaml"
    config.write_text(
        """
        apiVersion: llm-d.ai/v1alpha1
        kind: EndpointPickerConfig
        plugins:
        - type: header-based-testing-filter
        - type: destination-endpoint-served-verifier
        - type: queue-scorer
        schedulingProfiles:
        - name: default
          plugins:
          - pluginRef: header-based-testing-filter
          - pluginRef: queue-scorer
        """
    )
    epp = start_epp("--config-file", str(config), endpoints=[engine.address for engine in engines])
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, names_served=True)
    for engine in engines:
        answer = http.post(envoy.url, http.chat("a"), headers={"test-epp-endpoint-selection": engine.address})
        assert (answer.status, answer.headers["x-engine"]) == (200, engine.name)
        assert answer.headers["x-conformance-test-served-endpoint"] == engine.address
    every = {http.post(envoy.url, http.chat(f"{n}"), headers={"test-epp-endpoint-selection": "127.0.0.1"}).headers["x-engine"]
             for n in range(30)}
    assert every == {engine.name for engine in engines}
    assert http.post(envoy.url, http.chat("a")).status == 503

"""What a client sees when a part of the system goes away, and that it comes back by itself."""

import contextlib
import http.client
import json
import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kit import http as web
from kit.engine import Engine
from kit.sidecar import Sidecar
from kit.waiting import eventually


def _write_endpoints(path: Path, engines: list[Engine]) -> None:
    """Replaces the file whole, as a configuration tool does."""
    document = {
        "endpoints": [
            {"name": engine.name, "address": "127.0.0.1", "port": str(engine.port)} for engine in engines
        ]
    }
    new = path.with_suffix(".new")
    new.write_text(json.dumps(document))
    new.rename(path)


def test_an_engine_that_dies_in_mid_stream_ends_the_answer_and_no_other(engines, start_epp, start_envoy) -> None:
    dying = engines[0]
    dying.gated = True
    dying.die_after = 2
    epp = start_epp(endpoints=[dying.address], secure=True)
    dying.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    stream = web.EventStream(envoy.url, web.chat("a", stream=True, events=10))
    # One by one: what is still under way when the engine dies, Envoy may drop.
    dying.release(1)
    assert json.loads(stream.event())["index"] == 0
    dying.release(1)
    assert json.loads(stream.event())["index"] == 1
    dying.release(8)
    with pytest.raises((http.client.IncompleteRead, ConnectionError, EOFError)):
        stream.event()
    stream.close()
    # The picker and the gateway go on.
    dying.gated = False
    dying.die_after = None
    assert web.post(envoy.url, web.chat("b")).status == 200
    eventually(lambda: epp.metric("llm_d_epp_request_running") == 0, "requests in flight back at 0")


def test_an_engine_that_refuses_connections_gives_503(start_epp, start_envoy) -> None:
    engine = Engine("gone")
    engine.stop()
    epp = start_epp(endpoints=[engine.address], secure=True)
    envoy = start_envoy(epp.extproc_port, secure=True)
    answer = web.post(envoy.url, web.chat("a"))
    assert answer.status == 503
    assert epp.running()


def test_an_engine_that_died_is_passed_over_until_it_is_back(engines, start_epp, start_envoy) -> None:
    dead = engines[0]
    epp = start_epp(endpoints=[engine.address for engine in engines], secure=True)
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    dead.die()
    eventually(lambda: epp.metric("epp_endpoint_refusing") == 1, "the dead engine is noticed")
    # It has the least load of all, and no request.
    assert [web.post(envoy.url, web.chat(f"prompt {number}")).status for number in range(30)] == [200] * 30
    back = Engine(dead.name, port=dead.port)
    try:
        eventually(lambda: epp.metric("epp_endpoint_refusing") == 0, "it takes connections again", 10)
        eventually(
            lambda: web.post(envoy.url, web.chat(uuid.uuid4().hex)).status == 200 and back.received, "it gets requests"
        )
    finally:
        back.stop()


def test_an_engine_that_died_behind_its_sidecar_is_passed_over(engines, start_epp, start_envoy) -> None:
    with contextlib.ExitStack() as stack:
        sidecars = [stack.enter_context(Sidecar(engine.address)) for engine in engines]
        epp = start_epp(endpoints=[sidecar.address for sidecar in sidecars], secure=True)
        for engine in engines:
            engine.wait_scrapes(1)
        envoy = start_envoy(epp.extproc_port, secure=True)
        engines[0].die()
        eventually(lambda: epp.metric("epp_endpoint_refusing") == 1, "the sidecar's answer is understood")
        assert [web.post(envoy.url, web.chat(f"prompt {number}")).status for number in range(30)] == [200] * 30
        back = Engine(engines[0].name, port=engines[0].port)
        try:
            eventually(lambda: epp.metric("epp_endpoint_refusing") == 0, "the engine is back", 10)
        finally:
            back.stop()


def test_without_endpoints_the_answer_is_503_in_json(start_epp, start_envoy) -> None:
    epp = start_epp(secure=True)
    envoy = start_envoy(epp.extproc_port, secure=True)
    answer = web.post(envoy.url, web.chat("a"))
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-llm-d-request-dropped-reason"] == "rejected-no-endpoints"
    assert answer.json()["error"]["message"]


def test_a_bad_body_is_400_in_openai_form(gateway) -> None:
    answer = web.post(gateway.url, b'{"model": "m", "messages": [')
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_gateway_without_its_picker_fails_closed_and_recovers(engines, start_epp, start_envoy) -> None:
    epp = start_epp(endpoints=[engines[0].address], secure=True)
    engines[0].wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    assert web.post(envoy.url, web.chat("a")).status == 200
    port = epp.extproc_port
    assert epp.stop() == 0
    assert web.post(envoy.url, web.chat("b")).status == 500
    assert web.request(envoy.url, "GET", "/v1/models").status == 500
    assert len(engines[0].received) == 1
    start_epp(endpoints=[engines[0].address], secure=True, extproc_port=port)
    eventually(lambda: web.post(envoy.url, web.chat("c")).status == 200, "routing after the picker came back", 20)


def test_a_picker_that_is_killed_and_restarted_under_load_serves_again(engines, start_epp, start_envoy) -> None:
    addresses = [engine.address for engine in engines]
    epp = start_epp(endpoints=addresses, secure=True)
    envoy = start_envoy(epp.extproc_port, secure=True)
    port = epp.extproc_port
    stop = threading.Event()
    statuses: list[int] = []

    def client() -> None:
        while not stop.is_set():
            try:
                statuses.append(web.post(envoy.url, web.chat("load")).status)
            except http.client.IncompleteRead:
                # The picker died between the headers and the end of this answer.
                statuses.append(0)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: statuses.count(200) > 20, "requests through the first picker", 20)
        epp.kill()
        start_epp(endpoints=addresses, secure=True, extproc_port=port)
        # Envoy reconnects with a back-off of its own.
        served = statuses.count(200)
        eventually(lambda: statuses.count(200) > served + 50, "requests through the second picker", 30)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(statuses) <= {0, 200, 500, 503}


def test_sigterm_lets_a_stream_in_flight_finish(engines, start_epp, start_envoy) -> None:
    engine = engines[0]
    engine.gated = True
    epp = start_epp("--drain-timeout", "20s", endpoints=[engine.address], secure=True)
    engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    stream = web.EventStream(envoy.url, web.chat("a", stream=True, events=3))
    engine.release()
    assert json.loads(stream.event())["index"] == 0
    epp.signal(signal.SIGTERM)
    engine.release(5)
    assert [json.loads(stream.event())["index"] for _ in range(2)] == [1, 2]
    assert "usage" in stream.event()
    assert stream.event() == "[DONE]"
    stream.close()
    # Envoy keeps its connection, and would be served for as long as it does.
    envoy.stop()
    assert epp.wait(15) == 0


def test_reloading_the_endpoints_file_under_load_loses_no_request(engines, start_epp, start_envoy, tmp_path) -> None:
    path = tmp_path / "endpoints.json"
    _write_endpoints(path, engines)
    epp = start_epp("--endpoints-file", str(path), secure=True)
    for engine in engines:
        engine.wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    stop = threading.Event()
    statuses: list[int] = []

    def client() -> None:
        while not stop.is_set():
            # No two prompts share a prefix, so that load alone decides.
            statuses.append(web.post(envoy.url, web.chat(f"{uuid.uuid4()} " * 8)).status)

    pools = [engines[:1], engines[1:], engines[:2], engines[2:], engines]
    with ThreadPoolExecutor(8) as clients:
        running = [clients.submit(client) for _ in range(8)]
        try:
            for turn in range(15):
                chosen = pools[turn % len(pools)]
                _write_endpoints(path, chosen)
                counts = {engine.name: len(engine.received) for engine in chosen}
                answered = len(statuses)
                eventually(
                    lambda: len(statuses) >= answered + 8
                    and all(len(engine.received) > counts[engine.name] for engine in chosen),
                    f"requests at the engines of turn {turn}",
                )
        finally:
            stop.set()
        for future in running:
            future.result()
    assert set(statuses) == {200}


def test_an_endpoints_file_that_is_broken_keeps_the_old_pool(engines, start_epp, start_envoy, tmp_path) -> None:
    path = tmp_path / "endpoints.json"
    _write_endpoints(path, engines[:1])
    epp = start_epp("--endpoints-file", str(path), secure=True)
    engines[0].wait_scrapes(1)
    envoy = start_envoy(epp.extproc_port, secure=True)
    lines = len(epp.lines)
    path.write_text('{"endpoints": [')
    epp.wait_for(r"endpoints\.json", start=lines)
    assert web.post(envoy.url, web.chat("a")).headers["x-engine"] == engines[0].name
    _write_endpoints(path, engines[1:2])
    eventually(
        lambda: web.post(envoy.url, web.chat("a")).headers.get("x-engine") == engines[1].name, "the repaired file"
    )

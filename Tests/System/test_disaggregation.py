"""Prompts that a prefill engine computes: the sidecar between simulated engines that really hand blocks to each other."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import IncompleteRead
from pathlib import Path
from typing import Callable, Iterator

import pytest

from kit import http
from kit.disaggregated import CONNECTORS, PROMPT, Pair
from kit.process import Process
from kit.sidecar import Sidecar, program
from kit.simulator import Simulator
from kit.waiting import eventually

def _requests(engine: Simulator) -> list[dict]:
    """Bodies and headers of the inference requests that an engine has got."""
    seen = http.request(engine.url, "GET", "/sim/requests").json()["requests"]
    return [
        {"body": json.loads(one["body"]), "headers": {name.lower(): value for name, value in one["headers"]}}
        for one in seen if one["method"] == "POST"
    ]  # fmt: skip


def _fault(engine: Simulator, **fault: object) -> None:
    assert http.post(engine.url, json.dumps(fault).encode(), path="/sim/faults").status == 200


@pytest.fixture
def start_pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    started: list[Pair] = []

    def start(connector: str, *flags: str, prefill: list[str] | None = None, decode: list[str] | None = None) -> Pair:
        started.append(Pair(connector, tmp_path, *flags, prefill=prefill, decode=decode))
        return started[-1]

    yield start
    for pair in started:
        pair.stop()


# MARK: The two requests


@pytest.mark.parametrize("is_streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("connector", CONNECTORS)
def test_the_prompt_is_computed_by_one_engine_and_answered_by_the_other(start_pair, connector: str, is_streamed: bool) -> None:
    pair = start_pair(connector)
    if is_streamed:
        options = {"include_usage": True}
        answer = pair.ask(stream=True, stream_options=options)
        events = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        assert answer.status == 200 and events[-1] == "[DONE]"
        chunks = [json.loads(event) for event in events[:-1]]
        assert sum(bool(chunk["choices"] and chunk["choices"][0]["delta"].get("content")) for chunk in chunks) == 3
        usage = chunks[-1]["usage"]
    else:
        answer = pair.ask()
        assert answer.status == 200
        usage = answer.json()["usage"]
    assert usage["completion_tokens"] == 3
    # The decode engine has computed next to nothing of the prompt itself.
    transfers = http.request(pair.decode.url, "GET", "/metrics").body.decode()
    assert 'vllm:prompt_tokens_by_source_total{' in transfers
    assert _metric(transfers, "vllm:external_prefix_cache_hits_total") > usage["prompt_tokens"] / 2
    _check_legs(pair, usage, is_streamed)
    assert pair.count("llm_d_disagg_sidecar_disagg_requests_total") == 1
    assert pair.count("llm_d_disagg_sidecar_prefill_duration_seconds_count") == 1
    assert pair.count("llm_d_disagg_sidecar_request_errors_total") == 0
    assert pair.count("routing_sidecar_prefill_fallbacks_total") == 0


def _metric(page: str, name: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name + "{"))


def _check_legs(pair: Pair, usage: dict, is_streamed: bool) -> None:
    original = json.loads(pair.body(**({"stream": True, "stream_options": {"include_usage": True}} if is_streamed else {})))
    (prefill,) = _requests(pair.prefill)
    *tried, decode = _requests(pair.decode)
    assert len(tried) == (pair.connector == "shared-storage")
    for leg in (prefill, decode):
        assert "x-prefiller-host-port" not in leg["headers"]
    limited = {key: value for key, value in original.items() if key != "stream_options"}
    limited |= {"max_tokens": 1, "max_completion_tokens": 1, "stream": False}
    sent = decode["body"].pop("kv_transfer_params", None)
    if pair.connector == "nixlv2":
        nothing = {"remote_engine_id": None, "remote_block_ids": None, "remote_host": None, "remote_port": None}
        assert prefill["body"] == limited | {"kv_transfer_params": {"do_remote_decode": True, "do_remote_prefill": False, **nothing}}
        assert decode["body"] == original
        assert sent["do_remote_prefill"] is True and sent["remote_block_ids"] and sent["remote_engine_id"]
        assert prefill["headers"]["x-request-id"] == decode["headers"]["x-request-id"]
        # The client is told what was cached before, and not what came from the other engine.
        assert (usage["prompt_tokens_details"] or {}).get("cached_tokens", 0) == 0
    elif pair.connector == "sglang":
        room = {key: decode["body"].pop(key) for key in ("bootstrap_host", "bootstrap_port", "bootstrap_room")}
        assert room["bootstrap_host"] == "127.0.0.1" and isinstance(room["bootstrap_room"], int)
        assert decode["body"] == original and prefill["body"] == original | room
    elif pair.connector == "mooncake":
        parameters = prefill["body"].pop("kv_transfer_params")
        assert prefill["body"] == limited and decode["body"] == original
        assert parameters == {"do_remote_prefill": False, "do_remote_decode": True, "transfer_id": sent["transfer_id"]}
        assert sent["do_remote_prefill"] is True and sent["transfer_id"].startswith("xfer-")
        assert sent["remote_bootstrap_addr"].startswith("http://127.0.0.1:") and sent["remote_engine_id"]
        assert prefill["headers"]["x-data-parallel-rank"] == "0"
    elif pair.connector == "shared-storage":
        assert tried[0]["body"] == original
        assert prefill["body"] == limited | {"cache_hit_threshold": 0}
        assert decode["body"] == original | {"cache_hit_threshold": 0}
    else:
        parameters = prefill["body"].pop("kv_transfer_params")
        assert prefill["body"] == limited and decode["body"] == original
        name = parameters["remote_decoder"]["kv_request_id"]
        assert parameters == {"remote_decoder": {"kv_request_id": name}}
        assert sent["remote_prefiller"]["kv_request_id"] == name and sent["remote_prefiller"]["remote_host"] == "127.0.0.1"


def test_a_decode_engine_that_holds_enough_is_not_helped(start_pair) -> None:
    pair = start_pair("shared-storage")
    assert pair.ask().status == 200
    before = len(_requests(pair.prefill))
    assert pair.ask().status == 200
    assert len(_requests(pair.prefill)) == before


def test_media_are_encoded_first(start_pair) -> None:
    """An encode engine, a prefill engine and a decode engine, each of which does its part."""
    pair = start_pair("nixlv2", "--ec-connector=ec-nixl")
    with Simulator("--ec-connector", "ec-nixl") as encoder:
        sidecar = Sidecar(pair.decode.address, "--ec-connector=ec-nixl", prefillers=[pair.prefill.address, encoder.address])
        with sidecar:
            picture = {"type": "image_url", "image_url": {"url": "http://example.com/cat.png"}}
            content = [{"type": "text", "text": PROMPT}, picture]
            fields = {"model": "engine-sim", "max_tokens": 3, "messages": [{"role": "user", "content": content}]}
            headers = {**pair.headers, "x-encoder-hosts-ports": encoder.address}
            answer = http.post(sidecar.url, json.dumps(fields).encode(), headers=headers)
            assert answer.status == 200 and answer.json()["usage"]["completion_tokens"] == 3
            (encode,) = _requests(encoder)
            assert encode["body"]["messages"] == [{"role": "user", "content": [picture]}] and encode["body"]["max_tokens"] == 1
            (prefill,), (decode,) = _requests(pair.prefill), _requests(pair.decode)
            (hashed,) = prefill["body"]["ec_transfer_params"].values()
            assert hashed["peer_host"] == "127.0.0.1" and decode["body"]["ec_transfer_params"] == prefill["body"]["ec_transfer_params"]
            assert sidecar.metric("llm_d_disagg_sidecar_encode_duration_seconds_count", connector="ec-nixl") == 1


# MARK: Failures


def _stop(pair: Pair) -> None:
    pair.prefill.stop()


FAILURES: dict[str, Callable[[Pair], None]] = {
    "down": _stop,
    "errors": lambda pair: _fault(pair.prefill, mode="errors"),
    "unavailable": lambda pair: _fault(pair.prefill, mode="errors", status=503),
    "hangs": lambda pair: _fault(pair.prefill, mode="hang"),
    "garbage": lambda pair: _fault(pair.prefill, mode="garbage"),
    "cut": lambda pair: _fault(pair.prefill, mode="cut"),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_prefill_that_fails_costs_no_request(start_pair, connector: str, failure: str) -> None:
    """Where the decode engine can compute the prompt, it does; with SGLang the client gets an error, and soon."""
    pair = start_pair(connector, "--prefill-timeout=1s", decode=["--kv-transfer-timeout", "5s"])
    FAILURES[failure](pair)
    began = time.monotonic()
    answer = pair.ask(timeout=20)
    assert time.monotonic() - began < 12
    if connector == "sglang":
        assert answer.status >= 500 and "error" in answer.json(), answer
        assert pair.count("routing_sidecar_prefill_fallbacks_total") == 0
    else:
        assert answer.status == 200 and answer.json()["usage"]["completion_tokens"] == 3, answer
        assert pair.count("routing_sidecar_prefill_fallbacks_total") == 1
    _nothing_is_left(pair)


def _nothing_is_left(pair: Pair) -> None:
    def is_quiet() -> bool:
        return (
            pair.sidecar.metric("routing_sidecar_requests_in_flight") == 0
            and http.request(pair.decode.url, "GET", "/sim/requests").json()["running"] == 0
        )

    eventually(is_quiet, "no request is left", 15)


def test_the_client_gets_the_error_where_that_is_chosen(start_pair) -> None:
    pair = start_pair("nixlv2", "--prefill-failure=error")
    _fault(pair.prefill, mode="errors", status=503)
    answer = pair.ask()
    assert answer.status == 503 and not _requests(pair.decode)
    pair.prefill.stop()
    assert pair.ask().status == 502
    assert pair.count("llm_d_disagg_sidecar_request_errors_total") == 2


def test_a_prefill_is_tried_again(start_pair) -> None:
    pair = start_pair("nixlv2", "--prefill-failure=error", "--prefill-max-retries=50", "--prefill-retry-backoff=100ms")
    _fault(pair.prefill, mode="errors", status=503, seconds=1)
    assert pair.ask().status == 200
    assert len(_requests(pair.prefill)) > 1


def test_a_decode_engine_that_is_down_is_an_error(start_pair) -> None:
    pair = start_pair("nixlv2")
    pair.decode.stop()
    answer = pair.ask()
    assert answer.status == 503 and answer.json()["error"]["code"] == 503
    assert pair.count("llm_d_disagg_sidecar_request_errors_total") == 1
    assert pair.sidecar.metric("routing_sidecar_requests_in_flight") == 0


@pytest.mark.parametrize("connector", CONNECTORS)
def test_a_decode_engine_that_breaks_off_breaks_the_answer(start_pair, connector: str) -> None:
    pair = start_pair(connector)
    _fault(pair.decode, mode="cut")
    if connector == "shared-storage":
        # What is kept of a first attempt is not the client's yet: it gets an error, and a whole one.
        assert pair.ask(stream=True, max_tokens=50).status == 502
    else:
        with pytest.raises((IncompleteRead, ConnectionError)):
            pair.ask(stream=True, max_tokens=50)
    assert pair.sidecar.metric("routing_sidecar_requests_in_flight") == 0


@pytest.mark.parametrize("connector", CONNECTORS)
@pytest.mark.parametrize("moment", ["prefill", "decode"])
def test_a_client_that_is_gone_frees_both_engines(start_pair, connector: str, moment: str) -> None:
    slow = ["--prefill-tokens-per-second", "20"]
    pair = start_pair(connector, prefill=slow if moment == "prefill" else None, decode=["--inter-token-latency", "200ms"])
    with socket.create_connection(("127.0.0.1", pair.sidecar.port), 10) as client:
        body = pair.body(stream=True, max_tokens=500)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        client.sendall((head + f"x-prefiller-host-port: {pair.prefill.address}\r\n\r\n").encode() + body)
        busy = pair.prefill if moment == "prefill" else pair.decode
        eventually(lambda: http.request(busy.url, "GET", "/sim/requests").json()["running"] > 0, "the engine works", 10)
        if moment == "decode":
            client.settimeout(15)
            assert client.recv(10)
    for engine in (pair.prefill, pair.decode):
        eventually(lambda: http.request(engine.url, "GET", "/sim/requests").json()["running"] == 0, "the engine is free", 10)
    assert pair.sidecar.metric("routing_sidecar_requests_in_flight") == 0


# MARK: Targets


@pytest.mark.parametrize(
    "target",
    [
        "169.254.169.254:80", "127.0.0.1:{port}", "localhost:{port}", "2130706433:{port}", "0x7f.1:{port}", "0177.0.0.1:{port}",
        "[::1]:{port}", "[::ffff:127.0.0.1]:{port}", "[::ffff:7f00:1]:{port}", "http://127.0.0.1:{port}", "127.1:{port}", "0.0.0.0:{port}",
        "user@10.0.0.1:{port}", "10.0.0.1:{port}/../", "127.0.0.1:{port}#@10.0.0.1:8000", "%31%32%37.0.0.1:{port}", "10.0.0.1",
    ],
)  # fmt: skip
def test_a_client_cannot_have_the_sidecar_connect_anywhere(target: str) -> None:
    """Nothing is configured, as in today's guides: no connection is made to a listener that waits for one."""
    with socket.create_server(("127.0.0.1", 0)) as trap, Simulator() as engine:
        port = trap.getsockname()[1]
        command = ["--bind-address=127.0.0.1", "--port=0", "--secure-serving=false", f"--model-server-port={engine.port}"]
        process = Process([program(), *command, f"--allow-port={port}"])
        try:
            url = "http://" + process.wait_for(r"serving HTTP on (?P<address>\S+) for")["address"]
            headers = {"x-prefiller-host-port": target.format(port=port)}
            answer = http.post(url, http.chat("hello", model="engine-sim"), headers=headers)
            assert answer.status == 403 and b"not allowed by SSRF protection" in answer.body
            trap.settimeout(0)
            with pytest.raises(BlockingIOError):
                trap.accept()
        finally:
            process.stop()


def test_an_engine_cannot_redirect_the_sidecar(start_pair) -> None:
    """A prefill engine that answers with a redirect has failed; nobody follows it."""
    with socket.create_server(("127.0.0.1", 0)) as trap, socket.create_server(("127.0.0.1", 0)) as prefill:
        prefill.settimeout(20)

        def redirect() -> None:
            connection, _ = prefill.accept()
            connection.recv(65536)
            location = f"http://127.0.0.1:{trap.getsockname()[1]}/"
            connection.sendall(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
            connection.close()

        pair = start_pair("nixlv2", f"--allow-port={prefill.getsockname()[1]}")
        thread = threading.Thread(target=redirect)
        thread.start()
        target = f"127.0.0.1:{prefill.getsockname()[1]}"
        answer = http.post(pair.sidecar.url, pair.body(), headers={"x-prefiller-host-port": target})
        thread.join()
        assert answer.status == 200 and pair.count("routing_sidecar_prefill_fallbacks_total") == 1
        trap.settimeout(0)
        with pytest.raises(BlockingIOError):
            trap.accept()


def test_many_requests_at_once(start_pair) -> None:
    pair = start_pair("nixlv2")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: pair.ask(f"{number} {PROMPT}"), range(200)))
    assert all(answer.status == 200 for answer in answers)
    assert pair.count("llm_d_disagg_sidecar_disagg_requests_total") == 200
    assert pair.count("routing_sidecar_prefill_fallbacks_total") == 0

"""Which endpoint is picked, and how the pick is said."""

import socket
from collections import Counter

import pytest

from kit import extproc as ep
from kit import http
from kit.engine import Engine
from kit.waiting import eventually

LONG = "You are a careful assistant. " * 300


def _picks(pool, count: int = 20, prefix: str = "") -> set[str]:
    return {pool.pick(f"{prefix}{number} is the number of this prompt") for number in range(count)}


def test_the_lower_queue_wins(start_pool) -> None:
    pool = start_pool(engines=3)
    busy, idle, other = pool.engines
    busy.set(waiting=20)
    other.set(waiting=12)
    assert _picks(pool) == {idle.address}
    busy.set(waiting=0)
    idle.set(waiting=25)
    assert _picks(pool, prefix="again ") == {busy.address}


def test_the_lower_kv_cache_use_wins(start_pool) -> None:
    pool = start_pool("--scorer", "kv-cache-utilization-scorer=1")
    full, empty = pool.engines
    full.set(kv_usage=0.9)
    empty.set(kv_usage=0.1)
    assert _picks(pool) == {empty.address}


def test_fewer_running_requests_win(start_pool) -> None:
    pool = start_pool("--scorer", "running-requests-size-scorer=1")
    busy, idle = pool.engines
    busy.set(running=30)
    idle.set(running=1)
    assert _picks(pool) == {idle.address}


def test_a_resident_lora_adapter_wins(start_pool) -> None:
    pool = start_pool("--scorer", "lora-affinity-scorer=1")
    resident, other = pool.engines
    resident.set(running_loras=["sql", "chat"])
    other.set(running_loras=["poetry"])
    for number in range(10):
        body = http.chat(f"{number} question", model="sql")
        assert pool.ask(body).destination == resident.address
        body = http.chat(f"{number} question", model="poetry")
        assert pool.ask(body).destination == other.address


def test_a_waiting_lora_adapter_beats_a_full_engine(start_pool) -> None:
    pool = start_pool("--scorer", "lora-affinity-scorer=1")
    waiting, full = pool.engines
    waiting.set(max_lora=2, running_loras=["a", "b"], waiting_loras=["sql"])
    full.set(max_lora=2, running_loras=["c", "d"])
    assert {pool.ask(http.chat(f"{n}", model="sql")).destination for n in range(10)} == {waiting.address}


def test_a_repeated_prefix_returns_to_its_engine(start_pool) -> None:
    pool = start_pool(engines=3)
    first = pool.pick(LONG + "turn 0")
    assert {pool.pick(f"{LONG}turn {number}") for number in range(1, 12)} == {first}


def test_token_ids_of_a_grpc_request_return_to_their_engine(start_pool) -> None:
    """A request of vLLM's gRPC API as Envoy shows it, cut anywhere; its answer is counted."""
    pool = start_pool(
        "--config-text",
        "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nplugins: [{type: vllmgrpc-parser}, {type: prefix-cache-scorer}]\n"
        "schedulingProfiles: [{name: default, plugins: [{pluginRef: prefix-cache-scorer}]}]\n"
        "requestHandler: {parsers: [{pluginRef: vllmgrpc-parser}]}\n",
        engines=3)
    headers = [
        (name, "application/grpc" if name == "content-type" else value)
        for name, value in ep.post_headers("/vllm.grpc.engine.VllmEngine/Generate")
    ]

    def ask(last: int) -> str:
        ids = b"".join(bytes([0x80 | token & 0x7F, token >> 7]) for token in [*range(128, 1128), last])
        tokenized = b"\x12" + _varint(len(ids)) + ids
        message = b"\x12" + _varint(len(tokenized)) + tokenized
        body = b"\0" + len(message).to_bytes(4, "big") + message
        exchange = pool.exchange()
        destination = exchange.request(headers, [body[:3], body[3:700], body[700:]]).destination
        # GenerateResponse{chunk{token_ids: [9, 400], prompt_tokens: 1001, cached_tokens: 960}}
        chunk = b"\x12\x0b\x0a\x03\x09\x90\x03\x10\xe9\x07\x20\xc0\x07"
        exchange.respond([(":status", "200"), ("content-type", "application/grpc")], [b"\0\0\0\0\x0d" + chunk])
        exchange.stream.finish()
        return destination

    first = ask(200)
    assert {ask(number) for number in range(201, 212)} == {first}
    eventually(lambda: pool.epp.metric("llm_d_epp_request_input_tokens_sum") == 12 * 1001, "input tokens", 5)
    assert pool.epp.metric("llm_d_epp_request_output_tokens_sum") == 12 * 2


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7]) if number > 127 else bytes([number])


def test_prefixes_are_kept_apart_by_model(start_pool) -> None:
    pool = start_pool("--scorer", "prefix-cache-scorer=1", engines=3)
    homes = {}
    for model in ("a", "b", "c", "d", "e", "f", "g", "h"):
        homes[model] = pool.ask(http.chat(LONG, model=model)).destination
    assert len(set(homes.values())) > 1, "all models share one engine: the model is not part of the key"
    for model, home in homes.items():
        assert pool.ask(http.chat(LONG, model=model)).destination == home


def test_prefix_entries_follow_the_endpoint_that_served(start_pool) -> None:
    pool = start_pool("--scorer", "prefix-cache-scorer=1")
    exchange = pool.exchange()
    picked = exchange.request(ep.post_headers(), [http.chat(LONG)]).destination
    (other,) = {engine.address for engine in pool.engines} - {picked}
    exchange.respond(
        [(":status", "200"), ("content-type", "application/json")], [b"{}"], metadata=ep.served(other)
    )
    exchange.stream.finish()
    assert {pool.pick(LONG + str(number)) for number in range(10)} == {other}


def test_the_random_picker_uses_every_endpoint(start_pool) -> None:
    pool = start_pool("--picker", "random-picker", engines=3)
    counts = Counter(pool.pick(LONG) for _ in range(90))
    assert set(counts) == {engine.address for engine in pool.engines}
    assert min(counts.values()) >= 10


def test_a_list_of_fallbacks_is_in_the_order_of_the_scores(start_pool) -> None:
    config = """
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: max-score-picker
  parameters: {maxNumOfEndpoints: 2}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
  - pluginRef: max-score-picker
"""
    pool = start_pool("--config-text", config, engines=3)
    third, first, second = pool.engines
    third.set(waiting=40)
    second.set(waiting=20)
    assert _picks(pool, 10) == {f"{first.address},{second.address}"}


def test_sessions_stay_with_their_engine(start_pool) -> None:
    pool = start_pool(engines=3)
    homes = {f"session-{n}": pool.pick(f"{n} hello", ("x-session-id", f"session-{n}")) for n in range(9)}
    for turn in range(4):
        for session, home in homes.items():
            assert pool.pick(f"{turn} {session} next", ("x-session-id", session)) == home
    assert pool.epp.metric("epp_session_affinity_total", outcome="new") == 9
    assert pool.epp.metric("epp_session_affinity_total", outcome="kept") == 36


def test_sessions_by_client_address(start_pool) -> None:
    config = """
apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: session-affinity-scorer
  parameters: {strategy: client_address}
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: session-affinity-scorer
"""
    pool = start_pool("--config-text", config, engines=3)

    def pick(client: int, port: int) -> str:
        source = ep.attributes(source__address=f"192.0.2.{client}:{port}")
        return pool.ask(http.chat(f"{client} {port}"), attributes=source).destination

    homes = {client: pick(client, 1000) for client in range(12)}
    assert len(set(homes.values())) > 1
    for client, home in homes.items():
        assert {pick(client, port) for port in range(2000, 2004)} == {home}


def test_subset_hints_match_address_and_port(pool) -> None:
    wanted, other = (engine.address for engine in pool.engines)
    # Same address, a port that no endpoint has: only an exact match counts.
    for number in range(8):
        assert pool.pick(f"subset {number}", metadata=ep.subset([wanted, "127.0.0.1:1"])) == wanted
        assert pool.pick(f"subset {number}", metadata=ep.subset([other])) == other


@pytest.mark.parametrize("value", [[], ""], ids=str)
def test_a_subset_without_an_endpoint_is_503(pool, value: object) -> None:
    outcome = pool.ask(http.chat("x"), metadata=ep.subset(value))
    assert outcome.status == 503
    assert outcome.immediate_header("x-llm-d-request-dropped-reason") == "rejected-no-endpoints"


def test_subset_hints_hold_for_requests_without_a_body(pool) -> None:
    for engine in pool.engines:
        for _ in range(6):
            exchange = pool.exchange()
            outcome = exchange.bodyless(ep.get_headers(), metadata_context=ep.subset([engine.address]))
            assert outcome.destination == engine.address
            exchange.stream.cancel()


def test_an_ipv6_endpoint_has_brackets(start_pool) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    pool = start_pool(engines=[Engine("six", host="::1"), Engine("four")])
    six, four = pool.engines
    assert pool.pick("a", metadata=ep.subset([six.address])) == six.address
    assert pool.pick("a", metadata=ep.subset([four.address])) == four.address
    exchange = pool.exchange()
    assert exchange.bodyless(ep.get_headers(), metadata_context=ep.subset([six.address])).destination == six.address
    exchange.stream.cancel()


def test_a_host_name_is_an_endpoint(start_pool) -> None:
    engine = Engine("named")
    pool = start_pool("--endpoint", f"localhost:{engine.port}", engines=[])
    engine.wait_scrapes(3)
    assert pool.pick("a") == engine.address
    assert f'"localhost:{engine.port}"' in pool.epp.metrics()
    engine.stop()


def test_the_pick_is_said_in_header_and_metadata_and_nothing_is_echoed(pool) -> None:
    body = http.chat("x" * 200)
    outcome = pool.ask(body)
    assert outcome.metadata["envoy.lb"][ep.DESTINATION] == outcome.destination
    assert outcome.header("content-length") == [str(len(body))]
    assert outcome.clear_route_cache
    assert set(outcome.set_headers) == {ep.DESTINATION, "content-length"}
    assert len(outcome.set_headers) == 2


@pytest.mark.parametrize("name", ["x-gateway-destination-endpoint", "x-prefiller-host-port"])
@pytest.mark.parametrize("bodyless", [False, True], ids=["post", "get"])
def test_internal_headers_of_a_client_do_not_reach_the_engine(pool, name: str, bodyless: bool) -> None:
    spoofed = [(name, "203.0.113.9:6666"), (name, "203.0.113.10:6666")]
    exchange = pool.exchange()
    if bodyless:
        outcome = exchange.bodyless(ep.get_headers("/v1/models", *spoofed))
    else:
        outcome = exchange.request(ep.post_headers("/v1/chat/completions", *spoofed), [http.chat("a")])
    exchange.stream.cancel()
    assert outcome.destination in {engine.address for engine in pool.engines}
    assert not [value for key, value in outcome.headers if "203.0.113" in value]


def test_the_model_is_rewritten_by_header(pool) -> None:
    body = http.chat("é \\ \" x" * 50)
    outcome = pool.ask(body, ("x-llm-d-model-name-rewrite", "other-model"), mode=ep.BUFFERED)
    assert outcome.body == body.replace(b'"model": "m"', b'"model": "other-model"')
    assert outcome.header("content-length") == [str(len(outcome.body))]

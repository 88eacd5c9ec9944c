"""Requests that cannot be routed get an answer in OpenAI's error format, at once, and nothing else suffers."""

import json
import random

import grpc
import pytest
from envoy.service.ext_proc.v3 import external_processor_pb2 as extproc

from kit import extproc as ep

ANY_END = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}


def _refused(pool, body: bytes, path: str = "/v1/chat/completions", mode: int = ep.FULL_DUPLEX):
    exchange = pool.exchange(mode)
    outcome = exchange.request(ep.post_headers(path), [body])
    exchange.stream.finish()
    assert outcome.immediate is not None, "a request that should be refused was routed"
    assert outcome.immediate_header("content-type") == "application/json"
    return outcome


@pytest.mark.parametrize("mode", [ep.FULL_DUPLEX, ep.BUFFERED], ids=["full-duplex", "buffered"])
def test_a_body_that_is_not_a_json_object_is_400(pool, mode: int) -> None:
    outcome = _refused(pool, b'{"model": "m", "messages": [', mode=mode)
    assert outcome.status == 400
    error = outcome.error()
    assert error["type"] == "invalid_request_error"
    assert error["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "m", "prompt": "text"}),
        ("/v1/completions", {"model": "m", "prompt": ["a", "b"]}),
        ("/v1/completions", {"model": "m", "prompt": [1, 2, 3]}),
        ("/v1/completions", {"model": "m", "prompt": [[1, 2], [3]]}),
        ("/v1/chat/completions/", {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]}),
        ("/prefix/v1/chat/completions?x=1", {"model": "m", "messages": [{"role": "user", "content": "a"}]}),
        ("/v1/embeddings", {"model": "m", "input": ["a"]}),
        ("/v1/responses", {"model": "m", "input": "a"}),
        ("/v1/messages", {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}]}),
        ("/v1/embeddings", {"model": "m", "messages": [{"role": "user", "content": "a"}]}),
        ("/v1/completions", {"model": "m", "prompt_embeds": "AAAA"}),
        ("/v1/chat/completions", {"model": "m", "messages": []}),
        ("/v1/messages/count_tokens", {"model": "m", "messages": [{"role": "user", "content": "a"}]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_api_is_routed(pool, path: str, body: dict) -> None:
    assert pool.ask(json.dumps(body).encode(), path=path).destination in {e.address for e in pool.engines}


def test_keys_may_be_escaped_and_the_last_duplicate_counts(start_pool) -> None:
    pool = start_pool("--scorer", "lora-affinity-scorer=1")
    resident, _ = pool.engines
    resident.set(running_loras=["sql"])
    body = b'{"model": "no", "mo\\u0064el": "sql", "messages": [{"role": "user", "content": "a"}]}'
    assert {pool.ask(body).destination for _ in range(8)} == {resident.address}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a": ' * 200_000,
        b'{"model": "m", "messages": [{"role": "user", "content": "a"}], "x": ' + b'{"a": [' * 100_000,
    ],
    ids=["open", "closed", "objects", "mixed"],
)
def test_two_hundred_thousand_brackets_are_400(pool, body: bytes) -> None:
    assert _refused(pool, body).status == 400
    pool.works()


def test_brackets_that_are_no_known_prompt_are_routed(pool) -> None:
    body = b'{"model": "m", "messages": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert pool.ask(body).destination in {engine.address for engine in pool.engines}
    pool.works()


def test_messages_out_of_order_end_the_stream(pool) -> None:
    stream = pool.stream()
    stream.send(ep.request_body(b"{}", True))
    assert stream.status() == grpc.StatusCode.INVALID_ARGUMENT
    pool.works()


def test_garbage_bytes_end_only_their_stream(pool) -> None:
    generator = random.Random(11)
    for _ in range(200):
        stream = pool.stream()
        stream.send(generator.randbytes(generator.choice([1, 5, 50, 5_000])))
        stream.half_close()
        assert stream.status() in ANY_END
    pool.works()


def test_messages_cut_short_end_only_their_stream(pool) -> None:
    whole = ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)).SerializeToString()
    for length in range(1, len(whole), 7):
        stream = pool.stream()
        stream.send(whole[:length])
        stream.half_close()
        assert stream.status() in ANY_END
    pool.works()


def test_every_bit_of_a_message_may_flip(pool) -> None:
    whole = bytearray(ep.request_headers(ep.get_headers(), end=True).SerializeToString())
    for position in range(len(whole)):
        whole[position] ^= 1 << (position % 8)
        stream = pool.stream()
        stream.send(bytes(whole))
        stream.half_close()
        assert stream.status() in ANY_END
        whole[position] ^= 1 << (position % 8)
    pool.works()


def test_an_empty_message_does_not_hang(pool) -> None:
    stream = pool.stream()
    stream.send(extproc.ProcessingRequest())
    stream.half_close()
    assert stream.status() in ANY_END


def test_a_stream_without_messages_ends(pool) -> None:
    stream = pool.stream()
    assert stream.finish() == []

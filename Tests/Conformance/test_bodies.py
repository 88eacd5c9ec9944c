"""Bodies in every mode that Envoy has, over real connections. Every cutting of every mode: Tests/EPPExtProcTests."""

import random

import pytest

from kit import extproc as ep
from kit import http
from kit.waiting import eventually

MODES = {
    "full-duplex": ep.FULL_DUPLEX, "streamed": ep.STREAMED, "buffered": ep.BUFFERED,
    "buffered-partial": ep.BUFFERED_PARTIAL, "none": ep.NONE,
}
JSON_ANSWER = [(":status", "200"), ("content-type", "application/json")]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())
def test_every_mode_serves_an_exchange(pool, mode: int) -> None:
    body = http.chat("m" * 130_000)
    exchange = pool.exchange(mode, ep.NONE if mode == ep.NONE else mode)
    outcome = exchange.request(ep.post_headers(), ep.cut(body, 40_000))
    assert outcome.destination in {engine.address for engine in pool.engines}
    assert outcome.body == body
    answer = b'{"usage": {"prompt_tokens": 3, "completion_tokens": 1}}'
    response = exchange.respond(JSON_ANSWER, [] if mode == ep.NONE else [answer])
    assert response.body == (b"" if mode == ep.NONE else answer)
    exchange.stream.finish()


@pytest.mark.parametrize("mode", [ep.BUFFERED, ep.BUFFERED_PARTIAL], ids=["buffered", "buffered-partial"])
def test_buffered_modes_pick_by_the_body(start_pool, mode: int) -> None:
    pool = start_pool("--scorer", "prefix-cache-scorer=1", engines=3)
    prompt = "Prompt that is long enough for several blocks. " * 40
    home = pool.ask(http.chat(prompt), mode=mode).destination
    assert {pool.ask(http.chat(prompt + str(n)), mode=mode).destination for n in range(8)} == {home}


def test_a_body_in_random_pieces(pool) -> None:
    generator = random.Random(7)
    body = http.chat("random " * 30_000)
    for _ in range(20):
        pieces, rest = [], body
        while rest:
            size = generator.choice([0, 1, 3, 100, 16_384, 65_536, 98_304])
            pieces.append(rest[:size])
            rest = rest[size:]
        outcome = pool.exchange().request(ep.post_headers(), pieces + [b""])
        assert outcome.body == body


def test_two_megabytes_in_pieces_of_16_kilobytes(pool) -> None:
    body = http.chat("2" * (2 << 20))
    outcome = pool.exchange().request(ep.post_headers(), ep.cut(body, 16_384))
    assert outcome.body == body
    pieces = [m.request_body.response.body_mutation.streamed_response.body for m in outcome.messages[1:]]
    assert max(map(len, pieces)) <= 62_000


def test_a_megabyte_in_one_piece(pool) -> None:
    body = http.chat("1" * (1 << 20))
    outcome = pool.exchange().request(ep.post_headers(), [body])
    assert outcome.body == body


@pytest.mark.parametrize("trailers", [[], [("x-checksum", "abc")]], ids=["empty", "one"])
def test_request_trailers_end_the_body(pool, trailers: ep.Headers) -> None:
    body = http.chat("t" * 100_000)
    outcome = pool.exchange().request(ep.post_headers(), ep.cut(body, 30_000), trailers=trailers)
    assert outcome.body == body
    assert outcome.trailers_answered


def test_other_paths_pass_whatever_their_body_is(pool) -> None:
    for path in ("/v1/audio/transcriptions", "/tokenize", "/"):
        body = random.Random(1).randbytes(50_000)
        outcome = pool.exchange().request(ep.post_headers(path), ep.cut(body, 20_000))
        assert outcome.body == body
        assert outcome.destination in {engine.address for engine in pool.engines}


def test_a_body_over_the_limit_is_413(start_pool) -> None:
    pool = start_pool("--max-request-body-bytes", "100000")
    fits = http.chat("x" * 99_000)
    assert pool.exchange().request(ep.post_headers(), ep.cut(fits, 16_384)).body == fits
    big = http.chat("x" * 100_001)
    announced = ep.post_headers("/v1/chat/completions", ("content-length", str(len(big))))
    for headers in (ep.post_headers(), announced):
        exchange = pool.exchange()
        outcome = exchange.request(headers, ep.cut(big, 16_384))
        assert outcome.status == 413
        assert outcome.immediate_header("content-type") == "application/json"
        assert "100000" in str(outcome.error()["message"])
        exchange.stream.finish()
    outcome = pool.exchange(ep.BUFFERED).request(ep.post_headers(), [big])
    assert outcome.status == 413


def test_bodies_over_the_common_limit_are_503_until_memory_is_free(start_pool) -> None:
    pool = start_pool("--max-request-body-bytes", "2000000", "--max-buffered-bytes", "3000000")
    held = []
    for number in range(1, 5):
        stream = pool.stream()
        headers = ep.post_headers() + [("content-length", "1000000")]
        stream.send(ep.request_headers(headers, protocol_config=ep.protocol(4, 4)))
        for _ in range(10):
            stream.send(ep.request_body(b"x" * 100_000))
        held.append(stream)
        if number < 4:
            eventually(lambda: pool.epp.metric("epp_buffered_body_bytes") >= number * 1_000_000, f"{number} bodies held")
    response = held[3].receive()
    assert response.WhichOneof("response") == "immediate_response"
    refused = response.immediate_response
    assert refused.status.code == 503
    reasons = {o.header.key: o.header.raw_value for o in refused.headers.set_headers}
    assert reasons["x-llm-d-request-dropped-reason"] == b"rejected-buffer-full"
    for stream in held:
        stream.cancel()
    eventually(lambda: pool.ask(http.chat("x" * 500_000)).status == 200, "room for a body again")


def test_small_bodies_fit_beside_large_ones_that_are_refused(start_pool) -> None:
    """One-byte chunks cost their bytes, and a body that is too large for what is left is in nobody's way."""
    pool = start_pool("--max-request-body-bytes", "2000000", "--max-buffered-bytes", "2000000")
    held = pool.stream()
    held.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    for _ in range(20_000):
        held.send(ep.request_body(b"x"))
    eventually(lambda: pool.epp.metric("epp_buffered_body_bytes") >= 20_000, "a body in one-byte chunks is held")
    assert pool.epp.metric("epp_buffered_body_bytes") < 50_000
    for _ in range(20):
        assert pool.ask(http.chat("x" * 1_990_000)).status == 503
        assert pool.ask(http.chat("x" * 1_000)).status == 200
    held.cancel()
    eventually(lambda: pool.epp.metric("epp_buffered_body_bytes") == 0, "the memory is given back")


def test_a_body_that_never_ends_meets_the_deadline(start_pool) -> None:
    pool = start_pool("--request-deadline", "1s")
    stream = pool.stream()
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    stream.send(ep.request_body(b'{"model": "m", "mess'))
    response = stream.receive()
    assert response.WhichOneof("response") == "immediate_response"
    assert response.immediate_response.status.code in (408, 503, 504)


def test_a_buffered_body_that_never_comes_meets_the_deadline(start_pool) -> None:
    """The answer to the headers has been sent, and the next message is waited for in the same batch of the core."""
    pool = start_pool("--request-deadline", "1s")
    stream = pool.stream()
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(ep.BUFFERED, ep.BUFFERED)))
    assert stream.receive().WhichOneof("response") == "request_headers"
    response = stream.receive()
    assert response.WhichOneof("response") == "immediate_response"
    assert response.immediate_response.status.code == 503
    pool.works()

"""The response half of a stream."""

import pytest

from kit import extproc as ep
from kit import http
from kit.waiting import eventually

JSON_ANSWER = [(":status", "200"), ("content-type", "application/json"), ("transfer-encoding", "chunked")]
SSE_ANSWER = [(":status", "200"), ("content-type", "text/event-stream")]


def _asked(pool, **fields: object):
    exchange = pool.exchange()
    exchange.request(ep.post_headers(), [http.chat("question", **fields)])
    return exchange


def test_events_pass_one_by_one_and_unchanged(pool) -> None:
    exchange = _asked(pool, stream=True)
    outcome = exchange.start_response(SSE_ANSWER)
    sent = b""
    for index in range(50):
        chunk = b'data: {"index": %d}\n\n' % index
        # Returns only when the chunk has come back, and no later chunk has been sent yet.
        exchange.response_chunk(outcome, chunk)
        sent += chunk
    exchange.response_chunk(outcome, b"", end=True)
    assert outcome.body == sent
    assert outcome.ended
    exchange.stream.finish()


def test_response_headers_are_not_echoed(pool) -> None:
    exchange = _asked(pool)
    outcome = exchange.respond(JSON_ANSWER, [b"{}"])
    assert set(outcome.set_headers) <= {"x-went-into-resp-headers"}
    assert outcome.header("transfer-encoding") == ["chunked"]
    exchange.stream.finish()


def test_response_trailers(pool) -> None:
    exchange = _asked(pool, stream=True)
    outcome = exchange.respond(SSE_ANSWER, [b"data: 1\n\n", b"data: 2\n\n"], trailers=[("grpc-status", "0")])
    assert outcome.body == b"data: 1\n\ndata: 2\n\n"
    assert outcome.trailers_answered
    exchange.stream.finish()


def test_large_responses_come_back_whole(pool) -> None:
    exchange = _asked(pool)
    body = b"y" * 3_000_000
    outcome = exchange.respond(JSON_ANSWER, ep.cut(body, 700_000) + [b""])
    assert outcome.body == body
    pieces = [m.response_body.response.body_mutation.streamed_response.body for m in outcome.messages[1:]]
    assert max(map(len, pieces)) <= 65_536
    exchange.stream.finish()


def test_usage_is_counted(start_pool) -> None:
    pool = start_pool(engines=1)
    exchange = _asked(pool, stream=True)
    events = b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\n' * 3
    usage = b'{"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, '
    usage += b'"prompt_tokens_details": {"cached_tokens": 64}}'
    events += b'data: {"choices": [], "usage": ' + usage + b"}\n\ndata: [DONE]\n\n"
    exchange.respond(SSE_ANSWER, ep.cut(events, 3) + [b""])
    exchange.stream.finish()
    eventually(lambda: pool.epp.metric("llm_d_epp_request_input_tokens_sum") == 100, "100 prompt tokens counted")
    assert pool.epp.metric("llm_d_epp_request_output_tokens_sum") == 20
    assert pool.epp.metric("llm_d_epp_request_cached_tokens_sum") == 64
    assert pool.epp.metric("epp_prefix_cache_hit_tokens_total", source="reported") == 64


REWRITTEN = ("x-llm-d-model-name-rewrite", "t")
EVENTS = [
    b'data: {"model": "%s", "choices": [{"delta": {"content": "\\"model\\": \\"t\\""}}]}\n\n',
    b'data: {"model":"%s","usage":{"prompt_tokens":5,"completion_tokens":1}}\n\n',
    b"data: [DONE]\n\n",
]


def test_answers_show_the_model_that_the_client_asked_for(start_pool) -> None:
    """Also where answers are not looked at otherwise."""
    pool = start_pool("--response-processing", "none", engines=1)
    exchange = pool.exchange()
    outcome = exchange.request(ep.post_headers("/v1/chat/completions", REWRITTEN), [http.chat("x", model="client's", stream=True)])
    assert b'"model": "t"' in outcome.body
    outcome = exchange.start_response(SSE_ANSWER)
    sent = b"".join(event.replace(b"%s", b"t") for event in EVENTS)
    for chunk in ep.cut(sent, 1):
        exchange.stream.send(ep.response_body(chunk))
        # One piece for each chunk, be it empty.
        exchange._streamed_piece(outcome, "response")
    exchange.response_chunk(outcome, b"", end=True)
    assert outcome.body == b"".join(event.replace(b"%s", b"client's") for event in EVENTS)
    exchange.stream.finish()


def test_a_buffered_answer_shows_the_model_that_the_client_asked_for(pool) -> None:
    exchange = pool.exchange(ep.FULL_DUPLEX, ep.BUFFERED)
    exchange.request(ep.post_headers("/v1/chat/completions", REWRITTEN), [http.chat("x", model="client's")])
    answer = b'{"id": "1", "model": "t", "choices": [{"message": {"content": "\\"model\\": \\"t\\""}}]}'
    outcome = exchange.respond([*JSON_ANSWER[:2], ("content-length", str(len(answer)))], [answer])
    assert outcome.body == answer.replace(b'"model": "t",', b'"model": "client\'s",')
    # The engine's length is that of another body.
    assert outcome.header("content-length") == []
    exchange.stream.finish()


def test_without_response_processing_the_stream_ends_with_the_request(start_pool) -> None:
    pool = start_pool("--response-processing", "none")
    for mode in (ep.FULL_DUPLEX, ep.BUFFERED):
        exchange = pool.exchange(mode, ep.NONE if mode == ep.BUFFERED else mode)
        body = http.chat("none")
        assert exchange.request(ep.post_headers(), [body]).body == body
        # The gateway says nothing more, and yet the stream ends with status OK.
        with pytest.raises(EOFError):
            exchange.stream.receive()
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "nothing in flight")


def test_a_client_that_vanishes_leaves_nothing_behind(pool) -> None:
    for point in range(5):
        channel = pool.epp.channel()
        stream = ep.Stream(channel)
        steps = [
            ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)),
            ep.request_body(b'{"model": "m", '),
            ep.request_body(b'"messages": [{"role": "user", "content": "x"}]}', True),
            ep.response_headers(SSE_ANSWER),
            ep.response_body(b"data: x\n\n"),
        ]
        stream.send(*steps[: point + 1])
        if point >= 2:
            stream.receive()
        channel.close()
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "nothing in flight")
    pool.works()

"""Clients that mean harm, or do some: time and memory stay bounded and everybody else is served."""

import time

import grpc
import pytest

from kit import extproc as ep
from kit import http
from kit.gateway import Exchange
from kit.waiting import eventually

MEGABYTE = 1 << 20


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _nested_value(depth: int, through_struct: bool) -> bytes:
    """A google.protobuf.Value nested so deep, in wire bytes: Python's own protobuf would refuse to make it."""
    value = _field(3, b"x")
    for _ in range(depth):
        if through_struct:
            value = _field(5, _field(1, _field(1, b"k") + _field(2, value)))
        else:
            value = _field(6, _field(1, value))
    return value


def _struct(value: bytes) -> bytes:
    return _field(1, _field(1, b"key") + _field(2, value))


@pytest.mark.parametrize("through_struct", [False, True], ids=["list", "struct"])
@pytest.mark.parametrize("depth", [33, 5_000, 10_000])
@pytest.mark.parametrize("place", ["metadata_context", "attributes"])
def test_deeply_nested_metadata_does_not_end_the_process(pool, place: str, depth: int, through_struct: bool) -> None:
    struct = _struct(_nested_value(depth, through_struct))
    # metadata_context is field 8 and holds filter_metadata, a map, as field 1; attributes is field 9, a map itself.
    if place == "metadata_context":
        extra = _field(8, _field(1, _field(1, b"envoy.lb.subset_hint") + _field(2, struct)))
    else:
        extra = _field(9, _field(1, b"envoy.filters.http.ext_proc") + _field(2, struct))
    headers = ep.request_headers(ep.get_headers(), end=True).SerializeToString()
    stream = pool.stream()
    stream.send(headers + extra)
    stream.half_close()
    assert stream.status() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    pool.works()


def test_nested_metadata_with_every_message(pool) -> None:
    entry = _field(1, _field(1, b"other") + _field(2, _struct(_nested_value(8_000, False))))
    extra = _field(8, entry)
    stream = pool.stream()
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)).SerializeToString() + extra)
    for piece in ep.cut(http.chat("a" * 500), 100):
        stream.send(ep.request_body(piece).SerializeToString() + extra)
    stream.send(ep.request_body(b"", True).SerializeToString() + extra)
    stream.half_close()
    assert stream.status() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    pool.works()


@pytest.mark.parametrize(
    "junk",
    [b"\x0b" * 60_000, b"\x0f" * 60_000, b"\xff" * 60_000, b"\x80" * 60_000, b"\x7a\xff\xff\xff\xff\x0f"],
    ids=["start groups", "wire type 7", "long tags", "endless varint", "length beyond the end"],
)
def test_hostile_wire_bytes(pool, junk: bytes) -> None:
    stream = pool.stream()
    stream.send(ep.request_headers(ep.get_headers(), end=True).SerializeToString() + junk)
    stream.half_close()
    assert stream.status() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    pool.works()


@pytest.mark.memory
@pytest.mark.parametrize(
    "flood",
    [
        [(f"x-flood-{n}", "v" * 20) for n in range(20_000)],
        [("x-flood", "v" * 8_000_000)],
        [("x-flood", "v")] * 50_000,
        [("k" * 100_000, "v")],
        [("content-length", "99999999999999999999999")],
        [("content-length", "-1"), ("content-length", "7")],
        [("x-session-id", "s" * 1_000_000)],
        [("x-request-id", "r" * 1_000_000)],
        [("", "")] * 1000,
        [("x-nul", b"a\0b"), ("x-bytes", bytes(range(256)))],
    ],
    ids=["many", "long value", "repeated", "long name", "huge length", "two lengths", "long session", "long id",
         "empty names", "any bytes"],
)
def test_header_floods(pool, flood: ep.Headers) -> None:
    before = pool.epp.resident_bytes()
    for _ in range(5):
        exchange = pool.exchange()
        try:
            outcome = exchange.request(ep.post_headers("/v1/chat/completions", *flood), [http.chat("a")])
            assert outcome.immediate is None or 400 <= outcome.status < 500
        except grpc.RpcError as error:
            # Headers of megabytes are no headers: the stream is refused, which the gateway answers with 500.
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        exchange.stream.cancel()
    pool.works()
    assert pool.epp.resident_bytes() < before + 150 * MEGABYTE


def test_header_names_that_are_not_text(pool) -> None:
    # Python's protobuf refuses invalid UTF-8 in a string, so the message is made by hand: HttpHeaders{headers{headers}}.
    for key in (b"\xff\xfe", b"a\0b", b"\0", b"A" * 70_000, b"\xed\xa0\x80"):
        header = _field(1, _field(1, key) + _field(3, b"value"))
        message = _field(2, _field(1, header) + b"\x18\x01")
        stream = pool.stream()
        stream.send(message)
        stream.half_close()
        assert stream.status() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    pool.works()


def test_call_metadata_over_the_limit_is_refused(pool) -> None:
    stream = pool.stream(metadata=[(f"x-{n}", "v" * 1000) for n in range(200)])
    stream.send(ep.request_headers(ep.get_headers(), end=True))
    # By the end of the connection where the server says so before all of it has been sent.
    assert stream.status() in {
        grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE
    }
    pool.works()


def test_a_message_over_the_receive_limit_is_refused(pool) -> None:
    stream = pool.stream(timeout=30)
    stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    stream.send(ep.request_body(b"x" * (65 * MEGABYTE)))
    assert stream.status() == grpc.StatusCode.RESOURCE_EXHAUSTED
    pool.works()


@pytest.mark.memory
def test_streams_opened_and_reset_in_a_loop_cost_no_memory(pool) -> None:
    opening = [
        ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)).SerializeToString(),
        ep.request_body(b'{"model": "m", "messages": [' + b" " * 20_000).SerializeToString(),
    ]
    channel = pool.epp.channel()

    def reset(count: int) -> None:
        for number in range(count):
            stream = ep.Stream(channel)
            stream.send(*opening[: number % 3])
            stream.cancel()

    reset(500)
    pool.works()
    files = pool.epp.open_files()
    pool.leaves_nothing(lambda: reset(4_000))
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "nothing in flight")
    # A connection for each look whether the picker works.
    assert pool.epp.open_files() <= files + 20


@pytest.mark.memory
def test_whole_exchanges_in_a_loop_cost_no_memory(start_pool) -> None:
    pool = start_pool(engines=1)
    body = http.chat("the same prompt every time " * 200)

    def run(count: int) -> None:
        for _ in range(count):
            pool.ask(body)

    run(400)
    pool.leaves_nothing(lambda: run(1_500))


@pytest.mark.memory
def test_a_slow_reader_slows_only_itself(pool) -> None:
    before = pool.epp.resident_bytes()
    body = http.chat("s" * (2 * MEGABYTE))
    slow = []
    for _ in range(12):
        # A connection of its own: its flow-control window fills while nothing is read from the stream.
        stream = ep.Stream(pool.epp.channel(), timeout=60)
        stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
        for piece in ep.cut(body, 65_536):
            stream.send(ep.request_body(piece))
        stream.send(ep.request_body(b"", True))
        slow.append(stream)
    started = time.monotonic()
    for number in range(20):
        pool.pick(f"quick {number}")
    assert time.monotonic() - started < 10
    # In the end a slow reader gets everything.
    received = b""
    while True:
        response = slow[0].receive()
        if response.WhichOneof("response") == "request_headers":
            continue
        piece = response.request_body.response.body_mutation.streamed_response
        received += piece.body
        if piece.end_of_stream:
            break
    assert received == body
    for stream in slow:
        stream.cancel()
    assert pool.epp.resident_bytes() < before + 12 * 3 * 2 * MEGABYTE
    pool.works()


def test_many_open_streams_leave_room_for_others(pool) -> None:
    held = []
    for _ in range(10):
        channel = pool.epp.channel()
        for _ in range(90):
            stream = ep.Stream(channel, timeout=60)
            stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
            held.append(stream)
    pool.works()
    for stream in held:
        stream.cancel()
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "nothing in flight")


def test_an_endless_conversation_after_the_end_is_cut(pool) -> None:
    exchange = Exchange(pool.stream())
    exchange.request(ep.post_headers(), [http.chat("a")])
    exchange.respond([(":status", "200")], [b"{}"])
    exchange.stream.send(ep.response_body(b"more"), ep.response_body(b"more", True))
    assert exchange.stream.status() in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}


def test_a_model_name_per_request_does_not_grow_the_metrics(start_pool) -> None:
    pool = start_pool(engines=1)
    for number in range(1_300):
        pool.ask(http.chat("a", model=f"model-{number}"))
    page = pool.epp.metrics()
    models = {line.split('model_name="')[1].split('"')[0] for line in page.splitlines() if 'model_name="model-' in line}
    assert len(models) <= 1_000
    assert 'model_name="other"' in page


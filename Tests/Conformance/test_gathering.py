"""Answers that leave together: nothing is lost, late or out of order, with connections that die and clients that do not read."""

import concurrent.futures
import socket
import ssl
import struct
import threading

import grpc
import pytest

from kit import extproc as ep
from kit import http, http2
from kit.gateway import Exchange
from kit.waiting import eventually

ANSWER = [(":status", "200"), ("content-type", "text/event-stream")]
CHUNK = b'data: {"choices":[{"text":" word"}]}\n\n'


def _conversation(channel: grpc.Channel, number: int, chunks: int = 20) -> str:
    """A whole exchange whose answer comes in chunks that are sent without waiting for one another; the destination."""
    exchange = Exchange(ep.Stream(channel, timeout=60))
    outcome = exchange.request(ep.post_headers(), [http.chat(f"question {number} " + "word " * (number % 7) * 500)])
    assert outcome.status == 200
    answer = exchange.start_response(ANSWER)
    for index in range(chunks):
        exchange.stream.send(ep.response_body(CHUNK + b"%d" % index, index == chunks - 1))
    while not answer.ended:
        exchange._streamed_piece(answer, "response")
    assert answer.body == ep.join([CHUNK + b"%d" % index for index in range(chunks)])
    exchange.stream.finish()
    return outcome.destination


def _request(stream: int, body: bytes) -> list[bytes]:
    """The frames of a request whose body is whole."""
    head = ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(ep.FULL_DUPLEX, ep.FULL_DUPLEX))
    data = b"".join(
        http2.grpc_message(message.SerializeToString()) for message in (head, ep.request_body(body, end=True)))
    frames = [http2.frame(http2.HEADERS, http2.END_HEADERS, stream, http2.request(ep.METHOD))]
    return frames + [http2.frame(http2.DATA, 0, stream, data[at : at + 16_384]) for at in range(0, len(data), 16_384)]


def _converse(channels: list[grpc.Channel], count: int) -> None:
    with concurrent.futures.ThreadPoolExecutor(24) as executor:
        list(executor.map(lambda number: _conversation(channels[number % len(channels)], number), range(count)))


@pytest.mark.parametrize("workers", [1, 4])
def test_answers_are_whole_while_connections_die(start_pool, workers: int) -> None:
    pool = start_pool("--workers", str(workers))
    assert pool.epp.metric("epp_grpc_writes_gathered") == 1
    stop = threading.Event()

    def die() -> None:
        """Opens streams, sends them a request, and resets the connection when the first answer has come: the others are on
        their way. What waits is bounded so, however slow the picker is."""
        while not stop.is_set():
            with http2.Connection(pool.epp.extproc_port) as connection:
                for stream in range(1, 16, 2):
                    connection.send(*_request(stream, http.chat("word " * 2000)))
                while (got := connection.receive()) is not None and got[0] != http2.DATA:
                    pass
                # Closing then discards what has come, and the peer gets a reset.
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    dying = [threading.Thread(target=die) for _ in range(2)]
    for thread in dying:
        thread.start()
    try:
        _converse([pool.epp.channel() for _ in range(3)], 150)
    finally:
        stop.set()
        for thread in dying:
            thread.join()
    pool.works()
    # At least some left together, and no worker went to sleep on what it had kept.
    assert pool.epp.metric("epp_grpc_write_hold_seconds_count") > 0
    assert pool.epp.metric("epp_grpc_unsent_waits_total") == 0
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "every request has ended")


def test_a_client_that_does_not_read_holds_up_nobody(start_pool) -> None:
    pool = start_pool("--workers", "1")
    body = http.chat("word " * 40_000)
    with http2.Connection(pool.epp.extproc_port) as connection:
        # So much may be sent to it that its own buffer does not take all of it.
        window = struct.pack(">HI", 4, 1 << 24)
        connection.send(http2.frame(http2.SETTINGS, 0, 0, window))
        connection.send(http2.frame(http2.WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)))
        # What a connection may send without reading, once it has agreed: 4 MiB.
        assert connection.alive()
        streams = range(1, 40, 2)
        for stream in streams:
            connection.send(*_request(stream, body))
        _converse([pool.epp.channel()], 40)
        # It gets all of its answers when it reads again.
        received = dict.fromkeys(streams, 0)
        while any(count < len(body) for count in received.values()):
            got = connection.receive()
            assert got is not None, f"the connection ended: {received}"
            if got[0] == http2.DATA:
                received[got[2]] += len(got[3])
    pool.works()
    assert pool.epp.metric("epp_grpc_unsent_waits_total") == 0


def test_over_tls(start_pool) -> None:
    pool = start_pool(secure=True)
    certificate = ssl.get_server_certificate(("127.0.0.1", pool.epp.extproc_port)).encode()
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", "localhost")]
    address = f"127.0.0.1:{pool.epp.extproc_port}"
    channels = [grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate), options) for _ in range(2)]
    _converse(channels, 60)
    for channel in channels:
        channel.close()
    assert pool.epp.metric("epp_grpc_writes_gathered") == 1
    assert pool.epp.metric("epp_grpc_write_hold_seconds_count") > 0
    assert pool.epp.metric("epp_grpc_unsent_waits_total") == 0


def test_it_can_be_switched_off(start_pool) -> None:
    pool = start_pool("--gather-writes=false", engines=1)
    assert pool.epp.metric("epp_grpc_writes_gathered") == 0
    _converse([pool.epp.channel()], 20)
    assert pool.epp.metric("epp_grpc_write_hold_seconds_count") == 0


def test_a_poller_that_is_not_known_switches_it_off(start_pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRPC_POLL_STRATEGY", "poll")
    pool = start_pool(engines=1)
    pool.epp.wait_for(r"answers leave one by one.*does not poll with epoll1")
    assert pool.epp.metric("epp_grpc_writes_gathered") == 0
    _converse([pool.epp.channel()], 20)

"""What is known to trouble gRPC 1.51, the version in Debian 12, sent to the picker frame by frame.

README.md beside this file has the table of advisories that these tests stand behind. The ext_proc port is for gateways only; these tests
show what somebody who reaches it can do: lose his own connection, and nothing else.
"""

import resource

import pytest

from kit import http2
from kit.extproc import METHOD
from kit.waiting import eventually

MEGABYTE = 1 << 20


@pytest.fixture
def connect(pool):
    opened: list[http2.Connection] = []

    def open_connection() -> http2.Connection:
        opened.append(http2.Connection(pool.epp.extproc_port))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


BIG = http2.literal("x-big", "b" * 9_000)


@pytest.mark.parametrize(
    "block",
    [
        http2.request(METHOD, BIG, te="x"),
        http2.request(METHOD, BIG, **{":scheme": "x"}),
        http2.request(METHOD, http2.literal("grpclb_client_stats", "x"), BIG),
        http2.request(METHOD, te="x"),
        http2.request(METHOD, **{":scheme": "ftp"}),
        http2.request(METHOD, http2.literal("grpclb_client_stats", "x")),
        http2.request(METHOD, **{":method": "TRACE"}),
        http2.request(METHOD, http2.literal("grpc-timeout", "99999999999999H")),
        http2.request(METHOD, http2.literal("grpc-encoding", "nonsense")),
        http2.request(METHOD, http2.literal("content-length", "x")),
    ],
    ids=["te and 8 KB", "scheme and 8 KB", "grpclb and 8 KB", "te", "scheme", "grpclb", "method", "timeout", "encoding",
         "length"],
)
def test_reserved_headers_do_not_abort_the_process(pool, connect, block: bytes) -> None:
    """CVE-2023-1428: te, :scheme or grpclb_client_stats with strange values, and more than 8 KB of headers."""
    for _ in range(3):
        connection = connect()
        connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, block))
        connection.alive(2)
    pool.works()


def test_an_oversized_block_does_not_leak_into_the_next(pool, connect) -> None:
    """CVE-2023-32731: entries of a block that was cut off for its size are missing from the table afterwards."""
    connection = connect()
    secret = http2.literal("x-entry", "of the oversized block", indexed=True)
    connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.request(METHOD, BIG * 2, secret)))
    connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 3, http2.request(METHOD, http2.reference(62))))
    connection.alive(2)
    pool.works()


def test_bad_base64_in_a_binary_header(pool, connect) -> None:
    """CVE-2023-32732: the connection ends. Only a proxy that shares one connection among its clients minds."""
    for value in ("=", "!!!!", "a", "AAAAA", "\xff"):
        connection = connect()
        block = http2.request(METHOD, http2.literal("x-data-bin", value))
        connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, block))
        connection.alive(2)
    pool.works()


POISONED = b"\x40" + http2.integer(10, 7) + b"x-data-bin" + http2.integer(3, 7) + b"!!!"


@pytest.mark.memory
@pytest.mark.parametrize(
    "blocks",
    [
        [http2.request(METHOD, BIG, te="x")],
        [http2.request(METHOD, BIG, **{":scheme": "x"})],
        [http2.request(METHOD, http2.literal("grpclb_client_stats", "x"), BIG)],
        [http2.request(METHOD, BIG * 2, http2.literal("x-entry", "e" * 100, indexed=True)),
         http2.request(METHOD, http2.reference(62))],
        [http2.request(METHOD, http2.literal("x-data-bin", "!" * 4_000))],
        [http2.request(METHOD, POISONED), http2.request(METHOD, http2.reference(62))],
    ],
    ids=["te", "scheme", "grpclb", "oversized block", "bad base64", "poisoned entry"],
)
def test_strange_headers_leave_no_memory_behind(pool, connect, blocks: list[bytes]) -> None:
    """CVE-2023-1428, CVE-2023-32731, CVE-2023-32732 and CVE-2024-7246, each on 500 connections, and 20 times on each."""
    files = pool.epp.open_files()

    def attack() -> None:
        for _ in range(500):
            connection = connect()
            for number in range(20 * len(blocks)):
                if not connection.send(
                    http2.frame(http2.HEADERS, http2.END_HEADERS, 2 * number + 1, blocks[number % len(blocks)])
                ):
                    break
            connection.close()
        eventually(lambda: pool.epp.open_files() < files + 20, "the picker has read all and closed them")

    pool.leaves_nothing(attack)


@pytest.mark.memory
def test_a_string_of_gigabytes_costs_what_was_sent(pool, connect) -> None:
    """CVE-2023-33953: the length of a string is believed before the limit is checked. Version 1.51 keeps all of a string
    that has not ended, and reads it again with each frame. What is kept goes with the connection, and other connections
    are served meanwhile."""
    before = pool.epp.resident_bytes()
    connection = connect()
    start = http2.request(METHOD) + b"\x00" + http2.integer(5, 7) + b"x-big" + http2.integer(2_000_000_000, 7)
    connection.send(http2.frame(http2.HEADERS, 0, 1, start))
    for _ in range(4 * 64):
        if not connection.send(http2.frame(http2.CONTINUATION, 0, 1, b"v" * 16_384)):
            break
    pool.works()
    assert pool.epp.resident_bytes() < before + 32 * MEGABYTE
    connection.close()
    pool.works()


def test_padded_integers(pool, connect) -> None:
    """CVE-2023-33953: an HPACK integer may be padded with zeros without end; its time is the sender's bytes squared."""
    connection = connect()
    connection.send(http2.frame(http2.HEADERS, 0, 1, http2.request(METHOD) + b"\x00\x7f"))
    for _ in range(64):
        if not connection.send(http2.frame(http2.CONTINUATION, 0, 1, b"\x80" * 16_384)):
            break
    pool.works()
    connection.close()
    pool.works()


@pytest.mark.memory
def test_headers_without_an_end_are_bounded(pool, connect) -> None:
    """A block of CONTINUATION frames that never ends, in small fields and in references to one large entry."""
    before = pool.epp.resident_bytes()
    small = http2.literal("x", "y") * 1_600
    connection = connect()
    connection.send(http2.frame(http2.HEADERS, 0, 1, http2.request(METHOD)))
    for _ in range(200):
        if not connection.send(http2.frame(http2.CONTINUATION, 0, 1, small)):
            break
    connection = connect()
    entry = http2.literal("x-entry", "e" * 3_000, indexed=True)
    connection.send(http2.frame(http2.HEADERS, 0, 1, http2.request(METHOD, entry)))
    for _ in range(200):
        if not connection.send(http2.frame(http2.CONTINUATION, 0, 1, http2.reference(62) * 16_000)):
            break
    pool.works()
    assert pool.epp.resident_bytes() < before + 64 * MEGABYTE


def test_table_size_updates_in_a_loop(pool, connect) -> None:
    """CVE-2023-33953: accounting of the table when its size changes."""
    connection = connect()
    stream = 1
    for size in (0, 4_096, 1, 4_096, 0, 4_096, 1 << 30):
        block = http2.integer(size, 5, 0x20) + http2.request(METHOD, http2.literal("x-e", "v" * 100, indexed=True))
        connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, stream, block))
        stream += 2
    connection.alive(2)
    pool.works()


def test_a_poisoned_table_entry_harms_only_its_connection(pool, connect) -> None:
    """CVE-2024-7246: a field that was encoded wrongly keeps its error in the table."""
    connection = connect()
    connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.request(METHOD, POISONED)))
    connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 3, http2.request(METHOD, http2.reference(62))))
    connection.alive(2)
    pool.works()


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(pool) -> None:
    """CVE-2023-4785: a listener of gRPC 1.51 that runs out of file descriptors does not accept again, so the process takes
    all descriptors that it may have, and 1,500 connections are far from the end."""
    soft, hard = resource.prlimit(pool.epp.pid, resource.RLIMIT_NOFILE)
    assert soft == hard
    mine = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (mine[1], mine[1]))
    held: list[http2.Connection] = []
    try:
        for _ in range(1_500):
            held.append(http2.Connection(pool.epp.extproc_port))
        pool.works()
    finally:
        for connection in held:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, mine)
    pool.works()


@pytest.mark.memory
def test_rapid_reset(pool, connect) -> None:
    """CVE-2023-44487: streams opened and reset at once, 40,000 of them over one connection."""
    block = http2.request(METHOD)

    def attack() -> None:
        connection = connect()
        for first in range(1, 80_001, 200):
            frames = []
            for stream in range(first, first + 200, 2):
                frames.append(http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block))
                frames.append(http2.frame(http2.RST_STREAM, 0, stream, b"\0\0\0\x08"))
            if not connection.send(*frames):
                break
            if first % 20_000 == 1:
                pool.works()
        connection.close()

    pool.leaves_nothing(attack)
    eventually(lambda: pool.epp.metric("llm_d_epp_request_running") == 0, "nothing in flight")


@pytest.mark.memory
def test_resets_made_by_the_server(pool, connect) -> None:
    """CVE-2025-8671: frames that make the server reset the stream itself."""
    block = http2.request(METHOD)

    def attack() -> None:
        for bad in (http2.WINDOW_UPDATE, http2.DATA, http2.HEADERS):
            connection = connect()
            for stream in range(1, 4_001, 2):
                frames = [http2.frame(http2.HEADERS, http2.END_HEADERS, stream, block)]
                payload = {http2.WINDOW_UPDATE: b"\0\0\0\0", http2.DATA: b"\xff" * 20, http2.HEADERS: block}[bad]
                frames.append(http2.frame(bad, http2.END_HEADERS if bad == http2.HEADERS else 0, stream, payload))
                if not connection.send(*frames):
                    break
            connection.close()

    pool.leaves_nothing(attack)


@pytest.mark.memory
@pytest.mark.parametrize("kind", [http2.PING, http2.SETTINGS], ids=["ping", "settings"])
def test_floods_of_frames_that_want_an_answer(start_pool, kind: int) -> None:
    """CVE-2019-9512 and CVE-2019-9515: the answers of a client that does not read pile up.

    gRPC reads no more while 10,000 answers wait, so a flood costs what is read at a time and no more. The process is a new one:
    memory that other attacks have left to malloc would be taken and given back at any time.
    """
    payload = b"12345678" if kind == http2.PING else b"\0\x04\0\x01\0\0"
    burst = http2.frame(kind, 0, 0, payload) * 1_000
    pool = start_pool()
    pool.works()
    before = pool.epp.resident_bytes()
    connections: list[http2.Connection] = []
    try:
        for _ in range(8):
            connection = http2.Connection(pool.epp.extproc_port)
            connections.append(connection)
            for _ in range(200):
                if not connection.send(burst):
                    break
            pool.works()
        assert pool.epp.resident_bytes() < before + 8 * 16 * MEGABYTE
    finally:
        for connection in connections:
            connection.close()


def test_a_client_may_ping_as_often_as_it_likes(connect) -> None:
    """Envoy's keep-alive is a setting of its operator: a short interval must not cost the connection."""
    connection = connect()
    assert connection.send(http2.frame(http2.PING, 0, 0, b"12345678") * 1_000)
    for _ in range(1_000):
        assert connection.until_closed_or(http2.PING) == b"12345678"
    assert connection.alive()


def test_a_connection_that_sends_half_a_frame_harms_nobody(pool, connect) -> None:
    held = [connect() for _ in range(20)]
    for connection in held:
        connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, http2.request(METHOD))[:20])
    pool.works()


def test_more_streams_than_allowed_are_refused(pool, connect) -> None:
    connection = connect()
    settings = connection.until_closed_or(http2.SETTINGS)
    assert settings is not None
    values = {int.from_bytes(settings[i : i + 2], "big"): int.from_bytes(settings[i + 2 : i + 6], "big")
              for i in range(0, len(settings), 6)}
    # SETTINGS_MAX_CONCURRENT_STREAMS: bounded, and enough for a busy gateway.
    assert 1_000 <= values[3] <= 1_000_000

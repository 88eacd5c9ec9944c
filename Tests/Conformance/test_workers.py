"""Workers join a picker and leave it again, with streams that go on meanwhile."""

from typing import Callable

from kit import extproc as ep
from kit import http
from kit.gateway import Exchange
from kit.waiting import eventually

ANSWER = [(":status", "200"), ("content-type", "text/event-stream")]


def test_workers_join_and_leave(start_pool) -> None:
    """Any load makes the second worker join after a second, and as little as a test brings makes it leave after two."""
    pool = start_pool("--workers", "2", "--worker-busy-share", "0")

    def serves_with(workers: int) -> Callable[[], bool]:
        def check() -> bool:
            # The load is measured by the events of requests.
            pool.pick("a little work")
            return pool.epp.metric("epp_grpc_workers_active") == workers

        return check

    exchanges: list[Exchange] = []
    for turn in range(4):
        eventually(serves_with(2 - turn % 2), "a worker joins or leaves", timeout=60)
        for number in range(10):
            # Longer than all of the waits.
            exchanges.append(Exchange(pool.stream(timeout=600)))
            exchanges[-1].request(ep.post_headers(), [http.chat(f"begins in turn {turn}: {number}")])
    # Streams stay where they began, also where no new ones go.
    for exchange in exchanges:
        answer = exchange.start_response(ANSWER)
        for index in range(3):
            exchange.response_chunk(answer, b"data: %d\n\n" % index, index == 2)
        exchange.stream.finish()
    assert pool.epp.metric("epp_grpc_unsent_waits_total") == 0
    assert pool.epp.stop() == 0

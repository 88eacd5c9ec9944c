"""grpc.health.v1 on its own port and on the ext_proc port."""

import signal

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kit import extproc as ep

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
NAMES = ["", "envoy.service.ext_proc.v3.ExternalProcessor", "liveness", "readiness", "inference-extension"]


def _stub(pool, port: str) -> health_pb2_grpc.HealthStub:
    return health_pb2_grpc.HealthStub(pool.epp.health_channel() if port == "health" else pool.epp.channel())


def _check(stub: health_pb2_grpc.HealthStub, name: str) -> int:
    return stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5, wait_for_ready=True).status


@pytest.mark.parametrize("port", ["health", "extproc"])
@pytest.mark.parametrize("name", NAMES)
def test_check(pool, port: str, name: str) -> None:
    assert _check(_stub(pool, port), name) == SERVING


@pytest.mark.parametrize("port", ["health", "extproc"])
def test_watch_begins_with_the_state(pool, port: str) -> None:
    watch = _stub(pool, port).Watch(health_pb2.HealthCheckRequest(service="readiness"), timeout=5)
    assert next(watch).status == SERVING
    watch.cancel()


@pytest.mark.parametrize("port", ["health", "extproc"])
def test_list_names_the_services(pool, port: str) -> None:
    statuses = _stub(pool, port).List(health_pb2.HealthListRequest(), timeout=5).statuses
    assert {"liveness", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor"} <= set(statuses)
    assert {status.status for status in statuses.values()} == {SERVING}


def test_liveness_does_not_depend_on_the_pool(start_pool) -> None:
    pool = start_pool(engines=0)
    stub = _stub(pool, "health")
    assert _check(stub, "liveness") == SERVING
    # Readiness says on both ports and over HTTP the same.
    ready = _check(stub, "readiness") == SERVING
    assert (_check(_stub(pool, "extproc"), "readiness") == SERVING) == ready
    assert (pool.epp.get("/readyz")[0] == 200) == ready
    assert pool.epp.get("/healthz")[0] == 200


@pytest.mark.parametrize("port", ["health", "extproc"])
@pytest.mark.parametrize(
    "method", ["/grpc.health.v1.Health/Nope", "/envoy.service.ext_proc.v3.ExternalProcessor/Nope", "/a.b/C", "/"]
)
def test_other_methods_are_unimplemented(pool, port: str, method: str) -> None:
    channel = pool.epp.health_channel() if port == "health" else pool.epp.channel()
    call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
    with pytest.raises(grpc.RpcError) as error:
        call(b"", timeout=5, wait_for_ready=True)
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_requests_are_not_processed_on_the_health_port(pool) -> None:
    stream = ep.Stream(pool.epp.health_channel())
    stream.send(ep.request_headers(ep.get_headers(), end=True))
    assert stream.status() == grpc.StatusCode.UNIMPLEMENTED


def test_a_health_request_that_is_garbage(pool) -> None:
    channel = pool.epp.health_channel()
    call = channel.unary_unary(
        "/grpc.health.v1.Health/Check", request_serializer=bytes, response_deserializer=bytes
    )
    with pytest.raises(grpc.RpcError) as error:
        call(b"\xff\xff\xff", timeout=5, wait_for_ready=True)
    assert error.value.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}
    assert _check(_stub(pool, "health"), "") == SERVING


def test_sigterm_says_not_serving_first_and_still_accepts(start_pool) -> None:
    pool = start_pool("--drain-timeout", "20s", engines=1)
    watch = _stub(pool, "health").Watch(health_pb2.HealthCheckRequest(service="readiness"), timeout=60)
    assert next(watch).status == SERVING
    held = pool.exchange()
    held.stream.send(ep.request_headers(ep.post_headers(), protocol_config=ep.protocol(4, 4)))
    pool.pick("before")
    pool.epp.signal(signal.SIGTERM)
    assert next(watch).status == NOT_SERVING
    assert _check(_stub(pool, "health"), "liveness") == SERVING
    # Gateways still send requests until they have seen the change.
    for number in range(5):
        pool.pick(f"while draining {number}")
    held.stream.send(ep.request_body(b'{"model": "m", "messages": [{"role": "user", "content": "x"}]}', True))
    assert held.stream.receive().WhichOneof("response") == "request_headers"
    assert held.stream.receive().WhichOneof("response") == "request_body"
    held.stream.cancel()
    watch.cancel()
    pool.epp.close_channels()
    assert pool.epp.wait(15) == 0

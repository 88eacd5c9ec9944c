"""Messages and streams of Envoy's external processing protocol."""

import queue
from typing import Iterable

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2 as extproc
from google.protobuf import struct_pb2

METHOD = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
DESTINATION = "x-gateway-destination-endpoint"
SUBSET_NAMESPACE = "envoy.lb.subset_hint"
SUBSET_KEY = "x-gateway-destination-endpoint-subset"
SERVED_KEY = "x-gateway-destination-endpoint-served"

BodySendMode = processing_mode_pb2.ProcessingMode.BodySendMode
FULL_DUPLEX = processing_mode_pb2.ProcessingMode.FULL_DUPLEX_STREAMED
STREAMED = processing_mode_pb2.ProcessingMode.STREAMED
BUFFERED = processing_mode_pb2.ProcessingMode.BUFFERED
BUFFERED_PARTIAL = processing_mode_pb2.ProcessingMode.BUFFERED_PARTIAL
NONE = processing_mode_pb2.ProcessingMode.NONE

Headers = list[tuple[str, str | bytes]]


class Stream:
    """One Process call. Every wait is bounded by the call's deadline of `timeout` seconds: a peer that hangs shows as
    DEADLINE_EXCEEDED."""

    def __init__(self, channel: grpc.Channel, timeout: float = 15.0, metadata: list[tuple[str, str]] | None = None):
        self._outgoing: queue.SimpleQueue[object] = queue.SimpleQueue()
        method = channel.stream_stream(
            METHOD,
            request_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
            response_deserializer=extproc.ProcessingResponse.FromString,
        )
        self.call = method(iter(self._outgoing.get, None), timeout=timeout, metadata=metadata, wait_for_ready=True)
        self.responses: list[extproc.ProcessingResponse] = []

    def send(self, *messages: object) -> None:
        """Messages, or raw bytes in place of one."""
        for message in messages:
            self._outgoing.put(message)

    def receive(self) -> extproc.ProcessingResponse:
        """The next message; EOFError when the stream ended with status OK, grpc.RpcError otherwise."""
        try:
            response = next(self.call)
        except StopIteration:
            raise EOFError("the stream ended with status OK") from None
        self.responses.append(response)
        return response

    def half_close(self) -> None:
        self._outgoing.put(None)

    def finish(self) -> list[extproc.ProcessingResponse]:
        """Half-closes and reads to the end; the messages that still came. Raises when the status is not OK."""
        self.half_close()
        rest = []
        while True:
            try:
                rest.append(self.receive())
            except EOFError:
                return rest

    def status(self) -> grpc.StatusCode:
        """Reads to the end and returns the status."""
        try:
            while True:
                self.receive()
        except EOFError:
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()

    def cancel(self) -> None:
        self.call.cancel()
        self._outgoing.put(None)


def _header_map(headers: Headers) -> base_pb2.HeaderMap:
    # Envoy fills raw_value, never value.
    return base_pb2.HeaderMap(
        headers=[
            base_pb2.HeaderValue(key=key, raw_value=value if isinstance(value, bytes) else value.encode())
            for key, value in headers
        ]
    )


def metadata(**namespaces: dict[str, object]) -> base_pb2.Metadata:
    """Metadata from namespaces; write the dot in a name as two underscores."""
    result = base_pb2.Metadata()
    for name, values in namespaces.items():
        result.filter_metadata[name.replace("__", ".")].update(values)
    return result


def subset(value: object) -> base_pb2.Metadata:
    """The subset hint: a list of addresses, or a string with commas."""
    return metadata(envoy__lb__subset_hint={SUBSET_KEY: value})


def served(endpoint: str) -> base_pb2.Metadata:
    return metadata(envoy__lb={SERVED_KEY: endpoint})


def attributes(**values: object) -> dict[str, struct_pb2.Struct]:
    """The `attributes` field as Envoy fills it for request_attributes."""
    fields = struct_pb2.Struct()
    fields.update({name.replace("__", "."): value for name, value in values.items()})
    return {"envoy.filters.http.ext_proc": fields}


def protocol(request_mode: int, response_mode: int) -> extproc.ProtocolConfiguration:
    return extproc.ProtocolConfiguration(request_body_mode=request_mode, response_body_mode=response_mode)


def request_headers(headers: Headers, end: bool = False, **fields: object) -> extproc.ProcessingRequest:
    message = extproc.HttpHeaders(headers=_header_map(headers), end_of_stream=end)
    return extproc.ProcessingRequest(request_headers=message, **fields)


def request_body(body: bytes, end: bool = False, **fields: object) -> extproc.ProcessingRequest:
    return extproc.ProcessingRequest(request_body=extproc.HttpBody(body=body, end_of_stream=end), **fields)


def request_trailers(trailers: Headers = [], **fields: object) -> extproc.ProcessingRequest:
    return extproc.ProcessingRequest(request_trailers=extproc.HttpTrailers(trailers=_header_map(trailers)), **fields)


def response_headers(headers: Headers, end: bool = False, **fields: object) -> extproc.ProcessingRequest:
    message = extproc.HttpHeaders(headers=_header_map(headers), end_of_stream=end)
    return extproc.ProcessingRequest(response_headers=message, **fields)


def response_body(body: bytes, end: bool = False, **fields: object) -> extproc.ProcessingRequest:
    return extproc.ProcessingRequest(response_body=extproc.HttpBody(body=body, end_of_stream=end), **fields)


def response_trailers(trailers: Headers = [], **fields: object) -> extproc.ProcessingRequest:
    return extproc.ProcessingRequest(response_trailers=extproc.HttpTrailers(trailers=_header_map(trailers)), **fields)


def post_headers(path: str = "/v1/chat/completions", *extra: tuple[str, str | bytes]) -> Headers:
    """Request headers as a gateway sends them."""
    return [
        (":authority", "gateway.example"), (":method", "POST"), (":scheme", "http"), (":path", path),
        ("content-type", "application/json"), ("user-agent", "conformance/1"), ("x-request-id", "c0ffee"),
        *extra,
    ]


def get_headers(path: str = "/v1/models", *extra: tuple[str, str | bytes]) -> Headers:
    return [
        (":authority", "gateway.example"), (":method", "GET"), (":scheme", "http"), (":path", path),
        ("x-request-id", "c0ffee"), *extra,
    ]


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)] or [b""]


def join(parts: Iterable[bytes]) -> bytes:
    return b"".join(parts)

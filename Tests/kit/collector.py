"""A trace collector that keeps what it is sent: OTLP over HTTP, as JSON and, as Envoy's own spans come, as protobuf."""

import json
import os
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2

from .certificates import Authority


@dataclass
class Span:
    """A span as it arrived; `service` is the name of the process that sent it. `kind` and the ids are those of OTLP, ids as
    hexadecimal digits; `parent` is empty for the first span of a trace."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object] = field(default_factory=dict)
    failed: bool = False
    kind: int = 0

    @property
    def context(self) -> str:
        """The value of the header `traceparent` that makes another span a child of this one."""
        return f"00-{self.trace}-{self.id}-01"


# OTLP's numbers of a status and of kinds of spans.
FAILED = 2
INTERNAL, SERVER, CLIENT = 1, 2, 3


def _value(value: dict) -> object:
    (kind, content), = value.items()
    if kind == "arrayValue":
        return [_value(part) for part in content.get("values", [])]
    return int(content) if kind == "intValue" else content


def _of_json(body: bytes) -> list[Span]:
    spans = []
    for resource in json.loads(body)["resourceSpans"]:
        about = {pair["key"]: _value(pair["value"]) for pair in resource["resource"]["attributes"]}
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
                spans.append(
                    Span(
                        str(about["service.name"]), span["name"], span["traceId"], span["spanId"], span.get("parentSpanId", ""),
                        {pair["key"]: _value(pair["value"]) for pair in span["attributes"]},
                        span.get("status", {}).get("code") == FAILED, span["kind"],
                    )
                )  # fmt: skip
    return spans


def _message_value(value: common_pb2.AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_message_value(part) for part in value.array_value.values]
    return getattr(value, kind) if kind else None


def _of_protobuf(body: bytes) -> list[Span]:
    spans = []
    for resource in trace_service_pb2.ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {pair.key: _message_value(pair.value) for pair in resource.resource.attributes}
        # The name of the field `scope_spans` in the version of the messages that xds-protos has; its number and its types are the same.
        for scope in resource.instrumentation_library_spans:
            for span in scope.spans:
                assert span.start_time_unix_nano <= span.end_time_unix_nano
                spans.append(
                    Span(
                        str(about["service.name"]), span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
                        {pair.key: _message_value(pair.value) for pair in span.attributes},
                        span.status.code == FAILED, span.kind,
                    )
                )  # fmt: skip
    return spans


_READERS = {"application/json": _of_json, "application/x-protobuf": _of_protobuf}


class Collector:
    """Listens on a free port of 127.0.0.1, by TLS where it has an `authority`, whose clients it then takes alone. `status` is what it
    answers with. One that `is_silent` reads requests, and answers none of them before it is stopped."""

    def __init__(self, authority: Authority | None = None, is_silent: bool = False) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self._body()
                with collector._lock:
                    collector.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                    if collector.status == 200 and not is_silent:
                        collector._spans += _READERS[self.headers["content-type"]](body)
                if is_silent:
                    collector._stopped.wait()
                    self.close_connection = True
                    return
                self.send_response(collector.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("transfer-encoding", ""):
                    return self.rfile.read(int(self.headers["content-length"]))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._scheme = "https" if authority else "http"
        if authority:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(*authority.sign("collector", "/CN=collector"))
            tls.load_verify_locations(authority.certificate)
            tls.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def variables(self, **others: str) -> dict[str, str]:
        """The environment of this process, for one that sends its spans here at once."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
        return mine | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"{self._scheme}://{self.address}", "OTEL_BSP_SCHEDULE_DELAY": "20", **others,
        }  # fmt: skip

    @property
    def spans(self) -> list[Span]:
        with self._lock:
            return list(self._spans)

    def trace(self, trace: str) -> dict[str, Span]:
        """The spans of a trace by their names."""
        return {span.name: span for span in self.spans if span.trace == trace}

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

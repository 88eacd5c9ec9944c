"""A trace collector that keeps what it is sent: OTLP over HTTP, as JSON."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .certificates import Authority


@dataclass
class Span:
    """A span as it arrived; `service` is the name of the process that sent it."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, object] = field(default_factory=dict)
    failed: bool = False


def _value(value: dict) -> object:
    (kind, content), = value.items()
    if kind == "arrayValue":
        return [_value(part) for part in content.get("values", [])]
    return int(content) if kind == "intValue" else content


class Collector:
    """Listens on a free port of 127.0.0.1, by TLS where it has an `authority`, whose clients it then takes alone. `status` is what it
    answers with."""

    def __init__(self, authority: Authority | None = None) -> None:
        self.status = 200
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._spans: list[Span] = []
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with collector._lock:
                    collector.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                    # Envoy's own spans come as protobuf, and are not looked into.
                    if collector.status == 200 and self.headers["content-type"] == "application/json":
                        collector._spans += collector._read(json.loads(body))
                self.send_response(collector.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

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

    @staticmethod
    def _read(document: dict) -> list[Span]:
        spans = []
        for resource in document["resourceSpans"]:
            about = {pair["key"]: _value(pair["value"]) for pair in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
                    spans.append(
                        Span(
                            str(about["service.name"]), span["name"], span["traceId"], span["spanId"], span.get("parentSpanId", ""),
                            {pair["key"]: _value(pair["value"]) for pair in span["attributes"]},
                            span.get("status", {}).get("code") == 2,
                        )
                    )  # fmt: skip
        return spans

    def variables(self, **others: str) -> dict[str, str]:
        """The environment of a process that sends its spans here at once."""
        return {
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
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""A model server whose metrics page and answers a test controls, and which remembers what reached it."""

import hashlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc


@dataclass
class Received:
    """A request as it reached the engine."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


@dataclass
class Load:
    """What the metrics page says."""

    waiting: int = 0
    running: int = 0
    kv_usage: float = 0.0
    max_lora: int = 4
    running_loras: list[str] = field(default_factory=list)
    waiting_loras: list[str] = field(default_factory=list)
    blocks: int = 4096
    block_size: int = 16


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self._open: set[socket.socket] = set()

    def process_request(self, request: socket.socket, client_address: object) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in self._open.copy():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # Closed by its own thread.
                pass


class _Server6(_Server):
    address_family = socket.AF_INET6


class GRPCEngine:
    """A model server that speaks HTTP/2 without TLS only, as gRPC does: answers every unary call with what it got."""

    def __init__(self, name: str, host: str = "127.0.0.1", port: int = 0):
        engine = self
        self.name = name

        class Handler(grpc.GenericRpcHandler):
            def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
                return grpc.unary_unary_rpc_method_handler(engine._answer)

        self._server = grpc.server(ThreadPoolExecutor(4), handlers=[Handler()])
        self.port = self._server.add_insecure_port(f"{host}:{port}")
        self.address = f"{host}:{self.port}"
        self._server.start()

    def _answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("x-engine", self.name),))
        return request

    def stop(self) -> None:
        self._server.stop(None)


class Engine:
    """Listens on `port` of `host`; 0 is a free one.

    POST bodies are answered with JSON that holds the SHA-256 and the length of what arrived. A body with `"stream": true`
    is answered with server-sent events, `"events": n` of them, each after `release()` was called once for it unless
    `gated` is false. `die_after` closes the connection after so many events."""

    def __init__(self, name: str = "engine", host: str = "127.0.0.1", gated: bool = False, port: int = 0):
        self.name = name
        self.gated = gated
        self.die_after: int | None = None
        self.received: list[Received] = []
        self._load = Load()
        self._changed = threading.Condition()
        self._scrapes = 0
        self._released = 0
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._answer(200, engine.page().encode(), "text/plain; version=0.0.4")
                    with engine._changed:
                        engine._scrapes += 1
                        engine._changed.notify_all()
                    return
                engine._note(Received("GET", self.path, list(self.headers.items()), b""))
                self._answer(200, json.dumps({"engine": engine.name, "path": self.path}).encode(), "application/json")

            def do_POST(self) -> None:
                body = self._read_body()
                engine._note(Received("POST", self.path, list(self.headers.items()), body))
                try:
                    asked = json.loads(body)
                except ValueError:
                    asked = {}
                if isinstance(asked, dict) and asked.get("stream"):
                    self._stream(int(asked.get("events", 3)), asked.get("model"))
                    return
                answer = {
                    "engine": engine.name,
                    "object": "chat.completion",
                    "model": asked.get("model") if isinstance(asked, dict) else None,
                    "sha256": hashlib.sha256(body).hexdigest(),
                    "length": len(body),
                    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
                }
                self._answer(200, json.dumps(answer).encode(), "application/json")

            def _read_body(self) -> bytes:
                if "chunked" in (self.headers.get("transfer-encoding") or "").lower():
                    parts = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    while self.rfile.readline().strip():
                        pass
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("content-length") or 0))

            def _answer(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.send_header("x-engine", engine.name)
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, events: int, model: object) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("transfer-encoding", "chunked")
                self.send_header("x-engine", engine.name)
                self.end_headers()
                for index in range(events):
                    if engine.gated:
                        engine._wait_released(index + 1)
                    if engine.die_after is not None and index >= engine.die_after:
                        self.close_connection = True
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    event = {"engine": engine.name, "index": index, "model": model}
                    self._chunk(f"data: {json.dumps(event)}\n\n".encode())
                usage = {"usage": {"prompt_tokens": 10, "completion_tokens": events, "total_tokens": 10 + events}}
                self._chunk(f"data: {json.dumps(usage)}\n\n".encode())
                self._chunk(b"data: [DONE]\n\n")
                self.wfile.write(b"0\r\n\r\n")

            def _chunk(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        is_ipv6 = ":" in host
        self._server = (_Server6 if is_ipv6 else _Server)((host, port), Handler)
        self.port: int = self._server.server_address[1]
        self.address = f"[{host}]:{self.port}" if is_ipv6 else f"{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def page(self) -> str:
        """The metrics page in vLLM's format."""
        with self._changed:
            load = self._load
        label = '{engine="0",model_name="m"}'
        lines = []

        def family(name: str, kind: str, value: float, labels: str = label) -> None:
            lines.append(f"# HELP {name} x.\n# TYPE {name} {kind}\n{name}{labels} {value}")

        family("vllm:num_requests_running", "gauge", float(load.running))
        family("vllm:num_requests_waiting", "gauge", float(load.waiting))
        family("vllm:kv_cache_usage_perc", "gauge", load.kv_usage)
        family(
            "vllm:cache_config_info", "gauge", 1.0,
            f'{{block_size="{load.block_size}",engine="0",num_gpu_blocks="{load.blocks}"}}',
        )
        family(
            "vllm:lora_requests_info", "gauge", time.time(),
            f'{{max_lora="{load.max_lora}",running_lora_adapters="{",".join(load.running_loras)}"'
            f',waiting_lora_adapters="{",".join(load.waiting_loras)}"}}',
        )
        return "\n".join(lines) + "\n"

    def set(self, **load: object) -> None:
        """Replaces what the metrics page says and returns when it has been scraped three times since: the first of them
        has then been taken in."""
        self.change(**load)
        self.wait_scrapes(3)

    def change(self, **load: object) -> None:
        """Replaces what the metrics page says, and returns at once."""
        with self._changed:
            self._load = Load(**load)  # type: ignore[arg-type]

    def wait_scrapes(self, count: int, timeout: float = 10.0) -> None:
        with self._changed:
            target = self._scrapes + count
            if not self._changed.wait_for(lambda: self._scrapes >= target, timeout):
                raise AssertionError(f"{self.name}: {self._scrapes - target + count} of {count} scrapes in {timeout} s")

    def release(self, count: int = 1) -> None:
        """Lets so many more events go."""
        with self._changed:
            self._released += count
            self._changed.notify_all()

    def _wait_released(self, count: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._released >= count, 30)

    def _note(self, request: Received) -> None:
        with self._changed:
            self.received.append(request)
            self._changed.notify_all()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def die(self) -> None:
        """Like `stop`, and connections that are kept alive end too, as when the process is killed."""
        self.stop()
        self._server.drop_connections()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

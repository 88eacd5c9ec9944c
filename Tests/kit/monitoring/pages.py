"""Pages of others that the dashboard uses: a DCGM exporter's, a kubelet's, and the names on vLLM's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable

from ..process import Process

PAGES = Path(__file__).with_name("texts")


def names(file: str) -> set[str]:
    """Returns the metric families of a page, or of a list of them, in the folder of texts."""
    lines = (PAGES / file).read_text().splitlines()
    if any(line.startswith("# TYPE ") for line in lines):
        return {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    return {line for line in lines if line and not line.startswith("#")}


def kubelet_page(namespace: str, pods: dict[str, Process]) -> str:
    """Returns what a kubelet says of the containers `epp` of pods: of each container, and of the pod as a whole."""
    kinds = {"container_cpu_usage_seconds_total": "counter", "container_memory_working_set_bytes": "gauge"}
    lines = []
    for name, kind in kinds.items():
        lines += [f"# HELP {name} Of a container.", f"# TYPE {name} {kind}"]
        for pod, process in pods.items():
            if process.running():
                value = process.cpu_seconds() if kind == "counter" else process.resident_bytes()
                lines += [f'{name}{{container="{one}",namespace="{namespace}",pod="{pod}"}} {value}' for one in ("", "POD", "epp")]
    return "\n".join(lines) + "\n"


class Pages:
    """Serves texts on the loopback interface; `address` is where."""

    def __init__(self, pages: dict[str, Callable[[], str]]):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                text = pages[self.path]().encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

"""The part of scripts/bench/sidecar that runs once everything is built."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import yaml

from kit import http
from kit.engine import Engine
from kit.paths import ENVOY, product
from kit.process import Process
from kit.sidecar import Sidecar, free_port
from kit.waiting import eventually


def _envoy(stack: ExitStack, folder: Path, upstream: int) -> tuple[int, Process]:
    """Envoy as a plain reverse proxy, with one worker."""
    port = free_port()
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "proxy", "use_remote_address": True, "stream_idle_timeout": "0s",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "model", "timeout": "0s"}}]}
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }
        ],
    }  # fmt: skip
    address = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": upstream}}}
    config = {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": [
                {
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [
                        {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "model", "type": "STATIC", "connect_timeout": "2s",
                    "load_assignment": {"cluster_name": "model", "endpoints": [{"lb_endpoints": [{"endpoint": address}]}]},
                }
            ],
        },
    }  # fmt: skip
    (folder / "envoy.yaml").write_text(yaml.safe_dump(config))
    process = Process(
        [ENVOY, "-c", folder / "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"], name="envoy"
    )
    stack.callback(process.stop)
    return port, process


def _nginx(stack: ExitStack, folder: Path, program: str, upstream: int) -> tuple[int, Process]:
    """nginx as a plain reverse proxy, with one worker."""
    port = free_port()
    (folder / "nginx.conf").write_text(
        f"""
        worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr warn;
        events {{ worker_connections 4096; }}
        http {{
          access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; client_max_body_size 64m;
          fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_body_buffer_size 256k;
          keepalive_requests 1000000;
          upstream model {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000; }}
          server {{
            listen 127.0.0.1:{port};
            location / {{
              proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
              proxy_request_buffering off;
            }}
          }}
        }}
        """
    )
    process = Process([program, "-c", folder / "nginx.conf", "-p", folder], name="nginx")
    stack.callback(process.stop)
    return port, process


def _tree(process: Process) -> str:
    """The ids of a process and its children."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return ",".join([str(process.pid), *children])


def compare(arguments: list[str]) -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warmpath-bench-")))
        upstream = free_port()
        sidecar = Sidecar(f"127.0.0.1:{upstream}", "--threads=1")
        stack.callback(sidecar.stop)
        proxies = [("routing-sidecar", sidecar.port, sidecar), ("envoy", *_envoy(stack, folder, upstream))]
        if program := shutil.which("nginx"):
            proxies.append(("nginx", *_nginx(stack, folder, program, upstream)))
        else:
            print("bench/sidecar: nginx is not installed (apt-get install nginx-light): left out", file=sys.stderr)
        for name, port, _ in proxies:
            eventually(lambda: http.request(f"http://127.0.0.1:{port}", "GET", "/").status > 0, f"{name} serves", 30)
        command = [product("epp-bench"), "sidecar", "--upstream-port", str(upstream), *arguments]
        for name, port, process in proxies:
            command += ["--proxy", f"{name}={port}:{_tree(process)}"]
        return subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, check=False).returncode


def soak() -> int:
    """Memory of the sidecar over requests and streams."""
    with ExitStack() as stack:
        upstream = free_port()
        sidecar = Sidecar(f"127.0.0.1:{upstream}", "--threads=1")
        stack.callback(sidecar.stop)
        command = [product("epp-bench"), "sidecar", "--upstream-port", str(upstream), "--rounds", "1", "--requests", "25000"]
        command += ["--body-bytes", "10000", "--proxy", f"routing-sidecar={sidecar.port}:{sidecar.pid}"]
        memory = []
        for turn in range(4):
            subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            memory.append(sidecar.resident_bytes())
            print(f"after {(turn + 1) * 25_000} requests: {memory[-1] / 1e6:.1f} MB", flush=True)
        grown = memory[-1] - memory[0]
        with Engine("gated", gated=True, port=upstream) as _:
            streams = [http.EventStream(sidecar.url, http.chat("hello", stream=True, max_tokens=2)) for _ in range(1000)]
            eventually(lambda: sidecar.metric("routing_sidecar_requests_in_flight") == 1000, "all streams are open", 60)
            opened = sidecar.resident_bytes()
            print(f"beside 1,000 open streams: {opened / 1e6:.1f} MB, {(opened - memory[-1]) / 1e6:.1f} kB a stream", flush=True)
            for stream in streams:
                stream.close()
            eventually(lambda: sidecar.metric("routing_sidecar_client_connections") == 0, "all are closed", 60)
        print(f"growth over the last 75,000 requests: {grown / 1e6:.1f} MB")
        return 0 if grown < 3e6 else 1


if __name__ == "__main__":
    sys.exit(soak() if sys.argv[1:] == ["--soak"] else compare(sys.argv[1:]))

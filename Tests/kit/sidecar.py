"""The routing sidecar under test, as a process on a port that the kernel chose."""

from pathlib import Path

from . import http
from .epp import sum_of
from .paths import product
from .ports import free_port
from .process import Process


class Sidecar(Process):
    """`routing-sidecar` before the engine at `engine` (ADDRESS:PORT), which may name engines on loopback addresses as prefill
    engines, on the ports of `prefillers`. Plain text unless `secure`."""

    def __init__(
        self, engine: str, *arguments: str, prefillers: list[str] | None = None, secure: bool = False, port: int = 0,
        env: dict[str, str] | None = None,
    ):  # fmt: skip
        host, engine_port = engine.rsplit(":", 1)
        self.metrics_port = free_port()
        command: list[object] = [
            product("routing-sidecar"), "--bind-address", "127.0.0.1", "--port", port, "--model-server-host", host,
            "--model-server-port", engine_port, "--metrics-port", self.metrics_port, "--drain-timeout", "2s",
        ]  # fmt: skip
        if not any(part.startswith(("--allow-cidr", "--enable-ssrf-protection")) for part in arguments):
            command += ["--allow-cidr", "127.0.0.0/8"]
        if not secure:
            command += ["--secure-serving=false"]
        for address in prefillers or []:
            command += ["--allow-port", address.rsplit(":", 1)[1]]
        super().__init__([str(part) for part in command] + list(arguments), name="routing-sidecar", env=env)
        try:
            found = self.wait_for(r"serving HTTPS? on (?P<address>[^\s,]+)")
        except AssertionError:
            self.kill()
            raise
        self.address: str = found["address"]

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of `name` whose labels hold `labels`; 0 without one."""
        page = http.request(f"http://127.0.0.1:{self.metrics_port}", "GET", "/metrics")
        assert page.status == 200, page
        return sum_of(page.body.decode(), name, **labels)


def program() -> Path:
    return product("routing-sidecar")

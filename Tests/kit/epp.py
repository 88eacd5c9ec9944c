"""The endpoint picker under test, as a process on ports that the kernel chose."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import grpc

from .paths import product
from .process import Process

_SERVING = (
    r"serving ext_proc on (?P<host>\S+):(?P<extproc>\d+), health on \S+:(?P<health>\d+), metrics on \S+:(?P<metrics>\d+)"
    r"(, admin on (?P<admin>\S+))?"
)
_LIMITS = [
    ("grpc.max_receive_message_length", 128 << 20),
    ("grpc.max_send_message_length", 128 << 20),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
]


class EPP(Process):
    """`epp` with `arguments`. Plain text unless `secure`; loopback; ports 0 unless they are given. `within` is a command
    that runs it, `env` its environment variables, `program` the executable of an earlier release instead of the one under
    test."""

    def __init__(
        self,
        *arguments: str,
        endpoints: list[str] | None = None,
        secure: bool = False,
        extproc_port: int = 0,
        health_port: int = 0,
        metrics_port: int = 0,
        start_timeout: float = 20.0,
        within: list[str] | None = None,
        env: dict[str, str] | None = None,
        program: Path | None = None,
    ):
        command: list[object] = [*(within or []), program or product("epp")]
        command += ["--bind-address", "127.0.0.1", "--grpc-port", extproc_port, "--grpc-health-port", health_port]
        command += ["--metrics-port", metrics_port]
        if program is None and not any(part.startswith("--admin-address") for part in arguments):
            command += ["--admin-address", "127.0.0.1:0"]
        if not secure:
            command += ["--secure-serving=false"]
        # The default waits half a minute for connections that a test has left open.
        if "--drain-timeout" not in arguments:
            command += ["--drain-timeout", "200ms"]
        for endpoint in endpoints or []:
            command += ["--endpoint", endpoint]
        if not endpoints and not any(part.startswith(("--endpoint", "--pool-name")) for part in arguments):
            # A picker has to be told where its endpoints come from; a file may list none.
            command += ["--endpoints-file", Path(__file__).with_name("no-endpoints.yaml")]
        super().__init__([str(part) for part in command] + list(arguments), name="epp", env=env)
        try:
            found = self.wait_for(_SERVING, start_timeout)
        except AssertionError:
            self.kill()
            raise
        self.extproc_port = int(found["extproc"])
        self.health_port = int(found["health"])
        self.metrics_port = int(found["metrics"])
        # None without an admin server.
        self.admin_address: str | None = found["admin"]
        self._channels: list[grpc.Channel] = []

    def channel(self) -> grpc.Channel:
        """A new plain-text connection of its own to the ext_proc port."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.extproc_port}", options=_LIMITS)
        self._channels.append(channel)
        return channel

    def health_channel(self) -> grpc.Channel:
        channel = grpc.insecure_channel(f"127.0.0.1:{self.health_port}", options=_LIMITS)
        self._channels.append(channel)
        return channel

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page on the metrics port."""
        return _get(f"http://127.0.0.1:{self.metrics_port}{path}")

    def document(self, path: str) -> dict:
        """A JSON document on the admin address."""
        status, text = _get(f"http://{self.admin_address}{path}")
        assert status == 200, f"{path} answered {status}: {text}"
        return json.loads(text)

    def metrics(self) -> str:
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return text

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all series of `name` whose labels hold `labels`; 0 without one."""
        return sum_of(self.metrics(), name, **labels)

    def close_channels(self) -> None:
        for channel in self._channels:
            channel.close()
        self._channels = []

    def stop(self, timeout: float = 10.0) -> int:
        self.close_channels()
        return super().stop(timeout)


def _get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sum_of(page: str, name: str, **labels: str) -> float:
    """The sum over the series of `name` in a page of Prometheus text whose labels hold `labels`."""
    total = 0.0
    for line in page.splitlines():
        found = re.match(r"([a-zA-Z_:][\w:]*)(\{(.*)\})?\s+(\S+)", line)
        if not found or found[1] != name:
            continue
        have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[3] or ""))
        if all(have.get(key) == value for key, value in labels.items()):
            total += float(found[4])
    return total

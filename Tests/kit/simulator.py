"""Simulated engines as processes: vLLM's API, prefix cache, KV events with replay, tokenizer."""

import json
import re

from . import http
from .paths import product
from .process import Process


class Simulator(Process):
    """One `engine-sim` on a free port, fast and with a small vocabulary of its own; `arguments` are further flags."""

    def __init__(self, *arguments: str, port: int = 0, events: str = "tcp://127.0.0.1:*", replay: str = "tcp://127.0.0.1:*"):
        settings = {
            "enable_kv_cache_events": True,
            "publisher": "zmq",
            "endpoint": events,
            "replay_endpoint": replay,
        }
        command: list[object] = [product("engine-sim"), "--port", port, "--kv-events-config", json.dumps(settings)]
        super().__init__([str(part) for part in command] + list(arguments), name="engine-sim")
        try:
            found = self.wait_for(r"KV events of (?P<address>\S+) on (?P<events>[^\s,]+), replayed on (?P<replay>\S+)")
        except AssertionError:
            self.kill()
            raise
        self.address: str = found["address"]
        self.events: str = found["events"]
        self.replay: str = found["replay"]

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def again(self, *arguments: str) -> "Simulator":
        """A new process on the ports of this one, which has ended."""
        # A port that was free listens again where `*` stood; vLLM binds for `*` and `::` alone.
        return Simulator(*arguments, port=self.port, events=_listening(self.events), replay=_listening(self.replay))

    def faults(self, **faults: object) -> None:
        """Makes its KV events misbehave: see `engine-sim --help`."""
        answer = http.post(self.url, json.dumps(faults).encode(), path="/sim/kv-events")
        assert answer.status == 200, answer

    def entry(self, name: str) -> dict[str, object]:
        """Its entry in an endpoints file."""
        host, port = self.address.rsplit(":", 1)
        return {"name": name, "address": host, "port": port, "kvEvents": self.events, "kvReplay": self.replay}


def _listening(address: str) -> str:
    return re.sub(r"^tcp://127\.0\.0\.1:", "tcp://[::ffff:127.0.0.1]:", address)

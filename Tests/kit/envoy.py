"""A real Envoy with the configurations that ship in deploy/envoy, on free ports."""

import json
import os
import re
import tempfile
import urllib.request
from pathlib import Path

import yaml

from .paths import ENVOY, ROOT
from .process import Process
from .waiting import eventually


def configuration(name: str, epp_port: int, secure: bool) -> dict:
    """deploy/envoy/`name` with ports that the kernel chooses, for a picker on `epp_port`."""
    config = yaml.safe_load((ROOT / "deploy" / "envoy" / name).read_text())
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    static = config["static_resources"]
    static["listeners"][0]["address"]["socket_address"]["port_value"] = 0
    (epp,) = (cluster for cluster in static["clusters"] if cluster["name"] == "epp")
    (group,) = epp["load_assignment"]["endpoints"]
    group["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"] = epp_port
    if not secure:
        del epp["transport_socket"]
    return config


class Envoy(Process):
    """Envoy with two workers; `url` is the gateway's."""

    def __init__(self, name: str, epp_port: int, secure: bool = False):
        self._folder = tempfile.TemporaryDirectory(prefix="warmpath-envoy-")
        folder = Path(self._folder.name)
        (folder / "envoy.yaml").write_text(yaml.safe_dump(configuration(name, epp_port, secure)))
        admin = folder / "admin"
        super().__init__(
            [
                ENVOY, "-c", folder / "envoy.yaml", "--admin-address-path", admin, "--concurrency", "2",
                "--disable-hot-restart", "--log-level", "warning",
            ],
            name="envoy",
            env=dict(os.environ),
        )
        try:
            self.admin = "http://" + eventually(
                lambda: admin.exists() and admin.read_text() or not self.running(), "Envoy's admin address", 30
            )
            self.url = "http://" + eventually(self._listener, "Envoy's listener", 30)
        except (AssertionError, TypeError):
            print(self.output())
            self.kill()
            raise

    def admin_get(self, path: str) -> str:
        with urllib.request.urlopen(self.admin + path, timeout=10) as answer:
            return answer.read().decode()

    def set_runtime(self, key: str, value: int) -> None:
        """Changes a value of the runtime layer `admin`."""
        request = urllib.request.Request(f"{self.admin}/runtime_modify?{key}={value}", method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def statistic(self, name: str) -> int:
        """A counter or gauge by its whole name; 0 before it is first counted."""
        found = re.search(rf"^{re.escape(name)}: (\d+)$", self.admin_get(f"/stats?filter=^{name}$"), re.M)
        return int(found[1]) if found else 0

    def _listener(self) -> str | None:
        for listener in json.loads(self.admin_get("/listeners?format=json")).get("listener_statuses", []):
            if listener["name"] == "gateway":
                address = listener["local_address"]["socket_address"]
                return f"{address['address']}:{address['port_value']}"
        return None

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def stop(self, timeout: float = 10.0) -> int:
        code = super().stop(timeout)
        self._folder.cleanup()
        return code

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


def _assignment(ports: list[int]) -> dict:
    """Pickers on ports of the loopback address, as Envoy's ClusterLoadAssignment."""
    addresses = [{"socket_address": {"address": "127.0.0.1", "port_value": port}} for port in ports]
    return {"cluster_name": "epp", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": one}} for one in addresses]}]}


# How an answer gets the address of who has served it in its metadata, before the picker sees it: filters see answers in the
# opposite order.
_SERVED = yaml.safe_load(
    """
    - name: envoy.filters.http.header_to_metadata
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config
        response_rules:
        - header: x-served
          on_header_present: { metadata_namespace: envoy.lb, key: x-gateway-destination-endpoint-served }
          remove: true
    - name: envoy.filters.http.header_mutation
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
        mutations:
          response_mutations:
          - append: { header: { key: x-served, value: "%UPSTREAM_REMOTE_ADDRESS%" } }
    """
)


def configuration(name: str, epp_ports: list[int], secure: bool, folder: Path, http2: bool, names_served: bool) -> dict:
    """deploy/envoy/`name` with ports that the kernel chooses, for pickers on `epp_ports`. Envoy follows the file pickers.yaml of
    the folder, as a control plane tells it which pods of a Service are ready."""
    config = yaml.safe_load((ROOT / "deploy" / "envoy" / name).read_text())
    config["admin"]["address"]["socket_address"]["port_value"] = 0
    static = config["static_resources"]
    static["listeners"][0]["address"]["socket_address"]["port_value"] = 0
    (epp,) = (cluster for cluster in static["clusters"] if cluster["name"] == "epp")
    if names_served:
        manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["http_filters"][-1:-1] = _SERVED
    del epp["load_assignment"]
    source = {"path_config_source": {"path": str(folder / "pickers.yaml"), "watched_directory": {"path": str(folder)}}}
    epp |= {"type": "EDS", "eds_cluster_config": {"eds_config": source | {"resource_api_version": "V3"}}}
    config["node"] = {"id": "test", "cluster": "test"}
    write_pickers(folder, epp_ports)
    if not secure:
        del epp["transport_socket"]
    if http2:
        (engines,) = (cluster for cluster in static["clusters"] if cluster["name"] == "engines")
        (options,) = engines["typed_extension_protocol_options"].values()
        options["explicit_http_config"] = {"http2_protocol_options": {}}
    return config


def _trace(config: dict, collector: str) -> None:
    """Makes Envoy record a span of every request, and of what it asks for it."""
    host, port = collector.rsplit(":", 1)
    static = config["static_resources"]
    address = {"socket_address": {"address": host, "port_value": int(port)}}
    assignment = {"cluster_name": "collector", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
    static["clusters"].append({"name": "collector", "type": "STATIC", "load_assignment": assignment})
    manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    service = {"http_uri": {"uri": f"http://{collector}/v1/traces", "cluster": "collector", "timeout": "1s"}}
    kind = "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig"
    provider = {"@type": kind, "service_name": "gateway", "http_service": service}
    manager["tracing"] = {
        "random_sampling": {"value": 100}, "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": provider},
    }  # fmt: skip


def write_pickers(folder: Path, ports: list[int]) -> None:
    """Replaces the file of pickers at once: Envoy reads it when it is renamed."""
    resource = {"@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"} | _assignment(ports)
    (folder / "pickers.new").write_text(yaml.safe_dump({"resources": [resource]}))
    os.replace(folder / "pickers.new", folder / "pickers.yaml")


class Envoy(Process):
    """Envoy with two workers in front of one picker or several; `url` is the gateway's. With `http2` it speaks HTTP/2 to engines,
    as a gateway does for a pool with the protocol kubernetes.io/h2c; with `names_served` it tells the picker who has served; with
    `logs_metadata` its access log has the dynamic metadata of envoy.lb; `traces_to` is the address of a collector that gets its
    spans, of all requests."""

    def __init__(
        self, name: str, epp_ports: int | list[int], secure: bool = False, http2: bool = False, names_served: bool = False,
        logs_metadata: bool = False, traces_to: str | None = None,
    ):  # fmt: skip
        self._folder = tempfile.TemporaryDirectory(prefix="warmpath-envoy-")
        folder = Path(self._folder.name)
        ports = [epp_ports] if isinstance(epp_ports, int) else epp_ports
        config = configuration(name, ports, secure, folder, http2, names_served)
        if traces_to:
            _trace(config, traces_to)
        text = yaml.safe_dump(config)
        if logs_metadata:
            text = text.replace("%DURATION%ms", "%DURATION%ms %DYNAMIC_METADATA(envoy.lb)%")
        (folder / "envoy.yaml").write_text(text)
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

    def set_pickers(self, ports: list[int]) -> None:
        """Replaces the pickers that get streams, and returns when Envoy has taken the change."""
        write_pickers(Path(self._folder.name), ports)
        eventually(lambda: self._pickers() == set(ports), f"Envoy knows the pickers {ports}", 10)

    def _pickers(self) -> set[int]:
        return {int(port) for port in re.findall(r"^epp::[\d.]+:(\d+)::cx_active", self.admin_get("/clusters"), re.M)}

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

"""The gateway that keeps clients at their engines without a picker: Envoy with a configuration of deploy/."""

import copy
import re
import tempfile
from pathlib import Path

import yaml

from . import http
from .paths import ENVOY
from .process import Process
from .waiting import eventually

TRANSPORT = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"


class AffinityGateway:
    """Envoy with the configuration in `file`, on a free port of the loopback address. It is before sidecars at `addresses` in place of
    those that it names, which it checks as often as a test needs; or, with the port of a DNS server of the loopback address, before those
    that it names, with all times as they are. The header x-upstream of an answer names the sidecar."""

    def __init__(self, file: Path, addresses: list[str] | None = None, dns_port: int = 0):
        config = yaml.safe_load(file.read_text())
        config["admin"]["address"]["socket_address"]["port_value"] = 0
        static = config["static_resources"]
        static["listeners"][0]["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": 0}
        manager = static["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
        manager["route_config"]["response_headers_to_add"] = [
            {"header": {"key": "x-upstream", "value": "%UPSTREAM_REMOTE_ADDRESS%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        ]
        (cluster,) = static["clusters"]
        if dns_port:
            cluster["cluster_type"]["typed_config"]["typed_dns_resolver_config"] = _resolver(dns_port)
        else:
            # As quick as the test; what it checks and how stays.
            cluster["health_checks"][0] |= {"interval": "0.3s", "no_traffic_interval": "0.3s", "timeout": "1s"}
            (endpoints,) = cluster["load_assignment"]["endpoints"]
            sidecar, anchor = endpoints["lb_endpoints"]
            endpoints["lb_endpoints"] = [_at(sidecar, address) for address in addresses or []] + [anchor]
        self.process, self.port = _start(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.process.stop()


class TLSProxy:
    """A proxy that ends TLS before a gateway and adds its client's address to x-forwarded-for, as OpenShift's router does."""

    def __init__(self, port: int, certificate: Path, key: Path):
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "router", "use_remote_address": True, "stream_idle_timeout": "0s",
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "gateway", "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "gateway", "timeout": "0s"}}],
                    }
                ]
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                }
            ],
        }  # fmt: skip
        files = {"certificate_chain": {"filename": str(certificate)}, "private_key": {"filename": str(key)}}
        chain = {
            "transport_socket": {
                "name": "envoy.transport_sockets.tls",
                "typed_config": {"@type": TRANSPORT, "common_tls_context": {"tls_certificates": [files]}},
            },
            "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}],
        }
        address = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
        backend = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
        config = {
            "admin": {"address": copy.deepcopy(address)},
            "static_resources": {
                "listeners": [{"name": "router", "address": address, "filter_chains": [chain]}],
                "clusters": [
                    {
                        "name": "gateway", "type": "STATIC", "connect_timeout": "2s",
                        "load_assignment": {"cluster_name": "gateway", "endpoints": [{"lb_endpoints": [backend]}]},
                    }
                ],
            },
        }  # fmt: skip
        self.process, self.port = _start(config)

    def stop(self) -> None:
        self.process.stop()


def _resolver(port: int) -> dict:
    """Envoy's own kind of resolver, which asks the server at a port of the loopback address in place of those of resolv.conf."""
    return {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": "127.0.0.1", "port_value": port}}],
            # A domain that this machine searches first.
            "dns_resolver_options": {"no_default_search_domain": True},
        },
    }


def _at(endpoint: dict, address: str) -> dict:
    host, port = address.rsplit(":", 1)
    found = copy.deepcopy(endpoint)
    found["endpoint"]["address"]["socket_address"] = {"address": host, "port_value": int(port)}
    return found


def _start(config: dict) -> tuple[Process, int]:
    """Starts Envoy, and returns it with the port of its first listener."""
    with tempfile.TemporaryDirectory(prefix="warmpath-envoy-") as folder:
        (Path(folder) / "envoy.yaml").write_text(yaml.safe_dump(config))
        admin = Path(folder) / "admin"
        process = Process(
            [
                ENVOY, "-c", Path(folder) / "envoy.yaml", "--admin-address-path", admin, "--concurrency", "1",
                "--disable-hot-restart", "--log-level", "warning",
            ],
            name="envoy",
        )  # fmt: skip
        try:

            def port() -> int:
                if not process.running():
                    raise AssertionError(process.output())
                text = admin.read_text() if admin.exists() else ""
                if not text:
                    return 0
                listeners = http.request(f"http://{text}", "GET", "/listeners").body.decode()
                found = re.search(r":(\d+)$", listeners, re.MULTILINE)
                return int(found[1]) if found else 0

            found: list[int] = []
            eventually(lambda: bool(found.append(port()) or found[-1]), "Envoy listens", 30)
            return process, found[-1]
        except BaseException:
            process.kill()
            raise

"""A namespace of a cluster whose pods are engines of the test, on addresses of pods (scripts/pod-network)."""

import itertools
import re
import socket
from pathlib import Path

import yaml

from ..engine import Engine
from ..epp import EPP
from ..waiting import eventually
from . import objects
from .real import RealAPIServer
from .server import FakeAPIServer

PORT = 8000
_addresses = itertools.count(1)


def account_kubeconfig(api: FakeAPIServer | RealAPIServer, namespace: str, account: str) -> Path:
    """Writes a kubeconfig of a service account, beside that of the administrator."""
    config = yaml.safe_load(api.kubeconfig.read_text())
    config["users"] = [{"name": account, "user": {"token": objects.account_token(api.admin, namespace, account)}}]
    for context in config["contexts"]:
        context["context"]["user"] = account
    path = api.kubeconfig.with_name(f"{namespace}-{account}.kubeconfig")
    path.write_text(yaml.safe_dump(config))
    return path


def has_pod_addresses() -> bool:
    """Returns whether tests may listen on addresses of pods."""
    with socket.socket() as probe:
        try:
            probe.bind(("10.244.0.1", 0))
        except OSError:
            return False
    return True


class Cluster:
    """Pods of one namespace, each with an engine on each of its ports."""

    def __init__(self, api: FakeAPIServer | RealAPIServer, namespace: str):
        self.api = api
        self.namespace = namespace
        self.engines: dict[str, list] = {}
        self._pods = objects.pods(namespace)

    def add_pod(
        self, name: str, ports: list[int] | None = None, ready: bool = True, engine: type = Engine, **metadata: object
    ) -> list:
        """Creates a pod with the label `app: vllm`, or those of `labels`, whose engines listen; returns the engines."""
        number = next(_addresses)
        address = f"10.244.{number // 250}.{number % 250 + 1}"
        self.engines[name] = [engine(name, host=address, port=port) for port in ports or [PORT]]
        labels = {"app": "vllm"} | dict(metadata.pop("labels", {}))  # type: ignore[call-overload]
        self.api.admin.create(self._pods, objects.pod(name, labels, **metadata))  # type: ignore[arg-type]
        self.set_ready(name, ready)
        return self.engines[name]

    def set_ready(self, name: str, ready: bool) -> None:
        """Sets the condition and the address of a pod, as its kubelet does."""
        address = self.engines[name][0].address.rsplit(":", 1)[0]
        self.api.admin.merge(f"{self._pods}/{name}/status", objects.status(address, ready))

    def delete_pod(self, name: str) -> None:
        self.api.admin.delete(f"{self._pods}/{name}")

    def make_pool(self, name: str = "pool", ports: list[int] | None = None, **spec: object) -> None:
        """Creates an InferencePool v1 of the pods with the label `app: vllm`, with further fields of its specification."""
        path = objects.custom(objects.POOL_V1, "inferencepools", self.namespace)
        self.api.admin.create(path, objects.pool(name, {"app": "vllm"}, ports or [PORT], **spec))

    def addresses(self, *names: str) -> set[str]:
        """Returns the addresses of the engines of pods."""
        return {engine.address for name in names for engine in self.engines[name]}

    def stop(self) -> None:
        for engine in itertools.chain.from_iterable(self.engines.values()):
            engine.stop()


def endpoints(epp: EPP) -> set[str]:
    """Returns the names of a picker's endpoints."""
    return set(re.findall(r'^epp_endpoint_refusing\{endpoint_name="([^"]+)"', epp.metrics(), re.MULTILINE))


def wait_endpoints(epp: EPP, *names: str, timeout: float = 10) -> None:
    eventually(lambda: endpoints(epp) == set(names), f"endpoints {names}", timeout)

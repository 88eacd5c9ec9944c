"""A DNS server for a headless Service, whose answers follow the pods of a cluster."""

import socket
import struct
import threading
import time
from typing import Callable

from .kubernetes import objects
from .kubernetes.cluster import Cluster
from .kubernetes.store import Object

# Of answers, unless a Corefile says otherwise: the default of CoreDNS's plugin kubernetes.
TTL = 5
_A, _AAAA, _IN = 1, 28, 1
_NAME_ERROR = 3


class HeadlessServiceDNS:
    """Answers by UDP as CoreDNS does for the Service of a manifest, by its name without a domain: with an A record for each address that
    its EndpointSlices call ready, and with no record for AAAA. An answer is kept for its TTL, as the plugin cache of CoreDNS does."""

    def __init__(self, cluster: Cluster, service: Object, ttl: float = TTL):
        assert service["spec"]["clusterIP"] == "None", "a Service with an address of its own does not name its pods"
        self._name: str = service["metadata"]["name"]
        self._addresses: Callable[[], list[str]] = lambda: ready_addresses(cluster, service)
        self._ttl = ttl
        self._kept: tuple[float, list[str]] = (0, [])
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._ended = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    def stop(self) -> None:
        self._ended = True
        # An empty datagram wakes the thread, which a closed socket does not.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if self._ended:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        identifier, flags = struct.unpack_from("!HH", query)
        labels, place = [], 12
        while length := query[place]:
            labels.append(query[place + 1 : place + 1 + length].decode())
            place += 1 + length
        kind, kind_class = struct.unpack_from("!HH", query, place + 1)
        question = query[12 : place + 5]
        is_known = ".".join(labels).lower() == self._name and kind_class == _IN
        records = self._records() if is_known and kind == _A else []
        # A response with authority, and with the client's wish for recursion.
        status = 0x8400 | flags & 0x0100 | (0 if is_known else _NAME_ERROR)
        return struct.pack("!6H", identifier, status, 1, len(records), 0, 0) + question + b"".join(records)

    def _records(self) -> list[bytes]:
        now = time.monotonic()
        until, addresses = self._kept
        if now >= until:
            until, addresses = self._kept = now + self._ttl, self._addresses()
        # The name is that of the question, which begins at byte 12.
        head = struct.pack("!HHHIH", 0xC00C, _A, _IN, int(until - now), 4)
        return [head + socket.inet_aton(address) for address in addresses]


def ready_addresses(cluster: Cluster, service: Object) -> list[str]:
    """Returns the addresses that the EndpointSlices of a Service call ready."""
    selector = ",".join(f"{name}={value}" for name, value in service["spec"]["selector"].items())
    pods = cluster.api.admin.get(objects.pods(cluster.namespace), labelSelector=selector)["items"]
    publishes_all = service["spec"].get("publishNotReadyAddresses", False)
    with_address = [pod for pod in pods if pod.get("status", {}).get("podIP")]
    return [pod["status"]["podIP"] for pod in with_address if publishes_all or _is_ready(pod)]


def _is_ready(pod: Object) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", []))

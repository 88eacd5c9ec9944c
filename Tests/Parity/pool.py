"""The state that plugins look at: endpoints with their load, the request, its prompt. Everything is read only."""

import math
from dataclasses import dataclass, field
from typing import Any, Mapping

BLOCK_TOKENS = 64
"""Tokens of a block of the prefix index, at the default settings: the effective block is max(64, what is configured)
[3.7]."""

HTTP_TOO_FEW = 503
"""Status where filters leave nothing. llm-d has 429 rejected-saturated; ours says that there is no endpoint."""


TOPOLOGY = {
    "host": "kubernetes.io/hostname",
    "rack": "topology.kubernetes.io/rack",
    "zone": "topology.kubernetes.io/zone",
    "region": "topology.kubernetes.io/region",
}
"""The label of each level of the topology.

Choice: the reference gives the rack's label only; host, zone and region have those that Kubernetes knows well.
"""


class Rejected(Exception):
    """The request gets an error answer with this HTTP status."""

    def __init__(self, status: int):
        super().__init__(f"rejected with {status}")
        self.status = status


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """A candidate. `waiting`, `running` and `kv` are those that the plugins use: scraped, or estimated where stale.
    `matched` is in blocks, and at most the blocks of the prompt."""

    name: str
    address: str
    labels: Mapping[str, str]
    attributes: Mapping[str, float]
    waiting: int
    running: int
    kv: float
    requests: int
    tokens: int
    matched: int
    adapters_running: frozenset[str]
    adapters_waiting: frozenset[str]
    adapters_maximum: int
    stale: bool


@dataclass(frozen=True, slots=True)
class Context:
    """One request over one pool. `peer` is the decode pick, once there is one. Header names are in lower case."""

    tokens: int
    blocks: int
    endpoints: tuple[Endpoint, ...]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    history: tuple[str, ...] = ()
    topology: Mapping[str, str] = field(default_factory=lambda: TOPOLOGY)
    peer: Endpoint | None = None

    @property
    def model(self) -> str:
        return self.body.get("model", "")

    def uncached(self, endpoint: Endpoint) -> int:
        """Tokens of this request's prompt that `endpoint` would have to compute."""
        return max(0, self.tokens - BLOCK_TOKENS * endpoint.matched)


def has_media(body: Mapping[str, Any]) -> bool:
    """Whether a chat has a part that is an image, a film or a sound."""
    kinds = {"image_url", "video_url", "audio_url", "input_audio"}
    contents = [message.get("content") for message in body.get("messages", ())]
    return any(part.get("type") in kinds for content in contents if isinstance(content, list) for part in content)


def context(line: Mapping[str, Any], prompt: Mapping[str, int], topology: Mapping[str, str]) -> Context:
    """The state that an input line of `epp score` describes, with the size that the program found for the prompt.

    A stale endpoint's load (ours, DESIGN.md section 9: "its load is the others' mean and own in-flight counts, never
    zero, never saturated"): the mean of the fresh endpoints, rounded up for counts, plus its own requests in flight.

    Choices. "The others" are all fresh endpoints of the pool, not only the candidates that filters left. The requests
    in flight are added to the waiting and to the running count ("count in every load score", README). The share of
    the cache is the plain mean. With no fresh endpoint the means are 0. Adapters and attributes stay as last scraped.
    """
    raw = line["endpoints"]
    fresh = [endpoint for endpoint in raw if not endpoint["isStale"]]

    def mean(key: str) -> float:
        return sum(endpoint[key] for endpoint in fresh) / len(fresh) if fresh else 0

    if len(fresh) < len(raw):
        waiting, running, kv = math.ceil(mean("waiting")), math.ceil(mean("running")), mean("kvCacheUsage")
    blocks = prompt["blocks"]
    endpoints = []
    for item in raw:
        stale = item["isStale"]
        lora = item["lora"]
        endpoints.append(
            Endpoint(
                name=item["name"],
                address=item["address"],
                labels=item["labels"],
                attributes=item["attributes"],
                waiting=waiting + item["inFlightRequests"] if stale else item["waiting"],
                running=running + item["inFlightRequests"] if stale else item["running"],
                kv=kv if stale else item["kvCacheUsage"],
                requests=item["inFlightRequests"],
                tokens=item["inFlightTokens"],
                matched=min(item["cachedBlocks"], blocks),
                adapters_running=frozenset(lora["running"]),
                adapters_waiting=frozenset(lora["waiting"]),
                adapters_maximum=lora["maximum"],
                stale=stale,
            )
        )
    request = line["request"]
    return Context(
        tokens=prompt["tokens"],
        blocks=blocks,
        endpoints=tuple(endpoints),
        headers={name.lower(): value for name, value in request["headers"].items()},
        body=request["body"],
        history=tuple(line["history"]),
        topology=topology,
    )

"""Random pools and requests from a seed, and what the plugins of each configuration want to see in them.

A state is an input line of `epp score` without its configuration. Edges are drawn often: one endpoint, 64 endpoints,
all values equal, all zero, missing labels and attributes, values that meet a threshold exactly.
"""

import base64
import random
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Mapping, Sequence

State = dict[str, Any]
BLOCK_BYTES = 256
TEXT = "The quick brown fox jumps over the lazy dog, again and again. " * 100


@dataclass(frozen=True)
class Values:
    """What is drawn from. None: the label, attribute or header is left out. A KV share of None is any number."""

    waiting: Sequence[int] = (0, 0, 1, 2, 3, 7, 20)
    running: Sequence[int] = (0, 0, 1, 2, 4, 5, 6, 30)
    kv: Sequence[float | None] = (0.0, 0.25, 0.5, 0.8, 1.0, None, None, None)
    requests: Sequence[int] = (0, 0, 1, 2, 3, 8, 10, 11)
    tokens: Sequence[int] = (0, 0, 1, 64, 500, 1000, 20000)
    prompt_bytes: Sequence[int] = (1, 255, 256, 257, 640, 1024, 1280, 1280, 2048)
    cold: float = 0.25
    stale: float = 0.0
    adapters: Sequence[str] = ()
    adapter_slots: Sequence[int] = (0,)
    models: Sequence[str] = ("m",)
    labels: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    attributes: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    headers: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    history: int = 0
    images: float = 0.0
    ports: Sequence[int] = (8000,)


_ROLES = {
    "llm-d.ai/role": (
        *(None, "decode", "decode", "prefill", "prefill", "both", "encode"),
        *("prefill-decode", "encode-prefill", "encode-prefill-decode", "something"),
    )
}
_TIERS = {"tier": (None, "gold", "silver", "bronze", "Gold"), "zone": (None, "z1"), **_ROLES}
_SHORT_ROLES = {"llm-d.ai/role": ("decode", "decode", "prefill", "prefill", "encode", None)}
_PLACES = {
    "kubernetes.io/hostname": (None, "h1", "h2"),
    "topology.kubernetes.io/rack": (None, "r1", "r2"),
    "topology.kubernetes.io/zone": (None, "z1", "z2"),
    "topology.kubernetes.io/region": (None, "g1"),
    "node": (None, "h1", "h2"),
    "cell": (None, "z1", "z2"),
}
_LENGTHS = (None, "0-100", "100-1000", "0-320", "320-320", "320-512", "160-320", "321-100000", "100-50", "abc", "5")
_DEPTHS = {"depth": (None, 0.0, 1.0, 3.0, 3.0, 5.0, 7.5), "speed": (None, 0.0, 0.25, 1.0, 2.0)}
_DECODERS = Values(labels=_SHORT_ROLES)


def session_token(name: str) -> str:
    """What x-session-token says of the endpoint `name`."""
    return base64.b64encode(f"default/{name}".encode()).decode()


_NO_ENDPOINT = base64.b64encode(b"e0").decode()
_TOKENS = (None, session_token("e0"), session_token("e1"), session_token("e9"), "not base64!", _NO_ENDPOINT)
_SELECTIONS = (None, "10.0.0.0", "10.0.0.1:8000", "10.0.0.0, 10.0.0.2:8001", "10.0.0.1,10.0.0.9", "192.0.2.1")

VALUES: dict[str, Values] = {
    "load-aware-scorer": Values(waiting=(0, 1, 9, 10, 11, 64, 127, 128, 129, 1000)),
    "lora-affinity-scorer": Values(
        adapters=("x", "y", "z"), adapter_slots=(0, 1, 2, 3, 4), models=("x", "y", "z", "m")
    ),
    "active-request-scorer": Values(requests=(0, 0, 1, 2, 3, 4, 50)),
    "token-load-scorer": Values(tokens=(0, 0, 1, 680, 999, 1000, 4194303, 4194304, 9000000)),
    "no-hit-lru-scorer": Values(cold=0.8, history=12, labels=_SHORT_ROLES),
    "session-affinity-scorer": Values(
        headers={"x-session-token": _TOKENS, "x-pod": _TOKENS, "x-session-id": (None, "s")},
    ),
    "session-affinity-filter": Values(headers={"x-session-token": _TOKENS}),
    "context-length-aware": Values(labels={"llm-d.ai/context-length-range": _LENGTHS, "lengths": _LENGTHS}),
    "endpoint-attribute-scorer": Values(attributes=_DEPTHS, labels=_SHORT_ROLES),
    "endpoint-attribute-filter": Values(attributes=_DEPTHS),
    "header-label-affinity-scorer": Values(labels=_TIERS, headers={"X-Tier": (None, "gold", "silver", "iron")}),
    "topology-affinity-scorer": Values(labels=_SHORT_ROLES | _PLACES),
    "topology-affinity-filter": Values(labels=_SHORT_ROLES | _PLACES),
    "label-selector-filter": Values(labels=_TIERS),
    "by-label-selector": Values(labels=_TIERS),
    "by-label": Values(labels=_TIERS),
    "decode-filter": Values(labels=_ROLES),
    "prefill-filter": Values(labels=_ROLES),
    "encode-filter": Values(labels=_ROLES),
    "prefix-cache-affinity-filter": Values(tokens=(0, 0, 1, 500, 1000, 1001, 1500, 286704, 286705, 400000)),
    "utilization-filter": Values(waiting=(0, 1, 4, 5, 6), requests=(0, 1, 9, 10, 11)),
    "utilization-detector": Values(waiting=(0, 1, 4, 5, 6, 7, 8), kv=(0.0, 0.25, 0.5, 0.8, 1.0, None)),
    "concurrency-detector": Values(requests=(0, 1, 7, 8, 9, 10, 11, 99, 100, 101), tokens=(0, 1, 999, 1000, 1001)),
    "header-based-testing-filter": Values(headers={"test-epp-endpoint-selection": _SELECTIONS}, ports=(8000, 8001)),
    "scorers": _DECODERS,
    "lmetric-scorer": _DECODERS,
    "filters": Values(labels=_SHORT_ROLES),
    "header-profile-handler": Values(
        labels=_SHORT_ROLES,
        headers={"EPP-Profile": (None, "decode", "prefill", "nobody"), "x-profile": (None, "cache", "queue",
        "decode")},
    ),
    "disagg-profile-handler": replace(_DECODERS, images=0.3),
    "pd-profile-handler": _DECODERS,
    "data-parallel-profile-handler": Values(ports=(8000, 8001, 8002)),
    "mm-embeddings-cache-scorer": Values(history=3, images=0.7),
    "burst-prefix-cache-producer": Values(history=3),
    "approx-prefix-cache-producer": Values(history=3),
    "document": Values(labels=_SHORT_ROLES, history=4),
    "removed": _DECODERS,
}
"""By what stands before the first dot of the configuration file; others have the defaults."""


@lru_cache(maxsize=2)
def _states(key: str, count: int, stale: float) -> list[State]:
    values = VALUES.get(key, Values())
    return [make(replace(values, stale=stale), seed) for seed in range(count)]


def states(configuration: str, count: int, stale: float = 0.0) -> list[State]:
    """As many states for this configuration file, with this share of stale endpoints. Files of one plugin have the same
    states; nobody may change them."""
    return _states(configuration.split(".")[0], count, stale)


def make(values: Values, seed: int) -> State:
    """The state of this seed."""
    draw = random.Random(seed)
    if draw.random() < 0.05:
        count = 1
    else:
        count = 64 if draw.random() < 0.02 else draw.choice((2, 2, 3, 3, 4, 5, 6, 8))
    size = draw.choice(values.prompt_bytes)
    cold = draw.random() < values.cold
    endpoints = [_endpoint(values, draw, index, 0 if cold else size // BLOCK_BYTES) for index in range(count)]
    kind = draw.random()
    if kind < 0.1:
        for endpoint in endpoints:
            endpoint |= {"waiting": 0, "running": 0, "kvCacheUsage": 0.0, "inFlightRequests": 0, "inFlightTokens": 0}
    elif kind < 0.25:
        key = draw.choice(("waiting", "running", "kvCacheUsage", "inFlightRequests", "inFlightTokens", "cachedBlocks"))
        for endpoint in endpoints:
            endpoint[key] = endpoints[0][key]
    start = draw.randrange(len(TEXT) // 2)
    text = (TEXT[start:] + TEXT)[:size]
    headers = {name: draw.choice(options) for name, options in values.headers.items()}
    names = [endpoint["name"] for endpoint in endpoints]
    return {
        "seed": seed,
        "draws": 1,
        "endpoints": endpoints,
        "history": [draw.choice(names) for _ in range(draw.randrange(values.history + 1))],
        "request": request(draw.choice(values.models), text, draw.random() < values.images, headers),
    }


def request(model: str, text: str, image: bool, headers: Mapping[str, str | None]) -> dict[str, Any]:
    """A completion of `text`, or a chat with an image beside it."""
    given = {name: value for name, value in headers.items() if value is not None}
    if image:
        parts = [
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
        ]
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": parts}]}
        return {"path": "/v1/chat/completions", "headers": given, "body": body, "priority": 0}
    return {"path": "/v1/completions", "headers": given, "body": {"model": model, "prompt": text}, "priority": 0}


def _endpoint(values: Values, draw: random.Random, index: int, blocks: int) -> dict[str, Any]:
    kv = draw.choice(values.kv)
    adapters = [name for name in values.adapters if draw.random() < 0.6]
    split = draw.randrange(len(adapters) + 1)
    lora = {"running": adapters[:split], "waiting": adapters[split:], "maximum": draw.choice(values.adapter_slots)}
    port = draw.choice(values.ports)
    return {
        "name": f"e{index}",
        "address": f"10.0.0.{index}:{port}",
        "labels": {k: v for k, options in values.labels.items() if (v := draw.choice(options)) is not None},
        "waiting": draw.choice(values.waiting),
        "running": draw.choice(values.running),
        "kvCacheUsage": round(draw.random(), 4) if kv is None else kv,
        "inFlightRequests": draw.choice(values.requests),
        "inFlightTokens": draw.choice(values.tokens),
        "cachedBlocks": draw.choice((0, 0, blocks, draw.randint(0, blocks), draw.randint(0, blocks))),
        "lora": lora,
        "attributes": {k: v for k, options in values.attributes.items() if (v := draw.choice(options)) is not None},
        "isStale": draw.random() < values.stale,
    }

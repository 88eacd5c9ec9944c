"""The scorers: a function for each gives candidates' scores by name; a candidate that is missing counts 0 [3.3].

Numbers in brackets are sections of the reference page of the protocol. "Choice" marks what that page leaves open.
"""

import base64
import binascii
import re
from typing import Any, Callable, Mapping, Sequence

from Parity.pool import BLOCK_TOKENS, Context, Endpoint, has_media

Scores = dict[str, float]
Scorer = Callable[[Context, Sequence[Endpoint], Mapping[str, Any]], Scores]
SCORERS: dict[str, Scorer] = {}


def scorer(*types: str) -> Callable[[Scorer], Scorer]:
    def register(function: Scorer) -> Scorer:
        SCORERS.update({name: function for name in types})
        return function

    return register


def _lowest_is_best(values: dict[str, float]) -> Scores:
    low, high = min(values.values()), max(values.values())
    return {name: (high - value) / (high - low) if high > low else 1.0 for name, value in values.items()}


@scorer("queue-scorer")
def queue(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """(maxQ - q) / (maxQ - minQ) over the candidates, all equal: 1 [3.4]. q: waiting requests."""
    return _lowest_is_best({endpoint.name: endpoint.waiting for endpoint in candidates})


@scorer("running-requests-size-scorer")
def running_requests(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """As queue-scorer, with the running requests [3.4]."""
    return _lowest_is_best({endpoint.name: endpoint.running for endpoint in candidates})


@scorer("kv-cache-utilization-scorer")
def kv_cache(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """1 - the used share of the KV cache, 0 to 1 [3.4]."""
    return {endpoint.name: 1 - endpoint.kv for endpoint in candidates}


@scorer("lora-affinity-scorer")
def lora(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """1 where the target's adapter runs; else 0.8 where running + waiting adapters are fewer than the maximum; else
    0.6 where it waits; else 0 [3.4].

    Choice: every model name is taken for an adapter's; an endpoint without adapters (maximum 0) scores 0.
    """

    def score(endpoint: Endpoint) -> float:
        if context.model in endpoint.adapters_running:
            return 1.0
        if len(endpoint.adapters_running) + len(endpoint.adapters_waiting) < endpoint.adapters_maximum:
            return 0.8
        return 0.6 if context.model in endpoint.adapters_waiting else 0.0

    return {endpoint.name: score(endpoint) for endpoint in candidates}


@scorer("load-aware-scorer")
def load_aware(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """0.5 with an empty queue, else 0.5 * (1 - min(q, threshold) / threshold) [3.4]."""
    threshold = parameters.get("threshold", 128)
    return {e.name: 0.5 * (1 - min(e.waiting, threshold) / threshold) for e in candidates}


@scorer("active-request-scorer")
def active_request(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """1 where n <= idleThreshold, else (maxN - n) / maxN * maxBusyScore; n: own requests in flight, maxN the greatest
    n of the candidates [3.4]."""
    idle, busy = parameters.get("idleThreshold", 0), parameters.get("maxBusyScore", 1.0)
    most = max(endpoint.requests for endpoint in candidates)
    return {e.name: 1.0 if e.requests <= idle else (most - e.requests) / most * busy for e in candidates}


@scorer("token-load-scorer")
def token_load(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """t = uncached tokens in flight + this request's uncached tokens there; 1 where t <= 0, else 1 - min(t,
    threshold) / threshold, threshold: queueThresholdTokens, 4194304 [3.4].

    Choice: `inFlightTokens` are the uncached tokens in flight. Of a prompt whose last block is partial, what no block
    that is cached covers is uncached: tokens - 64 * matched blocks, at least 0.
    """
    threshold = parameters.get("queueThresholdTokens", 4194304)
    load = {endpoint.name: endpoint.tokens + context.uncached(endpoint) for endpoint in candidates}
    return {name: 1.0 if t <= 0 else 1 - min(t, threshold) / threshold for name, t in load.items()}


@scorer("prefix-cache-scorer", "precise-prefix-cache-scorer")
def prefix_cache(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """r = matched / all blocks, L = min(1, matched * block / matchLengthScaleTokens)^2, score = w * L + (1 - w) * r,
    w: matchLengthWeight; no blocks: 0 [3.4].

    Choices. All blocks are the program's `prompt.blocks`: a prompt shorter than a block has none, or one partial
    block, as the program says. The deprecated precise-prefix-cache-scorer scores `cachedBlocks` alike, though nothing
    was announced by events.
    """
    weight, scale = parameters.get("matchLengthWeight", 0.0), parameters.get("matchLengthScaleTokens", 8192)
    if context.blocks == 0:
        return {}
    match parameters.get("prefixMatchInfoProducerName"):
        case "burst":
            # All requests of a group with this prompt follow the last one, which is at most a window ago.
            return {e.name: 1.0 for e in candidates if context.history and e.name == context.history[-1]}
        case "tier":
            # An index of what was sent where, with room for everything.
            return {e.name: 1.0 for e in candidates if e.name in context.history}
    return {
        e.name: weight * min(1.0, e.matched * BLOCK_TOKENS / scale) ** 2 + (1 - weight) * e.matched / context.blocks
        for e in candidates
    }


@scorer("mm-embeddings-cache-scorer")
def embeddings(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """matched / all items [3.4]: requests of these tests have one image or none, and so had the earlier ones."""
    if not has_media(context.body):
        return {}
    return {e.name: 1.0 for e in candidates if e.name in context.history}


@scorer("no-hit-lru-scorer")
def no_hit_lru(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """A hit on any endpoint: 0.5 for all. Cold: the i-th that was never used scores 1 - i / (n - 1), one that was used
    max(0, 1 - (never used + lruPos) / (n - 1)), lruPos 0 for the oldest; n <= 1: no score [3.4].

    Choices. "Any endpoint" means any candidate. The never used stand in the order of the pool. Ours: lruPos counts
    among the candidates, so that no two of them share a score. With one candidate and a hit the score is 0.5.
    """
    if any(endpoint.matched > 0 for endpoint in candidates):
        return {endpoint.name: 0.5 for endpoint in candidates}
    n = len(candidates)
    if n <= 1:
        return {}
    used: dict[str, None] = {}
    for name in context.history:
        used.pop(name, None)
        used[name] = None
        if len(used) > parameters.get("lruSize", 1024):
            used.pop(next(iter(used)))
    names = {endpoint.name for endpoint in candidates}
    position = {name: index for index, name in enumerate(name for name in used if name in names)}
    never = [endpoint.name for endpoint in candidates if endpoint.name not in used]
    scores = {name: 1 - index / (n - 1) for index, name in enumerate(never)}
    for endpoint in candidates:
        if endpoint.name in position:
            scores[endpoint.name] = max(0.0, 1 - (len(never) + position[endpoint.name]) / (n - 1))
    return scores


def session_endpoint(context: Context, parameters: Mapping[str, Any]) -> str | None:
    """The name of the endpoint that the request's session asks for [3.4; parameters: newer page, 2].

    encoded_endpoint_header (the default): base64(standard, padded) of "<namespace>/<podName>-rank-<portIndex>" in
    x-session-token; what cannot be decoded is no preference. session_id: the endpoint of the session's last request;
    `epp score` answers each line by itself, so every session is new, and a new session has no opinion.

    Choice: an endpoint of `epp score` is "default/NAME"; in Kubernetes the rank is part of an endpoint's name.
    """
    if parameters.get("strategy", "encoded_endpoint_header") != "encoded_endpoint_header":
        return None
    header = parameters.get("encodedEndpointHeaderConfig", {}).get("header", "x-session-token")
    try:
        text = base64.b64decode(context.headers.get(header.lower(), ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    found = re.fullmatch(r"default/(.+)", text)
    return found[1] if found else None


@scorer("session-affinity-scorer")
def session_affinity(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """1 for the session's endpoint, else 0 [3.4]; without one there is no opinion."""
    wanted = session_endpoint(context, parameters)
    return {endpoint.name: float(endpoint.name == wanted) for endpoint in candidates} if wanted else {}


def length_range(endpoint: Endpoint, parameters: Mapping[str, Any]) -> tuple[int, int] | None | str:
    """The range of a context-length label: None without a label, the text itself where it is no range.

    Choice: a range is two whole numbers with a hyphen between them, the first not greater than the second.
    """
    text = endpoint.labels.get(parameters.get("label", "llm-d.ai/context-length-range"))
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if not found or int(found[1]) > int(found[2]):
        return text
    return int(found[1]), int(found[2])


@scorer("context-length-aware")
def context_length(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """n tokens, width = max - min. In range: 1 with width 0, else .3 + .7 * (.7 / (1 + width / 10000) + .3 * (max -
    n) / width); out of range .3 / (1 + distance / 1000); without a label 0.5; with a bad one 0 [3.4].

    Choices. n is the program's `prompt.tokens`; both ends are in range; distance is that to the nearer end.
    """
    n = context.tokens

    def score(endpoint: Endpoint) -> float:
        limits = length_range(endpoint, parameters)
        if limits is None:
            return 0.5
        if isinstance(limits, str):
            return 0.0
        low, high = limits
        if not low <= n <= high:
            return 0.3 / (1 + (low - n if n < low else n - high) / 1000)
        width = high - low
        return 1.0 if width == 0 else 0.3 + 0.7 * (0.7 / (1 + width / 10000) + 0.3 * (high - n) / width)

    return {endpoint.name: score(endpoint) for endpoint in candidates}


@scorer("endpoint-attribute-scorer")
def endpoint_attribute(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """Linear between min and max, the lower or the higher is better; adaptiveRange takes both from the candidates,
    fixedRange from the configuration; missing: 0; all equal: 1 [3.4].

    Choices. A candidate without the attribute does not count for the adaptive range; "all equal" is about the
    adaptive range only; values outside of a fixed range score as its ends. adaptiveRange is the default.
    """
    key, algorithm = parameters["attributeKey"], parameters["algorithm"]
    values = {e.name: e.attributes[key] for e in candidates if key in e.attributes}
    if not values:
        return {}
    fixed = algorithm.get("normalization", {}).get("fixedRange")
    low, high = (fixed["min"], fixed["max"]) if fixed else (min(values.values()), max(values.values()))
    if low == high:
        return {name: 1.0 for name in values}
    up = algorithm["type"] == "linear_higher_is_better"
    share = {name: min(1.0, max(0.0, (value - low) / (high - low))) for name, value in values.items()}
    return {name: part if up else 1 - part for name, part in share.items()}


@scorer("header-label-affinity-scorer")
def header_label(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """1 where the header's value is that of the label [3.4].

    Choice: 0 for all without the header, 0 where the label is missing; values are compared as they are, in their case.
    """
    value = context.headers.get(parameters["headerName"].lower())
    if not value:
        return {}
    return {e.name: float(e.labels.get(parameters["labelKey"]) == value) for e in candidates}


@scorer("lmetric-scorer")
def lmetric(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """cost = uncached tokens * (requests in flight + 1) [newer page, 1]; ours: score = lowest cost / cost, 1 at cost
    0.

    Choice: the tokens are this request's on that endpoint; what is in flight counts by its requests only.
    """
    costs = {endpoint.name: context.uncached(endpoint) * (endpoint.requests + 1) for endpoint in candidates}
    lowest = min(costs.values())
    return {name: 1.0 if cost == 0 else lowest / cost for name, cost in costs.items()}


LEVELS = {"host": 1.0, "rack": 0.2, "zone": 0.05, "region": 0.02}
"""Levels of the topology, nearest first, with what sharing one scores [3.4]."""


def nearest_level(context: Context, endpoint: Endpoint, peer: Endpoint) -> str | None:
    """The nearest level that both share.

    Choice: each level is looked at by itself: a host that is shared counts although the zones differ. A missing label
    is not shared.
    """
    for level in LEVELS:
        value = endpoint.labels.get(context.topology[level])
        if value is not None and value == peer.labels.get(context.topology[level]):
            return level
    return None


@scorer("topology-affinity-scorer")
def topology(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Scores:
    """By nearness to the decode pick: host 1, rack .2, zone .05, region .02, nothing shared 0 [3.4]; no decode pick:
    no opinion."""
    if context.peer is None:
        return {}
    levels = {endpoint.name: nearest_level(context, endpoint, context.peer) for endpoint in candidates}
    return {name: LEVELS[level] if level else 0.0 for name, level in levels.items()}

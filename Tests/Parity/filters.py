"""The filters: a function for each gives the candidates that stay, in their order.

Numbers in brackets are sections of the reference page of the protocol. "Choice" marks what that page leaves open.
"""

import operator
from typing import Any, Callable, Mapping, Sequence

from Parity.pool import Context, Endpoint
from Parity.scorers import LEVELS, length_range, nearest_level, session_endpoint

Kept = list[Endpoint]
Filter = Callable[[Context, Sequence[Endpoint], Mapping[str, Any]], Kept]
FILTERS: dict[str, Filter] = {}


def filter_of(*types: str) -> Callable[[Filter], Filter]:
    def register(function: Filter) -> Filter:
        FILTERS.update({name: function for name in types})
        return function

    return register


@filter_of("label-selector-filter", "by-label-selector")
def label_selector(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """All of matchLabels and matchExpressions hold: In, NotIn, Exists, DoesNotExist [3.5].

    Choice: as selectors of Kubernetes, where NotIn also holds without the label.
    """

    def holds(labels: Mapping[str, str], key: str, operator: str, values: Sequence[str] = ()) -> bool:
        match operator:
            case "In":
                return labels.get(key) in values
            case "NotIn":
                return labels.get(key) not in values
            case "Exists":
                return key in labels
            case "DoesNotExist":
                return key not in labels
        raise ValueError(operator)

    equal = parameters.get("matchLabels") or {}
    rules = parameters.get("matchExpressions") or []
    return [
        endpoint
        for endpoint in candidates
        if all(endpoint.labels.get(key) == value for key, value in equal.items())
        and all(holds(endpoint.labels, **rule) for rule in rules)
    ]


@filter_of("by-label")
def by_label(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """The label has one of validValues; without the label only with allowsNoLabel [3.5].

    Choice: allowsNoLabel is off by default; an empty list of values leaves those without the label only.
    """
    label, values = parameters["label"], parameters.get("validValues") or []
    without = parameters.get("allowsNoLabel", False)
    return [e for e in candidates if (e.labels[label] in values if label in e.labels else without)]


ROLE = "llm-d.ai/role"
DECODE = {"decode", "prefill-decode", "both", "encode-prefill-decode"}
PREFILL = {"prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"}
ENCODE = {"encode", "encode-prefill", "encode-prefill-decode"}


@filter_of("decode-filter")
def decode(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Role decode, prefill-decode, both, encode-prefill-decode, or no label [3.5].

    Choice: `both`, which newer releases have dropped, still counts.
    """
    return [e for e in candidates if ROLE not in e.labels or e.labels[ROLE] in DECODE]


@filter_of("prefill-filter")
def prefill(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Role prefill, encode-prefill, prefill-decode, both, encode-prefill-decode; the label is required [3.5]."""
    return [e for e in candidates if e.labels.get(ROLE) in PREFILL]


@filter_of("encode-filter")
def encode(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Role encode, encode-prefill, encode-prefill-decode; the label is required [3.5]."""
    return [e for e in candidates if e.labels.get(ROLE) in ENCODE]


@filter_of("prefix-cache-affinity-filter")
def prefix_affinity(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Sticky: matched / all blocks >= affinityThreshold (.80). None: all stay. All stay too where the lowest TTFT of
    the sticky exceeds that of the others by more than maxTTFTPenaltyMs (18000); TTFT ms = tokens in flight /
    peakPrefillThroughput (15928) * 1000 [3.5]; or where their tokens in flight do by more than maxTokensInFlightPenalty
    (0). A limit of 0 is none. With explorationProbability (0) all stay.

    Choices. TTFT counts what is in flight, not this request. With no others the sticky stay. Nothing is sticky for a
    prompt without blocks. Only the probabilities 0 and 1 are modelled.
    """
    if context.blocks == 0 or parameters.get("explorationProbability", 0) >= 1:
        return list(candidates)
    threshold = parameters.get("affinityThreshold", 0.8)
    sticky = [endpoint for endpoint in candidates if endpoint.matched / context.blocks >= threshold]
    others = [endpoint for endpoint in candidates if endpoint.matched / context.blocks < threshold]
    if not sticky or not others:
        return list(candidates)

    # Both sides times the throughput: whole numbers, which meet the limit exactly.
    more = min(e.tokens for e in sticky) - min(e.tokens for e in others)
    later = parameters.get("maxTTFTPenaltyMs", 18000) * parameters.get("peakPrefillThroughput", 15928)
    limits = [limit for limit in (later, parameters.get("maxTokensInFlightPenalty", 0) * 1000) if limit]
    return list(candidates) if any(more * 1000 > limit for limit in limits) else sticky


def _or_all(kept: Kept, candidates: Sequence[Endpoint], fallback: bool) -> Kept:
    return list(candidates) if fallback and not kept else kept


@filter_of("utilization-filter")
def utilization(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Every condition's metric is at most its maxValue; fallbackOnEmpty (off) keeps all where none is left [3.5].

    Choices. All conditions have to hold, and a value equal to the maximum stays. A stale endpoint is judged by its
    estimated load.
    """
    metrics: dict[str, Callable[[Endpoint], float]] = {
        "active-requests": lambda endpoint: endpoint.requests,
        "running-requests": lambda endpoint: endpoint.running,
        "waiting-queue": lambda endpoint: endpoint.waiting,
        "kv-cache-utilization": lambda endpoint: endpoint.kv,
    }
    kept = [e for e in candidates if all(metrics[c["metric"]](e) <= c["maxValue"] for c in parameters["conditions"])]
    return _or_all(kept, candidates, parameters.get("fallbackOnEmpty", False))


OPERATORS = {
    "LessThan": operator.lt,
    "LessThanOrEqual": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqual": operator.ge,
    "Equal": operator.eq,
    "NotEqual": operator.ne,
}
"""Choice: the page names no operators; these are those of the public documentation of the plugin."""


@filter_of("endpoint-attribute-filter")
def attribute(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """The attribute compares with the threshold's value; onMissing Pass or Fail; fallbackOnEmpty (off) [3.5; newer
    page, 2].

    Choice: fallbackOnEmpty looks at what is left, whether it was dropped for its value or for a missing one.
    """
    key, threshold = parameters["attribute"], parameters["algorithm"]["threshold"]
    compare, passes = OPERATORS[threshold["operator"]], parameters["onMissing"] == "Pass"
    kept = [
        e for e in candidates if (compare(e.attributes[key], threshold["value"]) if key in e.attributes else passes)
    ]
    return _or_all(kept, candidates, parameters.get("fallbackOnEmpty", False))


@filter_of("utilization-detector")
def utilization_detector(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """q < queueDepthThreshold (5) * (1 + headroom) and kv < min(1, kvCacheUtilThreshold (.8) * (1 + headroom)); where
    none is left, all stay [7]. Ours: a stale endpoint, which llm-d drops, is judged by its estimated load.
    """
    room = 1 + parameters.get("headroom", 0.0)
    depth = parameters.get("queueDepthThreshold", 5) * room
    share = min(1.0, parameters.get("kvCacheUtilThreshold", 0.8) * room)
    return _or_all([e for e in candidates if e.waiting < depth and e.kv < share], candidates, True)


@filter_of("concurrency-detector")
def concurrency_detector(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """In flight / capacity, by requests (maxConcurrency 100), tokens (maxTokenConcurrency 1000000), or hybrid: the
    greater ratio [7]. Ours: where none is left, all stay.

    Choices. An endpoint stays while its ratio is below 1 + headroom, as in the other detector. This request's own
    tokens do not count. Staleness is no matter: the counts are the picker's own.
    """
    mode = parameters.get("concurrencyMode", "requests")

    def ratio(endpoint: Endpoint) -> float:
        requests = endpoint.requests / parameters.get("maxConcurrency", 100)
        tokens = endpoint.tokens / parameters.get("maxTokenConcurrency", 1000000)
        return {"requests": requests, "tokens": tokens, "hybrid": max(requests, tokens)}[mode]

    limit = 1 + parameters.get("headroom", 0.0)
    return _or_all([endpoint for endpoint in candidates if ratio(endpoint) < limit], candidates, True)


@filter_of("header-based-testing-filter")
def header_based_testing(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """Those that the header test-epp-endpoint-selection names: a comma list of addresses, or of address:port [3.5,
    10.1].

    Choices. An address without a port means all ports. A header that names none of them leaves nothing, and so does a
    request without the header. Blanks around entries do not count.
    """
    header = context.headers.get("test-epp-endpoint-selection", "")
    wanted = {entry.strip() for entry in header.split(",") if entry.strip()}
    return [e for e in candidates if e.address in wanted or e.address.rsplit(":", 1)[0] in wanted]


@filter_of("session-affinity-filter")
def session_affinity(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """The session's endpoint alone; never empties [3.5]. Parameters as those of the scorer.

    Choice: all stay where the token names no candidate. Where session_id places a new session is ours (rendezvous)
    and not modelled.
    """
    wanted = session_endpoint(context, parameters)
    return _or_all([endpoint for endpoint in candidates if endpoint.name == wanted], candidates, True)


@filter_of("topology-affinity-filter")
def topology(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """At least as near to the decode pick as minAffinity says: host (the default), rack, zone, region [3.5; newer
    page, 2].

    Choices. Without a decode pick all stay, and also where none is near enough.
    """
    if context.peer is None:
        return list(candidates)
    levels = list(LEVELS)
    enough = set(levels[: levels.index(parameters.get("minAffinity", "host")) + 1])
    near = [endpoint for endpoint in candidates if nearest_level(context, endpoint, context.peer) in enough]
    return _or_all(near, candidates, True)


@filter_of("context-length-aware")
def context_length(context: Context, candidates: Sequence[Endpoint], parameters: Mapping[str, Any]) -> Kept:
    """With enableFiltering (off) those whose range holds the prompt's tokens [3.4].

    Choices. An endpoint without the label stays (its score is neutral), one with a bad label goes (its score is 0).
    Where none is left, all stay.
    """
    if not parameters.get("enableFiltering", False):
        return list(candidates)

    def fits(endpoint: Endpoint) -> bool:
        limits = length_range(endpoint, parameters)
        return limits is None or (not isinstance(limits, str) and limits[0] <= context.tokens <= limits[1])

    return _or_all([endpoint for endpoint in candidates if fits(endpoint)], candidates, True)

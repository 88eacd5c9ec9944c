"""golden.json: what the formulas pick for every configuration on a few pools. Run `python -m Parity.golden` in Tests
to write it."""

import copy
import json
from pathlib import Path
from typing import Any

from Parity import configurations
from Parity.compare import TOLERANCE
from Parity.pickers import Probabilities, best_of
from Parity.states import TEXT, request, session_token

FILE = Path(__file__).with_name("golden.json")
PROMPT = {"tokens": 640, "blocks": 10}
"""Of 2,560 bytes: whole tokens and whole blocks, however what is left over would be rounded."""

_HEADERS = {
    "x-session-token": session_token("b"),
    "x-pod": session_token("c"),
    "x-session-id": "s",
    "x-tier": "gold",
    "test-epp-endpoint-selection": "10.0.0.2:8000, 10.0.0.3",
}

#        role      tier      waiting running kv    requests tokens  cached host  rack  zone  lengths      depth speed
_TABLE = """
    a    decode    gold      0       3       0.90  3        5000    0      h1    r1    z1    0-1000       5     0.5
    b    decode    silver    4       1       0.20  1        1000    8      h2    r1    z1    1000-2000    3     0.25
    c    -         gold      2       6       0.50  0        0       5      h3    r2    z2    -            -     1.0
    d    prefill   gold      5       2       0.10  12       200     2      h2    r1    z1    600-700      1     0.0
    e    prefill   bronze    1       4       0.85  2        90000   10     h1    r1    z1    640-640      7.5   -
    f    encode    -         3       5       0.80  9        300     0      h4    r3    z1    5            3     2.0
"""


def _pool() -> list[dict[str, Any]]:
    pool = []
    for index, row in enumerate(_TABLE.strip().splitlines(), 1):
        name, role, tier, *rest = row.split()
        waiting, running, kv, requests, tokens, cached, host, rack, zone, lengths, depth, speed = rest
        labels = {
            "llm-d.ai/role": role,
            "tier": tier,
            "zone": zone,
            "kubernetes.io/hostname": host,
            "topology.kubernetes.io/rack": rack,
            "topology.kubernetes.io/zone": zone,
            "node": host,
            "cell": zone,
            "llm-d.ai/context-length-range": lengths,
            "lengths": lengths,
        }
        pool.append(
            {
                "name": name,
                "address": f"10.0.0.{index}:8000",
                "labels": {key: value for key, value in labels.items() if value != "-"},
                "waiting": int(waiting),
                "running": int(running),
                "kvCacheUsage": float(kv),
                "inFlightRequests": int(requests),
                "inFlightTokens": int(tokens),
                "cachedBlocks": int(cached),
                "lora": {"running": ["x"] * (name == "e"), "waiting": ["x"] * (name == "b"), "maximum": 1},
                "attributes": {k: float(v) for k, v in {"depth": depth, "speed": speed}.items() if v != "-"},
                "isStale": False,
            }
        )
    return pool


def pools() -> dict[str, dict[str, Any]]:
    """The states by name. In `cold` nothing is cached; `idle` is cold and has no load; `stale` knows no load of b and
    d."""
    mixed = {
        "seed": 1,
        "draws": 1,
        "endpoints": _pool(),
        "history": ["c", "a", "f", "c"],
        "request": request("x", TEXT[:2560], False, _HEADERS),
    }
    made = {name: copy.deepcopy(mixed) for name in ("mixed", "cold", "idle", "alone", "stale", "image")}
    for endpoint in made["cold"]["endpoints"] + made["idle"]["endpoints"]:
        endpoint["cachedBlocks"] = 0
    for endpoint in made["idle"]["endpoints"]:
        endpoint |= {"waiting": 0, "running": 0, "kvCacheUsage": 0.0, "inFlightRequests": 0, "inFlightTokens": 0}
    made["alone"]["endpoints"] = made["alone"]["endpoints"][:1]
    for endpoint in made["stale"]["endpoints"]:
        if endpoint["name"] in "bd":
            endpoint |= {"isStale": True, "waiting": 0, "running": 0, "kvCacheUsage": 0.0}
    made["image"]["request"] = request("x", TEXT[:2560], True, _HEADERS)
    return made


def cases() -> list[tuple[str, str]]:
    """Configuration and pool; the size of a chat is the program's matter, so `image` is for those that look for
    images only."""
    return [
        (name, pool)
        for name in configurations.NAMES
        for pool in pools()
        if pool != "image" or any(word in configurations.text(name) for word in ("multimodal-decider", "mm-embeddings"))
    ]


def _expected(name: str, pool: dict[str, Any]) -> dict[str, Any]:
    equals: list[bool] = []

    def choose(profile: str, probabilities: Probabilities) -> str:
        possible = [endpoint for endpoint, probability in probabilities.items() if probability > 0]
        equals.append(len(possible) > 1)
        return possible[0]

    answer = configurations.load(name).answer(pool, PROMPT, choose)
    if answer.status is not None:
        return {"rejection": answer.status}
    # What comes after a pick among equals depends on it.
    assert all(o.best == best_of(o.totals, TOLERANCE) for o in answer.profiles), f"{name}: rounding would decide"
    profiles = answer.profiles[: equals.index(True) + 1] if True in equals else answer.profiles
    found: dict[str, Any] = {o.profile: {"candidates": sorted(o.totals), "best": sorted(o.best)} for o in profiles}
    table: dict[str, Any] = {"profiles": found}
    if True not in equals:
        table |= {"destination": answer.destination, "headers": answer.headers}
    return table


def make() -> dict[str, dict[str, Any]]:
    """The table: configuration, pool, and what is expected."""
    states = pools()
    table: dict[str, dict[str, Any]] = {}
    for name, pool in cases():
        table.setdefault(name, {})[pool] = _expected(name, states[pool])
    return table


def written(table: dict[str, dict[str, Any]]) -> str:
    """The table as JSON, a pool a line."""
    files = []
    for name, rows in table.items():
        lines = [f"  {json.dumps(pool)}: {json.dumps(row, separators=(',', ':'))}" for pool, row in rows.items()]
        files.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(files) + "\n}\n"


def checked_by_hand(table: dict[str, dict[str, Any]]) -> None:
    """Picks that were worked out on paper from the table of endpoints above."""

    def best(name: str, pool: str = "mixed", profile: str = "default") -> str:
        return "".join(table[name][pool]["profiles"][profile]["best"])

    def candidates(name: str, pool: str = "mixed", profile: str = "default") -> str:
        return "".join(table[name][pool]["profiles"][profile]["candidates"])

    assert best("queue-scorer") == "a"
    assert best("queue-scorer", "idle") == "abcdef"
    # Of the fresh a, c, e, f the mean queue is 6 / 4, rounded up 2; b has one of its own more, d twelve.
    assert best("queue-scorer", "stale") == "a"
    assert best("running-requests-size-scorer") == "b"
    # The mean of 3, 6, 4, 5 is 4.5, so 5, and 6 with b's own: a stays the least.
    assert best("running-requests-size-scorer", "stale") == "a"
    assert best("kv-cache-utilization-scorer") == "d"
    # (.9 + .5 + .85 + .8) / 4 = .7625 for b and d; c has .5.
    assert best("kv-cache-utilization-scorer", "stale") == "c"
    # e runs adapter x; b has no room any more and waits for it: .6; the others have room: .8.
    assert best("lora-affinity-scorer") == "e"
    assert best("active-request-scorer") == "c"
    # Of a, b, c: queue 1, 0, .5; running .6, 1, 0; in flight 0, .67, 1; cache .1, .8, .5.
    assert best("scorers.filtered") == "b"
    assert best("active-request-scorer.idle-threshold") == "bce"
    # Uncached 640, 128, 320, 512, 0, 640 and in flight: c has 320, d 712, f 940, b 1128.
    assert best("token-load-scorer") == "c"
    assert best("prefix-cache-scorer") == "e"
    # c was last used, then f, then a: b, d, e never; b is the first of them.
    assert best("no-hit-lru-scorer", "cold") == "b"
    assert best("no-hit-lru-scorer") == "abcdef"
    assert best("session-affinity-scorer") == "b"
    assert best("session-affinity-scorer.header") == "c"
    # 640 tokens: e's range is that very length, so 1; a has .3 + .7 * (.7 / 1.1 + .3 * .36) = .82.
    assert best("context-length-aware") == "e"
    assert candidates("context-length-aware.filtering") == "acde"
    assert best("endpoint-attribute-scorer.lower") == "d"
    assert best("endpoint-attribute-scorer.higher") == "e"
    assert best("header-label-affinity-scorer") == "acd"
    # Costs: a 640 * 4, b 128 * 2, c 320 * 1, d 512 * 13, e 0, f 640 * 10.
    assert best("lmetric-scorer") == "e"
    assert best("lmetric-scorer", "cold") == "c"
    # The decode pick is a, on host h1 with e.
    assert best("topology-affinity-scorer", profile="prefill") == "e"
    assert candidates("topology-affinity-filter.levels", profile="prefill") == "de"
    assert candidates("topology-affinity-filter.levels", profile="encode") == "f"
    assert candidates("label-selector-filter.all") == "ac"
    assert candidates("by-label") == "acde"
    assert candidates("decode-filter") == "abc"
    assert candidates("prefill-filter") == "de"
    assert table["encode-filter"]["alone"] == {"rejection": 503}
    # b has 8 of 10 blocks, exactly .8, and e all; the sticky b is 1000 tokens behind the idle c, 63 ms.
    assert candidates("prefix-cache-affinity-filter") == "be"
    assert candidates("prefix-cache-affinity-filter.penalty") == "be"
    assert candidates("prefix-cache-affinity-filter.tokens") == "be"
    assert candidates("prefix-cache-affinity-filter", "cold") == "abcdef"
    # A queue of 5 is too long, and a share of .8 too much.
    assert candidates("utilization-detector") == "bc"
    # Of b and d nothing is known but what was sent there: 1 and 12 requests beside the mean of the others.
    assert candidates("utilization-detector", "stale") == "bc"
    assert candidates("utilization-filter.two") == "bcdf"
    # Ratios: a 5, b 1, c 0, d 1.2, e 90, f .9.
    assert candidates("concurrency-detector.hybrid") == "cf"
    assert candidates("header-based-testing-filter") == "bc"
    # Sticky are b and e; of these b alone decodes.
    assert candidates("filters.order") == "b"
    disaggregated = table["disagg-profile-handler"]["mixed"]
    assert disaggregated["destination"] == "10.0.0.1:8000"
    assert disaggregated["headers"] == {"x-prefiller-host-port": "10.0.0.5:8000"}
    # decode: b has 3 * .8, c 3 * .5 + 2 * .5, a 2: c with 320 tokens that are not cached, more than 192.
    prefix_based = table["disagg-profile-handler.prefix-based"]["mixed"]
    assert prefix_based["destination"] == "10.0.0.3:8000"
    assert prefix_based["headers"] == {"x-prefiller-host-port": "10.0.0.5:8000"}
    assert table["disagg-profile-handler.off"]["mixed"]["headers"] == {}
    assert table["data-parallel-profile-handler.primary-port"]["mixed"] == {
        "profiles": {"default": {"candidates": list("abcdef"), "best": ["a"]}},
        "destination": "10.0.0.1:8200",
        "headers": {"x-data-parallel-host-port": "10.0.0.1:8000"},
    }


if __name__ == "__main__":
    made = make()
    checked_by_hand(made)
    FILE.write_text(written(made))

"""How often each endpoint is picked, against its probability, with fixed seeds."""

import random
from typing import Any

import pytest

from Parity import configurations, program
from Parity.chances import chi_square, tail
from Parity.pickers import PICKERS, best_of
from Parity.states import Values, make

DRAWS = 20_000
POOLS = 20
RAREST = 1e-5
"""Probability below which a distribution counts as another one. The seeds are fixed: a test passes always or never."""

# Totals of several sizes, equal ones and zeros among them; none is so small that chi-square would not hold.
VALUES = Values(waiting=(0, 1, 2, 5, 5, 10), kv=(0.0, 0.2, 0.5, 0.5, 1.0), cold=0.0)


def _answers(name: str, *, draws: int = DRAWS) -> list[dict[str, Any]]:
    if lacking := configurations.missing(name, program.listed()):
        pytest.skip(f"epp plugins does not list {', '.join(lacking)}")
    text = configurations.text(name)
    return program.score({"configuration": text, **make(VALUES, seed), "draws": draws} for seed in range(POOLS))


def _check(profiles: list[dict[str, Any]], picker: str) -> None:
    whole, freedom = 0.0, 0
    for seed, profile in enumerate(profiles):
        counts, probabilities = profile["picks"], PICKERS[picker](profile["totals"])
        assert sum(counts.values()) == DRAWS
        statistic, degrees = chi_square(counts, probabilities)
        assert tail(statistic, degrees) > RAREST, f"pool {seed}: {counts}, expected shares {probabilities}"
        whole, freedom = whole + statistic, freedom + degrees
    assert freedom > 2, "the pools are too small to say anything"
    assert tail(whole, freedom) > RAREST, "all pools together"


@pytest.mark.parametrize("name", ["random-picker", "weighted-random-picker", "max-score-picker"])
def test_shares_of_the_picks(name: str) -> None:
    _check([answer["profiles"][0] for answer in _answers(name)], name)


def test_equals_share_alike() -> None:
    """Without scorers all totals are 0: max-score-picker takes any."""
    answers = _answers("document.no-scorers")
    assert all(set(answer["profiles"][0]["totals"].values()) == {0.0} for answer in answers)
    _check([answer["profiles"][0] for answer in answers], "max-score-picker")


def test_weights_of_zero() -> None:
    """Where every total is zero, the weighted picker takes any; where one is not, only that one."""
    name = "weighted-random-picker"
    if lacking := configurations.missing(name, program.listed()):
        pytest.skip(f"epp plugins does not list {', '.join(lacking)}")
    states = [make(Values(), seed) for seed in range(200)]
    states = [state for state in states if 3 <= len(state["endpoints"]) <= 8][:2]
    for state, some in zip(states, (False, True)):
        # The scorer by cache alone decides: the queue's, which never gives zero to all, is taken out below.
        for endpoint in state["endpoints"]:
            endpoint["kvCacheUsage"] = 1.0
        if some:
            state["endpoints"][1]["kvCacheUsage"] = 0.25
    text = configurations.text(name).replace("  - pluginRef: queue-scorer\n    weight: 2\n", "")
    none, one = program.score({"configuration": text, **state, "draws": DRAWS} for state in states)
    assert set(none["profiles"][0]["totals"].values()) == {0.0}
    _check_one(none["profiles"][0])
    assert one["profiles"][0]["picks"] == {states[1]["endpoints"][1]["name"]: DRAWS}


def _check_one(profile: dict[str, Any]) -> None:
    statistic, degrees = chi_square(profile["picks"], PICKERS["random-picker"](profile["totals"]))
    assert tail(statistic, degrees) > RAREST, profile["picks"]


def test_a_seed_gives_the_same_picks_again() -> None:
    first, second = (_answers("random-picker", draws=50) for _ in range(2))
    assert first == second
    text = configurations.text("random-picker")
    state = next(s for s in (make(VALUES, seed) for seed in range(100)) if len(s["endpoints"]) >= 4)
    seeds = random.Random(5).sample(range(1 << 30), 50)
    answers = program.score({"configuration": text, **state, "seed": seed} for seed in seeds)
    assert len({answer["destination"] for answer in answers}) > 1


def test_fallbacks_follow_by_their_totals() -> None:
    """With maxNumOfEndpoints 3 the destination is a list: the best three, in falling order."""
    for answer in _answers("max-score-picker.fallbacks", draws=1):
        totals = answer["profiles"][0]["totals"]
        addresses = answer["destination"].split(",")
        assert len(addresses) == len(set(addresses)) == min(3, len(totals))
        names = [f"e{address.split(':')[0].split('.')[-1]}" for address in addresses]
        listed = [totals[name] for name in names]
        assert listed == sorted(totals.values(), reverse=True)[: len(listed)]
        assert names[0] in best_of(totals)

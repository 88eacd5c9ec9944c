"""The pickers: a function for each gives the probability of every candidate to be the first pick.

Numbers in brackets are sections of the reference page of the protocol. "Choice" marks what that page leaves open.
"""

from typing import Callable, Mapping

Probabilities = dict[str, float]
Picker = Callable[[Mapping[str, float]], Probabilities]


ROUNDING = 1e-12
"""Totals that differ by less may be equal: a sum may be added up in another order."""


def max_score(totals: Mapping[str, float]) -> Probabilities:
    """Shuffle, then a stable sort by falling total [3.6]: each of the best alike."""
    best = best_of(totals, ROUNDING)
    return {name: 1 / len(best) if name in best else 0.0 for name in totals}


def any_of(totals: Mapping[str, float]) -> Probabilities:
    """Shuffle [3.6]: every candidate alike."""
    return {name: 1 / len(totals) for name in totals}


def weighted_random(totals: Mapping[str, float]) -> Probabilities:
    """A-Res: key = U^(1 / score), the largest key first; score 0 has key 0; all zero: any [3.6]. The largest of such
    keys is that of i with probability score_i / sum of scores.

    Choice: the score is the weighted total.
    """
    whole = sum(totals.values())
    return {name: total / whole for name, total in totals.items()} if whole > 0 else any_of(totals)


PICKERS: dict[str, Picker] = {
    "max-score-picker": max_score,
    "random-picker": any_of,
    "weighted-random-picker": weighted_random,
}


def best_of(totals: Mapping[str, float], within: float = 0.0) -> set[str]:
    """Those with the greatest total, or one that is not lower by more than `within`."""
    highest = max(totals.values())
    return {name for name, total in totals.items() if total >= highest - within}

"""Chi-square, for what is picked at random."""

import math
from typing import Mapping


def chi_square(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> tuple[float, int]:
    """The statistic and its degrees of freedom; infinite where something impossible was counted."""
    total = sum(counts.values())
    if any(count for name, count in counts.items() if not probabilities.get(name)):
        return math.inf, 1
    possible = {name: probability * total for name, probability in probabilities.items() if probability > 0}
    return sum((counts.get(name, 0) - mean) ** 2 / mean for name, mean in possible.items()), len(possible) - 1


def tail(statistic: float, freedom: int) -> float:
    """The probability of a chi-square value at least as great: the regularised upper incomplete gamma function, by
    its series for whole and half degrees."""
    if freedom <= 0 or math.isinf(statistic):
        return float(statistic <= 1e-9)
    half = statistic / 2
    if freedom % 2 == 0:
        start, term, value = 1, math.exp(-half), math.exp(-half)
    else:
        start, value = 1, math.erfc(math.sqrt(half))
        term = math.sqrt(half) * math.exp(-half) / math.gamma(1.5)
        if freedom > 1:
            value += term
    steps = freedom // 2 - 1
    for step in range(start, start + steps):
        term *= half / (step if freedom % 2 == 0 else step + 0.5)
        value += term
    return min(1.0, value)

"""Random states through `epp score` and through the model: scores, what filters keep, the best, the destination, its
headers."""

import pytest

from Parity import configurations, program
from Parity.compare import differences, prompts
from Parity.states import State, states

STATES = 1000
STATES_OF_DOCUMENTS = 200
"""For files that are about the document: their plugins have files of their own."""

STALE_STATES = 500
USE_LOAD = [
    "queue-scorer",
    "running-requests-size-scorer",
    "kv-cache-utilization-scorer",
    "load-aware-scorer",
    "active-request-scorer",
    "token-load-scorer",
    "lmetric-scorer",
    "utilization-filter.running-requests",
    "utilization-filter.two",
    "utilization-detector",
    "concurrency-detector",
    "document.default",
    "scorers.filtered",
]
"""What looks at the load, and so at its estimate where an endpoint is stale."""


def check(name: str, drawn: list[State]) -> None:
    """Compares the answers to these states; a failure names the seeds."""
    if lacking := configurations.missing(name, program.listed()):
        pytest.skip(f"epp plugins does not list {', '.join(lacking)}")
    configuration, text = configurations.load(name), configurations.text(name)
    lines = [{"configuration": text, **state} for state in drawn]
    answers = program.score(lines)
    known = prompts(lines, answers)
    wrong = []
    for line, answer in zip(lines, answers):
        if found := differences(configuration, line, answer, known):
            kind = "one endpoint" if len(line["endpoints"]) == 1 else f"{len(line['endpoints'])} endpoints"
            wrong.append(f"seed {line['seed']} ({kind}): " + "; ".join(found))
    shown = "\n".join(wrong[:5])
    assert not wrong, f"{name}: {len(wrong)} of {len(drawn)} states differ\n{shown}"


@pytest.mark.parametrize("name", configurations.NAMES)
def test_random_states(name: str) -> None:
    documents = name.startswith(("document.", "removed."))
    check(name, states(name, STATES_OF_DOCUMENTS if documents else STATES))


@pytest.mark.parametrize("name", USE_LOAD)
def test_stale_endpoints(name: str) -> None:
    check(name, states(name, STALE_STATES, stale=0.4))

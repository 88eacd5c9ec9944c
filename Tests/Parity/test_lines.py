"""`epp score` line by line: each is answered by itself, and what is wrong with one is no matter for the next."""

from typing import Any

from Parity import configurations, golden, program
from Parity.chances import chi_square, tail


def _line(name: str = "queue-scorer", pool: str = "mixed") -> dict[str, Any]:
    return {"configuration": configurations.text(name), **golden.pools()[pool]}


def test_a_bad_configuration_is_said_to_be_one() -> None:
    good = configurations.text("queue-scorer")
    unknown = _line() | {"configuration": good.replace("type: queue-scorer", "type: no-such-plugin")}
    nowhere = _line() | {"configuration": good.replace("pluginRef: queue", "pluginRef: other")}
    answers = program.score([_line(), unknown, nowhere, _line()])
    assert [sorted(answer) for answer in answers[1:3]] == [["id", "problems"]] * 2
    assert all(answer["problems"] for answer in answers[1:3])
    assert answers[0]["destination"] == answers[3]["destination"] == "10.0.0.1:8000"


def test_no_endpoints_are_503() -> None:
    (answer,) = program.score([_line() | {"endpoints": [], "history": []}])
    assert answer["rejection"]["status"] == 503
    assert answer["rejection"]["reason"]


def test_lines_know_nothing_of_each_other() -> None:
    """Neither load, nor cached prompts, nor sessions stay of a line: each has its own."""
    alone = program.score([_line("document.default")])
    for name in ("session-affinity-scorer.session-id", "document.default", "queue-scorer"):
        lines = [_line(name, "mixed"), _line("document.default"), _line(name, "mixed")]
        answers = program.score(lines)
        assert {**answers[0], "id": 0} == {**answers[2], "id": 0}
        assert {**answers[1], "id": 1} == alone[0]


def test_the_chi_square_of_this_suite() -> None:
    """Against printed tables: the values that are exceeded with probability .05 and .001."""
    printed = {1: (3.841, 10.828), 2: (5.991, 13.816), 5: (11.070, 20.515), 10: (18.307, 29.588), 63: (82.529, 103.442)}
    for freedom, (five, thousandth) in printed.items():
        assert abs(tail(five, freedom) - 0.05) < 1e-4
        assert abs(tail(thousandth, freedom) - 0.001) < 1e-5
    assert tail(*chi_square({"a": 60, "b": 40}, {"a": 0.5, "b": 0.5})) == tail(4.0, 1)
    assert tail(*chi_square({"a": 1}, {"a": 0.0, "b": 1.0})) == 0.0

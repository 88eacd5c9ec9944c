"""The golden table of picks: that it is what the formulas give, and that the program picks the same."""

import json

import pytest

from Parity import configurations, golden, program

TABLE = json.loads(golden.FILE.read_text())


def test_the_table_is_what_the_formulas_give() -> None:
    made = golden.make()
    golden.checked_by_hand(made)
    assert made == TABLE, "run `python -m Parity.golden` in Tests"


@pytest.mark.parametrize("name", TABLE)
def test_picks(name: str) -> None:
    if lacking := configurations.missing(name, program.listed()):
        pytest.skip(f"epp plugins does not list {', '.join(lacking)}")
    states, expected = golden.pools(), TABLE[name]
    answers = program.score({"configuration": configurations.text(name), **states[pool]} for pool in expected)
    for answer, (pool, wanted) in zip(answers, expected.items()):
        assert "problems" not in answer, f"{name} is refused: {answer['problems']}"
        if "rejection" in wanted:
            assert answer.get("rejection", {}).get("status") == wanted["rejection"], f"{name}, {pool}"
            continue
        profiles = {profile["profile"]: profile for profile in answer["profiles"]}
        for profile, sets in wanted["profiles"].items():
            given = {key: sorted(profiles[profile][key]) for key in sets}
            assert given == sets, f"{name}, {pool}, {profile}"
        if "destination" in wanted:
            assert answer["destination"].split(",")[0] == wanted["destination"], f"{name}, {pool}"
            assert (answer.get("headers") or {}) == wanted["headers"], f"{name}, {pool}"

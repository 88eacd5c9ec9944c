"""`epp score` and `epp plugins`, as the process that is under test."""

import json
import subprocess
from functools import cache
from typing import Any, Iterable

from kit.paths import product

LONGEST_RUN = 100
"""Seconds until a run counts as hanging; below the limit of a test."""


def score(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of one process to these lines, which get the ids 1, 2, ..."""
    batch = [json.dumps({"id": index, **line}) for index, line in enumerate(lines, 1)]
    run = subprocess.run(
        [product("epp"), "score"], input="\n".join(batch) + "\n", capture_output=True, text=True, timeout=LONGEST_RUN
    )
    assert run.returncode == 0, f"epp score ended with {run.returncode}: {run.stderr[-2000:]}"
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [answer.get("id") for answer in answers] == list(range(1, len(batch) + 1)), "answers have to be in order"
    return answers


@cache
def listed() -> frozenset[str]:
    """Every plugin type that `epp plugins --json` lists, with the older names that it gives."""
    run = subprocess.run([product("epp"), "plugins", "--json"], check=True, capture_output=True, text=True)
    names: set[str] = set()
    for plugin in json.loads(run.stdout):
        names.add(plugin["type"])
        for key, value in plugin.items():
            if key not in ("roles", "parameters") and isinstance(value, list):
                names.update(item for item in value if isinstance(item, str))
    return frozenset(names)

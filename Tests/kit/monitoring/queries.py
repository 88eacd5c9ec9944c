"""The queries of the dashboard and of the rules, and what they ask for."""

import json
import re
from dataclasses import dataclass

import yaml

from ..manifests import DEPLOY
from ..kubernetes.store import Object

MONITORING = DEPLOY / "monitoring"
_NAME = r"[a-zA-Z_][\w]*(?::\w+)?"
# Words of PromQL that are no metrics.
_WORDS = {
    "and", "by", "group_left", "group_right", "ignoring", "increase", "histogram_quantile", "label_replace", "max",
    "min", "offset", "on", "or", "rate", "sum", "unless", "vector", "without",
}  # fmt: skip


@dataclass(frozen=True)
class Panel:
    title: str
    query: str

    def __str__(self) -> str:
        return self.title


def dashboard() -> Object:
    """Returns the dashboard as Grafana reads it."""
    return json.loads((MONITORING / "dashboard.json").read_text())


def panels() -> list[Panel]:
    """Returns every query of the dashboard with the title of its panel; of several in one panel, with their letters."""
    found = []
    for panel in dashboard()["panels"]:
        targets = panel.get("targets", [])
        for target in targets:
            found.append(Panel(f"{panel['title']} {target['refId']}" if len(targets) > 1 else panel["title"], target["expr"]))
    return found


def variables() -> dict[str, tuple[str, str]]:
    """Returns the variables of the dashboard in their order: of which series each has the values of which label."""
    found = {}
    for one in dashboard()["templating"]["list"]:
        if one["type"] == "query":
            parts = re.fullmatch(r"label_values\((.+), (\w+)\)", one["definition"])
            assert parts and one["query"]["query"] == one["definition"], one
            found[one["name"]] = (parts[1], parts[2])
    return found


def groups() -> Object:
    """Returns the groups of the rules as a Prometheus reads them from a file."""
    return yaml.safe_load((MONITORING / "rules.yaml").read_text())["spec"]


def rules(of: Object | None = None) -> list[Object]:
    """Returns the rules of all groups."""
    return [rule for group in (of or groups())["groups"] for rule in group["rules"]]


def selectors(query: str) -> list[str]:
    """Returns the series that a query asks for, as selectors without ranges."""
    # Label names stand in braces, and in parentheses after some words; strings may hold anything.
    found = []
    text = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", " ", query)
    for match in re.finditer(rf'"[^"]*"|({_NAME})(\{{(?:[^}}"]|"[^"]*")*\}})?', text):
        if match[1] and match[1] not in _WORDS and not re.match(r"\s*\(", text[match.end() :]) and not _in_range(text, match.start()):
            found.append(match[0])
    return found


def _in_range(text: str, at: int) -> bool:
    """Returns whether a place is in brackets, or follows a digit as the unit of a duration."""
    before = text[:at]
    return before.rfind("[") > before.rfind("]") or bool(re.search(r"\d$", before))


def families(query: str) -> set[str]:
    """Returns the metric families that a query names."""
    return {selector.split("{")[0] for selector in selectors(query)}

"""What llm-d's formulas make of a configuration, a pool and a request: filters, scores, totals, best, picks,
destination.

The formulas are in scorers.py, filters.py, pickers.py and handlers.py; this puts a configuration's plugins together.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Mapping

import yaml

from Parity.filters import FILTERS
from Parity.handlers import DECIDERS, HANDLERS, Decide
from Parity.pickers import PICKERS, Probabilities, best_of
from Parity.pool import HTTP_TOO_FEW, TOPOLOGY, Context, Endpoint, Rejected, context
from Parity.scorers import SCORERS

_TOPOLOGY_KEYS = [("host", "hostname"), ("rack", "rack"), ("zone", "zone"), ("region", "region")]
"""Levels of the topology, and the parameters of topology-extractor that name their labels."""

Choose = Callable[[str, Probabilities], str]
"""Says which candidate of a profile was picked, given the probability of each."""


@dataclass(frozen=True)
class Plugin:
    name: str
    type: str
    parameters: Mapping[str, Any]


@dataclass
class Profile:
    name: str
    filters: list[Plugin] = field(default_factory=list)
    scorers: list[tuple[Plugin, float]] = field(default_factory=list)
    picker: str = ""


@dataclass
class Outcome:
    """What a profile made of the candidates; scores and totals by candidate."""

    profile: str
    filters: dict[str, set[str]]
    scores: dict[str, dict[str, float]]
    totals: dict[str, float]
    probabilities: Probabilities

    @property
    def best(self) -> set[str]:
        return best_of(self.totals)


@dataclass
class Answer:
    """The profiles in the order in which they ran, and a destination or the status of a rejection."""

    profiles: list[Outcome]
    destination: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status: int | None = None


class Configuration:
    """An EndpointPickerConfig, as far as it is about scheduling [3.1-3.3].

    Without profiles there is one, `default`, of all filters, scorers and pickers. A profile without a picker takes
    the first that is configured, else max-score-picker; without a handler there is single-profile-handler. A plugin
    of two roles acts in both.
    """

    def __init__(self, text: str):
        document = yaml.safe_load(text)
        plugins = [
            Plugin(item.get("name", item["type"]), item["type"], item.get("parameters") or {})
            for item in document.get("plugins") or []
        ]
        self.plugins = {plugin.name: plugin for plugin in plugins}
        handlers = [plugin for plugin in plugins if plugin.type in HANDLERS]
        self.handler = handlers[0] if handlers else Plugin("", "single-profile-handler", {})
        pickers = [plugin.type for plugin in plugins if plugin.type in PICKERS]
        self.topology = dict(TOPOLOGY)
        for plugin in plugins:
            if plugin.type == "topology-extractor":
                named = {level: plugin.parameters.get(key) for level, key in _TOPOLOGY_KEYS}
                self.topology.update({level: label for level, label in named.items() if label})
        default = {"name": "default", "plugins": [{"pluginRef": plugin.name} for plugin in plugins]}
        self.profiles: dict[str, Profile] = {}
        for item in document.get("schedulingProfiles") or [default]:
            profile = self.profiles[item["name"]] = Profile(item["name"])
            for entry in item.get("plugins") or []:
                plugin = self.plugins[entry["pluginRef"]]
                if plugin.type in FILTERS:
                    profile.filters.append(plugin)
                if plugin.type in SCORERS:
                    profile.scorers.append((plugin, entry.get("weight", 1.0)))
                if plugin.type in PICKERS:
                    profile.picker = plugin.type
            profile.picker = profile.picker or (pickers[0] if pickers else "max-score-picker")

    def answer(self, line: Mapping[str, Any], prompt: Mapping[str, int], choose: Choose) -> Answer:
        """The answer to an input line of `epp score`; the program says of the prompt how many tokens and blocks it
        has."""
        run = _Run(self, choose)
        handler = HANDLERS[self.handler.type]
        try:
            if not line["endpoints"]:
                raise Rejected(HTTP_TOO_FEW)
            decision = handler(run, context(line, prompt, self.topology), self.handler.parameters)
        except Rejected as rejected:
            return Answer(run.outcomes, status=rejected.status)
        return Answer(run.outcomes, decision.destination, decision.headers)


class _Run:
    def __init__(self, configuration: Configuration, choose: Choose):
        self.names = list(configuration.profiles)
        self.outcomes: list[Outcome] = []
        self._configuration = configuration
        self._choose = choose

    def decider(self, name: str) -> Decide:
        plugin = self._configuration.plugins[name]
        return partial(DECIDERS[plugin.type], plugin.parameters)

    def __call__(self, profile: str, context: Context) -> Endpoint:
        outcome = run_profile(self._configuration.profiles[profile], context)
        self.outcomes.append(outcome)
        name = self._choose(profile, outcome.probabilities)
        return next(endpoint for endpoint in context.endpoints if endpoint.name == name)


def run_profile(profile: Profile, context: Context) -> Outcome:
    """Filters in the order of the list, which end where nothing is left; total = sum of clamp01(score) * weight, the
    weights as they are; a candidate that a scorer does not name counts 0 [3.3]."""
    candidates = list(context.endpoints)
    kept: dict[str, set[str]] = {}
    for plugin in profile.filters:
        candidates = FILTERS[plugin.type](context, candidates, plugin.parameters)
        kept[plugin.name] = {endpoint.name for endpoint in candidates}
        if not candidates:
            raise Rejected(HTTP_TOO_FEW)
    scores: dict[str, dict[str, float]] = {}
    totals = {endpoint.name: 0.0 for endpoint in candidates}
    for plugin, weight in profile.scorers:
        given = SCORERS[plugin.type](context, candidates, plugin.parameters)
        scores[plugin.name] = {name: min(1.0, max(0.0, given.get(name, 0.0))) for name in totals}
        for name, score in scores[plugin.name].items():
            totals[name] += score * weight
    return Outcome(profile.name, kept, scores, totals, PICKERS[profile.picker](totals))

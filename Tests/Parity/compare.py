"""An answer of the program beside the model's."""

from typing import Any, Mapping, Sequence

from Parity.model import Answer, Configuration, Outcome
from Parity.pickers import ROUNDING, Probabilities, best_of

TOLERANCE = 1e-9

Line = Mapping[str, Any]


def prompts(lines: Sequence[Line], answers: Sequence[Line]) -> dict[int, Mapping[str, int]]:
    """What the program says of completions' prompts, by their size in bytes."""
    said = {_size(line): answer["prompt"] for line, answer in zip(lines, answers) if "prompt" in answer}
    return {size: prompt for size, prompt in said.items() if size}


def differences(
    configuration: Configuration, line: Line, given: Line, known: Mapping[int, Mapping[str, int]]
) -> list[str]:
    """What the program says otherwise than the model; with draws 1 the model follows the program's picks, so that
    what depends on a pick is compared, too. A rejection says nothing of the prompt: `known` has what was said of
    others of its size."""
    if "problems" in given:
        return [f"the configuration is refused: {given['problems']}"]
    if "rejection" in given:
        size = _size(line)
        prompt = known.get(size, {"tokens": size // 4, "blocks": size // 256})
        expected = configuration.answer(line, prompt, _first)
        status = given["rejection"]["status"]
        if expected.status != status:
            return [f"rejected with {status} ({given['rejection'].get('reason')}), the model has {_short(expected)}"]
        return []
    picks = {profile["profile"]: profile["picks"] for profile in given["profiles"]}
    found = _prompt(line, given["prompt"])

    def follow(profile: str, probabilities: Probabilities) -> str:
        for name in picks.get(profile, {}):
            if probabilities.get(name, 0) > 0:
                return name
        return _first(profile, probabilities)

    expected = configuration.answer(line, given["prompt"], follow)
    if expected.status is not None:
        return found + [f"goes to {given['destination']}, the model rejects with {expected.status}"]
    ran = [profile for profile in given["profiles"] if profile["candidates"]]
    if [profile["profile"] for profile in ran] != [outcome.profile for outcome in expected.profiles]:
        return found + [f"ran {[p['profile'] for p in ran]}, the model {[o.profile for o in expected.profiles]}"]
    for outcome, profile in zip(expected.profiles, ran):
        found += [f"{outcome.profile}: {text}" for text in _profile(outcome, profile, line)]
    destination = given["destination"].split(",")[0]
    if destination != expected.destination:
        found.append(f"destination {destination}, the model {expected.destination}")
    if (headers := given.get("headers") or {}) != expected.headers:
        found.append(f"headers {headers}, the model {expected.headers}")
    return found


def _first(profile: str, probabilities: Probabilities) -> str:
    return max(probabilities, key=lambda name: probabilities[name])


def _size(line: Line) -> int:
    return len(line["request"]["body"].get("prompt", "").encode())


def _short(answer: Answer) -> str:
    return f"{answer.status}" if answer.status is not None else f"the destination {answer.destination}"


def _prompt(line: Line, prompt: Mapping[str, int]) -> list[str]:
    """A token is 4 bytes and a block 256, however what is left over counts."""
    size = _size(line)
    if not size:
        return []
    right = abs(prompt["tokens"] - size / 4) < 1 and abs(prompt["blocks"] - size / 256) < 1
    return [] if right else [f"{size} bytes of prompt are {prompt}"]


def _profile(outcome: Outcome, given: Mapping[str, Any], line: Line) -> list[str]:
    found: list[str] = []
    kept = {entry["name"]: set(entry["kept"]) for entry in given.get("filters", ())}
    # A filter that kept everything may be left out.
    before = {endpoint["name"] for endpoint in line["endpoints"]}
    for name, names in outcome.filters.items():
        if kept.get(name, before) != names:
            found.append(f"{name} keeps {_some(kept.get(name, before))}, the model {_some(names)}")
        before = names
    if set(given["candidates"]) != set(outcome.totals):
        return found + [f"candidates {_some(given['candidates'])}, the model {_some(outcome.totals)}"]
    for name, scores in outcome.scores.items():
        found += _numbers(name, given["scores"].get(name, {}), scores)
    totals: dict[str, float] = given["totals"]
    found += _numbers("totals", totals, outcome.totals)
    if found:
        return found
    best = set(given["best"])
    if not best_of(totals) <= best <= best_of(totals, ROUNDING):
        found.append(f"best {_some(best)}, its own totals say {_some(best_of(totals))}")
    if not best <= best_of(outcome.totals, TOLERANCE):
        found.append(f"best {_some(best)}, the model {_some(outcome.best)}")
    likely = {name for name, probability in outcome.probabilities.items() if probability}
    if unlikely := [name for name, count in given["picks"].items() if count and name not in likely]:
        found.append(f"picks {unlikely}, the model one of {_some(likely)}")
    return found


def _numbers(what: str, given: Mapping[str, float], expected: Mapping[str, float]) -> list[str]:
    wrong = [n for n, value in expected.items() if not abs(given.get(n, 0.0) - value) <= TOLERANCE * max(1.0, value)]
    if not wrong:
        return []
    name = wrong[0]
    return [f"{what} of {name} {given.get(name)}, the model {expected[name]}; {len(wrong)} of {len(expected)} differ"]


def _some(names: Any) -> str:
    names = sorted(names)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "") if names else "nothing"

"""What people are told who make the most likely mistakes in a configuration file or in flags: the line, and what was meant."""

import re
import subprocess
from pathlib import Path

import pytest

from kit.paths import product

# The mistakes begin in line 3.
HEAD = "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n"
ONE = "plugins: [{type: queue-scorer}]\n"
PROFILE = ONE + "schedulingProfiles:\n- name: default\n  plugins:\n"
STAGES = "schedulingProfiles: [{name: decode, plugins: [{pluginRef: decode-filter}]}, {name: prefill, plugins: []}]\n"
DISAGGREGATED = "plugins:\n- type: decode-filter\n- type: prefix-based-pd-decider\n- type: disagg-profile-handler\n"

# Texts after HEAD, and the beginnings of all problems by their lines.
MISTAKES = {
    "type nearly right": (
        "plugins:\n- type: queue-scorrer\n", ["4: unknown plugin type 'queue-scorrer'; did you mean 'queue-scorer'?"]
    ),
    "type in camel case": (
        "plugins:\n- type: PrefixCacheScorer\n",
        ["4: unknown plugin type 'PrefixCacheScorer'; did you mean 'prefix-cache-scorer'?"],
    ),
    **{
        f"type of llm-d alone: {name}": (
            f"plugins:\n- type: {name}\n",
            [f"4: '{name}' is part of llm-d's predicted latency, which is not supported by this version yet"],
        )
        for name in ("predicted-latency-producer", "latency-scorer", "slo-headroom-tier-filter", "latency-slo-admitter")
    },
    "type missing": ("plugins:\n- name: queue-scorer\n", ["4: a plugin needs a type"]),
    "plugin is a name": ("plugins:\n- queue-scorer\n", ["4: a plugin has to be a mapping"]),
    "plugins are no list": ("plugins:\n  queue-scorer: {}\n", ["4: plugins has to be a list"]),
    "name twice": (
        "plugins:\n- type: queue-scorer\n- type: queue-scorer\n",
        ["5: there are two plugins named 'queue-scorer'; give one of them another name"],
    ),
    "section twice": (ONE + "plugins: [{type: random-picker}]\n", ["4: 'plugins' is given twice in the document"]),
    "unknown section": (
        ONE + "schedulingProfile: []\n",
        ["4: unknown field 'schedulingProfile' in the document; did you mean 'schedulingProfiles'?"],
    ),
    "unknown field of a plugin": (
        "plugins:\n- type: prefix-cache-scorer\n  parameter: {matchLengthWeight: 0.5}\n",
        ["5: unknown field 'parameter' in a plugin; did you mean 'parameters'?"],
    ),
    "unknown field of a profile": (
        ONE + "schedulingProfiles:\n- name: default\n  plugin: []\n",
        ["6: unknown field 'plugin' in a scheduling profile; did you mean 'plugins'?"],
    ),
    "profile without name": (
        ONE + "schedulingProfiles:\n- plugins: []\n", ["5: a scheduling profile needs a name: add 'name: default'"]
    ),
    "two profiles of one name": (
        "plugins: [{type: header-profile-handler}]\n"
        "schedulingProfiles:\n- {name: decode, plugins: []}\n- {name: decode, plugins: []}\n",
        ["6: there are two profiles named 'decode'; give one of them another name"],
    ),
    "weight misspelled": (
        PROFILE + "  - pluginRef: queue-scorer\n    wieght: 2\n",
        ["8: unknown field 'wieght' in a plugin of a profile; did you mean 'weight'?"],
    ),
    "weight in quotes": (PROFILE + '  - pluginRef: queue-scorer\n    weight: "2"\n', ["8: weight has to be a number from 0 to"]),
    "weight is a word": (PROFILE + "  - pluginRef: queue-scorer\n    weight: high\n", ["8: weight has to be a number from 0 to"]),
    "weight negative": (PROFILE + "  - {pluginRef: queue-scorer, weight: -2}\n", ["7: weight has to be a number from 0 to"]),
    "reference misspelled": (
        PROFILE + "  - pluginRef: queue-score\n", ["7: there is no plugin named 'queue-score'; did you mean 'queue-scorer'?"]
    ),
    "reference to what is not there": (
        PROFILE + "  - pluginRef: random-picker\n",
        ["7: there is no plugin named 'random-picker': add '- type: random-picker' to plugins"],
    ),
    "reference without its key": (PROFILE + "  - queue-scorer\n", ["7: a plugin of a profile has to be a mapping"]),
    "reference under another key": (
        PROFILE + "  - plugin: queue-scorer\n",
        [
            "7: unknown field 'plugin' in a plugin of a profile; did you mean 'pluginRef'?",
            "7: a plugin of a profile needs a pluginRef",
        ],
    ),
    "scorer twice": (
        PROFILE + "  - pluginRef: queue-scorer\n  - pluginRef: queue-scorer\n", ["8: 'queue-scorer' is in the profile twice"]
    ),
    "two pickers": (
        "plugins: [{type: max-score-picker}, {type: random-picker}]\nschedulingProfiles:\n- name: default\n  plugins:\n"
        "  - pluginRef: max-score-picker\n  - pluginRef: random-picker\n",
        ["8: a profile has one picker; 'random-picker' is a second one"],
    ),
    "no handler of two profiles": (
        DISAGGREGATED.replace("- type: disagg-profile-handler\n", "") + STAGES,
        ["4: several scheduling profiles need a profile handler in plugins, such as '- type: disagg-profile-handler'"],
    ),
    "handler of one profile for two": (
        DISAGGREGATED.replace("disagg", "single") + STAGES,
        ["6: single-profile-handler takes one scheduling profile, and there are 2"],
    ),
    "two handlers": (
        "plugins: [{type: single-profile-handler},\n  {type: header-profile-handler}]\n",
        ["4: there is one profile handler at most; 'header-profile-handler' is a second one"],
    ),
    "decider unknown": (
        DISAGGREGATED + "  parameters:\n    deciders:\n      prefill: prefix-base-pd-decider\n" + STAGES,
        ["9: there is no plugin named 'prefix-base-pd-decider'; did you mean 'prefix-based-pd-decider'?"],
    ),
    "decider is a filter": (
        DISAGGREGATED + "  parameters: {deciders: {prefill: decode-filter}}\n" + STAGES,
        ["7: 'decode-filter' is a filter; a decider is expected here"],
    ),
    "stage misspelled": (
        DISAGGREGATED + "  parameters: {deciders: {prefil: prefix-based-pd-decider}}\n" + STAGES,
        ["7: unknown field 'prefil' in deciders; did you mean 'prefill'?"],
    ),
    "profile of a stage missing": (
        DISAGGREGATED + "schedulingProfiles: [{name: decoding, plugins: []}]\n",
        ["6: disagg-profile-handler names the profile 'decode', which schedulingProfiles does not have"],
    ),
    "parameter misspelled": (
        "plugins:\n- type: utilization-detector\n  parameters:\n    queueDepthTreshold: 10\n",
        ["6: unknown field 'queueDepthTreshold' in the parameters of utilization-detector; did you mean 'queueDepthThreshold'?"],
    ),
    "parameter beside parameters": (
        "plugins:\n- type: utilization-detector\n  parameters:\n  queueDepthThreshold: 10\n",
        ["6: unknown field 'queueDepthThreshold' in a plugin"],
    ),
    "parameter missing": (
        "plugins:\n- type: header-label-affinity-scorer\n",
        [
            "4: header-label-affinity-scorer needs the parameter 'headerName'",
            "4: header-label-affinity-scorer needs the parameter 'labelKey'",
        ],
    ),
    "threshold in quotes": (
        'plugins:\n- type: utilization-detector\n  parameters:\n    queueDepthThreshold: "5"\n',
        ["6: queueDepthThreshold has to be a whole number from 1 to"],
    ),
    "threshold in percent": (
        "plugins:\n- type: utilization-detector\n  parameters:\n    kvCacheUtilThreshold: 80\n",
        ["6: kvCacheUtilThreshold has to be a number above 0, up to 1: write 80 % as 0.8"],
    ),
    "word unknown": (
        "plugins:\n- type: concurrency-detector\n  parameters:\n    concurrencyMode: token\n",
        ["6: concurrencyMode is requests or tokens or hybrid, not 'token'; did you mean 'tokens'?"],
    ),
    "operator in lower case": (
        "plugins:\n- type: label-selector-filter\n  parameters:\n    matchExpressions:\n    - {key: role, operator: in, values: [a]}\n",
        ["7: operator is In or NotIn or Exists or DoesNotExist, not 'in'; did you mean 'In'?"],
    ),
    "gate unknown": ("featureGates:\n- flowControll\n", ["4: unknown feature gate 'flowControll'; did you mean 'flowControl'?"]),
    "gate of llm-d alone": (
        "featureGates: [flowControl]\n",
        ["3: the feature gate flowControl is known in llm-d but not supported by this version yet"],
    ),
    "gate with another value": (
        "featureGates: [flowControl=off]\n", ["3: the feature gate flowControl is either flowControl=true or flowControl=false"]
    ),
    "detector is a scorer": (
        ONE + "flowControl:\n  saturationDetector: {pluginRef: queue-scorer}\n",
        ["5: 'queue-scorer' is a scorer; a saturation detector is expected here"],
    ),
    "parser unknown": (
        "plugins: [{type: openai-parser}]\nrequestHandler:\n  parsers: [{pluginRef: openapi-parser}]\n",
        ["5: there is no plugin named 'openapi-parser'; did you mean 'openai-parser'?"],
    ),
    "tab": ("plugins:\n-\ttype: queue-scorer\n\tname: a\n", ["4: this is not YAML"]),
    "blank missing": ("plugins:\n- type:queue-scorer\n", ["4: a plugin has to be a mapping"]),
    "bracket open": ("plugins: [{type: queue-scorer]\n", ["3: this is not YAML"]),
    "less indented": ("plugins:\n  - type: queue-scorer\n - type: random-picker\n", ["5: this is not YAML"]),
}

# Whole texts.
DOCUMENTS = {
    "version missing": ("kind: EndpointPickerConfig\n", ["1: apiVersion is missing: add 'apiVersion: llm-d.ai/v1'"]),
    "kind missing": ("apiVersion: llm-d.ai/v1\n", ["1: kind is missing: add 'kind: EndpointPickerConfig'"]),
    "other version": (HEAD.replace("/v1", "/v1beta1"), ["1: apiVersion has to be llm-d.ai/v1, not 'llm-d.ai/v1beta1'"]),
    "other kind": (
        HEAD.replace("Config", "Configuration"), ["2: kind has to be EndpointPickerConfig, not 'EndpointPickerConfiguration'"]
    ),
}

# What is no mistake though it looks like one, and what `epp validate` says of it.
ACCEPTED = {
    "no picker": (PROFILE + "  - {pluginRef: queue-scorer, weight: 2}\n", "profile default: queue-scorer=2; max-score-picker"),
    "no weight": (PROFILE + "  - pluginRef: queue-scorer\n", "profile default: queue-scorer=1; max-score-picker"),
    "weight of a picker": (
        "plugins: [{type: random-picker}]\n"
        "schedulingProfiles: [{name: a, plugins: [{pluginRef: random-picker, weight: 2}]}]\n",
        "note: the weight of 'random-picker' has no effect: it is a picker, no scorer",
    ),
    "scorer that no profile names": (
        "plugins: [{type: queue-scorer}, {type: random-picker}]\n"
        "schedulingProfiles: [{name: a, plugins: [{pluginRef: random-picker}]}]\n",
        "note: the scorer 'queue-scorer' has no effect: no profile names it",
    ),
}

ENGINE = "--endpoint gpu-a:8000"
FLAGS = {
    "--pool-nam pool": "Unknown option '--pool-nam'. Did you mean '--pool-name'?",
    "--config-fil=epp.yaml": "Unknown option '--config-fil'. Did you mean '--config-file'?",
    "--endpoints gpu-a:8000": "Unknown option '--endpoints'. Did you mean '--endpoint'?",
    "-grpcPor 9002": "Unknown option '--grpc-por'. Did you mean '--grpc-port'?",
    "--endpoint": "Missing value for '--endpoint <host:port>'",
    f"{ENGINE} --grpc-port 70000": "--grpc-port: 70000 is not a port (1 to 65535, or 0 for a free one)",
    f"{ENGINE} --grpc-port=-1": "--grpc-port: -1 is not a port (1 to 65535, or 0 for a free one)",
    f"{ENGINE} --grpc-port 9003": "--grpc-port and --grpc-health-port are both 9003: each needs a port of its own",
    "--endpoint gpu-a": "--endpoint: 'gpu-a' is not HOST:PORT",
    "--endpoint gpu-a:80000": "--endpoint: 'gpu-a:80000': 80000 is not a port from 1 to 65535",
    "--endpoint http://gpu-a:8000": "--endpoint: 'http://gpu-a:8000' is a URL: write HOST:PORT, without 'http://'",
    "--endpoint fe80::1": "--endpoint: 'fe80::1' has no port: write [fe80::1]:8000",
    f"{ENGINE} {ENGINE}": "--endpoint: 'gpu-a:8000' is given twice",
    f"{ENGINE} --scorer queue-scorrer=2": "--scorer: there is no scorer 'queue-scorrer'; did you mean 'queue-scorer'?",
    f"{ENGINE} --scorer queue-scorer=high": "--scorer: the weight in 'queue-scorer=high' has to be a number from 0",
    f"{ENGINE} --picker max-scorer-picker": "'max-scorer-picker' is none of max-score-picker, random-picker, weighted-random-picker; "
    "did you mean 'max-score-picker'?",
    f"{ENGINE} --prefix-mode precize": "'precize' is none of auto, approximate, precise; did you mean 'precise'?",
    f"{ENGINE} --drain-timeout 30": "--drain-timeout: '30' is not a duration such as 50ms, 5s or 1m30s",
    f"{ENGINE} --secure-serving=flase": "--secure-serving: 'flase' is neither true nor false",
    f"{ENGINE} --secure-serving=false --grpc-client-ca-file gateway.crt": "contradict each other: leave one of them out",
    f"{ENGINE} --config-file a --config-text b": "--config-file and --config-text exclude each other: give one of them",
    f"{ENGINE} --max-index-bytes 2gigs": "--max-index-bytes: '2gigs' is not a size above 0 such as 10MiB, 64Mi or 4194304",
    "--pool-name pool --pool-group inference.networking.k8s.io/v1": "did you mean 'inference.networking.k8s.io'?",
    "--pool-name pool --endpoint-selector app=vllm --endpoint-target-ports 8000": "both say which pods are engines: give one of them",
    "--endpoint-selector app=vllm": "--endpoint-selector needs --endpoint-target-ports",
    "--endpoint-selector app=vllm --endpoint-target-ports 8000-8003": "'8000-8003' is not a port (1 to 65535)",
    "--admin-address=": "no engines: name them with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE",
}


def _run(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run([product("epp"), *map(str, arguments)], capture_output=True, text=True, timeout=20)


def _is_told(path: Path, text: str, problems: list[str]) -> None:
    """Validates a text and expects these problems, which are given as line and beginning."""
    path.write_text(text)
    result = _run("validate", path)
    assert result.returncode == 78, result.stdout + result.stderr
    told = [re.sub(r"^(\d+):\d+: ", r"\1: ", line.removeprefix(f"{path}:")) for line in result.stderr.splitlines()]
    assert len(told) == len(problems), told
    for line, problem in zip(told, problems):
        assert line.startswith(problem), told


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line(name: str, tmp_path: Path) -> None:
    text, problems = MISTAKES[name]
    _is_told(tmp_path / "epp.yaml", HEAD + text, problems)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_another_kind_is_told_what_it_has_to_be(name: str, tmp_path: Path) -> None:
    text, problems = DOCUMENTS[name]
    _is_told(tmp_path / "epp.yaml", text, problems)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_only_looks_like_a_mistake_is_accepted(name: str, tmp_path: Path) -> None:
    path = tmp_path / "epp.yaml"
    text, line = ACCEPTED[name]
    path.write_text(HEAD + text)
    result = _run("validate", path)
    assert result.returncode == 0, result.stderr
    assert line in result.stdout.splitlines()


@pytest.mark.parametrize("arguments", FLAGS)
def test_a_mistake_in_flags_is_told(arguments: str) -> None:
    result = _run(*arguments.split())
    assert result.returncode == 64, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("epp: ") and FLAGS[arguments] in line

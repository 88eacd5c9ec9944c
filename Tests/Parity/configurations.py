"""The configuration files: one for each plugin type and each variant of its parameters that is documented."""

from functools import cache
from pathlib import Path

import yaml

from Parity.model import Configuration

FOLDER = Path(__file__).with_name("configurations")
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

SUCCESSORS = {
    "by-label": "label-selector-filter",
    "by-label-selector": "label-selector-filter",
    "pd-profile-handler": "disagg-profile-handler",
    "tokenizer": "token-producer",
    "precise-prefix-cache-scorer": "prefix-cache-scorer",
    "disagg-headers-handler": "disagg-profile-handler",
    "prefill-header-handler": "disagg-profile-handler",
}
"""Older types that a program may take without listing them, where it has what came after."""


def text(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text()


@cache
def load(name: str) -> Configuration:
    return Configuration(text(name))


def missing(name: str, listed: frozenset[str]) -> list[str]:
    """The plugin types that the file uses and the program has neither under this name nor under a newer one."""
    types = [plugin["type"] for plugin in yaml.safe_load(text(name))["plugins"]]
    return sorted({kind for kind in types if kind not in listed and SUCCESSORS.get(kind, kind) not in listed})

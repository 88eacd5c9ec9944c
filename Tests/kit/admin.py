"""The admin address of a picker: its token's file, and the command that changes weights."""

import subprocess
from pathlib import Path

from .epp import EPP
from .paths import product

# A configuration file whose scorers have other names and weights than the default.
CONFIGURATION = """apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
  name: short
- type: prefix-cache-scorer
schedulingProfiles:
- name: main
  plugins:
  - pluginRef: short
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
"""


def token_file(epp: EPP, folder: Path) -> Path:
    """Where its token is, with `folder` as XDG_RUNTIME_DIR."""
    return folder / f"epp-admin-{epp.admin_address.rsplit(':', 1)[1]}.token"


def weights(epp: EPP, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    """Runs `epp weights` for it."""
    command = [product("epp"), "weights", *arguments, "--admin-address", epp.admin_address]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)

"""Where things are: the repository, the products under test and the tools that scripts/setup installs."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("WARMPATH_TOOLS_DIR", ROOT / ".build-tools"))
BIN_DIR = Path(os.environ.get("WARMPATH_BIN_DIR", ROOT / ".build-release" / "release"))
ENVOY = TOOLS / "venv" / "bin" / "envoy"


def product(name: str) -> Path:
    """The built executable `name`; fails with what to do when it is missing."""
    path = BIN_DIR / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run scripts/release/build or set WARMPATH_BIN_DIR")
    return path

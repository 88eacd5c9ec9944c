"""What each target may import of this package: held against `dependencies:` in Package.swift, the import lines of every Swift
file, and the table of targets in Sources/README.md. Called by scripts/lint."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parents[2]

# Every Swift target that is in the table; C targets are named beside it.
ALL = "all"
# Those that every target further down may import without naming them.
COMMON = ["EPPCore", "EPPMetrics"]

# Bottom up: a row names rows above it only. Targets that a row names may be missing; a target of Sources without a row is an
# error. C targets are for those that wrap them: pointers end there.
ROWS: dict[str, str] = {
    "CProtobufC": "",
    "CZeroMQ": "",
    "CPrefetch": "",
    "CAllocationCount": "",
    "CGRPCShim": "",
    "CEnvoyProto": "CProtobufC",
    "EPPCore": "",
    "EPPMetrics": "",
    "EPPTracing": "",
    "EPPRequests": "",
    "EPPPrefixCache": "CPrefetch",
    "EPPScheduling": "EPPTracing EPPPrefixCache",
    "EPPFlowControl": "EPPScheduling",
    "EPPYAML": "",
    "EPPDataLayer": "EPPYAML",
    "EPPTokens": "EPPRequests",
    "ZeroMQ": "CZeroMQ",
    "EPPKVEvents": "EPPPrefixCache ZeroMQ",
    "EPPRouting": "EPPTracing EPPRequests EPPPrefixCache EPPScheduling EPPFlowControl",
    "EPPExtProc": "EPPTracing EPPRequests EPPRouting",
    "EPPCertificates": "EPPDataLayer",
    "EPPGRPCServer": "EPPCertificates EPPExtProc CGRPCShim CEnvoyProto CProtobufC",
    "EPPKubernetes": "EPPDataLayer EPPYAML",
    "EPPObservability": "EPPTracing EPPCertificates EPPScheduling",
    "EPPConfiguration": "EPPRequests EPPPrefixCache EPPScheduling EPPYAML",
    "EPPProcess": "EPPCertificates EPPConfiguration EPPDataLayer EPPKubernetes EPPObservability EPPScheduling EPPYAML",
    "RoutingProxy": "EPPTracing EPPRequests EPPKubernetes",
    "RoutingReplay": "EPPRequests EPPPrefixCache EPPScheduling EPPRouting",
    "EngineSimulator": "EPPRequests ZeroMQ",
    "epp": ALL,
    "routing-sidecar": ALL,
    "engine-sim": ALL,
    "epp-bench": f"{ALL} CAllocationCount",
    "EPPTestKit": ALL,
}
IS_C = re.compile(r"C[A-Z]")
IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)\n]*\))?[ \t]+)*(?:(?:public|package|internal|fileprivate|private)[ \t]+)?"
    r"import[ \t]+(?:(?:struct|class|enum|protocol|func|var|let|typealias)[ \t]+)?(\w+)",
    re.MULTILINE,
)


def allowed(target: str) -> set[str] | None:
    """What a target may import of this package; None where it has no row."""
    names = list(ROWS)
    if target not in ROWS:
        # Tests may import whatever they test it with, and of the C targets those that their target wraps.
        subject = target.removesuffix("Tests")
        if subject == target:
            return None
        return {name for name in names if not IS_C.match(name)} | set(ROWS.get(subject, "").split())
    above = names[: names.index(target)]
    row = set(ROWS[target].split())
    if ALL in row:
        return {name for name in above if not IS_C.match(name)} | row - {ALL}
    assert row <= set(above), f"the row of {target} names what does not stand above it"
    return row if IS_C.match(target) else row | {name for name in COMMON if name in above}


def problems() -> Iterator[str]:
    dump = subprocess.run(["swift", "package", "dump-package"], cwd=ROOT, capture_output=True, text=True)
    if dump.returncode != 0:
        yield f"swift package dump-package failed: {dump.stderr.strip()}"
        return
    targets = {target["name"]: target for target in json.loads(dump.stdout)["targets"]}
    modules = {name.replace("-", "_"): name for name in targets}
    for name, target in targets.items():
        may = allowed(name)
        if may is None:
            yield f"Package.swift: {name} has no row in scripts/checks/target_imports.py"
            continue
        for dependency in target["dependencies"]:
            (used, *_), = dependency.values()
            if used in targets and used not in may:
                yield f"Package.swift: {name} depends on {used}, which its row does not name"
        folder = ROOT / (target.get("path") or f"{'Tests' if target['type'] == 'test' else 'Sources'}/{name}")
        for file in sorted(folder.rglob("*.swift")):
            text = file.read_text()
            for match in IMPORT.finditer(text):
                used = modules.get(match[1])
                if used is not None and used != name and used not in may:
                    line = text.count("\n", 0, match.start(1)) + 1
                    yield f"{file.relative_to(ROOT)}:{line}: {name} imports {used}, which its row does not name"
    yield from page_problems({name for name, target in targets.items() if target["type"] != "test"})


def page_problems(existing: set[str]) -> Iterator[str]:
    """The table of targets in Sources/README.md has every target, and its last column what the rows above name of them."""
    page = ROOT / "Sources/README.md"
    shown: set[str] = set()
    for first, last in re.findall(r"^\| (`[\w`, -]+`) \|.*\| ([^|]+) \|$", page.read_text(), re.MULTILINE):
        told = set(re.findall(r"`([^`]+)`", last))
        for name in re.findall(r"`([^`]+)`", first):
            shown.add(name)
            row = set(ROWS.get(name, "").split())
            if (ALL in row) != (re.match(rf"{ALL}\b", last) is not None):
                yield f"Sources/README.md: {name} may {'' if ALL in row else 'not '}import all"
            if told != (wanted := (row - {ALL}) & existing):
                yield f"Sources/README.md: {name} may import {', '.join(sorted(wanted)) or 'nothing'} beside EPPCore and EPPMetrics"
    for name in sorted(existing ^ shown):
        yield f"Sources/README.md: {name} {'has no row in the table of targets' if name in existing else 'does not exist'}"


found = list(problems())
for problem in found:
    print(f"error: {problem}", file=sys.stderr)
sys.exit(1 if found else 0)

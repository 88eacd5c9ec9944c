"""Writes what a program is made of as SPDX 2.3 JSON: the Swift packages and the static libraries that are linked into it, and the
Debian packages of its shared libraries. Called by rootfs, with the packages of Debian only.

usage: sbom.py NAME PROGRAMS DEBIAN
  PROGRAMS   folder of scripts/release/build --into: the program, Package.resolved, linked-packages.txt, build.json
  DEBIAN     file of the packages of its shared libraries: a line of name, version and architecture each
"""

import hashlib
import json
import re
import sys
from pathlib import Path

Package = dict[str, object]


def package(name: str, version: str, purl: str, location: str) -> Package:
    identifier = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", purl.split(":", 1)[1])
    return {
        "SPDXID": identifier,
        "name": name,
        "versionInfo": version,
        "downloadLocation": location,
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ],
    }  # fmt: skip


def debian(lines: str) -> list[Package]:
    found = []
    for line in lines.splitlines():
        name, version, architecture = line.split()
        escaped = version.replace("+", "%2B").replace(":", "%3A").replace("~", "%7E")
        purl = f"pkg:deb/debian/{name}@{escaped}?arch={architecture}&distro=bookworm"
        found.append(package(name, version, purl, "NOASSERTION"))
    return found


def swift(resolved: dict) -> list[Package]:
    found = []
    for pin in resolved["pins"]:
        location, state = pin["location"].removesuffix(".git"), pin["state"]
        version = state.get("version") or state["revision"]
        purl = f"pkg:swift/{location.split('://', 1)[-1]}@{version}"
        found.append(package(pin["identity"], version, purl, f"git+{location}@{state['revision']}"))
    return found


def document(name: str, programs: Path, shared: str) -> dict:
    build = json.loads((programs / "build.json").read_text())
    checksum = hashlib.sha256((programs / name).read_bytes()).hexdigest()
    program = package(f"warmpath-{name}", build["version"], f"pkg:generic/warmpath-{name}@{build['version']}", "NOASSERTION")
    program["checksums"] = [{"algorithm": "SHA256", "checksumValue": checksum}]
    program["primaryPackagePurpose"] = "APPLICATION"
    toolchain = package("swift", build["swift"], f"pkg:generic/swift@{build['swift']}", "https://www.swift.org/install")
    linked = debian((programs / "linked-packages.txt").read_text())
    packages = swift(json.loads((programs / "Package.resolved").read_text()))
    dynamic = debian(shared)

    def relation(kind: str, other: Package) -> dict:
        return {
            "spdxElementId": program["SPDXID"], "relationshipType": kind, "relatedSpdxElement": other["SPDXID"],
        }  # fmt: skip

    parts = {part["SPDXID"]: part for part in [program, toolchain, *packages, *linked, *dynamic]}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"warmpath-{name}-{build['version']}",
        "documentNamespace": f"urn:warmpath:{name}:{checksum}",
        "creationInfo": {"created": build["created"], "creators": ["Tool: warmpath-sbom"]},
        "packages": list(parts.values()),
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                "relatedSpdxElement": program["SPDXID"],
            },
            *(relation("STATIC_LINK", part) for part in [toolchain, *packages, *linked]),
            *(relation("DYNAMIC_LINK", part) for part in dynamic),
        ],
    }  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(json.dumps(document(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).read_text()), indent=2))

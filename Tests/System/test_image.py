"""The images are built for real, hold what a pod needs, and run as anybody on a read-only root."""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from kit.paths import ROOT, product

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("buildah"), reason="buildah is not here, or this user may not make a base image"
)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The unpacked root file systems of all images, with the configuration in config.json beside each."""
    folder = tmp_path_factory.mktemp("images")
    archives = Path(os.environ.get("WARMPATH_IMAGES", folder))
    if archives == folder:
        command = [ROOT / "scripts" / "image", "--base", "debootstrap", "--tag", "test", "--into", folder]
        built = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1200)
        assert built.returncode == 0, built.stdout + built.stderr
        assert "epp 0." in built.stdout, "the picker was not run from its image"
    return {name: _unpacked(archives / f"{name}.tar", folder / name) for name in ("epp", "routing-sidecar", "engine-sim")}


def _unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as outer:
        (manifest,) = json.load(outer.extractfile("manifest.json"))  # type: ignore[arg-type]
        folder.mkdir()
        (folder / "config.json").write_bytes(outer.extractfile(manifest["Config"]).read())  # type: ignore[union-attr]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(folder / "root")
    return folder


def test_an_image_says_how_it_runs(images: dict[str, Path]) -> None:
    for name, folder in images.items():
        config = json.loads((folder / "config.json").read_text())["config"]
        assert config["User"] == "65532:65532" and config["Entrypoint"] == [f"/usr/bin/{name}"]
        size = sum(path.stat().st_size for path in (folder / "root").rglob("*") if path.is_file() and not path.is_symlink())
        assert size < 160_000_000, f"{name}: {size}"
    assert set(json.loads((images["epp"] / "config.json").read_text())["config"]["ExposedPorts"]) == {
        "9002/tcp", "9003/tcp", "9090/tcp",
    }  # fmt: skip


def _inside(root: Path, *command: str) -> subprocess.CompletedProcess:
    """Runs a command in a root file system, as a user that it does not know."""
    sandbox = ["bwrap", "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev", "--unshare-user", "--uid", "123456"]
    return subprocess.run([*sandbox, "--clearenv", *command], capture_output=True, text=True, timeout=60)


def test_an_image_has_what_pods_of_others_expect(images: dict[str, Path]) -> None:
    root = images["epp"] / "root"
    version = subprocess.run([str(product("epp")), "version"], capture_output=True, text=True, check=True).stdout
    assert _inside(root, "/app/epp", "version").stdout == version
    # The preStop hook of llm-d's chart.
    assert _inside(root, "/bin/sh", "-c", "sleep 0").returncode == 0
    assert "BEGIN CERTIFICATE" in (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    # Nothing that could be used against it: no package manager, and no program with the rights of its owner.
    assert {path.name for path in (root / "usr/bin").iterdir()} == {"dash", "epp", "sh", "sleep"}
    assert not [path for path in root.rglob("*") if not path.is_symlink() and path.is_file() and path.stat().st_mode & 0o6000]


def test_an_image_lists_its_parts(images: dict[str, Path]) -> None:
    for name, folder in images.items():
        parts = json.loads((folder / "root/usr/share/sbom" / f"{name}.spdx.json").read_text())
        assert parts["spdxVersion"] == "SPDX-2.3" and parts["dataLicense"] == "CC0-1.0"
        packages = {package["name"]: package for package in parts["packages"]}
        identifiers = [package["SPDXID"] for package in parts["packages"]]
        assert len(set(identifiers)) == len(identifiers)
        for package in parts["packages"]:
            assert package["versionInfo"] and package["downloadLocation"] and package["externalRefs"], package
        known = {*identifiers, "SPDXRef-DOCUMENT"}
        for relation in parts["relationships"]:
            assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= known
        kinds = {relation["relatedSpdxElement"]: relation["relationshipType"] for relation in parts["relationships"]}
        assert kinds[packages["swift-nio"]["SPDXID"]] == "STATIC_LINK"
        assert kinds[packages["libc6"]["SPDXID"]] == "DYNAMIC_LINK"
        if name == "epp":
            assert kinds[packages["libgrpc-dev"]["SPDXID"]] == "STATIC_LINK"
        # What is copied from a package stands in the list, with its license.
        for package in (folder / "root/usr/share/doc").iterdir():
            assert package.name in packages and (package / "copyright").stat().st_size > 100

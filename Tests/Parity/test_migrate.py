"""`epp migrate`: every configuration is written in the newest form, and picks as before."""

import subprocess
from pathlib import Path

import pytest

from kit.paths import product
from Parity import configurations, golden, program

TABLE = golden.make()
OLD = ("is removed in newer releases", "are removed in newer releases", "in newer files")
"""What `epp validate` says of an old form."""
UNCHANGED = {"by-label.allows-no-label"}
"""What no newer form says: the reader goes on to take it."""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([product("epp"), *arguments], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("name", TABLE)
def test_the_newest_form_picks_as_before(name: str, tmp_path: Path) -> None:
    if lacking := configurations.missing(name, program.listed()):
        pytest.skip(f"epp plugins does not list {', '.join(lacking)}")
    old = tmp_path / "old.yaml"
    old.write_text(configurations.text(name))
    migrated = _run("migrate", str(old))
    assert migrated.returncode == 0, migrated.stderr
    assert "apiVersion: llm-d.ai/v1\n" in migrated.stdout
    new = tmp_path / "new.yaml"
    new.write_text(migrated.stdout)
    report = _run("validate", str(new))
    assert report.returncode == 0, report.stderr + migrated.stdout
    assert name in UNCHANGED or not [note for note in OLD if note in report.stdout], report.stdout
    again = _run("migrate", str(new))
    assert again.stdout == migrated.stdout, "a second migration changes nothing"
    assert name in UNCHANGED or again.stderr == "nothing has to change\n"

    states = list(golden.pools().values())
    before = program.score({"configuration": old.read_text(), **state} for state in states)
    after = program.score({"configuration": new.read_text(), **state} for state in states)
    assert before == after


def test_arguments_are_written_in_the_newest_spelling() -> None:
    old = ["--poolName", "vllm", "", "-grpcPort=9002", "-v4", "--feature-gates=dataLayer=true,haPopulateNonLeaderDatastore=true"]
    migrated = _run("migrate", "--args", "--", *old)
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.splitlines() == [
        '- "--pool-name"',
        '- "vllm"',
        '- "--grpc-port=9002"',
        '- "-v=4"',
        '- "--feature-gates=haPopulateNonLeaderDatastore=true"',
    ]
    assert "--poolName is an old spelling: write --pool-name" in migrated.stderr
    assert "1 empty argument is left out" in migrated.stderr
    assert "'dataLayer=true' is left out" in migrated.stderr


def test_an_unknown_argument_is_named() -> None:
    migrated = _run("migrate", "--args", "--", "--pool-nam", "x")
    assert migrated.returncode == 64
    assert "--pool-nam" in migrated.stderr


def test_a_config_map_is_migrated_by_its_file(tmp_path: Path) -> None:
    pasted = tmp_path / "map.yaml"
    inner = "".join(f"    {line}\n" for line in configurations.text("document.old-group").splitlines())
    pasted.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: epp\ndata:\n  epp.yaml: |\n{inner}")
    migrated = _run("migrate", str(pasted))
    assert migrated.returncode == 0, migrated.stderr
    assert migrated.stdout.startswith("apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n")
    assert "this is a ConfigMap: its key 'epp.yaml' is read" in _run("validate", str(pasted)).stdout

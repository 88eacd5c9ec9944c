"""Argument lists of the llm-d EPP start this picker without Kubernetes, with the engine named by --endpoint or by their file."""

import re
import subprocess
from pathlib import Path

import pytest

from kit import http
from kit.command_lines import COMMAND_LINES, EVERY_FLAG, FLAGS, flags, probe, without_kubernetes
from kit.engine import Engine
from kit.epp import sum_of
from kit.paths import ROOT, product
from kit.process import Process
from kit.waiting import eventually

_SERVING = r"serving ext_proc on \S+:(\d+), health on \S+:(\d+), metrics on \S+:(\d+)"


@pytest.fixture
def engine():
    with Engine("a") as one:
        yield one


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_an_argument_list_of_llm_d_starts_the_picker_without_kubernetes(
    name: str, engine: Engine, start_envoy, tmp_path: Path
) -> None:
    line = COMMAND_LINES[name]
    host, port = engine.address.rsplit(":", 1)
    listed = f'endpoints: [{{ name: a, address: {host}, port: "{port}" }}]'
    arguments = without_kubernetes(line.arguments(tmp_path, "models", listed))
    if not line.finds_files:
        arguments += ["--endpoint", engine.address]
    epp = Process([product("epp"), *arguments], name="epp", env=line.environment("models"))
    try:
        extproc, health, metrics = map(int, epp.wait_for(_SERVING).groups())
        for service in line.services:
            eventually(lambda: probe(health, service) == "SERVING", f"{service}: {epp.output()}", 15)
        envoy = start_envoy(extproc, secure=line.is_secure)
        answer = http.post(envoy.url, http.chat("a request"))
        assert answer.status == 200 and answer.headers["x-engine"] == "a", (answer, epp.output())
        # Who may read the page is for Kubernetes to say.
        status, page = line.page(metrics, tmp_path)
        assert status == 200 and sum_of(page, "llm_d_epp_request_total") == 1
        envoy.stop()
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [text for text in epp.lines if re.search(r"\berror\b", text, re.I) and "warn" not in text.lower()], epp.output()


def _run(*arguments: str | Path, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Returns the exit status of a picker that does not start, or of a command that ends, and what it prints."""
    done = subprocess.run([product("epp"), *arguments], env=env, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


def test_two_argument_lists_have_every_flag_of_llm_d() -> None:
    assert set().union(*(flags(line.text) for line in EVERY_FLAG.values())) == FLAGS
    taken = set(re.findall(r"^  (?:-\w, )?--([a-z-]+)", _run("--help-hidden")[1], re.MULTILINE))
    assert FLAGS <= taken
    # One list cannot have them all.
    for pair in (("--config-file", "f", "--config-text", "t"), ("--pool-name", "p", "--endpoint-selector", "a=b")):
        status, said = _run(*pair)
        assert status == 64 and pair[0] in said and pair[2] in said and "give one of them" in said


# By what the page in deploy/ calls them: arguments, and why they are refused.
_REFUSED = {
    "`--tls-min-version=VersionTLS13`": (
        [["--tls-min-version=VersionTLS13"], ["--tls-min-version", "VersionTLS13"]],
        "--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served",
    ),
    "a feature gate of flow control": (
        [["--feature-gates=flowControl"], ["--feature-gates", "flowControl=true"], ["--feature-gates=dataLayer=true,flowControl=true"]],
        "--feature-gates: the feature gate flowControl is known in llm-d but not supported by this version yet",
    ),
}  # fmt: skip


def test_the_page_names_the_values_that_are_refused(tmp_path: Path) -> None:
    page = (ROOT / "deploy/README.md").read_text()
    (named,) = re.findall(r"^\| flags \|.* Two values are refused: (.*) \|$", page, re.MULTILINE)
    assert re.split(r",? and ", named) == list(_REFUSED)
    # Alone, and after all others.
    for lists, reason in _REFUSED.values():
        for arguments in lists:
            status, said = _run(*arguments, "--endpoint", "127.0.0.1:1")
            assert status == 64 and said.splitlines() == [f"epp: {reason}"], arguments
    for number, line in enumerate(EVERY_FLAG.values()):
        (folder := tmp_path / str(number)).mkdir()
        for lists, reason in _REFUSED.values():
            status, said = _run(*line.arguments(folder, "models", ""), *lists[0], env=line.environment("models"))
            assert status == 64 and said.splitlines() == [f"epp: {reason}"]


@pytest.mark.parametrize(
    "section, status, said",
    [
        ("flowControl: { maxBytes: 10Gi }", 0, "flowControl has no effect besides its saturationDetector: its feature gate is off"),
        ("featureGates: [flowControl]", 78, "the feature gate flowControl is known in llm-d but not supported by this version yet"),
        ("plugins: [type: predicted-latency-producer]", 78, "is part of llm-d's predicted latency, which is not supported by"),
    ],
)
def test_files_with_what_is_not_there_load_with_a_note_or_are_refused(section: str, status: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "epp.yaml").write_text(f"apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\n{section}\n")
    ended, text = _run("validate", tmp_path / "epp.yaml")
    assert ended == status and said in text
    if status:
        ended, text = _run("--config-file", tmp_path / "epp.yaml", "--endpoint", "127.0.0.1:1")
        assert ended == status and said in text

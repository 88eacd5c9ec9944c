"""What the README tells a reader to type does what it says, and what it points at exists."""

import json
import os
import re
import shlex
import socket
import subprocess
from pathlib import Path

import pytest
import yaml

from kit import http
from kit.charts import installations, wrong
from kit.epp import EPP
from kit.kubernetes import FakeAPIServer, objects
from kit.paths import ENVOY, ROOT, product
from kit.process import Process
from kit.waiting import eventually

README = (ROOT / "README.md").read_text()
# That one, and those that it leads to.
MAP = ROOT / "Sources/README.md"
PAGES = [
    ROOT / path
    for path in (
        "README.md", "Sources/README.md", "Sources/epp-bench/README.md", "Tests/Conformance/README.md", "Tests/Engines/README.md",
        "deploy/README.md", "deploy/chart/README.md", "deploy/monitoring/README.md",
    )
]  # fmt: skip
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines() if line.strip()]

# How each command is tried, by its beginning. Those that take minutes are asked for their help here.
WAYS = {
    "scripts/demo": "help", "scripts/test": "help", "scripts/bench/benchmark": "help", "scripts/setup": "help", "scripts/release/build": "built", "scripts/image": "help",
    ".build-release/release/routing-sidecar": "sidecar",
    ".build-release/release/epp --pool-name": "pods", ".build-release/release/epp --endpoint-selector": "pods",
    ".build-release/release/epp --bind-address 127.0.0.1 --endpoint 127.0.0.1:8000 --kv": "following epp",
    ".build-release/release/epp weights": "admin", ".build-release/release/epp migrate": "migrated", ".build-release/release/epp": "epp",
    ".build-release/release/engine-sim --port 8000 --kv": "followed engine-sim", ".build-release/release/engine-sim": "engine-sim",
    "curl -s http://127.0.0.1:9090": "look", "curl -s http://127.0.0.1:9091/debug/kv-events": "look",
    "curl -s http://127.0.0.1:9091": "admin", "helm install": "chart",
    ".build-tools/venv/bin/envoy --mode validate": "run", ".build-tools/venv/bin/envoy -c": "envoy", "curl": "curl",
}


def _way(command: str) -> str:
    ways = [way for start, way in WAYS.items() if command.startswith(start)]
    assert ways, f"no test tries this command of the README: {command}"
    return ways[0]


def _free(*ports: int) -> bool:
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            return False
    return True


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_known(command: str, tmp_path: Path) -> None:
    way = _way(command)
    if way == "help":
        result = subprocess.run([ROOT / command.split()[0], "--help"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and result.stdout.strip()
    elif way == "sidecar":
        if not _free(8000):
            pytest.skip("port 8000 is taken")
        with Process([product("routing-sidecar"), *command.split()[1:]]) as sidecar:
            sidecar.wait_for("serving HTTP on 0.0.0.0:8000 for 127.0.0.1:8200")
            assert http.request("http://127.0.0.1:8000", "GET", "/livez").status == 200
    elif way == "built":
        # scripts/test runs it before the tests.
        assert command in (ROOT / "scripts/test").read_text()
        assert product("epp").exists()
    elif way == "migrated":
        (tmp_path / "epp.yaml").write_text((ROOT / "Tests/Parity/configurations/document.old-group.yaml").read_text())
        line = command.replace(".build-release/release/epp", shlex.quote(str(product("epp"))))
        result = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        assert "is 'llm-d.ai/v1' now" in result.stderr or "is an old spelling" in result.stderr
    elif way == "chart":
        assert [line for line, release in installations(ROOT / "README.md") if line == command and not wrong(release)] == [command]
    elif way == "run":
        arguments = shlex.split(command.replace(".build-tools/venv/bin/envoy", str(ENVOY)))
        subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_the_commands_work_together() -> None:
    """The picker, Envoy and curl exactly as written, on the ports that the README names."""
    if not _free(9002, 9003, 9090, 9091, 9901, 10000, 8000, 8001):
        pytest.skip("a port that the README names is in use here")
    (epp,) = (command for command in COMMANDS if _way(command) == "epp")
    (envoy,) = (command for command in COMMANDS if _way(command) == "envoy")
    (curl,) = (command for command in COMMANDS if _way(command) == "curl")
    simulators = [command for command in COMMANDS if _way(command) == "engine-sim"]
    engines = [
        Process(shlex.split(command.replace(".build-release/release/engine-sim", str(product("engine-sim")))))
        for command in simulators
    ]
    arguments = shlex.split(epp.replace(".build-release/release/epp", str(product("epp"))))
    picker = Process([*arguments, "--drain-timeout", "200ms"])
    gateway = None
    try:
        picker.wait_for(r"serving ext_proc on \S+:9002")
        assert len(engines) == 2
        gateway_arguments = shlex.split(envoy.replace(".build-tools/venv/bin/envoy", str(ENVOY)))
        gateway_arguments[-1] = str(ROOT / gateway_arguments[-1])
        gateway = Process([*gateway_arguments, "--disable-hot-restart", "--log-level", "warning"])
        eventually(lambda: http.request("http://127.0.0.1:9901", "GET", "/ready").status == 200, "Envoy", 20)
        eventually(lambda: http.request("http://127.0.0.1:10000", "GET", "/v1/models").status == 200, "the gateway", 20)
        result = subprocess.run(shlex.split(curl), capture_output=True, text=True, timeout=30, check=True)
        assert json.loads(result.stdout)["choices"][0]["text"], result.stdout
        _try_the_admin_address()
    finally:
        if gateway is not None:
            gateway.stop()
        picker.stop()
        for engine in engines:
            engine.stop()


def _try_the_admin_address() -> None:
    """The commands that look into a running picker, and change it, as they are written."""
    shown = []
    for command in (command for command in COMMANDS if _way(command) == "admin"):
        arguments = shlex.split(command.replace(".build-release/release/epp", str(product("epp"))))
        result = subprocess.run(arguments, capture_output=True, text=True, timeout=30)
        assert result.returncode == 0, f"{command}: {result.stderr}"
        shown.append(result.stdout)
    configuration, plugins, before, after = shown
    assert json.loads(configuration)["origin"] == "flags" and "approx-prefix-cache-producer" in json.loads(plugins)["plugins"]
    assert re.search(r"^default +queue-scorer +2 +2$", before, re.MULTILINE)
    assert re.search(r"^default +queue-scorer +3 +2$", after, re.MULTILINE) and "To keep them" in after


@pytest.mark.parametrize("command", [command for command in COMMANDS if _way(command) == "pods"])
def test_the_commands_for_pods_find_them(command: str) -> None:
    server = FakeAPIServer(secure=True)
    picker = None
    try:
        server.admin.create(objects.NAMESPACES, {"metadata": {"name": "models"}})
        objects.install(server.admin)
        pool = objects.pool("chat", {"app": "vllm"}, [8000])
        server.admin.create(objects.custom(objects.POOL_V1, "inferencepools", "models"), pool)
        server.admin.create(objects.pods("models"), objects.pod("gpu-a", {"app": "vllm"}))
        server.admin.merge(objects.pods("models") + "/gpu-a/status", objects.status("10.244.9.9"))
        arguments = shlex.split(command.replace(".build-release/release/epp", str(product("epp"))))
        local = ["--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"]
        local += ["--metrics-endpoint-auth=false", "--admin-address", "127.0.0.1:0"]
        environment = os.environ | {"KUBECONFIG": str(server.kubeconfig), "NAMESPACE": "models"}
        picker = Process([*arguments, *local, "--drain-timeout", "200ms"], env=environment)
        port = picker.wait_for(r"metrics on \S+:(\d+)")[1]
        page = f"http://127.0.0.1:{port}"
        found = 'epp_endpoint_refusing{endpoint_name="gpu-a-rank-0"}'
        eventually(lambda: found in http.request(page, "GET", "/metrics").body.decode(), "the pod is an endpoint")
    finally:
        if picker is not None:
            picker.stop()
        server.stop()


def test_the_commands_for_kv_events_work_together() -> None:
    """A simulated engine, the picker that follows it, and what shows that it does."""
    if not _free(9002, 9003, 9090, 9091, 8000, 5557, 5558):
        pytest.skip("a port that the README names is in use here")
    (engine,) = (command for command in COMMANDS if _way(command) == "followed engine-sim")
    (epp,) = (command for command in COMMANDS if _way(command) == "following epp")
    looks = [command for command in COMMANDS if _way(command) == "look"]
    # On this machine's loopback alone.
    engine = engine.replace("tcp://*:", "tcp://[::ffff:127.0.0.1]:")
    simulator = Process(shlex.split(engine.replace(".build-release/release/engine-sim", str(product("engine-sim")))))
    picker = None
    try:
        simulator.wait_for("KV events of")
        arguments = shlex.split(epp.replace(".build-release/release/epp", str(product("epp"))))
        picker = Process([*arguments, "--drain-timeout", "200ms"])
        picker.wait_for("following the engine's KV events")

        def shown() -> list[str]:
            return [subprocess.run(["bash", "-c", look], capture_output=True, text=True, timeout=30).stdout for look in looks]

        streams, metrics = eventually(lambda: (found := shown()) and '"isFollowed" : true' in found[0] and found, "the stream")
        assert '"endpoint" : "127.0.0.1:8000"' in streams
        # The states of the table are all there are, and the numbers are theirs.
        table = README.split("| state of a stream |")[1].split("\n\n")[0]
        rows = re.findall(r"^\| `(\w+)` \| (\d) \|", table, re.MULTILINE)
        assert {state for state, _ in rows} == set(re.findall(r'^epp_kv_events_streams\{state="(\w+)"\}', metrics, re.M))
        assert [int(number) for _, number in rows] == [0, 1, 2, 3]
    finally:
        if picker is not None:
            picker.stop()
        simulator.stop()


def test_what_commands_need_is_installed_before_them() -> None:
    section = README.split("## Beside your own Envoy and engines")[1]
    first = next(line for line in COMMANDS if f"\n{line}\n" in section)
    assert first == "scripts/setup"


def test_figures_are_those_of_the_page_of_the_benchmarks() -> None:
    page = (ROOT / "Sources/epp-bench/README.md").read_text()
    section = README.split("## Cost")[1].split("\n## ")[0]
    # The other column is the Go EPP's.
    ours = [row.split("|")[2] for row in re.findall(r"^\| .*\|$", section, re.MULTILINE)]
    figures = re.findall(r"[\d.,]+ (?:µs|ms|MB)", "\n".join(ours)) + re.findall(r"\b0\.\d+\b", section.split("Beside NVIDIA")[1])
    passing = README.split("## Answers that pass by")[1].split("\n## ")[0]
    figures += re.findall(r"[\d.,]+ µs", passing)
    assert len(figures) > 10
    for figure in figures:
        number, _, unit = figure.partition(" ")
        assert re.search(rf"(?<![\d.,]){re.escape(number)}(?![\d.,]*\d)(?: / [\d.,]+| to [\d.]+)? ?{unit}", page), figure


def test_the_benchmark_prints_its_rows() -> None:
    """Two short ones; what they cost is not judged here."""
    environment = {**os.environ, "WARMPATH_BIN_DIR": str(product("epp").parent)}
    result = subprocess.run(
        [ROOT / "scripts/bench/benchmark", "start", "none"], capture_output=True, text=True, timeout=120, env=environment
    )
    assert result.returncode == 0, result.stderr
    assert [float(line.split()[-2]) > 0 for line in result.stdout.splitlines()] == [True, True]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, section = target.partition("#")
        assert (page.parent / path).exists(), target
        if section:
            titles = re.findall(r"^#+ (.+)$", (page.parent / path).read_text(), re.MULTILINE)
            assert section in {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_scripts_have_a_help(page: Path) -> None:
    for name in set(re.findall(r"`(scripts/[\w/-]+)[` ]", page.read_text())):
        result = subprocess.run([ROOT / name, "--help"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0 and result.stdout.strip(), name


def test_paths_of_the_map_exist() -> None:
    """From its own folder or from the repository's; what is written with a placeholder is none."""
    paths = set(re.findall(r"`([\w.+-]+(?:/[\w.+-]+)+)(?=[` ])", MAP.read_text()))
    assert len(paths) > 60
    assert [path for path in sorted(paths) if not ((MAP.parent / path).exists() or (ROOT / path).exists())] == []


def test_folders_exist_and_each_has_a_row() -> None:
    section = README.split("## The code")[1]
    named = {"Sources": set(), "Tests": set()}
    for row in re.findall(r"^\| (`(?:Sources|Tests)/.*?) \|", section, re.MULTILINE):
        top = row[1:].split("/")[0]
        named[top] |= {name.removeprefix(f"{top}/") for name in re.findall(r"`([^`]+)`", row)}
    named["Tests"] |= set(re.findall(r"`Tests/(\w+)`", section))
    for top, names in named.items():
        for name in names:
            assert (ROOT / top / name).is_dir(), name
        folders = {path.name for path in (ROOT / top).iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
        # Tests of one target have its name.
        assert {name for name in folders if not (top == "Tests" and name.endswith("Tests"))} <= names


def test_every_metric_exists(start_epp) -> None:
    """By the page of a picker with everything on, or by what it is declared with, for families that have no series yet. The pages of
    deploy/ too."""
    page = start_epp("--kv-events-port", "1", endpoints=["127.0.0.1:1"]).metrics()
    declared = "".join(path.read_text() for path in (ROOT / "Sources/EPPMetrics").rglob("*.swift"))
    text = README + "".join(path.read_text() for path in sorted((ROOT / "deploy").rglob("README.md")))
    prefixes = "epp|inference|llm_d_epp|llm_d_inference_scheduler|llm_d_disagg_sidecar|routing_sidecar|kvcache|process"
    names = set(re.findall(rf"`((?:{prefixes})_\w*\*?)", text)) - {"epp_*"}
    assert len(names) > 60
    for name in names:
        if name.endswith("*"):
            assert f"# TYPE {name[:-1]}" in page or f'"{name[:-1]}' in declared, name
            continue
        family = re.sub(r"_(sum|count|bucket)$", "", name)
        own = re.sub(r"^(epp|llm_d_epp|llm_d_disagg_sidecar|routing_sidecar)_", "", family)
        stage = re.sub(r"^(encode|prefill|decode)_", r"\\(stage.rawValue)_", own)
        assert f"# TYPE {family} " in page or f'"{own}"' in declared or f'"{stage}"' in declared, name


@pytest.mark.parametrize("source", ["FILE", "-"])
def test_a_configuration_is_checked(source: str, tmp_path: Path) -> None:
    assert f"`epp validate {source}`" in README
    text = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"
    for configuration, status in ((text, 0), (text + "nonsense: 1\n", 78)):
        path = tmp_path / "configuration.yaml"
        path.write_text(configuration)
        result = subprocess.run(
            [product("epp"), "validate", str(path) if source == "FILE" else source],
            input=configuration, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert result.returncode == status, result.stderr


@pytest.fixture(scope="module")
def exit_statuses() -> list[str]:
    sentence = README.split("Exit status:")[1].split("\n\n")[0]
    return re.findall(r"\b(\d+) (?:after|if|for)\b", sentence)


@pytest.mark.parametrize(
    "arguments, status",
    [
        (["--grpc-port", "TAKEN"], 1),
        (["--cert-path", "FOLDER/nothing"], 1),
        (["--hash-secret-file", "FOLDER/wrong"], 1),
        (["--grpc-port", "no"], 64),
        (["--config-file", "FOLDER/wrong"], 78),
    ],
)
def test_exit_statuses_are_those_of_the_readme(
    arguments: list[str], status: int, exit_statuses: list[str], tmp_path: Path
) -> None:
    assert exit_statuses == ["0", "1", "64", "78"]
    (tmp_path / "wrong").write_text("kind: Nothing\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        real = [
            part.replace("TAKEN", str(taken.getsockname()[1])).replace("FOLDER", str(tmp_path)) for part in arguments
        ]
        command = [product("epp"), "--bind-address", "127.0.0.1", "--grpc-health-port", "0", "--metrics-port", "0"]
        command += ["--admin-address", "127.0.0.1:0"]
        command += ["--endpoint", "127.0.0.1:1", *([] if real[0] == "--grpc-port" else ["--grpc-port", "0"]), *real]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert result.returncode == status, result.stderr


def test_after_sigterm_the_status_is_0() -> None:
    assert EPP().stop() == 0


def test_the_simulator_takes_the_flags_for_vllm() -> None:
    (text,) = (text for language, text in BLOCKS if language == "text")
    # Ports of its own, on this machine's loopback alone.
    flags = [re.sub(r"tcp://\*:\d+", "tcp://127.0.0.1:*", flag) for flag in shlex.split(text)]
    assert "--enable-scale-out" in flags
    simulator = Process([product("engine-sim"), "--port", "0", *flags])
    try:
        simulator.wait_for("KV events of .*, replayed on")
    finally:
        simulator.stop()


def test_the_endpoints_file_is_accepted(start_epp, tmp_path) -> None:
    (example,) = (text for language, text in BLOCKS if language == "yaml")
    assert yaml.safe_load(example)["endpoints"]
    path = tmp_path / "endpoints.yaml"
    path.write_text(example.replace("gpu-b.internal", "localhost").replace("10.0.0.1", "127.0.0.1"))
    epp = start_epp("--endpoints-file", str(path))
    eventually(lambda: "gpu-a" in epp.metrics() and "gpu-b" in epp.metrics(), "the endpoints of the README")

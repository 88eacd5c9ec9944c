"""Tracing in deploy/: the components `tracing` and `tracing-engines` over the overlays, and the same by the chart."""

import os
import re
from pathlib import Path

import pytest
import yaml

from kit.charts import LABELS, Release, given, merged, release
from kit.command_lines import without_kubernetes
from kit.engine import Engine
from kit.manifests import DEPLOY, Object, container, environment, expanded, find, problems, rendered, with_components
from kit.paths import ROOT, product
from kit.ports import free_port
from kit.process import Process

TRACING, ENGINES = DEPLOY / "components" / "tracing", DEPLOY / "components" / "tracing-engines"
# A picker alone, with an Envoy in its pod, with engines behind sidecars, with engines of which some have none, with older engines.
OVERLAYS = ["gateway", "standalone", "cache-aware-service", "openshift", "pd", "architecture"]
CURRENT = ["cache-aware-service", "openshift", "pd"]
FIELDS = {"metadata.namespace": "inference", "metadata.name": "a-pod", "status.podIP": "10.244.200.1", "spec.nodeName": "node"}
SECRETS = {("llm-d-hf-token", "HF_TOKEN"): ""}
COLLECTOR = "http://otel-collector:4318"


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kustomization")


def _traced(folder: Path, overlay: str, *components: Path, parameters: dict[str, str] | None = None) -> list[Object]:
    """Returns the objects of an overlay with components, and with parameters of tracing in place of the component's own."""
    changes = [{"op": "replace", "path": f"/data/{key}", "value": value} for key, value in (parameters or {}).items()]
    kustomization: Object = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": yaml.safe_load((DEPLOY / "overlays" / overlay / "kustomization.yaml").read_text())["namespace"],
        "resources": [os.path.relpath(DEPLOY / "overlays" / overlay, folder.resolve())],
        "components": [os.path.relpath(path, folder.resolve()) for path in components],
        "patches": [{"target": {"kind": "ConfigMap", "name": "tracing-parameters"}, "patch": yaml.safe_dump(changes)}] if changes else [],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return rendered(folder)


def _variables(one: Object, values: list[Object]) -> dict[str, str]:
    """Returns the variables of a container as a kubelet makes them: $(NAME) is that of a variable before it, else it stays."""
    made: dict[str, str] = {}
    for name, value in environment(one, values, FIELDS, SECRETS).items():
        made[name] = re.sub(r"\$\((\w+)\)", lambda found: made.get(found[1], found[0]), value)
    return made


def _of_tracing(one: Object, values: list[Object]) -> dict[str, str]:
    names = [variable["name"] for variable in one["env"]]
    assert len(names) == len(set(names))
    return {name: value for name, value in _variables(one, values).items() if name.startswith("OTEL_")}


def _expected(service: str) -> dict[str, str]:
    return {
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
        "OTEL_RESOURCE_ATTRIBUTES": "k8s.namespace.name=inference,k8s.pod.name=a-pod",
    }


def _containers(values: list[Object], name: str) -> list[Object]:
    pods = [value["spec"]["template"]["spec"] for value in values if value["kind"] == "Deployment"]
    return [one for pod in pods for one in pod["containers"] + pod.get("initContainers", []) if one["name"] == name]


def _names(values: list[Object], name: str) -> list[str]:
    """Returns the names of the Deployments that have a container."""
    return [value["metadata"]["name"] for value in values if value["kind"] == "Deployment" and _containers([value], name)]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pickers_and_sidecars_get_the_flag_and_the_variables(overlay: str, folder: Path) -> None:
    plain = rendered(DEPLOY / "overlays" / overlay)
    values = _traced(folder, overlay, TRACING)
    assert {value["metadata"]["name"]: problems(value) for value in values if problems(value)} == {}
    for name, service in (("epp", "llm-d-epp"), ("routing-proxy", "llm-d-routing-sidecar")):
        assert _names(values, name) == _names(plain, name)
        for before, one in zip(_containers(plain, name), _containers(values, name), strict=True):
            assert one["args"] == [*before["args"], "--tracing=true"]
            assert _of_tracing(one, values) == _expected(service)
            # What was there is there.
            assert one["env"][: len(before["env"])] == before["env"]
    assert [_containers(values, "vllm"), _containers(values, "envoy")] == [_containers(plain, "vllm"), _containers(plain, "envoy")]


def test_which_deployments_have_a_sidecar_that_traces(folder: Path) -> None:
    values = _traced(folder, "pd", TRACING, ENGINES)
    assert _names(values, "routing-proxy") == ["vllm-decode"]
    assert sorted(_names(values, "vllm")) == ["vllm-decode", "vllm-prefill"]


@pytest.mark.parametrize("overlay", CURRENT)
def test_engines_send_what_the_others_record(overlay: str, folder: Path) -> None:
    plain = rendered(DEPLOY / "overlays" / overlay)
    values = _traced(folder, overlay, TRACING, ENGINES)
    assert {value["metadata"]["name"]: problems(value) for value in values if problems(value)} == {}
    engines = _containers(values, "vllm")
    assert engines
    known = (ROOT / "Tests/Engines/vllm-0.32.0-options.txt").read_text().split("\n")
    for before, engine in zip(_containers(plain, "vllm"), engines, strict=True):
        assert engine["image"].endswith(":v0.32.0")
        variables = _variables(engine, values)
        arguments = expanded(engine, variables)
        assert arguments[:-1] == expanded(before, variables)
        option, address = arguments[-1].split("=", 1)
        assert option in known and address == f"{COLLECTOR}/v1/traces"
        # As HTTP, because the port is that of HTTP; and only requests of which the caller says that they are recorded.
        expected = _expected("vllm") | {
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf", "OTEL_TRACES_SAMPLER": "parentbased_always_off",
        }  # fmt: skip
        del expected["OTEL_TRACES_SAMPLER_ARG"]
        assert _of_tracing(engine, values) == expected


def test_an_installation_sets_its_collector_in_one_place(folder: Path) -> None:
    parameters = {"endpoint": "http://collector.observability:4318", "sampler-arg": "1"}
    plain = _traced(folder, "cache-aware-service", TRACING, ENGINES)
    values = _traced(folder, "cache-aware-service", TRACING, ENGINES, parameters=parameters)
    for name in ("epp", "routing-proxy", "vllm"):
        (one,) = _containers(values, name)
        variables = _of_tracing(one, values)
        assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.observability:4318"
        assert name == "vllm" or variables["OTEL_TRACES_SAMPLER_ARG"] == "1"
        # Another name of the ConfigMap: pods are replaced.
        assert one["env"] != _containers(plain, name)[0]["env"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_policy_keeps_a_pod_from_the_collector(overlay: str, folder: Path) -> None:
    policies = [value["spec"] for value in _traced(folder, overlay, TRACING) if value["kind"] == "NetworkPolicy"]
    assert policies
    # Kubernetes adds Egress to the types where they are not said and there are rules for it.
    assert all(policy["policyTypes"] == ["Ingress"] and "egress" not in policy for policy in policies)


# MARK: What is started


def _expect_export(process: Process) -> None:
    """The program has taken every variable, and says where spans go."""
    try:
        process.wait_for(f"{COLLECTOR}/v1/traces")
        assert process.stop() == 0
        assert not [line for line in process.lines if "OTEL_" in line or "no effect" in line], process.output()
    finally:
        process.kill()


def test_the_picker_takes_what_the_component_gives_it(folder: Path, tmp_path: Path) -> None:
    values = with_components(folder, TRACING)
    one = container(find(values, "Deployment", "epp"), "epp")
    variables = _variables(one, values)
    config = tmp_path / "epp.yaml"
    config.write_text(find(values, "ConfigMap", "epp-config")["data"]["epp.yaml"])
    arguments = [argument.replace("/config/epp.yaml", str(config)) for argument in expanded(one, variables)]
    with Engine("a") as engine:
        command = [product("epp"), *without_kubernetes(arguments), "--endpoint", engine.address]
        _expect_export(Process(command, name="epp", env=os.environ | variables))


def test_the_sidecar_takes_what_the_component_gives_it(folder: Path) -> None:
    values = _traced(folder, "cache-aware-service", TRACING)
    (one,) = _containers(values, "routing-proxy")
    variables = _variables(one, values)
    own = {"--port=8000": f"--port={free_port()}", "--metrics-port=9091": f"--metrics-port={free_port()}"}
    arguments = [own.get(argument, argument) for argument in expanded(one, variables)]
    command = [product("routing-sidecar"), "--bind-address=127.0.0.1", *arguments]
    _expect_export(Process(command, name="routing-sidecar", env=os.environ | variables))


def test_the_picker_takes_what_the_chart_gives_it(tmp_path: Path) -> None:
    made = _charted(f"router.tracing.otelExporterEndpoint={COLLECTOR}")
    variables = _variables(made.picker, made.objects)
    with Engine("a") as engine:
        command = [product("epp"), *without_kubernetes(made.arguments(tmp_path)), "--endpoint", engine.address]
        _expect_export(Process(command, name="epp", env=os.environ | variables))


# MARK: The chart


def _charted(*settings: str) -> Release:
    return release(merged(LABELS, given("router.tracing.enabled=true", *settings)))


def test_the_chart_says_the_same_as_the_component() -> None:
    made = _charted(f"router.tracing.otelExporterEndpoint={COLLECTOR}")
    assert made.picker["args"].count("--tracing=true") == 1
    # Of itself the picker is llm-d-epp, and exports by OTLP. The chart also names the node, as llm-d's does.
    own = _of_tracing(made.picker, made.objects) | {"OTEL_SERVICE_NAME": "llm-d-epp"}
    assert own.pop("OTEL_TRACES_EXPORTER") == "otlp"
    own["OTEL_RESOURCE_ATTRIBUTES"] = own["OTEL_RESOURCE_ATTRIBUTES"].replace("k8s.node.name=node,", "")
    assert own == _expected("llm-d-epp")


def test_values_of_the_chart_become_variables() -> None:
    made = _charted(
        "router.tracing.otelExporterEndpoint=https://collector:4318", "router.tracing.sampling.sampler=traceidratio",
        "router.tracing.sampling.samplerArg=1",
    )  # fmt: skip
    variables = _of_tracing(made.picker, made.objects)
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://collector:4318"
    assert (variables["OTEL_TRACES_SAMPLER"], variables["OTEL_TRACES_SAMPLER_ARG"]) == ("traceidratio", "1")
    off = release(LABELS).picker
    assert not [argument for argument in off["args"] if "tracing" in argument]
    assert _of_tracing(off, []) == {}


@pytest.mark.parametrize(
    "endpoint, variables, is_replaced",
    [
        ("http://collector:4317", {}, True),
        ("http://collector:4317/", {}, True),
        ("grpc://collector:4000", {}, True),
        ("collector:4317", {}, True),
        ("http://collector:4318", {}, False),
        ("http://collector:43170", {}, False),
        ("http://collector/4317", {}, False),
        ("http://collector:4317", {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, False),
        ("http://collector:4317", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4400/v1/traces"}, False),
        ("http://collector:4317", {"A_VARIABLE": "x"}, True),
    ],
)
def test_notes_say_where_spans_go_instead_of_the_port_of_grpc(endpoint: str, variables: dict[str, str], is_replaced: bool) -> None:
    env = {"router": {"epp": {"env": [{"name": name, "value": value} for name, value in variables.items()]}}}
    tracing = {"router": {"tracing": {"enabled": True, "otelExporterEndpoint": endpoint}}}
    notes = release(LABELS, tracing, env).notes
    assert (f"{endpoint} is an address of OTLP over gRPC: they go to port 4318\nof the same host" in notes) == is_replaced
    tracing["router"]["tracing"]["enabled"] = False
    assert "OTLP" not in release(LABELS, tracing, env).notes

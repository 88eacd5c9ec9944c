"""The scrape configuration that the Prometheus operator makes of a monitor, for targets that Kubernetes would have discovered."""

import json
import re
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from ..kubernetes.store import Object
from ..process import Process
from ..prometheus import Prometheus

INTERVAL = "200ms"
# Names of labels as an operator writes them into a configuration.
_SNAKE = re.compile(r"(?<=[a-z])([A-Z])")


@dataclass(frozen=True)
class Target:
    """A port of a container of a pod, and the Service with a port of the same name where there is one."""

    address: str
    pod: str
    port: str
    container: str
    namespace: str = "inference"
    labels: dict[str, str] = field(default_factory=dict)
    service: str = ""
    service_labels: dict[str, str] = field(default_factory=dict)

    def discovered(self) -> dict[str, str]:
        """Returns the labels with which Prometheus discovers it."""
        found = {
            "namespace": self.namespace, "pod_name": self.pod, "pod_container_name": self.container,
            "pod_container_port_name": self.port, "pod_phase": "Running", "pod_ready": "true",
        }  # fmt: skip
        found |= _metadata("pod", self.labels)
        if self.service:
            found |= {"service_name": self.service, "endpoint_port_name": self.port, "endpoint_ready": "true"}
            found |= _metadata("service", self.service_labels)
        return {f"__meta_kubernetes_{name}": value for name, value in found.items()}


def _metadata(kind: str, labels: dict[str, str]) -> dict[str, str]:
    found = {}
    for name, value in labels.items():
        safe = re.sub(r"\W", "_", name)
        found |= {f"{kind}_label_{safe}": value, f"{kind}_labelpresent_{safe}": "true"}
    return found


def job(name: str, targets: list[dict], relabelings: list[dict] | None = None, **fields: object) -> dict:
    return {"job_name": name, "static_configs": targets, "relabel_configs": relabelings or []} | fields


def scrape_configs(monitor: Object, targets: list[Target], credentials: Path | None = None) -> list[dict]:
    """Returns a job for each endpoint of a ServiceMonitor or PodMonitor. The targets are all that there are: the monitor's selector
    and ports choose among them. `credentials` is the file of the Secret that the monitor names."""
    is_service = monitor["kind"] == "ServiceMonitor"
    own = f"{monitor['kind'].removesuffix('Monitor').lower()}/{monitor['metadata']['name']}"
    groups = [{"targets": [target.address], "labels": target.discovered()} for target in targets]
    found = []
    for number, endpoint in enumerate(monitor["spec"]["endpoints" if is_service else "podMetricsEndpoints"]):
        rules = _selection(monitor["spec"]["selector"]["matchLabels"], "service" if is_service else "pod")
        port = "endpoint_port_name" if is_service else "pod_container_port_name"
        rules.append(_rule(port, action="keep", regex=re.escape(endpoint["port"]).replace("\\-", "-")))
        copied = {"namespace": "namespace", "pod": "pod_name", "container": "pod_container_name"}
        copied |= {"service": "service_name"} if is_service else {}
        rules += [_rule(source, target_label=name) for name, source in copied.items()]
        rules.append(_rule("service_name", target_label="job") if is_service else {"replacement": own, "target_label": "job"})
        rules.append({"replacement": endpoint["port"], "target_label": "endpoint"})
        fields: dict[str, object] = {"metrics_path": endpoint["path"], "honor_labels": endpoint.get("honorLabels", False)}
        fields["metric_relabel_configs"] = [_snake(rule) for rule in endpoint.get("metricRelabelings", [])]
        if credentials:
            fields["authorization"] = {"type": endpoint["authorization"]["type"], "credentials_file": str(credentials)}
        rules += [_snake(rule) for rule in endpoint.get("relabelings", [])]
        found.append(job(f"{own}/{number}", groups, rules, **fields))
    return found


def _selection(labels: dict[str, str], kind: str) -> list[dict]:
    rules = []
    for name, value in labels.items():
        safe = re.sub(r"\W", "_", name)
        rules.append(_rule(f"{kind}_label_{safe}", f"{kind}_labelpresent_{safe}", action="keep", regex=f"({value});true"))
    return rules


def _rule(*sources: str, **fields: str) -> dict:
    return {"source_labels": [f"__meta_kubernetes_{source}" for source in sources]} | fields


def _snake(rule: dict) -> dict:
    return {_SNAKE.sub(lambda found: "_" + found[1].lower(), name): value for name, value in rule.items()}


class ConfiguredPrometheus(Prometheus):
    """A real Prometheus with jobs, and rules where there are groups of them; `folder` is for its configuration and its data."""

    def __init__(self, jobs: list[dict], folder: Path, rules: dict | None = None):
        timing = {"scrape_interval": INTERVAL, "scrape_timeout": INTERVAL, "evaluation_interval": INTERVAL}
        config: dict[str, object] = {"global": timing, "scrape_configs": jobs}
        if rules:
            (folder / "groups.yaml").write_text(json.dumps(rules))
            config["rule_files"] = ["groups.yaml"]
        (folder / "prometheus.yml").write_text(json.dumps(config))
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        Process.__init__(self, [*command, "--web.listen-address=127.0.0.1:0", "--log.level=info"])
        try:
            self._address = self.wait_for(r'msg="?Listening on"? address=(\S+)', 30)[1]
        except AssertionError:
            self.kill()
            raise

    def query_at(self, expression: str, time: float) -> list[dict]:
        """Returns what an instant query would have returned at a time."""
        return self._data("query?" + urllib.parse.urlencode({"query": expression, "time": time}))["result"]

    def alerts(self) -> list[dict]:
        """Returns the alerts that fire."""
        return [alert for alert in self._data("alerts")["alerts"] if alert["state"] == "firing"]

    def targets(self) -> list[dict[str, str]]:
        """Returns the labels of the targets that are scraped, whether or not they answer."""
        return [target["labels"] for target in self._data("targets?state=active")["activeTargets"]]

    def _data(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://{self._address}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

"""Argument lists of the llm-d EPP start this picker unchanged, with the permissions that llm-d gives: on their ports, in a network
namespace of the tests' own."""

from pathlib import Path
from typing import Iterator

import pytest

from kit import http
from kit.command_lines import COMMAND_LINES, EVERY_FLAG, CommandLine, probe
from kit.epp import sum_of
from kit.kubernetes import objects
from kit.kubernetes.cluster import Cluster, account_kubeconfig, has_pod_addresses
from kit.kubernetes.store import Object
from kit.paths import product
from kit.process import Process
from kit.waiting import eventually

pytestmark = pytest.mark.skipif(
    not has_pod_addresses(), reason="no address of a pod is here: run the tests with scripts/pod-network"
)
ACCOUNT, SCRAPER = "epp", "prometheus"
_OLDER = "inference.networking.x-k8s.io"


def _rule(group: str, resources: str, verbs: str = "get list watch") -> Object:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


def _rules(line: CommandLine) -> list[Object]:
    """Returns what llm-d's charts and manifests permit the picker that they start with an argument list, in the pool's namespace."""
    rules = [_rule("", "pods")]
    if "--endpoint-selector" not in line.text:
        rules += [_rule(_OLDER if f"--pool-group {_OLDER}" in line.text else "inference.networking.k8s.io", "inferencepools")]
        rules += [_rule(group, "inferenceobjectives inferencemodelrewrites") for group in ("llm-d.ai", _OLDER)]
    if line.is_elected:
        rules += [_rule("coordination.k8s.io", "leases", "get list watch create update patch delete")]
        rules += [_rule("", "events", "create patch")]
    return rules


# Beside the Role where Prometheus scrapes the page with a token: the rules of a ClusterRole.
_REVIEWS = [
    _rule("authentication.k8s.io", "tokenreviews", "create"), _rule("authorization.k8s.io", "subjectaccessreviews", "create"),
]  # fmt: skip
_SCRAPES = [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]


@pytest.fixture
def pool(cluster: Cluster) -> Cluster:
    """A cluster with the pool `pool` in both API groups, a pod of it, and service accounts without permissions."""
    cluster.make_pool()
    path = objects.custom(objects.LEGACY, "inferencepools", cluster.namespace)
    cluster.api.admin.create(path, objects.legacy_pool("pool", {"app": "vllm"}, 8000))
    cluster.add_pod("a")
    for account in (ACCOUNT, SCRAPER):
        cluster.api.admin.create(objects.service_accounts(cluster.namespace), {"metadata": {"name": account}})
    return cluster


@pytest.fixture
def reviews(pool: Cluster) -> Iterator[None]:
    """Lets the picker ask who owns a token, and the scraper read metrics: roles that belong to no namespace, removed at the end."""
    admin, made = pool.api.admin, []
    for account, rules in ((ACCOUNT, _REVIEWS), (SCRAPER, _SCRAPES)):
        name = f"{pool.namespace}-{account}"
        bound = objects.binding(name, name, pool.namespace, account, cluster=True)
        for plural, value in (("clusterroles", objects.role(name, *rules)), ("clusterrolebindings", bound)):
            admin.create(f"{objects.RBAC}/{plural}", value)
            made.append(f"{objects.RBAC}/{plural}/{name}")
    yield
    for path in reversed(made):
        admin.delete(path)


def _permit(pool: Cluster, rules: list[Object]) -> Path:
    """Gives the account a Role with rules; returns its kubeconfig."""
    place = f"{objects.RBAC}/namespaces/{pool.namespace}"
    pool.api.admin.create(f"{place}/roles", objects.role(ACCOUNT, *rules))
    pool.api.admin.create(f"{place}/rolebindings", objects.binding(ACCOUNT, ACCOUNT, pool.namespace, ACCOUNT))
    return account_kubeconfig(pool.api, pool.namespace, ACCOUNT)


def _start(line: CommandLine, pool: Cluster, kubeconfig: Path, folder: Path) -> Process:
    (engine,) = pool.engines["a"]
    host, port = engine.address.rsplit(":", 1)
    arguments = line.arguments(folder, pool.namespace, f'endpoints: [{{ name: a, address: {host}, port: "{port}" }}]')
    return Process([product("epp"), *arguments], name="epp", env=line.environment(pool.namespace, KUBECONFIG=str(kubeconfig)))


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_an_argument_list_of_llm_d_starts_the_picker_with_its_permissions(name: str, pool: Cluster, start_envoy, tmp_path: Path) -> None:
    line = COMMAND_LINES[name]
    # An endpoints file needs no API server.
    epp = _start(line, pool, _permit(pool, [] if line.finds_files else _rules(line)), tmp_path)
    try:
        for service in line.services:
            eventually(lambda: probe(9003, service) == "SERVING", f"{service}: {epp.output()}", 15)
        assert line.page(9090, tmp_path)[0] == (200 if line.has_open_metrics else 401)
        envoy = start_envoy(9002, secure=line.is_secure)
        answer = http.post(envoy.url, http.chat("a request"))
        assert answer.status == 200 and answer.headers["x-engine"] == "a", (answer, epp.output())
        # The picker serves until its last connection has ended.
        envoy.stop()
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [text for text in epp.lines if "error" in text.lower() and "warn" not in text.lower()], epp.output()
    assert not [text for text in epp.lines if "forbids" in text], epp.output()


@pytest.mark.parametrize("name", ["gateway", "standalone", "manifests", *EVERY_FLAG])
def test_the_permission_to_review_tokens_opens_the_page_to_the_scraper(name: str, pool: Cluster, reviews: None, tmp_path: Path) -> None:
    line = COMMAND_LINES[name]
    epp = _start(line, pool, _permit(pool, _rules(line)), tmp_path)
    scraper, other = (objects.account_token(pool.api.admin, pool.namespace, account) for account in (SCRAPER, ACCOUNT))
    try:
        eventually(lambda: probe(9003, "readiness") == "SERVING", f"ready: {epp.output()}", 15)
        assert line.page(9090, tmp_path, scraper)[0] == 200
        # The gauge follows the pool a moment after the probe.
        eventually(lambda: sum_of(line.page(9090, tmp_path, scraper)[1], "llm_d_epp_ready_endpoints") == 1, "the page has the endpoint")
        assert [line.page(9090, tmp_path, token)[0] for token in ("", "nobody's", other)] == [401, 401, 403]
        assert epp.stop() == 0
    finally:
        epp.kill()
    assert not [text for text in epp.lines if "forbids" in text], epp.output()


@pytest.mark.parametrize("missing", ["pods", "inferencepools", "inferenceobjectives inferencemodelrewrites", "leases"])
def test_a_permission_that_is_missing_is_said(missing: str, pool: Cluster, tmp_path: Path) -> None:
    """What the tests above do not find in the log is there without each of the permissions."""
    line = COMMAND_LINES["gateway, three replicas"]
    rules = [rule for rule in _rules(line) if not set(rule["resources"]) & set(missing.split())]
    assert len(rules) < len(_rules(line))
    epp = _start(line, pool, _permit(pool, rules), tmp_path)
    try:
        epp.wait_for("forbids")
        # Objectives and rewrites alone are optional.
        is_optional = missing.startswith("inferenceobjectives")
        eventually(lambda: probe(9003, "readiness") == ("SERVING" if is_optional else "NOT_SERVING"), f"readiness: {epp.output()}", 15)
        assert epp.stop() == 0
    finally:
        epp.kill()

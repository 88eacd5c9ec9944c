"""Who may read the metrics of a picker in Kubernetes: with the small API server, and with the real one."""

import urllib.request
from typing import Iterator

import pytest

from kit.epp import EPP
from kit.kubernetes import FakeAPIServer, RealAPIServer, objects
from kit.kubernetes.cluster import account_kubeconfig
from kit.waiting import eventually

PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
SCRAPE = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}


def _get(epp: EPP, path: str, token: str | None = None, scheme: str = "Bearer") -> tuple[int, dict[str, str], str]:
    request = urllib.request.Request(f"http://127.0.0.1:{epp.metrics_port}{path}")
    if token is not None:
        request.add_header("authorization", f"{scheme} {token}")
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read().decode()


@pytest.fixture
def cluster_roles(api: FakeAPIServer | RealAPIServer, namespace: str) -> Iterator[None]:
    """What belongs to no namespace, with names of the test's own; removed at the end."""
    admin, kinds = api.admin, (f"{objects.RBAC}/clusterroles", f"{objects.RBAC}/clusterrolebindings")
    admin.create(kinds[0], objects.role(f"{namespace}-scrape", SCRAPE))
    admin.create(
        kinds[1], objects.binding(f"{namespace}-scrape", f"{namespace}-scrape", namespace, "prometheus", cluster=True)
    )
    yield
    admin.delete(f"{kinds[1]}/{namespace}-scrape")
    admin.delete(f"{kinds[0]}/{namespace}-scrape")
    if admin.request("GET", f"{kinds[1]}/{namespace}-review").status == 200:
        admin.delete(f"{kinds[1]}/{namespace}-review")


def test_only_who_may_reads_the_metrics(
    api: FakeAPIServer | RealAPIServer, namespace: str, cluster_roles: None, start_epp
) -> None:
    admin = api.admin
    for account in ("epp", "prometheus", "other"):
        admin.create(objects.service_accounts(namespace), {"metadata": {"name": account}})
    rules = f"{objects.RBAC}/namespaces/{namespace}"
    admin.create(f"{rules}/roles", objects.role("epp", PODS))
    admin.create(f"{rules}/rolebindings", objects.binding("epp", "epp", namespace, "epp"))
    scraper = objects.account_token(admin, namespace, "prometheus")
    other = objects.account_token(admin, namespace, "other")
    epp = start_epp(
        "--endpoint-selector", "app=vllm", "--endpoint-target-ports", "8000", "--pool-namespace", namespace,
        "--kubeconfig", str(account_kubeconfig(api, namespace, "epp")),
    )  # fmt: skip

    # Without the permission to ask, nobody sees anything; probes do.
    status, _, page = _get(epp, "/metrics", scraper)
    assert status == 503 and "bind the ClusterRole system:auth-delegator to the service account" in page
    epp.wait_for("the API server forbids to review tokens; bind the ClusterRole system:auth-delegator")
    assert _get(epp, "/healthz")[0] == 200
    eventually(lambda: _get(epp, "/readyz")[0] == 200, "ready")

    binding = objects.binding(f"{namespace}-review", "system:auth-delegator", namespace, "epp", cluster=True)
    admin.create(f"{objects.RBAC}/clusterrolebindings", binding)
    eventually(lambda: _get(epp, "/metrics", scraper)[0] == 200, "the scraper reads the metrics")
    assert "llm_d_epp_ready_endpoints" in _get(epp, "/metrics", scraper, scheme="bearer")[2]
    status, headers, _ = _get(epp, "/metrics")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert _get(epp, "/metrics", "nobody's")[0] == 401
    assert _get(epp, "/metrics", scraper, scheme="Basic")[0] == 401
    status, _, page = _get(epp, "/metrics", other)
    assert status == 403 and "nonResourceURLs /metrics, verb get" in page
    assert _get(epp, "/debug/kv-events", scraper)[0] == 403

    # What was decided is remembered: a scrape every 15 s is one review a minute.
    if isinstance(api, FakeAPIServer):
        before = len(api.asked("create", "tokenreviews"))
        for _ in range(20):
            assert _get(epp, "/metrics", scraper)[0] == 200
        assert len(api.asked("create", "tokenreviews")) == before

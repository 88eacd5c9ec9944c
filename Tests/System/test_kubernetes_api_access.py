"""The behaviour of an API server that other tests rely on, tested with the small server and with the real one:
authentication, authorization, reviews of tokens and of access, discovery, and other clients."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Iterator

import pytest
import yaml
from kit.kubernetes import Client, objects, patches
from kit.kubernetes.answers import make_pods, names_of, refused
from kit.kubernetes.store import Object
from kit.waiting import eventually

# Authentication


def test_who_has_no_token_sees_the_health_alone(api, namespace: str) -> None:
    nobody = api.admin.with_token(None)
    for path in ("/healthz", "/livez", "/readyz"):
        answer = nobody.request("GET", path)
        assert (answer.status, answer.body) == (200, b"ok")
    assert nobody.get("/version")["major"] == "1"
    status = refused(nobody.request("GET", objects.pods(namespace)), 403, "Forbidden")
    refusal = 'User "system:anonymous" cannot list resource "pods" in API group "" in the namespace'
    assert status["message"] == f'pods is forbidden: {refusal} "{namespace}"' and status["details"] == {"kind": "pods"}
    assert refused(nobody.request("GET", "/apis"), 403, "Forbidden")["details"] == {}


def test_a_token_that_is_not_good(api, namespace: str) -> None:
    for path in (objects.pods(namespace), "/healthz"):
        status = refused(api.admin.with_token("bad").request("GET", path), 401, "Unauthorized")
        assert status["message"] == "Unauthorized" and "details" not in status


def test_a_certificate_says_who_a_client_is(api, namespace: str) -> None:
    client = Client.of(api.kubeconfig, "certificate")
    make_pods(client, namespace, "a")
    assert names_of(client.get(objects.pods(namespace))) == ["a"]


# Authorization

_READ_PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}


@pytest.fixture
def account(api, namespace: str) -> Client:
    """The client of a service account `epp` without any role."""
    api.admin.create(objects.service_accounts(namespace), {"metadata": {"name": "epp"}})
    return api.admin.with_token(objects.account_token(api.admin, namespace, "epp"))


def _may(client: Client, path: str, **query: str) -> bool:
    """Returns whether a GET is allowed; fails for any status other than 200 and 403."""
    status = client.request("GET", path, **query).status
    assert status in (200, 403), status
    return status == 200


def _give(admin: Client, namespace: str, *rules: Object) -> None:
    """Creates a Role with these rules and binds it to the account."""
    place = f"{objects.RBAC}/namespaces/{namespace}"
    admin.create(f"{place}/roles", objects.role("epp", *rules))
    admin.create(f"{place}/rolebindings", objects.binding("epp", "epp", namespace, "epp"))


def test_a_permission_is_given_taken_and_given_back(api, namespace: str, account: Client) -> None:
    path, bindings = objects.pods(namespace), f"{objects.RBAC}/namespaces/{namespace}/rolebindings"
    status = refused(account.request("GET", path), 403, "Forbidden")
    assert f'User "system:serviceaccount:{namespace}:epp" cannot list resource "pods"' in status["message"]
    _give(api.admin, namespace, _READ_PODS)
    eventually(lambda: _may(account, path), "the permission")
    with account.watch(path) as watch:
        api.admin.delete(f"{bindings}/epp")
        eventually(lambda: not _may(account, path), "the permission taken")
        # Open watches stay open.
        make_pods(api.admin, namespace, "a")
        assert watch.change() == ("ADDED", "a")
    with account.watch(path) as watch:
        assert watch.status == 403 and watch.event()["reason"] == "Forbidden"
    api.admin.create(bindings, objects.binding("epp", "epp", namespace, "epp"))
    eventually(lambda: _may(account, path), "the permission given back")


def test_each_verb_and_each_place_is_a_permission_of_its_own(api, namespace: str, account: Client) -> None:
    path = objects.pods(namespace)
    make_pods(api.admin, namespace, "a")
    _give(api.admin, namespace, _READ_PODS)
    eventually(lambda: _may(account, path), "the permission")
    assert _may(account, f"{path}/a") and _may(account, path, watch="1", timeoutSeconds="1")
    place = refused(account.request("GET", "/api/v1/pods"), 403, "Forbidden")
    assert place["message"].endswith("at the cluster scope")
    refused(account.request("POST", path, objects.pod("b")), 403, "Forbidden")
    refused(account.request("DELETE", f"{path}/a"), 403, "Forbidden")
    status = refused(account.request("PATCH", f"{path}/a/status", {}, patches.MERGE), 403, "Forbidden")
    assert 'cannot patch resource "pods/status"' in status["message"] and status["details"] == {
        "name": "a",
        "kind": "pods",
    }
    # The answer for a resource that does not exist is that for a forbidden one.
    refused(account.request("GET", objects.custom("nothing.example.com/v1", "nothings", namespace)), 403, "Forbidden")


def test_a_permission_for_one_name_is_one_for_its_list(api, definitions, namespace: str, account: Client) -> None:
    path = objects.custom(objects.POOL_V1, "inferencepools", namespace)
    for name in ("mine", "other"):
        api.admin.create(path, objects.pool(name, {"app": "x"}, [8000]))
    rule = {"apiGroups": ["inference.networking.k8s.io"], "resources": ["inferencepools"], "resourceNames": ["mine"]}
    _give(api.admin, namespace, rule | {"verbs": ["get", "list", "watch"]})
    eventually(lambda: _may(account, path, fieldSelector="metadata.name=mine"), "the permission")
    assert names_of(account.get(path, fieldSelector="metadata.name=mine")) == ["mine"]
    with account.watch(path, fieldSelector="metadata.name=mine") as watch:
        assert watch.change() == ("ADDED", "mine")
    assert not _may(account, path) and not _may(account, path, fieldSelector="metadata.name=other")


def test_the_tokens_of_an_account_go_with_it(api, namespace: str, account: Client) -> None:
    _give(api.admin, namespace, _READ_PODS)
    eventually(lambda: _may(account, objects.pods(namespace)), "the permission")
    newer = account.with_token(objects.account_token(api.admin, namespace, "epp"))
    assert _may(newer, objects.pods(namespace)) and _may(account, objects.pods(namespace))
    api.admin.delete(f"{objects.service_accounts(namespace)}/epp")
    # The real server caches the result of an authentication for ten seconds.
    eventually(lambda: account.request("GET", objects.pods(namespace)).status == 401, "the token refused", 20)
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    refused(api.admin.request("POST", f"{objects.service_accounts(namespace)}/epp/token", body), 404, "NotFound")


# Reviews


def _token_review(token: str, **spec: object) -> Object:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token} | spec}


def _access_review(**spec: object) -> Object:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def test_a_token_review_says_who_it_is(api, namespace: str, account: Client) -> None:
    answer = api.admin.request("POST", objects.TOKEN_REVIEWS, _token_review(account.token or ""))
    assert answer.status == 201
    status = answer.json()["status"]
    assert status["authenticated"] is True and status["audiences"] == ["https://kubernetes.default.svc"]
    assert status["user"]["username"] == f"system:serviceaccount:{namespace}:epp" and status["user"]["uid"]
    accounts = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    assert status["user"]["groups"] == accounts
    # A negative answer omits the field `authenticated`.
    for review in (_token_review("bad"), _token_review(account.token or "", audiences=["other"])):
        status = api.admin.create(objects.TOKEN_REVIEWS, review)["status"]
        assert "authenticated" not in status and status["user"] == {} and status["error"]
    refused(api.admin.request("POST", objects.TOKEN_REVIEWS, _token_review("")), 400, "BadRequest")


def test_an_access_review_follows_the_roles(api, namespace: str, account: Client) -> None:
    user = f"system:serviceaccount:{namespace}:epp"
    metrics = _access_review(user=user, nonResourceAttributes={"path": "/metrics", "verb": "get"})
    pods = _access_review(user=user, resourceAttributes={"verb": "list", "resource": "pods", "namespace": namespace})

    def answer(review: Object) -> Object:
        return api.admin.create(objects.ACCESS_REVIEWS, review)["status"]

    assert answer(metrics) == {"allowed": False} and answer(pods) == {"allowed": False}
    rule = {"nonResourceURLs": ["/metrics"], "verbs": ["get"]}
    api.admin.create(f"{objects.RBAC}/clusterroles", objects.role(namespace, rule))
    api.admin.create(
        f"{objects.RBAC}/clusterrolebindings", objects.binding(namespace, namespace, namespace, "epp", cluster=True)
    )
    eventually(lambda: answer(metrics)["allowed"], "the permission")
    assert answer(metrics)["reason"].startswith("RBAC: allowed by ClusterRoleBinding") and not answer(pods)["allowed"]
    groups = _access_review(groups=["system:masters"], nonResourceAttributes={"path": "/metrics", "verb": "get"})
    assert answer(groups)["allowed"]
    refused(api.admin.request("POST", objects.ACCESS_REVIEWS, _access_review(user=user)), 422, "Invalid")
    nobody = _access_review(nonResourceAttributes={"path": "/metrics", "verb": "get"})
    refused(api.admin.request("POST", objects.ACCESS_REVIEWS, nobody), 422, "Invalid")


def test_reviews_need_a_permission_of_the_cluster(api, namespace: str, account: Client) -> None:
    for path in (objects.TOKEN_REVIEWS, objects.ACCESS_REVIEWS):
        status = refused(account.request("POST", path, _token_review("x")), 403, "Forbidden")
        assert status["message"].endswith("at the cluster scope")
    delegator = objects.binding(f"{namespace}-reviews", "system:auth-delegator", namespace, "epp", cluster=True)
    api.admin.create(f"{objects.RBAC}/clusterrolebindings", delegator)
    eventually(
        lambda: account.request("POST", objects.TOKEN_REVIEWS, _token_review("x")).status == 201, "the permission"
    )


# Discovery, connections and other clients


def test_discovery_lists_what_is_served(api, definitions, namespace: str) -> None:
    assert api.admin.get("/api")["versions"] == ["v1"]
    groups = {group["name"]: group["preferredVersion"]["version"] for group in api.admin.get("/apis")["groups"]}
    assert groups["coordination.k8s.io"] == "v1" and groups["inference.networking.x-k8s.io"] == "v1alpha2"
    (resource, status) = api.admin.get("/apis/inference.networking.k8s.io/v1")["resources"]
    assert (resource["name"], resource["kind"], resource["namespaced"]) == ("inferencepools", "InferencePool", True)
    assert {"list", "watch", "get"} <= set(resource["verbs"]) and status["name"] == "inferencepools/status"
    assert "pods/status" in {resource["name"] for resource in api.admin.get("/api/v1")["resources"]}


def test_large_answers_are_compressed_for_those_who_ask(api, namespace: str) -> None:
    path = objects.pods(namespace)
    api.admin.create(path, objects.pod("large", annotations={"text": "x" * 150_000}))
    plain = api.admin.request("GET", path)
    assert len(plain.body) > 150_000 and "content-encoding" not in plain.headers
    compressed = api.admin.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert compressed.headers["content-encoding"] == "gzip" and len(compressed.body) < 15_000


@pytest.fixture
def official(api) -> Iterator[tuple[ModuleType, object]]:
    """The official Python client: its module `client`, and a connection for the interfaces of the module."""
    # Loads slowly, and the other tests do not need it.
    import kubernetes

    with kubernetes.config.new_client_from_config(str(api.kubeconfig)) as connection:
        yield kubernetes.client, connection


def test_the_official_client_lists_watches_and_patches(api, namespace: str, official) -> None:
    from kubernetes.watch import Watch

    client, connection = official
    core = client.CoreV1Api(connection)
    container = client.V1Container(name="c", image="i")
    metadata = client.V1ObjectMeta(name="a", labels={"app": "x"})
    core.create_namespaced_pod(
        namespace, client.V1Pod(metadata=metadata, spec=client.V1PodSpec(containers=[container]))
    )
    listed = core.list_namespaced_pod(namespace, label_selector="app=x", limit=10)
    assert [pod.metadata.name for pod in listed.items] == ["a"]
    core.patch_namespaced_pod_status("a", namespace, objects.status("127.0.0.1"))
    core.delete_namespaced_pod("a", namespace)
    version = listed.metadata.resource_version
    events = Watch().stream(core.list_namespaced_pod, namespace, resource_version=version, timeout_seconds=1)
    assert [event["type"] for event in events] == ["MODIFIED", "MODIFIED", "DELETED"]


def test_the_official_client_sees_a_conflict(api, namespace: str, official) -> None:
    client, connection = official
    leases = client.CoordinationV1Api(connection)
    made = leases.create_namespaced_lease(namespace, objects.lease("lease", "a"))
    leases.patch_namespaced_lease("lease", namespace, {"spec": {"holderIdentity": "b"}})
    with pytest.raises(client.ApiException) as error:
        leases.replace_namespaced_lease("lease", namespace, made)
    assert error.value.status == 409


def test_kubectl_does_what_people_type(api, definitions, namespace: str, tmp_path: Path) -> None:

    def kubectl(*arguments: str) -> str:
        command = [
            Path(sys.executable).with_name("kubectl"),
            "--kubeconfig",
            api.kubeconfig,
            "--namespace",
            namespace,
            *arguments,
        ]
        environment = os.environ | {"HOME": str(tmp_path)}
        result = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=60, env=environment
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    manifest = tmp_path / "all.yaml"
    pod = {"apiVersion": "v1", "kind": "Pod"} | objects.pod("vllm-1", {"app": "vllm"})
    manifest.write_text(yaml.safe_dump_all([pod, objects.pool("pool", {"app": "vllm"}, [8000])]))
    kubectl("apply", "--validate=false", "-f", str(manifest))
    manifest.write_text(yaml.safe_dump_all([objects.pool("pool", {"app": "vllm"}, [8000, 8001])]))
    assert "configured" in kubectl("apply", "--validate=false", "-f", str(manifest))
    pool = yaml.safe_load(kubectl("get", "inferencepools.v1.inference.networking.k8s.io", "pool", "-o", "yaml"))
    assert pool["spec"]["targetPorts"] == [{"number": 8000}, {"number": 8001}]
    patch = str(objects.status("127.0.0.1")).replace("'", '"')
    kubectl("patch", "pod", "vllm-1", "--subresource=status", "--type=merge", "-p", patch)
    assert kubectl("get", "pods", "-l", "app=vllm", "-o", "jsonpath={.items[*].status.podIP}") == "127.0.0.1"
    kubectl("label", "pod", "vllm-1", "app=other", "--overwrite")
    kubectl("wait", "--for=condition=Ready", "pod/vllm-1", "--timeout=10s")
    kubectl("delete", "pod", "vllm-1")
    assert kubectl("get", "pods", "-o", "name") == ""

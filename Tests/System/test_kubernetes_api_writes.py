"""The behaviour of an API server that other tests rely on, tested with the small server and with the real one:
creation, change and deletion of objects, leases, and custom resources."""

import threading

import pytest
from kit.kubernetes import objects, patches
from kit.kubernetes.answers import make_pods, refused, version_of
from kit.waiting import eventually

# Creation


def test_a_new_object_gets_what_the_server_gives(api, namespace: str) -> None:
    body = objects.pod("", {"app": "a"}) | {"status": {"phase": "Running"}}
    body["metadata"] |= {"generateName": "vllm-", "uid": "mine"}
    made = api.admin.create(objects.pods(namespace), body)
    metadata = made["metadata"]
    assert metadata["name"].startswith("vllm-") and len(metadata["name"]) == len("vllm-") + 5
    assert (
        metadata["namespace"] == namespace and metadata["uid"] != "mine" and metadata["creationTimestamp"].endswith("Z")
    )
    assert (made["kind"], made["spec"]["restartPolicy"], made["spec"]["terminationGracePeriodSeconds"]) == (
        "Pod",
        "Always",
        30,
    )
    assert made["status"]["phase"] == "Pending" and "generation" not in metadata
    assert metadata["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]["f:app"] == {}


def test_creations_that_are_refused(api, namespace: str) -> None:
    path, pod = objects.pods(namespace), objects.pod("a")
    api.admin.create(path, pod)
    exists = refused(api.admin.request("POST", path, pod), 409, "AlreadyExists")
    assert exists["details"] == {"name": "a", "kind": "pods"} and exists["message"] == 'pods "a" already exists'
    refused(api.admin.request("POST", path, {"metadata": {"name": "b"}, "spec": {}}), 422, "Invalid")
    refused(api.admin.request("POST", path, objects.pod("Not_A_Name")), 422, "Invalid")
    refused(api.admin.request("POST", path, {"metadata": {}, "spec": pod["spec"]}), 422, "Invalid")
    refused(api.admin.request("POST", path, pod | {"kind": "Service"}), 400, "BadRequest")
    refused(api.admin.request("POST", path, pod | {"metadata": {"name": "b", "namespace": "x"}}), 400, "BadRequest")
    refused(api.admin.request("POST", path, b"{no json"), 400, "BadRequest")
    refused(api.admin.request("POST", path, pod | {"metadata": {"name": "b", "resourceVersion": "5"}}), 500, "")
    nowhere = refused(api.admin.request("POST", objects.pods("nowhere"), pod), 404, "NotFound")
    assert nowhere["details"] == {"name": "nowhere", "kind": "namespaces"}
    refused(api.admin.request("POST", f"{path}/a", pod), 405, "MethodNotAllowed")
    assert api.admin.get(objects.pods("nowhere"))["items"] == []


# Updates and patches


def test_an_update_of_an_older_version_is_a_conflict(api, namespace: str) -> None:
    path = f"{objects.leases(namespace)}/lease"
    made = api.admin.create(objects.leases(namespace), objects.lease("lease", "a"))
    taken = api.admin.replace(path, made | {"spec": made["spec"] | {"holderIdentity": "b"}})
    assert taken["spec"]["holderIdentity"] == "b" and version_of(taken) > version_of(made)
    stale = refused(
        api.admin.request("PUT", path, made | {"spec": made["spec"] | {"holderIdentity": "c"}}), 409, "Conflict"
    )
    assert stale["details"] == {"name": "lease", "group": "coordination.k8s.io", "kind": "leases"}
    patch = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"holderIdentity": "c"}}
    refused(api.admin.request("PATCH", path, patch, patches.MERGE), 409, "Conflict")
    assert api.admin.get(path) == taken
    # An object that was deleted and created again is a different one.
    api.admin.delete(path)
    api.admin.create(objects.leases(namespace), objects.lease("lease", "d"))
    other = {name: value for name, value in made["metadata"].items() if name != "resourceVersion"}
    refused(api.admin.request("PUT", path, made | {"metadata": other}), 409, "Conflict")


def test_who_overwrites_without_a_version(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a")
    replaced = api.admin.get(f"{objects.pods(namespace)}/a")
    del replaced["metadata"]["resourceVersion"]
    replaced["metadata"]["labels"] = {"new": "yes"}
    assert api.admin.replace(f"{objects.pods(namespace)}/a", replaced)["metadata"]["labels"] == {"new": "yes"}
    api.admin.create(objects.leases(namespace), objects.lease("lease", "a"))
    missing = refused(
        api.admin.request("PUT", f"{objects.leases(namespace)}/lease", objects.lease("lease", "b")), 422, "Invalid"
    )
    assert missing["details"]["causes"][0]["field"] == "metadata.resourceVersion"


def test_a_write_that_changes_nothing_is_none(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", app="x")
    path = f"{objects.pods(namespace)}/a"
    pod = api.admin.get(path)
    assert api.admin.replace(path, pod) == pod
    assert api.admin.merge(path, {"metadata": {"labels": {"app": "x"}}}) == pod


def test_an_update_of_what_is_not_there(api, namespace: str) -> None:
    refused(api.admin.request("PUT", f"{objects.pods(namespace)}/a", objects.pod("a")), 404, "NotFound")
    refused(api.admin.request("PUT", f"{objects.pods(namespace)}/a", objects.pod("b")), 400, "BadRequest")
    refused(api.admin.request("PATCH", f"{objects.pods(namespace)}/a", {}, patches.MERGE), 404, "NotFound")
    gone = refused(api.admin.request("GET", f"{objects.leases(namespace)}/a"), 404, "NotFound")
    assert gone["details"] == {"name": "a", "group": "coordination.k8s.io", "kind": "leases"}
    # A PUT creates a lease.
    answer = api.admin.request("PUT", f"{objects.leases(namespace)}/a", objects.lease("a", "me"))
    assert answer.status == 201 and answer.json()["spec"]["holderIdentity"] == "me"


def test_the_status_of_a_pod_changes_by_its_subresource_alone(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a")
    path = f"{objects.pods(namespace)}/a"
    ready = api.admin.merge(f"{path}/status", objects.status("127.0.0.1") | {"spec": {"nodeName": "x"}})
    assert (ready["status"]["phase"], ready["status"]["podIP"]) == ("Running", "127.0.0.1")
    assert ready["status"]["podIPs"] == [{"ip": "127.0.0.1"}] and "nodeName" not in ready["spec"]
    # Times that are not set are nulls.
    condition = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}
    assert ready["status"]["conditions"] == [condition]
    assert api.admin.merge(path, {"status": {"phase": "Failed"}})["status"] == ready["status"]
    moved = api.admin.merge(f"{path}/status", {"status": {"podIP": "127.0.0.2"}})
    assert moved["status"]["podIPs"] == [{"ip": "127.0.0.2"}]
    refused(api.admin.request("PATCH", path, {"spec": {"nodeName": "x"}}, patches.MERGE), 422, "Invalid")


def test_merge_patches_and_strategic_ones(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", app="x", tier="y")
    path = f"{objects.pods(namespace)}/a"
    assert api.admin.merge(path, {"metadata": {"labels": {"app": None, "new": "z"}}})["metadata"]["labels"] == {
        "tier": "y",
        "new": "z",
    }
    api.admin.merge(f"{path}/status", objects.status("127.0.0.1"))

    def conditions(content_type: str) -> set[str]:
        patch = {"status": {"conditions": [{"type": "Drained", "status": "True"}]}}
        answer = api.admin.request("PATCH", f"{path}/status", patch, content_type)
        assert answer.status == 200, answer.body
        return {condition["type"] for condition in answer.json()["status"]["conditions"]}

    assert conditions(patches.STRATEGIC) == {"Ready", "Drained"}
    assert conditions(patches.MERGE) == {"Drained"}
    refused(api.admin.request("PATCH", path, {}, "application/json"), 415, "UnsupportedMediaType")


# Deletion


def test_a_pod_that_runs_nowhere_goes_at_once(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a")
    path = f"{objects.pods(namespace)}/a"
    assert api.admin.delete(path)["kind"] == "Pod"
    refused(api.admin.request("GET", path), 404, "NotFound")
    refused(api.admin.request("DELETE", path), 404, "NotFound")


def test_a_pod_on_a_node_terminates(api, namespace: str) -> None:
    path = f"{objects.pods(namespace)}/a"
    made = api.admin.create(objects.pods(namespace), objects.pod("a", node="node-1"))
    with api.admin.watch(objects.pods(namespace), resourceVersion=made["metadata"]["resourceVersion"]) as watch:
        marked = api.admin.delete(path)
        assert marked["metadata"]["deletionGracePeriodSeconds"] == 30 and marked["metadata"]["deletionTimestamp"]
        assert watch.event()["object"] == marked == api.admin.get(path) == api.admin.delete(path)
        # A kubelet does this when the processes have ended.
        api.admin.delete(path, gracePeriodSeconds=0)
        assert [watch.change() for _ in range(2)] == [("MODIFIED", "a"), ("DELETED", "a")]
    refused(api.admin.request("GET", path), 404, "NotFound")


def test_finalizers_hold_an_object_back(api, namespace: str) -> None:
    path = f"{objects.pods(namespace)}/a"
    body = objects.pod("a")
    body["metadata"]["finalizers"] = ["example.com/wait"]
    api.admin.create(objects.pods(namespace), body)
    marked = api.admin.delete(path)
    assert marked["metadata"]["deletionTimestamp"]
    with api.admin.watch(objects.pods(namespace), resourceVersion=marked["metadata"]["resourceVersion"]) as watch:
        api.admin.merge(path, {"metadata": {"finalizers": None}})
        assert watch.change() == ("DELETED", "a")
    refused(api.admin.request("GET", path), 404, "NotFound")


def test_deletions_under_a_condition(api, namespace: str) -> None:
    path = f"{objects.leases(namespace)}/lease"
    made = api.admin.create(objects.leases(namespace), objects.lease("lease", "a"))
    for field in ("uid", "resourceVersion"):
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {field: "1"}}
        refused(api.admin.request("DELETE", path, body), 409, "Conflict")
    answer = api.admin.delete(path, preconditions={"resourceVersion": made["metadata"]["resourceVersion"]})
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    uid = made["metadata"]["uid"]
    assert answer["details"] == {"name": "lease", "group": "coordination.k8s.io", "kind": "leases", "uid": uid}


# Leases


def test_of_many_who_take_a_lease_one_gets_it(api, namespace: str) -> None:
    made = api.admin.create(objects.leases(namespace), objects.lease("lease", ""))
    path = f"{objects.leases(namespace)}/lease"
    statuses: list[int] = []
    start = threading.Barrier(8)

    def take(holder: int) -> None:
        start.wait()
        body = made | {"spec": made["spec"] | {"holderIdentity": f"holder-{holder}", "leaseTransitions": 1}}
        statuses.append(api.admin.request("PUT", path, body).status)

    threads = [threading.Thread(target=take, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + 7 * [409]


@pytest.mark.parametrize(
    "field, value, code",
    [
        ("renewTime", "2026-01-01T00:00:00Z", 400),
        ("renewTime", "2026-01-01T00:00:00.123Z", 400),
        ("acquireTime", "2026-01-01T00:00:00.123456789Z", 400),
        ("leaseDurationSeconds", "10", 400),
        ("leaseDurationSeconds", 0, 422),
        ("leaseTransitions", -1, 422),
    ],
)
def test_fields_of_a_lease_that_are_refused(api, namespace: str, field: str, value: object, code: int) -> None:
    body = objects.lease("lease", "a")
    body["spec"][field] = value
    refused(
        api.admin.request("POST", objects.leases(namespace), body), code, "Invalid" if code == 422 else "BadRequest"
    )


def test_times_of_a_lease_are_microseconds_in_utc(api, namespace: str) -> None:
    body = objects.lease("lease", "a")
    body["spec"] |= {"renewTime": "2026-01-01T01:00:00.123456+01:00", "acquireTime": "2026-01-01T00:00:00.000000Z"}
    spec = api.admin.create(objects.leases(namespace), body)["spec"]
    assert (spec["renewTime"], spec["acquireTime"]) == ("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.000000Z")
    released = api.admin.merge(f"{objects.leases(namespace)}/lease", {"spec": {"holderIdentity": ""}})
    assert released["spec"]["holderIdentity"] == ""


# Custom resources


def test_a_pool_is_completed_and_checked(api, definitions, namespace: str) -> None:
    path = objects.custom(objects.POOL_V1, "inferencepools", namespace)
    body = objects.pool("pool", {"app": "x"}, [8000], unknown=1) | {"status": {"parents": []}}
    made = api.admin.create(path, body)
    assert "unknown" not in made["spec"] and "status" not in made and made["metadata"]["generation"] == 1
    reference = made["spec"]["endpointPickerRef"]
    assert (reference["kind"], reference["failureMode"]) == ("Service", "FailClose")
    listed = api.admin.request("GET", path)
    # The items of a custom resource contain their kind, and come before the list's own version.
    assert listed.json()["items"] == [made] and listed.body.index(b'"items"') < listed.body.rindex(b'"resourceVersion"')
    changed = api.admin.merge(f"{path}/pool", {"spec": {"targetPorts": [{"number": 8000}, {"number": 8001}]}})
    assert changed["metadata"]["generation"] == 2
    parents = {"parents": [{"controllerName": "example.com/gateway"}]}
    status = api.admin.merge(f"{path}/pool/status", {"status": parents, "spec": {"targetPorts": [{"number": 1}]}})
    assert status["status"] == parents and status["spec"] == changed["spec"] and status["metadata"]["generation"] == 2
    assert api.admin.merge(f"{path}/pool", {"status": {"parents": []}})["status"] == parents
    refused(api.admin.request("PUT", f"{path}/pool", objects.pool("pool", {}, [1])), 422, "Invalid")
    refused(api.admin.request("PATCH", f"{path}/pool", {}, patches.STRATEGIC), 415, "UnsupportedMediaType")
    assert api.admin.delete(f"{path}/pool")["status"] == "Success"


@pytest.mark.parametrize(
    "spec",
    [
        {"targetPorts": []},
        {"targetPorts": [{"number": 0}]},
        {"targetPorts": [{"number": 70000}]},
        {"targetPorts": [{}]},
        {"targetPorts": [{"number": port} for port in range(1, 10)]},
        {"targetPorts": "8000"},
        {"appProtocol": "grpc"},
        {"selector": {}},
        {"selector": {"matchLabels": {"app": 1}}},
    ],
)
def test_a_pool_that_is_wrong(api, definitions, namespace: str, spec: dict[str, object]) -> None:
    path = objects.custom(objects.POOL_V1, "inferencepools", namespace)
    refused(api.admin.request("POST", path, objects.pool("pool", {"app": "x"}, [8000], **spec)), 422, "Invalid")
    # A custom resource must contain its kind.
    refused(api.admin.request("POST", path, {"metadata": {"name": "pool"}, "spec": {}}), 400, "BadRequest")


def test_the_older_pool_the_objectives_and_the_rewrites(api, definitions, namespace: str) -> None:
    pool = api.admin.create(
        objects.custom(objects.LEGACY, "inferencepools", namespace), objects.legacy_pool("p", {"app": "x"}, 8000)
    )
    assert pool["spec"]["selector"] == {"app": "x"} and pool["spec"]["extensionRef"]["failureMode"] == "FailClose"
    for version, group in ((objects.LLM_D, "llm-d.ai"), (objects.LEGACY, "inference.networking.k8s.io")):
        path = objects.custom(version, "inferenceobjectives", namespace)
        spec = api.admin.create(path, objects.objective("batch", "p", -1, version))["spec"]
        assert spec == {"priority": -1, "poolRef": {"name": "p", "group": group, "kind": "InferencePool"}}
        assert "priority" not in api.admin.create(path, objects.objective("default", "p", None, version))["spec"]
        rules = [{"matches": [{"model": {"value": "a"}}], "targets": [{"modelRewrite": "b", "weight": 3}]}]
        path = objects.custom(version, "inferencemodelrewrites", namespace)
        made = api.admin.create(path, objects.rewrite("r", "p", rules, version))
        assert made["spec"]["rules"][0]["matches"] == [{"model": {"type": "Exact", "value": "a"}}]
        wrong = [{"targets": [{"modelRewrite": "b", "weight": 0}]}]
        refused(api.admin.request("POST", path, objects.rewrite("w", "p", wrong, version)), 422, "Invalid")


def test_a_definition_that_comes_late_and_goes(api, namespace: str) -> None:
    definition = objects.definitions()["inferenceobjectives.llm-d.ai"]
    group = f"{namespace}.example.com"
    definition = definition | {
        "metadata": {"name": f"inferenceobjectives.{group}"},
        "spec": definition["spec"] | {"group": group},
    }
    version = f"{group}/v1alpha2"
    path = objects.custom(version, "inferenceobjectives", namespace)
    missing = api.admin.request("GET", path)
    # The answer is not a Status.
    assert missing.status == 404 and missing.headers["content-type"].startswith("text/plain")
    api.admin.create(objects.DEFINITIONS, definition)
    eventually(lambda: api.admin.request("GET", path).status == 200, "the definition served")
    api.admin.create(path, objects.objective("one", "p", 1, version))
    with api.admin.watch(path) as watch:
        assert watch.change() == ("ADDED", "one")
        api.admin.delete(f"{objects.DEFINITIONS}/{definition['metadata']['name']}")
        assert watch.change() == ("DELETED", "one") and watch.end() == "in order"
    eventually(lambda: api.admin.request("GET", path).status == 404, "the definition gone")


def test_what_is_not_there(api, definitions, namespace: str) -> None:
    refused(api.admin.request("GET", f"/api/v1/namespaces/{namespace}/nothings"), 404, "NotFound")
    refused(api.admin.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/nothings"), 404, "NotFound")
    for version in ("nothing.example.com/v1", "inference.networking.k8s.io/v9"):
        answer = api.admin.request("GET", objects.custom(version, "inferencepools", namespace))
        assert answer.status == 404 and answer.headers["content-type"].startswith("text/plain")

"""The behaviour of an API server that other tests rely on, tested with the small server of Tests/kit and with the real
one: lists and watches. The files test_kubernetes_api_*.py test writes, permissions and other clients."""

import pytest
from kit.kubernetes import RealAPIServer, objects
from kit.kubernetes.answers import make_pods, names_of, refused, version_of


def test_the_real_server_is_among_those_that_are_tested(request: pytest.FixtureRequest) -> None:
    if not RealAPIServer.built():
        pytest.skip("the small API server is not held to the real one: run scripts/kube-apiserver --build")
    ids = [item.name for item in request.session.items]
    assert sum("[real" in name for name in ids) == sum("[fake" in name for name in ids)


# Lists


def test_a_list_has_a_version_and_says_its_kind_once(api, namespace: str) -> None:
    empty = api.admin.get(objects.pods(namespace))
    assert (empty["kind"], empty["apiVersion"], empty["items"]) == ("PodList", "v1", [])
    make_pods(api.admin, namespace, "b", "a")
    listed = api.admin.get(objects.pods(namespace))
    assert names_of(listed) == ["a", "b"]
    assert all("kind" not in item and "apiVersion" not in item for item in listed["items"])
    assert version_of(listed) >= max(version_of(item) for item in listed["items"])
    assert api.admin.get(f"{objects.pods(namespace)}/a")["kind"] == "Pod"


def test_pages_show_one_moment(api, namespace: str) -> None:
    path = objects.pods(namespace)
    make_pods(api.admin, namespace, *"abcde")
    first = api.admin.get(path, limit=2)
    assert names_of(first) == ["a", "b"] and first["metadata"]["remainingItemCount"] == 3
    api.admin.delete(f"{path}/c")
    make_pods(api.admin, namespace, "cc")
    second = api.admin.get(path, limit=2, **{"continue": first["metadata"]["continue"]})
    assert names_of(second) == ["c", "d"] and version_of(second) == version_of(first)
    last = api.admin.get(path, limit=2, **{"continue": second["metadata"]["continue"]})
    assert (
        names_of(last) == ["e"]
        and not last["metadata"].get("continue")
        and "remainingItemCount" not in last["metadata"]
    )
    assert names_of(api.admin.get(path)) == ["a", "b", "cc", "d", "e"]


def test_pages_of_a_selection_do_not_say_how_many_are_left(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", "b", "c", app="x")
    page = api.admin.get(objects.pods(namespace), limit=1, labelSelector="app=x")
    assert names_of(page) == ["a"] and page["metadata"]["continue"] and "remainingItemCount" not in page["metadata"]


def test_any_version_is_answered_without_pages(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", "b")
    version = str(version_of(api.admin.get(objects.pods(namespace))))
    # After a list of at least that version the server's memory has both pods.
    assert sorted(names_of(api.admin.get(objects.pods(namespace), resourceVersion=version))) == ["a", "b"]
    page = api.admin.get(objects.pods(namespace), limit=1, resourceVersion=0)
    assert sorted(names_of(page)) == ["a", "b"] and "continue" not in page["metadata"]


def test_an_older_state_is_listed_as_it_was(api, namespace: str) -> None:
    path = objects.pods(namespace)
    make_pods(api.admin, namespace, "a")
    version = version_of(api.admin.get(path))
    api.admin.merge(f"{path}/a", {"metadata": {"labels": {"late": "yes"}}})
    make_pods(api.admin, namespace, "b")
    listed = api.admin.get(path, resourceVersion=version, resourceVersionMatch="Exact")
    assert (
        names_of(listed) == ["a"] and version_of(listed) == version and not listed["items"][0]["metadata"].get("labels")
    )
    # A list that need not be exact shows the current state, unordered.
    assert sorted(names_of(api.admin.get(path, resourceVersion=version))) == ["a", "b"]


@pytest.mark.parametrize(
    "selector, names",
    [
        ("app=a", ["one", "two"]),
        ("app==a,tier=x", ["one"]),
        ("app!=a", ["three", "four"]),
        ("app in (a, b)", ["one", "two", "three"]),
        ("app notin (a,b)", ["four"]),
        ("tier", ["one", "three"]),
        ("!tier", ["two", "four"]),
        ("app in (a),tier notin (y)", ["one", "two"]),
        ("example.com/name=v.1_x", ["four"]),
        ("", ["one", "two", "three", "four"]),
    ],
)
def test_label_selectors(api, namespace: str, selector: str, names: list[str]) -> None:
    make_pods(api.admin, namespace, "one", app="a", tier="x")
    make_pods(api.admin, namespace, "two", app="a")
    make_pods(api.admin, namespace, "three", app="b", tier="y")
    make_pods(api.admin, namespace, "four", **{"example.com/name": "v.1_x"})
    assert sorted(names_of(api.admin.get(objects.pods(namespace), labelSelector=selector))) == sorted(names)


@pytest.mark.parametrize(
    "selector, names",
    [
        ("metadata.name=a", ["a"]),
        ("metadata.name!=a", ["b"]),
        ("spec.nodeName=node-1", ["b"]),
        ("status.phase=Running", ["a"]),
        ("metadata.name==a,status.phase=Pending", []),
    ],
)
def test_field_selectors(api, namespace: str, selector: str, names: list[str]) -> None:
    api.admin.create(objects.pods(namespace), objects.pod("a"))
    api.admin.create(objects.pods(namespace), objects.pod("b", node="node-1"))
    api.admin.merge(f"{objects.pods(namespace)}/a/status", objects.status("127.0.0.1"))
    assert names_of(api.admin.get(objects.pods(namespace), fieldSelector=selector)) == names


@pytest.mark.parametrize(
    "query",
    [
        {"labelSelector": "a b"},
        {"labelSelector": "a in ("},
        {"fieldSelector": "spec.image=x"},
        {"limit": "x"},
        {"timeoutSeconds": "x"},
    ],
)
@pytest.mark.parametrize("watch", ["0", "1"])
def test_parameters_that_make_no_sense(api, namespace: str, query: dict[str, str], watch: str) -> None:
    refused(api.admin.request("GET", objects.pods(namespace), watch=watch, **query), 400, "BadRequest")


def test_versions_that_make_no_sense(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", "b")
    path = objects.pods(namespace)
    token = api.admin.get(path, limit=1)["metadata"]["continue"]
    refused(api.admin.request("GET", path, resourceVersion="5", limit=1, **{"continue": token}), 400, "BadRequest")
    refused(api.admin.request("GET", path, **{"continue": "x"}), 400, "BadRequest")
    refused(api.admin.request("GET", path, resourceVersionMatch="Exact"), 422, "Invalid")
    for watch in ("0", "1"):
        refused(api.admin.request("GET", path, resourceVersion="x", watch=watch), 500, "")
    future = refused(api.admin.request("GET", path, resourceVersion="99999999"), 504, "Timeout")
    assert future["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


# Watches


def test_a_watch_tells_every_change_in_order(api, namespace: str) -> None:
    path = objects.pods(namespace)
    start = api.admin.get(path)["metadata"]["resourceVersion"]
    with api.admin.watch(path, resourceVersion=start) as watch:
        make_pods(api.admin, namespace, "a")
        api.admin.merge(f"{path}/a/status", objects.status("127.0.0.1"))
        api.admin.delete(f"{path}/a")
        events = [watch.event() for _ in range(4)]
        # A pod is marked before it is removed, even when it is removed at once.
        assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
        assert all((event["object"]["kind"], event["object"]["apiVersion"]) == ("Pod", "v1") for event in events)
        versions = [version_of(event["object"]) for event in events]
        assert int(start) < versions[0] and versions == sorted(set(versions))
        assert events[1]["object"]["status"]["podIP"] == "127.0.0.1"
        assert "deletionTimestamp" in events[2]["object"]["metadata"]
    # A watch from the list's version receives all events again.
    with api.admin.watch(path, resourceVersion=start) as watch:
        assert [watch.event() for _ in range(4)] == events
    with api.admin.watch(path, resourceVersion=versions[2]) as watch:
        assert watch.event() == events[3]


def test_a_watch_without_a_version_begins_with_what_is_there(api, namespace: str) -> None:
    make_pods(api.admin, namespace, "a", "b")
    with api.admin.watch(objects.pods(namespace)) as watch:
        assert sorted(watch.change() for _ in range(2)) == [("ADDED", "a"), ("ADDED", "b")]
        make_pods(api.admin, namespace, "c")
        assert watch.change() == ("ADDED", "c")


def test_a_watch_sees_objects_enter_and_leave_its_selection(api, namespace: str) -> None:
    path = objects.pods(namespace)
    start = api.admin.get(path)["metadata"]["resourceVersion"]
    with api.admin.watch(path, resourceVersion=start, labelSelector="app=a") as watch:
        make_pods(api.admin, namespace, "other", app="b")
        make_pods(api.admin, namespace, "pod", app="a")
        assert watch.change() == ("ADDED", "pod")
        left = api.admin.merge(f"{path}/pod", {"metadata": {"labels": {"app": "b"}}})
        event = watch.event()
        # The object before the change, with the version of the change.
        assert event["type"] == "DELETED" and event["object"]["metadata"]["labels"] == {"app": "a"}
        assert version_of(event["object"]) == version_of(left)
        api.admin.merge(f"{path}/pod", {"metadata": {"labels": {"app": "a"}}})
        assert watch.change() == ("ADDED", "pod")
        api.admin.merge(f"{path}/pod", {"metadata": {"labels": {"more": "x"}}})
        assert watch.change() == ("MODIFIED", "pod")


def test_a_watch_of_one_name(api, namespace: str) -> None:
    path = objects.leases(namespace)
    start = api.admin.get(path)["metadata"]["resourceVersion"]
    with api.admin.watch(path, resourceVersion=start, fieldSelector="metadata.name=mine") as watch:
        api.admin.create(path, objects.lease("other", "a"))
        api.admin.create(path, objects.lease("mine", "a"))
        assert watch.change() == ("ADDED", "mine")


def test_a_watch_of_all_namespaces(api, namespace: str) -> None:
    start = api.admin.get("/api/v1/pods")["metadata"]["resourceVersion"]
    with api.admin.watch("/api/v1/pods", resourceVersion=start) as watch:
        make_pods(api.admin, namespace, "a")
        assert watch.event()["object"]["metadata"]["namespace"] == namespace


def test_a_watch_ends_in_order_when_its_time_is_over(api, namespace: str) -> None:
    with api.admin.watch(objects.pods(namespace), timeoutSeconds=1) as watch:
        assert watch.end() == "in order"


@pytest.mark.parametrize("allowed", [True, False])
def test_bookmarks(api, namespace: str, allowed: bool) -> None:
    path = objects.pods(namespace)
    start = api.admin.get(path)["metadata"]["resourceVersion"]
    query = {"allowWatchBookmarks": "true"} if allowed else {}
    with api.admin.watch(path, resourceVersion=start, timeoutSeconds=3, **query) as watch:
        # The real server sends no bookmark before it has seen a change of the resource.
        make_pods(api.admin, namespace, "a")
        added = watch.event()
        if allowed:
            mark = watch.event()
            assert mark["type"] == "BOOKMARK" and (mark["object"]["kind"], mark["object"]["apiVersion"]) == (
                "Pod",
                "v1",
            )
            assert version_of(mark["object"]) >= version_of(added["object"])
            # The object of a bookmark is an empty one of its kind, nulls included.
            assert "name" not in mark["object"]["metadata"] and mark["object"]["spec"] == {"containers": None}
            with api.admin.watch(path, resourceVersion=mark["object"]["metadata"]["resourceVersion"]) as later:
                make_pods(api.admin, namespace, "b")
                assert later.change() == ("ADDED", "b")
        else:
            assert watch.end() == "in order"
            with pytest.raises(AssertionError):
                watch.event(0.1)


# Expired versions


def test_after_a_compaction_older_versions_are_gone(api, namespace: str) -> None:
    path = objects.pods(namespace)
    make_pods(api.admin, namespace, "a", "b", "c")
    page = api.admin.get(path, limit=1)
    token, version = page["metadata"]["continue"], page["metadata"]["resourceVersion"]
    api.admin.delete(f"{path}/b")
    make_pods(api.admin, namespace, "d")
    api.compact()
    refused(api.admin.request("GET", path, resourceVersion=version, resourceVersionMatch="Exact"), 410, "Expired")
    # The answer contains a token that continues with the current state.
    old = refused(api.admin.request("GET", path, limit=1, **{"continue": token}), 410, "Expired")
    rest = api.admin.get(path, **{"continue": old["metadata"]["continue"]})
    assert names_of(rest) == ["c", "d"] and version_of(rest) > int(version)
    # A list that need not be exact is answered.
    assert sorted(names_of(api.admin.get(path, resourceVersion=version))) == ["a", "c", "d"]
    with api.admin.watch(path, resourceVersion=version) as watch:
        assert watch.status == 200
        event = watch.event()
        assert event["type"] == "ERROR" and (event["object"]["kind"], event["object"]["status"]) == (
            "Status",
            "Failure",
        )
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert watch.end() == "in order"
    with api.admin.watch(path, resourceVersion=api.admin.get(path)["metadata"]["resourceVersion"]) as watch:
        make_pods(api.admin, namespace, "e")
        assert watch.change() == ("ADDED", "e")


def test_a_server_that_starts_again_has_its_objects_and_no_changes(api, namespace: str) -> None:
    path = objects.pods(namespace)
    start = api.admin.get(path)["metadata"]["resourceVersion"]
    make_pods(api.admin, namespace, "a", "b")
    with api.admin.watch(path) as watch:
        assert {watch.change(), watch.change()} == {("ADDED", "a"), ("ADDED", "b")}
        api.stop_serving()
        assert watch.end().startswith("broken")
    with pytest.raises(OSError):
        api.admin.request("GET", path)
    api.serve_again()
    assert names_of(api.admin.get(path)) == ["a", "b"]
    assert names_of(api.admin.get(path, resourceVersion=start, resourceVersionMatch="Exact")) == []
    with api.admin.watch(path, resourceVersion=start) as watch:
        assert watch.event()["object"]["code"] == 410

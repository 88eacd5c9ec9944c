"""The hooks of the small API server with which other tests cause faults. test_kubernetes_api*.py show that it otherwise
answers like the real server."""

import threading
import time
from pathlib import Path
from typing import Iterator

import pytest
from kit.kubernetes import FakeAPIServer, objects
from kit.kubernetes.answers import make_pods, names_of, refused

PODS = objects.pods("default")


@pytest.fixture
def server() -> Iterator[FakeAPIServer]:
    started = FakeAPIServer()
    yield started
    started.stop()


def test_requests_fail_as_often_as_was_asked(server: FakeAPIServer) -> None:
    server.faults.fail(429, times=2, method="GET", path="/pods", retry_after=7)
    assert server.admin.request("GET", objects.leases("default")).status == 200
    for _ in range(2):
        answer = server.admin.request("GET", PODS)
        assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert server.admin.request("GET", PODS).status == 200


def test_answers_and_events_come_late(server: FakeAPIServer) -> None:
    with server.admin.watch(PODS) as watch:
        server.faults.delay(0.3, "/pods")
        started = time.monotonic()
        server.admin.get(objects.leases("default"))
        assert time.monotonic() - started < 0.2
        make_pods(server.admin, "default", "a")
        assert time.monotonic() - started >= 0.3
        assert watch.change() == ("ADDED", "a")
        assert time.monotonic() - started >= 0.6
        server.faults.delay(0, "/pods")
        started = time.monotonic()
        server.admin.get(PODS)
        assert time.monotonic() - started < 0.2


def test_a_server_that_is_held_answers_when_it_is_released(server: FakeAPIServer) -> None:
    answers: list[int] = []
    with server.admin.watch(PODS) as watch:
        server.wait_watches("pods")
        server.faults.hold()
        late = threading.Thread(
            target=lambda: answers.append(server.admin.request("POST", PODS, objects.pod("a")).status)
        )
        late.start()
        assert watch.silent(0.3) and not answers
        server.faults.release()
        assert watch.change() == ("ADDED", "a")
        late.join()
        assert answers == [201]


def test_connections_are_killed_and_watches_cut(server: FakeAPIServer) -> None:
    with server.admin.watch(PODS) as watch:
        server.wait_watches("pods")
        server.cut_watches()
        assert watch.end().startswith("broken in the middle of")
        server.wait_watches("pods", 0)
    with server.admin.watch(PODS) as watch:
        server.wait_watches("pods")
        server.kill_connections()
        assert watch.end().startswith("broken")
    assert server.admin.get(PODS)["items"] == []


def test_a_client_that_left_is_noticed(server: FakeAPIServer) -> None:
    watches = [server.admin.watch(PODS), server.admin.watch(PODS)]
    server.wait_watches("pods", 2)
    watches[0].close()
    server.wait_watches("pods", 1)
    watches[1].close()
    server.wait_watches("pods", 0)


def test_bookmarks_come_as_often_as_was_asked(server: FakeAPIServer) -> None:
    server.bookmark_every = 0.05
    with server.admin.watch(PODS, allowWatchBookmarks="true") as watch:
        marks = [watch.event() for _ in range(3)]
    assert {mark["type"] for mark in marks} == {"BOOKMARK"}


def test_a_token_is_rotated(server: FakeAPIServer, tmp_path: Path) -> None:
    server.admin.create(objects.service_accounts("default"), {"metadata": {"name": "epp"}})
    for _ in range(2):
        token = objects.account_token(server.admin, "default", "epp")
        objects.mount_account(tmp_path, token, "default", server.authority)
        assert (tmp_path / "token").read_text() == token and (tmp_path / "namespace").read_text() == "default"
        client = server.admin.with_token(token)
        refused(client.request("GET", PODS), 403, "Forbidden")
        server.revoke(token)
        refused(client.request("GET", PODS), 401, "Unauthorized")
    # Each mount has left its own data folder, and no other.
    assert len([entry for entry in tmp_path.iterdir() if entry.name.startswith("..2")]) == 2


def test_requests_are_remembered(server: FakeAPIServer) -> None:
    server.admin.get(PODS, limit=5)
    server.admin.request("PUT", f"{objects.leases('kube-system')}/x", objects.lease("x", "a"))
    server.admin.with_token(None).request("GET", f"{PODS}/a")
    (listed,) = server.asked("list", "pods")
    assert listed.query == {"limit": "5"} and listed.user == "token-admin" and listed.wanted.namespace == "default"
    (updated,) = server.asked("update", "leases")
    assert (updated.wanted.group, updated.wanted.name) == ("coordination.k8s.io", "x")
    assert server.asked("get", "pods")[0].user == "system:anonymous"


def test_a_thousand_pods_change_and_no_change_is_lost(server: FakeAPIServer) -> None:
    count = 1_000
    with server.admin.watch(PODS) as watch:
        server.wait_watches("pods")
        for number in range(count):
            server.put(PODS, objects.pod(f"pod-{number:04}", {"app": "x"}) | objects.status("127.0.0.1"))
        for number in range(count):
            name = f"pod-{number:04}"
            assert [watch.change(), watch.change()] == [("ADDED", name), ("MODIFIED", name)]
    pages, token = [], {}
    while not pages or token:
        page = server.admin.get(PODS, limit=300, **token)
        pages.append(len(names_of(page)))
        token = {"continue": page["metadata"]["continue"]} if "continue" in page["metadata"] else {}
    assert pages == [300, 300, 300, 100]

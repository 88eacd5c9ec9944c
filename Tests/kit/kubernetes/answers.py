"""Functions with which tests read the answers of an API server."""

from ..http import Answer
from . import objects
from .client import Client
from .store import Object


def names_of(listed: Object) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def version_of(value: Object) -> int:
    return int(value["metadata"]["resourceVersion"])


def make_pods(admin: Client, namespace: str, *names: str, **labels: str) -> None:
    for name in names:
        admin.create(objects.pods(namespace), objects.pod(name, labels))


def refused(answer: Answer, code: int, reason: str) -> Object:
    """Asserts that an answer is a refusal with this code and reason, and returns its Status."""
    assert answer.status == code, answer.body
    status = answer.json()
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert (status["code"], status.get("reason", "")) == (code, reason)
    return status

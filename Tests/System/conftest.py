"""Fixtures of the system tests: a real Envoy in front of the picker and of engines that echo what they got."""

import os
from pathlib import Path
from typing import Iterator

import pytest

from kit.collector import Collector
from kit.engine import Engine
from kit.envoy import Envoy
from kit.epp import EPP
from kit.kubernetes import FakeAPIServer, RealAPIServer, objects
from kit.kubernetes.cluster import Cluster


@pytest.fixture
def engines() -> Iterator[list[Engine]]:
    pool = [Engine(f"engine-{index}") for index in range(3)]
    yield pool
    for engine in pool:
        engine.stop()


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as made:
        yield made


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.stop()


@pytest.fixture
def start_epp() -> Iterator[object]:
    """Starts pickers and stops them at the end."""
    started: list[EPP] = []

    def start(*arguments: str, **options: object) -> EPP:
        started.append(EPP(*arguments, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def start_envoy() -> Iterator[object]:
    """Starts Envoys in front of a picker and stops them at the end."""
    started: list[Envoy] = []

    def start(epp_ports: int | list[int], name: str = "full-duplex.yaml", **options: bool) -> Envoy:
        started.append(Envoy(name, epp_ports, **options))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    return made


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """The variables of a user with a folder for such files."""
    return os.environ | {"XDG_RUNTIME_DIR": str(folder)}


_GATEWAYS = {
    "full-duplex": ("full-duplex.yaml", True),
    "full-duplex-plain-text": ("full-duplex.yaml", False),
    "buffered": ("buffered.yaml", True),
}


@pytest.fixture(params=_GATEWAYS.values(), ids=_GATEWAYS.keys())
def gateway(request: pytest.FixtureRequest, engines: list[Engine], start_epp, start_envoy) -> Envoy:
    """Envoy and a picker over `engines`: both configurations that ship, and plain text."""
    name, secure = request.param
    epp = start_epp(endpoints=[engine.address for engine in engines], secure=secure)
    for engine in engines:
        engine.wait_scrapes(1)
    return start_envoy(epp.extproc_port, name, secure=secure)


@pytest.fixture(scope="session", params=["fake", "real"] if RealAPIServer.built() else ["fake"])
def api(request: pytest.FixtureRequest) -> Iterator[FakeAPIServer | RealAPIServer]:
    """Each of the API servers, one after the other: what a test relies on has to be so with both. Tests share it."""
    server = FakeAPIServer(secure=True) if request.param == "fake" else RealAPIServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def definitions(api: FakeAPIServer | RealAPIServer) -> None:
    """The definitions of all inference resources, installed."""
    objects.install(api.admin)


@pytest.fixture
def namespace(api: FakeAPIServer | RealAPIServer) -> str:
    """A namespace of the test's own."""
    made = api.admin.create(objects.NAMESPACES, {"metadata": {"generateName": "test-"}})
    return made["metadata"]["name"]


@pytest.fixture
def cluster(api: FakeAPIServer | RealAPIServer, definitions: None, namespace: str) -> Iterator[Cluster]:
    """A namespace whose pods are engines of the test."""
    made = Cluster(api, namespace)
    yield made
    made.stop()

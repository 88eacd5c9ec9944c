"""Certificates of the ext_proc port and of the metrics port: the picker's own, new ones while it serves, and clients'."""

import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterator

import grpc
import pytest

from kit import extproc as ep
from kit import http
from kit.certificates import Authority
from kit.epp import EPP
from kit.gateway import Exchange
from kit.paths import product
from kit.waiting import eventually

FREE_PORTS = ["--bind-address", "127.0.0.1", "--grpc-port", "0", "--grpc-health-port", "0", "--metrics-port", "0"]
FREE_PORTS += ["--admin-address", "127.0.0.1:0"]
# Some seconds more than the picker takes between two looks at its files.
NOTICED = 20


def _refused(*arguments: str | Path) -> str:
    """Returns the one line with which a picker does not start."""
    command = [str(product("epp")), "--endpoint", "127.0.0.1:1", *FREE_PORTS, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert result.returncode == 1, result.stderr
    (line,) = (line for line in result.stderr.splitlines() if " info " not in line.lower())
    return line


@pytest.mark.parametrize(
    "file, content, said",
    [
        ("tls.crt", "garbage\n", "tls.crt cannot be used: it is no certificate in PEM form"),
        ("tls.crt", "", "tls.crt cannot be used: it is no certificate in PEM form"),
        ("tls.key", "garbage\n", "tls.key cannot be used: it is no private key in PEM form"),
        ("tls.key", "OTHER", "cannot be used: the key is not the certificate's"),
        ("tls.key", None, "tls.key: it does not exist"),
        ("tls.crt", "FOLDER", "tls.crt: it is a folder"),
    ],
)
@pytest.mark.parametrize("flag", ["--cert-path", "--metrics-cert-dir"])
def test_a_certificate_that_cannot_be_used_is_named(
    tmp_path: Path, flag: str, file: str, content: str | None, said: str
) -> None:
    authority = Authority(tmp_path / "ca")
    authority.mount(tmp_path / "tls")
    path = tmp_path / "tls" / file
    if content == "OTHER":
        authority.mount(tmp_path / "other")
        content = (tmp_path / "other" / file).read_text()
    path.unlink()
    if content == "FOLDER":
        path.mkdir()
    elif content is not None:
        path.write_text(content)
    line = _refused(flag, tmp_path / "tls")
    assert line.startswith(f"epp: {flag}: ") and said in line and str(path.parent) in line


def test_an_authority_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    Authority(tmp_path / "ca").mount(tmp_path / "tls")
    (tmp_path / "bad.crt").write_text("garbage")
    for flag, more in (("--grpc-client-ca-file", []), ("--metrics-client-ca-file", ["--metrics-cert-dir", tmp_path / "tls"])):
        assert f"{flag}: {tmp_path / 'nothing'}: it does not exist" in _refused(flag, tmp_path / "nothing", *more)
        assert f"{flag}: {tmp_path / 'bad.crt'} cannot be used: it has no certificate" in _refused(
            flag, tmp_path / "bad.crt", *more
        )


class _Client:
    """A gateway's connections to the ext_proc port, each of its own."""

    def __init__(self, epp: EPP, authority: Authority, own: tuple[Path, Path] | None = None):
        self._address = f"127.0.0.1:{epp.extproc_port}"
        files = [authority.certificate] + ([own[1], own[0]] if own else [])
        self._credentials = grpc.ssl_channel_credentials(*(file.read_bytes() for file in files))

    def ask(self, prompt: str = "hello") -> str:
        """Returns the destination of one request on a new connection."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(self._address, self._credentials, options) as channel:
            return Exchange(ep.Stream(channel, timeout=10)).request(ep.post_headers(), [http.chat(prompt)]).destination

    def is_refused(self) -> bool:
        """Returns whether no connection comes about."""
        with grpc.secure_channel(self._address, self._credentials, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            states: list[grpc.ChannelConnectivity] = []
            changed = threading.Event()

            def note(state: grpc.ChannelConnectivity) -> None:
                states.append(state)
                if state in (grpc.ChannelConnectivity.READY, grpc.ChannelConnectivity.TRANSIENT_FAILURE):
                    changed.set()

            channel.subscribe(note, try_to_connect=True)
            assert changed.wait(10), states
            channel.unsubscribe(note)
            return states[-1] == grpc.ChannelConnectivity.TRANSIENT_FAILURE


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[Authority, Authority]:
    return Authority(tmp_path / "one", "one"), Authority(tmp_path / "two", "two")


def test_a_certificate_of_ones_own(start_pool, tmp_path: Path, authorities: tuple[Authority, Authority]) -> None:
    authorities[0].mount(tmp_path / "tls")
    pool = start_pool("--cert-path", str(tmp_path / "tls"), engines=1, secure=True)
    assert _Client(pool.epp, authorities[0]).ask() == pool.engines[0].address
    assert _Client(pool.epp, authorities[1]).is_refused()


def test_a_new_certificate_is_taken_under_load(
    start_pool, tmp_path: Path, authorities: tuple[Authority, Authority]
) -> None:
    """Streams that are open stay, none of those that begin meanwhile fails, and new connections see the new certificate."""
    first, second = authorities
    first.mount(tmp_path / "tls")
    pool = start_pool("--cert-path", str(tmp_path / "tls"), "--enable-cert-reload", engines=1, secure=True)
    both = tmp_path / "both.crt"
    both.write_bytes(first.certificate.read_bytes() + second.certificate.read_bytes())
    trusting = grpc.ssl_channel_credentials(both.read_bytes())
    ended = threading.Event()
    failures: list[Exception] = []
    answered = [0, 0]

    def send(lane: int) -> None:
        while not ended.is_set():
            try:
                with grpc.secure_channel(f"127.0.0.1:{pool.epp.extproc_port}", trusting, [("x", lane)]) as channel:
                    for number in range(5):
                        exchange = Exchange(ep.Stream(channel, timeout=10))
                        assert exchange.request(ep.post_headers(), [http.chat(f"{lane} {number}")]).destination
                answered[lane] += 1
            except (AssertionError, EOFError, grpc.RpcError) as error:
                failures.append(error)

    lanes = [threading.Thread(target=send, args=(lane,)) for lane in range(2)]
    for lane in lanes:
        lane.start()
    with grpc.secure_channel(f"127.0.0.1:{pool.epp.extproc_port}", trusting, [("x", 9)]) as channel:
        # An answer that is under way.
        exchange = Exchange(ep.Stream(channel, timeout=60))
        assert exchange.request(ep.post_headers(), [http.chat("slow")]).destination == pool.engines[0].address
        outcome = exchange.start_response([(":status", "200"), ("content-type", "text/event-stream")])
        second.mount(tmp_path / "tls")
        pool.epp.wait_for("new connections get the new certificate", NOTICED)
        before = list(answered)
        eventually(lambda: all(now > old + 1 for now, old in zip(answered, before)), "requests go on", 20)
        exchange.response_chunk(outcome, b"data: [DONE]\n\n", end=True)
    ended.set()
    for lane in lanes:
        lane.join()
    assert failures == []
    assert _Client(pool.epp, second).ask() == pool.engines[0].address
    assert _Client(pool.epp, first).is_refused()


def test_a_broken_new_certificate_is_not_taken(
    start_pool, tmp_path: Path, authorities: tuple[Authority, Authority]
) -> None:
    first, second = authorities
    first.mount(tmp_path / "tls")
    pool = start_pool("--cert-path", str(tmp_path / "tls"), "--enable-cert-reload", engines=1, secure=True)
    (tmp_path / "tls" / "tls.key").unlink()
    (tmp_path / "tls" / "tls.key").write_text("garbage")
    pool.epp.wait_for("tls.key cannot be used: .*; the previous certificate stays in use", NOTICED)
    assert _Client(pool.epp, first).ask() == pool.engines[0].address
    # Each file by itself, as an operator might copy them.
    certificate, key = second.sign("copied", "/CN=server")
    (tmp_path / "tls" / "tls.crt").unlink()
    (tmp_path / "tls" / "tls.crt").write_bytes(certificate.read_bytes())
    (tmp_path / "tls" / "tls.key").write_bytes(key.read_bytes())
    pool.epp.wait_for("new connections get the new certificate", NOTICED)
    assert _Client(pool.epp, second).ask() == pool.engines[0].address


def test_a_gateway_shows_a_certificate(start_pool, tmp_path: Path, authorities: tuple[Authority, Authority]) -> None:
    first, second = authorities
    first.mount(tmp_path / "tls")
    clients = tmp_path / "clients.crt"
    clients.write_bytes(first.certificate.read_bytes())
    pool = start_pool(
        "--cert-path", str(tmp_path / "tls"), "--grpc-client-ca-file", str(clients), "--enable-cert-reload",
        engines=1, secure=True,
    )  # fmt: skip
    known = _Client(pool.epp, first, first.client("known"))
    stranger = _Client(pool.epp, first, second.client("stranger"))
    assert known.ask() == pool.engines[0].address
    assert stranger.is_refused() and _Client(pool.epp, first).is_refused()
    # Another authority of clients.
    clients.write_bytes(second.certificate.read_bytes())
    pool.epp.wait_for("new connections get the new certificate", NOTICED)
    assert stranger.ask() == pool.engines[0].address
    assert known.is_refused()


def _page(epp: EPP, authority: Authority, own: tuple[Path, Path] | None = None) -> int:
    """Returns the status of the metrics page."""
    context = ssl.create_default_context(cafile=str(authority.certificate))
    if own:
        context.load_cert_chain(*own)
    with urllib.request.urlopen(f"https://127.0.0.1:{epp.metrics_port}/metrics", timeout=10, context=context) as answer:
        assert b"llm_d_epp_info" in answer.read()
        return answer.status


@pytest.fixture
def start_metrics() -> Iterator[object]:
    started: list[EPP] = []

    def start(*arguments: str) -> EPP:
        started.append(EPP("--endpoint", "127.0.0.1:1", *arguments))
        return started[-1]

    yield start
    for epp in started:
        epp.stop()


def test_metrics_over_tls(start_metrics, tmp_path: Path, authorities: tuple[Authority, Authority]) -> None:
    first, second = authorities
    first.mount(tmp_path / "tls")
    epp = start_metrics("--metrics-cert-dir", str(tmp_path / "tls"))
    assert _page(epp, first) == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        _page(epp, second)
    second.mount(tmp_path / "tls")
    epp.wait_for("new connections get the new certificate", NOTICED)
    assert _page(epp, second) == 200


def test_a_client_of_metrics_shows_a_certificate(
    start_metrics, tmp_path: Path, authorities: tuple[Authority, Authority]
) -> None:
    first, second = authorities
    first.mount(tmp_path / "tls")
    epp = start_metrics(
        "--metrics-cert-dir", str(tmp_path / "tls"), "--metrics-client-ca-file", str(first.certificate)
    )
    assert _page(epp, first, first.client("prometheus")) == 200
    for own in (None, second.client("stranger")):
        with pytest.raises(OSError):
            _page(epp, first, own)

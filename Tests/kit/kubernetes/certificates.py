"""Certificates and kubeconfigs of the small API server."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from .store import Object

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
_SERVER = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc"


@dataclass(frozen=True)
class Certificates:
    """Files: the certificate of an authority, and the certificates that it signed, with their keys."""

    authority: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]


def made(folder: Path) -> Certificates:
    """Creates certificates of a server on 127.0.0.1 and of the client `certificate-admin` in `system:masters`."""
    authority = folder / "ca.crt"
    _openssl(
        "req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=test CA", "-keyout", folder / "ca.key", "-out", authority
    )
    return Certificates(
        authority,
        _signed(folder, "server", "/CN=kube-apiserver", _SERVER),
        _signed(folder, "client", "/O=system:masters/CN=certificate-admin", "extendedKeyUsage=clientAuth"),
    )


def _signed(folder: Path, name: str, subject: str, extension: str) -> tuple[Path, Path]:
    certificate, key, request = (folder / f"{name}.{ending}" for ending in ("crt", "key", "csr"))
    extensions = folder / f"{name}.ext"
    extensions.write_text(extension)
    _openssl("req", *_KEY, "-subj", subject, "-keyout", key, "-out", request)
    _openssl(
        "x509", "-req", "-in", request, "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", extensions, "-out", certificate,
    )  # fmt: skip
    return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)


def kubeconfig(url: str, token: str | None, certificates: Certificates | None) -> str:
    """Returns a kubeconfig with the context `token` and, when there are certificates, the context `certificate`."""
    cluster: Object = {"server": url}
    users: Object = {"token": {"token": token}}
    if certificates:
        cluster["certificate-authority"] = str(certificates.authority)
        files = [str(path) for path in certificates.client]
        users["certificate"] = {"client-certificate": files[0], "client-key": files[1]}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": name, "user": user} for name, user in users.items()],
        "contexts": [{"name": name, "context": {"cluster": "test", "user": name}} for name in users],
        "current-context": "token",
    }
    return yaml.safe_dump(config)

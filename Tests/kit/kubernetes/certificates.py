"""Certificates and kubeconfigs of the small API server."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from ..certificates import LOOPBACK, Authority
from .store import Object

_SERVER = LOOPBACK + ",DNS:kubernetes.default.svc"


@dataclass(frozen=True)
class Certificates:
    """Files: the certificate of an authority, and the certificates that it signed, with their keys."""

    authority: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]


def made(folder: Path) -> Certificates:
    """Creates certificates of a server on 127.0.0.1 and of the client `certificate-admin` in `system:masters`."""
    authority = Authority(folder)
    return Certificates(
        authority.certificate,
        authority.sign("server", "/CN=kube-apiserver", _SERVER),
        authority.sign("client", "/O=system:masters/CN=certificate-admin", "extendedKeyUsage=clientAuth"),
    )


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

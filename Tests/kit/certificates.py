"""Certificates of a test: an authority, and what it signs."""

import os
import subprocess
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
# What a client checks when it connects to a server of the test by its address.
LOOPBACK = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Authority:
    """An authority whose files are in a folder; `certificate` is that of the authority."""

    def __init__(self, folder: Path, name: str = "test CA"):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.certificate = folder / "ca.crt"
        _openssl(
            "req", "-x509", *_KEY, "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / "ca.key", "-out", self.certificate
        )

    def sign(self, name: str, subject: str, extension: str = LOOPBACK) -> tuple[Path, Path]:
        """Returns the files of a new certificate and its key."""
        certificate, key, request = (self._folder / f"{name}.{ending}" for ending in ("crt", "key", "csr"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(extension)
        _openssl("req", *_KEY, "-subj", subject, "-keyout", key, "-out", request)
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._folder / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", certificate,
        )  # fmt: skip
        return certificate, key

    def client(self, name: str = "client") -> tuple[Path, Path]:
        """Returns the files of a client's certificate and its key."""
        return self.sign(name, f"/CN={name}", "extendedKeyUsage=clientAuth")

    def mount(self, folder: Path, subject: str = "/CN=server") -> None:
        """Writes a new tls.crt and tls.key as a kubelet does: both are replaced at once, by one rename of a link."""
        folder.mkdir(exist_ok=True)
        data = folder / f"..data-{len(list(folder.iterdir()))}"
        data.mkdir()
        for source, name in zip(self.sign("mounted", subject), ("tls.crt", "tls.key")):
            (data / name).write_bytes(source.read_bytes())
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(Path("..data") / name)
        link = folder / "..data-link"
        link.symlink_to(data.name)
        os.replace(link, folder / "..data")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)

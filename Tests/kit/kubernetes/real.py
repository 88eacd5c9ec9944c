"""The real kube-apiserver that scripts/kube-apiserver builds."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

from ..paths import ROOT, TOOLS
from ..process import Process
from .client import Client

_BIN = TOOLS / "kube-apiserver"
_SCRIPT = ROOT / "scripts" / "kube-apiserver"


class RealAPIServer(Process):
    """A real server that starts empty with its own etcd; `admin` has all permissions."""

    @staticmethod
    def built() -> bool:
        """Returns whether the script would start the server without a build."""
        wanted = re.search(r"^recipe=(\S+)$", _SCRIPT.read_text(), re.MULTILINE)
        recipe = _BIN / "recipe"
        return wanted is not None and recipe.exists() and recipe.read_text().strip() == wanted[1]

    def __init__(self) -> None:
        super().__init__([_SCRIPT], name="kube-apiserver")
        try:
            self.url = self.wait_for(r"address +(\S+)", 90)[1]
            self.kubeconfig = Path(self.wait_for(r"kubeconfig +(\S+)")[1])
            self._etcd = self.wait_for(r"etcd +(http\S+)")[1]
            self.wait_for("Ctrl-C")
        except AssertionError:
            self.stop()
            raise
        self.admin = Client.of(self.kubeconfig)
        self.authority = self.kubeconfig.with_name("ca.crt")

    def stop_serving(self) -> None:
        """Kills the server like a crash; its objects stay in etcd."""
        start = len(self.lines)
        self.signal(signal.SIGUSR1)
        self.wait_for("killed kube-apiserver", start=start)

    def serve_again(self) -> None:
        start = len(self.lines)
        self.signal(signal.SIGUSR2)
        self.wait_for("started kube-apiserver again", 90, start)

    def compact(self) -> None:
        """Makes every resourceVersion so far too old. The server serves watches from its own memory as long as it runs,
        so it is restarted, which ends all connections."""
        self.stop_serving()
        revision = self.admin_revision()
        subprocess.run(
            [str(_BIN / "etcdctl"), "compact", revision],
            env=self._etcdctl(),
            check=True,
            capture_output=True,
            timeout=20,
        )
        self.serve_again()

    def admin_revision(self) -> str:
        """Returns the revision of etcd, which the resourceVersion of the next list will have at least."""
        command = [str(_BIN / "etcdctl"), "get", "-w", "json", "/none"]
        result = subprocess.run(command, env=self._etcdctl(), check=True, capture_output=True, timeout=20)
        return str(json.loads(result.stdout)["header"]["revision"])

    def _etcdctl(self) -> dict[str, str]:
        return os.environ | {"ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": self._etcd}

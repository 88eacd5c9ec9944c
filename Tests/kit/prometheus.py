"""A real Prometheus that scrapes a picker."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

from .process import Process


class Prometheus(Process):
    """Scrapes one target every 200 ms; `folder` is for its configuration and its data."""

    def __init__(self, target: str, folder: Path):
        config = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{"job_name": "epp", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        super().__init__(
            [
                "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                "--web.listen-address=127.0.0.1:0", "--log.level=info",
            ]
        )  # fmt: skip
        try:
            self._address = self.wait_for(r'msg="?Listening on"? address=(\S+)', 30)[1]
        except AssertionError:
            self.kill()
            raise

    def query(self, expression: str) -> list[dict]:
        """Returns the result of an instant query."""
        url = f"http://{self._address}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]["result"]

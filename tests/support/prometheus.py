"""A real Prometheus on loopback."""

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.kubectl import eventually
from tests.support.ports import free_port
from tests.testcluster import binaries

Labels = dict[str, str]


@dataclass(frozen=True)
class Prometheus:
    url: str
    process: subprocess.Popen[bytes]

    def query(self, expression: str) -> list[tuple[Labels, float]]:
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                result = json.load(answer)["data"]["result"]
        except OSError as error:
            raise AssertionError(f"Prometheus: {error}") from error  # not yet
        return [(item["metric"], float(item["value"][1])) for item in result]


@contextlib.contextmanager
def running(folder: Path, jobs: list[dict[str, Any]], host: str = "127.0.0.1") -> Iterator[Prometheus]:
    """It scrapes each second what these jobs say; without any, it still knows what time it is."""
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"{host}:{free_port()}"
    program = binaries.ensure(["prometheus"])["prometheus"]
    words = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, *words, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        found = Prometheus(f"http://{address}", process)
        eventually(lambda: found.query("vector(1)"), f"Prometheus answers (log: {folder}/log)", 30)
        yield found
    finally:
        process.kill()
        process.wait(10)

"""The few questions that starting a cluster asks its API server. The standard library does; INIT uses it too."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Api:
    host: str
    port: int
    ca: Path
    token: str

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        """Status and text; status 0 when there is nobody who answers (yet)."""
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT_S, context=context)
        except (OSError, ssl.SSLError):
            return 0, ""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body=json.dumps(body) if body else None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def ready(self) -> bool:
        return self.call("GET", "/readyz")[0] == 200

    def exists(self, path: str) -> bool:
        return self.call("GET", path)[0] == 200

    def node_ready(self, name: str) -> bool:
        status, text = self.call("GET", f"/api/v1/nodes/{name}")
        if status != 200:
            return False
        conditions = json.loads(text).get("status", {}).get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

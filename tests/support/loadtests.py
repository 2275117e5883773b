"""LoadTests in few words."""

from typing import Any

SMALL = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"cpu": "1", "memory": "256Mi"}}


def loadtest(name: str, namespace: str, url: str = "http://target:8080", **changes: Any) -> dict[str, Any]:
    """A short test of five requests a second; `changes` replace whole fields of the spec."""
    spec: dict[str, Any] = {
        "target": {"url": url, "health": {"path": "/healthz", "timeout": "30s"}},
        "scenario": {
            "http": {"thinkTime": {"min": "100ms", "max": "200ms"}, "requests": [{"path": "/home"}, {"path": "/cart"}]}
        },
        "load": {"users": 4, "spawnRate": "10/s", "duration": "6s", "warmup": "1s"},
        "runners": {"workers": 2, "resources": SMALL, "master": {"resources": SMALL}, "startTimeout": "90s"},
        "thresholds": [{"metric": "p95", "fail": "2s"}, {"metric": "errorRate", "fail": "5%"}],
        "queue": {"exclusive": []},  # by default those against one host would wait for each other
    }
    spec.update(changes)
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def condition(test: dict[str, Any], kind: str) -> dict[str, Any]:
    for item in (test.get("status") or {}).get("conditions") or ():
        if item["type"] == kind:
            found: dict[str, Any] = item
            return found
    return {}


def phase(test: dict[str, Any] | None) -> str:
    return str(((test or {}).get("status") or {}).get("phase") or "")


def locust(source: str) -> dict[str, Any]:
    return {"locust": {"inline": source}}


SHOPPER = """
from locust import FastHttpUser, between, task


class Shopper(FastHttpUser):
    wait_time = between(0.1, 0.2)

    @task(3)
    def home(self):
        self.client.get("/home")

    @task
    def cart(self):
        self.client.get("/cart")
"""

"""Helm as a user has it, with folders of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.testcluster import binaries, paths

CHART = paths.REPOSITORY / "charts" / "loadtest-operator"
Object = dict[str, Any]


class Refused(AssertionError):
    """Helm did not do it; the message is what it said."""


class Helm:
    def __init__(self, kubeconfig: Path | None = None, user: str = "") -> None:
        """`user` is impersonated: what that one may not do, Helm may not do either."""
        self.program = binaries.ensure(["helm"])["helm"]
        self._who = [
            *(["--kubeconfig", str(kubeconfig)] if kubeconfig else []),
            *(["--kube-as-user", user] if user else []),
        ]
        home = paths.cache() / "helm"
        folders = {f"HELM_{what}_HOME": str(home / what.lower()) for what in ("CACHE", "CONFIG", "DATA")}
        self._env = {**os.environ, **folders}

    def __call__(self, *words: str, values: Object | None = None, timeout: float = 120) -> str:
        argv = [str(self.program), *self._who, *words, *(("-f", "-") if values is not None else ())]
        text = json.dumps(values) if values is not None else None
        done = subprocess.run(
            argv, input=text, env=self._env, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def template(self, name: str, namespace: str, values: Object | None = None) -> list[Object]:
        text = self("template", name, str(CHART), "-n", namespace, values=values or {})
        return [document for document in yaml.load_all(text, yaml.CSafeLoader) if document]

    def notes(self, name: str, namespace: str, values: Object | None = None) -> str:
        """What a person reads after `helm install`."""
        words = ("install", name, str(CHART), "-n", namespace, "--dry-run=client")
        return self(*words, values={"crds": {"install": False}, **(values or {})}).partition("\nNOTES:\n")[2]


def image_values(reference: str) -> Object:
    """The chart's `image` for a reference with a tag."""
    repository, _, tag = reference.rpartition(":")
    return {"repository": repository, "tag": tag}

"""What tests ask for: a cluster, wherever it comes from, and an image with the present code in it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.testcluster import binaries, images, kind, layer, native, network, shell


class Provider(StrEnum):
    GIVEN = "given"
    KIND = "kind"
    NATIVE = "native"


@dataclass(frozen=True)
class Cluster:
    """A running cluster that the tests may use as they like."""

    provider: Provider
    kubeconfig: Path
    kubectl: Path
    host_address: str
    """Where pods reach a process of this machine; empty if that is not known."""
    ctr: Path | None = None

    @property
    def image(self) -> str:
        """An image with the present code; built and imported when the code has changed."""
        if self.provider is Provider.GIVEN:
            return _given_image()
        if self.provider is Provider.KIND:
            return layer.ensure(kind.knows, kind.load)
        ctr = self.ctr
        assert ctr is not None
        return layer.ensure(lambda ref: ref in images.known(ctr), lambda archive: images.load(ctr, archive))


def ensure() -> Cluster:
    """Find a cluster or start one. Raises ClusterUnavailable with one sentence."""
    match provider():
        case Provider.GIVEN:
            return _given()
        case Provider.KIND:
            kubeconfig = kind.up()
            return Cluster(Provider.KIND, kubeconfig, _kubectl(), kind.host_address())
        case Provider.NATIVE:
            programs = native.up()
            at = native.layout()
            return Cluster(Provider.NATIVE, at.kubeconfig, programs["kubectl"], network.HOST_ADDRESS, programs["ctr"])


def down() -> None:
    """Stop what we started. A cluster that was given is left alone."""
    match provider():
        case Provider.GIVEN:
            shell.say("KUBECONFIG is set: that cluster is not ours to stop")
        case Provider.KIND:
            kind.down()
        case Provider.NATIVE:
            native.down()


def choose(kubeconfig: str, docker_works: Callable[[], bool], own: Path | None = None) -> Provider:
    """What was given comes first; our own node's kubeconfig in the environment is no cluster of somebody else."""
    first = kubeconfig.split(os.pathsep, maxsplit=1)[0]
    if first and Path(first) != (own or native.layout().kubeconfig):
        return Provider.GIVEN
    if not first and docker_works():
        return Provider.KIND
    return Provider.NATIVE


def provider() -> Provider:
    return choose(os.environ.get("KUBECONFIG", ""), kind.docker_works)


def _given() -> Cluster:
    path = Path(os.environ["KUBECONFIG"].split(os.pathsep)[0])
    if not path.exists():
        raise shell.ClusterUnavailable(f"KUBECONFIG names {path}, which does not exist")
    _given_image()
    return Cluster(Provider.GIVEN, path, _kubectl(), os.environ.get("LOADTEST_HOST_ADDRESS", ""))


def _given_image() -> str:
    ref = os.environ.get("LOADTEST_IMAGE", "")
    if not ref:
        raise shell.ClusterUnavailable(
            "with KUBECONFIG, set LOADTEST_IMAGE to an image of this project that the cluster can pull"
        )
    return ref


def _kubectl() -> Path:
    on_path = shutil.which("kubectl")
    return Path(on_path) if on_path else binaries.ensure(["kubectl"])["kubectl"]

"""Handing images to the native node's containerd."""

import tempfile
from pathlib import Path

from tests.testcluster import nodeplan, oci, paths, running, shell


def ctr(program: Path, *words: str | Path) -> list[str]:
    return running.inside(program, "--address", nodeplan.SOCKET, "--namespace", "k8s.io", *words)


def known(program: Path) -> set[str]:
    return set(shell.run(ctr(program, "images", "list", "--quiet"), timeout_s=30).split())


def load(program: Path, archive: Path) -> None:
    shell.run(ctr(program, "images", "import", archive), timeout_s=300)


def load_pause(ctr_program: Path, pause: Path) -> None:
    """The process that holds a pod's namespaces: each pod's first container."""
    if nodeplan.PAUSE_IMAGE in known(ctr_program):
        return
    tar = oci.tar_of({"pause": pause}, executable=["pause"])
    layer = oci.Layer(oci.digest_of(tar), len(tar))
    configuration = oci.config([layer], {"Entrypoint": ["/pause"], "User": "65535:65535"})
    with tempfile.TemporaryDirectory(dir=paths.node(), prefix=".pause-") as scratch:
        archive = Path(scratch) / "pause.tar"
        oci.write_archive(archive, nodeplan.PAUSE_IMAGE, configuration, [layer], [tar])
        load(ctr_program, archive)

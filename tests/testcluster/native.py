"""The native provider: a whole Kubernetes node in namespaces of its own, on Debian or Ubuntu, as root."""

import json
import os
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.testcluster import (
    binaries,
    cgroups,
    debian,
    images,
    kubeapi,
    netpol,
    network,
    nodeplan,
    paths,
    pki,
    procs,
    running,
    shell,
)

UNSHARE = ("unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc")


def layout() -> nodeplan.Layout:
    return nodeplan.Layout(paths.node())


def api() -> kubeapi.Api:
    at = layout()
    return kubeapi.Api(network.NODE_ADDRESS, nodeplan.API_PORT, at.pki / "ca.crt", pki.token(at.pki))


def up() -> dict[str, Path]:
    """Find the running cluster or start one. Returns the programs' paths."""
    debian.need_root("a native test cluster")
    debian.ensure(debian.PACKAGES)
    programs = binaries.ensure()
    with shell.lock(paths.lock(paths.named("node")), "the start of the cluster"):
        at = layout()
        pki.ensure(at.pki, ["127.0.0.1", network.NODE_ADDRESS, network.FIRST_SERVICE], nodeplan.NODE)
        spec = nodeplan.spec(at, programs)
        if not healthy(spec):
            _stop()
            with shell.step("node up"):
                try:
                    _start(at, spec, programs)
                except BaseException:
                    _stop()  # the logs stay
                    raise
    return programs


def down() -> None:
    if not paths.node().exists():
        return
    debian.need_root("stopping the native test cluster")
    with shell.lock(paths.lock(paths.named("node")), "the start of the cluster"), shell.step("cluster down"):
        at = layout()
        _stop()
        for name in nodeplan.VOLATILE:
            shutil.rmtree(at.state / name, ignore_errors=True)
        at.kubeconfig.unlink(missing_ok=True)
        with machine_lock():
            _remove_mount_points(at)


def machine_lock() -> AbstractContextManager[None]:
    """For what clusters share: mount points and a route stay while another one has, or is about to have, its link."""
    return shell.lock(paths.lock("machine"), "another cluster's start or stop")


def healthy(spec: dict[str, Any]) -> bool:
    try:
        started_from = json.loads((paths.node() / "run/node.json").read_text())
    except (OSError, ValueError):
        return False
    return started_from == spec and running.init_pid() is not None and api().ready() and api().node_ready(nodeplan.NODE)


def components() -> list[str]:
    """By name, those that the running node was started with."""
    return [one["name"] for one in json.loads((paths.node() / "run/node.json").read_text())["components"]]


def containerd_answers(ctr: Path) -> bool:
    return shell.succeeds(running.inside(ctr, "--address", nodeplan.SOCKET, "version"))


def _stop() -> None:
    known = running.pids()
    procs.kill([pid for name in ("init", "unshare") if (pid := known.get(name))], running.mark())
    with machine_lock():
        try:
            network.detach()
        except shell.ClusterUnavailable:
            network.detach()  # the kernel took the link away between the question and the deletion
    cgroups.remove()


def _start(at: nodeplan.Layout, spec: dict[str, Any], programs: dict[str, Path]) -> None:
    with machine_lock():
        _prepare_folders(at, spec)
        cgroups.make()
        _launch(at)
    _wait(at, lambda: containerd_answers(programs["ctr"]), "containerd answers")
    images.load_pause(programs["ctr"], programs["pause"])
    with shell.step("  API server ready"):
        _wait(at, api().ready, "the API server is ready")
    with shell.step("  node, ServiceAccount, Services and DNS ready"):
        _wait(at, lambda: api().node_ready(nodeplan.NODE), "the node is Ready")
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        _wait(at, lambda: api().exists(account), "the default ServiceAccount exists")
        _wait(at, lambda: network.listens(443, network.FIRST_SERVICE), "kube-proxy forwards")
        _wait(at, lambda: network.listens(53, network.NODE_ADDRESS), "DNS answers")
        table = running.inside("nft", "list", "table", "ip", netpol.TABLE)
        _wait(at, lambda: shell.succeeds(table), "NetworkPolicies are in effect")


def _prepare_folders(at: nodeplan.Layout, spec: dict[str, Any]) -> None:
    for name in nodeplan.VOLATILE:
        shutil.rmtree(at.state / name, ignore_errors=True)
    for name in (*nodeplan.VOLATILE, *nodeplan.KEPT):
        (at.state / name).mkdir(parents=True, exist_ok=True)
    _make_mount_points(at)
    for name, text in spec["files"].items():
        path = Path(name)
        path.touch(mode=0o600)
        path.write_text(text)
    (at.state / "run/node.json").write_text(json.dumps(spec))


def _make_mount_points(at: nodeplan.Layout) -> None:
    """Note which ones are ours before making them, so that a killed launcher leaves none behind unnoticed."""
    note = at.state / "made-folders.json"
    made = json.loads(note.read_text()) if note.exists() else []
    made += [folder for folder in nodeplan.MOUNT_POINTS if not Path(folder).exists()]
    note.write_text(json.dumps(made))
    for folder in nodeplan.MOUNT_POINTS:
        Path(folder).mkdir(parents=True, exist_ok=True)


def _remove_mount_points(at: nodeplan.Layout) -> None:
    if network.others_up():
        return  # they are mount points of that cluster too
    note = at.state / "made-folders.json"
    for folder in json.loads(note.read_text()) if note.exists() else []:
        if Path(folder).is_dir() and not any(Path(folder).iterdir()):
            Path(folder).rmdir()
    note.unlink(missing_ok=True)


def _launch(at: nodeplan.Layout) -> None:
    log = at.state / "logs/init.log"
    init = [sys.executable, "-m", "tests.testcluster.node_init", str(at.state)]
    env = {
        "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        "PYTHONPATH": str(paths.REPOSITORY),
        "HOME": "/root",
        paths.INSTANCE_VARIABLE: str(paths.INSTANCE),
    }
    argv = [*UNSHARE, "--propagation", "private", *init]
    outer = procs.start_detached(argv, log, env, paths.REPOSITORY)
    running.remember({"unshare": outer})
    shell.wait_until(lambda: procs.first_child(outer) is not None, "INIT", timeout_s=10, every_s=0.005)
    inner = procs.first_child(outer) or 0
    running.remember({"unshare": outer, "init": inner})
    mounted = at.state / "run/mounted"
    shell.wait_until(mounted.exists, "INIT", timeout_s=10, every_s=0.01, give_up=lambda: _ended(at, "INIT ended"))
    network.attach(inner)


def _wait(at: nodeplan.Layout, condition: Any, what: str) -> None:
    try:
        shell.wait_until(condition, what, timeout_s=120, give_up=lambda: _ended(at, "INIT ended"))
    except shell.ClusterUnavailable as error:
        raise shell.ClusterUnavailable(f"{error}\n{_last_words(at)}") from None


def _ended(at: nodeplan.Layout, what: str) -> str | None:
    if running.is_ours(running.pids().get("unshare", 0)):
        return None
    return f"{what}:\n{shell.tail((at.state / 'logs/init.log').read_text())}"


def _last_words(at: nodeplan.Layout) -> str:
    logs = sorted((at.state / "logs").glob("*.log"))
    return "\n".join(f"--- {log.stem}\n{shell.tail(log.read_text(errors='replace'), 6)}" for log in logs)

"""`python -m tests.testcluster up | down | build | image | status`."""

import argparse
import sys

from tests.testcluster import baseimage, binaries, cluster, debian, native, running, shell


def up() -> None:
    found = cluster.ensure()
    shell.say(f"{found.provider} cluster is up; export KUBECONFIG={found.kubeconfig}")


def build() -> None:
    """What takes minutes on a new machine. The provider decides what it is."""
    match cluster.provider():
        case cluster.Provider.GIVEN:
            binaries.ensure(binaries.API_PROGRAMS)
        case cluster.Provider.KIND:
            binaries.ensure([*binaries.API_PROGRAMS, "kind"])
            baseimage.ensure()
        case cluster.Provider.NATIVE:
            debian.need_root("a native test cluster")
            debian.ensure(debian.PACKAGES | debian.IMAGE_PACKAGES)
            binaries.ensure()
            baseimage.ensure()


def image() -> None:
    sys.stdout.write(cluster.ensure().image + "\n")


def status() -> None:
    provider = cluster.provider()
    sys.stdout.write(f"provider: {provider}\n")
    if provider is cluster.Provider.NATIVE:
        pid = running.init_pid()
        answers = bool(pid) and native.api().ready()
        sys.stdout.write(
            f"node: {f'up, pid {pid}' if pid else 'down'}\nAPI server: {'ready' if answers else 'silent'}\n"
        )
        for name, number in running.component_pids().items() if pid else ():
            sys.stdout.write(f"  {name}: pid {number} inside\n")


COMMANDS = {"up": up, "down": cluster.down, "build": build, "image": image, "status": status}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.testcluster")
    parser.add_argument("command", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().command]()
    except shell.ClusterUnavailable as error:
        shell.say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

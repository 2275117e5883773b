"""`python -m tests.testcluster up | down | build | image | status | restart COMPONENT`."""

import argparse
import sys

from tests.testcluster import baseimage, binaries, breaking, cluster, debian, native, running, shell


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
    binaries.ensure(binaries.TOOL_PROGRAMS)


def image() -> None:
    sys.stdout.write(cluster.ensure().image + "\n")


def status() -> None:
    provider = cluster.provider()
    lines = [f"provider: {provider}"]
    if provider is cluster.Provider.NATIVE:
        pid = running.init_pid()
        lines.append(f"node: up, pid {pid}" if pid else "node: down")
        lines.append("API server: ready" if pid and native.api().ready() else "API server: silent")
        components = running.component_pids() if pid else {}
        lines += [f"  {name}: pid {number} inside" for name, number in components.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def restart(component: str) -> None:
    """As after a crash: kill -9, and it is back."""
    if cluster.provider() is not cluster.Provider.NATIVE:
        raise shell.ClusterUnavailable("only the native node's components can be restarted")
    with shell.step(f"{component} killed, and back"):
        breaking.restart(component)


COMMANDS = {"up": up, "down": cluster.down, "build": build, "image": image, "status": status}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.testcluster")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        commands.add_parser(name)
    commands.add_parser("restart", description=restart.__doc__).add_argument("component")
    arguments = parser.parse_args()
    try:
        if arguments.command == "restart":
            restart(arguments.component)
        else:
            COMMANDS[arguments.command]()
    except shell.ClusterUnavailable as error:
        shell.say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

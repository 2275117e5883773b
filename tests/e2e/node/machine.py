"""What of this machine a node could change, and which processes belong to a node. Reads only."""

import re
import subprocess
from pathlib import Path

Process = tuple[int, str]
"""A process id and the time of its start: ids are given again to others."""


def snapshot(own: str) -> dict[str, list[str]]:
    """`own` is the number of the cluster that is under test; what belongs to others is left out."""
    seen = {
        "mounts": sorted(Path("/proc/self/mounts").read_text().splitlines()),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "routes": output("ip", "route", "show", "table", "all"),
        "rules": output("iptables-save"),
        "rules of IPv6": output("ip6tables-save"),
        "network namespaces": output("ip", "netns", "list"),
        "cgroups": sorted(map(str, Path("/sys/fs/cgroup").rglob(f"ltc{own}"))),
        "folders": sorted(map(str, Path("/var/lib").iterdir())) + sorted(map(str, Path("/var/log").iterdir())),
    }
    others = re.compile(rf"\bltc[^{own}]\b")
    return {what: [line for line in lines if not others.search(line)] for what, lines in seen.items()}


def output(*words: str) -> list[str]:
    text = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
    # The comments have the time and the brackets count packets.
    return sorted(re.sub(r"\[\d+:\d+\]", "", line) for line in text.splitlines() if not line.startswith("#"))


def command_lines() -> list[str]:
    """Of all processes; zombies have none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def stat(pid: int) -> list[str]:
    """The fields after the name: state, parent, ... start time as the 20th."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def family(ancestor: int) -> list[Process]:
    """A process and all below it, in whatever namespaces they are."""
    stats: dict[int, list[str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stats[int(folder.name)] = stat(int(folder.name))
        except OSError:
            continue
    members = {ancestor}
    while more := {pid for pid, fields in stats.items() if int(fields[1]) in members} - members:
        members |= more
    return [(pid, stats[pid][19]) for pid in sorted(members)]


def runs(process: Process) -> bool:
    pid, since = process
    try:
        fields = stat(pid)
    except OSError:
        return False
    return fields[0] not in "ZX" and fields[19] == since

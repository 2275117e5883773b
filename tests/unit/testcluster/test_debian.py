"""What is taken from the machine: its packages and its mirror."""

import pytest

from tests.testcluster import cgroups, debian, shell

ONE_LINE = "# deb http://old.test/debian trixie main\ndeb [signed-by=/k] http://mirror.test/debian/ bookworm main\n"
DEB822 = "Types: deb\nURIs: https://mirror.test/debian\nSuites: bookworm\n"


@pytest.mark.parametrize(
    ("text", "mirror"), [(ONE_LINE, "http://mirror.test/debian"), (DEB822, "https://mirror.test/debian")]
)
def test_the_mirror_is_the_machines_own(text: str, mirror: str) -> None:
    security = "deb http://mirror.test/debian-security bookworm-security main\n"
    assert debian.mirror([security, text]) == mirror


def test_no_debian_mirror_is_said_so() -> None:
    with pytest.raises(shell.ClusterUnavailable, match="mirror"):
        debian.mirror(["deb http://archive.test/ubuntu noble main\n"])


def test_each_missing_package_is_named_once() -> None:
    missing = debian.missing(debian.PACKAGES, lambda proof: not proof.startswith("/usr/lib/cni") and proof != "runc")
    assert missing == ["containernetworking-plugins", "runc"]


def test_one_sentence_for_who_may_not_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(shell.ClusterUnavailable, match=r"^install first: apt-get install nonsense$"):
        debian.ensure({"/no/such/program": "nonsense"})


MOUNTS = """\
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /elsewhere/cpu cgroup rw,cpu 0 0
proc /proc proc rw 0 0
"""


def test_a_cgroup_is_made_in_every_hierarchy() -> None:
    assert [str(path) for path in cgroups.hierarchies(MOUNTS)] == ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"]

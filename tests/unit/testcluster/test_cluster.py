"""Which cluster the tests use."""

from pathlib import Path

import pytest

from tests.testcluster import cluster, kind, shell

OWN = Path("/cache/node/kubeconfig")


@pytest.mark.parametrize(
    ("kubeconfig", "docker", "provider"),
    [
        ("/home/me/config", True, cluster.Provider.GIVEN),
        ("/home/me/config:/home/me/other", False, cluster.Provider.GIVEN),
        ("", True, cluster.Provider.KIND),
        ("", False, cluster.Provider.NATIVE),
        (str(OWN), False, cluster.Provider.NATIVE),
    ],
)
def test_what_was_given_comes_first_then_docker_then_our_own(
    kubeconfig: str, docker: bool, provider: cluster.Provider
) -> None:
    assert cluster.choose(kubeconfig, lambda: docker, OWN) is provider


def test_our_own_kubeconfig_does_not_even_ask_docker() -> None:
    def fail() -> bool:
        raise AssertionError("asked")

    assert cluster.choose(str(OWN), fail, OWN) is cluster.Provider.NATIVE


def test_a_given_cluster_without_an_image_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.touch()
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.delenv("LOADTEST_IMAGE", raising=False)
    with pytest.raises(shell.ClusterUnavailable, match="set LOADTEST_IMAGE") as error:
        cluster.ensure()
    assert "\n" not in str(error.value)


def test_a_given_cluster_has_the_given_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.touch()
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setenv("LOADTEST_IMAGE", "example.test/loadtest:1")
    monkeypatch.setattr(cluster, "_kubectl", lambda: Path("/usr/bin/kubectl"))
    found = cluster.ensure()
    assert (found.provider, found.image, found.kubeconfig) == (cluster.Provider.GIVEN, "example.test/loadtest:1", path)


def test_kinds_command_lines() -> None:
    program, kubeconfig = Path("/bin/kind"), Path("/cache/kind/kubeconfig")
    assert kind.create(program, kubeconfig)[:5] == ["/bin/kind", "create", "cluster", "--name", "loadtest"]
    assert kind.delete(program, kubeconfig)[1:3] == ["delete", "cluster"]
    assert kind.load_archive(program, Path("/a.tar"))[1:] == ["load", "image-archive", "/a.tar", "--name", "loadtest"]
    assert kind.list_images()[:3] == ["docker", "exec", "loadtest-control-plane"]


def test_kinds_gateway_is_the_first_address_of_version_4() -> None:
    assert kind.first_ipv4("fc00:f853::1 172.18.0.1 \n") == "172.18.0.1"
    assert kind.first_ipv4("fc00::1") == ""

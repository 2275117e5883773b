"""The node's certificates, configuration, and the order in which its components start."""

import json
import time
from pathlib import Path

import pytest

from tests.testcluster import binaries, network, node_init, nodeplan, pki, procs, shell


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node") / "pki"
    pki.ensure(folder, ["127.0.0.1"])
    return folder


def extensions(path: Path) -> dict[str, object]:
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return {extension.oid._name: extension.value for extension in certificate.extensions}


def test_the_ca_has_what_a_strict_reader_wants(keys: Path) -> None:
    found = extensions(keys / "ca.crt")
    assert found["basicConstraints"].ca
    assert found["keyUsage"].key_cert_sign
    assert "subjectKeyIdentifier" in found


def test_leaves_name_their_issuer_and_their_addresses(keys: Path) -> None:
    from cryptography import x509

    found = extensions(keys / "apiserver.crt")
    ca = extensions(keys / "ca.crt")["subjectKeyIdentifier"]
    assert found["authorityKeyIdentifier"].key_identifier == ca.digest
    assert [str(ip) for ip in found["subjectAltName"].get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_private_keys_are_not_for_everybody(keys: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in keys.glob("*.key")} == {0}


def test_keys_are_kept_until_they_are_for_other_names(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "pki", ["127.0.0.1"])
    first = pki.token(tmp_path / "pki")
    pki.ensure(tmp_path / "pki", ["127.0.0.1"])
    assert pki.token(tmp_path / "pki") == first
    pki.ensure(tmp_path / "pki", ["127.0.0.2"])
    assert pki.token(tmp_path / "pki") != first


@pytest.fixture
def spec(keys: Path) -> dict[str, object]:
    programs = {name: Path("/bin") / name for name in binaries.ALL_PROGRAMS}
    return nodeplan.spec(nodeplan.Layout(keys.parent), programs)


def test_the_components_start_in_an_order_that_can_work(spec: dict[str, object]) -> None:
    after = {one["name"]: one["after"] for one in spec["components"]}
    assert after["etcd"] == after["containerd"] == []
    assert after["kube-apiserver"] == ["tcp:2379"]
    assert "ready:" in after["kubelet"]
    assert any(gate.startswith("unix:") for gate in after["kubelet"])


def test_what_init_is_told_survives_json_because_it_is_compared_later(spec: dict[str, object]) -> None:
    assert json.loads(json.dumps(spec)) == spec


def test_all_addresses_are_in_the_range_for_benchmarks() -> None:
    import ipaddress

    everything = ipaddress.ip_network(network.EVERYTHING)
    for cidr in (network.POD_CIDR, network.SERVICE_CIDR, network.HOST_ADDRESS, network.NODE_ADDRESS):
        assert ipaddress.ip_network(cidr).subnet_of(everything)
    assert ipaddress.ip_address(network.FIRST_SERVICE) in ipaddress.ip_network(network.SERVICE_CIDR)


def test_a_gate_that_was_open_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    gates = node_init.Gates(api=None)
    answers = iter([False, True])
    monkeypatch.setattr(gates, "_ask", lambda gate: next(answers))
    assert [gates.passes("tcp:1") for _ in range(4)] == [False, True, True, True]


def test_a_process_is_ours_only_by_its_command_line() -> None:
    import os

    assert procs.is_ours(os.getpid(), procs.command_line(os.getpid())[0])
    assert not procs.is_ours(os.getpid(), "a word that no command line has")
    procs.kill([os.getpid()], "a word that no command line has")


def test_waiting_ends_with_a_reason() -> None:
    with pytest.raises(shell.ClusterUnavailable, match="the moon: it fell down"):
        shell.wait_until(lambda: False, "the moon", timeout_s=10, give_up=lambda: "it fell down")
    start = time.monotonic()
    with pytest.raises(shell.ClusterUnavailable, match=r"the moon: not so after 0\.01 s"):
        shell.wait_until(lambda: False, "the moon", timeout_s=0.01, every_s=0.001)
    assert time.monotonic() - start < 5

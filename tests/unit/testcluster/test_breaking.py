"""What is cut, and what is said about a component that is not there."""

import json
from pathlib import Path

import pytest

from tests.testcluster import breaking, paths, running, shell


def test_a_pair_is_cut_in_both_directions_wherever_its_packets_come_by() -> None:
    rules = breaking.cut_rules("cut_1", (("10.0.0.1", "10.0.0.2"),))
    assert rules.startswith("table ip cut_1 {")
    for hook in ("forward", "input", "output"):
        [chain] = [line for line in rules.splitlines() if line.startswith(f"chain {hook} ")]
        assert "ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop" in chain
        assert "ip saddr 10.0.0.2 ip daddr 10.0.0.1 drop" in chain


def test_an_address_without_a_partner_is_cut_off_from_everything() -> None:
    rules = breaking.cut_rules("cut_1", (("10.0.0.1", ""),))
    assert "; ip saddr 10.0.0.1 drop; ip daddr 10.0.0.1 drop; }" in rules


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "node", lambda: tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/node.json").write_text(json.dumps({"components": [{"name": "etcd"}, {"name": "kubelet"}]}))
    return tmp_path


def test_a_component_that_the_node_does_not_have_is_refused_with_those_it_has(
    node: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "init_pid", lambda: 4711)
    with pytest.raises(shell.ClusterUnavailable, match="no component docker; it has etcd, kubelet"):
        breaking.restart("docker")


def test_without_a_node_there_is_nothing_to_restart(node: Path) -> None:
    with pytest.raises(shell.ClusterUnavailable, match="no native node"):
        breaking.restart("kubelet")

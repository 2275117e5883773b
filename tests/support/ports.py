"""Ports for servers of tests."""

from tests.testcluster.apiserver import free_ports


def free_port() -> int:
    """None that an outgoing connection of somebody else could take between the choice and the use."""
    return free_ports(1)[0]

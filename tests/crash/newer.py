"""A later build of this package: what it makes for a run differs from what is there in every way that it may."""

from collections.abc import Callable
from typing import Any

from loadtest_operator.build import agent_config, children, names
from loadtest_operator.build.names import RunRef

LABEL = "loadtest.dev/made-by"


def change() -> None:
    """For this process and those that it forks."""
    names.labels = _more_labels(names.labels)
    children.AWAY_SECONDS += 600
    children.SLACK_SECONDS += 60
    agent_config.agent_config = _more_config(agent_config.agent_config)


def _more_labels(old: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    def labels(run: RunRef, role: str, instance: str) -> dict[str, str]:
        return {**old(run, role, instance), LABEL: "newer"}

    return labels


def _more_config(old: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def config(*words: Any, **named: Any) -> dict[str, Any]:
        return {**old(*words, **named), "newer": True}

    return config

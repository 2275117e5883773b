"""Builders for the tests of the model."""

from typing import Any

from loadtest_operator.model import loadtest, schedule
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.schedule import LoadTestSchedule
from loadtest_operator.model.spec import LoadTestSpec

USERS = {"users": 50, "duration": "5m"}


def raw(**spec: Any) -> dict[str, Any]:
    """The shortest useful LoadTest, with parts of its spec replaced."""
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": "checkout"},
        "spec": {
            "target": {"url": "http://checkout.shop"},
            "scenario": {"http": {"requests": [{"path": "/"}]}},
            "load": USERS,
            **spec,
        },
    }


def test(**spec: Any) -> LoadTest:
    return loadtest.parse(raw(**spec))


test.__test__ = False  # a builder, not a test


def spec(**parts: Any) -> LoadTestSpec:
    return test(**parts).spec


def load(**shape: Any) -> LoadTestSpec:
    return spec(load=shape)


def nightly(**parts: Any) -> LoadTestSchedule:
    template = {"spec": raw()["spec"]}
    return schedule.parse(
        {
            "apiVersion": "loadtest.dev/v1alpha1",
            "kind": "LoadTestSchedule",
            "metadata": {"name": "nightly"},
            "spec": {"schedule": "0 2 * * *", "template": template, **parts},
        }
    )

"""The LoadTest resource: reading one, and saying what is wrong with it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from loadtest_operator.model import reading
from loadtest_operator.model.errors import Problem
from loadtest_operator.model.fields import Model
from loadtest_operator.model.meta import ObjectMeta, name_rules
from loadtest_operator.model.names import API_VERSION, LOADTEST, NAME_MAX
from loadtest_operator.model.rules import Rule
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.status import LoadTestStatus


def _waits_for_itself(test: "LoadTest") -> bool:
    return test.spec.queue is not None and test.metadata.name in (test.spec.queue.after or ())


_NOT_AFTER_ITSELF: Final = Rule(
    cel="!has(self.spec.queue) || !has(self.spec.queue.after) || !(self.metadata.name in self.spec.queue.after)",
    holds=lambda test: not _waits_for_itself(test),
    message="spec.queue.after must not name the test itself, which would wait for ever: remove it",
    at=".spec.queue.after",
)


class LoadTest(Model):
    """A load test: what to test, with what load, what counts as good; and how it went."""

    rules = (*name_rules(LOADTEST, NAME_MAX), _NOT_AFTER_ITSELF)

    api_version: Annotated[Literal["loadtest.dev/v1alpha1"], Field(description=f"Always {API_VERSION}.")]
    kind: Annotated[Literal["LoadTest"], Field(description=f"Always {LOADTEST}.")]
    metadata: ObjectMeta = Field(description="Name, namespace, labels and annotations.")
    spec: LoadTestSpec = Field(description="What is wanted.")
    status: LoadTestStatus = Field(
        default_factory=LoadTestStatus, description="What the operator found. It alone writes here."
    )


def parse(raw: Mapping[str, Any]) -> LoadTest:
    """A LoadTest as read from YAML or from the API server; raises InvalidSpec with every problem found."""
    return reading.parse(LoadTest, raw)


def problems(raw: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a LoadTest; nothing when it is fine."""
    return reading.problems(LoadTest, raw)

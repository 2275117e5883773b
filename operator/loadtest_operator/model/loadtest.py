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

ROOT_RULES: Final[tuple[Rule, ...]] = name_rules(LOADTEST, NAME_MAX)


class LoadTest(Model):
    """A load test: what to test, with what load, what counts as good; and how it went."""

    rules = ROOT_RULES

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

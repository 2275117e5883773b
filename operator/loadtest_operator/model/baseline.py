"""What a run is compared with."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.common import EndpointName, Title
from loadtest_operator.model.fields import Items, Model, Text
from loadtest_operator.model.quantities import Share
from loadtest_operator.model.rules import Rule

SeriesName = Annotated[
    str,
    Text(
        63,
        r"[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?",
        "must be a name of letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
    ),
]
OtherSeries = Annotated[
    str,
    Text(
        127,
        r"([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?",
        "must be the name of a series such as main, or namespace/series where policy allows it",
    ),
]


class EndpointTolerance(Model):
    """How one endpoint is compared."""

    name: EndpointName = Field(description='The endpoint, such as "POST /orders".')
    tolerance: Share | None = Field(None, description="Its own tolerance, in place of the general one.")
    critical: bool | None = Field(None, description="If its comparison stays open, the whole run is Inconclusive.")


class Baseline(Model):
    """The runs that a new run is compared with: the newest comparable valid ones of its series."""

    rules = (
        Rule(
            cel="(has(self.minRuns) ? self.minRuns : 3) <= (has(self.runs) ? self.runs : 10)",
            holds=lambda self: (
                (3 if self.min_runs is None else self.min_runs) <= (10 if self.runs is None else self.runs)
            ),
            message="minRuns (3 when absent) must not be more than runs (10 when absent): lower minRuns or raise runs",
            at=".minRuns",
        ),
    )

    series: SeriesName | None = Field(
        None, description="The series that this test's runs belong to, always inside the namespace."
    )
    compare_with: OtherSeries | None = Field(
        None,
        description="Compare with another series of this namespace, such as main for a pull request. This run then "
        "stays out of that series.",
    )
    runs: int | None = Field(None, ge=1, le=20, description="How many of the newest comparable valid runs are used.")
    min_runs: int | None = Field(
        None,
        ge=1,
        le=20,
        description="With fewer runs than this the comparison says CollectingBaseline and the thresholds decide alone.",
    )
    tolerance: Share | None = Field(None, description="How much slower than the baseline is still fine.")
    endpoints: Annotated[tuple[EndpointTolerance, ...], Items(50, key="name")] | None = Field(
        None, description="Endpoints with a tolerance of their own, or that must not stay open."
    )
    pinned: Annotated[tuple[Title, ...], Items(20)] | None = Field(
        None, description="Ids of runs that always belong to the baseline: against slow creep."
    )
    epoch: Title | None = Field(
        None,
        description="Any new value starts a fresh baseline: how a wanted change of speed is accepted in Git.",
    )
    confirm_runs: int | None = Field(
        None,
        ge=0,
        le=2,
        description="Up to so many more runs while the comparison is open, or when a run was Invalid through no fault "
        "of the target.",
    )

"""The spec of a LoadTest, put together from its parts."""

from typing import Annotated

from pydantic import Field

from loadtest_operator.model.baseline import Baseline
from loadtest_operator.model.environment import Environment
from loadtest_operator.model.fields import Items, Model
from loadtest_operator.model.load import Load
from loadtest_operator.model.names import NAMESPACE_PLACEHOLDER
from loadtest_operator.model.phases import OnChange, RunOn
from loadtest_operator.model.policies import Gate, Hooks, Notify, Queue, Retention
from loadtest_operator.model.quantities import Timeout
from loadtest_operator.model.rules import Rule
from loadtest_operator.model.runners import Runners
from loadtest_operator.model.scenario import Scenario
from loadtest_operator.model.target import Target
from loadtest_operator.model.thresholds import Thresholds

_UNKNOWN_STAGE = (
    "!has(self.thresholds) || self.thresholds.all(t, !has(t.stage) || "
    "(has(self.load.stages) && self.load.stages.exists(s, s.name == t.stage)))"
)


def _stages_exist(spec: "LoadTestSpec") -> bool:
    stages = {stage.name for stage in spec.load.stages or ()}
    return all(t.stage is None or t.stage in stages for t in spec.thresholds or ())


class LoadTestSpec(Model):
    """What to test, with what load, and what counts as good."""

    rules = (
        Rule(
            cel=f"has(self.environment) || !self.target.url.contains('{NAMESPACE_PLACEHOLDER}')",
            holds=lambda self: self.environment is not None or NAMESPACE_PLACEHOLDER not in self.target.url,
            message="target.url uses {namespace}, which only an environment has: add environment or name the namespace",
            at=".target",
        ),
        Rule(
            cel="has(self.environment) || !has(self.thresholds) || "
            f"!self.thresholds.exists(t, has(t.promql) && t.promql.contains('{NAMESPACE_PLACEHOLDER}'))",
            holds=lambda self: (
                self.environment is not None
                or not any(NAMESPACE_PLACEHOLDER in (t.promql or "") for t in self.thresholds or ())
            ),
            message="promql in thresholds uses {namespace}, which only an environment has: add environment or name the "
            "namespace",
            at=".thresholds",
        ),
        Rule(
            cel=_UNKNOWN_STAGE,
            holds=_stages_exist,
            message="stage in thresholds must be one of load.stages: correct the name, or add the stage",
            at=".thresholds",
        ),
        Rule(
            cel="!has(self.load.manual) || !self.load.manual || !has(self.scenario.k6)",
            holds=lambda self: not self.load.manual or self.scenario.k6 is None,
            message="load.manual needs Locust's web UI, which k6 does not have: use locust or another kind of load",
            at=".load",
        ),
        Rule(
            cel="!has(self.load.fromScript) || !self.load.fromScript || !has(self.scenario.http)",
            holds=lambda self: not self.load.from_script or self.scenario.http is None,
            message="load.fromScript needs a script: use scenario.locust or scenario.k6, or another kind of load",
            at=".load",
        ),
    )

    target: Target = Field(description="The service under test.")
    scenario: Scenario = Field(description="What users do: exactly one of http, locust and k6.")
    load: Load = Field(description="How much load, and for how long.")
    runners: Runners | None = Field(None, description="The pods that make the load.")
    hooks: Hooks | None = Field(None, description="Jobs before and after the load.")
    thresholds: Thresholds | None = Field(None, description="Absolute limits for this run (SLO).")
    baseline: Baseline | None = Field(None, description="What the run is compared with.")
    gate: Gate | None = Field(None, description="Which verdicts close the gate.")
    environment: Environment | None = Field(
        None, description="An ephemeral namespace with the target, for this run alone."
    )
    queue: Queue | None = Field(None, description="When it is this test's turn.")
    notify: Annotated[tuple[Notify, ...], Items(10)] | None = Field(None, description="Whom to tell, and when.")
    retention: Retention | None = Field(None, description="How long things of a finished run stay in the cluster.")
    run_on: RunOn | None = Field(
        None,
        description="What starts a run: Change (of target, scenario, load, runners, environment or hooks) or Request "
        "(annotation, command or schedule only).",
    )
    on_change: OnChange | None = Field(
        None, description="What a changed spec does to a running test: Queue lets it end first, Replace stops it."
    )
    deadline: Timeout | None = Field(
        None, description="How long everything may take, from admission, all attempts included."
    )
    suspend: bool | None = Field(None, description="Do not start; stop a running test and keep its partial results.")

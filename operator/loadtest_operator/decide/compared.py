"""A comparison with the baseline: what is asked of it, what it means for the verdict, and how the status tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.phases import ComparisonResult, Metric, Verdict
from loadtest_operator.model.spec import LoadTestSpec
from loadtest_operator.model.status import cut
from loadtest_operator.verdict.comparison import Comparison, EndpointRules, Finding, Rules

MAX_FINDINGS = 20
_VERDICTS = {
    ComparisonResult.REGRESSED: Verdict.REGRESSED,
    ComparisonResult.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    ComparisonResult.WARNING: Verdict.WARNING,
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A run against its baseline."""

    comparison: Comparison
    series: str
    generator_changed: bool = False
    """Too few of the baseline's runs were made by this build of the load generator to blame the target."""

    @property
    def result(self) -> ComparisonResult:
        """What is said of the run. A new load generator may be what became slower: that warns, and no more."""
        capped = self.generator_changed and self.comparison.result is ComparisonResult.REGRESSED
        return ComparisonResult.WARNING if capped else self.comparison.result

    @property
    def verdict(self) -> Verdict:
        return _VERDICTS.get(self.result, Verdict.PASSED)

    @property
    def message(self) -> str:
        if self.comparison.result is ComparisonResult.COLLECTING_BASELINE:
            return f"baseline: {self.comparison.runs} of {self.comparison.needed} comparable runs so far"
        if self.generator_changed and self.comparison.alarms:
            return f"GeneratorChanged: with a new build of the load generator, {self.comparison.message}"
        return self.comparison.message

    @property
    def worst_change(self) -> float | None:
        """Of a latency, as a fraction."""
        found = [one.change for one in self.comparison.findings if one.metric is not Metric.ERROR_RATE]
        return found[0] if found else None

    def status(self) -> dict[str, Any]:
        """As `status.comparison` has it."""
        detectable = self.comparison.detectable
        head = {
            "result": str(self.result),
            "series": cut(self.series),
            "runs": self.comparison.runs,
            "needed": self.comparison.needed,
        }
        known = {} if detectable is None else {"detectable": quantities.share(round(detectable, 3))}
        judged = [_finding(one, self) for one in self.comparison.findings[:MAX_FINDINGS]]
        return {**head, **known, "findings": judged}


def rules(spec: LoadTestSpec) -> Rules:
    baseline = spec.baseline
    if baseline is None:
        return Rules(defaults.TOLERANCE, defaults.BASELINE_MIN_RUNS)
    return Rules(
        tolerance=defaults.TOLERANCE if baseline.tolerance is None else baseline.tolerance,
        min_runs=baseline.min_runs or defaults.BASELINE_MIN_RUNS,
        confirm_runs=baseline.confirm_runs or 0,
        endpoints={
            one.name: EndpointRules(tolerance=one.tolerance, critical=bool(one.critical))
            for one in baseline.endpoints or ()
        },
    )


def _finding(finding: Finding, compared: Compared) -> Mapping[str, Any]:
    result = compared.result if finding.result is ComparisonResult.REGRESSED else finding.result
    errors = finding.metric is Metric.ERROR_RATE
    told = quantities.points if errors else quantities.change
    found = {
        "endpoint": cut(finding.endpoint),
        "metric": str(finding.metric),
        "change": told(finding.change),
        "low": told(finding.low),
        "high": told(finding.high),
        "result": str(result),
    }
    return found if finding.q is None else {**found, "q": quantities.number(finding.q)}

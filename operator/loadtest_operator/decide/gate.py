"""The gate: which verdict closes it, and the exit code that says so. Conditions, commands and CI all ask here."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from loadtest_operator.model.phases import GatedVerdict, Verdict

PASSES = 0
# 2 is missing: it is the usage error of the command.
EXIT_CODES = {
    Verdict.FAILED: 1,
    Verdict.REGRESSED: 3,
    Verdict.INCONCLUSIVE: 4,
    Verdict.WARNING: 4,
    Verdict.INVALID: 5,
    Verdict.ERROR: 5,
}


@dataclass(frozen=True, slots=True)
class GateResult:
    passes: bool
    exit_code: int


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Error > Invalid > Failed > Regressed > Inconclusive > Warning > Passed; Passed when there is none."""
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.PASSED)


def gate(verdict: Verdict, fail_on: Collection[Verdict | GatedVerdict]) -> GateResult:
    """Error closes the gate whatever `fail_on` says; Passed never does."""
    closed = verdict is Verdict.ERROR or (
        verdict is not Verdict.PASSED and verdict.value in {one.value for one in fail_on}
    )
    return GateResult(passes=not closed, exit_code=EXIT_CODES[verdict] if closed else PASSES)

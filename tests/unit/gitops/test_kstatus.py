"""Our own kstatus reads what that of Flux reads, also where it is treacherous."""

from typing import Any

import pytest

from tests.support import gitops
from tests.support.kstatus import KStatus, broken_rules, compute

GENERATION = 3


def fact(kind: str, status: str, reason: str = "Because", generation: int = GENERATION) -> dict[str, Any]:
    at = "2026-01-02T03:04:05Z"
    body = {"type": kind, "status": status, "reason": reason, "message": "because", "lastTransitionTime": at}
    return {**body, "observedGeneration": generation}


def seen(*conditions: dict[str, Any], observed: int | None = GENERATION, **status: Any) -> dict[str, Any]:
    top = {} if observed is None else {"observedGeneration": observed}
    return {
        "kind": "LoadTest",
        "metadata": {"generation": GENERATION},
        "spec": {},
        "status": {**top, **status, "conditions": list(conditions)},
    }


READY = fact("Ready", "True")
READ = {
    "ready": (seen(READY), KStatus.CURRENT),
    "not ready": (seen(fact("Ready", "False")), KStatus.IN_PROGRESS),
    "unknown": (seen(fact("Ready", "Unknown")), KStatus.IN_PROGRESS),
    "stalled": (seen(fact("Ready", "False"), fact("Stalled", "True")), KStatus.FAILED),
    "the first of both in the list decides": (
        seen(fact("Stalled", "True"), fact("Reconciling", "True"), READY),
        KStatus.FAILED,
    ),
    "and the other way round": (seen(fact("Reconciling", "True"), fact("Stalled", "True"), READY), KStatus.IN_PROGRESS),
    "stalled is not read when it is not true": (seen(fact("Stalled", "False"), READY), KStatus.CURRENT),
    "no condition that is read": (seen(fact("Passed", "False"), fact("Failed", "True")), KStatus.CURRENT),
    "behind": (seen(READY, observed=2), KStatus.IN_PROGRESS),
    "ahead": (seen(READY, observed=4), KStatus.IN_PROGRESS),
    "an old Ready under a new top opens the gate": (seen(fact("Ready", "True", generation=2)), KStatus.CURRENT),
    "without a generation": (seen(READY, observed=None), KStatus.CURRENT),
    "new, with the default": (
        {"metadata": {"generation": 1}, "status": {"observedGeneration": -1}},
        KStatus.IN_PROGRESS,
    ),
    "new, without": ({"metadata": {"generation": 1}}, KStatus.CURRENT),
    "going": ({"metadata": {"generation": 1, "deletionTimestamp": "2026-01-02T03:04:05Z"}}, KStatus.TERMINATING),
}
BROKEN = {
    "Ready is missing": seen(fact("Passed", "False")),
    "Reconciling and Stalled are both there": seen(
        fact("Ready", "False"), fact("Stalled", "True"), fact("Reconciling", "True")
    ),
    "Stalled without Ready=False": seen(fact("Ready", "Unknown"), fact("Stalled", "True")),
    "Reconciling without Ready=Unknown": seen(READY, fact("Reconciling", "True")),
    "Stalled: is there without being True": seen(fact("Ready", "False"), fact("Stalled", "False")),
    "Ready: is of another generation than the status": seen(fact("Ready", "True", generation=2)),
    "Ready: has no reason that is one word": seen(fact("Ready", "True", "two words")),
    "Stalled has another reason than Ready": seen(fact("Ready", "False", "Failed"), fact("Stalled", "True", "Error")),
}
EXPECTED = {
    "Passed": KStatus.CURRENT,
    "Warning": KStatus.CURRENT,
    "Inconclusive": KStatus.CURRENT,
    "Failed": KStatus.FAILED,
    "Regressed": KStatus.FAILED,
    "Invalid": KStatus.FAILED,
    "Error": KStatus.FAILED,
}


@pytest.mark.parametrize(("item", "status"), READ.values(), ids=READ)
def test_it_reads_as_flux_does(item: dict[str, Any], status: KStatus) -> None:
    assert compute(item) is status


@pytest.mark.parametrize(("sentence", "item"), BROKEN.items())
def test_a_broken_rule_is_told(sentence: str, item: dict[str, Any]) -> None:
    assert sentence in broken_rules(item)


def test_a_status_that_keeps_the_rules_is_not_complained_about() -> None:
    assert broken_rules(seen(READY)) == []
    assert broken_rules(seen(fact("Ready", "False"), fact("Stalled", "True"))) == []
    assert broken_rules({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}) == []


@pytest.mark.parametrize(("verdict", "status"), EXPECTED.items())
def test_the_gate_decides_what_a_completed_run_is(verdict: str, status: KStatus) -> None:
    item = seen(phase="Completed", verdict=verdict)
    assert gitops.expected(item).kstatus is status
    advisory = {**item, "spec": {"gate": {"failOn": []}}}
    assert gitops.expected(advisory).kstatus is (KStatus.FAILED if verdict == "Error" else KStatus.CURRENT)

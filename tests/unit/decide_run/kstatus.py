"""What Flux and Argo CD conclude from an object: the rules of kstatus, and whether the conditions are well formed."""

import json
import re

from loadtest_operator.model.status import SIZE_MAX, LoadTestStatus

IN_PROGRESS, FAILED, CURRENT, TERMINATING = "InProgress", "Failed", "Current", "Terminating"


def kstatus(raw):
    """As in fluxcd/cli-utils: deletion, generation, the first of Reconciling and Stalled, Ready, else Current."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    if "deletionTimestamp" in metadata:
        return TERMINATING
    if status.get("observedGeneration", metadata["generation"]) != metadata["generation"]:
        return IN_PROGRESS
    found = status.get("conditions") or []
    for item in found:
        if item["status"] == "True" and item["type"] == "Reconciling":
            return IN_PROGRESS
        if item["status"] == "True" and item["type"] == "Stalled":
            return FAILED
    ready = next((item["status"] for item in found if item["type"] == "Ready"), "True")
    return CURRENT if ready == "True" else IN_PROGRESS


def by_type(status):
    return {item["type"]: item for item in status["conditions"]}


def check(status, generation):
    """What holds for every status that is ever written."""
    LoadTestStatus.model_validate_json(json.dumps(status), strict=True, by_alias=True, by_name=False)
    assert len(json.dumps(status)) < SIZE_MAX
    assert status["observedGeneration"] == generation
    assert status["message"]
    found = by_type(status)
    assert len(found) == len(status["conditions"]), "a type comes twice"
    for item in found.values():
        _well_formed(item, generation)
    _consistent(found, status)


def _well_formed(item, generation):
    assert re.fullmatch("[A-Z][A-Za-z]*", item["reason"]), item
    assert item["message"].strip(), item
    assert item["observedGeneration"] == generation, item
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", item["lastTransitionTime"]), item


def _consistent(found, status):
    overall = {name: found[name]["status"] for name in ("Ready", "Reconciling", "Stalled") if name in found}
    # Ready is always there; the two others only while they are true, and never both.
    assert overall in (
        {"Ready": "Unknown", "Reconciling": "True"},
        {"Ready": "False", "Stalled": "True"},
        {"Ready": "True"},
        {"Ready": "False"},
    ), overall
    if overall == {"Ready": "False"}:  # waits for a person
        assert status["phase"] in {"Suspended", "Pending"}
    said = {found[name]["reason"] for name in overall}
    assert len(said) == 1, said
    settled = "Reconciling" not in overall and status["phase"] in {"Completed", "Error", "Cancelled"}
    assert found["Completed"]["status"] == str(settled)
    assert found["Completed"]["reason"] == status["phase"]
    assert (found["Passed"]["status"] == "Unknown") is not settled
    if overall["Ready"] == "True":
        assert found["Passed"]["status"] == "True"

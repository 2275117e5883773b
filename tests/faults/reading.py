"""What objects, records and workers of a history say, in the words of what must hold."""

from typing import Any

from loadtest_operator.model.phases import Phase

from tests.faults.locusts import Worker
from tests.faults.model import Object

TERMINAL = {phase.value for phase in Phase if phase.terminal}


def unsettled(test: Object) -> str:
    status, metadata = test.get("status") or {}, test["metadata"]
    name, phase = metadata["name"], status.get("phase")
    conditions = {item["type"]: item["status"] for item in status.get("conditions") or ()}
    if status.get("observedGeneration") != metadata["generation"]:
        return f"{name} has not been looked at in generation {metadata['generation']}"
    request = (metadata.get("annotations") or {}).get("loadtest.dev/run-requested")
    if request and request != status.get("lastHandledRunRequest") and "Stalled" not in conditions:
        return f"{name}: the run that was asked for did not begin"
    if "Reconciling" in conditions or (phase not in TERMINAL and "Stalled" not in conditions):
        return f"{name} is {phase}: {status.get('message')}"
    return ""


def run(worker: Worker) -> str:
    return worker.fence.split("/")[0]


def request(status: Object) -> str:
    return str(status.get("lastHandledRunRequest") or "")


def requests(record: Any) -> int:
    return sum(cell.n for endpoint in record.endpoints for cell in endpoint.cells)

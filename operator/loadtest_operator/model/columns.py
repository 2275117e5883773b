"""What `kubectl get` prints. A status field that is missing prints empty."""

from typing import Any, Final


def _column(name: str, path: str, description: str, type: str = "string", wide: bool = False) -> dict[str, Any]:  # noqa: A002
    column = {"name": name, "type": type, "jsonPath": path, "description": description}
    return {**column, "priority": 1} if wide else column


# While a test runs the figures are those of its progress; afterwards those of the judged window.
_RPS: Final = ".status['summary','progress'].rps"
_P95: Final = ".status['summary','progress'].p95"
_ERRORS: Final = ".status['summary','progress'].errorRate"

LOADTEST_COLUMNS: Final = [
    _column("Phase", ".status.phase", "Where the run stands."),
    _column("Verdict", ".status.verdict", "What the run says about the target."),
    _column("Users", ".status.progress.users", "Users who are, or were, at work.", "integer"),
    _column("RPS", _RPS, "Requests per second."),
    _column("P95", _P95, "95 % of the answers came faster than this."),
    _column("Errors", _ERRORS, "The share of requests that failed."),
    _column("Change", ".status.comparison.findings[0].change", "The worst change against the baseline."),
    _column("Age", ".metadata.creationTimestamp", "How long the object exists.", "date"),
    _column("Run", ".status.run.number", "The number of the run.", "integer", wide=True),
    _column("Workers", ".status.run.workers", "The number of worker pods.", "integer", wide=True),
    _column("Queue", ".status.queue.waitingFor", "What it waits for.", wide=True),
    _column("Message", ".status.message", "The one sentence to read first.", wide=True),
]

_STATE: Final = '.status.conditions[?(@.type=="Ready")].reason'

SCHEDULE_COLUMNS: Final = [
    _column("Schedule", ".spec.schedule", "When tests start, as five cron fields."),
    _column("State", _STATE, "Whether it schedules: Scheduled, Suspended, or why not."),
    _column("Last", ".status.lastRun", "The newest LoadTest of this schedule."),
    _column("Verdict", ".status.lastVerdict", "The verdict of the newest finished one."),
    _column("Next", ".status.nextRun", "When the next one is due."),
    _column("Age", ".metadata.creationTimestamp", "How long the object exists.", "date"),
    _column("Time zone", ".spec.timeZone", "The time zone of the schedule.", wide=True),
    _column("Missed", ".status.missed", "How many could not be started in time.", "integer", wide=True),
    _column("Message", ".status.message", "The one sentence to read first.", wide=True),
]

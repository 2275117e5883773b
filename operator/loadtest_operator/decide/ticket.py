"""What the queue reads of a LoadTest: small records, made once per version of the object."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from loadtest_operator.decide import stage
from loadtest_operator.decide.queue import Hold, Name, Need, Standing, Ticket
from loadtest_operator.decide.scheduled import Made
from loadtest_operator.model import defaults, quantities
from loadtest_operator.model.phases import Phase
from loadtest_operator.model.spec import LoadTestSpec

Raw = Mapping[str, Any]

UNDER_WAY = frozenset(
    {Phase.PREPARING, Phase.STARTING, Phase.PREFLIGHT, Phase.RUNNING, Phase.COLLECTING, Phase.JUDGING}
)


def name(raw: Raw) -> Name:
    return Name(raw["metadata"]["namespace"], raw["metadata"]["name"])


def phase(raw: Raw) -> str:
    status = raw.get("status") or {}
    return str(Phase.PREPARING if stage.with_kueue(status) else status.get("phase") or "")


def waits(raw: Raw) -> bool:
    """It says itself that it stands in line. What is suspended, or goes, does not keep its place."""
    spec, metadata = raw.get("spec") or {}, raw["metadata"]
    return phase(raw) == Phase.QUEUED and not spec.get("suspend") and "deletionTimestamp" not in metadata


def holds(raw: Raw) -> bool:
    return phase(raw) in UNDER_WAY


def need(spec: LoadTestSpec, namespace: str) -> Need:
    return Need(frozenset(defaults.locks(spec, namespace)), defaults.most_users(spec), defaults.workers(spec))


def ticket(raw: Raw, spec: LoadTestSpec, now: datetime) -> Ticket:
    queue = spec.queue
    return Ticket(
        name(raw),
        need(spec, raw["metadata"]["namespace"]),
        since(raw, now),
        (queue.priority if queue else None) or 0,
        (queue.after if queue else None) or (),
        defaults.queue_timeout(spec),
    )


def since(raw: Raw, now: datetime) -> datetime:
    """Who stands in line keeps the place, whatever else is edited."""
    told = (raw.get("status") or {}).get("queue") or {}
    return _moment(told.get("since"), now) if phase(raw) == Phase.QUEUED else now


def _moment(text: Any, otherwise: datetime) -> datetime:
    """Only this operator writes it; but whoever may write statuses must not be able to stop it."""
    try:
        moment = quantities.parse_timestamp(str(text))
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else otherwise


def stamp(moment: datetime) -> str:
    """To the microsecond: two that came in one second are told apart by it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def hold(raw: Raw) -> Hold:
    """As it was admitted: an edit in mid-run does not move the load that is under way."""
    run = raw["status"].get("run") or {}
    taken = Need(frozenset(run.get("locks") or ()), int(run.get("users") or 1), int(run.get("workers") or 1))
    return Hold(name(raw), taken, _moment(run.get("startTime"), datetime.min.replace(tzinfo=UTC)))


def standing(raw: Raw | None) -> Standing:
    """What those see that come after it."""
    if raw is None or "deletionTimestamp" in raw["metadata"]:
        return Standing.MISSING
    made = Made(raw)
    if not made.over:
        return Standing.UNDER_WAY
    return Standing.PASSED if made.passed else Standing.FAILED


def told(raw: Raw) -> tuple[str, int | None]:
    """What its status says of the queue."""
    queue = (raw.get("status") or {}).get("queue") or {}
    return str(queue.get("waitingFor") or ""), queue.get("position")

"""What was asked of the target and what it answered, per endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Count:
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None


class Stats:
    """Requests count when they arrive, statuses when they are answered; between them: in flight, or given up."""

    def __init__(self, now: float) -> None:
        self.reset(now)

    def reset(self, now: float) -> None:
        self.since = now
        self.endpoints: dict[str, Count] = {}

    def arrived(self, endpoint: str, now: float) -> None:
        count = self.endpoints.get(endpoint)
        if count is None:
            count = self.endpoints[endpoint] = Count(first=now)
        count.requests += 1
        count.last = now

    def answered(self, endpoint: str, status: int) -> None:
        if count := self.endpoints.get(endpoint):
            count.statuses[status] += 1

    def as_json(self) -> dict[str, object]:
        counts = self.endpoints.values()
        return {
            "since": self.since,
            "requests": sum(count.requests for count in counts),
            "errors": sum(n for count in counts for status, n in count.statuses.items() if status >= 400),
            "first": min((count.first for count in counts if count.first is not None), default=None),
            "last": max((count.last for count in counts if count.last is not None), default=None),
            "endpoints": {
                name: {
                    "requests": count.requests,
                    "statuses": {str(status): n for status, n in sorted(count.statuses.items())},
                    "first": count.first,
                    "last": count.last,
                }
                for name, count in sorted(self.endpoints.items())
            },
        }

    def as_metrics(self) -> Iterator[str]:
        """Prometheus text; the names of endpoints are ours, so nothing needs escaping."""
        yield "# HELP target_requests_total Requests answered by the sample target."
        yield "# TYPE target_requests_total counter"
        for name, count in sorted(self.endpoints.items()):
            for status, n in sorted(count.statuses.items()):
                yield f'target_requests_total{{endpoint="{name}",status="{status}"}} {n}'
        yield ""

"""Which chain of runs a LoadTest belongs to, and which of that chain's runs a new one can be compared with."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loadtest_operator.decide import scheduled
from loadtest_operator.model import defaults, resources
from loadtest_operator.model.spec import LoadTestSpec

# Of the histograms' buckets: runs with other buckets have other quantiles.
HISTOGRAM_VERSION = 1
_KINDS = ("loadtest", "loadtestschedule")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The runs that make the baseline of one run."""

    namespace: str
    series: tuple[str, ...]
    """Names that the series may have; the first with a run counts."""
    config_hash: str
    epoch: str
    before: datetime
    """A run that is judged again is compared with the runs before it, as it was the first time."""
    limit: int
    pinned: tuple[str, ...] = ()


def own(test: str, spec: LoadTestSpec, schedule: str | None = None) -> str:
    """The series that the runs of a test belong to. `kind/name` cannot clash with a name that a person gives."""
    if spec.baseline is not None and spec.baseline.series:
        return spec.baseline.series
    return scheduled.series_of(schedule) if schedule else f"loadtest/{test}"


def wanted(spec: LoadTestSpec, *, namespace: str, series: str, config_hash: str, start: datetime) -> Wanted:
    baseline = spec.baseline
    return Wanted(
        namespace=namespace,
        series=_compared_with(spec, series),
        config_hash=config_hash,
        epoch=epoch(spec),
        before=start,
        limit=(baseline.runs if baseline else None) or defaults.BASELINE_RUNS,
        pinned=tuple((baseline.pinned if baseline else None) or ()),
    )


def epoch(spec: LoadTestSpec) -> str:
    return (spec.baseline.epoch if spec.baseline else None) or ""


def comparable_key(
    spec: LoadTestSpec, raw_spec: Mapping[str, Any], files: Mapping[str, str], locust: str | None
) -> str:
    """The hash of all that has to be the same for two runs to be comparable.

    Over scenario, load and target as the user wrote them. Memory, labels and images are out: they are not what is
    asked of the target, and a new patch of the image must not throw a baseline away.
    """
    parts = {
        "target": raw_spec["target"]["url"],
        "scenario": raw_spec["scenario"],
        "files": dict(files),
        "load": raw_spec["load"],
        "workers": defaults.workers(spec),
        "cpu": _cpu(spec),
        "engine": f"locust {'.'.join((locust or '').split('.')[:2])}",
        "histogram": HISTOGRAM_VERSION,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _compared_with(spec: LoadTestSpec, series: str) -> tuple[str, ...]:
    other = spec.baseline.compare_with if spec.baseline else None
    # A name means the series that is called so, else that of the LoadTest or the schedule with this name.
    return (other, *(f"{kind}/{other}" for kind in _KINDS)) if other else (series,)


def _cpu(spec: LoadTestSpec) -> str:
    wanted = resources.of_worker(spec)
    return str((wanted.get("limits") or {}).get("cpu") or (wanted.get("requests") or {}).get("cpu") or "")

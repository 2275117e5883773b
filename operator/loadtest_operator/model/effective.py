"""The spec as it is acted on: what is written, and the defaults for the rest."""

from typing import Any

from loadtest_operator.model import defaults, quantities, resources
from loadtest_operator.model.spec import LoadTestSpec


def effective(spec: LoadTestSpec) -> dict[str, Any]:
    """The spec as it is acted on, in the form in which it would be written."""
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _over(_defaults(spec), written)


def _defaults(spec: LoadTestSpec) -> dict[str, Any]:
    given_health = defaults.health(spec)
    shortest, longest = defaults.think_time(spec)
    found: dict[str, Any] = {
        "target": {"health": given_health.model_dump(mode="json", by_alias=True, exclude_none=True)},
        "load": _load(spec),
        "runners": {
            "workers": defaults.workers(spec),
            "resources": resources.of_worker(spec),
            "master": {"resources": resources.of_master(spec)},
            "startTimeout": quantities.duration(defaults.start_timeout(spec)),
            "tolerateLoss": quantities.share(defaults.tolerate_loss(spec)),
            "retries": defaults.retries(spec),
        },
        "gate": {"failOn": [verdict.value for verdict in defaults.fail_on(spec)]},
        "runOn": defaults.run_on(spec).value,
        "onChange": defaults.on_change(spec).value,
        "deadline": quantities.duration(defaults.deadline(spec)),
        "suspend": defaults.suspend(spec),
    }
    if spec.scenario.http is not None:
        found["scenario"] = {
            "http": {
                "thinkTime": {"min": quantities.duration(shortest), "max": quantities.duration(longest)},
                "timeout": quantities.duration(defaults.request_timeout(spec)),
            }
        }
    return found


def _load(spec: LoadTestSpec) -> dict[str, Any]:
    """What can stand beside the kind of load that is chosen: stages and a search have their lengths in themselves."""
    if spec.load.duration is None:
        return {}
    found = {"warmup": quantities.duration(defaults.warmup(spec))}
    if spec.load.spawn_rate is None and not (spec.load.from_script or spec.load.manual):
        found["ramp"] = quantities.duration(defaults.ramp(spec))
    return found


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged

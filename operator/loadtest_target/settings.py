"""How slow and how faulty each endpoint is: read from the environment at start, changed by /_control while running."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace

ALL = "all"


class SettingsError(ValueError):
    """A value that cannot be used; the text is one sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Latency is log-normal: half of the requests take less than `median` seconds, `sigma` spreads its logarithm."""

    median: float
    sigma: float
    slowdown: float = 1.0
    errors: float = 0.0


# The medians of a small shop: pages from memory, a search that works, a checkout that talks to others.
SHOP: Mapping[str, Endpoint] = {
    "home": Endpoint(0.005, 0.3),
    "search": Endpoint(0.020, 0.4),
    "item": Endpoint(0.010, 0.3),
    "cart": Endpoint(0.015, 0.3),
    "checkout": Endpoint(0.040, 0.4),
}


@dataclass(frozen=True, slots=True)
class Settings:
    endpoints: Mapping[str, Endpoint] = field(default_factory=lambda: dict(SHOP))
    seed: int = 1
    healthy: bool = True

    def as_json(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "healthy": self.healthy,
            "endpoints": {name: asdict(endpoint) for name, endpoint in self.endpoints.items()},
        }


def from_environment(environ: Mapping[str, str]) -> Settings:
    """TARGET_LATENCY, TARGET_SLOWDOWN, TARGET_ERRORS as "endpoint=value,...", and TARGET_SEED."""
    asked: dict[str, object] = {}
    for key in ("latency", "slowdown", "errors"):
        variable = f"TARGET_{key.upper()}"
        if text := environ.get(variable, "").strip():
            asked[key] = _pairs(variable, text)
    if text := environ.get("TARGET_SEED", "").strip():
        asked["seed"] = text
    return change(Settings(), asked, place=lambda key: f"TARGET_{key.upper()}")


def change(
    settings: Settings, asked: Mapping[str, object], *, place: Callable[[str], str] = lambda key: key
) -> Settings:
    """The settings with what was asked for replaced; `place` names a key in error messages."""
    for key, value in asked.items():
        match key:
            case "latency" | "slowdown" | "errors":
                settings = replace(settings, endpoints=_changed(settings.endpoints, key, value, place(key)))
            case "seed":
                settings = replace(settings, seed=_whole_number(value, place(key)))
            case "healthy":
                if not isinstance(value, bool):
                    raise SettingsError(f"{place(key)}: {value!r} is neither true nor false.")
                settings = replace(settings, healthy=value)
            case _:
                raise SettingsError(f"{key!r} is unknown; known are latency, slowdown, errors, seed and healthy.")
    return settings


def _changed(endpoints: Mapping[str, Endpoint], key: str, asked: object, place: str) -> Mapping[str, Endpoint]:
    if not isinstance(asked, Mapping):
        raise SettingsError(f'{place}: {asked!r} is not a map such as {{"search": {EXAMPLES[key]!r}}}.')
    result = dict(endpoints)
    for name, value in asked.items():
        if name != ALL and name not in endpoints:
            known = ", ".join(endpoints)
            raise SettingsError(
                f"{place}: there is no endpoint {name!r}; known are {known}, and {ALL!r} for every one."
            )
        fields = READERS[key](value, f"{place}: {name}")
        for each in endpoints if name == ALL else [name]:
            result[each] = replace(result[each], **fields)
    return result


def _pairs(variable: str, text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in text.split(","):
        name, equals, value = item.partition("=")
        if not equals or not value.strip():
            example = EXAMPLES[variable.removeprefix("TARGET_").lower()]
            raise SettingsError(
                f'{variable}: {item.strip()!r} is not "endpoint=value", for example "search={example}".'
            )
        pairs[name.strip()] = value.strip()
    return pairs


def _latency(value: object, place: str) -> dict[str, float]:
    median, slash, sigma = str(value).partition("/")
    result = {"median": _seconds(median.strip(), place)}
    if slash:
        result["sigma"] = _number(sigma, place, low=0, high=3, what="a spread (sigma)")
    return result


def _seconds(text: str, place: str) -> float:
    for unit, seconds in (("ms", 1e-3), ("s", 1.0)):
        if text.endswith(unit):
            return (
                _number(text.removesuffix(unit), place, low=0.1e-3 / seconds, high=60 / seconds, what="a latency")
                * seconds
            )
    raise SettingsError(
        f"{place}: {text!r} is not a latency; write it with its unit, for example {EXAMPLES['latency']}."
    )


def _slowdown(value: object, place: str) -> dict[str, float]:
    return {"slowdown": _number(value, place, low=0.01, high=1000, what="a slowdown factor")}


def _errors(value: object, place: str) -> dict[str, float]:
    if isinstance(value, str) and value.endswith("%"):
        return {"errors": _number(value[:-1], place, low=0, high=100, what="a percentage") / 100}
    return {"errors": _number(value, place, low=0, high=1, what="a share of errors")}


def _number(value: object, place: str, *, low: float, high: float, what: str) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]  # whatever it is not good for ends in TypeError
    except (TypeError, ValueError):
        number = math.nan
    if not low <= number <= high:
        raise SettingsError(f"{place}: {value!r} is not {what} between {low:g} and {high:g}.")
    return number


def _whole_number(value: object, place: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise SettingsError(f"{place}: {value!r} is not a whole number.") from None


EXAMPLES = {"latency": "20ms/0.4", "slowdown": "1.5", "errors": "0.05"}
READERS: Mapping[str, Callable[[object, str], dict[str, float]]] = {
    "latency": _latency,
    "slowdown": _slowdown,
    "errors": _errors,
}

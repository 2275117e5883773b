"""What the installer lets each namespace do: rules of the operator's settings, read and checked, nothing decided."""

import re
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from loadtest_operator.model import hosts, quantities
from loadtest_operator.model.hosts import NoHost, fits

_GLOB = re.compile(r"[a-z0-9*]([-a-z0-9*]*[a-z0-9*])?")
_TARGET = re.compile(r"\*|\*\*\.[-a-z0-9._]+|[-a-z0-9._*]+|[0-9a-f:.]+")
_RANGE = re.compile(r"[0-9a-fA-F:.]+/[0-9]+")
_URL = re.compile(r"https?://[-A-Za-z0-9._\[\]:]+(/[-A-Za-z0-9._~/]*)?")
_DURATION = re.compile(r"([0-9]+(h|m|s))+")


def _namespace(text: str) -> str:
    if not _GLOB.fullmatch(text):
        raise ValueError("must be the name of a namespace, in which * stands for any letters, such as perf-*")
    return text


def _target(text: str) -> str:
    if _RANGE.fullmatch(text):
        return _cidr(text)
    if not _TARGET.fullmatch(text):
        raise ValueError(
            "must be a host in lower case, in which * stands for one part of the name and **. for one or more, such "
            "as *.shop, **.staging.example, or an address range such as 203.0.113.0/24"
        )
    try:
        meant = hosts.read(text, "default")
    except NoHost as error:
        raise ValueError(str(error)) from error
    if isinstance(meant, hosts.Address):
        raise ValueError(f"must be written as {meant}")
    return text


def _cidr(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError(f"must be an address range such as 203.0.113.0/24 ({error})") from error


def _address(text: str) -> str:
    if not _URL.fullmatch(text):
        raise ValueError("must be the address of a Prometheus such as http://prometheus.monitoring:9090")
    return text.rstrip("/")


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text) or quantities.parse_duration(text) <= timedelta(0):
        raise ValueError("must be a duration such as 30m or 8h")
    return text


Namespaces = Annotated[str, AfterValidator(_namespace)]
Cidr = Annotated[str, AfterValidator(_cidr)]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Egress(_Part):
    """Where load pods may connect to, beyond what `targets` allows."""

    namespace: Namespaces | None = Field(None, description="All pods of this namespace.")
    cidr: Cidr | None = Field(None, description="An address range outside the cluster.")
    ports: tuple[Port, ...] = Field((), description="TCP ports; none: all.")

    @model_validator(mode="after")
    def _one(self) -> "Egress":
        if (self.namespace is None) == (self.cidr is None):
            raise ValueError("set exactly one of namespace and cidr")
        if self.namespace is not None and self.namespace != "*" and "*" in self.namespace:
            raise ValueError("namespace: a network policy knows no patterns: name it, or write *")
        return self


class Prometheus(_Part):
    """Who answers the PromQL of thresholds."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Its address, such as http://prometheus.monitoring:9090, with what comes in front of /api/v1."
    )
    tenant: Annotated[str, Field(pattern=r"^[!-~]+$")] | None = Field(
        None, description="Sent as X-Scope-OrgID, for a Prometheus that keeps tenants apart."
    )


class PolicyRule(_Part):
    """What LoadTests of some namespaces may do. The first rule whose `namespaces` fit is the one that holds."""

    namespaces: tuple[Namespaces, ...] = Field(
        ("*",), min_length=1, description="For LoadTests of these namespaces; * stands for any letters."
    )
    targets: tuple[Annotated[str, AfterValidator(_target)], ...] = Field(
        ("*.*",),
        description="Hosts that target.url may name. SERVICE.NAMESPACE is a Service, an address range is an address; "
        "* stands for one part of a name, **. for one or more in front, * alone for anything.",
    )
    egress: tuple[Egress, ...] = Field(
        (), description="Where load pods may connect to beside targets in the cluster; needed for targets outside."
    )
    max_users: Annotated[int, Field(ge=0)] = Field(2000, description="Most users of one LoadTest; 0: no limit.")
    max_workers: Annotated[int, Field(ge=0)] = Field(20, description="Most worker pods of one LoadTest; 0: no limit.")
    max_duration: Annotated[str, AfterValidator(_duration)] = Field("8h", description="Longest load of one LoadTest.")
    max_concurrent: Annotated[int, Field(ge=0)] = Field(
        0, description="LoadTests of one namespace that may be under way at once; 0: max_runs_per_namespace."
    )
    locks: tuple[Annotated[str, Field(pattern=r"^[-A-Za-z0-9._/:*]+$")], ...] = Field(
        ("*",), description="What queue.exclusive may name; * stands for any letters."
    )
    priority: int = Field(1000, ge=-1000, le=1000, description="Highest queue.priority.")
    service_accounts: tuple[Namespaces, ...] = Field(
        (), description="ServiceAccounts that runners.serviceAccountName may name."
    )
    prometheus: Prometheus | None = Field(
        None, description="Who is asked for the PromQL of thresholds; without it there can be none."
    )

    def covers(self, namespace: str) -> bool:
        return any(fits(pattern, namespace) for pattern in self.namespaces)

    @property
    def longest(self) -> timedelta:
        return quantities.parse_duration(self.max_duration)


def rule_of(rules: tuple[PolicyRule, ...], namespace: str) -> tuple[PolicyRule, str]:
    """The rule that holds for a namespace, and how people find it."""
    for index, rule in enumerate(rules):
        if rule.covers(namespace):
            return rule, f"policy[{index}] (namespaces: {', '.join(rule.namespaces)})"
    return PolicyRule(), "the default policy"

"""Whether the installer's policy lets a LoadTest run: the rule, the value, and the way out, in one sentence.

The check of target.url is a guard rail, for honest mistakes: a name can lead anywhere, and a script can call any URL.
What load pods can reach is decided by the fence (build/fence.py).
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from loadtest_operator.decide import egress
from loadtest_operator.model import defaults, hosts, quantities
from loadtest_operator.model.hosts import Address, Host, NoHost, Outside, Service, fits
from loadtest_operator.model.loadtest import LoadTest
from loadtest_operator.model.policy import PolicyRule, rule_of
from loadtest_operator.model.spec import LoadTestSpec

ASK: Final = "or ask whoever runs the operator to change its policy"


def refused(test: LoadTest, namespace: str, rules: tuple[PolicyRule, ...], *, fenced: bool = True) -> str:
    """A sentence for everything that is not allowed; empty when all is."""
    rule, name = rule_of(rules, namespace)
    found = [
        _target(test.spec, namespace, rule, name, fenced),
        *(check(test.spec, rule, name) for check in _CHECKS),
    ]
    return "; ".join(sentence for sentence in found if sentence)


def _target(spec: LoadTestSpec, namespace: str, rule: PolicyRule, name: str, fenced: bool) -> str:
    url = spec.target.url
    try:
        host = hosts.of_url(url, namespace)
    except NoHost as error:
        return f"target.url {url}: {error}"
    if isinstance(host, Service) and (host.namespace == hosts.ENVIRONMENT):
        return ""  # made for this run alone
    allowed = [pattern for pattern in rule.targets if hosts.matches(pattern, host, namespace)]
    if not allowed:
        targets = ", ".join(rule.targets) or "none"
        return f"target.url {url} names {_words(host)}, and {name} allows targets {targets}: {_way_out(host)}, {ASK}"
    if fenced and isinstance(host, Outside) and "*" not in allowed and not any(one.cidr for one in rule.egress):
        return (
            f"target.url {url} names {host}, which {name} allows by name alone: a network policy knows no names, so "
            f"whoever runs the operator has to add its addresses to that rule, egress: [{{cidr: ADDRESSES}}]"
        )
    return ""


def _words(host: Host) -> str:
    if isinstance(host, Service):
        return f"Service {host.name} of namespace {host.namespace}"
    if isinstance(host, Address):
        return f"the address {host}"
    return f"{host}, a host outside the cluster"


def _way_out(host: Host) -> str:
    if isinstance(host, Address):
        return "name the Service in place of its address"
    return "choose one of these"


def _users(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    return _too_many(defaults.most_users(spec), rule.max_users, "users", "maxUsers", "load.users", name)


def _workers(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    return _too_many(defaults.workers(spec), rule.max_workers, "workers", "maxWorkers", "runners.workers", name)


def _too_many(asked: int, most: int, what: str, limit: str, field: str, name: str) -> str:
    if not most or asked <= most:
        return ""
    return f"it asks for {asked} {what}, and {name} has {limit}: {most}: lower {field}, {ASK}"


def _duration(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    asked: timedelta = defaults.duration(spec)
    if asked <= rule.longest:
        return ""
    said = quantities.duration(asked)
    return f"its load takes {said}, and {name} has maxDuration: {rule.max_duration}: shorten spec.load, {ASK}"


def _priority(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    asked = (spec.queue.priority if spec.queue else None) or 0
    if asked <= rule.priority:
        return ""
    return f"queue.priority is {asked}, and {name} has priority: {rule.priority}: lower it, {ASK}"


def _locks(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    asked = (spec.queue.exclusive if spec.queue else None) or ()
    wrong = [lock for lock in asked if not any(fits(pattern, lock) for pattern in rule.locks)]
    if not wrong:
        return ""
    allowed = ", ".join(rule.locks) or "none"
    return f"queue.exclusive names {', '.join(wrong)}, and {name} allows locks {allowed}: choose one of these, {ASK}"


def _account(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    asked = spec.runners.service_account_name if spec.runners else None
    if asked is None or any(fits(pattern, asked) for pattern in rule.service_accounts):
        return ""
    allowed = ", ".join(rule.service_accounts) or "none"
    return f"runners.serviceAccountName is {asked}, and {name} allows serviceAccounts {allowed}: remove it, {ASK}"


def _environment(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    """What is not allowed to load pods is not allowed to what they are pointed at: it is the same person's code."""
    asked = (spec.environment.allow_egress if spec.environment else None) or ()
    wrong = [str(one.namespace or one.cidr) for one in asked if not egress.covered(one, rule)]
    if not wrong:
        return ""
    return (
        f"environment.allowEgress names {', '.join(wrong)}, and neither targets nor egress of {name} go there: "
        f"remove it, {ASK}"
    )


def _prometheus(spec: LoadTestSpec, rule: PolicyRule, name: str) -> str:
    asked = next((one for one in spec.thresholds or () if one.promql is not None), None)
    if asked is None or rule.prometheus is not None:
        return ""
    return (
        f"threshold {asked.title} asks Prometheus, and {name} names none (prometheus: {{url: ...}}): remove it, {ASK}"
    )


_CHECKS: Final[tuple[Callable[[LoadTestSpec, PolicyRule, str], str], ...]] = (
    _users,
    _workers,
    _duration,
    _priority,
    _locks,
    _account,
    _environment,
    _prometheus,
)

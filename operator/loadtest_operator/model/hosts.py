"""What a host in a URL is: a Service, a name outside the cluster, or an address, in whatever spelling it comes."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

# Nobody names a namespace like this; for any other two-part name a Service is looked for first.
_PUBLIC: Final = frozenset({"arpa", "biz", "com", "edu", "gov", "info", "int", "mil", "net", "org"})
# \0 and \1 stand for {namespace} and *: no URL and no pattern can hold them.
_STANDS_FOR: Final = "\0"
_STAR: Final = "\1"
_NAME: Final = re.compile(
    r"[a-z0-9_\0\1]([-a-z0-9_\0\1]*[a-z0-9_\0\1])?(\.[a-z0-9_\0\1]([-a-z0-9_\0\1]*[a-z0-9_\0\1])?)*"
)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_PLACEHOLDER: Final = "{namespace}"
_SVC: Final = (["svc"], ["svc", "cluster", "local"])
ENVIRONMENT: Final = _PLACEHOLDER


class NoHost(Exception):
    """The text names no host, or not in a way that every client reads alike."""


@dataclass(frozen=True)
class Service:
    """A Service, or what else the cluster's name server finds under such a name."""

    name: str
    namespace: str  # ENVIRONMENT: the run's ephemeral one
    sure: bool = False  # written with .svc: it cannot be a name of the world outside

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True)
class Outside:
    """Any other name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Address:
    address: IPv4Address | IPv6Address

    def __str__(self) -> str:
        return str(self.address)


Host = Service | Outside | Address


def of_url(url: str, namespace: str) -> Host:
    """The host that the agent's client would connect to; it reads the URL with the same function."""
    if any(not letter.isprintable() or letter.isspace() or letter == "\\" for letter in url):
        raise NoHost("it must not hold spaces, backslashes or control characters")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018  raises for one that is no port
    except ValueError as error:
        raise NoHost(str(error)) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise NoHost("it must begin with http:// or https:// and name a host")
    if "@" in parts.netloc:
        raise NoHost("it must not hold a user: put credentials into scenario.env from a Secret")
    if host.count(_PLACEHOLDER) != parts.netloc.count(_PLACEHOLDER):
        raise NoHost(f"{_PLACEHOLDER} is written in lower case")
    return of_text(host, namespace)


def of_text(text: str, namespace: str) -> Host:
    """`text` without brackets; `namespace` is where a name of one part belongs."""
    text = text.lower().replace(_PLACEHOLDER, _STANDS_FOR)
    if ":" in text:
        return _six(text)
    absolute = text.endswith(".")
    name = text.removesuffix(".")
    if not _NAME.fullmatch(name):
        raise NoHost("the host must be a name of ASCII letters, digits, dots and dashes; write others in punycode")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _four(labels)
    for tail in _SVC:
        if len(labels) > len(tail) + 1 and labels[-len(tail) :] == tail:
            inside = labels[: -len(tail)]
            return Service(_back(inside[-2]), _back(inside[-1]), sure=True)
    if not absolute and len(labels) == 1:
        return Service(_back(name), namespace)
    if not absolute and len(labels) == 2 and labels[1] not in _PUBLIC:
        return Service(_back(labels[0]), _back(labels[1]))
    return Outside(_back(name))


def matches(pattern: str, host: Host, namespace: str) -> bool:
    """Whether one entry of a rule's `targets` means this host. A pattern is read as a host is."""
    if isinstance(host, Address):
        return _in_range(pattern, host.address)
    if pattern == "*":
        return True
    wanted = read(pattern, namespace)
    if isinstance(host, Service) and isinstance(wanted, Service):
        return fits(wanted.name, host.name) and fits(wanted.namespace, host.namespace) and host.sure >= wanted.sure
    if isinstance(host, Outside) and isinstance(wanted, Outside):
        return _labels(wanted.name.split("."), host.name.split("."))
    return False


def read(pattern: str, namespace: str) -> Host | None:
    """A pattern as what it means; None: a range of addresses, or anything."""
    if pattern == "*" or network(pattern) is not None:
        return None
    if pattern.startswith("**."):
        return Outside(pattern)
    return of_text(pattern.replace("*", _STAR), namespace)


def network(pattern: str) -> str | None:
    """The range that a pattern is, if it is one."""
    try:
        return str(ip_network(pattern))
    except ValueError:
        return None


def _in_range(pattern: str, address: IPv4Address | IPv6Address) -> bool:
    """`*` is no leave for the machine itself or for what clouds keep at link-local addresses."""
    if pattern == "*":
        special = address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
        return not special
    found = network(pattern)
    return found is not None and address in ip_network(found)


def _labels(wanted: list[str], got: list[str]) -> bool:
    if wanted[0] == "**":
        tail = wanted[1:]
        return len(got) > len(tail) and _labels(tail, got[-len(tail) :])
    return len(wanted) == len(got) and all(fits(one, other) for one, other in zip(wanted, got, strict=True))


def fits(pattern: str, text: str) -> bool:
    """`*` stands for any letters."""
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), text) is not None


def _back(text: str) -> str:
    return text.replace(_STANDS_FOR, _PLACEHOLDER).replace(_STAR, "*")


def _six(text: str) -> Address:
    if "%" in text:
        raise NoHost("an address with a zone (%) means another host on each machine")
    try:
        address = ip_address(text)
    except ValueError as error:
        raise NoHost(str(error)) from error
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return Address(mapped or address)


def _four(labels: list[str]) -> Address:
    """As the C library reads it: decimal, octal (0...) or hexadecimal (0x...), one to four parts."""
    if len(labels) > 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        raise NoHost("its host ends in a number, but is no address; write a Service as SERVICE.NAMESPACE.svc")
    try:
        numbers = [_number(label) for label in labels]
    except ValueError as error:
        raise NoHost(f"its host is no address: {error}") from error
    *head, last = numbers
    if any(number > 255 for number in head) or last >= 256 ** (5 - len(numbers)):
        raise NoHost("its host is no address: a part is too large")
    value = last + sum(number << (24 - 8 * index) for index, number in enumerate(head))
    return Address(IPv4Address(value))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if label.startswith("0") and label != "0" else int(label)

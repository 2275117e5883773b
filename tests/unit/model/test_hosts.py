"""What a host is, in whatever spelling it comes: tricks end as what they are, or as a sentence."""

import pytest
from loadtest_operator.model import hosts
from loadtest_operator.model.hosts import NoHost


def of(url):
    return str(hosts.of_url(url, "perf"))


@pytest.mark.parametrize(
    "url",
    [
        "http://checkout.shop",
        "http://CHECKOUT.Shop:8080/x?y#z",
        "http://checkout.shop.svc",
        "https://checkout.shop.svc.cluster.local",
        "http://checkout.shop.svc.cluster.local./",
        "http://pod-0.checkout.shop.svc",
    ],
)
def test_every_spelling_of_a_service_is_that_service(url):
    assert of(url) == "checkout.shop"
    assert hosts.matches("*.shop", hosts.of_url(url, "perf"), "perf")
    assert not hosts.matches("*.billing", hosts.of_url(url, "perf"), "perf")


def test_a_name_of_one_part_is_a_service_of_the_own_namespace():
    assert of("http://checkout") == "checkout.perf"
    assert hosts.matches("checkout", hosts.of_url("http://checkout", "perf"), "perf")
    assert not hosts.matches("checkout", hosts.of_url("http://checkout.shop", "perf"), "perf")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0x7F.1",
        "http://017700000001",
        "http://0177.0.0.01",
        "http://127.1",
        "http://127.0.0.1.",
        "http://[::ffff:127.0.0.1]",
        "http://[::FFFF:7f00:1]:80",
    ],
)
def test_every_spelling_of_an_address_is_that_address_and_never_a_name(url):
    host = hosts.of_url(url, "perf")
    assert str(host) == "127.0.0.1"
    allowed = ["*.*", "*", "**.1", "127.0.0.0/8"]
    assert [pattern for pattern in allowed if hosts.matches(pattern, host, "perf")] == ["127.0.0.0/8"]


@pytest.mark.parametrize(
    "url",
    [
        "http://10-0-0-1.shop.pod",  # the name server answers 10.0.0.1
        "http://8-8-8-8.default.pod.cluster.local",
        "http://checkout.shop.svc.evil.example",
        "http://checkout.shop.evil.example",
        "http://checkout.{namespace}.evil.example",
        "http://{namespace}.com",
        "http://evil.shop.",  # the dot at the end: no Service is looked for
        "http://example.com",
        "http://www.example.com",
        "http://xn--bcher-kva.example.",
    ],
)
def test_what_is_no_service_is_outside(url):
    host = hosts.of_url(url, "perf")
    assert isinstance(host, hosts.Outside)
    assert not [pattern for pattern in ("*.*", "*.shop", "*.shop.svc") if hosts.matches(pattern, host, "perf")]


@pytest.mark.parametrize(
    "url",
    [
        "http://checkout.shop@evil.example",
        "http://checkout.shop:80@evil.example",
        "http://@evil.example",
        "http://checkout.shop\\@evil.example",
        "http://checkout.shop\t.evil.example",
        "http://evil.example\n",
        "http://evil%2eexample",
        "http://%63heckout.shop",
        "http://checkout。shop",
        "http://chеckout.shop",
        "http://checkout.shop:80:90",
        "http://checkout.shop:99999",
        "http://[fe80::1%25eth0]",
        "http://[fe80::1%eth0]",
        "http://[checkout.shop]",
        "http://999.1.1.1",
        "http://1.2.3.4.5",
        "http://08.1.1.1",
        "http://checkout.1",
        "http://checkout..shop",
        "http://-.shop",
        "http://",
        "http:///checkout.shop",
        "//checkout.shop",
        "ftp://checkout.shop",
        "http://checkout.{NAMESPACE}",
    ],
)
def test_what_two_clients_could_read_differently_is_refused(url):
    with pytest.raises(NoHost):
        hosts.of_url(url, "perf")


def test_the_environment_is_only_a_whole_part_of_the_name():
    assert hosts.of_url("http://shop.{namespace}:8080", "perf").namespace == hosts.ENVIRONMENT
    assert hosts.of_url("http://shop.{namespace}.svc", "perf").namespace == hosts.ENVIRONMENT
    assert hosts.of_url("http://shop.x{namespace}", "perf").namespace != hosts.ENVIRONMENT
    assert hosts.of_url("http://{namespace}", "perf").namespace == "perf"


@pytest.mark.parametrize(
    ("pattern", "url", "allowed"),
    [
        ("*.*", "http://checkout.shop", True),
        ("*.shop.svc", "http://checkout.shop.svc", True),
        ("*.shop.svc", "http://checkout.shop", False),  # which could lead to a domain
        ("*.staging.example", "http://www.staging.example", True),
        ("*.staging.example", "http://a.b.staging.example", False),
        ("**.staging.example", "http://a.b.staging.example", True),
        ("**.staging.example", "http://staging.example.", False),
        ("**.staging.example", "http://www.evil-staging.example", False),
        ("api-*.staging.example", "http://api-1.staging.example.", True),
        ("example.com", "http://EXAMPLE.com.", True),
        ("acme.shop.", "http://acme.shop.", True),
        ("acme.shop.", "http://acme.shop", False),
        ("*.perf-*", "http://checkout.perf-a", True),
        ("10.0.0.0/8", "http://10.1.2.3", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("fd00::/8", "http://[fd00::1]", True),
        ("*", "http://203.0.113.7", True),
        ("*", "http://169.254.169.254", False),
        ("*", "http://[::1]", False),
        ("*", "http://anything.example.com", True),
    ],
)
def test_a_pattern_is_read_as_a_host_is(pattern, url, allowed):
    assert hosts.matches(pattern, hosts.of_url(url, "perf"), "perf") is allowed

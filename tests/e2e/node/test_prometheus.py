"""A real Prometheus finds operator and masters by manifests/prometheus/scrape.yaml; its numbers are the target's."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.place import Place
from tests.support import owned
from tests.support.helm import CHART, Helm, image_values
from tests.support.kubectl import Kubectl, eventually
from tests.support.loadtests import loadtest, phase
from tests.support.prometheus import Prometheus, running
from tests.testcluster import binaries, network, paths

TEST = "observed"
STOPPED = "stopped"
RELEASE = "loadtest-operator"
SECONDS = 12
LOAD = {"users": 6, "spawnRate": "10/s", "duration": f"{SECONDS}s", "warmup": "2s"}
REQUESTS = [{"path": "/home", "weight": 3}, {"path": "/cart"}, {"path": "/nowhere"}]
SCENARIO = {"http": {"thinkTime": {"min": "50ms", "max": "100ms"}, "requests": REQUESTS}}
USERS = 'max(loadtest_users{{test="{}", state="running"}})'
LIMITED = {"name": "users", "promql": USERS.format(TEST), "reduce": "max", "fail": "100"}
THRESHOLDS = [{"metric": "p95", "fail": "2s"}, {"metric": "errorRate", "fail": "5%"}, LIMITED]
ABORT = {"name": "users", "promql": USERS.format(STOPPED), "fail": "5", "abort": {"for": "3s"}}
SCRAPE = paths.REPOSITORY / "manifests/prometheus/scrape.yaml"


@dataclass(frozen=True)
class Story:
    prometheus: Prometheus
    final: dict[str, Any]
    stopped: dict[str, Any]
    served: dict[str, int]
    texts: dict[str, str]


@pytest.fixture(scope="module")
def story(
    kubectl: Kubectl, image: str, place_for_module: Callable[[str], Place], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """The chart's operator, a Prometheus beside it, and one run whose third endpoint always fails."""
    here = place_for_module("observed")
    home = owned.make_namespace(kubectl, "prometheus")
    values = {
        "image": image_values(image),
        "watchNamespaces": [here.namespace],
        "crds": {"install": False},
        "store": {"emptyDir": True},
    }
    helm = Helm(kubectl.kubeconfig)
    with contextlib.ExitStack() as closing:
        folder = tmp_path_factory.mktemp("prometheus")
        jobs = [_job(kubectl.kubeconfig, [home, here.namespace])]
        prometheus = closing.enter_context(running(folder, jobs, network.HOST_ADDRESS))
        values |= {"settings": {"policy": [{"prometheus": {"url": prometheus.url}}]}}
        helm("install", RELEASE, str(CHART), "-n", home, "--wait", "--timeout", "60s", values=values)
        closing.callback(helm, "uninstall", RELEASE, "-n", home)
        here_is = (here.namespace, here.target.url)
        kubectl.apply(loadtest(TEST, *here_is, scenario=SCENARIO, load=LOAD, thresholds=THRESHOLDS))
        master = eventually(lambda: _answering_master(kubectl, here.namespace), "a master that counts requests", 60)
        eventually(lambda: phase(here.test(TEST)) in {"Completed", "Error"}, "the run over", SECONDS + 60)
        operator = kubectl.list("pods", home, "app.kubernetes.io/name=loadtest-operator")[0]["metadata"]["name"]
        eventually(lambda: prometheus.query("loadtest_run_verdict == 1"), "the verdict in Prometheus", 20)
        served = {name: count["requests"] for name, count in here.target.stats()["endpoints"].items()}
        kubectl.apply(loadtest(STOPPED, *here_is, load={**LOAD, "duration": "90s"}, thresholds=[ABORT]))
        eventually(lambda: phase(here.test(STOPPED)) in {"Completed", "Error"}, "the load stopped, and judged", 60)
        text = _metrics(kubectl, home, operator, 8080)
        yield Story(prometheus, here.test(TEST), here.test(STOPPED), served, {"master": master, "operator": text})


def test_requests_are_counted_by_endpoint_and_outcome_as_the_target_counted_them(story: Story) -> None:
    found = story.prometheus.query(f'max_over_time(loadtest_requests_total{{test="{TEST}"}}[2m])')
    counts = {(labels["endpoint"], labels["outcome"]): value for labels, value in found}
    assert counts["/home", "failed"] == counts["/cart", "failed"] == counts["/nowhere", "ok"] == 0
    for endpoint, outcome in (("/home", "ok"), ("/cart", "ok")):
        served = story.served[endpoint.strip("/")]
        # The last scrape is up to a second older than the last request, and the first windows are counted late.
        assert 0.5 * served < counts[endpoint, outcome] <= served
    assert counts["/nowhere", "failed"] > 0
    assert {labels["namespace"] for labels, _ in found} == {story.final["metadata"]["namespace"]}


def test_the_rate_in_prometheus_is_the_rate_of_the_run(story: Story) -> None:
    """What a dashboard shows, by the usual expression."""
    found = story.prometheus.query(f'max_over_time(sum(rate(loadtest_requests_total{{test="{TEST}"}}[9s]))[2m:1s])')
    shown = float(story.final["status"]["summary"]["rps"].removesuffix("/s"))
    # Workers report every 3 s, so 9 s hold up to four reports; and `rate` extends what it saw to the whole 9 s.
    assert 0.6 * shown < found[0][1] < 1.6 * shown


def test_a_quantile_can_be_asked_of_the_histogram(story: Story) -> None:
    buckets = f'sum by (le) (max_over_time(loadtest_request_duration_seconds_bucket{{test="{TEST}"}}[2m]))'
    found = story.prometheus.query(f"histogram_quantile(0.95, {buckets})")
    assert 0 < found[0][1] < 10


def test_the_operators_verdict_and_p95_are_those_of_the_status(story: Story) -> None:
    where = f'test="{TEST}"'
    verdicts = story.prometheus.query(f"loadtest_run_verdict{{{where}}} == 1")
    assert [labels["verdict"] for labels, _ in verdicts] == [story.final["status"]["verdict"]] == ["Failed"]
    (_, p95), *_ = story.prometheus.query(f"loadtest_run_p95_seconds{{{where}}}")
    shown = story.final["status"]["summary"]["p95"]
    assert p95 == pytest.approx(_seconds(shown))


def test_a_threshold_on_a_query_has_the_value_that_prometheus_scraped(story: Story) -> None:
    found = {one["name"]: one for one in story.final["status"]["thresholds"]}
    assert found["users"] == {"name": "users", "value": str(LOAD["users"]), "fail": "100", "result": "Passed"}


def test_an_abort_rule_on_a_query_stops_the_load(story: Story) -> None:
    status = story.stopped["status"]
    assert (status["phase"], status["verdict"]) == ("Completed", "Failed")
    assert "users was 6 over 3s, over its limit of 5; its abort rule stopped the load after " in status["message"]


@pytest.mark.parametrize("who", ["master", "operator"])
def test_promtool_has_nothing_to_say_about_the_metrics(story: Story, who: str) -> None:
    promtool = binaries.ensure(["promtool"])["promtool"]
    done = subprocess.run(
        [promtool, "check", "metrics"], input=story.texts[who], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _job(kubeconfig: Path, namespaces: list[str]) -> dict[str, Any]:
    job: dict[str, Any]
    (job,) = yaml.safe_load(SCRAPE.read_text())
    (discovery,) = job["kubernetes_sd_configs"]
    # Out of the cluster it needs a kubeconfig, and other tests' pods are not ours to ask.
    discovery |= {"kubeconfig_file": str(kubeconfig), "namespaces": {"names": namespaces}}
    return {**job, "scrape_interval": "1s"}


def _answering_master(kubectl: Kubectl, namespace: str) -> str:
    """Its metrics, once they count requests."""
    for pod in kubectl.list("pods", namespace, "loadtest.dev/role=master"):
        text = _metrics(kubectl, namespace, pod["metadata"]["name"], 9808)
        if 'outcome="ok"' in text:
            return text
    return ""


def _metrics(kubectl: Kubectl, namespace: str, pod: str, port: int) -> str:
    return kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics")


def _seconds(latency: str) -> float:
    number = latency.rstrip("ms")
    return float(number) / 1000 if latency.endswith("ms") else float(number)

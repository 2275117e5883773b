"""Names, labels, owners and the frozen inputs of one attempt."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from loadtest_agent import config as agent
from loadtest_operator.build import agent_config, children, names
from loadtest_operator.build.agent_config import CONFIG_FILE, SPEC_FILE, Endpoints

from tests.unit.build.plans import SPEC, TIMING, parsed, plan, run, spec

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
TESTS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,43}[a-z0-9])?", fullmatch=True)


def everything(**of_run):
    made = plan(**of_run)
    return [
        children.config_map(made.run, made.instance, "ours:1", {}, {}, {}),
        children.service(made.run, made.instance),
        children.master_job(made, TIMING),
        children.worker_job(made, TIMING, 2),
    ]


@given(TESTS, st.integers(1, 99_999), st.integers(1, 9))
@example("x" * 45, 99_999, 9)
@example("2" * 45, 99_999, 9)
def test_every_name_and_label_is_one_that_kubernetes_takes(test, number, attempt):
    found = run(test, number, attempt)
    for name in (found.master, f"{found.workers}-999", found.config):
        assert LABEL.fullmatch(name), name
    assert LABEL.fullmatch(found.service)
    assert found.service[0].isalpha()
    for value in names.labels(found, "worker", "loadtest-operator").values():
        assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value), value


def test_two_tests_with_the_same_beginning_never_share_a_shortened_name():
    one, other = run("x" * 44 + "a", 123456, uid="u-1"), run("x" * 44 + "b", 123456, uid="u-2")
    assert one.master != other.master


def test_names_tell_runs_and_attempts_apart():
    found = {run(number=number, attempt=attempt).master for number in (1, 2, 11) for attempt in (1, 2)}
    assert len(found) == 6
    assert run().master == "checkout-3-master"


def test_a_run_s_id_is_another_one_for_a_re_created_test():
    assert names.run_id("checkout", "u-1", 3) != names.run_id("checkout", "u-2", 3)
    assert names.run_id("checkout", "u-1", 3) == names.run_id("checkout", "u-1", 3)


def test_everything_belongs_to_the_test_and_is_found_by_its_labels():
    for body in everything():
        [owner] = body["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == ("u-1", True, False)
        labels = body["metadata"]["labels"]
        assert labels[names.LABEL_RUN] == run().id
        assert labels[names.LABEL_ATTEMPT] == "1"
        assert labels[names.LABEL_TEST_UID] == "u-1"


def test_pods_carry_the_labels_that_watching_selects_by():
    for body in everything()[2:]:
        labels = body["spec"]["template"]["metadata"]["labels"]
        key, value = names.CHILD_SELECTOR.split("=")
        assert labels[key] == value
        assert labels.items() >= {names.LABEL_RUN: run().id, names.LABEL_ATTEMPT: "1"}.items()


def test_the_service_finds_the_master_of_this_attempt_alone_and_before_it_is_ready():
    body = children.service(run(attempt=2), "loadtest-operator")
    master = children.master_job(plan(attempt=2), TIMING)["spec"]["template"]["metadata"]["labels"]
    worker = children.worker_job(plan(attempt=2), TIMING, 2)["spec"]["template"]["metadata"]["labels"]
    selector = body["spec"]["selector"]
    assert master.items() >= selector.items()
    assert not worker.items() >= selector.items()
    assert body["spec"]["publishNotReadyAddresses"] is True
    assert body["spec"]["clusterIP"] == "None"


def test_workers_find_the_service_by_the_name_in_their_configuration():
    for test in ("checkout", "2024-smoke"):
        found = run(test)
        assert children.service_host(found) == f"{children.service(found, '')['metadata']['name']}.shop.svc"


def test_the_same_plan_has_the_same_hash_and_another_one_another():
    one, same = (children.worker_job(plan(), TIMING, 2) for _ in range(2))
    other = children.worker_job(plan(), TIMING, 3)
    hashes = [body["metadata"]["annotations"][names.ANNOTATION_PLAN] for body in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_inputs_are_frozen_with_the_spec_as_the_user_wrote_it():
    body = children.config_map(run(), "i", "ours:1", {"protocol": 1}, SPEC, {"locustfile.py": "x"})
    assert body["immutable"] is True
    assert set(body["data"]) == {"locustfile.py", CONFIG_FILE, SPEC_FILE}
    assert json.loads(body["data"][SPEC_FILE]) == SPEC


def test_a_user_s_file_cannot_take_the_place_of_ours():
    body = children.config_map(run(), "i", "ours:1", {"protocol": 1}, SPEC, {CONFIG_FILE: "{}", SPEC_FILE: "{}"})
    assert json.loads(body["data"][CONFIG_FILE]) == {"protocol": 1}
    assert json.loads(body["data"][SPEC_FILE]) == SPEC


def configured(raw):
    return agent_config.agent_config(parsed(raw), raw, run(), "ab" * 32, Endpoints("checkout-3-master.shop.svc"))


def test_the_agent_reads_its_configuration_as_it_was_meant(tmp_path):
    raw = spec(
        target={"url": "http://checkout.shop", "version": "1.4.2", "health": {"path": "/up", "expect": [200, 204]}},
        load={"users": 50, "spawnRate": "10/s", "duration": "15m", "warmup": "1m"},
        runners={"workers": 4, "startTimeout": "90s"},
    )
    read = agent.parse(json.loads(json.dumps(configured(raw))), tmp_path)
    assert (read.run.id, read.run.attempt, read.run.test) == (run().id, 1, "checkout")
    assert (read.target.health.path, read.target.health.expect) == ("/up", (200, 204))
    assert (read.load.users, read.load.spawn_rate, read.load.duration_seconds) == (50, 10.0, 900.0)
    assert (read.load.warmup_seconds, read.window_seconds) == (60.0, 3)
    assert (read.workers, read.start_timeout_seconds, read.hold_seconds) == (4, 90.0, 86400.0)
    assert (read.master.host, read.master.port, read.listen.port) == ("checkout-3-master.shop.svc", 5557, 9808)
    assert read.scenario.kind == "http"
    assert read.token_sha256 == "ab" * 32


def test_the_configuration_has_the_fields_of_the_protocol_page_and_no_others():
    found = configured(SPEC)
    assert set(found) == {
        "protocol", "run", "tokenSHA256", "target", "scenario", "load", "windowSeconds", "workers",
        "startTimeoutSeconds", "holdSeconds", "master", "listen", "aborts",
    }  # fmt: skip
    assert set(found["target"]) == {"url", "version", "health"}
    assert found["target"]["health"] == {"path": "/", "expect": [], "headers": {}, "timeoutSeconds": 300.0}
    assert set(found["load"]) == {"users", "spawnRate", "durationSeconds", "warmupSeconds"}


def test_a_locustfile_is_named_with_its_tags_and_classes(tmp_path):
    locust = {"inline": "import locust", "tags": ["smoke"], "userClasses": [{"name": "Auth", "weight": 3}]}
    read = agent.parse(configured(spec(scenario={"locust": locust})), tmp_path).scenario
    assert (read.files, read.tags, read.user_classes[0].name) == (("locustfile.py",), ("smoke",), "Auth")


@pytest.mark.parametrize(
    ("locust", "expected"),
    [
        ({"inline": "a"}, {"locustfile.py": "a"}),
        ({"configMap": {"name": "m"}}, {"locustfile.py": "l", "main.py": "m"}),
        ({"configMap": {"name": "m", "key": "main.py"}}, {"locustfile.py": "m"}),
    ],
)
def test_the_file_that_the_key_names_becomes_the_locustfile(locust, expected):
    raw = spec(scenario={"locust": locust})
    assert agent_config.scenario_files(raw, {"m": {"locustfile.py": "l", "main.py": "m"}}) == expected
    assert agent_config.config_map_names(raw) == (["m"] if "configMap" in locust else [])


def test_an_http_scenario_needs_no_file():
    assert agent_config.scenario_files(SPEC, {}) == {}
    assert agent_config.config_map_names(SPEC) == []

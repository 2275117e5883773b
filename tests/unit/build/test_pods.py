"""The load pods: restricted whatever is asked for, and everything else as the user wrote it."""

from dataclasses import replace

import pytest
from loadtest_operator.build import children, names, pods
from loadtest_operator.build.agent_config import CONFIG_FILE

from tests.unit.build.plans import TIMING, plan
from tests.unit.build.restricted import violations

EVIL = {
    "podSecurityContext": {
        "runAsUser": 0,
        "runAsNonRoot": False,
        "seccompProfile": {"type": "Unconfined"},
        "seLinuxOptions": {"type": "spc_t"},
        "appArmorProfile": {"type": "Unconfined"},
        "windowsOptions": {"hostProcess": True},
        "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
    },
    "annotations": {"container.apparmor.security.beta.kubernetes.io/locust": "unconfined"},
}


def template(role="worker", runners=None, scenario=None):
    return pods.template(plan(runners, scenario), role, "Never")


def container(role="worker", runners=None, scenario=None):
    return template(role, runners, scenario)["spec"]["containers"][0]


@pytest.mark.parametrize("role", ["master", "worker"])
@pytest.mark.parametrize("runners", [None, {"image": "mine:1"}, EVIL, {"image": "mine:1", **EVIL}])
def test_every_pod_is_restricted_whatever_is_asked_for(role, runners):
    assert violations(template(role, runners)) == []
    assert violations(children.dry_run_pod(plan(runners), role)) == []


def test_the_checker_itself_finds_what_restricted_forbids():
    pod = template("master")
    pod["spec"]["hostNetwork"] = True
    pod["spec"]["volumes"].append({"name": "root", "hostPath": {"path": "/"}})
    pod["spec"]["containers"][0]["securityContext"] = {"capabilities": {"drop": ["NET_RAW"]}, "privileged": True}
    assert len(violations(pod)) == 5


def test_nothing_reaches_the_api_server_or_the_image_s_own_files():
    for role in ("master", "worker"):
        pod = template(role)
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_another_numeric_user_and_more_ports_are_granted():
    asked = {
        "runAsUser": 4711,
        "fsGroup": 4711,
        "sysctls": [{"name": "net.ipv4.ip_local_port_range", "value": "1024 65535"}],
    }
    security = template(runners={"podSecurityContext": asked})["spec"]["securityContext"]
    assert security.items() >= asked.items()
    assert security["runAsNonRoot"] is True


def test_an_image_of_ours_runs_the_agent_as_a_module():
    pod = template("master")
    assert "initContainers" not in pod["spec"]
    command = pod["spec"]["containers"][0]["command"]
    assert command == [
        "python3", "-m", "loadtest_agent.start", "--config", f"/loadtest/run/{CONFIG_FILE}", "--role", "master",
    ]  # fmt: skip
    assert pod["spec"]["containers"][0]["image"] == "ours:1"


def test_an_image_of_the_user_gets_the_agent_from_ours():
    pod = template("worker", {"image": "mine:1", "imagePullSecrets": [{"name": "pull"}]})
    [init] = pod["spec"]["initContainers"]
    assert (init["image"], init["command"][-1]) == ("ours:1", "/loadtest/agent")
    locust = pod["spec"]["containers"][0]
    assert (locust["image"], locust["command"][1]) == ("mine:1", "/loadtest/agent/start.py")
    assert pod["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    volume = init["volumeMounts"][0]["name"]
    assert {"name": volume, "mountPath": "/loadtest/agent", "readOnly": True} in locust["volumeMounts"]
    assert volume in {item["name"] for item in pod["spec"]["volumes"]}
    assert "PYTHONPATH" not in {item["name"] for item in locust["env"]}


def test_env_and_env_from_are_passed_on_with_their_references():
    env = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "shop", "key": "password"}}}]
    scenario = {"http": {"requests": [{"path": "/"}]}, "env": env, "envFrom": [{"secretRef": {"name": "more"}}]}
    for role in ("master", "worker"):
        found = container(role, scenario=scenario)
        assert env[0] in found["env"]
        assert found["envFrom"] == [{"secretRef": {"name": "more"}}]


def test_volumes_and_mounts_are_added_to_ours():
    runners = {
        "volumes": [{"name": "rows", "configMap": {"name": "rows"}}],
        "volumeMounts": [{"name": "rows", "mountPath": "/rows"}],
    }
    pod = template(runners=runners)
    assert {"name": "rows", "configMap": {"name": "rows"}} in pod["spec"]["volumes"]
    assert {"name": "rows", "mountPath": "/rows"} in pod["spec"]["containers"][0]["volumeMounts"]
    assert len(pod["spec"]["volumes"]) == 3


def test_resources_of_workers_and_master_are_set_apart():
    small = {"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}}
    runners = {"resources": small, "master": {"resources": {"requests": {"cpu": "50m"}}}}
    assert container("worker", runners)["resources"] == small
    assert container("master", runners)["resources"] == {"requests": {"cpu": "50m"}}
    assert container("worker")["resources"]["requests"] == {"cpu": "1", "memory": "512Mi"}
    assert container("master")["resources"]["requests"] == {"cpu": "100m", "memory": "256Mi"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nodeSelector", {"disk": "ssd"}),
        ("tolerations", [{"key": "perf", "operator": "Exists"}]),
        ("affinity", {"nodeAffinity": {}}),
        ("topologySpreadConstraints", [{"maxSkew": 1}]),
        ("priorityClassName", "high"),
        ("runtimeClassName", "gvisor"),
    ],
)
def test_scheduling_is_the_user_s(field, value):
    for role in ("master", "worker"):
        assert template(role, {field: value})["spec"][field] == value


def test_labels_and_annotations_are_added_and_never_replace_ours():
    runners = {
        "labels": {"team": "shop", "loadtest.dev/run": "other", "app.kubernetes.io/managed-by": "me"},
        "annotations": {"note": "x", "karpenter.sh/do-not-disrupt": "false", "prometheus.io/port": "1"},
    }
    metadata = template("master", runners)["metadata"]
    assert metadata["labels"]["team"] == "shop"
    assert metadata["labels"]["loadtest.dev/run"].startswith("checkout-3-")
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "loadtest-operator"
    assert metadata["annotations"]["note"] == "x"
    assert metadata["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
    assert metadata["annotations"]["prometheus.io/port"] == "9808"


def test_the_master_says_when_it_answers_and_workers_need_no_probe():
    assert container("master")["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "agent"}
    assert {port["containerPort"] for port in container("master")["ports"]} == {5557, 9808}
    assert "readinessProbe" not in container("worker")


def test_the_last_word_or_the_log_s_end_explains_how_it_ended():
    assert container()["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert template()["spec"]["terminationGracePeriodSeconds"] == 5


def test_the_jobs_end_by_themselves_when_nobody_looks_after_them():
    master = children.master_job(plan(), TIMING)["spec"]
    workers = children.worker_job(plan(), TIMING, 4)["spec"]
    assert (master["backoffLimit"], master["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert (workers["completions"], workers["parallelism"], workers["completionMode"]) == (4, 4, "Indexed")
    assert (workers["backoffLimit"], workers["template"]["spec"]["restartPolicy"]) == (24, "OnFailure")
    load = 180 + 300 + 300
    assert load < workers["activeDeadlineSeconds"] < load + 600
    assert master["activeDeadlineSeconds"] == workers["activeDeadlineSeconds"] + 24 * 3600
    assert master["ttlSecondsAfterFinished"] == workers["ttlSecondsAfterFinished"] > 3600


def test_an_account_that_is_asked_for_comes_with_its_token_and_without_one_there_is_none():
    without = pods.template(plan(), "worker", "Never")["spec"]
    assert (without["automountServiceAccountToken"], without.get("serviceAccountName")) == (False, None)
    spec = pods.template(plan(runners={"serviceAccountName": "bucket"}), "worker", "Never")["spec"]
    assert (spec["automountServiceAccountToken"], spec["serviceAccountName"]) == (True, "bucket")


def test_load_pods_tell_which_locks_their_run_has_and_nobody_can_pretend():
    theirs = {names.lock_label("other.shop"): "held", "team": "a"}
    built = pods.template(replace(plan({"labels": theirs}), locks=("checkout.shop", "a b" * 99)), "worker", "Never")
    labels = built["metadata"]["labels"]
    held = [names.lock_label("checkout.shop"), names.lock_label("a b" * 99)]
    assert {key: labels[key] for key in labels if key.startswith("lock.")} == dict.fromkeys(held, "held")
    assert labels["team"] == "a"
    assert all(len(key.partition("/")[2]) <= 63 for key in labels)


def test_a_master_tells_by_when_it_ends_the_load():
    told = replace(plan(), load_ends="2026-11-21T12:00:00Z")
    roles = {role: pods.template(told, role, "Never")["metadata"]["annotations"] for role in ("master", "worker")}
    assert roles["master"][names.ANNOTATION_LOAD_ENDS] == "2026-11-21T12:00:00Z"
    assert names.ANNOTATION_LOAD_ENDS not in roles["worker"]

"""What each value does, and that nothing it does weakens the pod or widens the rights."""

import pytest
import yaml
from loadtest_operator.build import install
from loadtest_operator.runtime.settings import Settings

from tests.chart.rendered import NAMESPACE, kinds, one, pod, render
from tests.support.helm import CHART, Helm, Object

TWO = ["perf-a", "perf-b"]
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace"}
VALUES: dict[str, Object] = {
    "defaults": {},
    "namespaced": {"watchNamespaces": TWO},
    "placed": {
        "imagePullSecrets": [{"name": "registry"}],
        "priorityClassName": "high",
        "nodeSelector": {"pool": "tools"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [{"maxSkew": 1}],
        "resources": {"limits": {"memory": "1Gi"}},
    },
    "watched": {
        "metrics": {
            "annotations": False,
            "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "serviceMonitor": {"enabled": True},
        }
    },
    "try-out": {"store": {"emptyDir": True}, "settings": {"log_level": "debug"}},
    "stopped": {"replicas": 0},
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_linter_has_nothing_to_say(helm: Helm, values: Object) -> None:
    said = helm("lint", "--strict", "--quiet", str(CHART), values=values)
    assert "ERROR" not in said
    assert "WARNING" not in said


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_pod_is_restricted_whatever_the_values(helm: Helm, values: Object) -> None:
    spec = pod(render(helm, values))["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= {
        "configMap",
        "emptyDir",
        "persistentVolumeClaim",
    }
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_operator_can_read_its_settings(helm: Helm, values: Object) -> None:
    read = _settings(render(helm, values))
    assert read.store.is_relative_to("/var/lib/loadtest-operator")
    assert read.watch_namespaces == tuple(values.get("watchNamespaces", ()))
    assert read.instance == read.lease_name == "loadtest-operator"


def test_with_names_nothing_is_cluster_wide(helm: Helm) -> None:
    objects = render(helm, {"watchNamespaces": TWO})
    assert not CLUSTER_WIDE & set(kinds(objects))
    assert {item["metadata"]["namespace"] for item in objects} == {NAMESPACE, *TWO}
    for namespace in TWO:
        here = [item for item in objects if item["metadata"]["namespace"] == namespace]
        assert kinds(here) == ["Role", "Role", "Role", "RoleBinding"]
        assert one(here, "Role", "loadtest-operator-runs")["rules"] == install.RUN_RULES
        binding = one(here, "RoleBinding")
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "loadtest-operator", "namespace": NAMESPACE}]
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", "loadtest-operator-runs")


def test_another_release_has_names_of_its_own(helm: Helm) -> None:
    objects = render(helm, {"watchNamespaces": TWO}, name="second")
    name = "second-loadtest-operator"
    assert one(objects, "Deployment")["metadata"]["name"] == name
    assert one(objects, "Role", name)["rules"] == install.home_rules(name)
    assert _settings(objects).instance == name


def test_the_tag_is_the_charts_version_and_a_digest_takes_its_place(helm: Helm) -> None:
    digest = "sha256:" + "0" * 64
    images = {
        "localhost/lt:0.1.0": {"repository": "localhost/lt"},
        "localhost/lt:next": {"repository": "localhost/lt", "tag": "next"},
        f"localhost/lt@{digest}": {"repository": "localhost/lt", "tag": "next", "digest": digest},
    }
    for expected, image in images.items():
        objects = render(helm, {"image": image})
        assert pod(objects)["spec"]["containers"][0]["image"] == expected
        assert _settings(objects).image == expected, "load pods take the operator's image"


def test_a_changed_setting_is_in_the_file_and_restarts_the_pod(helm: Helm) -> None:
    before = render(helm)
    after = render(helm, {"settings": {"workers": 3, "resync_seconds": 5000000, "image": "localhost/runner:1"}})
    read = _settings(after)
    assert (read.workers, read.resync_seconds, read.image) == (3, 5_000_000, "localhost/runner:1")
    annotations = [pod(objects)["metadata"]["annotations"]["checksum/settings"] for objects in (before, after)]
    assert annotations[0] != annotations[1]


def test_the_store_may_be_a_claim_of_yours_or_nothing(helm: Helm) -> None:
    own = render(helm, {"store": {"existingClaim": "mine"}})
    assert _store(own) == {"persistentVolumeClaim": {"claimName": "mine"}}
    nothing = render(helm, {"store": {"emptyDir": True}})
    assert _store(nothing) == {"emptyDir": {}}
    assert "PersistentVolumeClaim" not in kinds(own) + kinds(nothing)


def test_the_claim_stays_unless_told_otherwise(helm: Helm) -> None:
    kept = one(render(helm), "PersistentVolumeClaim")
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "storageClassName" not in kept["spec"]
    gone = one(render(helm, {"store": {"keep": False, "storageClassName": ""}}), "PersistentVolumeClaim")
    assert "annotations" not in gone["metadata"]
    assert gone["spec"]["storageClassName"] == ""


def test_rights_and_account_may_be_given_by_others(helm: Helm) -> None:
    objects = render(helm, {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}})
    assert kinds(objects) == ["ConfigMap", "Deployment", "PersistentVolumeClaim"]
    assert pod(objects)["spec"]["serviceAccountName"] == "given"


def test_labels_and_annotations_are_added_and_never_take_ours(helm: Helm) -> None:
    name = "app.kubernetes.io/name"
    values = {
        "commonLabels": {"team": "perf", name: "other"},
        "commonAnnotations": {"note": "x"},
        "podLabels": {"tier": "tools", name: "other"},
        "podAnnotations": {"prometheus.io/port": "1", "more": "y"},
    }
    objects = render(helm, values)
    for item in objects:
        assert item["metadata"]["labels"]["team"] == "perf"
        assert item["metadata"]["labels"][name] == "loadtest-operator"
        assert item["metadata"]["annotations"]["note"] == "x"
    metadata = pod(objects)["metadata"]
    assert (metadata["labels"]["tier"], metadata["labels"][name]) == ("tools", "loadtest-operator")
    assert (metadata["annotations"]["more"], metadata["annotations"]["prometheus.io/port"]) == ("y", "8080")


def test_placement_reaches_the_pod(helm: Helm) -> None:
    spec = pod(render(helm, VALUES["placed"]))["spec"]
    placed = VALUES["placed"]
    assert {key: spec[key] for key in placed if key != "resources"} == {
        key: value for key, value in placed.items() if key != "resources"
    }
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "1Gi"}


def test_monitors_find_the_operator_and_the_masters_where_they_may_be(helm: Helm) -> None:
    values = {**VALUES["watched"], "watchNamespaces": TWO}
    objects = render(helm, values)
    labels = one(objects, "Deployment")["spec"]["selector"]["matchLabels"]
    assert one(objects, "Service")["spec"]["selector"] == labels
    assert one(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"] == labels
    assert one(objects, "PodMonitor", "loadtest-operator")["spec"]["selector"]["matchLabels"] == labels
    runs = one(objects, "PodMonitor", "loadtest-operator-runs")
    assert runs["spec"]["namespaceSelector"] == {"matchNames": TWO}
    assert runs["metadata"]["labels"]["release"] == "prometheus"
    everywhere = one(render(helm, VALUES["watched"]), "PodMonitor", "loadtest-operator-runs")
    assert everywhere["spec"]["namespaceSelector"] == {"any": True}
    assert "prometheus.io/scrape" not in pod(objects)["metadata"]["annotations"]


def test_a_newcomer_is_told_the_next_two_commands(helm: Helm) -> None:
    notes = helm.notes("loadtest-operator", NAMESPACE, {"watchNamespaces": TWO})
    commands = [line.split()[0] for line in notes.splitlines() if line.startswith("  kubectl")]
    assert len(commands) == 2
    assert "rollout status deployment/loadtest-operator" in notes
    document = notes.partition("<<END\n")[2].partition("\n  END")[0]
    assert yaml.safe_load(document)["kind"] == "LoadTest"
    assert "runs the LoadTests of perf-a, perf-b." in notes
    assert "results and baselines are lost" in helm.notes("x", NAMESPACE, VALUES["try-out"]).lower()


def _settings(objects: list[Object]) -> Settings:
    return Settings.model_validate(yaml.safe_load(one(objects, "ConfigMap")["data"]["settings.yaml"]))


def _store(objects: list[Object]) -> Object:
    volume = next(volume for volume in pod(objects)["spec"]["volumes"] if volume["name"] == "store")
    return {key: value for key, value in volume.items() if key != "name"}


def test_without_the_fence_there_is_no_right_on_network_policies(helm: Helm) -> None:
    role = one(render(helm, {"settings": {"fence": False}}), "ClusterRole", "loadtest-operator-runs")
    assert role["rules"] == install.OPEN_RULES
    assert one(render(helm), "ClusterRole", "loadtest-operator-runs")["rules"] == install.RUN_RULES

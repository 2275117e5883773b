"""What an environment still lacks, in words that name who can help."""

import pytest
from loadtest_operator.decide.readiness import Live, lacking


def made(kind, generation=2, selector=None, **status):
    return {
        "kind": kind,
        "metadata": {"name": "shop", "uid": "u-1", "generation": generation},
        "spec": {"replicas": 2, "selector": {"matchLabels": selector or {"app": "shop"}}},
        "status": {"observedGeneration": 2, **status},
    }


def lacks(raw, **live):
    return lacking([{"kind": raw["kind"], "metadata": {"name": "shop"}}], Live((raw,), **live))


@pytest.mark.parametrize(
    "ready",
    [
        made("Deployment", availableReplicas=2, updatedReplicas=2),
        made("ReplicaSet", availableReplicas=2),
        made("StatefulSet", readyReplicas=2),
        made("DaemonSet", desiredNumberScheduled=3, numberAvailable=3),
        made("Job", conditions=[{"type": "Complete", "status": "True"}]),
        made("Pod", conditions=[{"type": "Ready", "status": "True"}]),
        made("Pod", phase="Succeeded"),
        made("Service"),
        made("ConfigMap"),
    ],
)
def test_what_is_complete_lacks_nothing(ready):
    assert lacks(ready) == []


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (made("Deployment", availableReplicas=2, updatedReplicas=1), "Deployment shop: 1 of 2 replicas available"),
        (made("Deployment", 3, availableReplicas=2, updatedReplicas=2), "Deployment shop: 0 of 2 replicas available"),
        (made("StatefulSet", readyReplicas=1), "StatefulSet shop: 1 of 2 replicas ready"),
        (made("DaemonSet", 3), "DaemonSet shop: no pod is planned yet"),
        (made("Job"), "Job shop: it has not completed yet"),
        (
            made("Job", conditions=[{"type": "Failed", "status": "True", "message": "backoff limit"}]),
            "Job shop: it failed: backoff limit",
        ),
        (made("Pod", phase="Running"), "Pod shop: it is not Ready"),
    ],
)
def test_what_is_missing_is_counted(raw, says):
    assert lacks(raw) == [says]


def test_what_was_deleted_is_told():
    wanted = {"kind": "Deployment", "metadata": {"name": "shop"}}
    assert lacking([wanted], Live()) == ["Deployment shop: it is not there any more"]


def test_the_pods_own_reason_is_told():
    state = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling"}}}
    pod = {"metadata": {"name": "shop-1", "labels": {"app": "shop"}}, "status": {"containerStatuses": [state]}}
    other = {"metadata": {"name": "x", "labels": {"app": "x"}}, "status": {"containerStatuses": [state]}}
    [said] = lacks(made("Deployment"), pods=(other, pod))
    assert said.endswith("available: pod shop-1: ImagePullBackOff: Back-off pulling")


def test_the_quotas_own_words_are_told_when_there_is_no_pod():
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: loadtest-guard"}
    [said] = lacks(made("Deployment", conditions=[failure]))
    assert said.endswith(": exceeded quota: loadtest-guard")


def test_the_newest_warning_about_it_is_told_for_want_of_anything_better():
    def warning(uid, time, message):
        return {"involvedObject": {"uid": uid}, "lastTimestamp": time, "message": message}

    warnings = (warning("u-1", "2", "new\nwords"), warning("u-1", "1", "old"), warning("u-2", "3", "not ours"))
    [said] = lacks(made("StatefulSet"), warnings=warnings)
    assert said.endswith("ready: new words")


ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}


@pytest.mark.parametrize(
    "container",
    [{"state": ENDED}, {"state": {"running": {}}, "lastState": ENDED}, {"state": BACK_OFF, "lastState": ENDED}],
)
def test_a_container_that_ends_is_told_alike_whenever_one_looks(container):
    pod = {
        "kind": "Pod",
        "metadata": {"name": "shop-1", "labels": {"app": "shop"}},
        "status": {"phase": "Running", "containerStatuses": [container]},
    }
    (told,) = lacks(made("Deployment", availableReplicas=0, updatedReplicas=2), pods=(pod,))
    assert told.endswith("pod shop-1 ended with exit code 1")

"""What a person wants to see when a test failed: the objects, the pods' last words, the operator's log."""

from tests.support.kubectl import Kubectl


def show(kubectl: Kubectl, namespace: str, logs: dict[str, str]) -> str:
    parts = [
        _said(kubectl, "get", "loadtests,jobs,pods", "-n", namespace, "-o", "wide"),
        _said(kubectl, "describe", "loadtests", "-n", namespace),
        _said(kubectl, "get", "events", "-n", namespace, "--sort-by=.lastTimestamp"),
    ]
    managed = "app.kubernetes.io/managed-by=loadtest-operator"
    pods = kubectl.run("get", "pods", "-n", namespace, "-l", managed, "-o", "name").stdout.split()
    parts += [_said(kubectl, "logs", "-n", namespace, "--tail=40", "--all-containers", pod) for pod in pods]
    parts += [f"log of the {who}:\n{text}" for who, text in logs.items()]
    return "\n\n".join(parts)


def _said(kubectl: Kubectl, *words: str) -> str:
    done = kubectl.run(*words)
    return f"$ kubectl {' '.join(words)}\n{done.stdout}{done.stderr}"

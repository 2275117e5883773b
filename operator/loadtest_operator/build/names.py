"""Names and labels of everything that belongs to a run; deterministic, so that who creates twice finds the first."""

import hashlib
from dataclasses import dataclass, replace

GROUP = "loadtest.dev"
MANAGED_BY = "loadtest-operator"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_TEST = f"{GROUP}/test"
LABEL_TEST_UID = f"{GROUP}/test-uid"
LABEL_RUN = f"{GROUP}/run"
LABEL_ATTEMPT = f"{GROUP}/attempt"
LABEL_KUEUE = "kueue.x-k8s.io/queue-name"  # on a LoadTest: its workers go through that LocalQueue
LABEL_ROLE = f"{GROUP}/role"
LABEL_INSTANCE = f"{GROUP}/instance"
LABEL_ENVIRONMENT = f"{GROUP}/environment"  # marks a namespace as ours to fill and to delete
ANNOTATION_EXPIRES = f"{GROUP}/expires"
ANNOTATION_OWNER_NAMESPACE = f"{GROUP}/owner-namespace"
ANNOTATION_OWNER_NAME = f"{GROUP}/owner-name"
ANNOTATION_OWNER_UID = f"{GROUP}/owner-uid"
LABEL_SCHEDULE = f"{GROUP}/schedule"
LOCKS = f"lock.{GROUP}/"  # before the digest of what the run of a load pod keeps others from
ANNOTATION_LOAD_ENDS = f"{GROUP}/load-ends"  # by when this master ends the load, whatever happens
ANNOTATION_SCHEDULED_FOR = f"{GROUP}/scheduled-for"
ANNOTATION_RUN_REQUESTED = f"{GROUP}/run-requested"
ANNOTATION_STOP_REQUESTED = f"{GROUP}/stop-requested"
ANNOTATION_PLAN = f"{GROUP}/plan"
ANNOTATION_IMAGE = f"{GROUP}/image"  # our own, that the frozen inputs were written for

# An indexed Job's name, a dash and the highest index must be a DNS label: 63 less '-workers' and '-999'.
PREFIX_MAX = 51

CHILD_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY}"


@dataclass(frozen=True)
class RunRef:
    """One attempt of one run of one LoadTest."""

    namespace: str
    test: str
    uid: str
    number: int
    attempt: int = 1
    id: str = ""

    @property
    def prefix(self) -> str:
        """The stem of all child names. A test's name has at most 45 characters, so only the hundred thousandth run, or
        the thousandth with a second attempt, has to shorten it."""
        tail = f"-{self.number}" if self.attempt == 1 else f"-{self.number}-{self.attempt}"
        if len(self.test) + len(tail) <= PREFIX_MAX:
            return self.test + tail
        tail = f"-{hashlib.sha256(self.uid.encode()).hexdigest()[:6]}{tail}"
        return self.test[: PREFIX_MAX - len(tail)] + tail

    @property
    def master(self) -> str:
        return f"{self.prefix}-master"

    @property
    def workers(self) -> str:
        return f"{self.prefix}-workers"

    @property
    def service(self) -> str:
        """A Service's name is a DNS-1035 label: unlike all other names it cannot begin with a digit."""
        return self.master if self.master[0].isalpha() else f"lt-{self.master}"

    @property
    def config(self) -> str:
        return f"{self.prefix}-run"

    @property
    def network(self) -> str:
        """The attempt's NetworkPolicy."""
        return f"{self.prefix}-network"

    @property
    def before(self) -> str:
        """The hooks are the run's, whatever the attempt."""
        return f"{replace(self, attempt=1).prefix}-before"

    @property
    def after(self) -> str:
        return f"{replace(self, attempt=1).prefix}-after"

    @property
    def environment(self) -> str:
        """The ephemeral namespace of the run, whatever the attempt: 'lt-', the test, the run's number, and a digest
        that keeps tests of the same name in different namespaces apart; 63 characters at most."""
        digest = hashlib.sha256(f"{self.uid}/{self.number}/environment".encode()).hexdigest()[:8]
        return f"{f'lt-{self.test}-{self.number}'[:54].rstrip('-')}-{digest}"

    @property
    def fence(self) -> str:
        """What the attempt's token is derived from."""
        return f"{self.id}/{self.attempt}"


def run_id(test: str, uid: str, number: int) -> str:
    """Unique for ever: a re-created test has another UID, a re-run another number."""
    digest = hashlib.sha256(f"{uid}/{number}".encode()).hexdigest()[:10]
    return f"{test}-{number}-{digest}"


def lock_label(lock: str) -> str:
    """A lock is a name of any length and spelling; a label's key is not."""
    return LOCKS + hashlib.sha256(lock.encode()).hexdigest()[:16]


def labels(run: RunRef, role: str, instance: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "loadtest",
        LABEL_MANAGED_BY: MANAGED_BY,
        LABEL_INSTANCE: instance,
        LABEL_TEST: run.test,
        LABEL_TEST_UID: run.uid,
        LABEL_RUN: run.id,
        LABEL_ATTEMPT: str(run.attempt),
        LABEL_ROLE: role,
    }


def owner_reference(run: RunRef) -> dict[str, object]:
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "LoadTest",
        "name": run.test,
        "uid": run.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }

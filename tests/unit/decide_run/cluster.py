"""What lies around `decide`: the master, the pods and the API server; a plan is carried out at once, or refused."""

from copy import deepcopy
from dataclasses import replace

from loadtest_operator.build import names
from loadtest_operator.build.agent_config import SPEC_FILE
from loadtest_operator.decide import hookjobs, lingering
from loadtest_operator.decide.observed import Do
from loadtest_operator.model import quantities
from loadtest_operator.model.phases import Phase, Verdict

from tests.unit.decide_run import kstatus
from tests.unit.decide_run.figures import DURATION, MEASURED, STATES, judged

HOOKS = ("before", "after")
ROLES = {"master": "master", "workers": "worker", "before": "before", "after": "after"}


class Session:
    """What an operator process remembers of one attempt and loses when it ends."""

    def __init__(self, fence=""):
        self.fence = fence
        self.state = {}
        self.answered = self.silent_since = self.problem_since = None
        self.complete = False
        self.windows = 0
        self.frozen = None
        self.stored = None
        self.judgement = None
        self.judged_generation = 0
        self.store_problem = ""


class Cluster:
    def __init__(self, raw, now):
        self.now = now
        self.raw = raw
        self.objects = {}  # the run's, by kind and name
        self.agent = None  # the master's own state, None when there is no master
        self.reachable = True
        self.pods_linger = False  # told to go, but still there
        self.store = {}
        self.store_away = False
        self.verdict = None  # of whatever is judged next; None: what the limits say
        self.session = Session()
        self.written = []
        self.notes = []

    # -- what happens by itself

    def advance(self, state=None):
        """The master goes to the next state, or straight to a later one."""
        state = state or STATES[min(STATES.index(self.agent["state"]) + 1, len(STATES) - 1)]
        assert STATES.index(state) >= STATES.index(self.agent["state"]), "an agent never goes back"
        self.agent["state"] = state
        if STATES.index(state) >= STATES.index("Holding"):
            for pod in self.pods("worker"):
                pod["status"] = {"phase": "Succeeded"}
        if STATES.index(state) > 0:
            self.agent["workers"] = {"expected": 2, "connected": 2, "lost": 0}
        if STATES.index(state) >= STATES.index("Running") and "startedAt" not in self.agent:
            begun = self.now.timestamp()
            self.agent |= {"startedAt": begun, "endsAt": begun + DURATION, "users": {"target": 50, "running": 10}}
            self.agent["preflight"] = {"ok": True, "message": "GET / answered 200 after 0.012 s"}
            self.agent["recent"] = {"requests": 1952, "rps": 195.2, "p95": 0.183, "errorRate": 0.0}

    def start_pods(self):
        """The kubelet brings up every pod that waits, and the agent answers."""
        for pod in self.pods():
            if pod["status"]["phase"] == "Pending":
                pod["status"] = {"phase": "Running", "podIP": "10.0.0.7", "conditions": conditions(Ready="True")}
        if self.master() is not None and self.master()["status"]["phase"] == "Running" and self.agent is None:
            self.agent = {"state": "Loading", "workers": {"expected": 2, "connected": 0, "lost": 0}}

    def pods(self, role=None):
        pods = [item for (kind, _), item in self.objects.items() if kind == "Pod"]
        return [pod for pod in pods if role in (None, pod["metadata"]["labels"][names.LABEL_ROLE])]

    def master(self):
        run = self.raw["status"].get("run") or {}
        mine = [pod for pod in self.pods("master") if self._of_attempt(pod, run.get("id"), run.get("attempt"))]
        return mine[0] if mine else None

    @staticmethod
    def _of_attempt(item, run, attempt):
        labels = item["metadata"]["labels"]
        return (labels[names.LABEL_RUN], labels[names.LABEL_ATTEMPT]) == (run, str(attempt))

    def end_master(self, word=None, exit_code=3, reason="Error", phase="Failed"):
        """The master's container ends, with its last word or without one."""
        terminated = {"exitCode": exit_code, "reason": reason, "message": word or ""}
        self.master()["status"] = {
            "phase": phase,
            "containerStatuses": [{"name": "locust", "state": {"terminated": terminated}}],
        }
        self.agent = None

    def hook(self, role):
        """Its Job, when there is one of the run that the status tells of."""
        return self.objects.get(("Job", f"checkout-{self.raw['status']['run']['number']}-{role}"))

    def end_hook(self, role, words="", **told):
        """Its Job ends; badly, when it has last words, or when the Job says why."""
        job, ok = self.hook(role), not (words or told)
        told = {"type": "Complete" if ok else "Failed", "status": "True", "lastTransitionTime": stamp(self.now), **told}
        job["status"] = {"conditions": [told]}
        terminated = {"exitCode": 0 if ok else 1, "message": words}
        self.objects["Pod", f"{job['metadata']['name']}-0"]["status"] = {
            "phase": "Succeeded" if ok else "Failed",
            "containerStatuses": [{"name": role, "state": {"terminated": terminated} if ok or words else {}}],
        }

    def suspend_workers(self, *, suspend):
        """As Kueue does it; the Job controller deletes the pods of a suspended Job."""
        run = self.raw["status"]["run"]
        [job] = [
            job
            for job in of(self.objects.values(), "Job", "worker")
            if self._of_attempt(job, run["id"], run["attempt"])
        ]
        job["spec"]["suspend"] = suspend
        job["status"] = {"startTime": None if suspend else stamp(self.now)}
        if not suspend:
            self._make_pods(job)
            return
        for pod in self.pods("worker"):
            del self.objects["Pod", pod["metadata"]["name"]]

    def remove_master(self):
        del self.objects["Pod", self.master()["metadata"]["name"]]
        self.agent = None

    # -- what a plan asks for

    def execute(self, plan, seen):
        deleting = "deletionTimestamp" in self.raw["metadata"]
        assert not (deleting and (plan.create or plan.dry_run)), "nothing is created for an object that is going"
        for child in plan.stop:
            self._delete(child, seen)
        for body in plan.create:
            self._create(body, seen)
        for work in plan.do:
            self._do(work, seen)
        for child in plan.delete:
            self._delete(child, seen)
        if plan.status is not None:
            kstatus.check(plan.status, seen.generation)
            assert plan.status != self.raw["status"], "a status that says nothing new is not written"
            self.raw["status"] = deepcopy(plan.status)
            self.written.append(plan.status)
        self.notes += plan.notes

    def _create(self, body, seen):
        kind, metadata = body["kind"], body["metadata"]
        made = self.objects.setdefault((kind, metadata["name"]), {"kind": kind, "metadata": metadata, "status": {}})
        made["metadata"] = {**metadata, "uid": f"u-{metadata['name']}", "creationTimestamp": stamp(self.now)}
        if kind == "ConfigMap":
            made["spec"] = deepcopy(seen.frozen.raw if seen.frozen else self.raw["spec"])
            assert SPEC_FILE in body["data"]
        if kind == "Job" and metadata["labels"][names.LABEL_ROLE] in HOOKS:
            assert "conditions" not in made["status"], "made once"
        if kind == "Job":
            left = [one for one in seen.children.lingering if lingering.may_send(one, self.now)]
            assert not left, "nothing is started while what was to be over may still send load"
            made["spec"] = made.get("spec") or deepcopy(body["spec"])
            if not made["spec"].get("suspend"):
                self._make_pods(made)

    def _make_pods(self, job):
        for index in range(job["spec"].get("completions", 1)):
            name = f"{job['metadata']['name']}-{index}"
            pod = {"metadata": {**job["metadata"], "name": name, "creationTimestamp": stamp(self.now)}}
            self.objects.setdefault(("Pod", name), {"kind": "Pod", **pod, "status": {"phase": "Pending"}})

    def _do(self, work, seen):
        run = seen.run
        if work is Do.ACKNOWLEDGE:
            assert run.id in self.store, "acknowledged only after the commit"
            if self.agent is not None and self.reachable:
                self.agent["state"] = self.session.state["state"] = "Released"
                self.end_master('{"state": "Released"}', 0, "Completed", "Succeeded")
            return
        if work is Do.KEEP:
            assert seen.agent.windows, "there is something to keep"
            over = seen.phase is Phase.JUDGING
            self.store[run.id] = {**MEASURED, "attempt": run.attempt if over else run.attempt - 1}
            self.session.judgement, self.session.judged_generation = judged(Verdict.ERROR, "lost"), seen.generation
            return
        if work is Do.STOP:
            assert seen.stop_reason is not None, "why is written first"
            if self.agent is not None and self.reachable and self.agent["state"] == "Running":
                self.advance("Collecting")
            return
        assert seen.stored or seen.agent.complete, "only what is complete is judged"
        if self.store_away:
            self.session.store_problem = "the store is away"
            return
        if not seen.stored:
            self.store[run.id] = {**MEASURED, "attempt": run.attempt}
        self.session.judgement = hookjobs.weighed(seen, self._judgement(seen))
        self.session.judged_generation = seen.generation
        self.session.stored, self.session.store_problem = True, ""

    def _judgement(self, seen):
        if self.verdict is not None:
            return judged(self.verdict, f"it is {self.verdict}")
        limits = (seen.inputs.test or seen.frozen.test).spec.thresholds or ()
        crossed = any(one.fail_value is not None and MEASURED[one.metric] > one.fail_value for one in limits)
        return judged(Verdict.FAILED if crossed else Verdict.PASSED, thresholds=judged().thresholds[: len(limits)])

    def _delete(self, child, seen):
        kind, name = child["kind"], child["metadata"]["name"]
        run = seen.run
        if kind == "LoadTest":
            assert child["metadata"]["uid"] == self.raw["metadata"]["uid"]
            self.raw["metadata"]["deletionTimestamp"] = stamp(self.now)
            return
        attempts = [replace(run, attempt=attempt) for attempt in range(1, run.attempt + 1)]
        allowed = {name for one in attempts for name in (one.master, one.workers, one.service, one.config, one.network)}
        assert name in {*allowed, run.before, run.after}, "of this run alone"
        if self.objects.pop((kind, name), None) is None or kind != "Job":
            return
        role = ROLES[name.rpartition("-")[2]]
        for pod in [pod for pod in self.pods(role) if pod["metadata"]["name"].startswith(f"{name}-")]:
            if not self.pods_linger:
                del self.objects["Pod", pod["metadata"]["name"]]
        if role == "master" and name == run.master:
            self.agent = None


def of(objects, kind, role):
    return [item for item in objects if item["kind"] == kind and item["metadata"]["labels"][names.LABEL_ROLE] == role]


def frozen_image(config_map):
    return (config_map["metadata"].get("annotations") or {}).get(names.ANNOTATION_IMAGE, "")


def conditions(**found):
    return [{"type": name, "status": status} for name, status in found.items()]


def stamp(moment):
    return quantities.timestamp(moment)

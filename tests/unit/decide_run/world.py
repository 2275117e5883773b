"""A tiny cluster around `decide`: what a plan asks for happens at once, and what may never be asked for is refused."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from loadtest_operator.build import agent_config, names
from loadtest_operator.build.agent_config import SPEC_FILE
from loadtest_operator.build.pods import Images
from loadtest_operator.decide import hookjobs, lingering, retention, runkey
from loadtest_operator.decide.observed import Agent, Children, Do, Frozen, HookJobs, Inputs, Observed
from loadtest_operator.decide.queue import GO
from loadtest_operator.decide.run import decide, refused
from loadtest_operator.model import loadtest, quantities, supported
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.phases import Phase, Verdict

from tests.unit.decide_run import kstatus, leftovers
from tests.unit.decide_run.figures import DURATION, MEASURED, NOON, SPEC, STATES, judged, seconds

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


class World:
    def __init__(self, spec=None, annotations=None):
        self.now = NOON
        self.raw = {
            "apiVersion": "loadtest.dev/v1alpha1",
            "kind": "LoadTest",
            "metadata": {"name": "checkout", "namespace": "shop", "uid": "u-1", "generation": 1},
            "spec": deepcopy(spec or SPEC),
            "status": {"observedGeneration": -1},
        }
        self.raw["metadata"]["annotations"] = annotations or {}
        self.config_maps = {}  # the user's
        self.forbidden = ""  # what the installer's policy says
        self.fence = None  # and its fence
        self.image = "ours:1"  # of the operator that looks
        self.objects = {}  # the run's, by kind and name
        self.agent = None  # the master's own state, None when there is no master
        self.reachable = True
        self.unreadable = ""  # what the agent answers in place of its pages
        self.pods_linger = False  # told to go, but still there
        self.alone = {}  # since when, by name: lingering workers whose masters are gone
        self.load_ends = None  # of lingering masters
        self.store = {}
        self.store_away = False
        self.verdict = None  # of whatever is judged next; None: what the limits say
        self.session = Session()
        self.turn = GO  # what the queue says
        self.written = []
        self._inputs = {}
        self.notes = []

    # -- what happens from outside

    def edit(self, **changes):
        spec = {**self.raw["spec"], **changes}
        self.raw["spec"] = {key: value for key, value in spec.items() if value is not None}
        self.raw["metadata"]["generation"] += 1

    def request(self, value):
        self.raw["metadata"]["annotations"] = {
            **self.raw["metadata"]["annotations"],
            names.ANNOTATION_RUN_REQUESTED: value,
        }

    def stop(self, run=None):
        """As `kubectl annotate` does it."""
        run = run or self.raw["status"]["run"]["id"]
        self.raw["metadata"]["annotations"] = {
            **self.raw["metadata"]["annotations"],
            names.ANNOTATION_STOP_REQUESTED: run,
        }

    def restart(self):
        self.session = Session()

    def tick(self, count):
        self.now += seconds(count)

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

    # -- one look

    def look(self):
        """Observe, decide, execute; answers the plan."""
        seen = self.observe()
        plan = decide(seen, self.now)
        assert plan == decide(seen, self.now), "the same input gives the same plan"
        self.execute(plan, seen)
        return plan

    def settle(self, most=12):
        """Looks as long as a look is asked for at once."""
        for _ in range(most):
            plan = self.look()
            if plan.requeue_after != timedelta(0):
                return plan
        raise AssertionError("never settles: a plan asks for another look at once, again and again")

    def inputs(self):
        """Read once per generation and content, as the operator does."""
        key = (self.raw["metadata"]["generation"], repr(self.config_maps))
        if key not in self._inputs:
            self._inputs[key] = self._read_inputs()
        return self._inputs[key]

    def _read_inputs(self):
        spec = self.raw["spec"]
        try:
            test = loadtest.parse(self.raw)
        except InvalidSpec as error:
            return Inputs(invalid=str(error))
        if kept := retention.refusal(self.raw, test):
            return Inputs(invalid=kept)
        wanted = agent_config.config_map_names(spec)
        found = {name: self.config_maps[name] for name in wanted if name in self.config_maps}
        missing = "".join(f"ConfigMap {name} is not there: create it" for name in wanted if name not in found)
        unsupported = tuple(supported.unsupported(test.spec))
        files = {} if missing or unsupported else agent_config.scenario_files(spec, found)
        key = runkey.run_key(spec, found)
        told = {"unsupported": unsupported, "missing": missing, "unread": bool(missing), "forbidden": self.forbidden}
        return Inputs(test, files=files, run_key=key, **told)

    def observe(self):
        seen = Observed(deepcopy(self.raw), self.inputs(), images=Images(self.image), fence=self.fence, turn=self.turn)
        run = seen.run
        if run is None:
            return seen
        if self.session.fence != run.fence:
            self.session = Session(run.fence)
        everything = [
            deepcopy(item) for item in self.objects.values() if item["metadata"]["labels"][names.LABEL_RUN] == run.id
        ]
        mine = [item for item in everything if self._of_attempt(item, run.id, run.attempt)]
        hooks = [item for item in everything if item["metadata"]["labels"][names.LABEL_ROLE] in HOOKS]
        earlier = [item for item in everything if item["kind"] == "Job" and item not in mine and item not in hooks]
        children = Children(
            {role: job for role in ("master", "worker") for job in of(mine, "Job", role)},
            {role: tuple(of(mine, "Pod", role)) for role in ("master", "worker")},
            tuple(earlier),
            leftovers.lingering(self, run) if seen.phase is Phase.PREPARING else (),
        )
        self._ask(children)
        if self.session.judged_generation != seen.generation:
            self.session.judgement = None
        self._look_up(seen, run, children)
        session = self.session
        agent = Agent(deepcopy(session.state), session.answered, session.silent_since, session.complete, 17)
        told = {"problem": self.unreadable, "problem_since": session.problem_since, "windows": session.windows}
        return Observed(
            seen.raw,
            seen.inputs,
            frozen=self._frozen(seen, run),
            children=children,
            hooks=HookJobs(
                {role: job for role in HOOKS for job in of(hooks, "Job", role)},
                {role: tuple(of(hooks, "Pod", role)) for role in HOOKS},
            ),
            agent=replace(agent, **told),
            judgement=session.judgement,
            stored=bool(session.stored),
            store_problem=session.store_problem,
            token_sha256="0" * 64,
            images=seen.images,
            fence=seen.fence,
            turn=self.turn,
        )

    def _look_up(self, seen, run, children):
        wanted = seen.unsettled or children.master_end or seen.phase in {Phase.COLLECTING, Phase.JUDGING}
        if self.session.stored is None and wanted:
            if self.store_away:
                self.session.store_problem = "the store is away"
            else:
                self.session.stored = self.store.get(run.id, {}).get("attempt", 0) >= run.attempt
                self.session.store_problem = ""

    def _ask(self, children):
        if not children.master_running or self.session.state.get("state") == "Released":
            return
        if self.agent is None or not self.reachable:
            self.session.silent_since = self.session.silent_since or self.now
            return
        self.session.state = {**deepcopy(self.agent), "now": self.now.timestamp()}
        if self.unreadable:
            self.session.problem_since = self.session.problem_since or self.now
            return
        self.session.answered, self.session.silent_since, self.session.problem_since = self.now, None, None
        self.session.complete = self.session.complete or self.agent["state"] == "Holding"
        self.session.windows = 60 if self.agent.get("startedAt") else 0

    def _frozen(self, seen, run):
        found, inherited = self.objects.get(("ConfigMap", run.config)), False
        if found is None and run.attempt > 1:
            found, inherited = self.objects.get(("ConfigMap", replace(run, attempt=run.attempt - 1).config)), True
        if found is None or seen.phase is None or seen.phase.terminal or seen.phase is Phase.PENDING:
            return None
        if self.session.frozen is None:
            test = loadtest.parse({**self.raw, "spec": found["spec"]})
            self.session.frozen = Frozen(found["spec"], test, image=frozen_image(found))
        return replace(self.session.frozen, inherited=inherited)

    # -- the cluster

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

    def refuse(self, reason, message):
        """The API server refuses a child of the plan that the next look would carry out."""
        seen = self.observe()
        assert decide(seen, self.now).create
        plan = refused(seen, reason, message, self.now)
        self.execute(plan, seen)
        return plan

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

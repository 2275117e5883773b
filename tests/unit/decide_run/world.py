"""A LoadTest in a tiny cluster: what people do to it, and what the operator sees and decides."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from loadtest_operator.build import agent_config, names
from loadtest_operator.build.pods import Images
from loadtest_operator.decide import retention, runkey
from loadtest_operator.decide.observed import Agent, Children, Frozen, HookJobs, Inputs, Observed
from loadtest_operator.decide.queue import GO
from loadtest_operator.decide.run import decide, refused
from loadtest_operator.model import loadtest, supported
from loadtest_operator.model.errors import InvalidSpec
from loadtest_operator.model.phases import Phase

from tests.unit.decide_run import leftovers
from tests.unit.decide_run.cluster import HOOKS, Cluster, Session, frozen_image, of
from tests.unit.decide_run.figures import NOON, SPEC, seconds


class World(Cluster):
    def __init__(self, spec=None, annotations=None):
        metadata = {"name": "checkout", "namespace": "shop", "uid": "u-1", "generation": 1}
        super().__init__(
            {
                "apiVersion": "loadtest.dev/v1alpha1",
                "kind": "LoadTest",
                "metadata": metadata | {"annotations": annotations or {}},
                "spec": deepcopy(spec or SPEC),
                "status": {"observedGeneration": -1},
            },
            NOON,
        )
        self.config_maps = {}  # the user's
        self.forbidden = ""  # what the installer's policy says
        self.fence = None  # and its fence
        self.image = "ours:1"  # of the operator that looks
        self.unreadable = ""  # what the agent answers in place of its pages
        self.alone = {}  # since when, by name: lingering workers whose masters are gone
        self.load_ends = None  # of lingering masters
        self.turn = GO  # what the queue says
        self._inputs = {}

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

    def refuse(self, reason, message):
        """The API server refuses a child of the plan that the next look would carry out."""
        seen = self.observe()
        assert decide(seen, self.now).create
        plan = refused(seen, reason, message, self.now)
        self.execute(plan, seen)
        return plan

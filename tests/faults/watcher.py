"""What must hold after every step, whatever goes wrong. The first thing that does not ends the history."""

import traceback
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from loadtest_operator.decide import ticket
from loadtest_operator.model.phases import Phase
from loadtest_operator.store.base import StoredRun

from tests.faults import reading
from tests.faults.locusts import REQUESTS_PER_WINDOW, Master, Worker
from tests.faults.model import Change, Object

if TYPE_CHECKING:
    from tests.faults.process import Process
    from tests.faults.world import World

ORDER = list(Phase)
TEST_UID = "loadtest.dev/test-uid"
# The last request after a DELETE, with the operator down: the garbage collector alone.
DELETED_SECONDS = 10.0
TAKEN_DOWN_SECONDS = 20.0  # after an end that the operator has to bring about itself
COMMITS_MAX = 100  # of one run: each attempt once, after faults and restarts again, and for other limits
BACKOFF_SECONDS = 60.0  # a key that failed often in a row is looked at again after this


class Broken(Exception):
    """An invariant does not hold."""


class Watcher:
    def __init__(self, world: "World") -> None:
        self._world = world
        self.steps = 0
        self.broken: Broken | None = None
        self.story: list[str] = []
        self._workers: dict[str, dict[int, Worker]] = defaultdict(dict)  # by the LoadTest's UID
        self._makers: dict[str, Process] = {}  # by the UID of what is made before the Jobs
        self._commits: Counter[str] = Counter()
        self._left_jobs: set[str] = set()  # UIDs of LoadTests whose Jobs were there when they went
        self._over: dict[str, float] = {}  # since when, by run
        self._locks_of: dict[str, frozenset[str]] = defaultdict(frozenset)  # by run, as it was admitted

    def wrong(self, what: str, error: BaseException | None = None) -> None:
        if self.broken is None:
            more = "".join(traceback.format_exception(error)) if error else ""
            self.broken = Broken(f"at {self._world.now():.3f} s: {what}\n{more}")

    def tell(self, text: str) -> None:
        self.story.append(f"{self._world.now():9.3f}  {text}")

    # Load

    def load_changed(self, worker: Worker) -> None:
        loading = self._workers[worker.uid]
        if worker.users:
            loading[id(worker)] = worker
        else:
            loading.pop(id(worker), None)
        self.steps += 1
        if not loading:
            return
        self._sharing(worker)
        fences = {one.fence for one in loading.values()}
        if len(fences) > 1:
            self.wrong(f"two attempts load at once: {sorted(fences)}")
        users, asked = sum(one.users for one in loading.values()), worker.config["load"]["users"]
        if users > asked:
            self.wrong(f"{users} users instead of {asked} in {worker.fence}")

    def _sharing(self, worker: Worker) -> None:
        """What keeps others from a target does so until nothing can reach it any more."""
        mine = self._locks_of[reading.run(worker)]
        for uid, loading in self._workers.items():
            for other in loading.values() if uid != worker.uid else ():
                if shared := mine & self._locks_of[reading.run(other)]:
                    self.wrong(f"{worker.fence} and {other.fence} load at once, and both had {sorted(shared)}")

    def load_begins(self, master: Master) -> None:
        """Not for a run that has been over for a while, nor for a LoadTest that is gone."""
        world, run = self._world, master.config["run"]
        self.tell(f"load begins: {master.fence}")
        over = self._over.get(run["id"])
        begun = None if over is None else max(over, world.chance.last + BACKOFF_SECONDS)
        if begun is not None and world.now() > begun + TAKEN_DOWN_SECONDS:
            self.wrong(f"{master.fence} begins to load, and its run is over since {over:.3f} s")

    def loading(self, uid: str) -> list[str]:
        return sorted({one.fence for one in self._workers[uid].values()})

    def _load_ends(self, uid: str, within: float, what: str, *, calm: bool, run: str = "") -> None:
        """`calm`: the time counts from when nothing was wrong any more, and a backoff was over."""
        world, begun = self._world, self._world.now()

        def look() -> None:
            since = max(begun, world.kubelet.cut_until)  # a kubelet that hears nothing ends nothing
            until = (max(since, world.chance.last + BACKOFF_SECONDS) if calm else since) + within
            if world.now() < until - 1e-6:
                world.later(until - world.now(), look)
            elif fences := [fence for fence in self.loading(uid) if fence.startswith(run)]:
                self.wrong(f"{what} at {begun:.3f} s, and there is still load of {fences}")

        world.later(within, look)

    # Objects

    def hear(self, change: Change) -> None:
        self.steps += 1
        match change.plural:
            case "loadtests":
                self._test(change)
            case "configmaps" | "services" | "networkpolicies" if change.type == "ADDED" and self._world.writer:
                self._makers[change.object["metadata"]["uid"]] = self._world.writer
            case "pods" | "jobs":
                self._vanishes(change)
                name = change.object["metadata"]["name"]
                going = "going" if "deletionTimestamp" in change.object["metadata"] else ""
                phase = (change.object.get("status") or {}).get("phase", "")
                self.tell(f"{change.type} {change.plural} {name} {phase} {going}")

    def _vanishes(self, change: Change) -> None:
        """A Job by which somebody would have found what its LoadTest left; nobody was there to see it."""
        nobody = all(process.dead for process in self._world.processes.values())
        if change.plural == "jobs" and change.type == "DELETED" and nobody:
            self._left_jobs.discard(change.object["metadata"]["labels"].get(TEST_UID, ""))

    def _test(self, change: Change) -> None:
        metadata, name = change.object["metadata"], change.object["metadata"]["name"]
        uid = metadata["uid"]
        if change.type == "DELETED":
            self.tell(f"LoadTest {name} is gone")
            if any(job["metadata"]["labels"].get(TEST_UID) == uid for job in self._world.api.objects["jobs"].values()):
                self._left_jobs.add(uid)
            return
        if change.type == "ADDED":
            self.tell(f"LoadTest {name} is there")
            return
        old, new = (change.old or {}).get("status") or {}, change.object.get("status") or {}
        if old != new:
            run = new.get("run") or {}
            who = self._world.writer.number if self._world.writer else "-"
            text = f"run {run.get('number')}/{run.get('attempt')}: {new.get('message', '')[:110]}"
            self.tell(f"{name} by {who}: {old.get('phase')} -> {new.get('phase')} {new.get('verdict', '')} {text}")
            self._status(change.object, change.old or {}, old, new, uid)
            self._locks()

    def user_deleted(self, uid: str, propagation: str) -> None:
        """The objects that are left of it are looked at when the history ends."""
        orphaned = propagation == "Orphan"
        within = TAKEN_DOWN_SECONDS if orphaned else DELETED_SECONDS
        self._load_ends(uid, within, f"the LoadTest was deleted ({propagation})", calm=orphaned)

    def master_died(self, master: Master) -> None:
        """This attempt ends; another one may follow."""
        self._load_ends(master.uid, TAKEN_DOWN_SECONDS, "its master died", calm=True, run=master.fence)

    def _status(self, test: Object, before: Object, old: Object, new: Object, uid: str) -> None:
        name, was, phase = test["metadata"]["name"], old.get("run") or {}, new.get("run") or {}
        if new.get("phase") in reading.TERMINAL:
            self._ended(name, uid, new)
        if phase:
            self._locks_of[phase["id"]] = frozenset(phase.get("locks") or ())
        same_run = was.get("id") == phase.get("id")
        if was and not same_run:
            self._new_run(name, old, new)
        if was and phase.get("number", 0) < was.get("number", 0):
            self.wrong(f"{name}: run {was.get('number')} became run {phase.get('number')}")
        if not same_run or not old.get("phase"):
            return
        if old["phase"] in reading.TERMINAL:
            self._stays(name, old, new, test)
        elif self._backwards(was, phase, old["phase"], new["phase"]):
            self.wrong(f"{name}: {old['phase']} became {new['phase']} in {phase}")
        if new["phase"] == "Completed" and old["phase"] != "Completed":
            self._completed(name, new)

    def _locks(self) -> None:
        """Nobody shares what only one may have, whatever caches and lost answers say."""
        held: dict[str, str] = {}
        for test in self._world.api.objects["loadtests"].values():
            if not ticket.holds(test):
                continue
            name = test["metadata"]["name"]
            for lock in test["status"]["run"].get("locks") or ():
                if held.setdefault(lock, name) != name:
                    self.wrong(f"{held[lock]} and {name} both hold {lock}")

    def _ended(self, name: str, uid: str, new: Object) -> None:
        run, history = new["run"]["id"], [item["id"] for item in new.get("history") or ()]
        if history[:1] != [run] or len(history) != len(set(history)):
            self.wrong(f"{name}: {run} has ended, and the history is {history}")
        if run not in self._over:
            self._over[run] = self._world.now()
            self._load_ends(uid, TAKEN_DOWN_SECONDS, f"{run} ended", calm=True, run=run)

    @staticmethod
    def _backwards(was: Object, run: Object, old: str, new: str) -> bool:
        if run.get("attempt", 1) != was.get("attempt", 1):
            return bool(run.get("attempt", 1) < was.get("attempt", 1))
        if old in {"Preparing", "Queued"} and new in {"Pending", "Queued"}:  # edited before anything was frozen
            return False
        return ORDER.index(Phase(new)) < ORDER.index(Phase(old))

    def _new_run(self, name: str, old: Object, new: Object) -> None:
        """For a new key or request, one number higher; a run that has not begun may be admitted afresh. One that waited
        was asked for when it got in line."""
        was, run = old["run"], new.get("run") or {}
        asked = old.get("phase") == "Queued" or reading.request(old) != reading.request(new)
        if run.get("number") != was["number"] + 1:
            self.wrong(f"{name}: run {was['number']} is followed by {run.get('number')}")
        if run.get("runKey") == was["runKey"] and not asked:
            self.wrong(f"{name}: run {run.get('number')} was not asked for")
        if old.get("phase") not in reading.TERMINAL | {"Pending", "Queued", "Preparing"}:
            self.wrong(f"{name}: run {run.get('number')} begins in phase {old.get('phase')} of the one before")

    def _stays(self, name: str, old: Object, new: Object, test: Object) -> None:
        said, says = (old["phase"], old.get("verdict")), (new["phase"], new.get("verdict"))
        edited = old.get("observedGeneration") != test["metadata"]["generation"]
        unsettled = any(one["type"] == "Reconciling" for one in old.get("conditions") or ())
        gets_in_line = new["phase"] == "Queued" and reading.request(old) != reading.request(new)
        if said != says and not edited and not unsettled and not gets_in_line:
            self.wrong(f"{name}: {said} became {says}, and nobody asked for it")

    def _completed(self, name: str, new: Object) -> None:
        stored = self._world.shelf.runs.get(new["run"]["id"])
        if stored is None:
            self.wrong(f"{name}: Completed, and the store does not hold {new['run']['id']}")
        elif str(stored.judgement.verdict) != new.get("verdict"):
            self.wrong(f"{name}: {new.get('verdict')}, and the store says {stored.judgement.verdict}")

    # Results

    def committed(self, run: StoredRun, there: StoredRun | None) -> None:
        self.steps += 1
        self._commits[run.id] += 1
        if self._commits[run.id] > COMMITS_MAX:
            self.wrong(f"{run.id} is committed again and again")
        self.tell(f"committed {run.id} attempt {run.attempt} {run.judgement.verdict}")
        if there is not None and run.record is not None:
            kept = self._world.shelf.windows.get(run.id)
            if kept is not None and kept.attempt == run.record.attempt:
                first, then = reading.requests(kept), reading.requests(run.record)
                if first != then:
                    self.wrong(f"{run.id} was stored with {first} requests and then with {then}")

    def released(self, master: Master) -> None:
        """The master forgets its results now."""
        self.tell(f"released {master.fence}")
        run = master.config["run"]
        kept = self._world.shelf.windows.get(run["id"])
        wanted = len(master.windows()) * REQUESTS_PER_WINDOW
        if kept is None:
            self.wrong(f"{master.fence} was let go, and the store holds nothing of it")
        elif kept.attempt == run["attempt"] and reading.requests(kept) != wanted:
            self.wrong(f"{master.fence} was let go with {wanted} requests, the store has {reading.requests(kept)}")

    # At the end

    def unsettled(self) -> str:
        """What still has to happen; empty when every story has ended."""
        api = self._world.api
        for test in api.objects["loadtests"].values():
            if said := reading.unsettled(test):
                return said
            if fences := self.loading(test["metadata"]["uid"]):
                return f"{fences} load"
        for master in self._world.masters.values():
            if master.state == "Holding" and self._world.shelf.runs.get(master.config["run"]["id"]):
                return f"master {master.fence} was not let go"
        return self.left_over()

    def left_over(self) -> str:
        """An object that nobody owns and nobody will delete."""
        api = self._world.api
        tests = {test["metadata"]["uid"]: test for test in api.objects["loadtests"].values()}
        for plural in ("jobs", "pods", "services", "configmaps", "networkpolicies"):
            for item in api.objects[plural].values():
                labels = item["metadata"].get("labels") or {}
                uid = labels.get(TEST_UID)
                if uid and uid not in tests and not self._forgotten(item, uid):
                    return f"{plural} {item['metadata']['name']} has no LoadTest"
                owners = item["metadata"].get("ownerReferences") or ()
                if uid in tests and not any(one["uid"] in api.by_uid for one in owners):
                    return f"{plural} {item['metadata']['name']} has no owner"
        for item in api.objects["namespaces"].values():
            if "loadtest.dev/environment" in (item["metadata"].get("labels") or {}):
                return f"namespace {item['metadata']['name']} is there"
        return ""

    def _forgotten(self, item: Object, uid: str) -> bool:
        """Made by a process that died, and the LoadTest was orphaned while it had no Job: docs/roadmap.md."""
        maker = self._makers.get(item["metadata"]["uid"])
        return uid not in self._left_jobs and maker is not None and maker.dead

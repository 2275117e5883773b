"""Who is admitted, who is not, and what exactly starts a run."""

from datetime import timedelta

from loadtest_operator.build import names
from loadtest_operator.build.networkpolicy import Fence
from loadtest_operator.decide.observed import Plan
from loadtest_operator.model.conditions import Reason
from loadtest_operator.model.policy import PolicyRule

from tests.unit.decide_run import states
from tests.unit.decide_run.figures import SPEC
from tests.unit.decide_run.kstatus import CURRENT, FAILED, IN_PROGRESS, by_type, kstatus

FROM_CONFIG_MAP = {**SPEC, "scenario": {"locust": {"configMap": {"name": "script"}}}}
SCRIPT = {"locustfile.py": "import locust"}


def test_a_fresh_object_reads_as_in_progress_before_anybody_looked():
    assert kstatus(states.fresh().raw) == IN_PROGRESS


def test_the_first_look_fixes_number_and_id_before_anything_is_created():
    world = states.fresh()
    plan = world.look()
    assert not plan.create
    assert plan.requeue_after == timedelta(0)
    run = plan.status["run"]
    assert (run["number"], run["attempt"], run["workers"]) == (1, 1, 2)
    assert run["id"] == names.run_id("checkout", "u-1", 1)
    assert by_type(plan.status)["Admitted"]["status"] == "True"
    assert kstatus(world.raw) == IN_PROGRESS


def test_the_second_look_tries_the_pods_out_dry_then_creates_master_last_but_for_the_workers():
    world = states.preparing()
    plan = world.look()
    assert [body["metadata"]["labels"][names.LABEL_ROLE] for body in plan.dry_run] == ["master", "worker"]
    assert [body["kind"] for body in plan.create] == ["ConfigMap", "Service", "Job", "Job"]
    assert [body["metadata"]["name"] for body in plan.create[2:]] == ["checkout-1-master", "checkout-1-workers"]
    assert plan.status["phase"] == "Starting"


def test_an_invalid_spec_is_stalled_with_the_field_in_the_message_and_said_once():
    world = states.fresh({**SPEC, "load": {"users": 0, "duration": "5m"}})
    plan = world.look()
    assert plan.status["phase"] == "Pending"
    assert "spec.load.users" in plan.status["message"]
    assert by_type(plan.status)["Stalled"]["reason"] == "InvalidSpec"
    assert kstatus(world.raw) == FAILED
    assert [note.reason for note in plan.notes] == ["InvalidSpec"]
    assert world.look() == Plan()


def test_a_field_that_is_not_acted_on_is_refused_by_name():
    world = states.fresh({**SPEC, "environment": {"provision": {"image": "helm:4"}}})
    plan = world.look()
    stalled = by_type(plan.status)["Stalled"]
    assert stalled["reason"] == "NotSupportedYet"
    assert "spec.environment.provision" in stalled["message"]
    assert kstatus(world.raw) == FAILED


def test_what_policy_does_not_allow_is_stalled_before_anything_is_created():
    world = states.fresh()
    world.forbidden = "it asks for 50 users, and the default policy has maxUsers: 10"
    plan = world.look()
    assert plan.status["phase"] == "Pending"
    said = by_type(plan.status)
    assert (said["Stalled"]["reason"], said["Admitted"]["status"]) == ("PolicyRefused", "False")
    assert said["Stalled"]["message"] == world.forbidden
    assert "run" not in plan.status
    assert kstatus(world.raw) == FAILED
    assert world.look() == Plan()


def test_no_load_pod_is_ever_without_its_fence():
    world = states.fresh()
    world.fence = Fence(PolicyRule())
    world.settle()
    assert ("NetworkPolicy", "checkout-1-network") in world.objects
    kinds = [kind for kind, _ in world.objects]
    assert kinds.index("NetworkPolicy") < kinds.index("Job")
    world.raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.look()
    assert not [kind for kind, _ in world.objects if kind in {"NetworkPolicy", "Job"}]


def test_a_corrected_spec_is_admitted():
    world = states.fresh({**SPEC, "load": {"users": 0, "duration": "5m"}})
    world.look()
    world.edit(load=SPEC["load"])
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look().status["run"]["number"] == 1


def test_a_missing_config_map_is_waited_for():
    world = states.fresh(FROM_CONFIG_MAP)
    plan = world.look()
    assert by_type(plan.status)["Ready"]["reason"] == "InputMissing"
    assert "script" in plan.status["message"]
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.look() == Plan(requeue_after=timedelta(seconds=5))
    world.config_maps["script"] = SCRIPT
    assert world.look().status["phase"] == "Preparing"


def test_a_config_map_that_vanishes_after_its_run_and_comes_back_changes_nothing():
    world = states.fresh(FROM_CONFIG_MAP)
    world.config_maps["script"] = SCRIPT
    world.look()
    world.look()
    for state in ("Running", "Holding"):
        world.start_pods()
        world.advance(state)
        world.look()
    world.settle()
    assert world.raw["status"]["verdict"] == "Passed"
    world.config_maps = {}
    assert world.settle().status is None
    world.edit(queue={"priority": 5})
    world.settle()
    assert (world.raw["status"]["phase"], world.raw["status"]["verdict"]) == ("Completed", "Passed")
    assert kstatus(world.raw) == CURRENT
    world.config_maps["script"] = SCRIPT
    world.settle()
    assert world.raw["status"]["run"]["number"] == 1
    assert kstatus(world.raw) == CURRENT


def test_a_config_map_that_is_gone_does_not_hide_that_the_spec_is_another():
    world = states.fresh(FROM_CONFIG_MAP)
    world.config_maps["script"] = SCRIPT
    world.look()
    world.look()
    for state in ("Running", "Holding"):
        world.start_pods()
        world.advance(state)
        world.look()
    world.settle()
    world.config_maps = {}
    world.edit(load={"users": 60, "duration": "5m"})
    world.look()
    assert by_type(world.raw["status"])["Ready"]["reason"] == "InputMissing"
    assert "verdict" not in world.raw["status"]


def test_another_content_of_the_config_map_is_another_run():
    world = states.fresh(FROM_CONFIG_MAP)
    world.config_maps["script"] = SCRIPT
    first = world.look().status["run"]["runKey"]
    world.config_maps["script"] = {"locustfile.py": "import locust  # changed"}
    assert world.look().status["run"]["runKey"] != first


def test_a_request_that_is_there_at_creation_belongs_to_the_first_run():
    world = states.cleaned(annotations={names.ANNOTATION_RUN_REQUESTED: "today"})
    assert world.raw["status"]["lastHandledRunRequest"] == "today"
    assert world.look() == Plan()
    assert world.raw["status"]["run"]["number"] == 1


def test_a_new_request_starts_exactly_one_run_and_takes_the_old_results_away_at_once():
    world = states.cleaned()
    world.request("again")
    plan = world.look()
    assert plan.status["run"]["number"] == 2
    assert plan.status["lastHandledRunRequest"] == "again"
    assert not {"verdict", "summary", "endpoints", "thresholds", "validity"} & set(plan.status)
    assert [line["number"] for line in plan.status["history"]] == [1]
    assert kstatus(world.raw) == IN_PROGRESS
    world.look()
    assert world.raw["status"]["run"]["number"] == 2


def test_a_request_longer_than_the_status_can_hold_is_handled_once_too():
    world = states.cleaned()
    world.request("x" * 1000)
    world.look()
    world.restart()
    assert not world.observe().wants_another_run


def test_a_re_apply_changes_nothing():
    world = states.cleaned()
    world.edit()  # a generation without a difference, as the API server would not even give
    world.settle()
    written = len(world.written)
    assert world.look() == Plan()
    world.restart()
    assert world.look() == Plan()
    assert len(world.written) == written


def test_another_load_after_the_end_is_exactly_one_new_run():
    world = states.cleaned()
    world.edit(load={"users": 60, "duration": "5m"})
    plan = world.look()
    assert (plan.status["phase"], plan.status["run"]["number"]) == ("Preparing", 2)
    assert "verdict" not in plan.status


def test_a_new_key_while_running_waits_for_the_run_and_never_shows_old_green():
    world = states.running()
    world.edit(load={"users": 60, "duration": "5m"})
    world.tick(5)
    plan = world.look()
    assert not plan.delete
    assert plan.status["phase"] == "Running"
    assert plan.status["observedGeneration"] == 2
    for state in ("Collecting", "Holding"):
        world.advance(state)
        world.look()
    since = len(world.written)
    world.settle(20)
    assert world.raw["status"]["run"]["number"] == 2
    for status in world.written[since:]:
        found = by_type(status)
        assert found["Ready"]["status"] == "Unknown"
        assert found["Passed"]["status"] == "Unknown"
        assert found["Completed"]["status"] == "False"
    assert [line["verdict"] for line in world.raw["status"]["history"]] == ["Passed"]


def test_the_run_before_leaves_nothing_in_the_cluster_when_the_next_one_begins():
    world = states.completed()
    world.request("again")
    world.look()
    assert not [name for _, name in world.objects if name.startswith("checkout-1")]


def test_an_invalid_spec_after_the_end_lets_the_old_master_go():
    world = states.completed()
    world.edit(load={"users": 0, "duration": "5m"})
    world.look()
    assert kstatus(world.raw) == FAILED
    assert not world.objects


def test_a_spec_that_changes_before_anything_was_created_is_admitted_afresh():
    world = states.preparing()
    world.edit(load={"users": 60, "duration": "5m"})
    plan = world.look()
    assert not plan.create
    assert plan.status["phase"] == "Preparing"
    assert plan.status["run"]["runKey"] == world.inputs().run_key


def test_a_spec_that_changes_between_creation_and_status_runs_as_it_was_frozen():
    world = states.preparing()
    written = world.raw["status"]
    world.look()
    world.raw["status"] = written  # the operator died before its status write
    world.restart()
    world.edit(load={"users": 60, "duration": "5m"})
    plan = world.look()
    assert plan.status["phase"] == "Starting"
    assert world.observe().frozen.test.spec.load.users == 50
    assert "ConfigMap" not in [body["kind"] for body in plan.create]


def test_a_child_that_is_refused_is_told_and_tried_again_until_the_start_timeout():
    world = states.preparing()
    plan = world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota: pods")
    assert plan.status["phase"] == "Preparing"
    assert by_type(plan.status)["Ready"]["reason"] == "QuotaExceeded"
    assert kstatus(world.raw) == IN_PROGRESS
    assert world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota: pods").status is None
    world.tick(181)
    plan = world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota: pods")
    assert plan.status["phase"] == "Error"
    assert kstatus(world.raw) == FAILED


def test_room_in_the_quota_lets_the_run_go_on():
    world = states.preparing()
    world.refuse(Reason.QUOTA_EXCEEDED, "exceeded quota: pods")
    world.tick(10)
    assert world.look().status["phase"] == "Starting"
    assert by_type(world.raw["status"])["Ready"]["reason"] == "Starting"

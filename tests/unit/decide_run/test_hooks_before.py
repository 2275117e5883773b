"""The Job before the load: no load at all before it has ended, and what its failure means."""

from tests.unit.decide_run import states
from tests.unit.decide_run.hooking import AFTER, BEFORE, seeding, spec, told
from tests.unit.decide_run.kstatus import FAILED, by_type, kstatus


def test_no_load_pod_is_made_before_the_hook_has_ended():
    world = seeding()
    assert world.raw["status"]["phase"] == "Preparing"
    assert world.raw["status"]["message"] == "hooks.before is running"
    assert [name for kind, name in world.objects if kind == "Job"] == ["checkout-1-before"]
    world.restart()
    assert not world.look().create
    world.end_hook("before")
    world.look()
    assert world.raw["status"]["phase"] == "Starting"
    assert told(world)["status"] == "True"


def test_hooks_are_tried_out_dry_before_anything_is_made():
    world = states.preparing(spec(before=BEFORE, after=AFTER))
    plan = world.look()
    assert [body["kind"] for body in plan.create] == ["ConfigMap"]
    names = [body["metadata"]["name"] for body in plan.dry_run]
    assert {"checkout-1-before-dry-run", "checkout-1-after-dry-run"} < set(names)


def test_a_failing_hook_ends_the_run_with_its_last_words_and_its_job_stays_for_the_log():
    world = seeding()
    world.end_hook("before", "psql: connection refused")
    world.settle()
    assert by_type(world.raw["status"])["Stalled"]["reason"] == "HookFailed"
    assert world.raw["status"]["message"] == "hooks.before ended with exit code 1: psql: connection refused"
    assert told(world)["status"] == "False"
    assert kstatus(world.raw) == FAILED
    assert [kind for kind, _ in world.objects] == ["Job", "Pod"]
    world.tick(3700)
    world.look()
    assert not world.objects


def test_a_hook_that_takes_too_long_is_told_with_its_limit_and_what_kept_it():
    world = seeding()
    pod = world.objects["Pod", "checkout-1-before-0"]
    waiting = {"reason": "ErrImagePull", "message": "manifest unknown"}
    pod["status"]["containerStatuses"] = [{"name": "before", "state": {"waiting": waiting}}]
    world.look()
    assert "ErrImagePull" in world.raw["status"]["message"]
    world.end_hook("before", reason="DeadlineExceeded", message="Job was active longer than specified deadline")
    world.objects.pop(("Pod", "checkout-1-before-0"))
    world.settle()
    assert world.raw["status"]["phase"] == "Error"
    message = world.raw["status"]["message"]
    assert message.startswith(
        "hooks.before did not end within 5m (hooks.before.timeout); pod checkout-1-before-0: ErrIm"
    )


def test_what_kept_it_outlives_the_pod_that_the_kubelet_ends_without_having_started_it():
    world = seeding()
    pod = world.objects["Pod", "checkout-1-before-0"]
    waiting = {"reason": "ErrImagePull", "message": "manifest unknown"}
    pod["status"]["containerStatuses"] = [{"name": "before", "state": {"waiting": waiting}}]
    world.look()
    unknown = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "The container could not be located"}
    pod["status"] = {"phase": "Failed", "containerStatuses": [{"name": "before", "state": {"terminated": unknown}}]}
    world.look()
    assert "ErrImagePull" in world.raw["status"]["message"]
    world.end_hook("before", reason="DeadlineExceeded", message="Job was active longer than specified deadline")
    pod["status"] = {"phase": "Failed", "containerStatuses": [{"name": "before", "state": {"terminated": unknown}}]}
    world.settle()
    message = world.raw["status"]["message"]
    assert message.endswith("; pod checkout-1-before-0: ErrImagePull: manifest unknown")


def test_its_last_words_are_waited_for_a_moment():
    world = seeding()
    world.end_hook("before", reason="BackoffLimitExceeded", message="Job has reached the specified backoff limit")
    world.look()
    assert world.raw["status"]["phase"] == "Preparing"
    world.tick(6)
    world.settle()
    assert "backoff limit" in world.raw["status"]["message"]


def test_a_job_that_cannot_end_its_pod_does_not_hold_the_run():
    world = seeding()
    world.tick(361)
    world.settle()
    assert world.raw["status"]["phase"] == "Error"
    assert "did not end within 5m" in world.raw["status"]["message"]
    assert not world.objects


def test_a_second_attempt_finds_what_the_first_one_had_seeded():
    world = seeding()
    world.end_hook("before")
    world.look()
    world.start_pods()
    world.advance("Running")
    world.settle()
    world.remove_master()
    world.settle()
    assert world.raw["status"]["run"]["attempt"] == 2
    assert world.hook("before")
    assert world.raw["status"]["phase"] == "Starting"
    assert [name for kind, name in world.objects if kind == "Job"].count("checkout-1-before") == 1


def test_a_run_without_hook_after_that_is_stopped_while_the_one_before_runs_leaves_nothing():
    world = seeding()
    world.stop()
    world.settle()
    assert world.raw["status"]["phase"] == "Cancelled"
    assert not world.objects
